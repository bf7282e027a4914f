from pathlib import Path

import numpy as np
import pytest
from raster_files import write_raster

from eomoo.images import load_folder, open_data

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
    (tmp_path / "water" / "0.tif").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"0\.tif is no readable"):
        open_data(tmp_path)


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


def test_an_opaque_alpha_band_is_named_and_left_out_by_choice(tmp_path):
    def write(path, pixels):
        opaque = np.full((1, 4, 4), 255)
        write_raster(path.with_suffix(".png"), np.concatenate((pixels, opaque)).astype(np.uint8), driver="PNG")

    fill(tmp_path, write)
    with pytest.raises(ValueError, match=r"band 4 of the training images has one value only.*bands = "):
        open_data(tmp_path)
    data = open_data(tmp_path, bands=[3, 1])
    assert data.band_names == ("band 3", "band 1")
    assert data.train[0][0].shape == (2, 4, 4)


def test_pixels_without_data_are_not_taken_for_zeros(tmp_path):
    fill(tmp_path, tiff)
    pixels = np.full((3, 4, 4), 5, dtype=np.float32)
    pixels[1, 2, 3] = np.nan
    write_raster(tmp_path / "water" / "3.tif", pixels)
    with pytest.raises(ValueError, match=r"3\.tif has pixels without data"):
        open_data(tmp_path)


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
    with pytest.raises(ValueError, match=r"2\.npy is no (readable )?array"):
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
    for options in ({"n_train": 0}, {"n_test": "all"}, {"seed": -1}, {"bands": [4]}):
        with pytest.raises(ValueError, match=r"must be a whole number|there is no band 4"):
            open_data(tmp_path, **options)
