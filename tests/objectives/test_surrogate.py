"""The surrogate backend: values and deviations of every cell, the cache, the models' files."""

import copy
import json
import pickle
import shutil
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.errors import DataError, DataNotFoundError
from eomoo.models import EO_RECIPES, load_models, predictions, read_record, shipped_folder
from eomoo.models.applicability import VALUE, operation_counts
from eomoo.models.gaussian_process import to_bits
from eomoo.models.model_files import PREDICTIONS_FILE
from eomoo.models.record import RECORD_FILE
from eomoo.objectives.surrogate import SurrogateBackend

TARGETS = tuple(EO_RECIPES)
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
    monkeypatch.setattr(predictions, "N_CELLS", FEW)
    predictions._whole_space.cache_clear()
    yield tmp_path / "cache"
    predictions._whole_space.cache_clear()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of one's own with the shipped models, without their predictions; who changes it copies it."""
    folder = tmp_path_factory.mktemp("own") / "models"
    shutil.copytree(shipped_folder(), folder)
    (folder / PREDICTIONS_FILE).unlink()
    lines = (folder / RECORD_FILE).read_text().splitlines(keepends=True)
    (folder / RECORD_FILE).write_text("".join(line for line in lines if PREDICTIONS_FILE not in line))
    return folder


@pytest.fixture(scope="module")
def predicted(models):
    """What these models predict of the few cells, as ``predict_space`` gives it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "N_CELLS", FEW)
        return predictions.predict_space(models)


@pytest.fixture
def asked(predicted, monkeypatch):
    """The folders whose models are asked, each time; they answer at once what they predict."""
    folders = []
    monkeypatch.setattr(predictions, "predict_space", lambda folder: folders.append(folder) or predicted)
    return folders


def fresh(folder):
    """Values of a few cells by a backend that remembers nothing."""
    predictions._whole_space.cache_clear()
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


def test_operations_never_measured_and_cells_far_from_all_lie_outside(backend, space):
    cells = np.arange(len(space))
    outside = backend.extrapolates(cells)
    assert outside.dtype == bool
    assert outside[space.n_vertices < 5].all()
    # 19 of the 46 combinations of 5 to 7 vertices and their operations were measured; they hold 70 % of the space.
    assert 0.297 < outside.mean() < 0.30
    pools = (operation_counts(cells) == (7, 0, 0, 5)).all(axis=1)
    assert pools.sum() > 1_000
    assert outside[pools].all()


def test_marks_tell_what_lessens_a_prediction(backend, space):
    cells = np.arange(0, len(space), 101)
    marks = backend.marks(cells, ["latency", "val_macro_error", "val_macro"])
    assert marks.shape == (len(cells), 3)
    np.testing.assert_array_equal(marks[:, 1], marks[:, 2])
    beyond = np.array([VALUE in mark for mark in marks[:, 0]])
    # A device's latency is told by physics, whatever the operations.
    np.testing.assert_array_equal(marks[:, 0] != "", beyond)
    beyond_error = np.array([VALUE in mark for mark in marks[:, 1]])
    np.testing.assert_array_equal(marks[:, 1] != "", backend.extrapolates(cells) | beyond_error)
    fast = backend.values(cells, ["latency"])[:, 0] < 7.27
    assert fast.any()
    assert all(VALUE in mark for mark in marks[fast, 0])
    known = ~backend.extrapolates(cells) & (marks[:, 1] == "")
    assert known.mean() > 0.6
    assert backend.marks(cells[:0], ["latency"]).shape == (0, 1)
    assert backend.marks(cells[:2], []).shape == (2, 0)


def test_how_far_off_a_device_is_told_is_said_of_what_was_asked_for():
    backend = SurrogateBackend()
    backend.values(np.arange(5), ["val_macro_error", "train_time"])
    assert backend.notes() == []
    backend.values(np.arange(5), ["latency"])
    (note,) = backend.notes()
    assert note.startswith("latency on A100: predicted; held-out cells were off by 0.8")


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
        ("latency", 3.5, 26.0),
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
    cells = json.loads((shipped_folder() / "models.json").read_text())["cells"]
    models, every = load_models(shipped_folder()), np.arange(len(space))
    beyond = ~models.domain.has_operations(every)
    some = every[beyond][::997]
    alone = np.concatenate([part.model.predict(space.features(some))[1] for part in models.parts], axis=1)
    growth = np.concatenate([part.growth for part in models.parts])
    assert ((growth > 1.0) == [name != "latency" for part in models.parts for name in part.names]).all()
    np.testing.assert_allclose(everything[1][some] / alone, np.broadcast_to(growth, alone.shape), rtol=1e-3)
    outside = backend.extrapolates(every)
    for name, column in zip(TARGETS, (everything[1] / everything[0]).T, strict=True):
        assert np.median(column[~outside]) > 1.03 * np.median(column[cells]), name
        assert np.ptp(column) > 0.2 * np.median(column), name


# -- predictions of the whole space ----------------------------------------------------------------


def test_the_shipped_predictions_are_those_of_the_shipped_models(everything, space):
    cells = np.arange(0, len(space), 997)
    for shipped, predicted, bits in zip(
        everything, load_models(shipped_folder()).predict(cells), (24, 12), strict=True
    ):
        np.testing.assert_array_equal(shipped[cells], to_bits(predicted, bits))


def test_numbers_are_rounded_to_binary_digits():
    np.testing.assert_array_equal(to_bits(np.array([1 / 3, -1000.1, 0.0]), 4), [0.34375, -1024, 0])
    values = np.random.default_rng(0).standard_normal(1000)
    np.testing.assert_array_equal(to_bits(values, 24), values.astype(np.float32))
    np.testing.assert_allclose(to_bits(values, 12), values, rtol=2**-12)


def test_cells_with_the_same_features_have_the_same_predictions(everything, space):
    features = space.features(np.arange(len(space)))
    seen = {}
    same = np.array([seen.setdefault(row.tobytes(), cell) for cell, row in enumerate(features)])
    assert len(space) - len(seen) == 23_181
    for values in everything:
        np.testing.assert_array_equal(values, values[same])


def test_the_shipped_predictions_need_no_cache_and_no_models(small_cache, monkeypatch):
    monkeypatch.setattr(predictions, "N_CELLS", 423_624)
    monkeypatch.setattr(predictions, "load_models", None)
    assert np.isfinite(fresh(None)).all()
    assert not small_cache.exists()


def test_shipped_predictions_that_were_altered_are_refused(tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(shipped_folder(), folder)
    damage_flip(folder / PREDICTIONS_FILE)
    with pytest.raises(DataError, match=r"predictions\.npz is not the file that models\.toml"):
        fresh(folder)


def test_models_that_were_altered_are_refused_before_a_search(tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(shipped_folder(), folder)
    damage_flip(folder / "models.json")
    with pytest.raises(DataError, match=r"models\.json is not the file that models\.toml"):
        SurrogateBackend(folder)


def test_the_cache_gives_what_was_computed_without_the_models(models, small_cache, monkeypatch):
    first = fresh(models)
    assert [path.suffix for path in small_cache.rglob("*.*")] == [".npz"]
    monkeypatch.setattr(predictions, "predict_space", None)
    np.testing.assert_array_equal(fresh(models), first)


def test_that_every_cell_is_predicted_is_told_once(models, small_cache, asked):
    told = []
    for _ in range(2):
        predictions._whole_space.cache_clear()
        backend = SurrogateBackend(models)
        backend.report = told.append
        backend.values(np.arange(5), ["latency"])
    assert told == [f"predicting every cell with the models in {models}, once"]
    assert asked == [models]


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-1_000])


def damage_flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def damage_empty(path):
    path.write_bytes(b"")


def damage_other_shape(path):
    with np.load(path) as archive:
        np.savez(path, **{name: archive[name][:, :-1] for name in archive.files})


def damage_lacking(path):
    with np.load(path) as archive:
        np.savez(path, **{name: archive[name] for name in archive.files[1:]})


def damage_pickle(path):
    np.save(path.with_suffix(".npy"), np.array([{}], dtype=object))
    path.with_suffix(".npy").replace(path)


def damage_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_flip, damage_empty, damage_other_shape, damage_lacking, damage_pickle]
)
def test_a_damaged_cache_is_made_again(models, small_cache, asked, damage):
    first = fresh(models)
    (path,) = small_cache.rglob("*.npz")
    damage(path)
    np.testing.assert_array_equal(fresh(models), first)
    assert asked == [models] * 2
    np.testing.assert_array_equal(fresh(models), first)
    assert asked == [models] * 2


def test_a_cache_that_cannot_be_written_is_warned_about(models, small_cache, asked):
    small_cache.parent.joinpath("cache").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="computed anew by every command: cannot write"):
        values = fresh(models)
    assert np.isfinite(values).all()


def test_a_folder_in_the_place_of_the_cache_is_warned_about(models, small_cache, asked):
    first = fresh(models)
    (path,) = small_cache.rglob("*.npz")
    damage_folder(path)
    with pytest.warns(UserWarning, match="folder of that name"):
        np.testing.assert_array_equal(fresh(models), first)
    assert asked == [models] * 2


def test_other_models_or_another_xgboost_have_another_cache(models, small_cache, tmp_path, monkeypatch):
    record = read_record(models)
    path = predictions.cache_path(record)
    assert path.is_relative_to(small_cache)
    (tmp_path / RECORD_FILE).write_text(record.text + "\n# other\n")
    assert predictions.cache_path(read_record(tmp_path)) != path
    monkeypatch.setattr(predictions, "version", lambda name: "0.0")
    assert predictions.cache_path(record) != path


def test_two_processes_at_once_agree(models, small_cache):
    code = (
        "import numpy; from eomoo.models import model_files, predictions;"
        f"predictions.N_CELLS, predictions.load_models = {FEW}, model_files._load;"
        "from eomoo.objectives.surrogate import SurrogateBackend;"
        f"print(SurrogateBackend({str(models)!r}).values(numpy.arange(100), ['latency']).sum())"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sums = {run.communicate()[0].strip() for run in runs}
    assert [run.returncode for run in runs] == [0, 0]
    # Of their cache.
    assert sums == {str(fresh(models)[:100, TARGETS.index("latency")].sum())}
    assert len(list(small_cache.rglob("*.npz"))) == 1


# -- the models' files -----------------------------------------------------------------------------


def test_a_folder_of_ones_own_gives_the_same_values(models, small_cache, asked, everything):
    np.testing.assert_array_equal(fresh(models), everything[0][:FEW])
    assert asked == [models]
    again = pickle.loads(pickle.dumps(SurrogateBackend(models)))
    assert again.folder == models


def test_joint_draws_are_those_of_the_folders_own_models(models, monkeypatch):
    """Where the processes come from: the folder that the backend is given, and the seed."""
    joint_draws, asked = import_module("eomoo.models.joint_draws"), []
    read = joint_draws.read_processes
    monkeypatch.setattr(joint_draws, "read_processes", lambda folder: asked.append(folder) or read(folder))
    joint_draws.processes.cache_clear()
    joint_draws.joint_draws.cache_clear()
    first = joint_draws.joint_draws(models, read_record(models), 2, seed=1)
    assert asked == [models]
    assert joint_draws.joint_draws(models, read_record(models), 2, seed=1) is first
    assert joint_draws.joint_draws(models, read_record(models), 2, seed=2) is not first


def test_a_missing_folder_or_model_is_said(models, tmp_path, small_cache):
    with pytest.raises(DataNotFoundError, match="there are no models in"):
        SurrogateBackend(tmp_path / "nowhere")
    lacking = shutil.copytree(models, tmp_path / "lacking")
    (lacking / "train_time.ubj").unlink()
    with pytest.raises(DataNotFoundError, match=r"train_time\.ubj"):
        fresh(lacking)


# -- single measurements ---------------------------------------------------------------------------


def test_one_draw_errs_alike_where_cells_are_alike(backend, space):
    """As the residuals of walks do: neighbours share what is not known, not the noise of their measurements."""
    rng = np.random.default_rng(0)
    cells = rng.choice(len(space), 250, replace=False)
    nearby = np.array([space.neighbors(int(cell))[0] for cell in cells])
    names = ["latency", "val_macro_error"]
    z = []
    for seed in range(30):
        both = np.concatenate((cells, nearby))
        off = backend.draw(both, names, seed) - backend.values(both, names)
        z.append((off / backend.deviations(both, names)).reshape(2, 250, 2))
    first, second = np.moveaxis(np.array(z), 1, 0)
    for k, least in enumerate((0.3, 0.2)):
        together = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first[:, :, k].T, second[:, :, k].T, strict=True)])
        assert least < together < 0.98, names[k]
    # Cells that are apart err apart, and a draw is as far off as is said.
    apart = np.mean([np.corrcoef(first[:, j, 1], first[:, j + 1, 1])[0, 1] for j in range(249)])
    assert apart < 0.4
    assert np.sqrt(np.mean(first**2)) == pytest.approx(1.0, abs=0.1)


def test_a_draw_is_the_same_in_whatever_company(backend):
    cells = np.arange(0, 423_624, 9_001)
    whole = backend.draw(cells, TARGETS, 3)
    np.testing.assert_array_equal(backend.draw(cells[5:9], TARGETS, 3), whole[5:9])
    np.testing.assert_array_equal(backend.draw(cells[::-1], TARGETS, 3)[::-1], whole)
    assert (backend.draw(cells, TARGETS, 4) != whole).all()
