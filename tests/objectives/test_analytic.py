"""The analytic backend: exact counts, as any backend gives them."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import SyntheticBackend, card_text

import eomoo
from eomoo.errors import CardError
from eomoo.fronts import Quantity
from eomoo.objectives.analytic import AnalyticBackend, skeleton_from_settings
from eomoo.objectives.base import with_errors


def test_counts_in_the_order_asked(space):
    backend, cells = AnalyticBackend(), np.array([7, 3, 7])
    values = backend.values(cells, ["macs", "params", "macs"])
    assert values.dtype == np.float64
    assert values[:, 1].tolist() == space.params(cells).tolist()
    assert values[:, 0].tolist() == values[:, 2].tolist() == space.macs(cells).tolist()


def test_on_another_skeleton(space):
    backend = AnalyticBackend(eomoo.CIFAR10)
    assert backend.values(np.array([5]), ["params"])[0, 0] == space.params(5, eomoo.CIFAR10)


def test_skeletons_from_cards():
    assert skeleton_from_settings("cifar10") is eomoo.CIFAR10
    wide = skeleton_from_settings({"in_channels": 4, "n_classes": 5, "stem_channels": 256})
    assert wide == eomoo.Skeleton(in_channels=4, n_classes=5, stem_channels=256)
    for wrong in ("SO2SAT", None, [], {"n_classes": 5}, {"in_channels": 4, "n_classes": 5, "depth": 2}):
        with pytest.raises(CardError, match="skeleton"):
            skeleton_from_settings(wrong)


def test_counts_are_of_the_network_that_other_values_are_of(card, space, monkeypatch):
    monkeypatch.setattr(SyntheticBackend, "skeleton", eomoo.CIFAR10)
    counted = '[[objectives]]\nname = "params"\nunit = ""\ndirection = "min"\nsource = "analytic"\n'
    path = card(text=f"{card_text('err')}\n{counted}")
    for options, skeleton in (
        ({}, eomoo.CIFAR10),
        ({"skeleton.stem_channels": 5}, replace(eomoo.CIFAR10, stem_channels=5)),
        ({"skeleton": "so2sat"}, eomoo.SO2SAT),
    ):
        problem = eomoo.get_problem(path, **options)
        assert problem.values(np.array([5]))[0, 1] == space.params(5, skeleton)


def test_errors_of_accuracies():
    known = {
        "val": Quantity(title="validation accuracy", unit="fraction", direction="max"),
        "time": Quantity(title="time", unit="s", direction="min"),
    }
    assert with_errors(known) == {**known, "val_error": Quantity(title="validation error", unit="%", direction="min")}
    with pytest.raises(KeyError, match="the analytic backend has no quantity 'x'; it offers params, macs"):
        AnalyticBackend().values([0], ["params", "x"])
