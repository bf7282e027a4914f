"""Recipes: how a network is trained, and how long."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from itertools import accumulate, pairwise
from typing import Any, Literal

from eomoo.checks import choice, known_keys, known_name, number, short, truth, whole
from eomoo.errors import SettingError
from eomoo.live.devices import PRECISIONS
from eomoo.live.network import INITIALIZATIONS

EXECUTIONS = ("auto", "eager", "graph", "compiled")
"""How steps may be executed."""

Schedule = Literal["constant", "cosine"]
# More than any recipe; fewer than would fill memory with measurements.
_MOST_EPOCHS = 100_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: stochastic gradient descent on cross entropy.

    Attributes:
        name: Its name.
        learning_rate: The largest one, for batches of 256 images; it is scaled with ``batch_size``.
        momentum: 0 for none; Nesterov's otherwise.
        weight_decay: Of all parameters.
        schedule: "constant", or "cosine", which falls to 0 at the end of each stretch of epochs.
        warmup: Share of the first stretch in which the learning rate rises linearly from 0.
        clip_norm: Largest norm of the gradient; 0 for no limit.
        batch_size: Images in a step, over all devices together.
        epochs: How many, where nothing else is asked for.
        class_weights: "none", or "balanced": each class counts the same in the loss.
        augment: Flip and turn the images at random.
        initialization: Of the weights, a name of ``INITIALIZATIONS``.
        precision: "float32", "bfloat16", "float16" (mixed, on devices that have it), or "auto" for
            the fastest that the device has.
        execution: Of steps on a CUDA device: "eager", kernel by kernel; "graph", captured once as a CUDA
            graph and replayed: the same kernels, without waiting for the CPU to launch each; "compiled", a graph
            of what ``torch.compile`` makes of the network: a minute for each, then half as fast again, and
            rounded differently; "auto" is "graph". Figures: ``benchmarks/README.md``.
        measure_every: Epochs between measurements on the validation split.
    """

    name: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warmup: float = 0.0
    clip_norm: float = 0.0
    batch_size: int = 256
    epochs: int = 108
    class_weights: Literal["none", "balanced"] = "none"
    augment: bool = False
    initialization: str = "he-fan-in"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    execution: Literal["auto", "eager", "graph", "compiled"] = "auto"
    measure_every: int = 2

    def __post_init__(self) -> None:
        choices: dict[str, Collection[str]] = {
            "schedule": ("constant", "cosine"),
            "class_weights": ("none", "balanced"),
            "precision": PRECISIONS,
            "execution": EXECUTIONS,
            "initialization": INITIALIZATIONS,
        }
        for name, known in choices.items():
            choice(f"recipe: {name}", getattr(self, name), known)
        truth("recipe: augment", self.augment)
        # Batch norm needs two images.
        for name, least in (("batch_size", 2), ("epochs", 1), ("measure_every", 1)):
            whole(f"recipe: {name}", getattr(self, name), least=least)
        # Momentum and decay above 1 let weights grow without end; 1000 is far beyond any rate that trains.
        most = {"learning_rate": 1e3, "clip_norm": math.inf}
        for name in ("learning_rate", "momentum", "weight_decay", "warmup", "clip_norm"):
            number(f"recipe: {name}", getattr(self, name), least=0, most=most.get(name, 1.0))

    def rate(self, step: int, steps_per_epoch: int, epochs: Sequence[int]) -> float:
        """Learning rate of a step (from 0), for stretches of epochs one after another."""
        # The linear scaling rule: Goyal et al., arXiv:1706.02677.
        peak = self.learning_rate * self.batch_size / 256
        start, length = 0, epochs[0] * steps_per_epoch
        for stretch in epochs[1:]:
            if step < start + length:
                break
            start, length = start + length, stretch * steps_per_epoch
        warm = 0 if start else round(self.warmup * length)
        if step - start < warm:
            return peak * (step - start + 1) / (warm + 1)
        if self.schedule == "constant":
            return peak
        return peak * 0.5 * (1 + math.cos(math.pi * (step - start - warm) / (length - warm)))

    @property
    def continues(self) -> bool:
        """Whether the schedule does not depend on the epochs, so that a longer training goes on from a shorter one."""
        return self.schedule == "constant" and self.warmup == 0

    def stretches(self, epochs: int | str | Sequence[int] | None) -> tuple[int, ...]:
        """The epochs as stretches; one only where the schedule does not depend on them."""
        parts = parse_epochs(self.epochs if epochs is None else epochs)
        if self.continues:
            return (sum(parts),)
        return parts


RECIPES = {
    recipe.name: recipe
    for recipe in (
        # Demir, Traoré, Camero (ESANN 2024): the training of the EO HW-NAS table.
        Recipe(name="published", learning_rate=1e-4, weight_decay=5e-4, initialization="he-fan-out"),
        # NAS-Bench-101 (2019), with plain momentum for its RMSProp, whose epsilon of 1 makes the two alike.
        Recipe(
            name="nasbench",
            learning_rate=0.2,
            momentum=0.9,
            weight_decay=1e-4,
            schedule="cosine",
            warmup=0.05,
            clip_norm=5.0,
        ),
    )
}


def get_recipe(recipe: str | Recipe, **changes: object) -> Recipe:
    """A recipe by name, or as it is, with some of its settings changed.

    Raises:
        UnknownNameError: (a KeyError) No recipe has that name.
        SettingError: (a ValueError) A setting that recipes do not have, or an impossible value.
    """
    if isinstance(recipe, str):
        recipe = RECIPES[known_name("recipe", recipe, RECIPES)]
    known_keys("recipe", changes, [field.name for field in fields(Recipe) if field.name != "name"])
    return replace(recipe, **changes) if changes else recipe  # type: ignore[arg-type]


def parse_epochs(epochs: int | str | Sequence[int]) -> tuple[int, ...]:
    """Stretches of epochs: 12 is one of 12; "4+8" trains 4, then 8 more with the schedule begun anew.

    Raises:
        SettingError: (a ValueError) They are no whole numbers from 1 up.
    """
    parts: Sequence[Any] = epochs.split("+") if isinstance(epochs, str) else epochs  # type: ignore[assignment]
    if isinstance(epochs, int) and not isinstance(epochs, bool):
        parts = (epochs,)
    try:
        stretches = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        stretches = ()
    if not stretches or min(stretches) < 1 or sum(stretches) > _MOST_EPOCHS:
        raise SettingError(
            f"epochs must be a whole number from 1 to {_MOST_EPOCHS:,}, or several as in 4+8; got {short(epochs)}"
        )
    return stretches


def format_epochs(stretches: Sequence[int]) -> str:
    """Stretches as text: (4, 8) is "4+8"."""
    return "+".join(map(str, stretches))


def epochs_in_words(stretches: Sequence[int]) -> str:
    """Stretches of a training for people: "1 epoch", "4+8 epochs"."""
    return f"{format_epochs(stretches)} epoch{'' if sum(stretches) == 1 else 's'}"


def ladder(epochs: Sequence[int], rungs: str | Sequence[int | str] | None) -> tuple[int, ...]:
    """Lengths of training, ascending, the full one last, in epochs.

    Args:
        epochs: Of a full training, as stretches.
        rungs: As [1, 3, 9] or "1,3,9"; "all" at the end stands for ``epochs``. By default the stretches, of one
            stretch a ninth, then all; all alone where whole epochs make that more than an eighth, since sixteen
            such starts and two full ones would cost more than the four full ones that they stand for.

    Raises:
        SettingError: (a ValueError) They are no ascending whole numbers.
    """
    total = sum(epochs)
    if rungs is None:
        ninth = max(1, round(total / 9))
        return tuple(accumulate(epochs)) if len(epochs) > 1 else (ninth, total) if 8 * ninth <= total else (total,)
    parts: Sequence[Any] = [part.strip() for part in rungs.split(",")] if isinstance(rungs, str) else rungs
    if parts and parts[-1] == "all":
        parts = [*parts[:-1], total]
    lengths = [int(part) if isinstance(part, str) and part.isdecimal() else part for part in parts]
    whole_ones = all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= _MOST_EPOCHS for n in lengths)
    if not lengths or not whole_ones or any(a >= b for a, b in pairwise(lengths)):
        raise SettingError(
            f"rungs are epochs of ever longer trainings, the full one last, as in 1,3,9 or 1,all; got {short(rungs)}"
            + (f" of {total}" if parts and parts[-1] == total else "")
        )
    return tuple(lengths)
