"""The page that says which published claims hold, written from a study's store: Markdown and violins.

What is the same on every page stands in ``verdict.md``; this module fills in what the store says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from eomoo.analysis import ProblemResults, StudyResults, magnitude, plot_violins, quartiles
from eomoo.arrays import Floats
from eomoo.esann2024.verdict import (
    ALPHA,
    AS_PUBLISHED,
    RIGHT,
    Comparison,
    Finding,
    Pair,
    Samples,
    find,
    measures,
    pairs_of,
    samples_of,
)
from eomoo.files import atomic_path, write_text
from eomoo.plots import COLORS, new_figure

# The pair of which the paper reports a test: 1,000 evaluations against 3,000.
_SHOWN_SEARCH = 1000
# Each claim's title, and the side that it says to be ahead; "" for no worse.
_CLAIMS = {
    "diversity": ("Diversity", "surrogate"),
    "accuracy": ("Best accuracy", "random"),
    "time": ("Best training time", ""),
}
# Starts that the published sampling picks (n_starts of data-centric).
_N_PICKS = 20

Findings = dict[str, dict[str, list[Finding]]]
"""What was found, by problem and claim."""


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
    written = [page.parent / "figures" / f"{mine.problem.problem.name}-violins.png" for mine in samples]
    for mine, path in zip(samples, written, strict=True):
        _draw(mine, path)
    write_text(page, verdict_page(results, samples))
    return [page, *written]


def verdict_page(results: StudyResults, samples: Sequence[Samples]) -> str:
    """The page as Markdown."""
    found: Findings = {
        mine.problem.problem.name: {
            claim: [find(mine, measure) for measure in each] for claim, each in measures(mine.problem).items()
        }
        for mine in samples
    }
    first = samples[0].problem
    pairs, seeds = pairs_of(first), sorted({run.seed for run in first.runs})
    settings = {k: v for k, v in first.runs[0].settings.items() if k not in ("init", "n_train", "algorithm")}
    runs = [pair for mine in samples for pair in zip(mine.problem.runs, mine.problem.traces, strict=True)]
    rows = [(_costs(pair), f"{pair.budget:,}", f"{pair.search:,}") for pair in pairs]
    headings = ("pair (surrogate : random)", "cells evaluated by each", "of them by the surrogate start's search")
    unsearched = (
        f" At {_costs(pairs[0])} the surrogate start has nothing left to search with (as published: {_N_PICKS} picks, "
        "unfiltered, never evaluated by anybody's budget); that pair is shown and not counted."
    )
    text = files("eomoo.esann2024").joinpath("verdict.md").read_text(encoding="utf-8")
    return Template(text).substitute(
        summary=_summary(found),
        alpha=ALPHA,
        settings=", ".join(f"{k} = {v}" for k, v in settings.items()),
        n_seeds=len(seeds),
        seeds=", ".join(map(str, seeds)),
        exact=f"{sum(len(trace.cells) == run.budget for run, trace in runs):,}",
        n_runs=f"{len(runs):,}",
        pairs=_table(headings, rows),
        unsearched=unsearched if pairs[0].search == 0 else "",
        problems="\n".join(_problem_facts(mine.problem) for mine in samples),
        followed="\n".join(map(_what_diversity_follows, samples)),
        significance=_significance(found),
        figures="\n\n".join(f"![{name}: violins of all pairs](figures/{name}-violins.png)" for name in found),
        versions=", ".join(f"{name} {number}" for name, number in first.runs[0].versions.items()),
        **{
            claim: "\n\n".join(_compared(claim, mine, found[mine.problem.problem.name][claim]) for mine in samples)
            for claim in (*_CLAIMS, "hypervolume")
        },
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (headings, *rows)]
    return "\n".join([lines[0], "|---" * len(headings) + "|", *lines[1:]])


def _summary(found: Findings) -> str:
    rows = []
    for claim, (title, _) in _CLAIMS.items():
        for problem, findings in found.items():
            published, right = _main(findings[claim])
            rows.append((title, problem, published.outcome, right.outcome, _verdict(claim, published, right)))
    for problem, findings in found.items():
        before, now = (_shown_pair(finding) for finding in _main(findings["time"]))
        tests = ["-" if c is None else f"U = {c.u:g}, p = {_p(c.p)}" for c in (before, now)]
        rows.append(("Significance", problem, tests[0], tests[1], _significance_verdict(before, now)))
    return _table(("claim", "problem", "as published", "right, at equal cost", "verdict"), rows)


def _problem_facts(problem: ProblemResults) -> str:
    row = problem.problem
    objectives = " and ".join(o.label for o in row.objectives)
    text = f"- `{problem.name}`: {objectives}; card SHA-256 `{row.digest[:16]}`"
    notes = [run.extra["surrogate"] for run in problem.runs if "surrogate" in run.extra]
    if notes:
        rho = np.median([note["spearman"][:2] for note in notes], axis=0)
        fronts = np.array([note["predicted_front"] for note in notes])
        text += (
            f". Surrogates of {notes[0]['n_train']:,} cells: held-out Spearman, medians {rho[0]:.3f} and {rho[1]:.3f}; "
            f"predicted front {fronts.min()} to {fronts.max()} cells, fewer than {_N_PICKS} in "
            f"{int((fronts < _N_PICKS).sum())} of {len(fronts)} runs"
        )
    return text + "."


def _compared(claim: str, samples: Samples, findings: Sequence[Finding]) -> str:
    """What was found about a claim on a problem: a table of all pairs, and who is ahead."""
    columns = (claim, "pair", "surrogate: median (quartiles)", "random: median (quartiles)")
    rows = [
        (finding.measure.title, _costs(c.pair), _quartiles(c.surrogate), _quartiles(c.random), f"{c.u:g}", _p(c.p),
         _p(c.p_holm), f"{c.a12:.2f} ({magnitude(c.a12)})", c.ahead or "-")
        for finding in findings
        for c in finding.comparisons
    ]  # fmt: skip
    outcomes = "\n".join(f"- {finding.measure.title}: {finding.outcome}." for finding in findings)
    table = _table((*columns, "U", "p", "p (Holm)", "A12", "ahead"), rows)
    return f"### {samples.problem.name}\n\n{table}\n\n{outcomes}"


def _what_diversity_follows(samples: Samples) -> str:
    """What the published figure follows, over all runs of a problem."""
    from scipy.stats import spearmanr

    published = samples.frame[f"mean_pareto_distance{AS_PUBLISHED}"]
    records = spearmanr(published, 1.0 / samples.frame[f"front_size{AS_PUBLISHED}"]).statistic
    meant = spearmanr(published, samples.frame[f"mean_hamming{AS_PUBLISHED}"]).statistic
    return (
        f"- on `{samples.problem.name}`: {records:+.2f} with one over the number of records, {meant:+.2f} "
        "with the mean distance between the same fronts' distinct cells, which it is named for."
    )


def _significance(found: Findings) -> str:
    rows = []
    for problem, findings in found.items():
        for finding in findings["time"]:
            if (c := _shown_pair(finding)) is not None:
                significant = "yes" if c.p < ALPHA else "no"
                rows.append((problem, finding.measure.title, f"{c.u:g}", _p(c.p), f"{c.a12:.2f}", significant))
    return _table(("problem", "measure", "U", "p", "A12", "significant"), rows)


def _main(findings: Sequence[Finding]) -> tuple[Finding, Finding]:
    """The published and the first right finding."""
    return findings[0], next(f for f in findings if f.measure.way == RIGHT)


def _supports(claim: str, finding: Finding) -> str:
    """Whether a finding supports a claim: yes, in part, no."""
    expected = _CLAIMS[claim][1]
    if expected == "":
        return "no" if finding.count("random") else "yes"
    ahead = finding.count(expected)
    if ahead == 0 or finding.count(_other_side(claim)):
        return "no"
    return "yes" if ahead == finding.n_pairs else "in part"


def _other_side(claim: str) -> str:
    return "surrogate" if _CLAIMS[claim][1] == "random" else "random"


def _verdict(claim: str, published: Finding, right: Finding) -> str:
    before, now = _supports(claim, published) != "no", _supports(claim, right)
    if now == "yes":
        return "**holds**" if before else "**holds**, though the published code does not show it here"
    if now == "in part":
        return "**holds in part**"
    k, n = right.count(_other_side(claim)), right.n_pairs
    expected = _CLAIMS[claim][1]
    if k and not (expected and right.count(expected)):
        opposite = "the opposite holds" if k == n else f"the opposite is seen in {k} of {n}"
        return f"**{'artefact' if before else 'does not hold'}**: {opposite}"
    if before:
        return "**artefact**"
    return "**does not hold**" if k else "**not seen**: no difference"


def _significance_verdict(published: Comparison | None, right: Comparison | None) -> str:
    if published is None or right is None:
        return "the pair was not run"
    if right.p >= ALPHA:
        return "**holds**: not significant"
    smaller = "surrogate" if right.a12 < 0.5 else "random"
    return f"**does not hold**: significant at equal cost, {smaller} has the smaller value"


def _shown_pair(finding: Finding) -> Comparison | None:
    return next((c for c in finding.comparisons if c.pair.search == _SHOWN_SEARCH), None)


def _costs(pair: Pair) -> str:
    return f"{pair.search} : {pair.budget}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def _quartiles(values: Floats) -> str:
    low, middle, high = quartiles(values)
    return f"{middle:,.5g} ({low:,.5g}, {high:,.5g})"


def _draw(samples: Samples, path: Path) -> None:
    """Violins of the paper's figures: as published on the left, right on the right."""
    every = measures(samples.problem)
    figure, axes = new_figure(9.0, 9.6, nrows=3, ncols=2)
    for row, claim in zip(axes, _CLAIMS, strict=True):
        right = next(m for m in every[claim] if m.way == RIGHT)
        for ax, measure in zip(row, (every[claim][0], right), strict=True):
            values = {
                f"{side} {number}": samples.values(measure, label)
                for pair in pairs_of(samples.problem)
                for side, number, label in (("s", pair.search, pair.surrogate), ("r", pair.budget, pair.random))
            }
            plot_violins(ax, values, ylabel="", colors=COLORS[:2])
            ax.set_title(measure.title, fontsize=9)
    for ax, heading in zip(axes[0], ("as published", "right, at equal cost"), strict=True):
        ax.annotate(heading, (0.5, 1.16), xycoords="axes fraction", ha="center", fontsize=11)
    title = f"{samples.problem.name}: s = surrogate start + search, r = random start; pairs cost the same"
    figure.suptitle(title, fontsize=10)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=85)
