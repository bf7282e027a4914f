"""Runs of the benchmark suite: searches on its problems, what their choices are worth, kept as they come."""

from __future__ import annotations

import json
import lzma
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymoo.core.evaluator import Evaluator
from suite_problems import PROBLEMS, NoisyProblem, SuiteProblem, score_box

from eomoo.files import atomic_path, read_json, write_json
from eomoo.fronts import hypervolume, non_dominated
from eomoo.search import AlgorithmSpec, BudgetedEvaluator, CellProblem, DistinctCells

# Compared at these; run to the last, or to 99 % of the true hypervolume.
BUDGETS = (50, 100, 200, 500, 1_000, 2_000)
MOST = 20_000
ENOUGH = 0.99
# Runs of which all failed, by which the median run is taken to fail.
FIRST = 5
GRID = sorted({*np.round(np.geomspace(20, MOST, 80)).astype(int).tolist(), *BUDGETS})


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """An algorithm with the budget to win: ``least`` evaluations always, ``most`` unless it has won or lost before.

    The default's budget is smaller than its rivals': it has less to win by more.
    """

    spec: AlgorithmSpec
    least: int = BUDGETS[-1]
    most: int = MOST


DEFAULT = "surrogate PLS"
BASELINES = ("NSGA-II, 200", "NSGA-II, 50")
ENTRANTS: dict[str, Entrant] = {
    label: Entrant(spec=AlgorithmSpec(label=label, algorithm=name, options=options), most=most)
    for label, name, options, most in (
        (DEFAULT, "surrogate-pls", {}, BUDGETS[-1]),
        ("PLS", "pls", {}, MOST),
        ("NSGA-II + PLS", "memetic", {}, BUDGETS[-1]),
        ("NSGA-II, 200", "nsga2", {"pop_size": 200}, MOST),
        ("NSGA-II, 50", "nsga2", {"pop_size": 50}, MOST),
        ("random search", "random", {}, MOST),
    )
}


class Scorer:
    """Shares of a problem's true hypervolume that choices are worth, by expected values.

    Args:
        problem: The problem without noise.
    """

    def __init__(self, problem: CellProblem) -> None:
        self.problem = problem
        self.box = score_box(problem)
        self.whole = hypervolume(problem.objectives_at(problem.pareto_indices()), self.box)

    def share(self, cells: NDArray[np.int64], F: NDArray[np.float64], violation: NDArray[np.float64]) -> float:
        """Of the non-dominated of what was seen: looks (n,) at cells, values (n, m), violations (n,).

        A cell that was looked at several times is taken for the mean of its looks.
        """
        distinct, place, looks = np.unique(cells, return_inverse=True, return_counts=True)
        if len(distinct) < len(cells):
            total = np.zeros((len(distinct), F.shape[1] + 1))
            np.add.at(total, place, np.column_stack((F, violation)))
            total /= looks[:, None]
            cells, F, violation = distinct, total[:, :-1], total[:, -1]
        cells, F = cells[violation <= 0], F[violation <= 0]
        chosen = cells[non_dominated(F)] if len(cells) else cells
        chosen = chosen[self.problem.violations_at(chosen) <= 0] if len(chosen) else chosen
        return hypervolume(self.problem.objectives_at(chosen), self.box) / self.whole if len(chosen) else 0.0


class _Record:
    """All evaluations that count, and the shares at the grid's points."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._cells: list[NDArray] = []
        self._F: list[NDArray] = []
        self._violation: list[NDArray] = []
        self.n = 0
        self.shares: list[float] = []

    def __call__(self, pop) -> None:
        self._cells.append(np.array([individual.get("index") for individual in pop], dtype=np.int64))
        self._F.append(np.array([individual.F for individual in pop], dtype=float))
        self._violation.append(np.array([np.maximum(individual.G, 0.0).sum() for individual in pop]))
        self.n += len(pop)
        while len(self.shares) < len(GRID) and self.n >= GRID[len(self.shares)]:
            self.shares.append(self.share(GRID[len(self.shares)]))

    def share(self, n: int) -> float:
        # Joined once, so that a run's cost is linear in its length.
        self._cells, self._F = [np.concatenate(self._cells)], [np.concatenate(self._F)]
        self._violation = [np.concatenate(self._violation)]
        return self._scorer.share(self._cells[0][:n], self._F[0][:n], self._violation[0][:n])


class _EveryLook(Evaluator):
    """Every evaluation counts, and is recorded."""

    def __init__(self, record: _Record) -> None:
        super().__init__()
        self._record = record

    def _eval(self, problem, pop, evaluate_values_of, **kwargs):
        super()._eval(problem, pop, evaluate_values_of, **kwargs)
        self._record(pop)


def run(
    scorer: Scorer, deviations: NDArray[np.float64] | None, entrant: Entrant, seed: int, *, most: int = MOST
) -> dict[str, object]:
    """Shares at the grid's points, as far as the run went, the most it might have taken, and its CPU seconds.

    A budget counts distinct cells; with noise, every evaluation.
    """
    record = _Record(scorer)
    least, most = min(entrant.least, most), min(entrant.most, most)
    problem = scorer.problem if deviations is None else NoisyProblem(scorer.problem, deviations, seed)
    algorithm = entrant.spec.build(problem.n_obj)
    if deviations is None:
        evaluator: Evaluator = BudgetedEvaluator(most, on_new=record)
        # Where few cells have values, an algorithm that does not know them would breed for minutes.
        termination = DistinctCells(most, **({} if problem.domain is None else {"stall_generations": 30}))
    else:
        evaluator, termination = _EveryLook(record), ("n_eval", most)
    started = time.process_time()
    algorithm.setup(problem, termination=termination, seed=seed, evaluator=evaluator)
    while algorithm.has_next() and not (record.n >= least and max(record.shares) >= ENOUGH):
        algorithm.next()
    seconds = time.process_time() - started
    if record.n < least:
        # It found nothing more: so much it had with whatever budget.
        last = record.share(record.n)
        record.shares += [last] * (sum(n <= least for n in GRID) - len(record.shares))
    return {"shares": np.round(record.shares, 6).tolist(), "n": record.n, "most": most, "seconds": round(seconds, 3)}


# -- kept as they come ---------------------------------------------------------------------------


def path_of(folder: Path, problem: str, label: str, seed: int) -> Path:
    """Where a run is kept."""
    plain = "".join(c if c.isalnum() else "-" for c in f"{problem} {label}")
    return folder / f"{plain}-{seed}.json"


def run_missing(folder: Path, problem: SuiteProblem, labels: Iterable[str], seeds: Sequence[int]) -> int:
    """Run what the folder does not hold; the number of runs.

    Where half of an algorithm's runs went to its whole budget in vain, its median run does not reach 99 %, whatever
    the others would find: these end at the last budget that is compared. So they do where all of the first five went
    there in vain, which they would with a probability of 3 % if the median run arrived.
    """

    @cache
    def posed() -> tuple[Scorer, NDArray[np.float64] | None]:
        made = problem.make()
        return Scorer(made), problem.deviations(made)

    done = 0
    for label in labels:
        whole, in_vain, settled = min(ENTRANTS[label].most, problem.most), 0, False
        for k, seed in enumerate(seeds):
            path = path_of(folder, problem.name, label, seed)
            settled = settled or 2 * in_vain >= len(seeds) or in_vain == k == FIRST
            most = min(whole, BUDGETS[-1]) if settled else whole
            found = read_json(path) if path.is_file() else None
            # A run that ended early, once fewer seeds were asked for, says nothing of a larger budget.
            if found is None or found["most"] < most:
                found = run(*posed(), ENTRANTS[label], seed, most=most)
                write_json(path, found)
                done += 1
            in_vain += most == whole and max(found["shares"]) < ENOUGH
    return done


def keep_runs(folder: Path, labels: Iterable[str], seeds: Sequence[int], kept: Path) -> None:
    """Pack the runs that a folder holds into one file, a line of JSON each."""
    paths = [path_of(folder, name, label, seed) for name in PROBLEMS for label in labels for seed in seeds]
    lines = [json.dumps({"run": path.stem, **read_json(path)}) for path in paths if path.is_file()]
    with atomic_path(kept) as temporary, lzma.open(temporary, "wt", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def take_kept(kept: Path, folder: Path, labels: Iterable[str], seeds: Sequence[int]) -> int:
    """Give a folder those of the packed runs that it lacks; their number."""
    with lzma.open(kept, "rt", encoding="utf-8") as stream:
        runs = {run.pop("run"): run for run in map(json.loads, stream)}
    paths = [path_of(folder, name, label, seed) for name in PROBLEMS for label in labels for seed in seeds]
    wanted = [path for path in paths if path.stem in runs and not path.is_file()]
    for path in wanted:
        write_json(path, runs[path.stem])
    return len(wanted)


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What was found on a problem.

    Attributes:
        shares: (seeds, len(GRID)) by label, NaN where a run had ended before.
        microseconds: CPU of an evaluation by label, of the median run.
        minutes: CPU of all runs.
    """

    problem: SuiteProblem
    shares: dict[str, NDArray[np.float64]]
    microseconds: dict[str, float]
    minutes: float


def load_curves(folder: Path, labels: Iterable[str], seeds: Iterable[int]) -> list[Curves]:
    """The problems of which the folder holds all runs."""
    found = []
    for name, problem in PROBLEMS.items():
        paths = {label: [path_of(folder, name, label, seed) for seed in seeds] for label in labels}
        if not all(path.is_file() for group in paths.values() for path in group):
            continue
        shares, spent, seconds = {}, {}, 0.0
        for label, group in paths.items():
            runs = [read_json(path) for path in group]
            shares[label] = np.full((len(runs), len(GRID)), np.nan)
            for row, result in zip(shares[label], runs, strict=True):
                row[: len(result["shares"])] = result["shares"]
            spent[label] = float(np.median([1e6 * result["seconds"] / result["n"] for result in runs]))
            seconds += sum(result["seconds"] for result in runs)
        found.append(Curves(problem=problem, shares=shares, microseconds=spent, minutes=seconds / 60.0))
    return found
