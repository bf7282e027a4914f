"""What a trained network's probabilities are worth on a whole split: errors by class, agreement, reliability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from eomoo.arrays import Floats, Ints
from eomoo.images import ImageSet
from eomoo.images.splits import batches_of
from eomoo.live.classifier import Classifier
from eomoo.live.metrics import Accuracy, shares
from eomoo.plots import look, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# As in the source of ``Assessment.calibration_error``.
_BINS = 15
# Images at once: 10 bands of 32x32 pixels in the widest feature maps of the space take 0.3 GB.
_BATCH = 256
# With more classes the numbers in a matrix cannot be read.
_MOST_NUMBERS = 20
# In a line of a class's name; the longest of CORINE's has 86, and has to leave room for the matrix.
_LETTERS = 30


@dataclass(frozen=True, kw_only=True)
class Assessment(Accuracy):
    """Accuracy, and how far probabilities can be trusted.

    Attributes:
        counts: (bins,) images by the probability of the predicted class, in bins of equal width from 0 to 1.
        confidences: (bins,) mean of that probability; NaN in a bin without images.
        rights: (bins,) share of the images that is right; NaN in a bin without images.
    """

    counts: Ints
    confidences: Floats = field(repr=False)
    rights: Floats = field(repr=False)

    @classmethod
    def of(cls, log_probabilities: Floats, labels: Ints) -> Assessment:
        """From logarithms of probabilities (n, classes) and labels (n,)."""
        n, n_classes = log_probabilities.shape
        predicted = log_probabilities.argmax(axis=1)
        confusion = np.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
        confidence = np.exp(log_probabilities[np.arange(n), predicted])
        place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
        counts = np.bincount(place, minlength=_BINS)
        with np.errstate(invalid="ignore"):
            means = [np.bincount(place, weights=w, minlength=_BINS) / counts for w in (confidence, predicted == labels)]
        loss = float(-log_probabilities[np.arange(n), labels].mean())
        return cls(confusion=confusion, loss=loss, counts=counts, confidences=means[0], rights=means[1])

    @property
    def precision(self) -> Floats:
        """Share of the images predicted to be of each class that are (classes,); NaN where none is."""
        predicted = self.confusion.sum(axis=0)
        return shares(np.diag(self.confusion), predicted)

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond that of independent labels with the same shares; NaN where that is whole.

        Source: Cohen, Educational and Psychological Measurement 20, 1960.
        """
        n = float(self.confusion.sum())
        chance = float(self.confusion.sum(axis=0) @ self.confusion.sum(axis=1)) / n**2
        return (self.micro - chance) / (1 - chance) if chance < 1 else float("nan")

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: mean distance of probability and share that is right, over the images' bins.

        Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
        """
        apart = np.abs(self.rights - self.confidences)[self.counts > 0]
        return float((self.counts[self.counts > 0] * apart).sum() / self.counts.sum())

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        told = {"kappa": self.kappa, "balanced": self.macro, "calibration_error": self.calibration_error}
        bins = {"images": self.counts, "probability": self.confidences, "right": self.rights}
        return {**super().to_dict(), **told, "precision": self.precision, "reliability": bins}


def assess(
    classifier: Classifier, images: ImageSet, *, report: Callable[[int, int], None] = lambda done, total: None
) -> Assessment:
    """Classify a whole split and compare with its labels.

    Args:
        classifier: A trained network.
        images: The split, in the sensor's own values.
        report: Called with images done and in all.

    Raises:
        DataError: (a ValueError) Images cannot be read.
    """
    found, labels = [], []
    for x, y in batches_of(images, _BATCH):
        found.append(classifier.log_probabilities(x))
        labels.append(y)
        report(sum(map(len, labels)), len(images))
    return Assessment.of(np.concatenate(found), np.concatenate(labels))


def draw_confusion(confusion: Ints, class_names: Sequence[str], *, title: str = "") -> Figure:
    """The confusion matrix as a figure: shares of each true class (row) by predicted class, with the counts."""
    n = len(class_names)
    side = max(4.2, 1.6 + 0.34 * n)
    figure, ax = new_figure(side + 1.2, side)
    rows = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(100.0 * confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    with look():
        figure.colorbar(image, ax=ax, label="share of the true class (%)", shrink=0.8)
    names = [fill(name, _LETTERS) for name in class_names]
    ax.set_xticks(range(n), names, rotation=90, parse_math=False)
    ax.set_yticks(range(n), names, parse_math=False)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.set_title(fill(title, 48), fontsize=9)
    for (true, predicted), count in np.ndenumerate(confusion) if n <= _MOST_NUMBERS else ():
        # Dark cells need light numbers.
        color = "white" if shares[true, predicted] > 50 else "black"
        ax.text(predicted, true, f"{count:,}" if count else "", ha="center", va="center", fontsize=6, color=color)
    return figure


def draw_reliability(assessment: Assessment, *, title: str = "") -> Figure:
    """Share that is right by the probability that was told, over how many images were told it."""
    figure, (upper, lower) = new_figure(4.8, 5.2, nrows=2, sharex=True, gridspec_kw={"height_ratios": (3, 1)})
    edges = np.linspace(0, 100, len(assessment.counts) + 1)
    upper.plot([0, 100], [0, 100], color="0.6", linewidth=1, label="what probabilities promise")
    some = assessment.counts > 0
    upper.plot(
        100 * assessment.confidences[some], 100 * assessment.rights[some], marker="o", markersize=4, label="found"
    )
    upper.set_ylabel("right (%)")
    upper.set_title(fill(title, 60), fontsize=9)
    upper.legend(frameon=False, fontsize=9, loc="upper left")
    error = f"expected calibration error {100 * assessment.calibration_error:.1f} %"
    upper.text(0.98, 0.04, error, transform=upper.transAxes, ha="right", fontsize=9)
    lower.stairs(assessment.counts, edges, fill=True, color="0.7")
    lower.set_ylabel("images")
    lower.set_xlabel("probability of the predicted class (%)")
    return figure
