"""What makes images a worse measure than they seem, in sentences: copies, images of one value, classes without any."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from eomoo.arrays import Ints, Singles
from eomoo.checks import counted, listed
from eomoo.images.splits import ImageSet

SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
"""What the images of each split are called in a sentence."""
_Place = tuple[str, int]


class Examined:
    """What a pass over all pixels notes of each image: a digest, by which copies are found, and whether it is flat.

    Attributes:
        digests: By split, of its images in their order.
    """

    def __init__(self, splits: Mapping[str, ImageSet], labels: Mapping[str, Ints]) -> None:
        self._splits, self._labels = splits, labels
        self.digests: dict[str, list[bytes]] = {split: [] for split in splits}
        self._flat: list[_Place] = []

    def note(self, split: str, batch: Singles) -> None:
        """Look at images (n, bands, height, width) of a split, which come in their order."""
        digests = self.digests[split]
        # Images of one pixel have no other values.
        flat = (batch == batch[:, :, :1, :1]).all(axis=(1, 2, 3)) & (batch[0, 0].size > 1)
        self._flat += [(split, len(digests) + int(k)) for k in np.flatnonzero(flat)]
        digests += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in batch]

    def faults(self) -> list[str]:
        """Sentences on copies and flat images, that of a kind in one."""
        shared, mislabelled = self._copies()
        found = []
        if shared:
            found.append(
                f"copies of images of another split: {len(shared):,} of the validation and test images, such as "
                f"{self._named(shared[0])}; accuracies on them flatter, so leave copies out"
            )
        if mislabelled:
            found.append(
                f"copies of images of another class: {len(mislabelled):,}, such as {self._named(mislabelled[0])}; "
                "one of the two classes is wrong"
            )
        if self._flat:
            found.append(
                f"{counted(len(self._flat), 'image')} of one value throughout, such as {self._name(self._flat[0])}; "
                "nothing in them tells their class"
            )
        return found

    def _copies(self) -> tuple[list[tuple[_Place, _Place]], list[tuple[_Place, _Place]]]:
        """Pairs of an image and its first copy, of different splits; and of different classes."""
        flat, first = set(self._flat), dict[bytes, _Place]()
        shared, mislabelled = [], []
        for split, digests in self.digests.items():
            for k, digest in enumerate(digests):
                place = (split, k)
                other = place if place in flat else first.setdefault(digest, place)
                if other[0] != split:
                    shared.append((place, other))
                if self._labels[other[0]][other[1]] != self._labels[split][k]:
                    mislabelled.append((place, other))
        return shared, mislabelled

    def _named(self, pair: tuple[_Place, _Place]) -> str:
        return f"{self._name(pair[0])} of {self._name(pair[1])}"

    def _name(self, place: _Place) -> str:
        split, k = place
        files = getattr(self._splits[split], "files", None)
        return f"{SPLIT_WORDS[split]} image {k}" if files is None else str(files[k])


def classes_without(labels: Mapping[str, Ints], class_names: Sequence[str]) -> list[str]:
    """A sentence on classes of which a split, by its labels (n,), has no images, where there are some."""
    parts = []
    for split, own in labels.items():
        counts = np.bincount(own, minlength=len(class_names))
        if not counts.all():
            names = listed(class_names[int(k)] for k in np.flatnonzero(counts == 0))
            parts.append(f"no {SPLIT_WORDS[split]} images of {names}")
    return [f"there are {', '.join(parts)}; such classes are not learnt, or not judged"] if parts else []


def warned(name: str, faults: Sequence[str]) -> tuple[str, ...]:
    """The same sentences, about images of a name, after a warning for each."""
    found = tuple(f"{name}: {fault}" for fault in faults)
    for sentence in found:
        warnings.warn(sentence, stacklevel=3)
    return found
