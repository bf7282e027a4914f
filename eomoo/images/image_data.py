"""Images with labels in one form: three splits, the names of classes and bands, training statistics."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from eomoo.arrays import Facts, Ints
from eomoo.checks import short, text, whole
from eomoo.errors import DataError, SettingError
from eomoo.images.faults import SPLIT_WORDS, Examined, classes_without, warned
from eomoo.images.splits import ImageSet, Subset, finite_batches, labels_of, read_batch, shape_of, spaced, statistics_of
from eomoo.space import Skeleton

SPLITS = ("train", "val", "test")
# Images of each split whose pixels mark a data set by themselves, as 0.1.0 had it; larger splits by digests of all.
_SAMPLE = 256


@dataclass(frozen=True, kw_only=True)
class ImageData:
    """A classification task on images.

    Attributes:
        name: A few words for tables and figures.
        train, val, test: The splits.
        class_names: By label.
        band_names: By band.
        mean, std: Of each band over the training split; every split is normalised with them.
        image_size: Height and width in pixels.
        fingerprint: 64 hexadecimal digits that change when the data do; of So2Sat when its labels or any of 64 evenly
            spaced patches of a split do.
        faults: Sentences on what makes them a worse measure than they seem, such as copies in several splits.
        told: The ``source``, as it is called from any folder, and the ``options`` by which ``open_data`` opens them
            again; None where they came otherwise.
    """

    name: str
    train: ImageSet
    val: ImageSet
    test: ImageSet
    class_names: tuple[str, ...]
    band_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int
    fingerprint: str
    faults: tuple[str, ...] = field(default=(), repr=False, compare=False)
    told: Facts | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_datasets(
        cls,
        train: ImageSet,
        val: ImageSet,
        test: ImageSet,
        *,
        class_names: Sequence[str] | None = None,
        band_names: Sequence[str] | None = None,
        name: str = "images",
    ) -> ImageData:
        """Describe three datasets of (image, label), with statistics of the training images.

        Args:
            train, val, test: See ``ImageSet``.
            class_names: By label; by default the training images' ``classes``, as torchgeo and torchvision have them.
            band_names: By band; by default "band 1" and so on.
            name: For tables and figures.

        DataError where they are not of one shape, have values that are not finite, or labels beyond the names.
        Each of the ``faults`` is a warning too.
        """
        splits = dict(zip(SPLITS, (train, val, test), strict=True))
        class_names = class_names or getattr(train, "classes", None)
        if class_names is None:
            raise DataError(f"{name}: the data set has no classes; give their names, by label, as class_names")
        for told in (name, *class_names, *(band_names or ())):
            text(f"{short(name)}: the name of images, a class or a band", str(told), error=DataError)
        # A list, so that the same names in a tuple give the same fingerprint.
        class_names = list(class_names)
        shape = _common_shape(splits)
        bands = tuple(band_names or (f"band {k + 1}" for k in range(shape[0])))
        if len(bands) != shape[0]:
            raise DataError(f"{name}: {len(bands)} names for {shape[0]} bands")
        if shape[1] != shape[2]:
            raise DataError(f"{name}: images of {shape[1]}x{shape[2]} pixels; they have to be square")
        if len(set(class_names)) < len(class_names):
            raise DataError(f"{name}: two classes have the same name: {', '.join(map(str, class_names))}")
        labels = {split: labels_of(images) for split, images in splits.items()}
        n = len(class_names)
        for split, own in labels.items():
            wrong = own[(own < 0) | (own >= n)]
            if len(wrong):
                raise DataError(f"{name}, {split}: label {wrong[0]} is none of the {n} classes (0 to {n - 1})")
        seen = Examined(splits, labels)
        mean, std = statistics_of(train, note=partial(seen.note, "train"))
        for split in ("val", "test"):
            for batch in finite_batches(splits[split], SPLIT_WORDS[split]):
                seen.note(split, batch)
        return cls(
            name=name,
            train=train,
            val=val,
            test=test,
            class_names=tuple(class_names),
            band_names=bands,
            mean=mean,
            std=std,
            image_size=shape[1],
            fingerprint=fingerprint_of(splits, name, class_names, bands, digests=seen.digests),
            faults=warned(name, [*seen.faults(), *classes_without(labels, class_names)]),
        )

    @property
    def in_channels(self) -> int:
        """Number of bands."""
        return len(self.band_names)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def skeleton(
        self,
        *,
        stem_channels: int = Skeleton.stem_channels,
        n_stacks: int = Skeleton.n_stacks,
        cells_per_stack: int = Skeleton.cells_per_stack,
    ) -> Skeleton:
        """The skeleton of that width and depth for these images."""
        shape = {"stem_channels": stem_channels, "n_stacks": n_stacks, "cells_per_stack": cells_per_stack}
        return Skeleton(in_channels=self.in_channels, n_classes=self.n_classes, image_size=self.image_size, **shape)

    def check_skeleton(self, skeleton: Skeleton) -> None:
        """Raise SettingError (a ValueError) when a network of the skeleton cannot take these images."""
        for what in ("in_channels", "n_classes", "image_size"):
            has, needs = getattr(skeleton, what), getattr(self, what)
            if has != needs:
                raise SettingError(f"skeleton: {what} is {has}; the images of {self.name} need {needs}")


def describe(data: ImageData) -> dict[str, object]:
    """What a network has to know of its images, as plain data: names, statistics, size."""
    lists = {name: list(getattr(data, name)) for name in ("class_names", "band_names", "mean", "std")}
    return {"name": data.name, **lists, "image_size": data.image_size, "fingerprint": data.fingerprint}


def fingerprint_of(
    splits: Mapping[str, ImageSet],
    *names: object,
    sample: int = _SAMPLE,
    digests: Mapping[str, Sequence[bytes]] | None = None,
) -> str:
    """SHA-256 over names, all labels, evenly spaced images of each split, and digests of all where there are more."""
    mark = hashlib.sha256(repr(names).encode())
    for split, images in splits.items():
        chosen = spaced(len(images), sample)
        mark.update(f"{split} {len(images)}".encode())
        mark.update(labels_of(images).astype("<i8").tobytes())
        mark.update(read_batch(images, chosen)[0].astype("<f4").tobytes())
        if digests is not None and len(chosen) < len(images):
            mark.update(b"".join(digests[split]))
    return mark.hexdigest()


def limit(data: ImageData, *, seed: int = 0, **sizes: int | None) -> ImageData:
    """The same task with fewer images, drawn at random.

    Args:
        data: The task.
        seed: Of the choice.
        sizes: How many images of ``train``, ``val`` and ``test`` are kept; None or more than there
            are for all. The statistics stay those of the whole training split.
    """
    chosen: Facts = {}
    for k, split in enumerate(SPLITS):
        images, size = getattr(data, split), sizes.get(split)
        if size is not None and whole(f"n_{split}", size, least=2) < len(images):
            drawn = np.random.default_rng([seed, k]).choice(len(images), size, replace=False)
            chosen[split] = Subset(images, np.sort(drawn))
    if not chosen:
        return data
    kept = {split: sizes[split] for split in chosen}
    mark = hashlib.sha256(f"{data.fingerprint} {kept} {seed}".encode()).hexdigest()
    return replace(data, **chosen, fingerprint=mark)


def merge_classes(data: ImageData, merge: object) -> ImageData:
    """The same images with fewer classes; a class that is not merged stays.

    Args:
        data: The task, its splits as ``open_data`` makes them.
        merge: For the name of each new class the old ones, by name or by number from 1, as in
            ``{"built": [1, 2, 3], "green": ["dense trees", 12]}``, or in a text, "built=1,2,3;green=dense trees,12".

    Raises:
        SettingError: (a ValueError) A class is unknown or merged twice, or fewer than two are left.
    """
    table = dict(part.partition("=")[::2] for part in merge.split(";")) if isinstance(merge, str) else merge
    if not isinstance(table, Mapping) or not table:
        raise SettingError(f"merge names classes, as in built=1,2,3; got {short(merge)}")
    names = list(data.class_names)
    for new, olds in table.items():
        listed = olds.split(",") if isinstance(olds, str) else olds if isinstance(olds, list | tuple) else [olds]
        for old in listed:
            at = _class_place(data.class_names, old)
            if names[at] != data.class_names[at]:
                raise SettingError(f"merge: {data.class_names[at]} would be of two new classes")
            names[at] = str(new).strip()
    # A new class stands where the first of its old ones stood.
    left = list(dict.fromkeys(names))
    kept = [old for old, name in zip(data.class_names, names, strict=True) if old == name]
    if len(left) < 2 or len(set(kept) & {str(new).strip() for new in table}):
        raise SettingError(f"merge: at least two classes of different names must be left; got {', '.join(names)}")
    codes = np.array([left.index(name) for name in names], dtype=np.int64)
    splits = {split: _relabelled(getattr(data, split), codes) for split in SPLITS}
    mark = hashlib.sha256(f"{data.fingerprint} {names}".encode()).hexdigest()
    return replace(data, **splits, class_names=tuple(left), fingerprint=mark)  # type: ignore[arg-type]  # splits


def _relabelled(images: ImageSet, codes: Ints) -> ImageSet:
    if isinstance(images, Subset):
        return Subset(_relabelled(images.source, codes), images.indices)
    # Every other set that eomoo makes keeps its labels as an array.
    other = copy(images)
    object.__setattr__(other, "labels", codes[labels_of(images)])
    return other


def _class_place(names: Sequence[str], old: object) -> int:
    text = str(old).strip()
    if text in names:
        return names.index(text)
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return int(text) - 1
    raise SettingError(f"merge: there is no class {short(old)}; known are 1 to {len(names)}: {', '.join(names)}")


def _common_shape(splits: dict[str, ImageSet]) -> tuple[int, int, int]:
    shapes = {}
    for split, images in splits.items():
        if len(images) < 2:
            raise DataError(
                f"the {split} split has {len(images)} images; at least 2 are needed, so give more of each class"
            )
        shapes[split] = shape_of(images)
        if len(shapes[split]) != 3:
            raise DataError(f"an image has the shape (bands, height, width); got {shapes[split]}")
    if len(set(shapes.values())) > 1:
        raise DataError(f"the splits hold images of different shapes: {shapes}")
    bands, height, width = shapes["train"]
    return bands, height, width
