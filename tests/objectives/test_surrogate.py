"""The surrogate backend: values and deviations of every cell, the cache, the models' files."""

import copy
import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.errors import DataError, DataNotFoundError
from eomoo.models import whole_space as whole
from eomoo.models.model_files import RECORD_FILE, read_record, read_surrogates, shipped_folder
from eomoo.models.recipes import TARGETS
from eomoo.objectives.surrogate import SurrogateBackend

ACCURACIES = ("val_micro", "val_macro", "test_micro", "test_macro")
FEW = 3_000


@pytest.fixture(scope="module")
def backend():
    return SurrogateBackend()


@pytest.fixture(scope="module")
def everything(backend, space):
    """Means and deviations of all cells, (423624, 6) each."""
    cells = np.arange(len(space))
    return backend.values(cells, TARGETS), backend.deviations(cells, TARGETS)


@pytest.fixture
def small_cache(tmp_path, monkeypatch):
    """An empty cache, and a space that ends after a few cells so that it is computed quickly."""
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(whole, "N_CELLS", FEW)
    whole._whole_space.cache_clear()
    yield tmp_path / "cache"
    whole._whole_space.cache_clear()


def fresh(folder=None):
    """Values of a few cells by a backend that remembers nothing."""
    whole._whole_space.cache_clear()
    return SurrogateBackend(folder).values(np.arange(FEW), TARGETS)


# -- the backend -----------------------------------------------------------------------------------


def test_it_is_a_backend(backend):
    assert backend.known(TARGETS) is None
    assert set(backend.quantities) == {*TARGETS, *(f"{name}_error" for name in ACCURACIES)}


def test_quantities_have_titles_units_and_directions(backend):
    for name in ACCURACIES:
        assert "accuracy" in backend.quantities[name].title
        assert backend.quantities[name].direction == "max"
        error = backend.quantities[f"{name}_error"]
        assert ("error" in error.title, error.unit, error.direction) == (True, "%", "min")
    for name, unit in (("latency", "ms/batch"), ("train_time", "s")):
        assert (backend.quantities[name].unit, backend.quantities[name].direction) == (unit, "min")


def test_values_are_gathered_in_the_order_asked_for(backend, everything):
    cells, names = np.array([423_623, 7, 7, 100_434]), ["latency", "val_micro"]
    found = backend.values(cells, names)
    assert found.shape == (4, 2)
    assert found.dtype == np.float64
    columns = [TARGETS.index(name) for name in names]
    np.testing.assert_array_equal(found, everything[0][np.ix_(cells, columns)])
    np.testing.assert_array_equal(backend.deviations(cells, names), everything[1][np.ix_(cells, columns)])
    assert backend.values(cells[:0], names).shape == (0, 2)


def test_errors_are_accuracies_turned_round_in_per_cent(backend):
    cells = np.arange(0, 423_624, 9_999)
    for name in ACCURACIES:
        accuracy, error = backend.values(cells, [name, f"{name}_error"]).T
        np.testing.assert_allclose(error, 100 * (1 - accuracy), rtol=1e-12)
        spread, error_spread = backend.deviations(cells, [name, f"{name}_error"]).T
        np.testing.assert_allclose(error_spread, 100 * spread, rtol=1e-12)


def test_few_vertices_lie_outside_what_was_measured(backend, space):
    outside = backend.extrapolates(np.arange(len(space)))
    assert outside.dtype == bool
    np.testing.assert_array_equal(outside, space.n_vertices < 5)
    assert outside.sum() == 1 + 6 + 84


def test_copies_share_the_arrays_and_pickles_are_small(backend, everything):
    assert copy.deepcopy(backend) is backend
    assert len(pickle.dumps(backend)) < 1_000
    again = pickle.loads(pickle.dumps(backend))
    np.testing.assert_array_equal(again.values(np.arange(5), TARGETS), everything[0][:5])


def test_values_need_no_xgboost_pandas_or_sklearn_once_cached(backend, everything):
    code = (
        "import sys, numpy; from eomoo.objectives.surrogate import SurrogateBackend;"
        "v = SurrogateBackend().values(numpy.arange(5), ['latency']); assert v.shape == (5, 1);"
        "print([m for m in ('xgboost', 'pandas', 'sklearn', 'pymoo') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# -- the landscape ---------------------------------------------------------------------------------


def test_predictions_are_plausible_everywhere(everything):
    means, deviations = everything
    assert np.isfinite(means).all()
    assert np.isfinite(deviations).all()
    assert (deviations > 0).all()
    for name, low, high in (
        ("val_micro", 0.52, 0.64),
        ("val_macro", 0.30, 0.48),
        ("test_micro", 0.52, 0.64),
        ("test_macro", 0.30, 0.54),
        ("latency", 5.0, 26.0),
        ("train_time", 4_000.0, 24_000.0),
    ):
        column = means[:, TARGETS.index(name)]
        assert low < column.min() < column.max() < high, name


def test_landscapes_are_smooth_enough_to_have_many_values(everything):
    for column in everything[0].T:
        assert len(np.unique(column)) > 200_000


def test_costs_go_on_growing_beyond_the_measured_sizes(everything, space):
    macs = space.macs(np.arange(len(space)))
    largest_measured = 4_910_752_256
    beyond = macs > largest_measured
    below = (macs > 0.8 * largest_measured) & ~beyond
    assert beyond.sum() > 1_000
    for name in ("latency", "train_time"):
        cost = everything[0][:, TARGETS.index(name)]
        assert cost[beyond].mean() > cost[below].mean()
        assert spearmanr(macs, cost).statistic > 0.6


def test_deviations_grow_where_nothing_was_measured(everything, space, backend):
    cells = json.loads((shipped_folder() / "gaussian_process.json").read_text())["cells"]
    outside = backend.extrapolates(np.arange(len(space)))
    for name, column in zip(TARGETS, (everything[1] / everything[0]).T, strict=True):
        assert np.median(column[outside]) > 1.03 * np.median(column[~outside]), name
        assert np.median(column[~outside]) > 1.03 * np.median(column[cells]), name
        assert np.ptp(column) > 0.2 * np.median(column), name


# -- the cache -------------------------------------------------------------------------------------


def test_the_cache_gives_what_was_computed_without_the_models(small_cache, monkeypatch):
    first = fresh()
    assert [path.suffix for path in small_cache.rglob("*.*")] == [".npz"]
    monkeypatch.setattr(whole, "_compute", None)
    np.testing.assert_array_equal(fresh(), first)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-1_000])


def damage_flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def damage_empty(path):
    path.write_bytes(b"")


def damage_other_shape(path):
    np.savez(path, means=np.ones((6, 5), dtype=np.float32), deviations=np.ones((6, 5), dtype=np.float32))


def damage_nan(path):
    full = np.full((6, FEW), np.nan, dtype=np.float32)
    np.savez(path, means=full, deviations=full)


def damage_pickle(path):
    np.save(path.with_suffix(".npy"), np.array([{}], dtype=object))
    path.with_suffix(".npy").replace(path)


def damage_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_flip, damage_empty, damage_other_shape, damage_nan, damage_pickle]
)
def test_a_damaged_cache_is_made_again(small_cache, damage, monkeypatch):
    first = fresh()
    (path,) = small_cache.rglob("*.npz")
    damage(path)
    np.testing.assert_array_equal(fresh(), first)
    monkeypatch.setattr(whole, "_compute", None)
    np.testing.assert_array_equal(fresh(), first)


def test_a_cache_that_cannot_be_written_is_warned_about(small_cache):
    small_cache.parent.joinpath("cache").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="computed anew by every command: cannot write"):
        values = fresh()
    assert np.isfinite(values).all()


def test_a_folder_in_the_place_of_the_cache_is_warned_about(small_cache):
    first = fresh()
    (path,) = small_cache.rglob("*.npz")
    damage_folder(path)
    with pytest.warns(UserWarning, match="folder of that name"):
        np.testing.assert_array_equal(fresh(), first)


def test_other_models_or_another_xgboost_have_another_cache(small_cache, tmp_path, monkeypatch):
    record = read_record(shipped_folder())
    path = whole.cache_path(record)
    assert path.is_relative_to(small_cache)
    shutil.copytree(shipped_folder(), tmp_path / "models")
    (tmp_path / "models" / RECORD_FILE).write_text(record.text + "\n# other\n")
    assert whole.cache_path(read_record(tmp_path / "models")) != path
    monkeypatch.setattr(whole, "version", lambda name: "0.0")
    assert whole.cache_path(record) != path


def test_two_processes_at_once_agree(small_cache):
    code = (
        "import numpy; from eomoo.models import whole_space as w;"
        f"w.N_CELLS = {FEW};"
        "from eomoo.objectives.surrogate import SurrogateBackend;"
        "print(SurrogateBackend().values(numpy.arange(100), ['latency']).sum())"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    sums = {run.communicate()[0].strip() for run in runs}
    assert [run.returncode for run in runs] == [0, 0]
    assert sums == {str(fresh()[:100, TARGETS.index("latency")].sum())}
    assert len(list(small_cache.rglob("*.npz"))) == 1


# -- the models' files -----------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path):
    shutil.copytree(shipped_folder(), tmp_path / "models")
    return tmp_path / "models"


def test_a_folder_of_ones_own_gives_the_same_values(models, small_cache):
    np.testing.assert_array_equal(fresh(models), fresh())
    again = pickle.loads(pickle.dumps(SurrogateBackend(models)))
    assert again.folder == models


def test_a_missing_folder_or_model_is_said(models, tmp_path, small_cache):
    with pytest.raises(DataNotFoundError, match=RECORD_FILE):
        SurrogateBackend(tmp_path / "nowhere")
    (models / "latency.ubj").unlink()
    with pytest.raises(DataNotFoundError, match=r"latency\.ubj"):
        fresh(models)


@pytest.mark.parametrize("name", ["latency.ubj", "gaussian_process.json"])
def test_a_model_of_other_surrogates_is_refused(models, name, small_cache):
    content = bytearray((models / name).read_bytes())
    content[len(content) // 2] ^= 0x01
    (models / name).write_bytes(bytes(content))
    with pytest.raises(DataError, match="is not the file that"):
        fresh(models)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 1", "damaged"),
        ("not toml", "damaged"),
        ("\xff\xfe", "damaged"),
        ("format = 99\n[quality]\n", "has the format 99"),
        ("format = 1\nquality = 3\n", "damaged"),
    ],
)
def test_a_damaged_record_is_one_sentence(models, text, message):
    (models / RECORD_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read_record(models)


def test_the_record_says_how_the_models_were_made():
    record = read_record(shipped_folder())
    assert record.values["cells"] == 450
    assert {"xgboost", "numpy"} <= set(record.values["made_with"])
    assert len(record.values["data"]) == 6
    assert set(record.values["targets"]) == set(record.quality) == set(TARGETS)
    assert record.values["targets"]["train_time"]["slow_factor"] == pytest.approx(1.26, abs=0.02)
    assert record.values["targets"]["latency"]["slow_factor"] == 1.0


def test_shipped_models_are_small():
    files = [path for path in shipped_folder().iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_500_000
    assert {path.suffix for path in files} == {".ubj", ".json", ".toml"}


def test_models_predict_the_same_one_by_one_and_together(space):
    surrogates = read_surrogates(shipped_folder())
    features = space.features(np.arange(0, len(space), 20_011))
    together = surrogates.predict(features)
    alone = [surrogates.predict(row[None]) for row in features]
    np.testing.assert_allclose(np.concatenate([mean for mean, _ in alone]), together[0], rtol=1e-5)
    np.testing.assert_allclose(np.concatenate([dev for _, dev in alone]), together[1], rtol=1e-4)
