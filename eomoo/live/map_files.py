"""A scene's map as files: classes and probabilities with their place on Earth, and a picture."""

from __future__ import annotations

import colorsys
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Ints, Singles
from eomoo.checks import choice, counted, first_line, positive
from eomoo.errors import DataError, SettingError
from eomoo.files import atomic_path
from eomoo.images import SO2SAT_CLASSES, Grid, SceneBands, check_name
from eomoo.live.classifier import Classifier
from eomoo.live.mapping import Report, map_rows
from eomoo.packages import require
from eomoo.plots import WIDTHS, as_written, look, new_figure

PROBABILITIES = ("winner", "classes")
"""Of what a map of probabilities tells: of each pixel's own class, or of every class in a band of its own."""

# A byte's numbers but 0, which stands for no data.
_MOST_CLASSES = 255
# GDAL keeps blocks of files in memory, by default a twentieth of it.
_CACHE_MIB = 256
# Of a picture's longer side: what a page or a screen shows.
_PICTURE = 1200
# Letters of a legend's line that fit the picture's width.
_LEGEND = 130
# Local climate zones as everybody draws them: World Urban Database (WUDAPT), Bechtel et al., ISPRS IJGI 4, 2015.
_LCZ = (
    "8c0000", "d10000", "ff0000", "bf4d00", "ff6600", "ff9955", "faee05", "bcbcbc", "ffccaa", "555555",
    "006a00", "00aa00", "648525", "b9db79", "000000", "fbf7ae", "6a6aff",
)  # fmt: skip
# Land cover in about the colours of maps that people know; a choice.
_COVER = {
    "water|sea|lake|river": "3a7ca5", "forest|tree|wood": "2f6b3a", "agricult|crop|field": "f2d16b",
    "develop|urban|built|town|residen": "c7522a", "grass|herb|pasture|meadow": "b7c97b", "shrub|bush": "8e9b4c",
    "sand|soil|bare|sediment": "c9b8a8", "snow|ice": "eef4f7", "wetland|marsh": "6fa8a1", "road|highway": "7a7a7a",
    "industr": "8d5a97",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MapFiles:
    """A map that was written.

    Attributes:
        classes: GeoTIFF of bytes: 1 is the first class, 0 no data; colours, and names in its tags.
        probabilities: GeoTIFF of single precision.
        picture: PNG.
        counts: (classes,) pixels of each class.
        grid: Of the map's pixels.
    """

    classes: Path
    probabilities: Path
    picture: Path
    counts: Ints
    grid: Grid


def write_map(
    classifier: Classifier,
    scene: SceneBands,
    path: str | Path,
    *,
    stride: int | None = None,
    probability: str = "winner",
    report: Report | None = None,
) -> MapFiles:
    """Predict a scene and write ``NAME.tif``, ``NAME-probability.tif`` and ``NAME.png``, all or none.

    Args:
        classifier: The network.
        scene: With the bands that the network was trained on, in that order.
        path: ``NAME.tif``.
        stride: Between the middles of patches, in pixels; by default the patches' size, so that each pixel of the
            scene is looked at once. See ``map_rows``.
        probability: One of ``PROBABILITIES``.
        report: Called with rows that are done and rows in all.

    Raises:
        DataError: (a ValueError) The bands are not those of the training, or the scene is smaller than a patch.
        SettingError: (a ValueError) A setting that cannot be.
    """
    rasterio = require("rasterio", purpose="to write GeoTIFF")
    target, described = check_name(path), classifier.described
    names = list(described["class_names"])
    choice("probability", probability, PROBABILITIES)
    if target.suffix.lower() not in (".tif", ".tiff"):
        raise SettingError(f"a map is a GeoTIFF, as in map.tif; got {target}")
    if len(names) > _MOST_CLASSES:
        raise DataError(f"{classifier.path} tells {len(names)} classes; a map of bytes holds {_MOST_CLASSES} at most")
    check_bands(classifier, scene)
    paths = target, target.with_name(f"{target.stem}-probability.tif"), target.with_suffix(".png")
    for own in paths:
        if own.resolve() in scene.paths:
            raise SettingError(f"{own} is a file of the scene; write the map elsewhere")
    step = positive("stride", int(described["image_size"]) if stride is None else stride)
    rows = map_rows(classifier, scene.read, scene.grid.shape, stride=step, report=report)
    grid, colors = scene.grid.coarser(step), class_colors(names)
    counts = np.zeros(len(names) + 1, dtype=np.int64)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        # Of a scene that has none, which may be mapped as well.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        kept = [stack.enter_context(atomic_path(own)) for own in paths]
        stack.enter_context(_writing_rasters(dict(zip(paths, kept, strict=True))))
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MIB):
            bands = names if probability == "classes" else ["probability of the class"]
            with (
                _created(kept[0], grid, 1, "uint8", nodata=0) as classes,
                _created(kept[1], grid, len(bands), "float32", nodata=np.nan, predictor=3) as probabilities,
            ):
                classes.write_colormap(1, {0: (0, 0, 0, 0), **{k: (*c, 255) for k, c in enumerate(colors, 1)}})
                classes.update_tags(network=str(classifier), **{f"class_{k}": name for k, name in enumerate(names, 1)})
                probabilities.descriptions = bands
                for part in rows:
                    window = ((part.first, part.first + len(part.classes)), (0, grid.shape[1]))
                    codes = (part.classes + 1).astype(np.uint8)
                    counts += np.bincount(codes.ravel(), minlength=len(counts))
                    classes.write(codes, 1, window=window)
                    told = part.probabilities if probability == "classes" else part.probabilities.max(axis=0)[None]
                    probabilities.write(told, window=window)
            shown = _small(kept[0], grid.shape), _small(kept[1], grid.shape)
        _draw(*shown, names=names, colors=colors, title=f"{scene.name}: {classifier}", path=kept[2])
    return MapFiles(classes=paths[0], probabilities=paths[1], picture=paths[2], counts=counts[1:], grid=grid)


@contextmanager
def _writing_rasters(kept: Mapping[Path, Path]) -> Iterator[None]:
    """Say which files cannot be written, which GDAL tells late, at times on reading them back, without the reason.

    Args:
        kept: The temporary file of each, which is not named.
    """
    rasterio = require("rasterio", purpose="to write GeoTIFF")
    try:
        yield
    except rasterio.errors.RasterioIOError as error:
        reason = first_line(error)
        for own, temporary in kept.items():
            reason = reason.replace(temporary.name, own.name)
        raise DataError(f"cannot write {next(iter(kept))} and its siblings; is the disk full? {reason}") from error


def check_bands(classifier: Classifier, scene: SceneBands) -> None:
    """Raise DataError (a ValueError) unless a scene's bands are those of the training, as far as both are named.

    So it does where the network's file does not tell which these were.
    """
    missing = [name for name in ("band_names", "image_size") if name not in classifier.described]
    if missing:
        raise DataError(f"{classifier.path} does not tell {' and '.join(missing)}, which a map needs; export it anew")
    trained, own = list(classifier.described["band_names"]), list(scene.band_names)
    if len(trained) != len(own):
        raise DataError(
            f"{scene.name} has {counted(len(own), 'band')} ({', '.join(own)}); the network was trained on "
            f"{len(trained)} ({', '.join(trained)}); choose them in that order, as in --bands 3,2,1"
        )
    unnamed = all(re.fullmatch(r"band \d+", name) for name in trained)
    if scene.named and not unnamed and [name.casefold() for name in own] != [name.casefold() for name in trained]:
        raise DataError(
            f"{scene.name} has the bands {', '.join(own)}; the network was trained on {', '.join(trained)}; "
            "if they are these, or in another order, name their numbers in that order, as in --bands 3,2,1"
        )


def class_colors(names: Sequence[str]) -> list[tuple[int, int, int]]:
    """A colour for each class, red, green and blue in bytes: what land cover is drawn in, else evenly spaced hues."""
    known = dict(zip(SO2SAT_CLASSES, _LCZ, strict=True)) if set(names) <= set(SO2SAT_CLASSES) else {}
    left, colors = dict(_COVER), []
    for k, name in enumerate(names):
        word = next((words for words in left if re.search(words, name.casefold())), "")
        text = known.get(name) or left.pop(word, "")
        if text:
            colors.append(tuple(bytes.fromhex(text)))
        else:
            # Turned by the golden ratio, so that neighbours differ however many there are.
            rgb = colorsys.hls_to_rgb(k * 0.618034 % 1, 0.4 + 0.25 * (k % 2), 0.6)
            colors.append(tuple(round(255 * part) for part in rgb))
    return [(r, g, b) for r, g, b in colors]


def _created(path: Path, grid: Grid, count: int, kind: str, **profile: object) -> Any:
    rasterio = require("rasterio", purpose="to write GeoTIFF")
    profile |= {"driver": "GTiff", "count": count, "dtype": kind, "compress": "deflate", "BIGTIFF": "IF_SAFER"}
    profile["height"], profile["width"] = grid.shape
    if grid.crs:
        profile["crs"] = grid.crs
    if grid.transform:
        profile["transform"] = rasterio.Affine(*grid.transform)
    return rasterio.open(path, "w", **profile)


def _small(path: Path, shape: tuple[int, int]) -> NDArray[Any]:
    """The largest of a file's bands, of as many of its pixels as a picture shows."""
    rasterio = require("rasterio", purpose="to write GeoTIFF")
    step = max(1, -(-max(shape) // _PICTURE))
    with rasterio.open(path) as file:
        values = file.read(out_shape=(file.count, -(-shape[0] // step), -(-shape[1] // step)))
    largest: NDArray[Any] = values.max(axis=0)
    return largest


def _draw(
    classes: NDArray[np.uint8],
    probabilities: Singles,
    *,
    names: Sequence[str],
    colors: Sequence[tuple[int, int, int]],
    title: str,
    path: Path,
) -> None:
    from matplotlib.patches import Patch

    known = np.argwhere(classes > 0)
    if len(known):
        # Without margins that have no data.
        (top, first), (bottom, last) = known.min(axis=0), known.max(axis=0)
        inside = slice(top, bottom + 1), slice(first, last + 1)
        classes, probabilities = classes[inside], probabilities[inside]
    # Inches: two maps of 3 side by side with their colour bar; titles above and a legend below of a tenth of that each.
    height = 0.9 + 3.1 * classes.shape[0] / classes.shape[1]
    with look():
        figure, (left, right, bar) = new_figure(WIDTHS["page"], height, ncols=3, width_ratios=(1, 1, 0.03))
        table = np.array([(255, 255, 255), *colors], dtype=np.uint8)
        left.imshow(table[classes], interpolation="nearest")
        image = right.imshow(probabilities, vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
        for ax, text in ((left, "class"), (right, "probability of the class, as the network tells it")):
            ax.set_title(text)
            ax.set_axis_off()
        there = [k for k in range(len(names)) if (classes == k + 1).any()]
        handles = [Patch(color="#" + bytes(colors[k]).hex(), label=names[k]) for k in there]
        if (classes == 0).any():
            handles.append(Patch(facecolor="white", edgecolor="#999999", label="no data"))
        columns = min(len(handles), _LEGEND // max(len(name) + 5 for name in [*names, "no data"]))
        figure.legend(handles=handles, loc="outside lower center", ncols=max(1, columns))
        figure.colorbar(image, cax=bar)
        figure.suptitle("\n".join(textwrap.wrap(title, 112)))
        as_written(figure).savefig(path)
