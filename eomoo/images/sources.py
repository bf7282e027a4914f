"""From what a user names (a data set, a folder, a scene) to a task of images."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.images.base import ImageData, limit
from eomoo.images.folders import load_folder
from eomoo.images.landsat import load_landsat
from eomoo.images.scene import Scene, patches_of, read_scene
from eomoo.images.so2sat import SO2SAT_FILES, load_so2sat

__all__ = ["open_data", "open_scene", "split_source"]

_SCENE_FILE = "scene.toml"
_SIZES = ("n_train", "n_val", "n_test")
_OPTIONS = {
    "so2sat": ("version", "sentinel1", "memory", "seed", *_SIZES),
    "scene": ("patch_size", "gap", "blocks", "seed", *_SIZES),
    "folder": ("seed", *_SIZES),
}


def open_data(source: str | Path | ImageData, **options: Any) -> ImageData:
    """The task that a source stands for.

    Args:
        source: One of

            - "so2sat" or "so2sat:FOLDER": So2Sat LCZ42; a folder with its files is recognised too.
            - "landsat-nc" or "landsat-nc:FOLDER": patches of the Landsat scene of North Carolina.
            - a folder with ``scene.toml``: patches of a GeoTIFF scene (see ``open_scene``).
            - a folder with a folder of images for each class (see ``load_folder``).
            - an ``ImageData``, which is returned.
        options: For every source ``n_train``, ``n_val``, ``n_test`` (images that are kept) and
            ``seed``; So2Sat: ``version``, ``sentinel1``, ``memory``; scenes: ``patch_size``, ``gap``,
            ``blocks``.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is nothing of that name.
        DataError: (a ValueError) Its files cannot be used.
        SettingError: (a ValueError) An option that this source does not have.
    """
    if isinstance(source, ImageData):
        return source
    kind, place = split_source(source)
    _check_options(kind, options)
    if kind == "scene":
        return patches_of(open_scene(source), **options)
    sizes = {name.removeprefix("n_"): options.pop(name, None) for name in _SIZES}
    seed = options.pop("seed", 0)
    data = load_so2sat(place, **options) if kind == "so2sat" else load_folder(place or "", seed=seed)
    return limit(data, seed=seed, **sizes)


def split_source(source: str | Path) -> tuple[str, Path | None]:
    """What kind of source it is ("so2sat", "scene" or "folder"), and its folder if one is named."""
    text = str(source)
    name, _, rest = text.partition(":")
    if name in ("so2sat", "landsat-nc"):
        return ("so2sat" if name == "so2sat" else "scene"), Path(rest) if rest else None
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise DataNotFoundError(
            f"there is no data set or folder {text!r}; known are so2sat and landsat-nc, and folders with "
            f"{_SCENE_FILE}, with So2Sat's files, or with a folder of images for each class"
        )
    if (folder / _SCENE_FILE).is_file():
        return "scene", folder
    if any((folder / name).is_file() for name in SO2SAT_FILES.values()):
        return "so2sat", folder
    return "folder", folder


def open_scene(source: str | Path) -> Scene:
    """The scene that "landsat-nc" or a folder with ``scene.toml`` stands for.

    ``scene.toml`` has ``bands`` (list of GeoTIFF files beside it), ``labels`` (GeoTIFF file), and
    optionally ``name``, ``band_names`` (list) and a table ``[classes]`` of names by number, as in
    ``5 = "forest"``.

    Raises:
        DataNotFoundError: (a FileNotFoundError) A file is missing.
        DataError: (a ValueError) A file cannot be used; SettingError where it is no scene.
    """
    kind, place = split_source(source)
    if kind != "scene":
        raise SettingError(f"{source} is no scene; known are landsat-nc and folders with {_SCENE_FILE}")
    if str(source).partition(":")[0] == "landsat-nc":
        return load_landsat(place)
    folder = place or Path()
    path = folder / _SCENE_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no TOML file: {error}") from error
    return _scene_of(table, path)


def _scene_of(table: Mapping[str, Any], path: Path) -> Scene:
    known = ("bands", "labels", "name", "band_names", "classes")
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise DataError(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    bands, labels = table.get("bands"), table.get("labels")
    if not isinstance(bands, list) or not bands or not isinstance(labels, str):
        raise DataError(f'{path} needs bands = ["FILE.tif", ...] and labels = "FILE.tif"')
    try:
        classes = {int(number): str(name) for number, name in table.get("classes", {}).items()}
    except ValueError:
        raise DataError(f"{path}: the keys of [classes] are the numbers in the label map") from None
    return read_scene(
        [path.parent / str(band) for band in bands],
        path.parent / labels,
        class_names=classes or None,
        band_names=table.get("band_names"),
        name=str(table.get("name", path.parent.resolve().name)),
    )


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _OPTIONS[kind]:
            known = ", ".join(_OPTIONS[kind])
            raise SettingError(f"unknown option {name!r} of {kind} data; known are {known}")
