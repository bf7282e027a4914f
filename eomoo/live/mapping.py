"""The map that a network predicts for a whole scene, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.images import ImageData, Scene

if TYPE_CHECKING:
    import torch


def predict_scene(
    network: torch.nn.Module,
    scene: Scene,
    data: ImageData,
    *,
    device: str | torch.device = "cpu",
    batch_size: int = 4096,
    report: Callable[[int, int], None] | None = None,
) -> NDArray[np.int16]:
    """Class of each pixel of a scene, from the patch around it; mirrored at the scene's edges.

    Args:
        network: From normalised patches to logits.
        scene: The scene.
        data: What the network was trained on: patch size and statistics.
        device: Where the network is.
        batch_size: Patches at once.
        report: Called with pixels done and pixels in all.

    Returns:
        (height, width), class numbers; -1 where the scene has no data.
    """
    import torch

    from eomoo.live.batches import prepare

    size, place = data.image_size, torch.device(device)
    before, after = size // 2, size - size // 2 - 1
    padded = np.pad(scene.bands, ((0, 0), (before, after), (before, after)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    rows, columns = np.nonzero(scene.valid)
    labels: NDArray[np.int16] = np.full(scene.valid.shape, -1, dtype=np.int16)
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            here: Any = rows[start : start + batch_size], columns[start : start + batch_size]
            patches = np.ascontiguousarray(windows[:, here[0], here[1]].transpose(1, 0, 2, 3))
            logits = network(prepare(torch.from_numpy(patches), data, place))
            labels[here] = logits.argmax(dim=1).cpu().numpy()
            if report is not None:
                report(min(start + batch_size, len(rows)), len(rows))
    return labels
