from base64 import b64decode

import numpy as np
import pytest

import eomoo
from eomoo.fronts import non_dominated, sorted_front
from eomoo.search import kept_draws
from eomoo.search.kept_draws import drawn_facts, evaluated_facts


@pytest.fixture(scope="module")
def found():
    return eomoo.run("eo-macro-latency", algorithm="random", budget=120, seed=3, constraints="latency<=14")


def decoded(drawn, name):
    """Draws (k, n) as the page reads them."""
    low, high = (np.array(drawn["values"][name][end])[:, None] for end in ("low", "high"))
    codes = np.frombuffer(b64decode(drawn["values"][name]["bytes"]), dtype=np.uint8)
    return low + (high - low) * codes.reshape(len(low), drawn["n"]) / 255


def test_a_run_keeps_the_draws_by_which_its_uncertainty_is_told(found):
    drawn, said = found.stored.run.drawn, found.uncertainty()
    place = [drawn["cells"].index(cell) for cell in said.cells.tolist()]
    for k, name in enumerate(found.problem.objective_names):
        step = np.subtract(drawn["values"][name]["high"], drawn["values"][name]["low"])[place, None] / 255
        assert (np.abs(decoded(drawn, name)[place] - said.drawn[:, :, k].T) <= 0.51 * step).all()
    limit = float(np.median(found.front["latency"]))
    holds, _ = said.under({"latency": limit}, "val_macro_error")
    mine = (decoded(drawn, "latency")[place] <= min(limit, 14)).mean(axis=1)
    assert mine == pytest.approx(holds, abs=2.1 / drawn["n"]), "but for draws within half a step of the limit"
    assert ((holds > 0.1) & (holds < 0.9)).any()


def test_draws_are_of_feasible_cells_and_of_what_is_not_known(found):
    drawn, trace = found.stored.run.drawn, found.stored.trace
    assert sorted(drawn["cells"]) == sorted(trace.cells[trace.feasible].tolist())
    assert list(drawn["values"]) == found.problem.objective_names, "a limit on an objective is told by that"
    exact = eomoo.get_problem("eo-macro-params")
    assert list(drawn_facts(exact, trace.cells[:9])["drawn"]["values"]) == ["val_macro_error"]
    aside = eomoo.get_problem("eo-macro-params", constraints="latency<=14")
    assert list(drawn_facts(aside, trace.cells[:9])["drawn"]["values"]) == ["val_macro_error", "latency"]


def test_of_many_cells_the_front_is_kept_first_and_then_what_limits_leave_as_the_best(found, monkeypatch):
    problem, cells = found.problem, found.stored.trace.cells
    front = cells[non_dominated(problem.objectives_at(cells))]
    monkeypatch.setattr(kept_draws, "_MOST_BYTES", 200 * 2 * (len(front) + 7))
    kept = drawn_facts(problem, cells)["drawn"]["cells"]
    assert len(set(kept)) == len(kept) == len(front) + 7
    assert set(front.tolist()) == set(kept[: len(front)])
    left = np.setdiff1d(cells, front)
    F = np.column_stack((problem.objectives_at(left), problem.space.params(left), problem.space.macs(left)))
    layer = left[sorted_front(F)].tolist()
    assert set(kept[len(front) :]) <= set(layer)
    assert {layer[0], layer[-1]} <= set(kept), "they are thinned evenly, from end to end"
    monkeypatch.setattr(kept_draws, "_MOST_BYTES", 200 * 2 * 3)
    assert len(drawn_facts(problem, cells)["drawn"]["cells"]) == 3 < len(front)


def test_what_was_evaluated_is_kept_as_closely_as_it_is_shown_and_limits_as_they_were_compared(found):
    cells = found.stored.trace.cells
    facts = evaluated_facts(found.problem, cells)["evaluated"]
    np.testing.assert_allclose(facts["deviations"], found.problem.deviations(cells), rtol=5e-4)
    assert facts["limited"] == found.problem.limited_values(cells).tolist()


def test_a_cell_of_which_a_draw_is_no_number_is_left_out_and_one_whose_draws_are_equal_kept(found, monkeypatch):
    cells, draws = found.stored.trace.cells[:9], found.problem.joint_draws

    def one_missing(asked, n, seed):
        drawn = draws(asked, n, seed=seed)
        drawn[5, asked == cells[4], 0] = np.nan
        drawn[:, asked == cells[5], 0] = 0.25
        return drawn

    monkeypatch.setattr(found.problem, "joint_draws", one_missing)
    drawn = drawn_facts(found.problem, cells)["drawn"]
    assert sorted(drawn["cells"]) == sorted(np.delete(cells, 4).tolist())
    told = decoded(drawn, found.problem.objective_names[0])[drawn["cells"].index(cells[5])]
    assert told == pytest.approx(np.full(drawn["n"], 0.25))


def test_what_is_exact_or_drawn_with_noise_has_no_draws(found):
    cells = found.stored.trace.cells[:20]
    noisy = eomoo.get_problem("eo-macro-latency", noise=1)
    assert drawn_facts(noisy, cells) == evaluated_facts(noisy, cells) == {}
    assert drawn_facts(found.problem, cells[:0]) == {}
