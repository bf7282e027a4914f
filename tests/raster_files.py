"""Raster files for tests, written through rasterio."""

import warnings

import numpy as np


def write_raster(path, values, *, driver="GTiff", palette=None, mask=None, **profile):
    """Write values (bands, height, width), or (height, width), with keywords of rasterio's profile."""
    import rasterio

    values = values[None] if values.ndim == 2 else values
    count, height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver=driver, count=count, height=height, width=width, dtype=values.dtype, **profile
        ) as file:
            file.write(values)
            if palette:
                file.write_colormap(1, palette)
            if mask is not None:
                file.write_mask(np.asarray(mask))
    return path


def open_raster(path, **options):
    """A raster file opened through rasterio, which says nothing of missing georeference."""
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rasterio.open(path, **options)
