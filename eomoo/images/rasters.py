"""Raster files read through rasterio: what they claim is asked before anything is allocated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.checks import first_line, whole
from eomoo.errors import DataError, DataNotFoundError, EomooError, SettingError
from eomoo.packages import require

RASTERS = {".tif": "GTiff", ".tiff": "GTiff", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jp2": "JP2OpenJPEG"}
"""GDAL's driver by a file's ending. It is named on opening, since others (VRT) read what a file points to."""

# A choice: deflate shrinks at most 1032-fold, and so far only what is one value throughout.
_RATIO = 200
# What any file may claim, however small it is: four bytes for each pixel of 8,192 x 8,192.
_FREE = 2**28
# Coordinates are written with about nine digits, far below a hundredth of a pixel.
_PIXEL_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The pixels of a raster, and where on Earth they are.

    Attributes:
        shape: Height and width in pixels.
        crs: Coordinate reference system as WKT; "" where the file names none.
        transform: From column and row to coordinates, (a, b, c, d, e, f) of x = a column + b row + c and
            y = d column + e row + f; empty where the file has none.
    """

    shape: tuple[int, int]
    crs: str = ""
    transform: tuple[float, ...] = ()

    def difference(self, other: Grid) -> str:
        """In what another grid differs, for a sentence; "" where pixels lie on pixels, as far as is known."""
        if self.shape != other.shape:
            return "{}x{} pixels against {}x{}".format(*self.shape, *other.shape)
        if self.transform and other.transform:
            most = _PIXEL_SHARE * math.hypot(self.transform[0], self.transform[3])
            # The steps a, b, d and e count as often as there are pixels.
            weights = np.array([self.shape[1], self.shape[0], 1] * 2)
            shifts = np.abs(np.subtract(self.transform, other.transform)) * weights
            if not (shifts <= most).all():
                corners = f"{self.transform[2]:g}, {self.transform[5]:g}", other.transform[2::3]
                return f"its corner lies at {corners[0]} against {corners[1][0]:g}, {corners[1][1]:g}"
        if self.crs and other.crs and self.crs != other.crs:
            parse = require("rasterio.crs", purpose="to compare coordinates").CRS.from_wkt
            if parse(self.crs) != parse(other.crs):
                return "another coordinate reference system"
        return ""


def read_raster(
    path: str | Path, *, bands: Sequence[int] | None = None, codes: bool = False
) -> tuple[NDArray[Any], NDArray[np.bool_], Grid]:
    """Bands of a raster file, where each has data, and its grid.

    A pixel has no data where its band's nodata tag or the file's mask says so, or where it is not finite.
    An alpha band is a band as others: in files of four bytes a pixel it is often near infrared in truth.

    Args:
        path: GeoTIFF, PNG, JPEG or JPEG 2000.
        bands: Numbers, from 1, of those that are read; None for all.
        codes: The values are class numbers, for which a palette is only a legend.

    Returns:
        Values (bands, height, width) in the file's own type, 0 where there are no data; whether there are
        data, same shape; the grid.

    A file with complex numbers, without such a band, or that claims far more pixels than its size can hold, is
    none that can be used.
    """
    rasterio = require("rasterio", purpose="to read GeoTIFF, PNG and JPEG")
    place = Path(path).absolute()
    if not place.is_file():
        raise DataNotFoundError(f"there is no file {path}")
    driver = RASTERS.get(place.suffix.lower(), "GTiff")
    try:
        # Without the folder's listing: it would be read anew for each of thousands of images.
        with warnings.catch_warnings(), rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE"):
            # Images without georeference are as good as others here.
            warnings.simplefilter("ignore")
            with rasterio.open(place, driver=driver) as file:
                return _read(file, path, bands, codes)
    except EomooError:
        raise
    except Exception as error:
        # Beside its own, rasterio passes on whatever GDAL's drivers raise for damaged files.
        raise DataError(f"{path} is no readable raster file: {first_line(error)}") from error


def check_claim(path: str | Path, size: int) -> None:
    """Raise DataError where a file says that it holds far more than its size can: so many bytes in memory."""
    if size > max(_FREE, _RATIO * Path(path).stat().st_size):
        raise DataError(f"{path} claims {size / 2**20:,.0f} MiB of values, far more than a file of its size can hold")


def band_numbers(value: object) -> tuple[int, ...] | None:
    """Different numbers of bands, from 1, from a list of them, one, or a text as in "1,2,3"; None stays None."""
    if value is None:
        return None
    if isinstance(value, str):
        value = [int(part) if part.strip().isdecimal() else part for part in value.split(",")]
    listed = value if isinstance(value, list | tuple) else [value]
    # GDAL's formats hold at most 65,535 bands.
    numbers = tuple(whole("a band's number", number, least=1, most=65_535) for number in listed)
    if not numbers or len(set(numbers)) < len(numbers):
        raise SettingError(f"bands must be different numbers, as in [1, 2, 3]; got {numbers}")
    return numbers


def _read(
    file: Any, path: str | Path, bands: Sequence[int] | None, codes: bool
) -> tuple[NDArray[Any], NDArray[np.bool_], Grid]:
    chosen = list(bands or file.indexes)
    if max(chosen) > file.count:
        raise DataError(f"{path} has {file.count} bands; there is no band {max(chosen)}")
    kinds = [np.dtype(file.dtypes[k - 1]) for k in chosen]
    if any(kind.kind not in "iuf" for kind in kinds):
        raise DataError(f"{path} holds complex numbers; eomoo takes real ones")
    # Images become single precision later.
    width = sum(kind.itemsize if codes else max(kind.itemsize, 4) for kind in kinds)
    check_claim(path, width * file.height * file.width)
    if not codes and "palette" in [file.colorinterp[k - 1].name for k in chosen]:
        raise DataError(
            f"{path} holds numbers of a palette's colours, no intensities; convert it to RGB "
            "(gdal_translate -expand rgb)"
        )
    values = file.read(chosen)
    valid = np.isfinite(values)
    for k, flags in enumerate(file.mask_flag_enums[number - 1] for number in chosen):
        names = {flag.name for flag in flags}
        if not names & {"all_valid", "alpha"}:
            valid[k] &= file.read_masks(chosen[k]) > 0
    values[~valid] = 0
    return values, valid, _grid(file)


def _grid(file: Any) -> Grid:
    transform = tuple(float(v) for v in tuple(file.transform)[:6])
    known = transform != (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    return Grid(
        shape=(file.height, file.width), crs=file.crs.to_wkt() if file.crs else "", transform=transform if known else ()
    )
