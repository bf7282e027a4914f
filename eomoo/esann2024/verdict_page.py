"""The page that says which published claims hold, written from a study's store: Markdown, numbers and figures.

What is the same on every page stands in ``verdict.md``; this module fills in what the store says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Template
from textwrap import fill

import numpy as np

from eomoo.analysis import ALPHA, Comparison, StudyResults, needed_seeds, plot_shifts, plot_violins
from eomoo.analysis import compare as shift_of
from eomoo.analysis.styles import style_numbers
from eomoo.analysis.wording import sentence
from eomoo.arrays import Figure, Floats
from eomoo.esann2024.conclusion import conclusion, rows_of, shift_in_words, verdict
from eomoo.esann2024.starts import Beginning, beginnings
from eomoo.esann2024.verdict import AS_PUBLISHED, CLAIMS, RIGHT, STARTS, Finding, Samples, findings, samples_of
from eomoo.files import save_figures, write_json, write_text
from eomoo.plots import COLORS, inches, look, new_figure

# The pair of which the paper reports a test: 1,000 evaluations against 3,000.
_SHOWN_SEARCH = 1000
# Letters of a label and of a title that have room below and above axes in a column.
_LABEL, _TITLE = 23, 11


def write_verdict(
    results: StudyResults, out: str | Path, forms: Sequence[str] = ("png",), *, width: str = "page"
) -> list[Path]:
    """Write the page, its numbers as JSON beside it, and two figures into the folder ``figures`` there.

    Args:
        results: A study of the form of data-centric.
        out: The page, a name that ends in .md; or a folder, for ``verdict.md`` in it.
        forms, width: Of the figures; the page itself shows PNG, which is always written.

    Raises:
        SettingError: The study does not compare surrogate with random starts as published.
    """
    page = Path(out)
    page = page if page.suffix == ".md" else page / "verdict.md"
    samples = samples_of(results)
    found, starts = findings(samples), beginnings(samples)
    titles, wide = {p.name: p.problem.title for p in results.problems}, inches(width)
    with look():
        drawn = {"shifts": _draw_shifts(found, wide), "starts": _draw_starts(starts, titles, wide)}
        named = {f"{page.stem}-{name}": figure for name, figure in drawn.items()}
        pictures = save_figures(named, page.parent / "figures", ("png", *forms), all_of=f"the verdict {page.stem}")
    write_json(page.with_suffix(".json"), {"claims": rows_of(found), "starts": [b.numbers for b in starts]})
    write_text(page, verdict_page(results, samples, found, starts, stem=page.stem))
    return [page, page.with_suffix(".json"), *pictures]


def verdict_page(
    results: StudyResults,
    samples: Sequence[Samples],
    found: Sequence[Finding],
    starts: Sequence[Beginning],
    *,
    stem: str = "verdict",
) -> str:
    """The page as Markdown."""
    first = samples[0].problem
    seeds = sorted({run.seed for run in first.runs})
    settings = {k: v for k, v in first.runs[0].settings.items() if k not in ("init", "n_train", "algorithm")}
    runs = [pair for mine in samples for pair in zip(mine.problem.runs, mine.problem.traces, strict=True)]
    n_right = sum(f.measure.way == RIGHT for f in found)
    text = files("eomoo.esann2024").joinpath("verdict.md").read_text(encoding="utf-8")
    return Template(text).substitute(
        conclusion="\n\n".join(
            part for part in (results.unfinished, conclusion(rows_of(found), [b.numbers for b in starts])) if part
        ),
        summary=_summary(found),
        alpha=ALPHA,
        settings=", ".join(f"{k} = {v}" for k, v in settings.items()),
        n_seeds=len(seeds),
        seeds=", ".join(map(str, seeds)),
        exact=f"{sum(len(trace.cells) == run.budget for run, trace in runs):,}",
        n_runs=f"{len(runs):,}",
        n_right=n_right,
        needed=needed_seeds(n_right),
        problems="\n".join(_problem_facts(mine) for mine in samples),
        followed="\n".join(map(_what_diversity_follows, samples)),
        significance=_at_the_shown_pair(found),
        starts=_starts_table(starts),
        figure_starts=f"figures/{stem}-starts.png",
        figure_shifts=f"figures/{stem}-shifts.png",
        versions=", ".join(f"{name} {number}" for name, number in first.runs[0].versions.items()),
        **{claim: _compared(claim, found) for claim in (*CLAIMS, "hypervolume")},
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (headings, *rows)]
    return "\n".join([lines[0], "|---" * len(headings) + "|", *lines[1:]])


def _summary(found: Sequence[Finding]) -> str:
    mine = zip((f for f in found if f.is_main), rows_of(found), strict=True)
    rows = [
        (CLAIMS[f.claim].title, f.problem, STARTS[f.start], row["as_published"], shift_in_words(f),
         _number(f.comparison.matters), f.word, verdict(f.claim, f.word, row["as_published"]))
        for f, row in mine
        if f.claim in CLAIMS
    ]  # fmt: skip
    headings = ("claim", "problem", "start", "as published: it is", "shift [95 %]", "matters from", "right: it is")
    return _table((*headings, "verdict"), rows)


def _problem_facts(samples: Samples) -> str:
    row = samples.problem.problem
    objectives = " and ".join(o.label for o in row.objectives)
    text = f"- `{samples.problem.name}`: {objectives}; card SHA-256 `{row.digest[:16]}`."
    for start, title in STARTS.items():
        runs = [run for run in samples.problem.runs if run.settings.get("init") == start and "surrogate" in run.extra]
        if runs:
            notes = [run.extra["surrogate"] for run in runs]
            rho = np.median([note["spearman"][:2] for note in notes], axis=0)
            text += (
                f" {sentence(title)}, of {notes[0]['n_train']:,} cells: held-out Spearman, medians "
                f"{rho[0]:.3f} and {rho[1]:.3f}."
            )
    return text


def _compared(claim: str, found: Sequence[Finding]) -> str:
    """What was found about a claim, problem by problem: medians at each look, and the one comparison of all."""
    parts = []
    for problem in dict.fromkeys(f.problem for f in found):
        mine = [f for f in found if f.claim == claim and f.problem == problem]
        rows = [
            (f.measure.title, STARTS[f.start], *_medians(f), shift_in_words(f), _number(f.comparison.matters),
             _p(f.comparison.p_holm), _p(f.comparison.p_equivalent_holm), f.word)
            for f in mine
        ]  # fmt: skip
        looks = [f"{pair.search} : {pair.budget}" for pair in mine[0].pairs]
        headings = (claim, "start", *looks, "shift [95 %]", "matters from", "p", "p equivalent", "it is")
        parts.append(f"### {problem}\n\n{_table(headings, rows)}")
    return "\n\n".join(parts)


def _medians(f: Finding) -> list[str]:
    both = zip(np.median(f.surrogate, axis=0), np.median(f.random, axis=0), strict=True)
    return [f"{a:,.5g} : {b:,.5g}" for a, b in both]


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


def _at_the_shown_pair(found: Sequence[Finding]) -> str:
    """Shifts of the second objective at the pair of the published test."""
    rows = []
    for f in found:
        at = [k for k, pair in enumerate(f.pairs) if pair.search == _SHOWN_SEARCH]
        if f.claim == "time" and at:
            c = shift_of(f.surrogate[:, at[0]], f.random[:, at[0]], matters=f.comparison.matters)
            rows.append((f.problem, STARTS[f.start], f.measure.title, shift_in_words(f, c), _number(c.matters)))
    return _table(("problem", "start", "measure", "shift [95 %]", "matters from"), rows)


def _starts_table(starts: Sequence[Beginning]) -> str:
    rows = [
        (b.problem, b.title, *("-" if np.isnan(x) else f"{x:.3f}" for x in b.spearman),
         *(f"{np.median(values):.3f}" for values in (b.share, b.distance, b.found_share, b.found_distance)))
        for b in starts
    ]  # fmt: skip
    headings = ("problem", "start", "Spearman, 1st objective", "2nd", "starts' share of hypervolume", "their distance")
    return _table((*headings, "last front's share", "its distance"), rows)


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3g}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def _draw_shifts(found: Sequence[Finding], width: float) -> Figure:
    """Every right comparison, in favour of the surrogate start to the right."""
    rows: dict[str, Comparison] = {}
    for f in (f for claim in (*CLAIMS, "hypervolume") for f in found if f.claim == claim and f.is_main):
        c = f.comparison
        if not f.measure.larger_is_better:
            c = replace(c, shift=-c.shift, low=-c.high, high=-c.low)
        title = CLAIMS[f.claim].title if f.claim in CLAIMS else f.claim.capitalize()
        rows[f"{title}, {f.problem},\n{STARTS[f.start]}"] = c
    figure, ax = new_figure(width, 0.8 + 0.3 * len(rows))
    said = "in favour of the surrogate start,\nin smallest differences that matter (95 %)"
    plot_shifts(ax, rows, xlabel=_fitted(said, width, _LABEL))
    return figure


def _draw_starts(starts: Sequence[Beginning], titles: Mapping[str, str], width: float) -> Figure:
    """Where searches begin, by kind of start: how close to the front of all cells, and how far apart."""
    problems = list(dict.fromkeys(b.problem for b in starts))
    looks = style_numbers({b.label: "random" if b.start == "random" else "surrogate-pls" for b in reversed(starts)})
    figure, axes = new_figure(width, 0.8 + 1.9 * len(problems), nrows=len(problems), ncols=3, squeeze=False)
    rows = list(axes)
    for row, problem in zip(rows, problems, strict=True):
        mine = [b for b in starts if b.problem == problem]
        columns: list[tuple[str, dict[str, Floats]]] = [
            ("share of\nhypervolume,\nstarts", {b.label: b.share for b in mine}),
            ("mean Hamming\ndistance,\nstarts", {b.label: b.distance for b in mine}),
            ("mean Hamming\ndistance,\nlast front", {b.label: b.found_distance for b in mine}),
        ]
        for ax, (title, values) in zip(row, columns, strict=True):
            plot_violins(ax, values, ylabel="", colors=[COLORS[looks[label]] for label in values])
            ax.tick_params(labelbottom=row is rows[-1])
            ax.set_title(_fitted(title, width, _TITLE) if row is rows[0] else "")
        row[0].set_ylabel(fill(titles.get(problem, problem), 27), parse_math=False)
    return figure


def _fitted(text: str, width: float, letters: int) -> str:
    """A text, in a figure narrower than a page in lines of so many letters at most, or of one word."""
    return text if width >= inches("page") else fill(text, letters, break_long_words=False)
