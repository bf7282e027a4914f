import numpy as np
import pytest

from eomoo.images.base import read_batch
from eomoo.images.scene import Scene, patches_of, read_scene, read_tiff, split_regions
from eomoo.images.sources import open_data, open_scene

tifffile = pytest.importorskip("tifffile", reason="the extra 'live' is not installed")


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


def write_scene(folder, scene, *, nodata=None):
    for k, band in enumerate(scene.bands):
        tags = [(42113, "s", 0, str(nodata), True)] if nodata is not None else []
        tifffile.imwrite(folder / f"b{k}.tif", band, extratags=tags)
    tifffile.imwrite(folder / "labels.tif", (scene.labels + 1).astype(np.uint8))
    (folder / "scene.toml").write_text(
        'bands = ["b0.tif", "b1.tif"]\nlabels = "labels.tif"\nband_names = ["x", "y"]\n'
        '[classes]\n1 = "a"\n2 = "b"\n3 = "c"\n'
    )


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
    shares = np.array(
        [np.bincount(labels[regions == k], minlength=3) / (regions == k).sum() for k in range(3)]
    )
    assert np.abs(shares - shares.mean(axis=0)).max() < 0.1
    assert [(regions == k).mean() for k in range(3)] == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert (regions == split_regions(labels, seed=3)).all()
    assert (regions != split_regions(labels, seed=4)).any()


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


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_files_with_several_bands(tmp_path, planar, compression):
    bands = make_scene().bands
    values = bands.transpose(1, 2, 0) if planar == "contig" else bands
    tifffile.imwrite(
        tmp_path / "s.tif", values, photometric="minisblack", planarconfig=planar, compression=compression
    )
    assert (read_tiff(tmp_path / "s.tif")[0] == bands).all()


def test_files_that_cannot_be_used_are_named(tmp_path):
    scene = make_scene()
    write_scene(tmp_path, scene)
    tifffile.imwrite(tmp_path / "small.tif", scene.bands[0, :50])
    with pytest.raises(ValueError, match=r"grids differ.*small\.tif has 50x120"):
        read_scene([tmp_path / "small.tif"], tmp_path / "labels.tif")
    whole = (tmp_path / "b0.tif").read_bytes()
    (tmp_path / "b0.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b0\.tif is no readable GeoTIFF"):
        open_scene(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.tif"):
        read_tiff(tmp_path / "none.tif")
    (tmp_path / "scene.toml").write_text('bands = ["b1.tif"]\nlabel = "labels.tif"\n')
    with pytest.raises(ValueError, match="unknown key 'label'"):
        open_scene(tmp_path)


def test_a_scene_too_small_for_the_patches_is_refused():
    with pytest.raises(ValueError, match="patch_size must be 1 to 96; got 97"):
        patches_of(make_scene(), patch_size=97)
    with pytest.raises(ValueError, match="region has room for 0 patches of 30 pixels"):
        patches_of(make_scene(), patch_size=30)


def test_images_in_folders(tmp_path):
    rng = np.random.default_rng(0)
    for k, name in enumerate(("forest", "water")):
        (tmp_path / name).mkdir()
        for j in range(10):
            tifffile.imwrite(
                tmp_path / name / f"{j}.tif",
                rng.normal(k, 1, (4, 4, 3)).astype(np.float32),
                photometric="rgb",
            )
    data = open_data(tmp_path)
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


def test_sources_that_do_not_exist_or_options_that_do_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match="no data set or folder 'nowhere'"):
        open_data("nowhere")
    with pytest.raises(ValueError, match="unknown option 'patch_size' of so2sat data"):
        open_data("so2sat", patch_size=9)
    with pytest.raises(ValueError, match="is no scene"):
        open_scene("so2sat")


def test_a_map_is_predicted_pixel_by_pixel():
    """A network that looks at one pixel of the patch shows which one belongs to which place."""
    torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
    from eomoo.live.mapping import predict_scene

    scene = make_scene()
    scene.valid[3, 4] = False
    data = patches_of(scene, patch_size=6, gap=1)
    rule = scene.bands[0] > scene.bands[1]

    class Middle(torch.nn.Module):
        def forward(self, x):
            mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (data.mean, data.std))
            x = x * std + mean
            return torch.stack((x[:, 1, 3, 3], x[:, 0, 3, 3]), dim=1)

    seen = []
    labels = predict_scene(Middle(), scene, data, batch_size=1000, report=lambda *at: seen.append(at))
    assert labels[3, 4] == -1
    assert (labels == rule)[scene.valid].mean() > 0.999
    assert seen[-1] == (96 * 120 - 1, 96 * 120 - 1)
