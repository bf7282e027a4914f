"""Wall hours as a budget: what has not begun is not begun, and what was found stays."""

from types import SimpleNamespace

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.termination import TerminateIfAll, TerminateIfAny
from pymoo.optimize import minimize
from pymoo.termination import get_termination
from synthetic import SyntheticBackend

import eomoo
from eomoo.errors import HoursOverError, SettingError
from eomoo.search import AlgorithmSpec, Hours, run_algorithm
from eomoo.search.hours import heeding_hours
from eomoo.search.run import Earlier


class Clock:
    """A clock by which every new cell takes a minute."""

    now = 1_000_000.0


def timed_values(self, cells, names):
    for cell in cells.tolist():
        if cell not in self.trained:
            if Clock.now >= self.until:
                raise HoursOverError("late")
            Clock.now += 60.0
            self.trained.add(cell)
    return values(self, cells, names)


values = SyntheticBackend._values


@pytest.fixture
def problem(pose, monkeypatch):
    posed = pose("err", "lat", constraints=["lat<=24"])
    backend = posed.backends["synthetic"]
    monkeypatch.setattr(SyntheticBackend, "_values", timed_values)
    monkeypatch.setattr("eomoo.search.hours.time", lambda: Clock.now)
    monkeypatch.setattr("pymoo.core.algorithm.time", SimpleNamespace(time=lambda: Clock.now))
    backend.trained = set()
    return posed


@pytest.mark.parametrize("name", ["pls", "nsga2", "surrogate-pls", "moead"])
def test_a_run_ends_with_its_hours_in_the_middle_of_a_batch(problem, name):
    backend, spec = problem.backends["synthetic"], AlgorithmSpec(label="x", algorithm=name)
    result = run_algorithm(problem, spec, budget=1000, seed=1, hours=0.55)
    assert result.complete
    assert result.ended == "its 0.55 hours are over"
    # A minute each, of 33; nothing that was trained is lost.
    assert len(result.cells) == 33
    assert set(result.cells.tolist()) == backend.trained
    assert backend.until == np.inf

    def slowly(progress):
        Clock.now += 3600.0 if progress.n_distinct <= 33 else 0.0

    earlier = Earlier(n_distinct=33, seconds=0.55 * 3600)
    more = run_algorithm(problem, spec, budget=1000, seed=1, hours=1.0, earlier=earlier, on_progress=slowly)
    assert set(result.cells.tolist()) < set(more.cells.tolist())
    # However long it takes to go through the first part again.
    assert len(more.cells) == 60


def test_going_again_through_what_was_evaluated_counts_as_no_time(problem, monkeypatch):
    second, seen = [0.0], []

    def tick(progress):
        second[0] += 1.0
        seen.append(progress.n_distinct)

    monkeypatch.setattr("eomoo.search.run.perf_counter", lambda: second[0])
    spec, earlier = AlgorithmSpec(label="x", algorithm="nsga2"), Earlier(n_distinct=120, seconds=7.0)
    result = run_algorithm(problem, spec, budget=200, seed=1, earlier=earlier, on_progress=tick)
    new = sum(n > 120 for n in seen)
    assert 0 < new < len(seen)
    assert result.seconds == 7.0 + new


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
@pytest.mark.parametrize("name", ["pls", "nsga2"])
def test_a_clock_that_is_set_loses_nothing(problem, monkeypatch, name, jump):
    backend, spec = problem.backends["synthetic"], AlgorithmSpec(label="x", algorithm=name)

    def set_once(self, cells, names):
        found = timed_values(self, cells, names)
        if len(self.trained) == 10:
            Clock.now += jump
        return found

    monkeypatch.setattr(Clock, "now", Clock.now)
    monkeypatch.setattr(SyntheticBackend, "_values", lambda self, cells, names: np.concatenate(
        [set_once(self, cells[k : k + 1], names) for k in range(len(cells))]
    ))  # fmt: skip
    result = run_algorithm(problem, spec, budget=1000, seed=1, hours=0.55)
    assert result.ended == "its 0.55 hours are over"
    assert len(result.cells) == (10 if jump > 0 else 33 + 120)
    assert set(result.cells.tolist()) == backend.trained


def test_a_training_that_another_clock_refuses_ends_the_hours(problem, monkeypatch):
    backend, refused = problem.backends["synthetic"], []

    def ahead(self, cells, names):
        if len(self.trained) >= 10:
            refused.append(cells)
            raise HoursOverError("late")
        return timed_values(self, cells, names)

    monkeypatch.setattr(SyntheticBackend, "_values", ahead)
    spec = AlgorithmSpec(label="x", algorithm="random")
    result = run_algorithm(problem, spec, budget=1000, seed=1, hours=100.0)
    assert result.ended == "its 100 hours are over"
    assert set(result.cells.tolist()) == backend.trained
    assert len(np.concatenate(refused)) < 1000


def test_hours_are_a_termination_of_pymoo(problem):
    algorithm = NSGA2(pop_size=20, **eomoo.search.cell_operators())
    ends = TerminateIfAny(Hours(0.75), get_termination("n_eval", 500))
    result = minimize(problem, algorithm, ends, seed=1)
    assert len(problem.backends["synthetic"].trained) == 45
    assert set(result.opt.get("index")) <= problem.backends["synthetic"].trained
    assert result.algorithm.n_iter == 4


@pytest.mark.parametrize("hours", [0, -1, float("nan"), "two", True])
def test_hours_that_cannot_be(hours):
    with pytest.raises(SettingError, match=r"hours must be (above 0|a finite number); got"):
        Hours(hours)


def test_hours_that_were_spent_before_are_not_given_again(monkeypatch):
    monkeypatch.setattr("eomoo.search.hours.time", lambda: Clock.now)
    algorithm = SimpleNamespace(start_time=Clock.now, evaluator=SimpleNamespace(n_distinct=5))
    for replayed in (0, 5):
        assert Hours(2, spent=1.5, replayed=replayed).until(algorithm, n_asked=1) == Clock.now + 1800


@pytest.mark.parametrize(("kind", "until"), [(TerminateIfAny, 3600.0), (TerminateIfAll, np.inf)])
def test_hours_stop_trainings_unless_other_criteria_have_to_be_met_too(kind, until):
    termination = kind(get_termination("n_eval", 5), Hours(1))
    algorithm, backend = SimpleNamespace(start_time=0.0, termination=termination), SimpleNamespace()
    with heeding_hours([backend], algorithm, n_asked=1):
        assert backend.until == until
    assert backend.until == np.inf
