"""A task of images so small that a training takes a tenth of a second."""

import numpy as np

from eomoo.images import ArrayImages, ImageData

# How often a class occurs in six images of each split: no two splits have the same shares, and no split has
# every class as often, so that micro and macro, validation and test are different numbers.
SHARES = ((0, 1, 2, 0, 1, 0), (0, 1, 2, 1, 1, 0), (2, 1, 2, 2, 1, 0))


def make_data(n=(48, 30, 30), size=8, bands=2, seed=0):
    """Images of three classes that show in the bands' means and in a gradient."""
    rng = np.random.default_rng(seed)
    splits = []
    for count, share in zip(n, SHARES, strict=True):
        labels = np.resize(share, count)
        images = rng.normal(0, 1, (count, bands, size, size))
        images += labels[:, None, None, None] * np.linspace(0.4, 1, size)
        splits.append(ArrayImages(images.astype(np.float32), labels.astype(np.int64)))
    return ImageData.from_datasets(*splits, class_names=["class 0", "class 1", "class 2"])
