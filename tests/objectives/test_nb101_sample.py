"""Surrogates of 14,000 real cells of NAS-Bench-101: what their cards offer, by length of training."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

import eomoo
from eomoo.errors import SettingError, UnknownNameError
from eomoo.models import read_record, shipped_folder
from eomoo.objectives.surrogate import SurrogateBackend
from eomoo.search import Costs
from eomoo.space import CIFAR10

CELLS = np.random.default_rng(0).choice(423_624, 4_000, replace=False)
# Rank correlations of held-out cells that a first trial reached.
FLOORS = {108: 0.975, 36: 0.95, 12: 0.91, 4: 0.865}


def test_held_out_cells_are_ranked_as_well_as_was_promised():
    quality = read_record(shipped_folder("nb101-sample")).quality
    for epochs, floor in FLOORS.items():
        assert quality[f"val_accuracy_{epochs}"]["by_cell"].spearman >= floor
        assert 0.92 <= quality[f"val_accuracy_{epochs}"]["by_cell"].coverage <= 0.97
    assert quality["train_time_108"]["by_cell"].spearman >= 0.998


@pytest.mark.parametrize("name", ["nb101s-error-traintime", "nb101s-error-params", "nb101s-error-params-traintime"])
def test_cards_have_plausible_values_and_a_front_within_the_reference(name):
    problem = eomoo.get_problem(name)
    assert problem.skeleton == CIFAR10
    values = problem.values(CELLS)
    error = values[:, 0]
    assert 5.0 < error.min() < 7.5
    assert 8.0 < np.median(error) < 10.0
    assert (problem.deviations(CELLS)[:, 0] > 0.05).all()
    if "params" in problem.objective_names:
        k = problem.objective_names.index("params")
        np.testing.assert_array_equal(values[:, k], problem.space.params(CELLS, CIFAR10))
    front = problem.values(problem.pareto_indices())
    assert (problem.objectives.minimise(front) < problem.reference_point).all()


def test_epochs_are_a_fidelity():
    errors = {e: eomoo.get_problem("nb101s-error-params", epochs=e).values(CELLS)[:, 0] for e in FLOORS}
    medians = [np.median(errors[e]) for e in sorted(FLOORS)]
    assert medians == sorted(medians, reverse=True)
    rho = [spearmanr(errors[e], errors[108]).statistic for e in (4, 12, 36)]
    assert rho == sorted(rho)
    with pytest.raises(SettingError, match="is of 50 epochs; there are 4, 12, 36, 108"):
        eomoo.get_problem("nb101s-error-params", epochs=50)
    one, other = (eomoo.get_problem("nb101s-error-params", epochs=e).fingerprint for e in (36, 108))
    assert one != other


def test_a_length_of_training_is_offered_by_the_plain_name_too():
    backend = SurrogateBackend(data="nb101-sample", epochs=36)
    names = ["val_accuracy", "val_accuracy_36", "val_accuracy_error", "val_accuracy_36_error"]
    plain, own, error, own_error = backend.values(CELLS[:50], names).T
    np.testing.assert_array_equal(plain, own)
    np.testing.assert_array_equal(error, own_error)
    np.testing.assert_allclose(error, 100 * (1 - plain))
    drawn = backend.joint_draws(CELLS[:5], names, 3, seed=0)
    np.testing.assert_array_equal(drawn[:, :, 0], drawn[:, :, 1])
    again = pickle.loads(pickle.dumps(backend))
    np.testing.assert_array_equal(again.values(CELLS[:50], names[:1])[:, 0], plain)
    assert "val_accuracy" not in SurrogateBackend(data="nb101-sample").quantities


def test_wrong_settings_are_said():
    with pytest.raises(UnknownNameError, match="nb101"):
        SurrogateBackend(data="imagenet")
    with pytest.raises(SettingError, match="exclude each other"):
        SurrogateBackend("folder", data="eo-hwnas")
    with pytest.raises(SettingError, match="of one length of training: leave epochs out"):
        SurrogateBackend(epochs=3)


def test_shorter_trainings_are_offered_and_cost_their_share_of_what_a_cell_takes():
    backend = SurrogateBackend(data="nb101-sample", epochs=108)
    assert backend.rungs == (4 / 108, 12 / 108, 36 / 108, 1.0)
    asked = CELLS[:50], ["val_accuracy_error", "train_time"]
    short, shorter_models = backend.at_rung(*asked, 12 / 108), SurrogateBackend(data="nb101-sample", epochs=12)
    np.testing.assert_array_equal(short[:, 0], shorter_models.values(CELLS[:50], ["val_accuracy_error"])[:, 0])
    np.testing.assert_array_equal(short[:, 1], backend.values(*asked)[:, 1])
    every = backend.effort(np.arange(423_624))
    assert every.mean() == pytest.approx(1.0)
    assert spearmanr(every[CELLS[:50]], short[:, 1]).statistic > 1 - 1e-9
    assert SurrogateBackend(data="nb101-sample").rungs == (1.0,), "no epochs are asked for"


def test_a_length_without_a_model_of_each_dear_quantity_is_none(monkeypatch):
    record = read_record(shipped_folder("nb101-sample"))
    loss = dict.fromkeys(("val_loss_12", "val_loss_108"), record.targets["val_accuracy_12"])
    more = replace(record, targets=record.targets | loss)
    monkeypatch.setattr("eomoo.objectives.surrogate.read_record", lambda folder: more)
    assert SurrogateBackend(data="nb101-sample", epochs=108).rungs == (12 / 108, 1.0)


def test_short_trainings_of_a_drawn_landscape_are_drawn_too():
    problem = eomoo.get_problem("nb101s-error-params", noise=3)
    costs, cells = Costs(problem), CELLS[:40]
    backend = problem.backends["surrogate"]
    found, told = costs.values_at(cells, 12 / 108)[:, 0], backend.at_rung(cells, ["val_accuracy_error"], 12 / 108)[:, 0]
    off = (found - told) / backend.deviations(cells, ["val_accuracy_12_error"])[:, 0]
    assert 0.5 < off.std() < 1.6
    np.testing.assert_array_equal(found, costs.values_at(cells, 12 / 108)[:, 0])
    np.testing.assert_array_equal(costs.values_at(cells, 1.0)[:, 0], problem.values(cells)[:, 0])
