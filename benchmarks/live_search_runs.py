"""The runs of live_search.py: the arms, a replay with one or several simulated workers, and what a decision takes."""

import heapq
import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from live_search_problems import EPOCHS, Make, shares_of_true

import eomoo
from eomoo.arrays import Floats, Ints
from eomoo.data import read_measured
from eomoo.search import AlgorithmSpec, CostAwareSearch, DistinctCells, Prior, prior_of_measured
from eomoo.search.budget import BudgetedEvaluator
from eomoo.search.costs import Costs
from eomoo.search.trainings import Log, Task, Trainings

N_RANDOM, UNITS = 48, 20.0
_ENOUGH = 1000


def useful(problem: eomoo.CellProblem, seed: int, *, turned: bool = False) -> list[Prior]:
    """What 500 other cells told after a third of a training; with its sign turned, where wanted."""
    cells = np.random.default_rng([seed, 1]).choice(problem.cells, 500, replace=False)
    told = problem.backends["table"].at_rung(cells, ["val_error"], EPOCHS[-2] / EPOCHS[-1])[:, 0]
    prior = prior_of_measured("val_error", cells, told)
    return [Prior(name="turned", tell=lambda asked: -prior(asked)) if turned else prior]


def useless(problem: eomoo.CellProblem, seed: int) -> list[Prior]:
    """Numbers that have nothing to do with the cells."""
    noise = np.random.default_rng([seed, 2]).standard_normal(len(problem.space))
    return [Prior(name="noise", tell=lambda asked: noise[asked])]


def shipped(problem: eomoo.CellProblem, seed: int) -> list[Prior]:
    """What the models of the EO table say of the error on So2Sat."""
    eo = eomoo.get_problem("eo-macro-latency")
    return [Prior(name="eo-hwnas", tell=lambda asked: eo.objectives_at(asked)[:, 0])]


def a_third(problem: eomoo.CellProblem, seed: int) -> tuple[Ints, Floats]:
    """48 cells at random and their errors after a third of a training."""
    cells = np.random.default_rng([seed, 3]).choice(problem.cells, N_RANDOM, replace=False)
    return cells, problem.backends["table"].at_rung(cells, ["val_error"], EPOCHS[-2] / EPOCHS[-1])[:, 0]


def measured_before(folder: Path, problem: eomoo.CellProblem, seed: int) -> tuple[Ints, Floats]:
    """The cells of a measured table and the error there that the problem is about."""
    accuracy = problem.objective_names[0].removesuffix("_error")
    mean = read_measured(folder).mean().dropna(subset=accuracy)
    return mean["index"].to_numpy(), 100.0 * (1.0 - mean[accuracy].to_numpy())


def stored(
    told: Callable[[eomoo.CellProblem, int], tuple[Ints, Floats]],
    problem: eomoo.CellProblem,
    seed: int,
    *,
    shuffled: bool = False,
) -> list[Prior]:
    """Lets a store hold trainings of another setting, as ``related`` tells of them; shuffled they tell nothing."""
    cells, values = told(problem, seed)
    values = np.random.default_rng([seed, 4]).permutation(values) if shuffled else values
    found = [("another setting", dict(zip(cells.tolist(), values.tolist(), strict=True)))]
    problem.backends["table"].related = lambda name, **limits: found
    # The search takes them as it takes a store's.
    return []


Priors = Callable[[eomoo.CellProblem, int], list[Prior]]
ARMS: dict[str, tuple[bool, dict, Priors | None, int]] = {
    "known costs alone": (False, {"rungs": ()}, None, 1),
    "with a rung": (False, {}, None, 1),
    "with two rungs": (False, {"rungs": (12 / 108, 36 / 108)}, None, 1),
    "with a shuffled rung": (True, {}, None, 1),
    "with a rung and a prior": (False, {}, useful, 1),
    "with a rung and a prior turned round": (False, {}, partial(useful, turned=True), 1),
    "with a rung and a prior of noise": (False, {}, useless, 1),
    "with a rung and the shipped EO models": (False, {}, shipped, 1),
    "with a rung and 48 earlier trainings": (False, {}, partial(stored, a_third), 1),
    "with a rung and 48 earlier trainings, shuffled": (False, {}, partial(stored, a_third, shuffled=True), 1),
    "with a rung, 2 workers": (False, {}, None, 2),
    "with a rung, 4 workers": (False, {}, None, 4),
}
"""Of each whether its shorter trainings are shuffled, the search's settings, its priors and its workers."""
PLAIN = {"random": 1, "nsga2": 1, "surrogate-pls": 1, "random, 2 workers": 2, "random, 4 workers": 4}
"""Searches that know no costs, and their workers."""
ONLY_SAMPLE = {
    "with two rungs", "with a rung and a prior", "with a rung and a prior turned round",
    "with a rung and 48 earlier trainings", "with a rung and 48 earlier trainings, shuffled",
}  # fmt: skip
ONLY_MEASURED = {"with a rung and the shipped EO models"}
ONLY_TABLES = {"with two rungs", "with a shuffled rung", *ONLY_SAMPLE, *ONLY_MEASURED}


def add_earlier(folders: Sequence[Path]) -> list[str]:
    """Arms whose store holds what measured tables of other settings tell, and the same shuffled; their names."""
    added = {
        f"with a rung and {folder.name} in the store{', shuffled' if shuffled else ''}": (
            False, {}, partial(stored, partial(measured_before, folder), shuffled=shuffled), 1,
        )
        for folder in folders for shuffled in (False, True)
    }  # fmt: skip
    ARMS.update(added)
    return list(added)


class Simulated(Trainings):
    """Trainings on several workers by a clock of their own: each takes what it took when it was measured.

    Args:
        costs, ladder: As of the search, on scratch trainings.
        workers: How many.

    Attributes:
        now: In mean full trainings, when the last one ended.
        spells: When each began and ended, in the order of their beginning.
    """

    def __init__(self, costs: Costs, ladder: tuple[float, ...], workers: int) -> None:
        super().__init__(costs, ladder, Log(costs.keeper, {}))
        self._workers, self.now = workers, 0.0
        self.spells: list[tuple[float, float]] = []
        self._events: list[tuple[float, int, Task]] = []

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return self._workers - len(self.pending)

    def begin(self, task: Task) -> None:
        """Have a worker that is free train a cell, from now on."""
        super().begin(task)
        end = self.now + self._ladder[task[1]] * float(self._costs.effort(np.array([task[0]]))[0])
        heapq.heappush(self._events, (end, len(self.spells), task))
        self.spells.append((self.now, end))

    def wait(self) -> tuple[Task, Floats]:
        """The first of those under way that ends, and its values."""
        self.now, _, task = heapq.heappop(self._events)
        self.pending.remove(task)
        return task, self._train(task, 0)


def waited(spells: list[tuple[float, float]], workers: int, until: float) -> float:
    """The share of the workers' time up to then in which they trained nothing."""
    busy = sum(max(0.0, min(end, until) - begin) for begin, end in spells)
    # Rounding of many spells may come to a little more than all of the time.
    return max(0.0, 1.0 - busy / (workers * until))


def replay(problem: eomoo.CellProblem, algorithm: CostAwareSearch, seed: int, *, workers: int = 1) -> dict:
    """A search until it has spent its units: after each full training what was spent, when, and how good it is."""
    algorithm.setup(
        problem, termination=DistinctCells(_ENOUGH), seed=seed, evaluator=BudgetedEvaluator(_ENOUGH)
    )  # fmt: skip
    algorithm.trainings = under_way = Simulated(algorithm.costs, algorithm.ladder, workers)
    effort = algorithm.costs.effort
    full: list[int] = []
    spent: list[float] = []
    ends: list[float] = []
    while algorithm.has_next() and (not spent or spent[-1] < UNITS):
        algorithm.next()
        short = sum(share * effort(np.array([cell]))[0] for cell, share, _ in algorithm.dear.short)
        for cell in algorithm.trace.index[len(full) :].tolist():
            full.append(cell)
            spent.append(float(effort(np.array(full)).sum() + short))
            ends.append(under_way.now)
    reached = shares_of_true(problem, full).tolist()
    return {"curve": list(zip(spent, reached, strict=True)), "ends": ends, "spells": under_way.spells}


def by_name(problem: eomoo.CellProblem, name: str, seed: int, *, workers: int = 1) -> dict:
    """A search that knows no costs; several workers take its cells one after the other."""
    # A population that leaves four generations.
    options = {"pop_size": 12} if name == "nsga2" else {}
    spec = AlgorithmSpec(label=name, algorithm=name, options=options)
    cells = eomoo.search.run_algorithm(problem, spec, budget=N_RANDOM, seed=seed).cells
    lasts = Costs(problem).effort(cells)
    free, spells = [0.0] * workers, []
    for seconds in lasts.tolist():
        begin = heapq.heappop(free)
        heapq.heappush(free, begin + seconds)
        spells.append((begin, begin + seconds))
    order = np.argsort([end for _, end in spells], kind="stable")
    reached = shares_of_true(problem, cells[order].tolist()).tolist()
    ends = [spells[k][1] for k in order]
    return {"curve": list(zip(np.cumsum(lasts[order]).tolist(), reached, strict=True)), "ends": ends, "spells": spells}


def run_arm(make: Make, arm: str, seed: int) -> dict:
    """One run of an arm."""
    if arm in PLAIN:
        return by_name(make(False), arm.split(",")[0], seed, workers=PLAIN[arm])
    shuffled, options, priors, workers = ARMS[arm]
    problem = make(shuffled)
    told = priors(problem, seed) if priors else []
    return replay(problem, CostAwareSearch(priors=told, **options), seed, workers=workers)


def overhead(card: str, seed: int) -> dict:
    """CPU seconds of each decision of a search on a card's means, and the process's peak memory in MB.

    To be called in a process of its own.
    """
    problem, algorithm = eomoo.get_problem(card), CostAwareSearch()
    algorithm.setup(problem, termination=DistinctCells(_ENOUGH), seed=seed, evaluator=BudgetedEvaluator(_ENOUGH))
    plan, took = algorithm.plan, []

    def timed(*args: object) -> list[Task]:
        begin = time.process_time()
        tasks = plan(*args)
        took.append(time.process_time() - begin)
        return tasks

    algorithm.plan = timed
    while len(algorithm.trace) < N_RANDOM // 2:
        algorithm.next()
    # Linux tells it in KiB.
    return {"decisions": took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6}
