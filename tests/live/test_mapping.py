"""Maps of scenes: which patch a pixel of the map is of, the files, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from raster_files import open_raster, write_raster

from eomoo.errors import DataError
from eomoo.images import Scene, SceneBands
from eomoo.live import mapping, predict_scene
from eomoo.live.classifier import Classifier
from eomoo.live.map_files import class_colors, write_map

rasterio = pytest.importorskip("rasterio", reason="the extra 'live' is not installed")

NAMES = ["x", "y"]


def classifier(size, tell, *, bands=NAMES, classes=("water", "forest"), mean=(0.0, 0.0)):
    """A network that tells logits (n, classes) of patches."""

    def log_probabilities(patches):
        logits = tell(patches).astype(np.float64)
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    described = {"name": "made", "class_names": classes, "band_names": bands, "mean": mean, "image_size": size}
    return Classifier(
        path=Path("none.pt"), described=described, cell=5, skeleton=None, epochs="", log_probabilities=log_probabilities
    )


def mean_of_bands(patches):
    return patches.mean(axis=(2, 3))


def make_scene(height=23, width=31, seed=0):
    rng = np.random.default_rng(seed)
    bands = rng.normal(size=(2, height, width)).astype(np.float32)
    labels = np.zeros((height, width), dtype=np.int16)
    valid = np.ones((height, width), dtype=bool)
    return Scene(bands=bands, valid=valid, labels=labels, class_names=("a", "b"), band_names=("x", "y"))


@pytest.mark.parametrize(("size", "stride"), [(6, 1), (7, 1), (8, 8), (8, 3), (5, 2), (4, 7), (23, 23), (3, 20)])
@pytest.mark.parametrize("most", [2**26, 4000])
def test_each_pixel_of_a_map_is_of_the_patch_around_what_it_covers(monkeypatch, size, stride, most):
    monkeypatch.setattr(mapping, "_MOST_BYTES", most)
    scene, seen = make_scene(), []
    classes, probabilities = predict_scene(
        classifier(size, mean_of_bands), scene, stride=stride, report=lambda *at: seen.append(at)
    )
    padded = np.pad(scene.bands, ((0, 0), (22, 22), (22, 22)), mode="reflect")
    offset = 22 + (stride - size) // 2
    assert classes.shape == (-(-23 // stride), -(-31 // stride))
    for i, j in np.ndindex(*classes.shape):
        top, left = i * stride + offset, j * stride + offset
        told = padded[:, top : top + size, left : left + size].mean(axis=(1, 2))
        assert classes[i, j] == told.argmax()
        assert probabilities[:, i, j] == pytest.approx(np.exp(told) / np.exp(told).sum(), rel=1e-5)
    assert seen[-1] == (len(classes), len(classes))
    assert (len(seen) > 1) == (most == 4000 and len(classes) > 1)


def test_what_has_no_data_stays_without_and_is_a_mean_to_its_neighbours():
    scene = make_scene()
    scene.valid[4:9, 6:20] = False
    scene.bands[:, ~scene.valid] = 1e9
    classes, probabilities = predict_scene(classifier(3, mean_of_bands, mean=(0.0, 50.0)), scene)
    assert (classes == -1).tolist() == (~scene.valid).tolist()
    assert np.isnan(probabilities).all(axis=0).tolist() == (~scene.valid).tolist()
    assert classes[3, 8] == classes[9, 8] == 1
    coarse, _ = predict_scene(classifier(4, mean_of_bands), scene, stride=4)
    # Of rows 4 to 7 and columns 4 to 7 half has data, of the next four columns nothing.
    assert coarse[1, :3].tolist() == [coarse[1, 0], coarse[1, 1], -1]
    assert -1 not in coarse[1, :2]


def test_values_in_other_units_than_the_training_s_are_told():
    scene, network = make_scene(), classifier(3, mean_of_bands)
    network = replace(network, described={**network.described, "std": (1.0, 2.0)})
    scene.valid[0] = False
    scene.bands[:, 0] = 1e9
    scene.bands[0] *= 100
    predict_scene(network, scene)  # one band may be brighter by much
    for factor in (1e3, 1e-8):
        scene.bands[:, 1:] *= factor
        with pytest.warns(UserWarning, match=r"about .* times those of the training: are they in other units"):
            predict_scene(network, scene)


def test_where_the_network_tells_no_number_the_map_has_no_data():
    scene = make_scene()
    scene.bands[:, 4, 6] = -3.4e38
    network = classifier(3, mean_of_bands)

    def log_probabilities(patches):
        usual = network.log_probabilities(np.maximum(patches, -10))
        return np.where(patches.min(axis=(1, 2, 3), keepdims=True)[..., 0, 0] < -10, np.nan, usual)

    classes, probabilities = predict_scene(replace(network, log_probabilities=log_probabilities), scene)
    assert np.argwhere(classes == -1).tolist() == [[i, j] for i in (3, 4, 5) for j in (5, 6, 7)]
    assert (np.isnan(probabilities).any(axis=0) == (classes == -1)).all()


PLACE = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 500000, 0, -10, 4600000)}


@pytest.fixture
def field(tmp_path):
    """A scene's file with a pixel without data."""
    bands = make_scene().bands
    bands[1, 2, 3] = -9999
    (tmp_path / "scene").mkdir()
    write_raster(tmp_path / "scene" / "field.tif", bands, nodata=-9999, **PLACE)
    return tmp_path / "scene" / "field.tif"


def test_a_map_is_written_with_its_place_colours_and_names(tmp_path, field):
    network = classifier(4, mean_of_bands)
    with SceneBands([field], name="field") as scene:
        done = write_map(network, scene, tmp_path / "out" / "map.tif", stride=2)
        each = write_map(network, scene, tmp_path / "each" / "map.tif", stride=1, probability="classes")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"map.tif", "map-probability.tif", "map.png"}
    with open_raster(done.classes) as file, open_raster(done.probabilities) as told:
        assert (file.crs, file.shape, file.dtypes, file.nodata) == ("EPSG:32632", (12, 16), ("uint8",), 0)
        assert file.transform == rasterio.Affine(20, 0, 500000, 0, -20, 4600000)
        assert file.tags()["class_1"] == "water"
        assert [file.colormap(1)[k][:3] for k in (1, 2)] == class_colors(["water", "forest"])
        codes, shares = file.read(1), told.read(1)
        assert (told.crs, told.transform, told.count) == (file.crs, file.transform, 1)
    assert done.counts.tolist() == np.bincount(codes.ravel(), minlength=3)[1:].tolist()
    assert (shares[codes > 0] >= 0.5).all()
    with open_raster(each.classes) as file, open_raster(each.probabilities) as told:
        codes, shares = file.read(1), told.read()
        assert told.descriptions == ("water", "forest")
    assert np.argwhere(codes == 0).tolist() == np.argwhere(np.isnan(shares[0])).tolist() == [[2, 3]]
    assert (shares.argmax(axis=0)[codes > 0] + 1 == codes[codes > 0]).all()
    with open_raster(done.picture) as file:
        assert file.read().std() > 20


def test_of_a_class_that_is_nowhere_no_pixel_is_counted(tmp_path, field):
    network = classifier(4, lambda patches: np.insert(mean_of_bands(patches), 2, -99, axis=1), classes=("a", "b", "c"))
    with SceneBands([field], name="field") as scene:
        counts = write_map(network, scene, tmp_path / "map.tif", stride=2).counts
    assert (counts > 0).tolist() == [True, True, False]


def test_a_scene_without_a_place_is_mapped_without_a_word(tmp_path):
    write_raster(tmp_path / "field.tif", make_scene().bands)
    with SceneBands([tmp_path / "field.tif"], name="field") as scene:
        done = write_map(classifier(4, mean_of_bands), scene, tmp_path / "map.tif", stride=2)
    with open_raster(done.classes) as file:
        assert (file.crs, file.shape) == (None, (12, 16))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_map_leaves_nothing_and_an_earlier_one_as_it_was(monkeypatch, tmp_path, field, error):
    monkeypatch.setattr(mapping, "_MOST_BYTES", 4000)
    calls = []

    def interrupted(patches):
        calls.append(1)
        if len(calls) == 3:
            raise error
        return mean_of_bands(patches)

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "map.tif").write_bytes(b"earlier")
    with SceneBands([field]) as scene, pytest.raises(error):
        write_map(classifier(4, interrupted), scene, tmp_path / "out" / "map.tif", stride=1)
    assert len(calls) == 3
    assert [(p.name, p.read_bytes()) for p in (tmp_path / "out").iterdir()] == [("map.tif", b"earlier")]


@pytest.mark.parametrize("missing", [1, 3000])
def test_a_full_disk_is_told_wherever_it_gets_full(tmp_path, field, small_disk, missing):
    """GDAL tells of blocks that are missing, but of a directory at the file's end only on reading it."""
    (tmp_path / "out").mkdir()
    with SceneBands([field]) as scene:
        done = write_map(classifier(4, mean_of_bands), scene, tmp_path / "map.tif", stride=1)
        largest = done.probabilities.stat().st_size
        with (
            small_disk(max(largest - missing, 0)),
            pytest.raises(DataError, match=r"out/map\.tif and its siblings; is the disk full") as told,
        ):
            write_map(classifier(4, mean_of_bands), scene, tmp_path / "out" / "map.tif", stride=1)
    assert ".eomoo-" not in str(told.value)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"bands": ["x", "y", "z"]}, {}, r"field has 2 bands \(x, y\); the network was trained on 3 \(x, y, z\)"),
        ({"bands": ["y", "x"]}, {}, r"has the bands x, y; the network was trained on y, x; .* as in --bands"),
        ({"bands": ["band 1", "band 2"]}, {}, None),
        ({"bands": ["X", "Y"]}, {}, None),
        ({"size": 24}, {}, "has 23x31 pixels; the network takes patches of 24x24"),
        ({"classes": [str(k) for k in range(256)]}, {}, "tells 256 classes; a map of bytes holds 255"),
        ({}, {"stride": 0}, "stride must be a whole number of at least 1; got 0"),
        ({}, {"stride": 24}, "stride must be a whole number from 1 to 23; got 24"),
        ({}, {"probability": "all"}, "probability must be one of winner, classes"),
        ({}, {"path": "map.png"}, "a map is a GeoTIFF"),
        ({}, {"path": "gr\udcfcn.tif"}, "the name of .*n.tif is not in UTF-8, which rasterio needs; rename it"),
        ({}, {"path": "scene/field.tif"}, r"field\.tif is a file of the scene"),
        ({}, {"path": "scene/labels.tif"}, r"labels\.tif is a file of the scene"),
    ],
)
def test_bands_of_another_order_and_settings_that_cannot_be_are_refused(tmp_path, field, change, options, message):
    path = tmp_path / options.pop("path", "map.tif")
    network = classifier(**{"size": 4, "tell": mean_of_bands, **change})
    labels = field.with_name("labels.tif")
    with SceneBands([field], band_names=NAMES, name="field", labels=labels) as scene:
        if message is None:
            assert write_map(network, scene, path, **options).classes == path
            return
        with pytest.raises(ValueError, match=message):
            write_map(network, scene, path, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["scene"]


def test_a_file_that_tells_too_little_for_a_map_is_refused(tmp_path, field):
    network = classifier(4, mean_of_bands)
    del network.described["band_names"], network.described["image_size"]
    with (
        SceneBands([field], band_names=NAMES, name="field") as scene,
        pytest.raises(DataError, match=r"none\.pt does not tell band_names and image_size, which a map needs"),
    ):
        write_map(network, scene, tmp_path / "map.tif")


def test_colours_of_classes_are_those_that_people_know_or_all_different():
    from eomoo.images import SO2SAT_CLASSES

    zones = class_colors(SO2SAT_CLASSES)
    assert (zones[0], zones[16]) == ((0x8C, 0, 0), (0x6A, 0x6A, 0xFF))
    names = ["Forest", "water", "deep water", *map(str, range(40))]
    colors = class_colors(names)
    assert len(set(colors)) == len(names)
    assert colors[1][2] > colors[1][0]
    assert colors[0][1] > colors[0][0]
