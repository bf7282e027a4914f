"""The page that says which published claims hold, written from a study's store: Markdown and violins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eomoo.analysis import ProblemResults, StudyResults, magnitude, plot_violins, quartiles
from eomoo.arrays import Floats
from eomoo.esann2024.verdict import (
    ALPHA,
    AS_PUBLISHED,
    Comparison,
    Finding,
    Samples,
    find,
    measures,
    pairs_of,
    samples_of,
)
from eomoo.files import atomic_path, write_text
from eomoo.plots import COLORS, new_figure

_SHOWN_SEARCH = 1000
"""The pair of which the paper reports a test: 1,000 evaluations against 3,000."""


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What was published; ``expects`` is the side that it says to be ahead, "" for no worse."""

    key: str
    title: str
    text: str
    expects: str


_CLAIMS = (
    _Claim(
        key="diversity",
        title="Diversity",
        text="A surrogate start finds more diverse fronts (published mean Pareto distance, medians 1.95 "
        "against 0.75 at 500 : 2500, and 0.92 against 0.51 at 2000 : 4000).",
        expects="surrogate",
    ),
    _Claim(
        key="accuracy", title="Best accuracy", text="Random starts reach the better best accuracy.", expects="random"
    ),
    _Claim(
        key="time",
        title="Best training time",
        text="A surrogate start finds training times that are as good or better at less search "
        "(means 565.7 s against 576.2 s at 1000 : 3000).",
        expects="",
    ),
)
_SIGNIFICANCE = (
    "The difference in best training time at 1000 : 3000 is not significant (30 seeds, Mann-Whitney U = 400, p = .464)."
)


def write_verdict(results: StudyResults, out: Path) -> list[Path]:
    """Write the page, and a figure of violins for each problem into the folder ``figures`` beside it.

    Args:
        results: A study of the form of data-centric.
        out: The page, a name that ends in .md; or a folder, for ``verdict.md`` in it.

    Raises:
        SettingError: The study does not compare surrogate with random starts as published.
    """
    page = out if out.suffix == ".md" else out / "verdict.md"
    samples = samples_of(results)
    written = []
    for mine in samples:
        path = page.parent / "figures" / f"{mine.problem.problem.name}-violins.png"
        _draw(mine, path)
        written.append(path)
    write_text(page, verdict_page(results, samples))
    return [page, *written]


def verdict_page(results: StudyResults, samples: Sequence[Samples]) -> str:
    """The page as Markdown."""
    found = {
        mine.problem.name: {
            claim: [find(mine, measure) for measure in each] for claim, each in measures(mine.problem).items()
        }
        for mine in samples
    }
    lines = [
        "# Does a data-centric start help? The published comparison, run again",
        "",
        "Written by `eomoo study verdict DIR --out PAGE.md` from the store of `eomoo study run data-centric "
        "--out DIR`. Nothing on this page is typed by hand except what is said to be published.",
        "",
        *_summary(found),
        *_method(results, samples),
    ]
    for claim in _CLAIMS:
        lines += [f"## {claim.title}", "", f"Published: {claim.text}", ""]
        for mine in samples:
            lines += _claim_tables(claim.key, mine, found[mine.problem.name][claim.key])
        if claim.key == "diversity":
            lines += _why_diversity(samples)
    lines += ["## Significance", "", f"Published: {_SIGNIFICANCE}", "", *_significance(found), ""]
    lines += ["## Hypervolume: which front is better as a whole", ""]
    for mine in samples:
        lines += _claim_tables("hypervolume", mine, found[mine.problem.name]["hypervolume"])
    lines += ["## Figures", ""]
    for mine in samples:
        name = mine.problem.problem.name
        lines += [f"![{name}: violins of all pairs](figures/{name}-violins.png)", ""]
    lines += _how_to_check(results)
    return "\n".join(lines)


def _summary(found: dict[str, dict[str, list[Finding]]]) -> Iterator[str]:
    yield "## In short"
    yield ""
    yield "| claim | problem | as published | right, at equal cost | verdict |"
    yield "|---|---|---|---|---|"
    for claim in _CLAIMS:
        for problem, findings in found.items():
            published, right = _main(findings[claim.key])
            row = [claim.title, problem, published.outcome, right.outcome, _verdict(claim, published, right)]
            yield f"| {' | '.join(row)} |"
    for problem, findings in found.items():
        before, now = (_shown_pair(finding) for finding in _main(findings["time"]))
        row = ["Significance", problem, _test(before), _test(now), _significance_verdict(before, now)]
        yield f"| {' | '.join(row)} |"
    yield ""
    yield (
        '"Ahead" counts the pairs of equal cost in which both sides search and the difference is '
        f"significant (p < {ALPHA} after Holm's correction). A claim holds where its side is ahead in all "
        "of them; that of training time, which says as good or better, where random is ahead in none. On a "
        "problem without training time its second objective stands for it. An artefact is a claim that the "
        "published code's own figures support here and the right ones do not."
    )
    yield ""


def _method(results: StudyResults, samples: Sequence[Samples]) -> Iterator[str]:
    first = samples[0].problem
    pairs = pairs_of(first)
    seeds = sorted({run.seed for run in first.runs})
    settings = {k: v for k, v in first.runs[0].settings.items() if k not in ("init", "n_train", "algorithm")}
    whole = [
        (len(trace.cells), run.budget)
        for mine in samples
        for run, trace in zip(mine.problem.runs, mine.problem.traces, strict=True)
    ]
    exact = sum(n == budget for n, budget in whole)
    yield "## What was compared"
    yield ""
    yield (
        f"Pareto Local Search ({', '.join(f'{k} = {v}' for k, v in settings.items())}), begun from a "
        f"surrogate's Pareto front or from random cells, {len(seeds)} seeds ({', '.join(map(str, seeds))}). "
        "A budget counts every distinct cell evaluated, the surrogates' training cells and the starts "
        f"included; {exact:,} of {len(whole):,} runs spent their budget exactly."
    )
    yield ""
    yield "| pair (surrogate : random) | cells evaluated by each | of them by the surrogate start's search |"
    yield "|---|---|---|"
    for pair in pairs:
        yield f"| {_pair(pair.search, pair.budget)} | {pair.budget:,} | {pair.search:,} |"
    yield ""
    yield (
        "- *As published*: the same starts go through the published search, with its errors, its "
        "neighbourhood of 7-vertex cells and its way of counting, and through the published indicators "
        "(module `eomoo.esann2024.published_search`)."
    )
    yield (
        "- *Right*: the deduplicated front of all cells that were paid for, training cells included; raw "
        "values; every pair at equal cost."
    )
    yield "- *Without the training cells*: the same, but a surrogate start's result is only what it searched."
    yield (
        "- *Tests*: Mann-Whitney U of the surrogate start's values, two-sided; Holm's correction over the "
        "pairs of a table; A12 is the probability that the surrogate start's value is the larger one. At "
        f"{_pair(0, pairs[0].budget)} the surrogate start has nothing left to search with (as published: "
        "20 picks, unfiltered, never evaluated by anybody's budget); that pair is shown and not counted."
        if pairs[0].search == 0
        else "- *Tests*: Mann-Whitney U of the surrogate start's values, two-sided; Holm's correction over "
        "the pairs of a table; A12 is the probability that the surrogate start's value is the larger one."
    )
    yield ""
    for mine in samples:
        yield from _problem_facts(mine.problem)
    yield ""


def _problem_facts(problem: ProblemResults) -> Iterator[str]:
    row = problem.problem
    objectives = " and ".join(o.label for o in row.objectives)
    text = f"- `{problem.name}`: {objectives}; card SHA-256 `{row.digest[:16]}`"
    notes = [run.extra["surrogate"] for run in problem.runs if "surrogate" in run.extra]
    if notes:
        rho = np.array([note["spearman"][:2] for note in notes])
        fronts = np.array([note["predicted_front"] for note in notes])
        text += (
            f". Surrogates of {notes[0]['n_train']:,} cells: held-out Spearman, medians "
            f"{np.median(rho[:, 0]):.3f} and {np.median(rho[:, 1]):.3f}; predicted front "
            f"{fronts.min()} to {fronts.max()} cells, fewer than 20 in {int((fronts < 20).sum())} of "
            f"{len(fronts)} runs"
        )
    yield text + "."


def _claim_tables(key: str, samples: Samples, findings: Sequence[Finding]) -> Iterator[str]:
    yield f"### {samples.problem.name}"
    yield ""
    columns = [key, "pair", "surrogate: median (quartiles)", "random: median (quartiles)"]
    columns += ["U", "p", "p (Holm)", "A12", "ahead"]
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for finding in findings:
        for c in finding.comparisons:
            a, b = (_quartiles(values) for values in (c.surrogate, c.random))
            ahead = c.ahead or "-"
            numbers = f"{c.u:g} | {_p(c.p)} | {_p(c.p_holm)} | {c.a12:.2f} ({magnitude(c.a12)})"
            pair = _pair(c.pair.search, c.pair.budget)
            yield f"| {finding.measure.title} | {pair} | {a} | {b} | {numbers} | {ahead} |"
    yield ""
    for finding in findings:
        yield f"- {finding.measure.title}: {finding.outcome}."
    yield ""


def _why_diversity(samples: Sequence[Samples]) -> Iterator[str]:
    """What the published figure follows, over all runs."""
    from scipy.stats import spearmanr

    yield (
        "The published figure adds a distance only when it exceeds the largest so far, and divides by the "
        "number of records on the front, repetitions included. Over all runs, Spearman's correlation of it"
    )
    yield ""
    for mine in samples:
        published = mine.frame[f"mean_pareto_distance{AS_PUBLISHED}"]
        records = spearmanr(published, 1.0 / mine.frame[f"front_size{AS_PUBLISHED}"]).statistic
        meant = spearmanr(published, mine.frame[f"mean_hamming{AS_PUBLISHED}"]).statistic
        yield (
            f"- on `{mine.problem.name}`: {records:+.2f} with one over the number of records, {meant:+.2f} "
            "with the mean distance between the same fronts' distinct cells, which it is named for."
        )
    yield ""


def _significance(found: dict[str, dict[str, list[Finding]]]) -> Iterator[str]:
    yield "| problem | measure | U | p | A12 | significant |"
    yield "|---|---|---|---|---|---|"
    for problem, findings in found.items():
        for finding in findings["time"]:
            c = _shown_pair(finding)
            if c is not None:
                yes = "yes" if c.p < ALPHA else "no"
                row = [problem, finding.measure.title, f"{c.u:g}", _p(c.p), f"{c.a12:.2f}", yes]
                yield f"| {' | '.join(row)} |"


def _how_to_check(results: StudyResults) -> Iterator[str]:
    run = results.problems[0].runs[0]
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    yield "## How to check a figure"
    yield ""
    yield (
        "`eomoo study show DIR --csv FOLDER` writes `runs.csv`, a row for each run with every value behind "
        "the tables above: `mean_hamming`, `mean_edit`, `best_NAME`, `hypervolume_share`, and, ending in "
        f"`{AS_PUBLISHED}`, the published ones. Medians, quartiles and U follow from its columns; "
        "`summary.csv` and `tests.csv` hold them for all pairs of algorithms. The store `results.sqlite` "
        "holds every evaluated cell of every run in order."
    )
    yield ""
    yield f"Made with {versions}."
    yield ""


def _main(findings: Sequence[Finding]) -> tuple[Finding, Finding]:
    """The published and the first right finding."""
    right = next(f for f in findings if f.measure.way == "right")
    return findings[0], right


def _supports(claim: _Claim, finding: Finding) -> str:
    """Whether a finding supports a claim: yes, in part, no."""
    if claim.expects == "":
        return "no" if finding.count("random") else "yes"
    other = "random" if claim.expects == "surrogate" else "surrogate"
    ahead = finding.count(claim.expects)
    if ahead == 0 or finding.count(other):
        return "no"
    return "yes" if ahead == finding.n_pairs else "in part"


def _verdict(claim: _Claim, published: Finding, right: Finding) -> str:
    before, now = _supports(claim, published), _supports(claim, right)
    other = {"surrogate": "random", "random": "surrogate", "": "random"}[claim.expects]
    if now == "yes":
        return "**holds**" if before != "no" else "**holds**, though the published code does not show it here"
    if now == "in part":
        return "**holds in part**"
    if right.count(other) and not (claim.expects and right.count(claim.expects)):
        k, n = right.count(other), right.n_pairs
        opposite = "the opposite holds" if k == n else f"the opposite is seen in {k} of {n}"
        return f"**{'artefact' if before != 'no' else 'does not hold'}**: {opposite}"
    if before != "no":
        return "**artefact**"
    return "**does not hold**" if right.count(other) else "**not seen**: no difference"


def _significance_verdict(published: Comparison | None, right: Comparison | None) -> str:
    if published is None or right is None:
        return "the pair was not run"
    if right.p >= ALPHA:
        return "**holds**: not significant"
    return "**does not hold**: significant at equal cost, " + (
        f"{'surrogate' if _surrogate_smaller(right) else 'random'} has the smaller value"
    )


def _surrogate_smaller(c: Comparison) -> bool:
    return c.a12 < 0.5


def _shown_pair(finding: Finding) -> Comparison | None:
    return next((c for c in finding.comparisons if c.pair.search == _SHOWN_SEARCH), None)


def _test(c: Comparison | None) -> str:
    return "-" if c is None else f"U = {c.u:g}, p = {_p(c.p)}"


def _pair(search: int, budget: int) -> str:
    return f"{search} : {budget}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def _quartiles(values: Floats) -> str:
    low, middle, high = quartiles(values)
    return f"{middle:,.5g} ({low:,.5g}, {high:,.5g})"


def _draw(samples: Samples, path: Path) -> None:
    """Violins of the paper's figures: as published on the left, right on the right."""
    every = measures(samples.problem)
    pairs = pairs_of(samples.problem)
    figure, axes = new_figure(9.0, 9.6, nrows=3, ncols=2)
    for row, claim in zip(axes, ("diversity", "accuracy", "time"), strict=True):
        right = next(m for m in every[claim] if m.way == "right")
        for ax, measure in zip(row, (every[claim][0], right), strict=True):
            values = {
                f"{side} {number}": samples.values(measure, label)
                for pair in pairs
                for side, number, label in (("s", pair.search, pair.surrogate), ("r", pair.budget, pair.random))
            }
            plot_violins(ax, values, ylabel="", colors=COLORS[:2])
            ax.set_title(measure.title, fontsize=9)
    axes[0, 0].annotate("as published", (0.5, 1.16), xycoords="axes fraction", ha="center", fontsize=11)
    axes[0, 1].annotate("right, at equal cost", (0.5, 1.16), xycoords="axes fraction", ha="center", fontsize=11)
    figure.suptitle(
        f"{samples.problem.name}: s = surrogate start + search, r = random start; pairs cost the same", fontsize=10
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=85)
