"""Quantities that a device tells of some cells, and a model of these of all others."""

from types import SimpleNamespace

import numpy as np
import pytest

from eomoo.errors import SettingError
from eomoo.models.device import LEAST_TIMED
from eomoo.search import Costs
from eomoo.search.timed import Timed

LOG = SimpleNamespace(recall=lambda kind, k: None, note=lambda kind, k, fact: None)


def timed_cells(pose, n, disturbed=()):
    problem = pose("err", "lat")
    marked = lambda cells, names: np.where(np.isin(cells, disturbed), "contended", "")[:, None]  # noqa: E731
    problem.backends["synthetic"].marks = marked
    problem.backends["synthetic"].cost = lambda name: "cheap" if name == "lat" else "dear"
    problem.backends["synthetic"].enumerable = False
    timed = Timed(problem, Costs(problem), LOG)
    cells = np.arange(0, 1_000 * n, 1_000)
    for part in np.array_split(cells, 3):
        assert timed.measure(part)
    assert not timed.measure(cells)
    return timed, cells


def test_what_was_timed_is_exact_and_what_was_not_has_a_deviation(pose):
    timed, cells = timed_cells(pose, 15)
    mean, std = timed.predict(np.array([cells[9], 5_500, cells[0]]))
    assert mean[[0, 2], 0].tolist() == [timed.of(cells[9])[0], timed.of(cells[0])[0]]
    assert std[[0, 2], 0].tolist() == [0.0, 0.0]
    assert std[1, 0] > 0


def test_a_timing_that_something_disturbed_is_no_surer_than_a_prediction_and_teaches_nothing(pose):
    loud = [3_000, 9_000]
    timed, cells = timed_cells(pose, 15, loud)
    quiet, _ = timed_cells(pose, 15)
    timed.values[np.isin(cells, loud)] *= 10.0
    mean, std = timed.predict(np.array([3_000, 4_000, 5_500]))
    assert mean[:2].tolist() == timed.values[[3, 4]].tolist()
    assert std[0, 0] > 0
    assert std[1, 0] == 0
    assert mean[2, 0] == pytest.approx(quiet.predict(np.array([5_500]))[0][0, 0], rel=0.3)
    # Where too few are quiet, all are better than none.
    assert (timed_cells(pose, 15, cells)[0].predict(cells)[1] > 0).all()


def test_a_model_is_fitted_to_the_latest_timings(pose, monkeypatch):
    timed, cells = timed_cells(pose, 16)
    fitted = []

    def fit(recipe, features, values):
        fitted.append(values)
        return SimpleNamespace(predict_and_place=lambda F: (np.zeros((len(F), 1)), np.ones((len(F), 1)), None))

    monkeypatch.setattr("eomoo.search.timed.MOST_TIMED", 13)
    monkeypatch.setattr("eomoo.search.timed.fit_device", fit)
    timed.predict(cells)
    assert fitted[0].tolist() == timed.values[3:, 0].tolist()


def test_what_is_no_duration_teaches_nothing_and_where_too_few_are_one_that_is_said(pose):
    timed, _ = timed_cells(pose, 15)
    without, _ = timed_cells(pose, 15)
    timed.values[[3, 6, 9], 0] = 0.0, -1.0, np.nan
    without.disturbed[[3, 6, 9]] = True
    assert timed.predict(np.array([5_500]))[0].tolist() == without.predict(np.array([5_500]))[0].tolist()
    timed.values[LEAST_TIMED:, 0] = 0.0
    with pytest.raises(SettingError, match=rf"lat was measured of {LEAST_TIMED - 1} of 15 cells, too few"):
        timed.predict(np.array([5_500]))
