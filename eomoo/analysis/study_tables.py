"""A study's tables: medians and quartiles, tests, ranks; as CSV, LaTeX and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.analysis.statistics import RankTest, pairwise_tests, rank_test
from eomoo.analysis.studies import StudyResults, indicator_frame
from eomoo.errors import SettingError
from eomoo.files import atomic_path, write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "StudyTables",
    "comparison_frame",
    "quartiles",
    "rank_table",
    "study_tables",
    "summary_frame",
    "to_latex",
    "write_csv",
]

_GROUP = ["problem", "evaluations"]


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """Everything that ``eomoo study show`` says.

    Attributes:
        results: What was read from the store.
        runs: Every indicator of every run, see ``indicator_frame``.
        summary: Median and quartiles of each indicator, by problem, evaluations and label.
        tests: Every pair of algorithms at equal cost, by problem, evaluations and indicator.
        ranks: By number of evaluations: algorithms ranked over problems by hypervolume.
    """

    results: StudyResults
    runs: pd.DataFrame
    summary: pd.DataFrame
    tests: pd.DataFrame
    ranks: dict[int, RankTest]

    @property
    def content(self) -> dict[str, Any]:
        """All but the single runs, ready for JSON."""
        return {
            "title": self.results.title,
            "problems": [
                {
                    "name": p.name,
                    "objectives": p.objectives.to_dict()["objectives"],
                    "ideal_point": p.objectives.raw(p.box.ideal),
                    "reference_point": p.objectives.raw(p.box.reference),
                    "reference_front": "true" if p.reference_is_true else "best known",
                    "runs": len(p.runs),
                }
                for p in self.results.problems
            ],
            "summary": self.summary.to_dict(orient="records"),
            "tests": self.tests.to_dict(orient="records"),
            "ranks": [{"evaluations": n, **asdict(test)} for n, test in self.ranks.items()],
        }


def study_tables(results: StudyResults, *, at: Sequence[int] = ()) -> StudyTables:
    """All tables of a study, at its budgets or at other numbers of evaluated cells."""
    runs = indicator_frame(results, at=at)
    return StudyTables(
        results=results,
        runs=runs,
        summary=summary_frame(runs, results),
        tests=comparison_frame(runs, results),
        ranks=rank_table(runs, results),
    )


def quartiles(values: ArrayLike) -> tuple[float, float, float]:
    """First quartile, median and third quartile of values (n,); infinite ones are allowed."""
    sample = np.asarray(values, dtype=np.float64)
    method = "linear" if np.isfinite(sample).all() else "nearest"
    q25, q50, q75 = np.quantile(sample, [0.25, 0.5, 0.75], method=method)  # type: ignore[call-overload]
    return float(q25), float(q50), float(q75)


def summary_frame(runs: pd.DataFrame, results: StudyResults) -> pd.DataFrame:
    """Columns problem, evaluations, label, indicator, n, median, q25, q75."""
    import pandas as pd

    rows = []
    for (problem, n), group in runs.groupby(_GROUP, sort=False):
        for indicator in _indicators(group, results):
            for label, values in _samples(group, indicator, results.labels).items():
                q25, median, q75 = quartiles(values)
                rows.append((problem, n, label, indicator, len(values), median, q25, q75))
    columns = [*_GROUP, "label", "indicator", "n", "median", "q25", "q75"]
    return pd.DataFrame(rows, columns=columns)


def comparison_frame(runs: pd.DataFrame, results: StudyResults, *, alpha: float = 0.05) -> pd.DataFrame:
    """Pairwise comparisons at equal cost.

    Holm's correction counts the pairs of one problem, number of evaluations and indicator.

    Returns:
        Columns problem, evaluations, indicator, first, second, median_first, median_second, u, p,
        p_holm, a12, magnitude, better (a label; "" where the corrected p is not below ``alpha``, or where
        neither direction is better).
    """
    import pandas as pd

    columns = [*_GROUP, "indicator", "first", "second", "median_first", "median_second"]
    columns += ["u", "p", "p_holm", "a12", "magnitude", "better"]
    rows = []
    for (problem, n), group in runs.groupby(_GROUP, sort=False):
        for indicator in _indicators(group, results):
            larger = results.columns[indicator].larger_is_better
            samples = _samples(group, indicator, results.labels)
            for test in pairwise_tests(samples):
                ahead = test.first if (test.a12 > 0.5) == larger else test.second
                better = ahead if test.p_holm < alpha and larger is not None else ""
                medians = [float(quartiles(samples[name])[1]) for name in (test.first, test.second)]
                rows.append((problem, n, indicator, test.first, test.second, *medians, test.u, test.p,
                             test.p_holm, test.a12, test.magnitude, better))  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def rank_table(
    runs: pd.DataFrame, results: StudyResults, *, indicator: str = "hypervolume", alpha: float = 0.05
) -> dict[int, RankTest]:
    """Algorithms ranked over problems by their median, for each number of evaluations.

    An algorithm takes part when it was run on every problem that has that number of evaluations.
    """
    found = {}
    for n, group in runs.groupby("evaluations", sort=True):
        medians = group.groupby(["problem", "label"], sort=False)[indicator].median().unstack()
        complete = medians.dropna(axis=1)
        labels = [label for label in results.labels if label in complete]
        if len(labels) > 1:
            scores = results.columns[indicator].minimise(complete[labels].to_numpy(dtype=np.float64))
            found[int(str(n))] = rank_test(labels, scores, alpha=alpha)
    return found


def write_csv(tables: StudyTables, folder: Path) -> list[Path]:
    """Write ``runs.csv``, ``summary.csv``, ``tests.csv`` and ``ranks.csv``."""
    import pandas as pd

    ranks = [
        (n, label, rank, test.n_problems, test.statistic, test.p, test.critical_difference)
        for n, test in tables.ranks.items()
        for label, rank in zip(test.names, test.mean_ranks, strict=True)
    ]
    columns = ["evaluations", "label", "mean_rank", "n_problems", "friedman", "p", "critical_difference"]
    frames = {
        "runs.csv": tables.runs,
        "summary.csv": tables.summary,
        "tests.csv": tables.tests,
        "ranks.csv": pd.DataFrame(ranks, columns=columns),
    }
    for name, frame in frames.items():
        with atomic_path(folder / name) as path:
            frame.to_csv(path, index=False)
    return [folder / name for name in frames]


def to_latex(tables: StudyTables, indicators: Sequence[str]) -> str:
    r"""Tables for a paper (package booktabs): medians with quartiles, the best in bold, and the tests.

    Args:
        tables: The study's tables.
        indicators: Names of the indicators to show.
    """
    check_indicators(indicators, tables)
    parts = []
    for (problem, n), group in tables.summary.groupby(_GROUP, sort=False):
        tests = tables.tests
        mine = tests[(tests["problem"] == problem) & (tests["evaluations"] == n)]
        where = f"{problem}, {n:,} distinct cells evaluated"
        parts.append(_latex_medians(group, indicators, tables.results, where))
        if len(mine):
            parts.append(_latex_tests(mine[mine["indicator"].isin(indicators)], tables.results, where))
    return "\n".join(parts)


def write_latex(tables: StudyTables, indicators: Sequence[str], path: Path) -> None:
    """Write ``to_latex`` to a file."""
    write_text(path, to_latex(tables, indicators))


def check_indicators(indicators: Sequence[str], tables: StudyTables) -> None:
    """Raise SettingError when one is not among the study's."""
    known = tables.summary["indicator"].unique().tolist()
    for name in indicators:
        if name not in known:
            raise SettingError(f"the study has no indicator {name!r}; it has {', '.join(known)}")


def _indicators(group: pd.DataFrame, results: StudyResults) -> list[str]:
    return [name for name in results.columns if name in group and group[name].notna().any()]


def _samples(group: pd.DataFrame, indicator: str, labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """An indicator's values (seeds,) by label, of the algorithms that have it."""
    found = {}
    for label in labels:
        values = group.loc[group["label"] == label, indicator].to_numpy(dtype=np.float64)
        if len(values) and not np.isnan(values).any():
            found[label] = values
    return found


def _latex_medians(group: pd.DataFrame, indicators: Sequence[str], results: StudyResults, where: str) -> str:
    shown = [name for name in indicators if (group["indicator"] == name).any()]
    lines = [r"\begin{table}", rf"\caption{{{_escape(where)}: median and quartiles over seeds.}}"]
    lines += [r"\begin{tabular}{l" + "r" * len(shown) + "}", r"\toprule"]
    titles = [_escape(results.columns[name].title) for name in shown]
    lines += [" & ".join(["algorithm", *titles]) + r" \\", r"\midrule"]
    best = {name: _best_median(group, name, results) for name in shown}
    for label in dict.fromkeys(group["label"]):
        cells = [_escape(str(label))]
        for name in shown:
            row = group[(group["label"] == label) & (group["indicator"] == name)]
            cells.append(_latex_cell(row, best[name]))
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _latex_cell(row: pd.DataFrame, best: float) -> str:
    if not len(row):
        return "--"
    median, q25, q75 = (float(row[name].iloc[0]) for name in ("median", "q25", "q75"))
    text = rf"\textbf{{{median:.4g}}}" if median == best else f"{median:.4g}"
    return rf"{text} {{\small [{q25:.4g}, {q75:.4g}]}}"


def _latex_tests(tests: pd.DataFrame, results: StudyResults, where: str) -> str:
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escape(where)}: Mann--Whitney $U$, Holm's correction, Vargha and Delaney's "
        r"$\hat{A}_{12}$.}",
        r"\begin{tabular}{lllrrrrl}",
        r"\toprule",
        r"indicator & first & second & $U$ & $p$ & $p$ (Holm) & $\hat{A}_{12}$ & effect \\",
        r"\midrule",
    ]
    for row in tests.to_dict(orient="records"):
        title = results.columns[str(row["indicator"])].title
        names = [_escape(str(text)) for text in (title, row["first"], row["second"])]
        numbers = [f"{row['u']:g}", f"{row['p']:.3g}", f"{row['p_holm']:.3g}", f"{row['a12']:.2f}"]
        lines.append(" & ".join([*names, *numbers, str(row["magnitude"])]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _best_median(group: pd.DataFrame, indicator: str, results: StudyResults) -> float:
    medians = group.loc[group["indicator"] == indicator, "median"]
    return results.columns[indicator].best(medians.to_numpy())


def _escape(text: str) -> str:
    for mark in ("\\", "&", "%", "$", "#", "_", "{", "}"):
        text = text.replace(mark, r"\textbackslash " if mark == "\\" else "\\" + mark)
    return text.replace("<=", r"$\leq$").replace(">=", r"$\geq$")
