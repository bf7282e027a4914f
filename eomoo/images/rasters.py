"""Raster files read through rasterio: what they claim is asked before anything is allocated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Numbers
from eomoo.checks import counted, explained, whole
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
# Of a CRS in a sentence: "EPSG:32632" is short, a whole description has hundreds of characters.
_LONG = 40


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
        if self.crs and other.crs and self.crs != other.crs:
            parse = require("rasterio.crs", purpose="to compare coordinates").CRS.from_wkt
            known = parse(self.crs), parse(other.crs)
            if known[0] != known[1]:
                return f"coordinate reference systems {_crs_name(known[0])} and {_crs_name(known[1])}"
        if self.transform and other.transform:
            most = _PIXEL_SHARE * math.hypot(self.transform[0], self.transform[3])
            # The steps a, b, d and e count as often as there are pixels.
            weights = np.array([self.shape[1], self.shape[0], 1] * 2)
            shifts = np.abs(np.subtract(self.transform, other.transform)) * weights
            if (shifts[[0, 1, 3, 4]] > most).any():
                sizes = [f"{grid.transform[0]:g}, {grid.transform[4]:g}" for grid in (self, other)]
                return f"steps from pixel to pixel of {sizes[0]} and {sizes[1]}"
            if (shifts[[2, 5]] > most).any():
                corners = [f"{grid.transform[2]:.12g}, {grid.transform[5]:.12g}" for grid in (self, other)]
                return f"upper left corners at {corners[0]} and {corners[1]}"
        if self.shape != other.shape:
            return "{}x{} and {}x{} pixels".format(*self.shape, *other.shape)
        return ""

    @property
    def warp_options(self) -> str:
        """Options of ``gdalwarp`` that bring a file onto this grid."""
        a, b, c, d, e, f = self.transform or (0.0,) * 6
        height, width = self.shape
        if not self.crs or not self.transform or b or d:
            return "-t_srs CRS -te XMIN YMIN XMAX YMAX -ts WIDTH HEIGHT"
        crs = _crs_name(require("rasterio.crs", purpose="to compare coordinates").CRS.from_wkt(self.crs))
        (x0, x1), (y0, y1) = sorted((c, c + width * a)), sorted((f, f + height * e))
        extent = " ".join(f"{v:.12g}" for v in (x0, y0, x1, y1))
        return f"-t_srs {crs} -te {extent} -ts {width} {height}"

    def coarser(self, stride: int) -> Grid:
        """The grid whose pixels each cover so many in height and width; the last ones may reach beyond."""
        shape = -(-self.shape[0] // stride), -(-self.shape[1] // stride)
        steps = (stride, stride, 1) * 2
        transform = tuple(v * step for v, step in zip(self.transform, steps, strict=False))
        return Grid(shape=shape, crs=self.crs, transform=transform)


def _crs_name(crs: Any) -> str:
    # A CRS without a number is a long text, in which the name comes first.
    name = str(crs.to_string())
    return name if len(name) < _LONG else f"{name.partition(',')[0]}...]"


class Raster:
    """A raster file that is open: bands that are read whole, or by rows.

    A pixel has no data where its band's nodata tag or the file's mask says so, or where it is not finite in single
    precision. The alpha band of a PNG is such a mask. That of a GeoTIFF is a band as others: in files of four bytes a
    pixel it is often near infrared in truth. A palette's numbers are read as the red, green and blue they stand for.

    Args:
        path: GeoTIFF, PNG, JPEG or JPEG 2000.
        bands: Numbers, from 1, of those that are read; None for all.
        codes: The values are class numbers, for which a palette is only a legend.

    A file with complex numbers or without such a band is none that can be used.

    Attributes:
        grid: Where its pixels are.
        names: Of the bands that are read, as far as the file names them; else "".
    """

    def __init__(self, path: str | Path, *, bands: Sequence[int] | None = None, codes: bool = False) -> None:
        rasterio = require("rasterio", purpose="to read GeoTIFF, PNG and JPEG")
        self.path, self.codes = path, codes
        place = check_name(Path(path).absolute())
        if not place.is_file():
            raise DataNotFoundError(f"there is no file {path}")
        driver = RASTERS.get(place.suffix.lower(), "GTiff")
        # Without the folder's listing: it would be read anew for each of thousands of images. And a PNG by rows, since
        # GDAL's quicker way to read all at once takes a file that was cut off for whole, and gives zeros for the rest.
        self._env = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="TRUE", GDAL_PNG_WHOLE_IMAGE_OPTIM="NO")
        with self._explained(), self._env:
            self._file = rasterio.open(place, driver=driver)
        try:
            with self._explained():
                self._describe(bands)
        except EomooError:
            self.close()
            raise

    def __enter__(self) -> Raster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def read(self, rows: tuple[int, int] | None = None) -> tuple[Numbers, Bools]:
        """Values (bands, rows, width) in the file's own type, 0 where there are no data; whether there are, same shape.

        Args:
            rows: The first, and the one after the last; None for all.

        Raises:
            DataError: (a ValueError) The file is damaged, or claims far more pixels than its size can hold.
        """
        first, last = rows or (0, self.grid.shape[0])
        width = self.grid.shape[1]
        # Images become single precision later.
        each = sum(kind.itemsize if self.codes else max(kind.itemsize, 4) for kind in self._kinds)
        check_claim(self.path, each * (last - first) * width)
        part = {"window": ((first, last), (0, width))}
        with self._explained(), self._env:
            values = self._file.read(self._bands, **part)
            with np.errstate(over="ignore"):
                # Of doubles too large for single precision, such as -1.8e308 that stands for no data.
                valid = np.isfinite(values if values.dtype != np.float64 else values.astype(np.float32))
            for k, number in enumerate(self._bands):
                flags = {flag.name for flag in self._file.mask_flag_enums[number - 1]}
                if not flags & ({"all_valid"} if self._masked else {"all_valid", "alpha"}):
                    valid[k] &= self._file.read_masks(number, **part) > 0
        if len(self._colors):
            colors = self._colors[np.minimum(values[0], len(self._colors) - 1)].transpose(2, 0, 1)
            valid, values = valid & (colors[3:] > 0), colors[self._chosen]
            valid = np.repeat(valid, len(values), axis=0)
        values[~valid] = 0
        return values, valid

    def _describe(self, bands: Sequence[int] | None) -> None:
        file = self._file
        colors = [color.name for color in file.colorinterp]
        self._colors: NDArray[np.uint8] = np.zeros((0, 4), dtype=np.uint8)
        if not self.codes and colors == ["palette"]:
            self._colors = np.array(list(file.colormap(1).values()), dtype=np.uint8)
        self._masked = file.driver == "PNG" and colors[-1] == "alpha"
        count = 3 if len(self._colors) else file.count - self._masked
        chosen = chosen_bands(bands, count, of=str(self.path), error=DataError)
        self._chosen = [k - 1 for k in chosen]
        self._bands = [1] if len(self._colors) else chosen
        self._kinds = [np.dtype(file.dtypes[k - 1]) for k in self._bands]
        if any(kind.kind not in "iuf" for kind in self._kinds):
            raise DataError(f"{self.path} holds complex numbers; eomoo takes real ones")
        self.names = tuple("" if len(self._colors) else file.descriptions[k - 1] or "" for k in chosen)
        transform = tuple(float(v) for v in tuple(file.transform)[:6])
        known = transform != (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
        crs = file.crs.to_wkt() if file.crs else ""
        self.grid = Grid(shape=(file.height, file.width), crs=crs, transform=transform if known else ())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self.path, "is no readable raster file"), warnings.catch_warnings():
            # Images without georeference are as good as others here.
            warnings.simplefilter("ignore")
            yield


def check_name(path: str | Path) -> Path:
    """The path; DataError (a ValueError) where it is none in UTF-8, as names from elsewhere may be: GDAL opens none."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {path} is not in UTF-8, which rasterio needs; rename it") from None
    return Path(path)


def read_raster(
    path: str | Path, *, bands: Sequence[int] | None = None, codes: bool = False
) -> tuple[Numbers, Bools, Grid]:
    """Values (bands, height, width) of a raster file, where there are data, and its grid: see ``Raster``."""
    with Raster(path, bands=bands, codes=codes) as file:
        return *file.read(), file.grid


def check_claim(path: str | Path, size: int) -> None:
    """Raise DataError where a file says that it holds far more than its size can: so many bytes in memory."""
    if size > max(_FREE, _RATIO * Path(path).stat().st_size):
        raise DataError(f"{path} claims {size / 2**20:,.0f} MiB of values, far more than a file of its size can hold")


def same_value(values: Numbers, value: float) -> Bools:
    """Where values are equal to one, as far as texts tell: they have six digits, as in -3.40282e+38."""
    return np.isclose(values.astype(np.float64), value, rtol=1e-5, atol=0)


def chosen_bands(
    bands: Sequence[int] | None, count: int, *, of: str, error: type[EomooError] = SettingError
) -> list[int]:
    """Numbers, from 1, of the bands that are used, by default all of so many; ``error`` where one is not there."""
    chosen = list(bands or range(1, count + 1))
    if max(chosen) > count:
        raise error(f"{of} has {counted(count, 'band')}; there is no band {max(chosen)}")
    return chosen


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
