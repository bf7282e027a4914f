"""Bands and bars end where no value can be."""

import numpy as np
import pytest

from eomoo.fronts import Objective, Objectives
from eomoo.fronts.uncertainty import outlines_of


def objectives(*units):
    parts = (Objective(name=f"q{k}", title=f"q {k}", unit=unit, direction="min") for k, unit in enumerate(units))
    return Objectives(tuple(parts))


def test_a_band_of_shares_and_times_stays_where_values_can_be():
    pair = objectives("%", "ms/batch")
    band = {p: np.array([[-200.0 + 2 * p, 3.0], [90.0 + p, -2.0 + p / 50]]) for p in (5.0, 25.0, 75.0, 95.0)}
    front = np.array([[1.0, 2.5], [95.0, 0.5]])
    for _, outline in outlines_of(pair, front, band):
        assert outline[:, 0].min() == 0
        assert outline[:, 0].max() == 100
        assert outline[:, 1].min() == 0
        assert outline[:, 1].max() >= 3


@pytest.mark.parametrize(
    ("unit", "values", "cut"),
    [
        ("fraction", [-0.1, 1.2], [0, 1]),
        ("", [-3.0, 200.0], [-3, 200]),
        ("dB", [-3.0, 7.0], [-3, 7]),
        ("s", [-3.0, 7.0], [0, 7]),
    ],
)
def test_only_what_a_unit_forbids_is_cut(unit, values, cut):
    within = objectives(unit).within(np.array(values)[:, None], np.array([[0.5]]))
    assert within[:, 0].tolist() == cut


def test_no_value_that_is_known_is_cut():
    # A change in per cent may be below none.
    within = objectives("%").within(np.array([[-40.0], [150.0]]), np.array([[-20.0], [30.0]]))
    assert within[:, 0].tolist() == [-20, 100]
    assert objectives("%", "s").within(np.empty((0, 2)), np.empty((0, 2))).shape == (0, 2)
