import os
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from raster_files import write_raster

from eomoo.errors import DataError, DataNotFoundError
from eomoo.images import load_folder, open_data, read_batch

pytest.importorskip("rasterio", reason="the extra 'live' is not installed")


def fill(folder, write, n=10):
    """Folders of two classes; ``write(path without ending, pixels (3, 4, 4))`` makes each image."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("forest", "water")):
        (folder / name).mkdir()
        for j in range(n):
            write(folder / name / str(j), rng.normal(100 + k, 9, (3, 4, 4)).astype(np.float32))
    return folder


def tiff(path, pixels):
    write_raster(path.with_suffix(".tif"), pixels)


def test_images_in_folders(tmp_path):
    data = open_data(fill(tmp_path, tiff))
    assert (len(data.train), len(data.val), len(data.test)) == (12, 4, 4)
    assert data.class_names == ("forest", "water")
    assert data.train[0][0].shape == (3, 4, 4)
    assert sorted(data.test.labels.tolist()) == [0, 0, 1, 1]
    files = [set(map(str, images.files)) for images in (data.train, data.val, data.test)]
    assert not files[0] & files[1]
    assert not files[1] & files[2]


@pytest.mark.parametrize("ending", [".tif", ".png", ".npy"])
def test_every_kind_of_file_gives_the_same_images(tmp_path, ending):
    drivers = {".tif": "GTiff", ".png": "PNG"}

    def write(path, pixels):
        whole = pixels.astype(np.uint8)
        if ending == ".npy":
            np.save(path.with_suffix(ending), whole)
        else:
            write_raster(path.with_suffix(ending), whole, driver=drivers[ending])

    data = load_folder(fill(tmp_path, write))
    expected = np.random.default_rng(0).normal(100, 9, (3, 4, 4)).astype(np.uint8)
    images = {
        path.relative_to(tmp_path): split[k][0]
        for split in (data.train, data.val, data.test)
        for k, path in enumerate(split.files)
    }
    assert len(images) == 20
    assert (images[Path("forest") / f"0{ending}"] == expected).all()


@pytest.mark.parametrize(("ending", "driver"), [(".png", "PNG"), (".tif", "GTiff")])
def test_an_alpha_band_is_a_mask_or_named_and_left_out_by_choice(tmp_path, ending, driver):
    def write(path, pixels):
        opaque = np.full((1, 4, 4), 255)
        write_raster(path.with_suffix(ending), np.concatenate((pixels, opaque)).astype(np.uint8), driver=driver)

    fill(tmp_path, write)
    if ending == ".png":
        assert open_data(tmp_path).in_channels == 3
    else:
        with pytest.raises(ValueError, match=r"band 4 of the training images has one value only.*bands = "):
            open_data(tmp_path)
    data = open_data(tmp_path, bands=[3, 1])
    assert data.band_names == ("band 3", "band 1")
    assert data.train[0][0].shape == (2, 4, 4)


@pytest.mark.parametrize("value", [np.nan, -np.finfo(np.float64).max])
@pytest.mark.parametrize("write", [tiff, lambda path, pixels: np.save(path.with_suffix(".npy"), pixels)])
def test_pixels_without_data_are_not_taken_for_zeros(tmp_path, value, write):
    fill(tmp_path, write)
    pixels = np.full((3, 4, 4), 5, dtype=np.float64)
    pixels[1, 2, 3] = value
    write(tmp_path / "water" / "3", pixels)
    with pytest.raises(ValueError, match=r"3\.\w+ has pixels without data"):
        open_data(tmp_path)


def test_pixels_without_data_are_filled_on_request(tmp_path):
    def write(path, pixels):
        pixels[:, 0, 0] = -1
        write_raster(path.with_suffix(".tif"), pixels)

    fill(tmp_path, write)
    plain = open_data(tmp_path)
    assert (plain.train[0][0][:, 0, 0] == -1).all()
    with pytest.raises(
        ValueError, match=r"20 of the images in .* cannot be used: .* pixels without .*--set images.* images.fill=true"
    ):
        open_data(tmp_path, nodata=-1)
    image, _ = open_data(tmp_path, nodata=-1, fill=True).train[0]
    rest = plain.train[0][0].reshape(3, -1)[:, 1:]
    assert image[:, 0, 0] == pytest.approx(rest.mean(axis=1))
    assert (image.reshape(3, -1)[:, 1:] == rest).all()


def test_broken_files_are_listed_and_left_out_on_request(tmp_path):
    fill(tmp_path, tiff)
    (tmp_path / "water" / "0.tif").write_bytes(b"no picture")
    write_raster(tmp_path / "forest" / "7.tif", np.ones((3, 5, 5), dtype=np.float32))
    write_raster(tmp_path / "forest" / "8.tif", np.full((3, 4, 4), np.nan, dtype=np.float32))
    found = (
        r"3 of the images .* cannot be used.*8\.tif has pixels.*0\.tif is no readable.*7\.tif has the shape \(3, 5, 5\)"
    )
    with pytest.raises(ValueError, match=rf"{found}.*skip_broken"):
        open_data(tmp_path)
    with pytest.warns(UserWarning, match=found):
        data = open_data(tmp_path, skip_broken=True)
    used = {path.relative_to(tmp_path).as_posix() for s in (data.train, data.val, data.test) for path in s.files}
    assert len(used) == 17
    assert not used & {"water/0.tif", "forest/7.tif", "forest/8.tif"}


def test_a_scene_without_its_description_is_told_from_images_that_cannot_be_used(tmp_path):
    write_raster(tmp_path / "bands.tif", np.ones((4, 8, 8), dtype=np.float32))
    write_raster(tmp_path / "labels.tif", np.ones((1, 8, 8), dtype=np.float32))
    with pytest.raises(ValueError, match=r"images of no class.*a folder of images for each.*need a file scene\.toml"):
        open_data(tmp_path)
    # Nor does a picture of another size beside the folders of classes stand in the way of a file that is broken.
    fill(tmp_path, tiff)
    assert len(open_data(tmp_path).train) == 12
    (tmp_path / "water" / "0.tif").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"^1 of the images"):
        open_data(tmp_path)


def test_what_is_hidden_is_no_image_and_no_class(tmp_path):
    (tmp_path / "only").mkdir()
    fill(tmp_path / "only", tiff)
    for name in (".DS_Store", "only/water/._0.tif", "only/.Trash/0.tif", "only/water/.ipynb_checkpoints/0.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no picture")
    data = open_data(tmp_path)
    assert (len(data.train), data.class_names) == (12, ("forest", "water"))


def test_the_only_class_is_named(tmp_path):
    fill(tmp_path, tiff)
    shutil.rmtree(tmp_path / "water")
    with pytest.raises(ValueError, match=rf"^{tmp_path} has images of one class, forest: "):
        open_data(tmp_path)


@pytest.mark.parametrize("names", [("Train", "Valid", "Test"), ("train", "test")])
def test_splits_by_other_names_are_not_taken_for_classes(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir()
        fill(tmp_path / name, tiff, n=2)
    with pytest.raises(ValueError, match=f"has the folders {' and '.join(sorted(names))}, which seem to be splits"):
        open_data(tmp_path)


def test_folders_may_be_nested_in_each_class_and_in_one_around_them(tmp_path):
    (tmp_path / "EuroSAT" / "2750").mkdir(parents=True)
    base = fill(tmp_path / "EuroSAT" / "2750", tiff)
    flat = open_data(base)
    for name in ("forest", "water"):
        (base / name / "north").mkdir()
        for k in range(5):
            (base / name / f"{k}.tif").rename(base / name / "north" / f"{k}.tif")
    nested = open_data(tmp_path)
    assert nested.class_names == flat.class_names
    assert sum(path.parent.name == "north" for s in (nested.train, nested.val, nested.test) for path in s.files) == 10


def test_images_of_sixteen_bits_keep_their_values(tmp_path):
    fill(tmp_path, lambda path, pixels: write_raster(
        path.with_suffix(".png"), (pixels * 300).astype(np.uint16), driver="PNG"
    ))  # fmt: skip
    assert open_data(tmp_path).train[0][0].max() > 30_000


def huge_header(path):
    """A file of 100 bytes that says it holds 60 GB."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (3, 70_000, 70_000)}
        )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: np.save(path, np.array(["a", "b"])),
        lambda path: np.save(path, np.zeros((4, 4))),
        lambda path: np.save(path, np.zeros((3, 4, 4), dtype=complex)),
        lambda path: np.save(path, np.array([{"a": 1}]), allow_pickle=True),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff{"),
        huge_header,
    ],
)
def test_arrays_that_are_no_images_give_one_sentence(tmp_path, spoil):
    fill(tmp_path, lambda path, pixels: np.save(path.with_suffix(".npy"), pixels))
    spoil(tmp_path / "forest" / "2.npy")
    with pytest.raises(ValueError, match=r"2\.npy is (no|a damaged) array"):
        open_data(tmp_path)


def test_sources_that_do_not_exist_or_options_that_do_not_fit(tmp_path):
    from eomoo.images import open_scene

    with pytest.raises(FileNotFoundError, match="no data set or folder 'nowhere'"):
        open_data("nowhere")
    with pytest.raises(ValueError, match="so2sat data: unknown key 'patch_size'"):
        open_data("so2sat", patch_size=9)
    with pytest.raises(ValueError, match="is no scene"):
        open_scene("so2sat")
    fill(tmp_path, tiff)
    for options in ({"n_train": 0}, {"n_test": "all"}, {"seed": -1}, {"bands": [4]}, {"nodata": "x"}, {"fill": 1}):
        with pytest.raises(ValueError, match=r"must be (a whole number|a finite number|true)|there is no band 4"):
            open_data(tmp_path, **options)


def test_copies_flat_images_and_classes_without_images_are_told(tmp_path):
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        fill(tmp_path / split, lambda path, pixels: tiff(path, pixels + len(path.parent.parent.name)))
    whole = open_data(tmp_path)
    assert whole.faults == ()
    train, val, test = (tmp_path / split for split in ("train", "val", "test"))
    for copy in (val / "forest" / "0.tif", val / "forest" / "1.tif", test / "water" / "5.tif"):
        shutil.copy(train / "forest" / "3.tif", copy)
    for flat in (train / "water" / "2.tif", val / "water" / "4.tif"):
        write_raster(flat, np.full((3, 4, 4), 7, dtype=np.float32))
    (train / "notes").mkdir()
    (test / "more").mkdir()
    for k in range(2):
        tiff(test / "more" / str(k), np.random.default_rng(k).normal(0, 1, (3, 4, 4)).astype(np.float32))
    with pytest.warns(UserWarning, match=tmp_path.name) as caught:
        data = open_data(tmp_path, n_train=10)
    said = [str(warning.message).removeprefix(f"{tmp_path.name}: ") for warning in caught]
    assert said[0].startswith("folders without images (.npy,")
    assert said[0].endswith("are no classes: notes")
    assert said[1:] == [fault.removeprefix(f"{tmp_path.name}: ") for fault in data.faults]
    assert "another split: 3 of the validation and test images, such as" in said[1]
    assert f"{val / 'forest' / '0.tif'} of {train / 'forest' / '3.tif'}" in said[1]
    assert f"another class: 1, such as {test / 'water' / '5.tif'} of" in said[2]
    assert said[3].startswith(f"2 images of one value throughout, such as {train / 'water' / '2.tif'}")
    assert said[4].startswith("there are no training images of more, no validation images of more; ")


def test_an_accent_may_be_a_letter_of_its_own(tmp_path):
    one, two = "\u00e9tang", "e\u0301tang"
    for split, name in (("train", one), ("val", two), ("test", two)):
        (tmp_path / split).mkdir()
        (fill(tmp_path / split, tiff) / "water").rename(tmp_path / split / name)
    with warnings.catch_warnings():
        # Of pixels that are the same in all splits.
        warnings.filterwarnings("ignore", ".*copies of images")
        data = open_data(tmp_path)
    assert data.class_names == ("forest", one)
    assert [np.bincount(split.labels).tolist() for split in (data.train, data.val, data.test)] == [[10, 10]] * 3


@pytest.mark.parametrize("place", ["water\x1b[31m", "."])
def test_names_that_a_terminal_would_obey_are_refused(tmp_path, place):
    base = tmp_path / "a\x1b[2Jb" if place == "." else tmp_path
    base.mkdir(exist_ok=True)
    fill(base, tiff)
    if place != ".":
        (base / "water").rename(base / place)
    with pytest.raises(
        DataError, match=r"the name of images, a class or a band must be a text without control"
    ) as told:
        open_data(base)
    assert "\x1b" not in str(told.value)


def test_an_image_that_changes_while_it_is_used_is_not_taken_for_the_first(tmp_path):
    data = open_data(fill(tmp_path, tiff))
    everything = np.arange(len(data.train))
    before, _ = read_batch(data.train, everything)
    path = data.train.files[3]
    tiff(path, np.zeros((3, 4, 4), dtype=np.float32))
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match=rf"{path.name} has changed since it was first read; begin again"):
        read_batch(data.train, everything)
    assert (read_batch(data.train, everything[:3])[0] == before[:3]).all()
    # On another machine the times of a copy are its own.
    elsewhere = pickle.loads(pickle.dumps(data.train))
    assert (read_batch(elsewhere, everything)[0][3] == 0).all()
    path.unlink()
    with pytest.raises(DataNotFoundError, match="there is no file"):
        read_batch(data.train, everything)
