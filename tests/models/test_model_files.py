"""The models' files: what is damaged, altered or read otherwise is refused in a sentence."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.files import sha256_of
from eomoo.models import EO_RECIPES, Measurements, fit_models, load_models, read_record, shipped_folder
from eomoo.models.model_files import _TRY, PREDICTIONS_FILE
from eomoo.models.record import RECORD_FILE, record_text


@pytest.fixture
def models(tmp_path):
    """A folder with the shipped models."""
    shutil.copytree(shipped_folder(), tmp_path / "models")
    return tmp_path / "models"


def vouch(folder, name):
    """Let the record hold the checksum that a file has now."""
    record = read_record(folder)
    (folder / RECORD_FILE).write_text(record.text.replace(record.files[name], sha256_of(folder / name)))


def flip(path, at, bit=0x01):
    content = bytearray(path.read_bytes())
    content[at] ^= bit
    path.write_bytes(bytes(content))


def test_a_folder_of_ones_own_is_read(models, space):
    cells = np.arange(0, len(space), 40_000)
    own, shipped = load_models(models), load_models(shipped_folder())
    np.testing.assert_array_equal(own.predict(cells), shipped.predict(cells))
    assert own.quality == shipped.quality


def test_models_predict_the_same_one_by_one_and_together(space):
    shipped, cells = load_models(shipped_folder()), np.arange(0, len(space), 20_011)
    alone = np.concatenate([np.stack(shipped.predict([cell])) for cell in cells], axis=1)
    np.testing.assert_array_equal(alone, shipped.predict(cells))


@pytest.mark.parametrize("name", ["train_time.ubj", "models.json", PREDICTIONS_FILE])
def test_a_file_of_other_models_is_refused_before_it_is_tried(models, name, monkeypatch):
    monkeypatch.setattr("eomoo.models.model_files._try_elsewhere", None)
    flip(models / name, 5_000)
    with pytest.raises(DataError, match=r"is not the file that .* copy the folder again, or fit the models again"):
        load_models(models)


def test_a_missing_file_or_folder_is_said(models, tmp_path):
    table = tmp_path / "table.csv"
    table.touch()
    for folder in (tmp_path, table, tmp_path / "nowhere"):
        with pytest.raises(DataNotFoundError, match=rf"there are no models in {folder}; `eomoo surrogate fit TABLE"):
            load_models(folder)
    (models / "train_time.ubj").unlink()
    with pytest.raises(DataNotFoundError, match=r"train_time\.ubj"):
        load_models(models)


def test_models_that_are_read_otherwise_than_written_are_refused(models):
    """As by an xgboost that does not see the base score: all predictions are shifted."""
    numbers = json.loads((models / "models.json").read_text())
    column = list(EO_RECIPES).index("latency")
    for row in numbers["references"]["mean"]:
        row[column] += 0.735
    (models / "models.json").write_text(json.dumps(numbers))
    vouch(models, "models.json")
    with pytest.raises(DataError, match=r"does not predict latency as the models in .* with xgboost 3"):
        load_models(models)


def test_a_deviation_that_is_read_otherwise_is_refused(models):
    numbers = json.loads((models / "models.json").read_text())
    numbers["part_0"]["spread"][0] *= 1.01
    (models / "models.json").write_text(json.dumps(numbers))
    vouch(models, "models.json")
    with pytest.raises(DataError, match="does not predict val_micro"):
        load_models(models)


def test_trees_that_were_altered_are_one_sentence(models):
    """Whatever xgboost makes of them: an error, other values or its own end; never that of this process."""
    content = (models / "train_time.ubj").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(3):
        altered = bytearray(content)
        for at in rng.integers(len(content), size=20):
            altered[at] ^= int(rng.integers(1, 256))
        (models / "train_time.ubj").write_bytes(bytes(altered))
        vouch(models, "train_time.ubj")
        with pytest.raises(DataError, match=r"^(the (folder of models|models in) |xgboost )"):
            load_models(models)


def test_a_death_of_the_process_that_tries_is_a_sentence(models, monkeypatch):
    monkeypatch.setattr("eomoo.models.model_files._TRY", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(DataError, match="cannot be read: xgboost died of them"):
        load_models(models)


def test_changed_files_are_refused_before_another_process_reads_them(models, monkeypatch):
    monkeypatch.setattr("eomoo.models.model_files._TRY", "import sys; sys.exit(1)")
    (models / "models.json").write_text("{}")
    with pytest.raises(DataError, match=r"is not the file that models\.toml beside it describes"):
        load_models(models)


def test_the_process_that_tries_does_without_scikit_learn(models, monkeypatch):
    monkeypatch.setattr("eomoo.models.model_files._TRY", f"{_TRY}\nassert 'sklearn.base' not in sys.modules")
    load_models(models)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 3", "damaged"),
        ("not toml", "damaged"),
        ("\xff\xfe", "damaged"),
        ("format = 99\n[quality]\n", r"has the format 99, which this version cannot read$"),
        ("format = 2\n[quality]\n", r"has the format 2, which this version cannot read$"),
        ("format = 3\nquality = 3\n", "damaged"),
        ("a = " + "[" * 3_000, "damaged"),
    ],
)
def test_a_damaged_record_is_one_sentence(models, text, message):
    (models / RECORD_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read_record(models)


def test_what_a_record_may_say_beside_is_read_and_is_written_as_it_was_read(models):
    text = (models / RECORD_FILE).read_text()
    said = text.replace('anywhere = ["latency"]', 'anywhere = ["latency", "train_time"]', 1)
    said = said.replace('[targets."latency"]', '[targets."latency"]\nkind = "timed"', 1)
    (models / RECORD_FILE).write_text(said + "\n[failures]\nfailed = 2\ntried = 9\n")
    record = read_record(models)
    assert record.domain.anywhere == {"latency", "train_time"}
    assert (record.failures, record.targets["latency"].kind) == ((2, 9), "timed")
    beside = {"domain": record.domain, "failures": record.failures, "targets": record.targets}
    made = replace(load_models(shipped_folder()), **beside)
    (models / RECORD_FILE).write_text(record_text(made, record.files))
    again = read_record(models)
    assert (again.targets, again.quality, again.failures) == (record.targets, record.quality, record.failures)
    assert again.domain.anywhere == record.domain.anywhere
    # Where nobody told of a kind, nothing is written.
    assert again.text.count('"kind" =') == 1


def test_models_of_the_first_release_are_to_be_fitted_again(tmp_path):
    (tmp_path / "surrogates.toml").write_text("format = 1\n")
    with pytest.raises(DataError, match=r"version 0\.1.*fit them again"):
        read_record(tmp_path)


def test_the_record_says_how_the_models_were_made():
    record = read_record(shipped_folder())
    assert record.n_cells == 450
    assert len(record.domain.operations) == 19
    assert set(record.domain.operations[:, 0]) == {5, 6, 7}
    assert record.domain.ranges["latency"][0] == pytest.approx(7.273, abs=1e-3)
    assert {"xgboost", "numpy"} <= set(record.made_with)
    assert len(record.data) == 6
    assert set(record.targets) == set(record.quality) == set(EO_RECIPES)
    facts = {name: part.model for part in load_models(shipped_folder()).parts for name in part.names}
    assert facts["train_time"].slow_factor[0] == pytest.approx(1.26, abs=0.02)
    assert facts["val_micro"].slow_factor[0] == 1.0


def test_shipped_models_are_small():
    """All that is shipped has to fit into a wheel of 30 MB beside the hashes."""
    files = [path for path in shipped_folder().iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 12_000_000
    assert {path.suffix for path in files} == {".ubj", ".json", ".toml", ".npz"}


# -- any table -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(space):
    """120 cells, of which 20 were not timed, with an accuracy and a time that nothing else is."""
    rng = np.random.default_rng(1)
    cells = rng.choice(len(space), 120, replace=False)
    macs = space.macs(cells) / 1e9
    time = np.where(np.arange(120) < 20, np.nan, 0.1 + macs**2)
    return cells, {"my_acc": 0.5 + 0.02 * macs + 0.002 * rng.standard_normal(120), "seconds": time}


@pytest.fixture(scope="module")
def fitted(measured):
    cells, targets = measured
    return fit_models(Measurements.of(cells, targets, walk=np.arange(120) // 10), repeats=1)


def test_models_show_what_they_are_for_in_a_line_and_in_a_notebook(fitted):
    name = next(iter(fitted.targets))
    assert repr(fitted).startswith(f"Models({name}, ")
    assert repr(fitted).endswith("120 measured cells)")
    assert f"<p>{name}: ranks cells: " in fitted._repr_html_()


def test_any_targets_of_any_table_are_modelled(fitted, measured, space):
    cells, _ = measured
    others = np.setdiff1d(np.arange(0, len(space), 500), cells)
    mean, std = fitted.predict(others)
    assert mean.shape == std.shape == (len(others), 2)
    for column, truth in ((0, 0.5 + 0.02 * space.macs(others) / 1e9), (1, 0.1 + (space.macs(others) / 1e9) ** 2)):
        assert np.corrcoef(mean[:, column], truth)[0, 1] > 0.9
        assert (np.abs(mean[:, column] - truth) < 3 * std[:, column]).mean() > 0.9
    assert (mean[:, 1] > 0).all()
    assert set(fitted.quality["seconds"]) == {"by_walk", "by_cell", "by_operations"}
    assert min(fitted.quality[name]["by_cell"].spearman for name in ("my_acc", "seconds")) > 0.7
    assert (fitted.quality["my_acc"]["by_cell"].n, fitted.quality["seconds"]["by_cell"].n) == (120, 100)


def test_what_a_target_is_follows_from_its_name_and_values(fitted):
    accuracy, time = fitted.targets["my_acc"], fitted.targets["seconds"]
    assert (accuracy.title, accuracy.unit, accuracy.direction) == ("my accuracy", "fraction", "max")
    assert (time.title, time.direction) == ("seconds", "min")


def test_models_of_ones_own_are_written_and_read_back(fitted, tmp_path):
    fitted.save(tmp_path)
    again, cells = load_models(tmp_path), np.arange(0, 423_624, 30_000)
    np.testing.assert_array_equal(again.predict(cells), fitted.predict(cells))
    assert again.targets == fitted.targets
    told = again.check()
    assert told[["target", "held_out"]].to_numpy().tolist() == [
        [name, scheme] for name in ("my_acc", "seconds") for scheme in ("by_walk", "by_cell", "by_operations")
    ]
    assert told["n"].tolist() == [120] * 3 + [100] * 3
    drawn = again.draw(cells, 5, seed=2)
    assert drawn.shape == (5, len(cells), 2)
    np.testing.assert_array_equal(drawn, fitted.draw(cells, 5, seed=2))


def test_without_walks_cells_are_held_out_by_themselves(measured):
    cells, targets = measured
    found = fit_models(Measurements.of(cells, {"my_acc": targets["my_acc"]}), repeats=1)
    assert set(found.quality["my_acc"]) == {"by_cell", "by_operations"}


def test_measurements_that_do_not_fit_are_said(measured, tmp_path, fitted):
    cells, targets = measured
    with pytest.raises(SettingError, match="120 cells and 5 values of x"):
        Measurements.of(cells, {"x": np.ones(5)})
    with pytest.raises(SettingError, match="x has no measured value"):
        Measurements.of(cells, {"x": np.full(120, np.nan)})
    with pytest.raises(SettingError, match=r"x has values up to 1e\+303, whose squares no number holds"):
        Measurements.of(cells, {"my_acc": targets["my_acc"], "x": np.linspace(-1e303, 1e300, 120)})
    few = np.where(np.arange(120) < 11, targets["my_acc"], np.nan)
    with pytest.raises(SettingError, match="at least 12 measured cells; x has 11"):
        fit_models(Measurements.of(cells, {"x": few}))
    with pytest.raises(SettingError, match=r"letters, digits.*'a/b'"):
        fit_models(Measurements.of(cells, {"a/b": targets["my_acc"]}), repeats=1).save(tmp_path)
    with pytest.raises(SettingError, match="no cell has the index -1; indices run from 0"):
        fitted.predict([-1])
