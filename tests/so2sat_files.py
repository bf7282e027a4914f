"""Small files of exactly So2Sat's format, with spectra and textures of 17 classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.images.so2sat import SEN1_BANDS, SEN2_BANDS, SO2SAT_CLASSES, SO2SAT_FILES

_PIXELS = 32
_PLACES = {"train": range(0, 42), "val": range(42, 52), "test": range(52, 62)}
_BLOCK = 250

# Reflectance of four surfaces in the ten bands: roof and pavement, trees and crops, soil, water.
_SURFACES = np.array([
    [.16, .17, .18, .19, .20, .21, .22, .22, .25, .24],
    [.04, .06, .04, .09, .22, .28, .30, .32, .17, .08],
    [.10, .13, .17, .20, .22, .24, .26, .28, .34, .28],
    [.08, .07, .05, .04, .03, .03, .02, .02, .01, .01],
])  # fmt: skip
# For each class: the shares of the four surfaces, the size of its texture in pixels and its contrast.
_CLASSES = np.array([
    [.90, .05, .05, .0, 1.0, .60], [.85, .10, .05, .0, 1.6, .45], [.80, .10, .10, .0, 0.8, .35],
    [.60, .35, .05, .0, 2.2, .60], [.55, .35, .10, .0, 2.8, .45], [.45, .45, .10, .0, 1.4, .35],
    [.60, .05, .35, .0, 0.6, .40], [.75, .05, .20, .0, 4.0, .50], [.20, .65, .15, .0, 2.0, .30],
    [.70, .02, .28, .0, 3.0, .70], [.00, .98, .02, .0, 1.2, .15], [.02, .75, .23, .0, 1.8, .35],
    [.00, .55, .45, .0, 1.0, .22], [.00, .80, .20, .0, 5.0, .12], [.55, .00, .45, .0, 2.4, .12],
    [.05, .02, .93, .0, 3.5, .12], [.00, .02, .02, .96, 3.0, .05],
])  # fmt: skip


def write_so2sat(
    folder: str | Path, *, n_train: int, n_val: int, n_test: int, seed: int | np.random.Generator = 0
) -> Path:
    """Write training.h5, validation.h5 and testing.h5 of synthetic patches.

    They have So2Sat's datasets, shapes and types: ``sen1`` (n, 32, 32, 8), ``sen2`` (n, 32, 32, 10)
    and one-hot ``label`` (n, 17), float64; the attribute ``synthetic`` marks them. The splits come
    from different places, each with its own light and its own mixture of surfaces.

    Args:
        folder: Where the files are written.
        n_train, n_val, n_test: Patches of each split.
        seed: Of everything.

    Returns:
        The folder.
    """
    import h5py

    rng = np.random.default_rng(seed)
    sizes = {"train": n_train, "val": n_val, "test": n_test}
    # Places are drawn once, so that they are the same ones whatever the sizes of the splits.
    light = rng.normal(1, 0.08, (62, 1)) * rng.normal(1, 0.03, (62, len(SEN2_BANDS)))
    mixture = rng.normal(0, 0.05, (62, len(_CLASSES), 4))
    for split, name in SO2SAT_FILES.items():
        Path(folder).mkdir(exist_ok=True)
        with h5py.File(Path(folder) / name, "w") as file:
            file.attrs["synthetic"] = True
            _fill(file, sizes[split], np.array(_PLACES[split]), light, mixture, rng)
    return Path(folder)


def _fill(
    file: Any,
    n: int,
    places: NDArray[np.int64],
    light: NDArray[np.float64],
    mixture: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    labels = rng.permutation(np.arange(n) % len(SO2SAT_CLASSES))
    file["label"] = np.eye(len(SO2SAT_CLASSES))[labels]
    sen2 = file.create_dataset("sen2", (n, _PIXELS, _PIXELS, len(SEN2_BANDS)), dtype="f8")
    sen1 = file.create_dataset("sen1", (n, _PIXELS, _PIXELS, len(SEN1_BANDS)), dtype="f8")
    for start in range(0, n, _BLOCK):
        here = slice(start, min(start + _BLOCK, n))
        place = rng.choice(places, len(labels[here]))
        optical, radar = synthetic_patches(
            labels[here], light=light[place], mixture=mixture[place, labels[here]], seed=rng
        )
        sen2[here], sen1[here] = optical, radar


def synthetic_patches(
    labels: NDArray[np.int64],
    *,
    light: NDArray[np.float64],
    mixture: NDArray[np.float64],
    seed: int | np.random.Generator = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Patches of Sentinel-2 (n, 32, 32, 10), reflectance, and Sentinel-1 (n, 32, 32, 8).

    Args:
        labels: Classes (n,).
        light: Factor of each band (n, 10).
        mixture: What is added to the class's shares of the four surfaces (n, 4).
        seed: Of the textures.
    """
    rng = np.random.default_rng(seed)
    shares = np.clip(_CLASSES[labels, :4] + mixture, 0, None)
    shares /= shares.sum(axis=1, keepdims=True)
    # Two textures move shares between the first and the second, the second and the third surface.
    texture = _textures(rng, _CLASSES[labels, 4], 2)
    swing = _CLASSES[labels, 5][:, None, None] * texture
    pixels = np.repeat(np.repeat(shares[:, None, None], _PIXELS, axis=1), _PIXELS, axis=2)
    pixels[..., :3] += 0.3 * np.stack((swing[0], -swing[0] + swing[1], -swing[1]), axis=-1)
    pixels = np.clip(pixels, 0, None)
    pixels /= pixels.sum(axis=-1, keepdims=True)
    optical = (pixels @ _SURFACES) * light[:, None, None]
    optical *= 1 + 0.15 * swing[0][..., None]
    optical += rng.standard_normal(optical.shape, dtype=np.float32) * 0.006
    return np.clip(optical, 0, 2.8), _radar(rng, pixels)


def _textures(rng: np.random.Generator, size: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Smooth noise (count, n, 32, 32) of unit variance; ``size`` (n,) is its grain in pixels."""
    frequency = np.fft.fftfreq(_PIXELS)[:, None] ** 2 + np.fft.rfftfreq(_PIXELS) ** 2
    kernel = np.exp(-2 * (np.pi * size[:, None, None]) ** 2 * frequency)
    white = rng.standard_normal((count, len(size), _PIXELS, _PIXELS), dtype=np.float32)
    smooth: NDArray[np.float64] = np.fft.irfft2(np.fft.rfft2(white) * kernel, s=(_PIXELS, _PIXELS))
    smooth -= smooth.mean(axis=(2, 3), keepdims=True)
    smooth /= smooth.std(axis=(2, 3), keepdims=True)
    return smooth


def _radar(rng: np.random.Generator, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Complex backscatter of both polarisations with speckle, its intensities and covariance."""
    strength = pixels @ np.array([[0.9, 0.35], [0.25, 0.30], [0.12, 0.10], [0.02, 0.01]])
    shape = (*pixels.shape[:3], 2, 2)
    speckle = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(strength[..., ::-1, None] / 2)
    vh, vv = (speckle[..., k, 0] + 1j * speckle[..., k, 1] for k in (0, 1))
    covariance = vh * vv.conj()
    parts = (
        vh.real, vh.imag, vv.real, vv.imag,
        np.abs(vh) ** 2, np.abs(vv) ** 2, covariance.real, covariance.imag,
    )  # fmt: skip
    return np.stack(parts, axis=-1)
