"""Cards whose latency is that of another device: models of few timings, what of the card stays, refusals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import eomoo
from eomoo.data import measured_table, read_measured, write_measured
from eomoo.errors import CardError, DataNotFoundError, SettingError
from eomoo.measuring.cells import spread_cells
from eomoo.models import load_models, read_record
from eomoo.models.device import DeviceModel
from eomoo.objectives import SurrogateBackend, load_card, parse_constraint
from eomoo.objectives.card import card_folder
from eomoo.objectives.latency_from import with_latency_from
from eomoo.objectives.measured_rows import rows_of
from eomoo.objectives.refit import fit_table
from eomoo.space import CIFAR10, SO2SAT
from eomoo.space.features import feature_names

pytestmark = pytest.mark.usefixtures("few_hopeful")
LAW = {"name": "latency", "title": "latency", "unit": "ms/batch", "direction": "min", "kind": "timed"}
MARK = {"name": "latency_disturbed", "title": "disturbed", "unit": "", "direction": "min", "kind": "mark"}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOMOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def timed(space, folder, *, n=20, skeleton=SO2SAT, slow=1.0, disturbed=0):
    """A folder of a measured table of timings by a law, as `eomoo measure --only latency` writes it."""
    cells = spread_cells(n)
    rows = pd.DataFrame({"index": cells, "latency": took(space, cells) * slow})
    rows["latency_disturbed"] = np.where(np.arange(n) < disturbed, 1.0, 0.0)
    facts = {
        "title": "latency on a board",
        "columns": [LAW, MARK],
        "device": {"timing": "a board"},
        "skeleton": vars(skeleton),
    }
    write_measured(measured_table(rows, facts), folder)
    return folder


def took(space, cells):
    """Milliseconds (n,): pools are dear, unlike on the A100."""
    pools = space.features(cells)[:, list(feature_names()).index("maxpool")]
    return (2.0 + space.macs(cells) / 1e9) * (1.0 + 0.15 * pools)


@pytest.fixture(scope="module")
def folder(space, tmp_path_factory):
    place = tmp_path_factory.mktemp("device")
    fit_table(timed(space, place / "timed")).save(place / "models")
    return place / "models"


def test_models_of_few_timings_say_of_which_device_and_how_far_they_are_off(space, folder):
    models = load_models(folder)
    assert models.targets["latency"].title == "latency on a board, from 20 timings"
    assert models.skeleton == SO2SAT
    assert isinstance(models.parts[0].model, DeviceModel)
    assert sorted(path.name for path in folder.iterdir()) == ["models.json", "models.toml"]
    cells = np.arange(0, len(space), 500)
    mean, std = models.predict(cells)
    assert spearmanr(mean[:, 0], took(space, cells)).statistic > 0.95
    quality = read_record(folder).quality["latency"]["by_cell"]
    assert 0 < quality.median_error < 0.15
    assert quality.n == 20
    inside = np.mean(np.abs(mean[:, 0] - took(space, cells)) < 2 * std[:, 0])
    assert inside > 0.85


def test_loaded_models_predict_and_draw_as_the_fitted_ones(space, folder, tmp_path):
    fitted = fit_table(timed(space, tmp_path))
    loaded, cells = load_models(folder), np.arange(0, len(space), 5_000)
    np.testing.assert_array_equal(fitted.predict(cells), loaded.predict(cells))
    np.testing.assert_array_equal(fitted.draw(cells, 5, seed=1), loaded.draw(cells, 5, seed=1))


def test_no_cell_is_called_an_extrapolation_for_its_operations(space, folder):
    problem = eomoo.get_problem("eo-macro-latency", latency_from=folder)
    source = problem.card.objectives[1].source
    cells = np.arange(0, len(space), 300)
    assert not problem.backends[source].extrapolates(cells).any()
    marks = problem.backends[source].marks(cells, ["latency"])
    assert set(np.unique(marks)) == {"", "beyond the values"}


def test_only_the_latency_of_a_card_is_replaced(space, folder):
    shipped = eomoo.get_problem("eo-macro-latency")
    own = eomoo.get_problem("eo-macro-latency", latency_from=folder, constraints="latency<=9")
    cells = np.arange(0, len(space), 1_000)
    np.testing.assert_array_equal(own.values(cells)[:, 0], shipped.values(cells)[:, 0])
    mean, std = (part[:, 0] for part in load_models(folder).predict(cells))
    np.testing.assert_allclose(own.values(cells)[:, 1], mean, rtol=1e-6)
    np.testing.assert_allclose(own.deviations(cells)[:, 1], std, rtol=1e-3)
    assert own.titles[1] == "latency on a board, from 20 timings"
    assert "but latency on a board" in own.card.title
    assert own.reference_point[0] == shipped.reference_point[0]
    assert np.mean(own.values(own.cells)[:, 1] < own.reference_point[1]) == pytest.approx(0.95, abs=0.02)
    assert own.violations_at(cells).tolist() == pytest.approx(np.maximum(own.values(cells)[:, 1] - 9, 0) / 9)


def test_a_limit_of_a_card_is_on_the_same_latency(folder):
    card = load_card("eo-macro-latency")
    limit = parse_constraint("latency<=9", card)
    found = with_latency_from(replace(card, constraints=(limit,)), folder)
    assert found.constraints[0].source == found.objectives[1].source == f"surrogate:{folder.resolve()}"
    assert found.objectives[0] == card.objectives[0]


def test_the_fronts_uncertainty_goes_through_the_devices_joint_draws(space, folder):
    problem = eomoo.get_problem("eo-macro-latency", latency_from=folder)
    cells = problem.pareto_indices()[::5]
    drawn = problem.joint_draws(cells, 300, seed=0)
    values, unknown = problem.values(cells)[:, 1], problem.ignorance(cells)[:, 1]
    np.testing.assert_allclose(drawn[:, :, 1].mean(axis=0), values, atol=0.25 * unknown.max())
    np.testing.assert_allclose(np.median(drawn[:, :, 1].std(axis=0) / unknown), 1.0, rtol=0.1)


def test_another_device_is_another_problem(space, folder, tmp_path):
    fit_table(timed(space, tmp_path / "timed", slow=1.5)).save(tmp_path / "models")
    assert SurrogateBackend(tmp_path / "models").fingerprint() != SurrogateBackend(folder).fingerprint()
    own, shipped = (eomoo.get_problem("eo-macro-latency", latency_from=f) for f in (folder, None))
    assert own.fingerprint != shipped.fingerprint


def test_cards_and_models_that_do_not_fit_are_one_sentence(space, folder, tmp_path):
    with pytest.raises(CardError, match="eo-macro-params has no latency that another device could have"):
        eomoo.get_problem("eo-macro-params", latency_from=folder)
    with pytest.raises(DataNotFoundError):
        eomoo.get_problem("eo-macro-latency", latency_from=tmp_path / "nothing")
    fit_table(timed(space, tmp_path / "timed", skeleton=CIFAR10)).save(tmp_path / "other")
    shipped = (card_folder() / "eo-macro-latency.toml").read_text()
    (tmp_path / "card.toml").write_text(shipped.replace("reference_point", "# reference_point"))
    with pytest.raises(CardError, match="another skeleton"):
        eomoo.get_problem(tmp_path / "card.toml", latency_from=tmp_path / "other")
    frame = pd.DataFrame({"index": np.arange(20), "latency": took(space, np.arange(20))})
    fit_table(frame).save(tmp_path / "unknown")
    with pytest.raises(CardError, match="do not say of which skeleton"):
        eomoo.get_problem("eo-macro-latency", latency_from=tmp_path / "unknown")
    fit_table(frame.rename(columns={"latency": "joules"})).save(tmp_path / "energy")
    with pytest.raises(CardError, match="predict no latency; they predict joules"):
        eomoo.get_problem("eo-macro-latency", latency_from=tmp_path / "energy")


def test_disturbed_timings_are_left_out_and_refused_where_too_few_are_left(space, tmp_path):
    models = fit_table(timed(space, tmp_path / "some", disturbed=5))
    assert models.targets["latency"].title == "latency on a board, from 15 timings"
    with pytest.raises(SettingError, match="known of 8 cells only; give the command that timed them again"):
        fit_table(timed(space, tmp_path / "most", disturbed=12))


def test_energy_of_disturbed_rounds_is_left_out_too(space, tmp_path):
    table = read_measured(timed(space, tmp_path / "timed", disturbed=5))
    energy = {**LAW, "name": "energy", "title": "energy", "unit": "J"}
    given = {**LAW, "name": "wait", "title": "wait", "kind": "given"}
    facts = {**table.facts, "columns": [*table.facts["columns"], energy, given]}
    rows = rows_of(measured_table(table.to_dataframe().assign(energy=1.0, wait=1.0), facts), ["energy", "wait"])
    assert np.isnan(rows.values["energy"]).tolist() == [True] * 5 + [False] * 15
    assert np.isfinite(rows.values["wait"]).all()
