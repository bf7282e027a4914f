"""Images and labels to train on; nothing here needs torch to be imported.

``image_data``: a task of three splits with names and statistics. ``splits``: what a split is and how it is
read. ``sources``: from what a user names to a task. ``so2sat``, ``folders``: So2Sat LCZ42, folders of images
by class. ``scene``: bands and labels of one place, such as the Landsat scene of North Carolina. ``patches``: a
scene cut into patches. ``rasters``: GeoTIFF, PNG and JPEG read within limits. ``faults``: copies in several splits,
classes without images, and what else is told of images that can be used.

Whatever reads files raises DataNotFoundError (a FileNotFoundError) where one is missing, DataError (a ValueError)
where one cannot be used, MissingPackageError (an ImportError) where the package that reads it is not installed.
"""

from eomoo.images.folders import FolderImages, load_folder
from eomoo.images.image_data import SPLITS, ImageData, describe, limit, merge_classes
from eomoo.images.patches import PatchImages, patches_of, split_regions
from eomoo.images.rasters import Grid, check_name, read_raster
from eomoo.images.scene import Scene, SceneBands, read_scene
from eomoo.images.so2sat import SO2SAT_CLASSES, So2SatFile, load_so2sat
from eomoo.images.sources import (
    absolute_source,
    bands_unseen,
    open_bands,
    open_data,
    open_scene,
    options_of,
    split_source,
)
from eomoo.images.splits import ArrayImages, ImageSet, OwnImages, Subset, labels_of, read_batch, statistics_of

__all__ = [
    "SO2SAT_CLASSES", "SPLITS", "ArrayImages", "FolderImages", "Grid", "ImageData", "ImageSet", "OwnImages",
    "PatchImages", "Scene", "SceneBands", "So2SatFile", "Subset", "absolute_source", "bands_unseen", "check_name",
    "describe", "labels_of", "limit", "load_folder", "load_so2sat", "merge_classes", "open_bands", "open_data",
    "open_scene", "options_of", "patches_of", "read_batch", "read_raster", "read_scene", "split_regions",
    "split_source", "statistics_of",
]  # fmt: skip
