"""How values are modelled: the recipes of the shipped models, of a user's, of starts and of searches."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from eomoo.arrays import Floats
from eomoo.models.gaussian_process import Kernel
from eomoo.models.trees import Trees
from eomoo.space import SO2SAT, Skeleton
from eomoo.space.features import feature_names

FAILED = "failed"
"""The target that is the probability of a cell's failure."""
KINDS = ("accuracy", "error", "time", "energy", "count")
# Of an accuracy and an error larger values and smaller ones are better; they are modelled alike, costs otherwise.
QUALITIES = KINDS[:2]
_UNITS = {
    "time": ("s", "ms", "us", "µs", "ns", "min", "h"),
    "energy": ("J", "mJ", "uJ", "µJ", "kJ", "Wh", "mWh", "kWh"),
    "count": ("B", "kB", "KB", "KiB", "MB", "MiB", "GB", "GiB", "bytes"),
}
# What maps are judged by, as people head their columns: overall and average accuracy, agreement, overlap.
_SCORES = {
    *("oa", "aa", "ba", "kappa", "f1", "iou", "miou", "jaccard", "dice", "mcc", "auc", "auroc", "auprc"),
    *("precision", "recall", "sensitivity", "specificity", "r2", "ssim"),
}
_LOSSES = {"loss", "err", "mae", "mse", "rmse", "nll", "perplexity", "drop", "gap"}
# Of which more is better, though they are no shares.
_RATES = {"fps", "throughput", "psnr"}
_COSTLY = re.compile("time|seconds|latency|delay|energy|power|watt|memory|size|param|macs|flops|cost")


def kind_of(name: str, unit: str = "", title: str = "") -> str:
    """The kind of a column by its unit, as in "ms/batch", else by its name or title; "" where neither tells."""
    words = re.split(r"[ /]", unit)
    for kind, units in _UNITS.items():
        if words[0] in units:
            return kind
    said = _words(name)
    if name.endswith("error") or "error" in title or said & _LOSSES:
        return "error"
    return "accuracy" if is_accuracy(name) or "accuracy" in title or said & _SCORES else ""


def is_accuracy(name: str) -> bool:
    """Whether a target of that name is a share of what was right, so that its error is a quantity too."""
    return re.search(r"acc(uracy|uracies)?\d*(?![a-z])|_(micro|macro)(_|$)", name.lower()) is not None


def is_rate(name: str) -> bool:
    """Whether a target of that name is none of the kinds, and yet more of it is better."""
    return bool(_words(name) & _RATES)


def is_cost(name: str) -> bool:
    """Whether less of a target of that name is better, whatever its unit."""
    return _COSTLY.search(name.lower()) is not None


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+\d?", name.lower()))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A target is predicted by the mean of a Gaussian process and of boosted trees, or by trees alone.

    Attributes:
        trees: The boosted trees.
        kernel: The Gaussian process; None for trees alone.
        encoding: The features of a cell, by ``Catalogue.features``' names; a process sees structural ones alone.
        columns: The structural features that both see, or the process alone where there are others; None for
            whatever features are given.
        share: Of the process in the mean.
        noises: Variances of a measurement that are tried instead of the kernel's; for each target that one
            is taken with which cells are best predicted from all others.
        log: Whether the logarithm of the target is modelled.
        of_error: Whether of an accuracy, a fraction, the error is modelled.
        slow_runs: Whether some measurements are larger by one common factor, for a reason that has
            nothing to do with the cell. They are told apart by a mixture of two normal distributions,
            and the models are fitted to what the others say.
        robust: Whether values far above the others, such as the error of a network that did not learn, are
            drawn nearer: how bad they are does not matter, and would spoil the fit of the rest.
        together: Whether one ensemble of trees is fitted to all targets.
        most: Cells that the Gaussian process sees at most, at random; the trees see all.
        many: The trees where there are more cells than that.
        held_out: Share of the cells that are predicted by models without them first, which tells the rank
            correlation and, without a Gaussian process, the deviation.
        exact: Whether a fit has the same bits on every machine, or is quick.
        device_of: The skeleton of the networks, where a quantity of one device is modelled as ``device`` says, from few
            cells and without trees; the rest of the recipe then says nothing.
        each_operation: Of such a device, whether an operation takes some time however small it is.
        local: Whether the deviation tells only how far the nearest cell is, not how far the parts differ.
    """

    trees: Trees
    kernel: Kernel | None = None
    encoding: str = "structural"
    columns: tuple[str, ...] | None = None
    share: float = 0.5
    noises: tuple[float, ...] = ()
    log: bool = False
    of_error: bool = False
    slow_runs: bool = False
    robust: bool = False
    together: bool = False
    most: int = 1000
    many: Trees | None = None
    held_out: float = 0.0
    exact: bool = True
    local: bool = False
    device_of: Skeleton | None = None
    each_operation: bool = False


_ALL = feature_names("structural")
# What is counted per path and in chains helps with accuracy and only adds noise to costs.
COSTS = tuple(name for name in _ALL if not (name.startswith("mean_") and ">" in name) and name.count(">") < 2)
# Kernels and trees of the EO targets: chosen by cross-validation over the 30 walks of the table.
ACCURACY_KERNEL, _ACCURACY_TREES = Kernel(length=10.0, linear=0.0, noise=0.2), Trees(rounds=60, eta=0.12)
_ACCURACY = Recipe(columns=_ALL, kernel=ACCURACY_KERNEL, trees=_ACCURACY_TREES)
_COST = Recipe(columns=COSTS, kernel=Kernel(length=6.0, linear=1.0, noise=0.01), trees=Trees(rounds=120, eta=0.18))


def device_recipe(skeleton: Skeleton) -> Recipe:
    """How a device's latency of networks of that skeleton is modelled."""
    return Recipe(trees=Trees(rounds=0, eta=1.0), columns=COSTS, device_of=skeleton, each_operation=True)


EO_RECIPES: dict[str, Recipe] = {
    "val_micro": _ACCURACY,
    "val_macro": _ACCURACY,
    "test_micro": _ACCURACY,
    "test_macro": _ACCURACY,
    # By physics: held out by walk Spearman .996 and 0.28 ms, where the recipe of other costs has .990 and 0.47 ms.
    # Of 64 images at once and hundreds of cells, a time for each operation tells no more (0.29 ms).
    "latency": replace(device_recipe(SO2SAT), each_operation=False),
    # A quarter of the runs took 26 % longer than the others; first cells of walks hardly ever did.
    "train_time": Recipe(
        columns=COSTS,
        kernel=Kernel(length=6.0, linear=1.0, noise=0.1),
        trees=Trees(rounds=60, eta=0.12),
        log=True,
        slow_runs=True,
    ),
}

# Noise shares of the EO table's targets lie between .01 (latency) and .47 (micro accuracy).
_NOISES = (0.01, 0.05, 0.2, 0.5)
# From this ratio of largest to smallest on, a positive quantity is modelled by its logarithm: the EO table's
# training times span a factor of 3.3 and are, its latencies one of 2.9 and are not.
_WIDE = 3.0

# Errors of many accuracies that span so much hold networks that did not learn: how bad these are would be most of what
# is modelled. Of NAS-Bench-101's errors those at 4 epochs span a factor of 3.5, at 12 epochs 7.4. Few cells hold few of
# such networks: of 450 the errors at 108 epochs span 2.7 to 17. With logarithms from ``_WIDE`` on the others are ranked
# with Spearman .946 instead of .925, the best three tenths of them with .773 instead of .732.
_WIDE_ERRORS = 5.0
# A process sees no more cells than ``Recipe.most``; trees that see more learn more of them than it does. Both
# settings, and its share in the mean, are by held-out rank correlation on 2,000 and 14,000 cells of NAS-Bench-101.
_MANY_CELLS, _SHARE_OF_MANY = 1500, 0.2
_MANY = Trees(rounds=500, eta=0.05, max_depth=6, min_child_weight=5, subsample=0.7, colsample_bytree=0.3)

# A search's own model, fitted anew with every batch. The settings are those of the best anytime hypervolume
# on the shipped cards at 100 to 1,000 cells.
SEARCH = Recipe(
    kernel=Kernel(length=1.0, linear=1.0, noise=0.01),
    noises=(0.01, 0.1, 0.5),
    trees=Trees(rounds=60, eta=0.12, min_child_weight=2, subsample=0.8, colsample_bytree=0.4, max_bin=32, max_depth=3),
    many=Trees(rounds=100, eta=0.12, min_child_weight=2, subsample=0.8, colsample_bytree=0.4, max_bin=32, max_depth=4),
    robust=True,
    together=True,
    most=500,
    exact=False,
    local=True,
)

# The data-centric start's model: settings that suit 500 to 2,000 cells.
START = Recipe(trees=Trees(rounds=200, eta=0.1, min_child_weight=3, subsample=0.7, colsample_bytree=0.5), held_out=0.2)


def recipe_for(name: str, values: Floats, *, encoding: str | None = None, kind: str | None = None) -> Recipe:
    """The recipe of a target of anybody's table: by its kind, how many values (n,) there are and how they spread.

    Args:
        encoding: The features of a cell, by ``Catalogue.features``' names, for trees alone; by default the
            structural ones, seen by a process too.
        kind: One of ``KINDS``, or "" for another cost; by default what the name tells.
    """
    kind = kind_of(name) if kind is None else kind
    accuracy = kind == "accuracy"
    fraction = accuracy and bool(values.min() >= 0 and values.max() < 1)
    many = len(values) > _MANY_CELLS
    spread_out, most = (1.0 - values if fraction else values), _WIDE_ERRORS if fraction and many else _WIDE
    wide = bool(spread_out.min() > 0 and spread_out.max() > most * spread_out.min())
    log, of_error = wide and (fraction or not accuracy), wide and fraction
    if encoding is not None:
        return Recipe(encoding=encoding, trees=_MANY if many else _COST.trees, log=log, of_error=of_error)
    few = _ACCURACY if kind in QUALITIES else _COST
    recipe = replace(few, noises=_NOISES, log=log, of_error=of_error)
    if not many:
        return recipe
    return replace(recipe, encoding="structural+one-hot", trees=_MANY, share=_SHARE_OF_MANY)
