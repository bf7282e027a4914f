"""From what a user names (a data set, a folder, a scene) to a task of images."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from eomoo.arrays import Facts
from eomoo.checks import known_keys, short, whole
from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.files import Place, expanded, read_toml
from eomoo.images.folders import load_folder
from eomoo.images.image_data import ImageData, limit, merge_classes
from eomoo.images.patches import patches_of
from eomoo.images.rasters import RASTERS, band_numbers, chosen_bands
from eomoo.images.scene import Scene, SceneBands, landsat_files, read_scene
from eomoo.images.so2sat import holds_so2sat, load_so2sat, so2sat_bands

_SCENE_FILE = "scene.toml"
_DATA_SETS = {"so2sat": "so2sat", "landsat-nc": "scene"}
_KEYS = ("bands", "labels", "name", "band_names", "nodata", "classes")
_SIZES = ("n_train", "n_val", "n_test")
_COMMON = ("bands", "merge", "seed", *_SIZES)
_OPTIONS = {
    "so2sat": ("version", "splits", "sentinel1", "memory", *_COMMON),
    "scene": ("patch_size", "gap", "blocks", *_COMMON),
    "folder": ("nodata", "fill", "skip_broken", *_COMMON),
}


def open_data(source: str | Path | ImageData, **options: Any) -> ImageData:
    """The task that a source stands for.

    Args:
        source: One of

            - "so2sat" or "so2sat:FOLDER": So2Sat LCZ42; a folder with its files is recognised too.
            - "landsat-nc" or "landsat-nc:FOLDER": patches of the Landsat scene of North Carolina.
            - a folder with ``scene.toml``, or such a file: patches of a GeoTIFF scene (see ``open_scene``).
            - a folder with a folder of images for each class (see ``load_folder``).
            - an ``ImageData``, which is returned.
        options: For every source ``n_train``, ``n_val``, ``n_test`` (images that are kept), ``seed``, ``bands`` (the
            numbers of those that are used, from 1) and ``merge`` (see ``merge_classes``); So2Sat: ``version``,
            ``splits``, ``sentinel1``, ``memory``; scenes: ``patch_size``, ``gap``, ``blocks``; folders: ``nodata``,
            ``fill``, ``skip_broken`` (see ``load_folder``).
    """
    if isinstance(source, ImageData):
        return source
    kind, place = split_source(source)
    known_keys(f"{kind} data", options, _OPTIONS[kind])
    told = {"source": absolute_source(source), "options": dict(options)}
    seed, merge = whole("seed", options.pop("seed", 0), least=0), options.pop("merge", None)
    bands = band_numbers(options.pop("bands", None))
    sizes: Facts = {}
    if kind == "scene":
        data = patches_of(_with_bands(open_scene(source), bands), seed=seed, **options)
    else:
        sizes = {name.removeprefix("n_"): options.pop(name, None) for name in _SIZES}
        load = partial(load_so2sat, place) if kind == "so2sat" else partial(load_folder, place or "")
        data = load(bands=bands, seed=seed, **options)
    data = limit(data if merge is None else merge_classes(data, merge), seed=seed, **sizes)
    return replace(data, told=told)


def bands_unseen(source: str | Path, options: Mapping[str, Any]) -> int | None:
    """How many bands images have that are not here, if they are So2Sat's with all classes, as published; else None.

    Args:
        source, options: As for ``open_data``.
    """
    if split_source(source)[0] != "so2sat" or options.get("merge") is not None:
        return None
    return len(so2sat_bands(band_numbers(options.get("bands")), sentinel1=options.get("sentinel1", False)))


def options_of(source: str | Path) -> tuple[str, ...]:
    """Names of the options that ``open_data`` has for a source."""
    return _OPTIONS[split_source(source)[0]]


def absolute_source(source: str | Path) -> str:
    """The same source as it is called from any folder: by another process, or by a card elsewhere.

    Raises:
        DataNotFoundError: (a FileNotFoundError) It is no known data set, folder or file.
    """
    place = split_source(source)[1]
    if place is None:
        return str(source)
    name = str(source).partition(":")[0]
    return f"{f'{name}:' if name in _DATA_SETS else ''}{expanded(place).resolve()}"


def split_source(source: str | Path) -> tuple[str, Path | None]:
    """What kind of source it is ("so2sat", "scene" or "folder"), and its folder or ``.toml`` if one is named."""
    text = str(source)
    name, _, rest = text.partition(":")
    if name in _DATA_SETS:
        return _DATA_SETS[name], Path(rest) if rest else None
    folder = expanded(text)
    if folder.suffix == ".toml" and folder.is_file():
        return "scene", folder
    if not folder.is_dir():
        raise DataNotFoundError(
            f"there is no data set or folder {short(text)}; known are so2sat and landsat-nc, and folders with "
            f"{_SCENE_FILE}, with So2Sat's files, or with a folder of images for each class"
        )
    if (folder / _SCENE_FILE).is_file():
        return "scene", folder
    if holds_so2sat(folder):
        return "so2sat", folder
    return "folder", folder


def open_scene(source: str | Path) -> Scene:
    """The scene that "landsat-nc", a folder with ``scene.toml`` or such a file stands for.

    ``scene.toml`` has ``bands`` (list of GeoTIFF files beside it), ``labels`` (GeoTIFF file), and
    optionally ``name``, ``band_names`` (list), ``nodata`` (a number that stands for no data in the
    bands) and a table ``[classes]`` of names by number, as in ``5 = "forest"``.
    """
    files = _scene_files(source)
    if "labels" not in files:
        raise DataError(f'{source} names no labels; write labels = "FILE.tif" in {_SCENE_FILE}')
    if not files["labels"].is_file():
        raise DataNotFoundError(f"{source}: labels names {files['labels']}, and there is no such file")
    return read_scene(**files)


def open_bands(source: str | Path, *, bands: object = None) -> SceneBands:
    """The bands of a scene, with labels or without, that stay in their files.

    Args:
        source: As for ``open_scene``, or a raster file.
        bands: Numbers, from 1, of those that are read, as a list or as in "3,2,1"; None for all.
    """
    path = expanded(source)
    raster = path.suffix.lower() in RASTERS
    files: Facts = {"bands": [path], "name": path.stem} if raster else _scene_files(source)
    kept = {key: files[key] for key in ("band_names", "nodata", "name", "labels") if key in files}
    return SceneBands(files["bands"], bands=band_numbers(bands), **kept)


def _scene_files(source: str | Path) -> Facts:
    """What ``read_scene`` takes for a source; without labels where there are none."""
    kind, place = split_source(source)
    if kind != "scene":
        raise SettingError(f"{source} is no scene; known are landsat-nc and folders with {_SCENE_FILE}")
    if str(source).partition(":")[0] == "landsat-nc":
        return landsat_files(place)
    path = place or Path()
    path = path / _SCENE_FILE if path.is_dir() else path
    table = Place(read_toml(path), path)
    known_keys(str(path), table.value, _KEYS, error=DataError)
    bands = [path.parent / _text(band, "the name of a file") for band in table["bands"].list("band")]
    if not bands:
        table["bands"].fail('names no file; write bands = ["FILE.tif", ...]')
    for band in bands:
        if not band.is_file():
            raise DataNotFoundError(f"{table['bands'].name} names {band}, and there is no such file")
    files: Facts = {"bands": bands, "name": path.parent.resolve().name}
    if "classes" in table.value:
        names = {_class_number(key, place): _text(place, "a name") for key, place in table["classes"].items()}
        if len(set(names.values())) < len(names):
            table["classes"].fail("gives two classes the same name")
        if len(names) < len(table["classes"].value):
            table["classes"].fail("names a number twice, as 1 and as 01")
        files["class_names"] = names
    others: dict[str, Callable[[Place], object]] = {
        "labels": lambda place: path.parent / _text(place, "the name of a file"),
        "band_names": lambda place: [_text(name, "a name") for name in place.list("name")],
        "nodata": Place.number,
        "name": lambda place: _text(place, "a name"),
    }
    return files | {key: tell(table[key]) for key, tell in others.items() if key in table.value}


def _text(place: Place, expected: str) -> str:
    # Longer than any path or name that people write; no path has a zero byte.
    return place.text(r"[^\0]{1,1000}", expected)


def _class_number(key: str, place: Place) -> int:
    # Label maps have 32 bits at most.
    if not re.fullmatch(r"-?[0-9]{1,10}", key):
        place.fail('is no number of the label map; write as in 5 = "forest"')
    return int(key)


def _with_bands(scene: Scene, numbers: tuple[int, ...] | None) -> Scene:
    if numbers is None:
        return scene
    at = [k - 1 for k in chosen_bands(numbers, len(scene.bands), of=scene.name)]
    return replace(scene, bands=scene.bands[at], band_names=tuple(scene.band_names[k] for k in at))
