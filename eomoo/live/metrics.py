"""Accuracy over a whole split: micro, macro, by class, and the confusion matrix behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How well a network classifies a split.

    Attributes:
        confusion: (classes, classes) int64: images by true class (row) and predicted class (column).
        loss: Mean cross entropy.
    """

    confusion: NDArray[np.int64]
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
    def per_class(self) -> NDArray[np.float64]:
        """Share of each class that is right (classes,); NaN for a class without images."""
        images = self.confusion.sum(axis=1)
        right: NDArray[np.float64] = np.full(len(images), np.nan)
        np.divide(np.diag(self.confusion), images, out=right, where=images > 0)
        return right

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
