"""How well a network classifies a whole split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eomoo.images import ImageData, ImageSet
from eomoo.live.batches import batches, prepare
from eomoo.live.devices import Group
from eomoo.live.metrics import Accuracy

if TYPE_CHECKING:
    import torch


def evaluate(
    network: torch.nn.Module,
    images: ImageSet,
    data: ImageData,
    *,
    device: str | torch.device = "cpu",
    batch_size: int = 512,
    workers: int = 0,
    group: Group | None = None,
) -> Accuracy:
    """Accuracy and loss of a network over a whole split; it is left in the mode that it was in.

    Args:
        network: From normalised images to logits.
        images: The split.
        data: Whose statistics normalise the images, and whose classes they have.
        device: Where the network is.
        batch_size: Images at once.
        workers: Processes that read ahead.
        group: Processes that share the split.
    """
    import torch
    from sklearn.metrics import confusion_matrix

    place, together, n_classes = torch.device(device), group or Group(), data.n_classes
    parts = [np.arange(k, min(k + batch_size, len(images))) for k in range(0, len(images), batch_size)]
    counts, loss = np.zeros((n_classes, n_classes), dtype=np.int64), 0.0
    training = network.training
    network.eval()
    with torch.inference_mode():
        for x, y in batches(images, parts, group=together, workers=workers):
            if len(y) == 0:
                continue
            logits = network(prepare(x, data, place)).float().cpu()
            loss += float(torch.nn.functional.cross_entropy(logits, y, reduction="sum"))
            counts += confusion_matrix(y.numpy(), logits.argmax(dim=1).numpy(), labels=range(n_classes))
    network.train(training)
    if together.size > 1:
        counts, loss = _summed(counts, loss, place)
    return Accuracy(confusion=counts, loss=loss / len(images))


def _summed(counts: NDArray[np.int64], loss: float, device: torch.device) -> tuple[NDArray[np.int64], float]:
    """Confusion counts and loss over all processes."""
    import torch

    total = torch.from_numpy(np.append(counts.ravel().astype(np.float64), loss)).to(device)
    torch.distributed.all_reduce(total)
    values = total.cpu().numpy()
    return values[:-1].round().astype(np.int64).reshape(counts.shape), float(values[-1])
