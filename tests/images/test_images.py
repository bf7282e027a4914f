import numpy as np
import pytest
from so2sat_files import write_so2sat

from eomoo.images import (
    ArrayImages,
    FolderImages,
    ImageData,
    PatchImages,
    So2SatFile,
    Subset,
    labels_of,
    limit,
    read_batch,
    statistics_of,
)


class Pairs:
    """The least that a dataset can be: a length and pairs."""

    def __init__(self, images, labels):
        self.pairs = list(zip(images, labels, strict=True))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.pairs[index]


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    images = rng.normal(1000, [[[[1]], [[5]]]], (30, 2, 8, 8)).astype(np.float32)
    return images, rng.integers(0, 3, 30)


def make(images, labels, **changes):
    splits = [ArrayImages(images[k : k + 10], labels[k : k + 10]) for k in (0, 10, 20)]
    return ImageData.from_datasets(*splits, **{"class_names": ["a", "b", "c"], **changes})


def test_statistics_are_those_of_the_training_images_alone(arrays):
    images, labels = arrays
    data = make(images, labels)
    assert data.mean == pytest.approx(images[:10].mean(axis=(0, 2, 3), dtype=np.float64))
    assert data.std == pytest.approx(images[:10].std(axis=(0, 2, 3), dtype=np.float64))
    images[10:] += 100
    assert make(images, labels).mean == data.mean


def test_statistics_do_not_depend_on_chunks():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(1300, 1, 2, 2)).astype(np.float32)
    mean, std = statistics_of(ArrayImages(images, np.zeros(1300, dtype=np.int64)))
    assert mean[0] == pytest.approx(images.mean(dtype=np.float64))
    assert std[0] == pytest.approx(images.std(dtype=np.float64))


@pytest.mark.parametrize("unit", [1e-20, 1e20])
def test_bands_of_tiny_and_of_huge_units_are_as_good_as_others(unit):
    images = np.random.default_rng(0).normal(size=(20, 1, 2, 2)).astype(np.float32)
    _, std = statistics_of(ArrayImages(images * np.float32(unit), np.zeros(20, dtype=np.int64)))
    assert std[0] / unit == pytest.approx(images.std(dtype=np.float64), rel=1e-6)


def test_any_dataset_of_pairs_gives_the_same_task(arrays):
    images, labels = arrays
    splits = [Pairs(images[k : k + 10], labels[k : k + 10].tolist()) for k in (0, 10, 20)]
    data = ImageData.from_datasets(*splits, class_names=["a", "b", "c"])
    assert data.fingerprint == make(images, labels).fingerprint
    assert (labels_of(data.val) == labels[10:20]).all()
    batch, picked = read_batch(data.val, np.array([3, 1]))
    assert (batch == images[[13, 11]]).all()
    assert (picked == labels[[13, 11]]).all()


def test_a_torch_dataset_works(arrays):
    torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
    images, labels = arrays
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
    splits = [torch.utils.data.Subset(dataset, range(k, k + 10)) for k in (0, 10, 20)]
    data = ImageData.from_datasets(*splits, class_names=["a", "b", "c"])
    assert data.fingerprint == make(images, labels).fingerprint


@pytest.mark.parametrize("what", ["pixel", "label", "class name"])
def test_the_fingerprint_changes_with_the_data(arrays, what):
    images, labels = arrays
    before = make(images, labels).fingerprint
    if what == "pixel":
        images[25, 1, 3, 3] += 1
    elif what == "label":
        labels[25] = (labels[25] + 1) % 3
    names = ["a", "b", "d"] if what == "class name" else ["a", "b", "c"]
    assert make(images, labels, class_names=names).fingerprint != before


def test_the_fingerprint_changes_with_each_image_of_a_large_split():
    """Of more images than mark it by their pixels, those between them too."""
    rng = np.random.default_rng(1)
    images, labels = rng.normal(size=(3, 300, 1, 2, 2)).astype(np.float32), np.arange(300) % 2

    def fingerprint():
        splits = [ArrayImages(each, labels) for each in images]
        return ImageData.from_datasets(*splits, class_names=["a", "b"]).fingerprint

    seen = {fingerprint(), fingerprint()}
    assert len(seen) == 1
    for split, k in [(0, 6), (0, 7), (1, 149), (1, 298), (2, 20), (2, 0)]:
        images[split, k] += 1
        seen.add(fingerprint())
    assert len(seen) == 7


def test_limit_keeps_the_statistics_and_marks_the_data(arrays):
    data = make(*arrays)
    fewer = limit(data, seed=1, train=4)
    assert (len(fewer.train), len(fewer.val)) == (4, 10)
    assert isinstance(fewer.train, Subset)
    assert fewer.mean == data.mean
    assert len({data.fingerprint, fewer.fingerprint, limit(data, seed=2, train=4).fingerprint}) == 3
    assert limit(data, train=100) is data


def spoilt(images, at):
    images[at, 1, 2, 3] = np.inf
    return images


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, t: (i, t + 1), "label 3 is none of the 3 classes"),
        (lambda i, t: (i[:, :, :4], t), "8x4|4x8"),
        (lambda i, t: (i[:, 0], t), "bands, height, width"),
        (lambda i, t: (np.where(i > 1000, np.nan, i), t), "not finite"),
        (lambda i, t: (i * 0, t), "one value only"),
        (lambda i, t: (spoilt(i, 17), t), "image 7 of the validation images holds values"),
        (lambda i, t: (spoilt(i, 22), t), "image 2 of the test images"),
        (lambda i, t: (i, t + 0.5), "class numbers from 0; got"),
    ],
)
def test_impossible_images_are_refused(arrays, change, message):
    images, labels = change(arrays[0], np.where(np.arange(30) % 2, 2, arrays[1]))
    with pytest.raises(ValueError, match=message):
        make(images, labels)


def test_classes_of_one_name_are_refused(arrays):
    with pytest.raises(ValueError, match="two classes have the same name: a, b, a"):
        make(*arrays, class_names=["a", "b", "a"])


class TorchGeo:
    """Samples as torchgeo's classification data sets give them (EuroSAT, UC Merced, RESISC45, So2Sat and others)."""

    classes = ("a", "b", "c")

    def __init__(self, images, labels):
        self.images, self.labels_inside = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
        label = torch.tensor(self.labels_inside[index])
        return {"image": torch.from_numpy(self.images[index]), "label": label, "bbox": torch.zeros(4)}


def test_samples_of_torchgeo_give_the_same_task(arrays):
    images, labels = arrays
    data = ImageData.from_datasets(*(TorchGeo(images[k : k + 10], labels[k : k + 10]) for k in (0, 10, 20)))
    assert data.class_names == ("a", "b", "c")
    assert data.fingerprint == make(images, labels).fingerprint
    batch, picked = read_batch(data.test, np.array([3, 1]))
    assert (batch == images[[23, 21]]).all()
    assert (picked == labels[[23, 21]]).all()


def test_class_names_have_to_be_known(arrays):
    with pytest.raises(ValueError, match="the data set has no classes; give their names"):
        make(*arrays, class_names=None)


def test_tensors_of_any_type_are_images_and_those_of_different_shapes_are_named():
    torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")
    images = [torch.rand(2, 8, 8), torch.rand(2, 8, 8).bfloat16(), torch.rand(2, 8, 8).requires_grad_()]
    found, _ = read_batch([(image, 0) for image in images], np.arange(3))
    assert found.dtype == np.float32
    assert (found[1] == images[1].float().numpy()).all()
    with pytest.raises(ValueError, match=r"image 1 of a data set has the shape \(2, 8, 9\); others have \(2, 8, 8\)"):
        read_batch([(torch.rand(2, 8, 8 + k), 0) for k in range(3)], np.arange(3))


@pytest.mark.parametrize("item", [{"image": 1, "mask": 2}, (1, 2, 3), 7])
def test_data_sets_of_other_items_than_pairs_are_refused(arrays, item):
    images, labels = arrays
    splits = [Pairs(images[k : k + 10], labels[k : k + 10]) for k in (0, 10, 20)]
    splits[0].pairs[0] = item
    with pytest.raises(ValueError, match=f"is a {type(item).__name__}( with image, mask)?, not a pair of"):
        ImageData.from_datasets(*splits, class_names=["a", "b", "c"])


def test_a_skeleton_of_another_shape_is_refused(arrays):
    data = make(*arrays)
    data.check_skeleton(data.skeleton(stem_channels=8))
    with pytest.raises(ValueError, match="n_classes is 17; the images of images need 3"):
        data.check_skeleton(data.skeleton(stem_channels=8).__class__(in_channels=2, n_classes=17, image_size=8))


def a_split(kind, folder):
    """A split of a few images of such a kind."""
    images, labels = np.arange(48, dtype=np.float32).reshape(3, 1, 4, 4), np.array([2, 0, 1])
    if kind == "so2sat":
        pytest.importorskip("h5py", reason="the extra 'live' is not installed")
        return So2SatFile(write_so2sat(folder, n_train=3, n_val=2, n_test=2) / "training.h5")
    if kind == "patches":
        return PatchImages(images[0], np.eye(4, dtype=np.int16), np.array([1, 2, 2]), np.array([1, 1, 2]), 3)
    if kind == "folder":
        files = [folder / f"{k}.npy" for k in range(len(images))]
        for file, image in zip(files, images, strict=True):
            np.save(file, image)
        return FolderImages(files, labels)
    arrays = ArrayImages(images, labels)
    return Subset(arrays, np.array([2, 0])) if kind == "subset" else arrays


@pytest.mark.parametrize("kind", ["arrays", "subset", "folder", "patches", "so2sat"])
def test_a_split_ends_and_counts_from_its_end(kind, tmp_path):
    split = a_split(kind, tmp_path)
    n = len(split)
    # What wraps round never ends; zip with so many stops it one beyond.
    seen = [image for image, _ in (pair for pair, _ in zip(split, range(n + 1), strict=False))]
    assert len(seen) == n
    for k in range(n):
        (image, label), (same, its) = split[k], split[k - n]
        assert label == its
        np.testing.assert_array_equal(image, same)
        np.testing.assert_array_equal(image, seen[k])
    at = np.arange(n)[::-1]
    images, labels = read_batch(split, at)
    assert labels.tolist() == labels_of(split)[at].tolist() == [split[k][1] for k in at]
    np.testing.assert_array_equal(images, np.stack([split[k][0] for k in at]))
    for beyond in (n, -n - 1):
        with pytest.raises(IndexError):
            split[beyond]
