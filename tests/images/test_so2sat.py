import os
import pickle

import numpy as np
import pytest
from so2sat_files import write_so2sat

from eomoo.errors import DataError
from eomoo.images import SO2SAT_CLASSES, So2SatFile, labels_of, load_so2sat, open_data, read_batch
from eomoo.images.so2sat import SEN1_BANDS, SEN2_BANDS

h5py = pytest.importorskip("h5py", reason="the extra 'live' is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_so2sat(tmp_path_factory.mktemp("so2sat"), n_train=300, n_val=85, n_test=85, seed=1)


@pytest.fixture
def broken(folder, tmp_path):
    """A function that gives a copy of the files with one of them changed."""
    import shutil

    shutil.copytree(folder, tmp_path / "so2sat")

    def change(name, edit):
        with h5py.File(tmp_path / "so2sat" / name, "r+") as file:
            edit(file)
        return tmp_path / "so2sat"

    return change


def replace(name, values):
    def edit(file):
        del file[name]
        file[name] = values

    return edit


def spoil(patch):
    def edit(file):
        file["sen2"][patch, 3, 4, 5] = np.nan

    return edit


def claim(n):
    """Datasets of a few bytes in the file, which say that they hold many patches."""

    def edit(file):
        for name, shape in {"label": (17,), "sen1": (32, 32, 8), "sen2": (32, 32, 10)}.items():
            del file[name]
            file.create_dataset(name, (n, *shape), dtype="f8", chunks=(1, *shape))

    return edit


def test_files_have_the_published_format(folder):
    with h5py.File(folder / "validation.h5") as file:
        assert {name: file[name].shape for name in file} == {
            "label": (85, 17),
            "sen1": (85, 32, 32, 8),
            "sen2": (85, 32, 32, 10),
        }
        assert file["sen2"].dtype == np.float64
        assert file["sen2"][:].min() >= 0
        assert (np.asarray(file["label"]).sum(axis=0) == 5).all()


def test_the_task_is_read_as_written(folder):
    data = load_so2sat(folder)
    assert (len(data.train), len(data.val), len(data.test)) == (300, 85, 85)
    assert data.class_names == SO2SAT_CLASSES
    assert data.band_names == SEN2_BANDS
    with h5py.File(folder / "training.h5") as file:
        expected = np.asarray(file["sen2"][7]).transpose(2, 0, 1).astype(np.float32)
        mean = np.asarray(file["sen2"]).mean(axis=(0, 1, 2))
    assert (data.train[7][0] == expected).all()
    assert data.mean == pytest.approx(mean, rel=1e-5)


def test_a_source_may_name_its_folder_which_is_told_from_the_root(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    data = open_data(f"so2sat:{folder.name}")
    assert len(data.val) == 85
    assert data.told["source"] == f"so2sat:{folder.resolve()}"


def test_reading_from_the_file_equals_reading_from_memory(folder):
    inside, outside = load_so2sat(folder), load_so2sat(folder, memory=0)
    assert isinstance(outside.test, So2SatFile)
    order = np.array([84, 3, 3, 50, 0])
    for a, b in zip(read_batch(inside.test, order), read_batch(outside.test, order), strict=True):
        assert (a == b).all()
    assert inside.fingerprint == outside.fingerprint


def test_a_file_travels_to_another_process_closed(folder):
    file = So2SatFile(folder / "training.h5")
    copy = pickle.loads(pickle.dumps(file))
    assert copy._file is None
    assert (copy[5][0] == file[5][0]).all()


def test_sentinel_1_comes_after_sentinel_2(folder):
    data = load_so2sat(folder, sentinel1=True)
    assert data.in_channels == 18
    with h5py.File(folder / "testing.h5") as file:
        assert data.test[2][0][10:] == pytest.approx(np.asarray(file["sen1"][2]).transpose(2, 0, 1).astype(np.float32))


def test_the_classes_can_be_told_apart_across_places(folder):
    """A linear rule on mean spectra learns more than chance, and carries over to other places."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    data = load_so2sat(folder)
    features = {
        split: read_batch(images, np.arange(len(images)))[0].mean(axis=(2, 3))
        for split, images in (("train", data.train), ("test", data.test))
    }
    rule = LinearDiscriminantAnalysis().fit(features["train"], data.train.labels)
    assert 0.3 < rule.score(features["test"], data.test.labels) < 0.98


def test_the_seed_decides(tmp_path):
    sizes = {"n_train": 20, "n_val": 5, "n_test": 5}
    first, again, other = (
        load_so2sat(write_so2sat(tmp_path / str(k), seed=seed, **sizes)).fingerprint for k, seed in enumerate((3, 3, 4))
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (replace("sen2", np.zeros((85, 32, 32, 9))), r"sen2.*\(85, 32, 32, 9\)"),
        (replace("sen2", np.zeros((80, 32, 32, 10))), r"sen2.*\(80, 32, 32, 10\)"),
        (replace("label", np.zeros((85, 17))), "label of patch 0"),
        (replace("label", np.zeros((85, 10))), r"label.*\(85, 10\)"),
        (replace("label", np.eye(17)[[0] * 85] + np.eye(17)[[1] * 85] - np.eye(17)[[2] * 85]), "of patch 0"),
        (replace("label", np.eye(17)[[0] * 85] / 2 + np.eye(17)[[1] * 85] / 2), "label of patch 0"),
        (replace("label", np.full((85, 17), b"x")), r"'label' holds \|S1, no numbers"),
        (replace("sen2", np.full((85, 32, 32, 10), np.nan)), "not finite"),
        (spoil(83), "'sen2' of patch 83 holds values"),
        (claim(10**8), "claims 12,970 MiB of values"),
        (replace("sen2", np.full((85, 32, 32, 10), 3000.0)), "up to 3000"),
        (lambda file: file.pop("sen2"), "no dataset 'sen2'"),
    ],
)
def test_a_wrong_file_is_named_in_one_sentence(broken, edit, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_so2sat(broken("validation.h5", edit))
    assert "validation.h5" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_version_is_noticed(broken):
    folder = broken("training.h5", lambda file: file.attrs.pop("synthetic"))
    with pytest.raises(ValueError, match=r"300 patches; version 2 has 352,366"):
        load_so2sat(folder)
    assert len(load_so2sat(folder, version="other").train) == 300
    assert len(open_data(folder, version="other", n_val=20).val) == 20
    with pytest.raises(KeyError, match=r"no version of So2Sat '3'; known are 2, 3\.1, 4, other"):
        open_data(folder, version=3)
    (folder / "validation.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file .*validation\.h5"):
        load_so2sat(folder, version="4")


def test_a_file_that_is_cut_short_is_noticed(broken):
    folder = broken("testing.h5", lambda file: None)
    whole = (folder / "testing.h5").read_bytes()
    (folder / "testing.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"testing\.h5 is no HDF5 file or is cut short"):
        load_so2sat(folder)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"training\.h5.*mediatum"):
        load_so2sat(tmp_path)


def geography(folder, **columns):
    """training_geo.h5 as version 4 has it."""
    with h5py.File(folder / "training_geo.h5", "w") as file:
        for name, values in columns.items():
            file[name] = values


@pytest.fixture
def splits(folder, tmp_path):
    """The folders of version 3.1, each with training.h5 and testing.h5."""
    for name in ("random", "block", "culture_10"):
        (tmp_path / name).mkdir()
        for file in ("training.h5", "testing.h5"):
            (tmp_path / name / file).symlink_to(folder / file)
    return tmp_path


def rows(images):
    return images.indices.tolist()


@pytest.mark.parametrize("name", ["random", "block", "culture-10"])
def test_version_3_gives_a_tenth_of_its_training_patches_to_validation(splits, name):
    data = open_data(splits, version=3.1, splits=name, memory=0)
    assert data.test.path.parent.name == name.replace("-", "_")
    train, val = rows(data.train), rows(data.val)
    assert sorted(train + val) == list(range(300))
    assert 28 <= len(val) <= 32
    images, labels = read_batch(data.val, np.array([3]))
    expected, label = So2SatFile(splits / "block" / "training.h5")[val[3]]
    assert (images[0] == expected).all()
    assert labels[0] == label
    assert data.mean == open_data(splits / name.replace("-", "_"), version="3.1").mean
    assert rows(open_data(splits, version=3.1, splits=name, memory=0, seed=1).val) != val
    with pytest.raises(FileNotFoundError, match=r"holds the folders of version 3\.1; say so"):
        open_data(splits)
    with pytest.raises(ValueError, match="splits must be one of random, block, culture-10"):
        open_data(splits, version=3.1, splits="city")
    with pytest.raises(ValueError, match="holds the splits block, not random"):
        open_data(splits / "block", version=3.1, splits="random")


def test_patches_of_a_city_or_of_a_square_on_the_ground_stay_together(splits):
    place, rng = splits / "block", np.random.default_rng(0)
    cities = rng.integers(0, 20, 300)
    geography(place, city=np.array([f"city {k}" for k in cities], dtype="S"))
    data = open_data(splits, version=3.1, splits="block", memory=0)
    assert len(set(cities[rows(data.val)])) > 1
    assert not set(cities[rows(data.val)]) & set(cities[rows(data.train)])
    coordinates = np.column_stack((rng.uniform(0, 2e4, (300, 2)), rng.normal(size=(300, 4))))
    zones = rng.choice([32632, 32633], 300)
    geography(place, epsg=zones[:, None], coord=coordinates, tfw=np.zeros((300, 6)))
    data = open_data(splits, version=3.1, splits="block", memory=0)
    squares = [(z, *c) for z, c in zip(zones, coordinates[:, :2] // 5000, strict=True)]
    assert not {squares[k] for k in rows(data.val)} & {squares[k] for k in rows(data.train)}
    assert 30 <= len(data.val) < 60
    geography(place, city=np.array(["a"] * 299, dtype="S"))
    with pytest.raises(ValueError, match=r"training_geo\.h5 tells of 299 patches"):
        open_data(splits, version=3.1, splits="block")
    geography(place, city=np.array(["a"] * 300, dtype="S"))
    with pytest.raises(ValueError, match="are of one place"):
        open_data(splits, version=3.1, splits="block")
    (place / "training_geo.h5").write_bytes(b"no file")
    with pytest.raises(ValueError, match=r"training_geo\.h5 is damaged"):
        open_data(splits, version=3.1, splits="block")


def test_bands_are_chosen_by_number_across_both_sensors(folder):
    whole, data = load_so2sat(folder, sentinel1=True), open_data(folder, bands="3,12,1")
    assert data.band_names == (SEN2_BANDS[2], SEN1_BANDS[1], SEN2_BANDS[0])
    assert (data.test[4][0] == whole.test[4][0][[2, 11, 0]]).all()
    assert data.mean == pytest.approx([whole.mean[k] for k in (2, 11, 0)])
    with pytest.raises(ValueError, match="So2Sat has 18 bands; there is no band 19"):
        open_data(folder, bands=[19])


@pytest.mark.parametrize("memory", [0, 2])
@pytest.mark.parametrize(
    "merge", ["built=1,2,3, 4,5;green = dense trees,12", {"built": [*range(1, 6)], "green": [11, 12]}]
)
def test_classes_are_merged(splits, merge, memory):
    whole = open_data(splits, version=3.1, memory=memory)
    data = open_data(splits, version=3.1, memory=memory, merge=merge, n_test=80)
    assert data.class_names == ("built", *SO2SAT_CLASSES[5:10], "green", *SO2SAT_CLASSES[12:])
    for old, new in ((whole.train, data.train), (whole.val, data.val)):
        told = [data.class_names[k] for k in labels_of(new)]
        expected = [
            "built" if k < 5 else "green" if k in (10, 11) else SO2SAT_CLASSES[k] for k in labels_of(old).tolist()
        ]
        assert told == expected
        assert read_batch(new, np.arange(9))[1].tolist() == labels_of(new)[:9].tolist()
    assert data.fingerprint != whole.fingerprint
    assert whole.train[0][1] == labels_of(whole.train)[0]


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        ("built", "there is no class ''"),
        (5, "merge names classes, as in built=1,2,3; got 5"),
        ({}, "merge names classes, as in built=1,2,3; got {}"),
        ({"a": [1, 18]}, "there is no class 18; known are 1 to 17: compact"),
        ({"a": [1, 2], "b": [2]}, "compact mid-rise would be of two new classes"),
        ({"water": [1, 2]}, "at least two classes of different names must be left"),
        ({"all": list(range(1, 18))}, "at least two classes of different names"),
    ],
)
def test_classes_that_cannot_be_merged_are_named(folder, merge, message):
    with pytest.raises(ValueError, match=message):
        open_data(folder, merge=merge)


def test_a_file_that_changes_while_it_is_used_is_not_taken_for_the_first(broken):
    place = broken("training.h5", lambda file: None)
    data = load_so2sat(place, version="other", memory=0)
    read_batch(data.train, np.arange(3))
    os.utime(place / "training.h5", (1, 1))
    with pytest.raises(DataError, match=r"training.h5 has changed since it was first read"):
        read_batch(data.train, np.arange(3))
    assert len(read_batch(pickle.loads(pickle.dumps(data.train)), np.arange(3))[0]) == 3
