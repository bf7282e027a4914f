"""How well a network classifies a whole split: accuracy by the image, by the class, and the matrix behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.images import ImageData, ImageSet
from eomoo.live.batches import Batches, prepare
from eomoo.live.devices import Group
from eomoo.packages import torch


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How well a network classifies a split.

    Attributes:
        confusion: (classes, classes) int64: images by true class (row) and predicted class (column).
        loss: Mean cross entropy.
    """

    confusion: Ints
    loss: float

    @property
    def micro(self) -> float:
        """Share of all images that are right."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def macro(self) -> float:
        """Mean over the classes that occur of the share that is right, each class counting the same."""
        return float(np.nanmean(self.per_class))

    @property
    def per_class(self) -> Floats:
        """Share of each class that is right (classes,); NaN for a class without images."""
        return shares(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def majority(self) -> float:
        """Share of the largest class: what a network that always says the same would reach."""
        return float(self.confusion.sum(axis=1).max() / self.confusion.sum())

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "micro": self.micro,
            "macro": self.macro,
            "loss": self.loss,
            "per_class": [None if np.isnan(v) else float(v) for v in self.per_class],
            "confusion": self.confusion.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Accuracy:
        """The inverse of ``to_dict``."""
        return cls(confusion=np.array(values["confusion"], dtype=np.int64), loss=float(values["loss"]))


def shares(some: Ints, of: Ints) -> Floats:
    """Counts (n,) by other counts (n,); NaN where these are 0."""
    found: Floats = np.full(len(of), np.nan)
    np.divide(some, of, out=found, where=of > 0)
    return found


def evaluate(
    network: torch.nn.Module,
    images: ImageSet,
    data: ImageData,
    *,
    device: str | torch.device = "cpu",
    batch_size: int = 512,
    group: Group | None = None,
    precision: torch.dtype | None = None,
    batches: Batches | None = None,
) -> Accuracy:
    """Accuracy and loss of a network over a whole split; it is left in the mode that it was in.

    Args:
        network: From normalised images to logits.
        images: The split.
        data: Whose statistics normalise the images, and whose classes they have.
        device: Where the network is.
        batch_size: Images at once.
        group: Processes that share the split.
        precision: Of autocast; None for float32.
        batches: Of the split on the device, where they are there already.
    """
    place, together = torch.device(device), group or Group()
    source = batches or Batches(images, place)
    parts = [np.arange(k, min(k + batch_size, len(images))) for k in range(0, len(images), batch_size)]
    # On a CUDA device nothing waits for a batch; elsewhere the CPU adds up.
    home = place if place.type == "cuda" else torch.device("cpu")
    counts = torch.zeros(data.n_classes**2, dtype=torch.int64, device=home)
    loss = torch.zeros((), dtype=torch.float64, device=home)
    training = network.training
    network.eval()
    with torch.inference_mode(), torch.autocast(place.type, precision, enabled=precision is not None):
        for x, y in source.of([part[together.rank :: together.size] for part in parts]):
            logits, true = network(prepare(x, data, place)).float().to(home), y.to(home)
            loss += torch.nn.functional.cross_entropy(logits, true, reduction="sum").double()
            cells = true * data.n_classes + logits.argmax(dim=1)
            counts.index_add_(0, cells, torch.ones_like(cells))
    network.train(training)
    if together.size > 1:
        # One after another: gloo and NCCL reduce tensors of one type.
        for total in (counts, loss):
            torch.distributed.all_reduce(total)
    confusion = counts.cpu().numpy().reshape(data.n_classes, data.n_classes)
    return Accuracy(confusion=confusion, loss=float(loss) / len(images))
