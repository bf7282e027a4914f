"""What the command line calls, for scripts and notebooks: a run from a card's name to its front, models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from pymoo.core.result import Result

from eomoo import analysis, notebook
from eomoo.analysis import StudyRun, run_study
from eomoo.arrays import Axes, Facts, Figure
from eomoo.checks import LARGEST, by_name, listed, positive, whole
from eomoo.errors import EomooError, SettingError
from eomoo.files import check_figures, only_one, write_text
from eomoo.fronts import Direction, FrontSummary, FrontUncertainty
from eomoo.measuring import HERE, MOST_REPEATS, latency_models, measure, timing_of
from eomoo.objectives import load_card
from eomoo.objectives.refit import fit_table as fit_models
from eomoo.packages import pandas as pd
from eomoo.plots import axes_of
from eomoo.progress import shown
from eomoo.search.algorithms import AlgorithmSpec, default_name
from eomoo.search.hours import check_hours
from eomoo.search.kept_draws import drawn_facts, evaluated_facts
from eomoo.search.priors import prior_option
from eomoo.search.problem import CellProblem, get_problem
from eomoo.search.repeats import with_repeats
from eomoo.search.run import Earlier, Progress, RunResult, run_algorithm
from eomoo.search.uncertainty import front_uncertainty
from eomoo.study.earlier import Asked, earlier_run
from eomoo.study.rows import RunRow, RunTrace, versions
from eomoo.study.store import STORE_NAME, Store

__all__ = ["Run", "StudyRun", "fit_models", "measure", "plot_front", "run", "run_study"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that has ended, with its front.

    Attributes:
        problem: What was searched.
        stored: The run as the store has it: trace, front, settings.
        written: Files that it wrote.
        repeated: Whether it was in the folder already, so that nothing was evaluated.
        n_earlier: How many of its cells were in the folder already, from a part of it with a smaller budget.
        folder: Where it lies; None where nobody said.

    Examples:
        >>> eomoo.run("eo-macro-params", algorithm="random", budget=10).summary["distinct_cells"]
        10
    """

    problem: CellProblem
    stored: analysis.StoredRun
    written: tuple[Path, ...] = ()
    repeated: bool = False
    n_earlier: int = 0
    folder: Path | None = None

    @property
    def front(self) -> pd.DataFrame:
        """The front, a row for each cell: index, hash, objectives with deviations, counts, genotype."""
        return analysis.front_frame(self.stored)

    @property
    def trace(self) -> pd.DataFrame:
        """Every evaluated cell, a row each, in order."""
        return analysis.trace_frame(self.stored)

    @property
    def summary(self) -> Facts:
        """What the run did, in numbers."""
        return analysis.summary(self.stored)

    @property
    def result(self) -> Result:
        """The run as ``pymoo.optimize.minimize`` returns one; individuals carry "index" and raw values by name."""
        return analysis.to_result(self.stored, self.problem)

    def uncertainty(self, *, n_draws: int = 200, seed: int = 0) -> FrontUncertainty:
        """What can be said of the front: probabilities, a band, groups, regret; see ``eomoo.front_uncertainty``.

        Raises:
            SettingError: (a ValueError) The run's values were drawn with noise.
        """
        trace = self.stored.trace
        among = None if self.problem.enumerable else trace.cells[trace.feasible]
        return front_uncertainty(self.problem, self.stored.front_cells, among=among, n_draws=n_draws, seed=seed)

    def plot(self, *, axes: Axes | None = None, width: str = "column") -> Figure:
        """The front over what was evaluated, on given axes or as wide as a paper's "column" or "page".

        Raises:
            SettingError: (a ValueError) Axes for three objectives or more, which need panels; no feasible cell.
        """
        return analysis.draw_front(self.stored, axes, width=width)

    def write(
        self, folder: str | Path, figures: str | Sequence[str] | None = ("png",), *, width: str = "column"
    ) -> list[Path]:
        """Write front and trace as CSV, the settings as JSON, figures (png, pdf, svg); live networks as ONNX.

        Raises:
            SettingError: (a ValueError) There is no such form of a figure, or no such width.
            DataError: (a ValueError) A file cannot be written.
        """
        folder = Path(folder)
        written = analysis.write_run(self.stored, folder, check_figures(figures, width), width=width)
        for backend in self.problem.backends.values():
            written += backend.export(self.stored.front_cells.tolist(), folder / "onnx")
        return written

    def report(self, path: str | Path, *, format: str = "html") -> Path:  # noqa: A002
        """Write the page of the run, as ``eomoo report`` does, or with another format md, csv or latex.

        Raises:
            SettingError: (a ValueError) There is no such format.
            DataError: (a ValueError) The file cannot be written, or one of the run's folder has changed.
        """
        write_text(path, analysis.render_report(self.folder or self.stored, format=format, page=path))
        return Path(path)

    def __repr__(self) -> str:
        numbers = self.summary
        return (
            f"Run({numbers['problem']}, {numbers['algorithm']}, seed {numbers['seed']}: "
            f"{numbers['distinct_cells']:,} cells, {numbers['front_size']} on the front)"
        )

    def _repr_html_(self) -> str:
        columns = [column for column in self.stored.shown.columns if not column.detail]
        rows = [[cell, *(c.text(k) for c in columns)] for k, cell in enumerate(self.stored.front_cells)]
        said = self.stored.run.uncertainty
        return notebook.to_html(
            notebook.element("b", self.stored.problem.title),
            repr(self),
            *([notebook.picture(self.plot(), "the front over what was evaluated")] if rows else []),
            notebook.table(["cell", *(c.label for c in columns)], rows),
            *([analysis.certainty_words(self.stored.problem, said)] if said is not None else []),
        )


def run(
    card: str | Path | CellProblem = "eo-macro-latency",
    *,
    algorithm: str | None = None,
    options: Mapping[str, object] | None = None,
    priors: str | Path | Sequence[str | Path] | None = (),
    budget: int | None = None,
    hours: float | None = None,
    seed: int = 1,
    constraints: str | Sequence[str] | None = (),
    noise: int | None = None,
    latency_from: str | Path | None = None,
    repeats: int = 1,
    out: str | Path | None = None,
    figures: str | Sequence[str] | None = ("png",),
    width: str = "column",
    on_progress: Callable[[Progress], None] | None = None,
    on_found: Callable[[Run], None] | None = None,
    retry_failed: bool = False,
    **settings: Any,
) -> Run:
    """Search a problem: what ``eomoo run`` does.

    Args:
        card: Name of a shipped card, path of one of your own, or a problem.
        algorithm: A name among ``eomoo.search.ALGORITHMS``; by default that for the card (see ``default_name``).
        options: Its settings that differ from its defaults.
        priors: What may tell something of what needs trainings: models, tables, folders of runs, or "eo-hwnas"; how
            much and with which sign is learnt (see ``eomoo.search.open_priors``).
        budget: Distinct cells to evaluate, of live cards full trainings; by default the card's, with ``hours`` all.
        hours: Wall hours after which nothing more is begun; no training of a live card either.
        seed: The same seed gives the same result.
        constraints: Limits beside the card's, such as "latency<=10".
        noise: A seed: draw values from their uncertainty.
        latency_from: A folder of models that predict the latency on another device in place of the card's, or
            "here": on this one, of which 20 cells are timed first where they are not yet; ``device`` and
            ``latency.KEY`` among the settings say how, also of cards that train nothing.
        repeats: Of live cards, trainings of each of the front's cells and their rivals, with seeds that follow the
            card's, after the search and beside its budget; values are then their means (see ``with_repeats``).
        out: A folder for store, tables and figures. A finished run in it is read, not repeated; one that was
            interrupted, or had a smaller budget or fewer hours, goes on, to what it would have been at once.
        figures, width: What figures in ``out`` are written as (png, pdf, svg), and how wide: "column", "page".
        on_progress: Called after each batch: cells done, of how many. A notebook shows a line.
        on_found: Called with the run once it is stored, before figures are drawn and networks exported.
        retry_failed: Run again what is in ``out``, and try again measurements that a machine failed at.
        settings: Of the card's backends, such as ``epochs`` of a live card.

    Raises:
        UnknownNameError: (a KeyError) No such card or algorithm.
        SettingError, CardError: (a ValueError) A setting that cannot be, or a folder with another run.
        StoreError: (a RuntimeError) Another process is running a search in the folder.

    Examples:
        >>> run = eomoo.run("eo-macro-params", algorithm="pls", budget=30, seed=1)
        >>> len(run.trace), list(run.front.columns[:3])
        (30, ['index', 'hash', 'val_macro_error'])
    """
    chosen = algorithm
    if chosen is None:
        chosen = default_name(card.card if isinstance(card, CellProblem) else load_card(card))
    spec = AlgorithmSpec(
        label=chosen, algorithm=chosen, options={**by_name("options", options), **prior_option(priors)}
    )
    check_figures(figures, width)
    asked: Facts = {"budget": budget, "hours": hours, "seed": seed, "repeats": repeats}
    if isinstance(card, CellProblem):
        if noise is not None or constraints or settings or latency_from is not None:
            raise SettingError("constraints, noise and settings belong to a card; the problem has its own")
        problem = card
    else:
        settings |= {"noise": noise, "constraints": constraints}
        problem = pose(card, spec, asked, latency_models, latency_from=latency_from, **settings)
    spent = check_run(problem, spec, **asked)
    line = shown(on_progress, problem.name(), hours=hours if budget is None else None)
    place = TemporaryDirectory(prefix="eomoo-") if out is None else nullcontext(out)
    with place as folder, only_one(folder, "running a search"), line as tell:
        if problem.enumerable:
            problem.pareto_indices()  # now, while nothing is written: it may take seconds
        with Store(Path(folder) / STORE_NAME, create=True) as store:
            number = store.add_problem(problem)
            how: Facts = {"seed": int(seed), "hours": hours and float(hours), "repeats": int(repeats)}
            posed = Asked(problem=number, spec=spec, budget=spent, **how)
            found = _found(problem, store, posed, tell, again=retry_failed)
        if on_found is not None:
            on_found(found)
        if out is not None:
            return replace(found, written=tuple(found.write(out, figures, width=width)), folder=Path(out))
    return found


def plot_front(
    found: Run | StudyRun | pd.DataFrame,
    *,
    axes: Axes | None = None,
    objectives: Sequence[str] | Mapping[str, Direction] = (),
) -> Figure:
    """Draw a front on given axes, or as a figure of its own.

    Args:
        found: A run; a study, whose algorithms' joint fronts on its first problem are drawn; or a table with a row
            for each cell, of which the best rows are.
        axes: Where to draw.
        objectives: Of a table, the two columns to draw, minimised, or by column "min" or "max".

    Raises:
        SettingError: (a ValueError) There are not two objectives.
        UnknownNameError: (a KeyError) There is no such column.

    Examples:
        >>> table = pd.DataFrame({"accuracy": [0.7, 0.8, 0.6], "energy": [10.0, 12.0, 11.0]})
        >>> eomoo.plot_front(table, objectives={"accuracy": "max", "energy": "min"}).axes[0].get_xlabel()
        'accuracy'
    """
    if isinstance(found, Run):
        return found.plot(axes=axes)
    if isinstance(found, StudyRun):
        return found.plot_front(axes=axes)
    figure, ax = axes_of(axes)
    analysis.plot_frame(ax, found, objectives)
    return figure


def pose(
    card: str | Path,
    spec: AlgorithmSpec,
    asked: Facts,
    time_cells: Callable[..., Path],
    /,
    *,
    latency_from: str | Path | None = None,
    **settings: Any,
) -> CellProblem:
    """The problem of a card; where it asks for this device's latency, of models of what ``time_cells`` times first."""
    timing = timing_of(settings) if latency_from == HERE else {}
    if timing and not load_card(card).live:
        settings = {
            name: value for name, value in settings.items() if name != "device" and not name.startswith("latency.")
        }
    how = partial(get_problem, card, **settings)
    if latency_from == HERE:
        # What cannot be is told before cells are timed.
        check_run(how(), spec, **asked)
        latency_from = time_cells(card, data=settings.get("data"), latency=timing)
    return how(latency_from=latency_from)


def check_run(
    problem: CellProblem, spec: AlgorithmSpec, *, budget: int | None, hours: float | None, seed: int, repeats: int
) -> int:
    """The budget of a run, by default the card's, with hours all cells; SettingError (a ValueError) where it cannot be.

    So it is where hours, the seed, repeats or the algorithm cannot be.
    """
    whole("seed", seed, least=0, most=LARGEST)
    positive("repeats", repeats, most=MOST_REPEATS)
    if repeats > 1 and problem.enumerable:
        raise SettingError(f"{problem.name()} trains no networks, so that nothing can be repeated: leave repeats out")
    spec.build(problem.n_obj)
    default = problem.card.budget if hours is None or check_hours(hours) == 0 else problem.n_cells
    return whole("budget", default if budget is None else budget, least=1, most=LARGEST)


def _found(
    problem: CellProblem, store: Store, asked: Asked, on_progress: Callable[[Progress], None], *, again: bool
) -> Run:
    """The run as the store has it, run now, or gone on with, where it is not in."""
    there = earlier_run(store, asked)
    if there is not None and asked.is_met_by(there[0]) and not again:
        problem.tell_repeats(there[0].n_repeats)
        return Run(problem=problem, stored=analysis.load_run(store, there[0]), repeated=True)
    for backend in problem.backends.values():
        backend.retry_failed = again
    n, earlier = 0 if there is None else len(there[1].cells), Earlier()
    if there is not None and not again:
        earlier = Earlier(n_distinct=n, seconds=there[0].seconds)
    # No decision of a search depends on repeats, which it would not see at another time.
    problem.tell_repeats(1)
    keep = _Keeper(store=store, asked=asked, on_progress=on_progress, n_earlier=n)
    result = run_algorithm(
        problem, asked.spec, budget=asked.budget, seed=asked.seed, hours=asked.hours, earlier=earlier, on_progress=keep
    )
    if result.complete:
        result = with_repeats(problem, result, max(asked.repeats, 1 if there is None else there[0].n_repeats))
    if there is not None and earlier.n_distinct and result.complete:
        repeated = {*map(int, result.repeats.get("trainings", ())), *there[0].trainings}
        n = n if _began_so(*there, result, repeated) else 0
    if not result.complete and len(result.cells) <= n > 0:
        # What the folder holds is more.
        raise KeyboardInterrupt
    network = problem.conditions(result.front) if result.complete else {}
    said = {**_uncertainty_of(problem, result), **evaluated_facts(problem, result.cells)}
    keep.enter(result, said | ({"network": network} if network else {}))
    (mine,) = (run for run in store.runs() if asked.is_same(run))
    return Run(problem=problem, stored=analysis.load_run(store, mine), n_earlier=n if earlier.n_distinct else 0)


# A run is kept so often that a kill costs little, and so seldom that keeping it does: a 20th of its time.
_KEPT_SECONDS, _KEPT_SHARE = 2.0, 20.0


@dataclass(kw_only=True)
class _Keeper:
    """Keeps what a run has found so far in the store, for who looks at it, and for going on after a kill."""

    store: Store
    asked: Asked
    on_progress: Callable[[Progress], None]
    n_earlier: int
    due: float = field(default_factory=lambda: perf_counter() + _KEPT_SECONDS)

    def __call__(self, progress: Progress) -> None:
        self.on_progress(progress)
        began = perf_counter()
        if began > self.due and progress.n_distinct > self.n_earlier:
            self.enter(progress.so_far(), {})
            now = perf_counter()
            self.due = now + max(_KEPT_SECONDS, _KEPT_SHARE * (now - began))

    def enter(self, result: RunResult, extra: Facts) -> None:
        """Enter a run in place of its parts."""
        hours, budget = self.asked.hours, self.asked.budget
        if hours is not None:
            # Nobody knows how many cells they bring.
            extra, budget = {**extra, "hours": hours}, max(len(result.cells), 1) if result.ended else budget
        replaced = [run.id for run in self.store.runs() if self.asked.is_same(run)]
        known = {"seed": self.asked.seed, "budget": budget}
        self.store.add_run(self.asked.problem, self.asked.spec, **known, result=result, extra=extra, replaces=replaced)


def _began_so(run: RunRow, before: RunTrace, result: RunResult, repeated: set[int]) -> bool:
    """Whether a run began as the part of it that was there, in values but for repeats; told where it did not."""
    there = {int(cell): row for cell, row in zip(result.cells, result.values, strict=True)}
    rows = zip(before.cells.tolist(), before.values, strict=True)
    same = ((cell, cell in repeated or np.array_equal(there.get(cell, ()), row, equal_nan=True)) for cell, row in rows)
    other = sum(cell not in there or not found for cell, found in same)
    if other:
        now = versions()
        changed = [
            f"{name} {was} before, {now.get(name)} now" for name, was in run.versions.items() if now.get(name) != was
        ]
        searched = f", or other versions searched ({listed(changed)})" if changed else ""
        warnings.warn(
            f"{other:,} of the {len(before.cells):,} cells that the folder held have other values by now, or are not "
            f"in the run: they were measured anew{searched}",
            stacklevel=2,
        )
    return not other


def _uncertainty_of(problem: CellProblem, result: RunResult) -> Facts:
    """What can be said of a run's front, to be kept with the run; nothing where its values are exact."""
    # Who interrupts a run does not want to wait.
    if not len(result.front) or problem.noise is not None or not result.complete:
        return {}
    among = None if problem.enumerable else result.cells[result.feasible]
    try:
        if not (problem.ignorance(result.front) > 0).any():
            return {}
        found = front_uncertainty(problem, result.front, among=among)
    except (EomooError, KeyboardInterrupt) as error:
        # The run itself is not to be lost.
        warnings.warn(f"the front's uncertainty is not told: {str(error) or 'interrupted'}", stacklevel=2)
        return {}
    return {"uncertainty": FrontSummary.of(found).to_dict(), **drawn_facts(problem, result.cells[result.feasible])}
