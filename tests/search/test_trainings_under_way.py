"""Searches on what is measured: timed before it is trained, several trainings at once, killed and begun again."""

import threading
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from synthetic import SyntheticBackend

from eomoo.analysis import spending_words
from eomoo.search import CostAwareSearch, run_algorithm
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.budget import BudgetedEvaluator, DistinctCells

# Each device times with noise of its own.
NUMBER = count()
OPTIONS = {"n_candidates": 300, "n_gated": 4}


class KilledError(Exception):
    """As if the process had been killed."""


class Device(SyntheticBackend):
    """Errors need a training, of which the longer ones may end before the shorter; latencies are timed, noisily."""

    name = "device"
    enumerable = False
    rungs = (0.25, 1.0)

    def __init__(self, kept, workers=1, continues=False, kill_after=None):
        super().__init__()
        self.kept, self.workers, self.continues, self.kill_after = kept, workers, continues, kill_after
        self.calls, self.together, self.most_together = [], 0, 0
        self.all_at_work = threading.Event()
        self.lock, self.trained, self.noise = threading.Lock(), {}, np.random.default_rng(next(NUMBER))

    def cost(self, quantity):
        return "cheap" if quantity == "lat" else "dear"

    def _at_rung(self, cells, names, *, share):
        assert "lat" not in names
        with self.lock:
            if self.kill_after is not None and sum(c[0] == "trained" for c in self.calls) >= self.kill_after:
                raise KilledError
            self.calls.append(("trained", int(cells[0]), share))
            self.together += 1
            self.most_together = max(self.most_together, self.together)
            if self.together == self.workers:
                self.all_at_work.set()
        # On a busy machine trainings of milliseconds are over before others begin.
        self.all_at_work.wait(2.0)
        threading.Event().wait(0.002 * (int(cells[0]) % 5) if self.workers > 1 else 0)
        with self.lock:
            self.together -= 1
        return super()._values(cells, names) + 5.0 * (1 - share)

    def _values(self, cells, names):
        values = super()._values(cells, names)
        if names == ["lat"]:
            self.calls += [("timed", int(cell), None) for cell in cells]
            values = values + 0.3 * self.noise.random(values.shape)
        return values

    def recall(self, what):
        return self.kept.get(str(what))

    def note(self, what, fact):
        self.kept[str(what)] = fact


@pytest.fixture
def search(pose):
    def run(budget=8, kept=None, constraints=(), **how):
        backend = Device({} if kept is None else kept, **how)
        problem = pose("err", "lat", constraints=constraints)
        problem._shared.backends = {"synthetic": backend}
        algorithm = CostAwareSearch(**OPTIONS)
        evaluator = BudgetedEvaluator(budget)
        algorithm.setup(problem, termination=DistinctCells(budget), seed=3, evaluator=evaluator)
        while algorithm.has_next():
            algorithm.next()
        return algorithm, backend

    return run


def seen(algorithm):
    return algorithm.trace.index.tolist(), algorithm.trace.F.tolist(), [row[:2] for row in algorithm.dear.short]


def test_whoever_is_trained_was_timed_before_and_a_dozen_before_anybody_is(search):
    algorithm, backend = search()
    kinds = [kind for kind, _, _ in backend.calls]
    assert kinds.index("trained") >= 12
    timed = [(k, cell) for k, (kind, cell, _) in enumerate(backend.calls) if kind == "timed"]
    when = {cell: k for k, cell in timed}
    assert len(when) == len(timed) == algorithm.spending["timed"]
    assert all(when[cell] < k for k, (kind, cell, _) in enumerate(backend.calls) if kind == "trained")
    assert len(timed) < 80
    values = dict(zip(algorithm.timed.cells.tolist(), algorithm.timed.values[:, 0], strict=True))
    assert algorithm.trace.F[:, 1].tolist() == [values[cell] for cell in algorithm.trace.index.tolist()]


@pytest.mark.parametrize("continues", [False, True])
def test_the_budget_holds_and_what_goes_on_pays_the_difference(search, continues):
    algorithm, backend = search(budget=6, continues=continues)
    trained = [(cell, share) for kind, cell, share in backend.calls if kind == "trained"]
    full = [cell for cell, share in trained if share == 1.0]
    assert full == algorithm.trace.index.tolist()
    short = [cell for cell, share in trained if share < 1.0]
    gone_on = len(set(short) & set(full)) if continues else 0
    spent = len(full) + 0.25 * (len(short) - gone_on)
    # What is left is less than the next full training, by way of its short one.
    assert 6.0 - (1.0 if continues else 1.25) <= spent <= 6.0
    said = algorithm.spending
    assert said["trained"] == [short, full]
    (row,) = said["worth"]
    assert (row["objective"], row["prior"], row["cells"]) == (
        "err", "trainings of 0.25 of a full one", len(set(short) & set(full)),
    )  # fmt: skip
    assert row["weight"] >= 0


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("budget", [1, 2])
def test_however_small_the_budget_one_is_trained_in_full(search, budget, workers, continues):
    algorithm, backend = search(budget=budget, workers=workers, continues=continues)
    full, short = ([c for kind, c, s in backend.calls if s == share] for share in (1.0, 0.25))
    assert full == algorithm.trace.index.tolist() != []
    assert len(full) + 0.25 * (len(short) - (len(full) if continues and short else 0)) <= budget
    assert not short or full[0] in short


def test_a_limit_on_what_is_timed_is_kept_by_whoever_is_trained(search, pose):
    free, _ = search()
    most = float(np.median(free.trace.F[:, 1]))
    algorithm, _ = search(constraints=[f"lat<={most!r}"])
    starts = {cell for cell, _, _ in algorithm.dear.short[:8]}
    later = np.array([cell for cell in algorithm.trace.index.tolist() if cell not in starts])
    assert len(later)
    assert (algorithm.trace.F[:, 1][np.isin(algorithm.trace.index, later)] <= most).all()


def test_no_worker_waits_for_another(search):
    algorithm, backend = search(workers=3)
    assert backend.most_together == 3
    assert len(algorithm.trace) + 0.25 * len(algorithm.dear.short) <= 8
    assert len(set(algorithm.trace.index.tolist())) == len(algorithm.trace) >= 2


@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_that_was_killed_decides_the_same_again_and_loses_nothing(search, workers):
    kept = {}
    with pytest.raises(KilledError):
        search(kept=kept, workers=workers, kill_after=9)
    before = [fact for fact in kept.values() if "rung" in fact]
    algorithm, _ = search(kept=kept, workers=workers)
    arrived = [(fact["cell"], fact["rung"]) for fact in kept.values() if "rung" in fact]
    if workers > 1:
        assert 4 <= len(before) < len(arrived)
        assert arrived[: len(before)] == [(fact["cell"], fact["rung"]) for fact in before]
    again, backend = search(kept=kept, workers=workers)
    assert seen(again) == seen(algorithm)
    # Another day's timings are other numbers; what was seen counts.
    assert not [call for call in backend.calls if call[0] == "timed"]


@pytest.mark.parametrize("continues", [False, True])
def test_a_run_tells_what_it_spent(pose, continues):
    problem = pose("err", "lat")
    problem._shared.backends = {"synthetic": Device({}, continues=continues)}
    result = run_algorithm(problem, AlgorithmSpec(label="x", algorithm="cost-aware", options=OPTIONS), budget=4, seed=1)
    assert result.spending["trained"][1] == result.cells.tolist()
    assert result.spending["ladder"] == [0.25, 1.0]
    short, full = result.spending["trained"]
    gone_on = len(set(short) & set(full)) if continues else 0
    spent = result.spending["spent"]
    assert spent == pytest.approx(len(full) + 0.25 * (len(short) - gone_on))
    run = SimpleNamespace(extra={"spending": result.spending}, budget=4, hours=None)
    assert spending_words(run)[0].endswith(f"timed. That took {spent:g} of 4 full trainings.")
    assert "failed" not in spending_words(run)[0]


def test_a_run_tells_how_many_of_its_trainings_failed(pose):
    class Fragile(Device):
        def _at_rung(self, cells, names, *, share):
            values = super()._at_rung(cells, names, share=share)
            return np.full_like(values, np.nan) if len(self.calls) % 3 == 0 else values

    problem, fragile = pose("err", "lat"), Fragile({})
    problem._shared.backends = {"synthetic": fragile}
    result = run_algorithm(problem, AlgorithmSpec(label="x", algorithm="cost-aware", options=OPTIONS), budget=4, seed=1)
    trained = [call[0] == "trained" for call in fragile.calls]
    failed = sum(trained[2::3])
    assert result.spending["failed"] == failed > 0
    run = SimpleNamespace(extra={"spending": result.spending}, budget=4, hours=None)
    assert f"in full; {failed} of them failed; " in spending_words(run)[0]
