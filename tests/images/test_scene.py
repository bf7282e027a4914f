from dataclasses import replace

import numpy as np
import pytest
from raster_files import write_raster

from eomoo.errors import EomooError
from eomoo.images import (
    Grid,
    Scene,
    open_bands,
    open_data,
    open_scene,
    patches_of,
    read_batch,
    read_scene,
    split_regions,
)

pytest.importorskip("rasterio", reason="the extra 'live' is not installed")


def make_scene(height=96, width=120, seed=0):
    rng = np.random.default_rng(seed)
    labels = (np.indices((height, width)).sum(axis=0) // 12 % 3).astype(np.int16)
    bands = rng.normal(labels, 0.3, (2, height, width)).astype(np.float32)
    return Scene(
        bands=bands,
        valid=np.ones(labels.shape, dtype=bool),
        labels=labels,
        class_names=("a", "b", "c"),
        band_names=("x", "y"),
    )


TOML = """
bands = ["b0.tif", "b1.tif"]
labels = "labels.tif"
band_names = ["x", "y"]
[classes]
1 = "a"
2 = "b"
3 = "c"
"""


def write_scene(folder, scene, *, text=TOML, **profile):
    for k, band in enumerate(scene.bands):
        write_raster(folder / f"b{k}.tif", band, **profile)
    write_raster(folder / "labels.tif", (scene.labels + 1).astype(np.uint8))
    (folder / "scene.toml").write_text(text)


def test_a_patch_is_what_lies_around_its_pixel():
    scene = make_scene()
    data = patches_of(scene, patch_size=8, gap=1)
    for k in (0, 17, len(data.train) - 1):
        image, label = data.train[k]
        row, column = data.train.rows[k], data.train.columns[k]
        assert (image == scene.bands[:, row - 4 : row + 4, column - 4 : column + 4]).all()
        assert label == scene.labels[row, column]
    batch, labels = read_batch(data.train, np.array([17, 0]))
    assert (batch[0] == data.train[17][0]).all()
    assert labels.tolist() == [data.train[17][1], data.train[0][1]]


@pytest.mark.parametrize("size", [7, 8])
def test_patches_of_different_splits_keep_their_distance(size):
    gap = 2
    data = patches_of(make_scene(), patch_size=size, gap=gap, n_train=None, n_val=None, n_test=None)
    covered = []
    for images in (data.train, data.val, data.test):
        mask = np.zeros((96, 120), dtype=bool)
        for row, column in zip(images.rows, images.columns, strict=True):
            top, left = row - size // 2, column - size // 2
            assert top >= 0
            assert left >= 0
            mask[top : top + size, left : left + size] = True
        covered.append(np.argwhere(mask))
    for a in range(3):
        for b in range(a):
            apart = np.abs(covered[a][:, None] - covered[b][None]).max(axis=2).min()
            assert apart > 2 * gap


def test_patches_without_data_are_left_out():
    scene = make_scene()
    scene.valid[:50, :60] = False
    scene.labels[50:60] = -1
    data = patches_of(scene, patch_size=6, gap=1, n_train=None, n_val=None, n_test=None)
    for images in (data.train, data.val, data.test):
        assert not ((images.rows < 53) & (images.columns < 63)).any()
        assert not ((images.rows >= 50) & (images.rows < 60)).any()
        assert images.labels.min() >= 0


def test_regions_have_similar_classes_and_every_split():
    labels = make_scene().labels
    regions = split_regions(labels, seed=3)
    shares = np.array([np.bincount(labels[regions == k], minlength=3) / (regions == k).sum() for k in range(3)])
    assert np.abs(shares - shares.mean(axis=0)).max() < 0.1
    assert [(regions == k).mean() for k in range(3)] == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert (regions == split_regions(labels, seed=3)).all()
    assert (regions != split_regions(labels, seed=4)).any()


def test_regions_are_more_even_than_nearly_all_that_could_be_drawn():
    rng = np.random.default_rng(0)
    labels = np.kron(rng.choice(3, (10, 10), p=[0.6, 0.3, 0.1]), np.ones((12, 12), dtype=int)).astype(np.int16)
    found = split_regions(labels)[::12, ::12].ravel()

    def uneven(split):
        shares = [np.bincount(labels[::12, ::12].ravel()[split == k], minlength=3) for k in range(3)]
        return np.abs(shares / np.sum(shares, axis=0) - np.array([[0.6], [0.2], [0.2]])).sum()

    by_chance = [uneven(rng.permutation(found)) for _ in range(400)]
    assert uneven(found) < np.quantile(by_chance, 0.02)


def test_a_scene_is_read_as_written(tmp_path):
    scene = make_scene()
    scene.bands[1, 5, 6] = -9999
    write_scene(tmp_path, scene, nodata=-9999)
    read = open_scene(tmp_path)
    assert not read.valid[5, 6]
    assert read.valid.sum() == scene.valid.size - 1
    assert (read.bands[:, read.valid] == scene.bands[:, read.valid]).all()
    assert (read.labels == scene.labels).all()
    assert read.class_names == scene.class_names
    data = open_data(tmp_path, patch_size=8, gap=1, n_train=50)
    assert len(data.train) == 50
    assert data.fingerprint != open_data(tmp_path, patch_size=8, gap=1, n_train=50, seed=1).fingerprint


def test_a_value_without_data_is_named_in_the_scene(tmp_path):
    scene = make_scene()
    scene.bands[0, 7, 8] = -3.4028235e38
    write_scene(tmp_path, scene, text="nodata = -3.40282e+38" + TOML)
    read = open_scene(tmp_path)
    assert np.argwhere(~read.valid).tolist() == [[7, 8]]
    assert abs(read.bands).max() < 10


def test_files_that_cannot_be_used_are_named(tmp_path):
    scene = make_scene()
    write_scene(tmp_path, scene)
    write_raster(tmp_path / "small.tif", scene.bands[0, :50])
    with pytest.raises(ValueError, match=r"small\.tif and .* of one grid: 50x120 and 96x120 pixels"):
        read_scene([tmp_path / "small.tif"], tmp_path / "labels.tif")
    whole = (tmp_path / "b0.tif").read_bytes()
    (tmp_path / "b0.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b0\.tif is no readable raster file"):
        open_scene(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.tif"):
        read_scene([tmp_path / "none.tif"], tmp_path / "labels.tif")


UTM, SHIFTED, OTHER = (500000, 4600000), (500030, 4600000), "EPSG:32633"


@pytest.mark.parametrize(
    ("corner", "crs", "message"),
    [
        (UTM, "EPSG:32632", None),
        ((500000.01, 4600000), "EPSG:32632", None),
        (SHIFTED, "EPSG:32632", "upper left corners at 500030, 4600000 and 500000, 4600000; .*-ts 120 96"),
        (UTM, OTHER, "systems EPSG:32633 and EPSG:32632; .* -t_srs EPSG:32632 -te 500000 4597120 503600 4600000"),
        (None, None, None),
    ],
)
def test_bands_and_labels_of_other_places_are_refused(tmp_path, corner, crs, message):
    from rasterio import Affine

    scene = make_scene()
    place = {"crs": crs, "transform": Affine(30, 0, corner[0], 0, -30, corner[1])} if corner else {}
    write_scene(tmp_path, scene, **place)
    labels = (scene.labels + 1).astype(np.uint8)
    write_raster(tmp_path / "labels.tif", labels, crs="EPSG:32632", transform=Affine(30, 0, UTM[0], 0, -30, UTM[1]))
    if message is None:
        grid = open_scene(tmp_path).grid
        # Bands that say nothing lie where their labels do.
        assert grid.shape == (96, 120)
        assert '"EPSG","32632"' in grid.crs
        return
    with pytest.raises(ValueError, match=f"b0.tif and .*labels.tif are not of one grid: .*{message}"):
        open_scene(tmp_path)


def test_pixels_of_another_size_are_another_grid():
    grid = Grid(shape=(96, 120), crs="", transform=(30, 0, 500000, 0, -30, 4600000))
    finer = replace(grid, transform=(10, 0, 500000, 0, -10, 4600000))
    assert grid.difference(finer)
    assert not grid.difference(replace(grid, transform=(30.000001, 0, 500000, 0, -30, 4600000)))
    assert not grid.difference(replace(grid, transform=()))


def test_a_measurement_is_no_label_map(tmp_path):
    scene = make_scene()
    write_scene(tmp_path, scene, text=TOML[: TOML.index("[classes]")])
    assert open_scene(tmp_path).class_names == ("class 1", "class 2", "class 3")
    write_raster(tmp_path / "labels.tif", scene.bands[0])
    with pytest.raises(ValueError, match=r"labels\.tif holds .*: a label map holds whole numbers"):
        open_scene(tmp_path)
    heights = np.arange(96 * 120, dtype=np.int32).reshape(96, 120)
    write_raster(tmp_path / "labels.tif", heights)
    with pytest.raises(ValueError, match=r"11,520 different numbers: it seems to be a measurement"):
        open_scene(tmp_path)


def test_bands_are_chosen_by_number(tmp_path):
    scene = make_scene()
    write_scene(tmp_path, scene)
    data = open_data(tmp_path, patch_size=8, bands="2,1")
    assert data.band_names == ("y", "x")
    whole = open_data(tmp_path, patch_size=8)
    assert (data.train[3][0] == whole.train[3][0][::-1]).all()
    assert data.mean == whole.mean[::-1]
    assert data.fingerprint != whole.fingerprint
    with pytest.raises(ValueError, match="has 2 bands; there is no band 3"):
        open_data(tmp_path, bands=[1, 3])
    for wrong in ([1, 1], [0], [1.5], "a", [], True):
        with pytest.raises(ValueError, match="band"):
            open_data(tmp_path, bands=wrong)


def test_the_bands_of_a_scene_are_read_by_rows_with_labels_or_without(tmp_path):
    scene = make_scene()
    scene.bands[1, 5, 6] = -9999
    write_scene(tmp_path, scene, text=TOML.replace('labels = "labels.tif"', "nodata = -9999"))
    with open_bands(tmp_path, bands="2,1") as bands:
        values, valid = bands.read((4, 9))
        assert (bands.band_names, bands.named, bands.grid.shape) == (("y", "x"), True, (96, 120))
    assert np.argwhere(~valid).tolist() == [[1, 6]]
    assert (values[:, valid] == scene.bands[::-1, 4:9][:, valid]).all()
    write_scene(tmp_path, scene)
    with open_bands(tmp_path) as bands:
        # What a map must not be written over.
        assert {path.name for path in bands.paths} == {"b0.tif", "b1.tif", "labels.tif"}
    (tmp_path / "scene.toml").write_text((tmp_path / "scene.toml").read_text().replace('labels = "labels.tif"', ""))
    with open_bands(tmp_path / "b0.tif") as bands:
        assert (bands.band_names, bands.named, bands.name) == (("band 1",), False, "b0")
    with pytest.raises(ValueError, match="names no labels; write labels"):
        open_scene(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('bands = ["b1.tif"]\nlabel = "labels.tif"', "unknown key 'label'"),
        ('labels = "labels.tif"', "has no 'bands'"),
        ('bands = []\nlabels = "labels.tif"', "bands names no file"),
        ('bands = "b0.tif"\nlabels = "labels.tif"', "bands must be a list; got 'b0.tif'"),
        ('bands = [3]\nlabels = "labels.tif"', "bands, band 0 must be the name of a file; got 3"),
        (TOML.replace('["x", "y"]', "3"), "band_names must be a list; got 3"),
        (TOML.replace('["x", "y"]', '["x"]'), "1 band names for 2 bands"),
        (TOML.partition("[")[0] + '["b0.tif"]\nlabels = "labels.tif"\nclasses = [1, 2]', "record with names"),
        (TOML.replace("1 =", "one ="), "classes, one is no number of the label map"),
        (TOML.replace('"b"', '"a"'), "gives two classes the same name"),
        (TOML.replace("2 =", "01 ="), "classes names a number twice"),
        (TOML.partition("2 =")[0], r"labels\.tif holds 1 of the numbers that classes names \(1\)"),
        (TOML.replace("b1.tif", "c.tif"), r"scene\.toml: bands names .*c\.tif, and there is no such file"),
        (TOML.replace("b1.tif", "b\\u0000"), "bands, band 1 must be the name of a file"),
        (TOML.replace("labels.tif", "c.tif"), r"labels names .*c\.tif, and there is no such file"),
        (TOML.replace("1 =", "7 =").replace("2 =", "8 ="), r"labels\.tif holds 1 of the numbers that classes names"),
        ('nodata = "x"' + TOML, "nodata must be a finite number; got 'x'"),
        ("name = 5" + TOML, "name must be a name; got 5"),
        ("nodata = " + "9" * 5000 + TOML, "impossible nesting or numbers"),
        ("bands = " + "[" * 5000, "is no TOML file"),
    ],
)
def test_a_wrong_scene_file_gives_one_sentence(tmp_path, text, message):
    write_scene(tmp_path, make_scene(), text=text)
    with pytest.raises(EomooError, match=message) as caught:
        open_scene(tmp_path)
    assert "scene.toml" in str(caught.value) or str(tmp_path) in str(caught.value) or "bands" in message


def test_a_scene_file_may_begin_with_a_byte_order_mark(tmp_path):
    write_scene(tmp_path, make_scene())
    (tmp_path / "scene.toml").write_text(TOML, encoding="utf-8-sig")
    assert open_scene(tmp_path).band_names == ("x", "y")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 97}, "patch_size must be a whole number from 1 to 96; got 97"),
        ({"patch_size": 1.5}, "patch_size must be a whole number"),
        ({"patch_size": 30}, "region has room for 0 patches of 30 pixels .*settings patch_size, gap and blocks"),
        ({"gap": -1}, "gap must be a whole number from 0"),
        ({"gap": "wide"}, "gap must be a whole number"),
        ({"blocks": 0}, "blocks must be a whole number from 1"),
        ({"blocks": 10**12}, "blocks must be a whole number from 1 to 96"),
        ({"blocks": 1}, "1 blocks are too few"),
        ({"n_train": 0}, "n_train must be a whole number of at least 2; got 0"),
        ({"n_val": 2.5}, "n_val must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
    ],
)
def test_impossible_options_of_patches_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        patches_of(make_scene(), **options)
