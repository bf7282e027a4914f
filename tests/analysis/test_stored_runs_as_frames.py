import numpy as np
import pytest
from report_folders import PLS, RANDOM, fill

from eomoo.analysis import evaluation_frame, load_run, to_result
from eomoo.errors import SettingError
from eomoo.search.run import run_algorithm
from eomoo.space import load_space
from eomoo.study.store import STORE_NAME, Store


@pytest.fixture
def stored(pose, tmp_path):
    fill(tmp_path, pose("acc", "lat", stem="two"))
    with Store(tmp_path / STORE_NAME) as store:
        return load_run(store, store.runs()[0])


def test_a_result_is_as_pymoo_would_have_returned_it(stored, pose):
    result = to_result(stored)
    direct = run_algorithm(pose("acc", "lat"), PLS, budget=120, seed=1)
    assert load_space().index(result.X).tolist() == stored.front_cells.tolist()
    assert set(stored.front_cells.tolist()) == set(direct.front.tolist())
    assert pytest.approx(stored.front_values * [-1.0, 1.0]) == result.F
    assert len(result.pop) == 120
    assert result.pop.get("F") == pytest.approx(direct.values * [-1.0, 1.0])
    assert result.pop.get("acc") == pytest.approx(direct.values[:, 0])
    assert result.problem.name() == stored.problem.name
    assert result.problem.n_obj == 2
    assert result.problem.pareto_front() == pytest.approx(pose("acc", "lat").pareto_front())
    assert set(load_space().index(result.problem.pareto_set())) == set(stored.true_front[0])


def test_pymoo_reads_the_result(stored):
    from pymoo.indicators.hv import HV

    result = to_result(stored)
    assert HV(ref_point=np.array([0.0, 30.0]))(result.F) > 0


def test_a_stored_problem_evaluates_nothing(stored):
    result = to_result(stored)
    with pytest.raises(SettingError, match="hold no values of new cells"):
        result.problem.evaluate(result.X)


def test_one_row_for_each_evaluation(pose, tmp_path):
    fill(tmp_path, pose("err", "lat"), pose("acc", "lat"), specs=(PLS, RANDOM), seeds=(1, 2), budget=50)
    frame = evaluation_frame(tmp_path)
    assert len(frame) == 2 * 2 * 2 * 50
    assert frame.columns.tolist()[:7] == ["problem", "label", "algorithm", "seed", "budget", "step", "index"]
    assert frame.columns[-1] == "feasible"
    assert frame.groupby(["problem", "label", "seed"])["step"].max().eq(49).all()
    assert frame["err"].notna().sum() == frame["acc"].notna().sum() == 200
