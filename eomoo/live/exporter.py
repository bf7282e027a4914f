"""The networks of a front written as ONNX files, each on its own: one that fails stops no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eomoo.errors import EomooError
from eomoo.images import read_batch
from eomoo.live.campaign import Campaign, Result
from eomoo.live.export import export_onnx

# Images that a file is checked on: enough to go through every layer, and to export in a moment.
_CHECKED_IMAGES = 8


def export_cells(
    campaign: Campaign, results: Sequence[tuple[int, Result | None]], folder: str | Path
) -> tuple[list[Path], list[str]]:
    """Write ``CELL.onnx`` for each cell that was trained, with its accuracy in the metadata.

    Args:
        campaign: What the cells were trained in.
        results: Cells, with the results of their trainings.
        folder: Where the files are written.

    Returns:
        The files, and a sentence for each cell that has none.
    """
    written, failed = [], []
    images = None
    for cell, result in results:
        weights = weights_of(result)
        if result is None or weights is None:
            failed.append(f"cell {cell} was not exported: there are no weights of it")
            continue
        accuracy = {f"{s}_{kind}": result[s][kind] for s in ("val", "test") for kind in ("micro", "macro")}
        path = Path(folder) / f"{cell}.onnx"
        try:
            if images is None:
                test = campaign.source.open().test
                images, _ = read_batch(test, np.arange(min(_CHECKED_IMAGES, len(test))))
            export_onnx(weights, path, images=images, metadata={"index": cell, **accuracy})
        except EomooError as error:
            failed.append(f"cell {cell} was not exported: {error}")
            continue
        written.append(path)
    return written, failed


def weights_of(result: Result | None) -> Path | None:
    """The file of a training's weights; None where there is none."""
    path = Path(result["weights"]) if result and result.get("weights") else None
    return path if path is not None and path.is_file() else None
