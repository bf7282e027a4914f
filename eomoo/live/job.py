"""One training in one process: steps, measurements, checkpoints, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eomoo.arrays import Facts, Ints
from eomoo.checks import lacks_memory, with_kind
from eomoo.errors import EomooError
from eomoo.images import SPLITS, ImageData, describe, labels_of
from eomoo.jobs import worker_number
from eomoo.live.batches import Batches, batch_order, forget_residents, on_device, share, turns
from eomoo.live.devices import Group, device_name, free_memory, still_answers
from eomoo.live.metrics import Accuracy, evaluate
from eomoo.live.network import build_network
from eomoo.live.recipes import Recipe
from eomoo.live.runs import CurvePoint, CurveSetting, RunFolder, Training
from eomoo.live.steps import Steps
from eomoo.packages import torch
from eomoo.space import Cell, Skeleton

Report = Callable[[CurvePoint], None]
# Of a device's memory: what is left beside torch's own kernels and libraries, which take 0.3 to 0.6 GiB, on
# the smallest devices that one trains on (8 GiB).
_WHOLE = 0.9


class DivergedError(Exception):
    """The loss is no finite number any more."""


@dataclass(eq=False)
class TrainingJob:
    """One training in one process: see ``train``."""

    cell: Cell
    data: ImageData
    skeleton: Skeleton
    recipe: Recipe
    epochs: tuple[int, ...]
    seed: int
    device: torch.device
    group: Group
    folder: RunFolder
    workers: int
    curve_setting: CurveSetting
    checkpoint_seconds: float = 300.0
    report: Report | None = None
    # Whether memory was short: images are read as they are needed, steps taken one by one.
    frugal: bool = False

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.curve: list[CurvePoint] = []
        self.epoch, self.step, self.seconds = 0, 0, 0.0
        self.images, self.rate = 0.0, 0.0
        self.splits: dict[str, Batches] = {}

    def outcome(self) -> Training:
        """Train; whatever torch cannot do becomes an outcome with its reason.

        Where memory is short it is freed and the training goes on from its last checkpoint, once. What
        fails again is too big for the device if nothing else used its memory, else an incident.
        """
        if self.group.size > 1:
            with self.group.together():
                result: Training | None = self._diverging()
        else:
            result = self._attempt()
        if result is None:
            self._let_go()
            self.frugal = True
            result = self._attempt()
        if result is None:
            self._let_go()
            result = self._ended(*self._out_of_memory())
        if self.group.first:
            self.folder.save_result(result)
        return result

    def _attempt(self) -> Training | None:
        """How the training ends; None where it lacks memory."""
        try:
            return self._diverging()
        except (EomooError, OSError):
            raise
        except Exception as error:
            text = with_kind(error)
            if lacks_memory(error):
                self.lacked = text
                return None
            if not still_answers(self.device):
                if worker_number() is not None:
                    # It would fail at whatever comes next; another one takes its place, and tries again.
                    os._exit(1)
                raise EomooError(f"{self.device} answers no more: {text}; run the same command again") from error
            return self._ended("incident", text)

    def _diverging(self) -> Training:
        try:
            return self._run()
        except DivergedError as error:
            return self._ended("diverged", str(error))

    def _let_go(self) -> None:
        """Free what a training that failed still holds, and the images that are kept on devices."""
        import gc

        for name in ("network", "steps", "splits"):
            self.__dict__.pop(name, None)
        forget_residents()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _out_of_memory(self) -> tuple[str, str]:
        """Status and reason of a training whose memory did not suffice twice."""
        memory = free_memory(self.device)
        if memory is not None and memory[0] >= _WHOLE * memory[1]:
            size = f"{memory[1] / 2**30:.1f} GiB of {device_name(self.device)}"
            return "too big", f"it needs more than the {size}, all of which was free"
        return "incident", f"{self.lacked}; tried twice, and other programs may have used the memory"

    def _ended(self, status: str, reason: str = "", **found: Any) -> Training:
        told: Facts = {"epochs": self.epochs, "curve": tuple(self.curve), "seconds": self.seconds}
        return Training(status=status, reason=reason, setting=self.folder.setting, **told, **found)

    def _run(self) -> Training:
        self._prepare()
        measured = self.curve_setting.epochs(self.recipe, self.epochs)
        for epoch in range(self.epoch, sum(self.epochs)):
            self._train_epoch(epoch)
            if self.epoch in measured:
                self._measure()
            self.steps.clear()
            self.images = 0.0
            self._save()
        return self._finish()

    def _prepare(self) -> None:
        from eomoo.live.modules import share_batch_norms

        self._begin()
        network: torch.nn.Module = build_network(
            self.cell, self.skeleton, initialization=self.recipe.initialization, seed=self.seed, device=self.device
        )
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = self._class_weights()
        state = self.folder.load_checkpoint(self.epochs)
        if state is not None:
            self.network.load_state_dict(state["model"], strict=True)
        if self.group.size > 1:
            self.network = share_batch_norms(self.network, self.device)
        self.steps = Steps(
            self.network, self.recipe, self.data, weights, device=self.device, group=self.group, plain=self.frugal
        )
        if state is not None:
            self._load(state)
        for name in SPLITS:
            images = getattr(self.data, name)
            self.splits[name] = Batches(images, self.device, workers=self.workers, keep=not self.frugal)

    def _class_weights(self) -> torch.Tensor:
        labels = labels_of(self.data.train)
        self.class_counts = counts = np.bincount(labels, minlength=self.data.n_classes)
        weights = np.ones(self.data.n_classes)
        if self.recipe.class_weights == "balanced":
            weights = len(labels) / (max(int((counts > 0).sum()), 1) * np.maximum(counts, 1))
        self.image_weights = weights[labels]
        return torch.tensor(weights, dtype=torch.float32, device=self.device)

    def _train_epoch(self, epoch: int) -> None:
        parts = batch_order(len(self.data.train), self.recipe.batch_size, seed=self.seed, epoch=epoch)
        self.n_steps = len(parts)
        parts = parts[self.step - epoch * len(parts) :]
        rates, scales, codes = self._plan(parts)
        self.steps.model.train()
        start = saved = time.perf_counter()
        batches = self.splits["train"].of([share(part, self.group) for part in parts], seed=self.seed + epoch)
        for k, (part, (x, y)) in enumerate(zip(parts, batches, strict=True)):
            self._check(self.steps.take(x, y, codes[k], n=len(part), scale=scales[k], rate=rates[k]), epoch)
            self.step += 1
            self.images += len(part)
            now = time.perf_counter()
            # Several processes would each have sums of their own to save, so they save after epochs only.
            if now - saved > self.checkpoint_seconds and self.step % self.n_steps and self.group.size == 1:
                self._check(self.steps.sums()[0], epoch)
                now = time.perf_counter()
                self.seconds, start, saved = self.seconds + now - start, now, now
                self._save()
        # Reading what was added up waits until the device has done it.
        self._check(self._over_processes(self.steps.sums()[0])[0], epoch)
        self.epoch = epoch + 1
        self.seconds += time.perf_counter() - start

    def _plan(self, parts: list[Ints]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Of each step: learning rate, what makes the mean loss of the sum, and how images are turned.

        They go to the device at once, since copying each step's would wait for the step before.
        """
        rates = [self.recipe.rate(self.step + k, self.n_steps, self.epochs) for k in range(len(parts))]
        self.rate = rates[-1] if rates else self.rate
        own = [share(part, self.group) for part in parts]
        whole = [len(mine) == len(part) for mine, part in zip(own, parts, strict=True)]
        # Gradients are averaged over the processes, so each one's part counts as often as there are.
        scales = [
            (1 if all_of_it else self.group.size) / float(self.image_weights[part].sum())
            for part, all_of_it in zip(parts, whole, strict=True)
        ]
        codes: Sequence[Any] = [None] * len(parts)
        if self.recipe.augment:
            ranks = [0 if all_of_it else self.group.rank for all_of_it in whole]
            drawn = [turns(len(mine), (self.seed, self.step + k, ranks[k])) for k, mine in enumerate(own)]
            codes = on_device(drawn, self.device)
        placed = [torch.tensor(values, dtype=torch.float32).to(self.device).unbind() for values in (rates, scales)]
        return placed[0] if self.device.type == "cuda" else rates, placed[1], codes

    def _check(self, loss: float | None, epoch: int) -> None:
        if loss is not None and not np.isfinite(loss):
            raise DivergedError(f"the loss is {loss} in epoch {epoch + 1}")

    def _measure(self) -> None:
        val = self._evaluate("val")
        if not np.isfinite(val.loss):
            raise DivergedError(f"the validation loss is {val.loss} after epoch {self.epoch}")
        loss, right, *by_class = self._over_processes(*self.steps.sums())
        test = self._evaluate("test") if self.curve_setting.test else None
        point = CurvePoint(
            epoch=self.epoch,
            learning_rate=self.rate,
            train_loss=loss / self.images,
            train_micro=right / self.images,
            train_macro=self._train_macro(right, by_class),
            val_loss=val.loss,
            val_micro=val.micro,
            val_macro=val.macro,
            test_micro=test.micro if test else None,
            test_macro=test.macro if test else None,
            seconds=self.seconds,
        )
        self.curve.append(point)
        if self.report is not None and self.group.first:
            self.report(point)

    def _train_macro(self, right: float, by_class: list[float]) -> float | None:
        """None where the epoch began before classes were counted: in a checkpoint of an earlier version."""
        occur = self.class_counts > 0
        shares = np.array(by_class)[occur] / self.class_counts[occur]
        return float(shares.mean()) if sum(by_class) == right else None

    def _evaluate(self, split: str) -> Accuracy:
        return evaluate(
            self.network,
            getattr(self.data, split),
            self.data,
            device=self.device,
            group=self.group,
            # On a CPU, whose results are the same everywhere, in full precision.
            precision=self.steps.half if self.device.type == "cuda" else None,
            batches=self.splits[split],
        )

    def _over_processes(self, *values: float) -> list[float]:
        total = torch.tensor(values, dtype=torch.float64)
        if self.group.size > 1:
            total = total.to(self.device)
            torch.distributed.all_reduce(total)
        return [float(value) for value in total]

    def _finish(self) -> Training:
        val, test = self._evaluate("val"), self._evaluate("test")
        weights = self.folder.save_weights(self._network_state(), self.epochs) if self.group.first else None
        size = weights.stat().st_size if weights else None
        return self._ended("done", val=val, test=test, contended=self.steps.contended, weights=weights, file_size=size)

    def _network_state(self) -> dict[str, Any]:
        setting = self.folder.setting
        model = {k: v.detach().to("cpu", copy=True) for k, v in self.network.state_dict().items()}
        # What the images were is kept with the weights, so that these can be used without the data.
        images = describe(self.data)
        return {"cell": setting["cell"], "skeleton": setting["skeleton"], "images": images, "model": model}

    def _save(self) -> None:
        if not self.group.first or self.folder.path is None:
            return
        loss, right, *by_class = self.steps.sums()
        state = {
            "epochs": list(self.epochs),
            "free": len(self.epochs) == 1 and self.recipe.continues,
            "epoch": self.epoch,
            "step": self.step,
            "progress": self.step / self.n_steps,
            "seconds": self.seconds,
            "running": {"loss": loss, "right": right, "by_class": by_class, "images": self.images},
            "curve": [asdict(point) for point in self.curve],
            "model": self.network.state_dict(),
            **self.steps.state(),
            "random": torch.random.get_rng_state(),
        }
        self.folder.save_checkpoint(state)

    def _load(self, state: dict[str, Any]) -> None:
        self.steps.load(state)
        torch.random.set_rng_state(state["random"])
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        running = state["running"]
        self.steps.clear([running["loss"], running["right"], *running.get("by_class", [])])
        self.images = running["images"]
        self.curve = [CurvePoint(**point) for point in state["curve"]]
