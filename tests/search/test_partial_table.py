"""Searches on tables of one's own: cells not measured, failures, repeated measurements."""

import numpy as np
import pandas as pd
import pytest
from synthetic import all_values, ball, card_text

import eomoo
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.run import run_algorithm

N_CELLS, N_GAPS, N_FAILED = 200, 20, 30


@pytest.fixture(scope="module")
def rows():
    cells = ball()[:N_CELLS]
    frame = pd.DataFrame({name: all_values()[name][cells] for name in ("err", "lat")}).astype(object)
    frame.insert(0, "index", cells)
    frame.loc[: N_GAPS - 1, "lat"] = None
    frame.loc[N_CELLS - N_FAILED :, "err"] = "OOM"
    return frame


@pytest.fixture
def problem(rows, tmp_path):
    def build(*names, table=rows, settings=""):
        table.to_csv(tmp_path / "mine.csv", index=False)
        path = tmp_path / "card.toml"
        path.write_text(card_text(*names, source="table") + f'[backend.table]\nfile = "mine.csv"\n{settings}')
        return eomoo.get_problem(path)

    return build


def test_the_domain_is_what_was_measured_for_these_objectives(problem, rows):
    both, errors = problem("err", "lat"), problem("err")
    assert errors.domain.sum() == N_CELLS
    assert np.flatnonzero(both.domain).tolist() == rows["index"][N_GAPS:].tolist()
    lost = rows["index"].to_numpy()[-N_FAILED:]
    assert np.isnan(both.values(lost)[:, 0]).all()
    assert np.isfinite(both.values(lost)[:, 1]).all()
    assert (both.violations_at(lost) > 0).all()
    assert not np.isin(both.pareto_indices(), lost).any()
    assert both.enumerable


def test_cells_without_a_value_are_on_no_drawn_front(problem, rows):
    both, lost = problem("err", "lat"), rows["index"].to_numpy()[-N_FAILED:]
    found = eomoo.front_uncertainty(both, [*both.pareto_indices()[:3], *lost], n_draws=3)
    assert found.probability.tolist() == [1] * 3 + [0] * N_FAILED
    assert (found.drawn[:, 3:] == np.inf).all()


@pytest.mark.parametrize("name", ["random", "pls"])
def test_a_search_meets_failures_and_never_a_gap(problem, rows, name):
    both = problem("err", "lat")
    found = run_algorithm(both, AlgorithmSpec(label=name, algorithm=name), budget=N_CELLS - N_GAPS, seed=1)
    cells = rows["index"].to_numpy()
    assert not np.isin(found.cells, cells[:N_GAPS]).any()
    lost = np.isin(found.cells, cells[-N_FAILED:])
    assert lost.any()
    assert (found.feasible == ~lost).all()
    assert np.isnan(found.values[lost, 0]).all()
    if len(found.cells) == N_CELLS - N_GAPS:
        assert sorted(found.front) == sorted(both.pareto_indices())
    assert len(found.cells) == N_CELLS - N_GAPS or name == "pls"


def test_noise_is_one_of_the_measurements(problem, rows):
    again = rows.assign(err=[value if value == "OOM" else value + 1 for value in rows["err"]])
    both = problem("err", "lat", table=pd.concat((rows, again)))
    cells = rows["index"].to_numpy()[N_GAPS:-N_FAILED]
    first = all_values()["err"][cells]
    np.testing.assert_allclose(both.values(cells)[:, 0], first + 0.5)
    # Of an error as shares of it, which all are drawn towards.
    share = both.deviations(cells)[:, 0] / (first + 0.5)
    np.testing.assert_allclose(share, np.sqrt(np.mean((0.5 / (first + 0.5)) ** 2)), rtol=0.02)
    noisy = eomoo.get_problem(both.card.folder / "card.toml", noise=1)
    steps = noisy.values(cells)[:, 0] - first
    assert set(np.round(steps, 9)) == {0.0, 1.0}
    drawn = problem("err", "lat", table=pd.concat((rows, again)), settings='repeat = "random"\nseed = 1\n')
    np.testing.assert_array_equal(drawn.values(cells), noisy.values(cells))
    assert drawn.fingerprint != both.fingerprint


def test_the_domain_of_two_tables_is_what_both_measured(rows, tmp_path):
    rows[["index", "err"]][:150].to_csv(tmp_path / "errors.csv", index=False)
    rows[["index", "lat"]][50:].to_csv(tmp_path / "times.csv", index=False)
    text = card_text("err", source="table:errors.csv") + card_text("lat", source="table:times.csv")
    (tmp_path / "two.toml").write_text(text)
    problem = eomoo.get_problem(tmp_path / "two.toml")
    assert np.flatnonzero(problem.domain).tolist() == rows["index"][50:150].tolist()
    (tmp_path / "turned.toml").write_text(
        card_text("lat", source="table:times.csv") + card_text("err", source="table:errors.csv")
    )
    turned = eomoo.get_problem(tmp_path / "turned.toml")
    assert (turned.domain == problem.domain).all()
    assert (turned.pareto_indices() == problem.pareto_indices()[::-1]).all()
