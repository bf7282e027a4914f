from dataclasses import replace

import numpy as np
import pytest
import synthetic
from report_folders import PLS, RANDOM, fill

from eomoo.analysis import fronts, load_results
from eomoo.analysis.fronts import front_data, front_json, front_table
from eomoo.space import load_space


@pytest.fixture(scope="module")
def folder(pose, tmp_path_factory):
    return fill(tmp_path_factory.mktemp("fronts"), pose("acc", "lat"), specs=(PLS, RANDOM), seeds=(1, 2))


def load(folder):
    (results,) = load_results(folder).problems
    return front_data(results), list(zip(results.runs, results.traces, strict=True))


def test_the_joint_front_is_that_of_all_evaluations(folder):
    front, runs = load(folder)
    cells = np.concatenate([trace.cells for _, trace in runs])
    values = np.concatenate([trace.values for _, trace in runs])
    best = {int(cells[k]) for k in synthetic.brute_front(values * [-1, 1])}
    assert set(front.cells.tolist()) == best
    assert (np.diff(front.values[:, 0]) <= 0).all(), "best accuracy first"
    assert front.n_front == len(best)
    assert front.n_seen == len(set(cells.tolist()))


def test_found_by_counts_the_runs_whose_own_front_has_the_cell(folder):
    front, runs = load(folder)
    own = [{int(trace.cells[k]) for k in synthetic.brute_front(trace.values * [-1, 1])} for _, trace in runs]
    assert front.found_by.tolist() == [sum(cell in mine for mine in own) for cell in front.cells.tolist()]


def test_a_large_front_is_thinned_evenly_with_its_ends_and_knee(folder, monkeypatch):
    whole, _ = load(folder)
    monkeypatch.setattr(fronts, "MOST_CELLS", 5)
    front, _ = load(folder)
    assert 5 <= len(front.cells) <= 6 < whole.n_front == front.n_front
    assert [front.cells[0], front.cells[-1]] == [whole.cells[0], whole.cells[-1]]
    assert whole.knee is not None
    assert front.knee is not None
    assert front.cells[front.knee] == whole.cells[whole.knee]


def test_what_the_page_gets(folder):
    front, _ = load(folder)
    content = front_json(front)
    space = load_space()
    for k, cell in enumerate(front.cells.tolist()):
        codes, bits = content["graphs"][k].split(":")
        assert [int(c) for c in codes] == list(space.cell(cell).op_codes)
        n = space.cell(cell).n_vertices
        assert [int(b) for b in bits] == space.cell(cell).matrix[np.triu_indices(n, 1)].tolist()
        near = set(space.neighbors(cell).tolist()) & set(front.cells.tolist())
        assert {content["cells"][j] for j in content["neighbors"][k]} == near
    assert any(content["neighbors"]), "some neighbours are on this front"
    columns, n = {c["name"]: c for c in content["columns"]}, content["n"]
    assert columns["params"]["values"] == space.params(content["cells"]).tolist()
    assert columns["acc"]["values"][:n] == pytest.approx(front.values[:, 0], rel=1e-6)
    assert columns["acc"]["sd"][:n] == pytest.approx(front.values[:, 0] / 100, rel=1e-6)


def test_which_cells_are_on_the_true_front_is_told_where_all_of_it_is_known(folder):
    front, _ = load(folder)
    known = replace(front, true_front=(front.cells[1:3], front.values[1:3]), n_true=2)
    assert np.flatnonzero(known.on_true_front).tolist() == [1, 2]
    assert front_json(known)["optimal"] == known.on_true_front.tolist()
    assert replace(known, n_true=3).on_true_front is None
    assert replace(known, true_front=None).on_true_front is None


def test_what_a_page_shows_is_rounded_once():
    # To seven digits it is 55.065, which is 55.07 to four; a terminal says 55.06.
    (embedded,) = fronts._numbers(np.array([55.06499707]))
    assert f"{embedded:.2f}" == "55.06"


def test_the_page_has_every_cell_that_was_evaluated(folder):
    front, runs = load(folder)
    content = front_json(front)
    values = {int(c): v for _, trace in runs for c, v in zip(trace.cells, trace.values, strict=True)}
    assert sorted(content["cells"]) == sorted(values)
    assert content["cells"][: content["n"]] == front.cells.tolist()
    for k, name in enumerate(("acc", "lat")):
        column = next(c["values"] for c in content["columns"] if c["name"] == name)
        assert column == pytest.approx([values[cell][k] for cell in content["cells"]], rel=1e-5)


def test_of_too_many_cells_those_stay_that_limits_may_leave_as_the_best(folder, monkeypatch):
    whole, _ = load(folder)
    others = whole.others
    space, F = load_space(), others.values * [-1, 1]
    best = set(synthetic.brute_front(np.column_stack((F, space.params(others.cells), space.macs(others.cells)))))
    monkeypatch.setattr(fronts, "_MOST_SEEN", len(best) + 5)
    some, _ = load(folder)
    assert {int(others.cells[k]) for k in best} <= set(some.others.cells.tolist())
    assert len(some.others.cells) == len(best) + 5 < len(others.cells)
    assert some.n_seen == whole.n_seen


def test_an_objective_that_is_parameters_is_not_shown_twice(pose, tmp_path):
    text = synthetic.ANALYTIC_CARD
    front, _ = load(fill(tmp_path, pose(text=text), budget=60))
    names = [c["name"] for c in front_json(front)["columns"]]
    assert names == ["params", "macs", "vertices"]


def test_the_table_has_a_row_for_each_cell(folder):
    front, _ = load(folder)
    table = front_table(front)
    assert len(table.rows) == len(front.cells)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert [row[0] for row in table.rows] == front.cells.tolist()
