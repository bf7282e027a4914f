"""Steps of a training on its device: eager, or captured once as a CUDA graph and replayed, compiled or not."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from eomoo.errors import SettingError
from eomoo.images import ImageData
from eomoo.live.batches import prepare, statistics_on, turned
from eomoo.live.devices import Group, resolve_precision, side_stream
from eomoo.live.nvml import now, open_nvml
from eomoo.live.recipes import Recipe
from eomoo.live.rounds import CONTENDED_WALL
from eomoo.packages import torch

# Steps before one is captured: libraries choose their algorithms and momentum is allocated in the first, and
# torch's manual asks for three.
_WARM_UP = 3
_UNUSED: tuple[float, float, bool | None] = 0.0, 0.0, None


class Steps:
    """Gradient descent, step by step. On a CUDA device nothing waits for the device until ``sums`` is read.

    Args:
        network: On the device.
        recipe: How.
        data: Whose statistics normalise the images.
        weights: Of the classes in the loss (classes,).
        device, group: Where, and the processes that share each step.
        plain: Neither graph nor compiler, whatever the recipe says.

    Raises:
        SettingError: (a ValueError) The device does not have the recipe's precision or execution.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        recipe: Recipe,
        data: ImageData,
        weights: torch.Tensor,
        *,
        device: torch.device,
        group: Group,
        plain: bool = False,
    ) -> None:
        self.network, self.recipe, self.data, self.weights = network, recipe, data, weights
        self.device, self.group, self.cuda = device, group, device.type == "cuda"
        if recipe.execution in ("graph", "compiled") and not self.cuda:
            raise SettingError(f"recipe: execution {recipe.execution!r} needs a CUDA device; this one is {device.type}")
        if recipe.execution == "compiled" and group.size > 1:
            raise SettingError("recipe: execution 'compiled' is of one process for each candidate; choose auto")
        self.half = resolve_precision(recipe.precision, device)
        self._rate = torch.zeros((), device=device)
        # On a CUDA device one kernel for all parameters, and a learning rate that a graph can read.
        self._placed = {"lr": self._rate, "fused": True} if self.cuda else {"lr": recipe.learning_rate}
        self.optimizer = torch.optim.SGD(
            network.parameters(),
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
            **self._placed,
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half is torch.float16)
        # Numbers that are read at once stay on the CPU, others where they arise.
        self.home = device if self.cuda else torch.device("cpu")
        # The sum of losses, how many were right, and of these how many of each class.
        self._sums = torch.zeros(2 + data.n_classes, dtype=torch.float64, device=self.home)
        self.graphs = self.cuda and group.size == 1 and not plain and recipe.execution != "eager"
        self.model: Any = network
        if group.size > 1:
            ids = [device.index] if self.cuda else None
            self.model = torch.nn.parallel.DistributedDataParallel(network, device_ids=ids)
        elif self.graphs and recipe.execution == "compiled":
            self.model = compiled(network)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._fixed: tuple[torch.Tensor, ...] = ()
        # A graph knows addresses only: what lies there is kept here.
        self._kept = statistics_on(data.mean, data.std, device)
        self._warm = 0
        # Seconds of steps by the clock and of this thread's work; whether others computed on the device.
        self._wall, self._cpu, self._neighbour = _UNUSED
        self._nvml, self._since = open_nvml(device), now()

    # -- one step ------------------------------------------------------------------------------

    def take(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        code: torch.Tensor | None,
        *,
        n: int,
        scale: torch.Tensor,
        rate: float | torch.Tensor,
    ) -> float | None:
        """One step; the loss where knowing it costs nothing, and then nothing is changed if it is not finite.

        Args:
            x, y: This process's images and labels, on the device.
            code: How images are turned (n,); None leaves them.
            n: Images of the step in all processes.
            scale: What makes the mean loss of the sum, a number on the device.
            rate: Learning rate; on a CUDA device a number there.
        """
        if not self.cuda:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            wall, cpu = time.perf_counter(), time.thread_time()
            loss = self._step(self.model, x, y, code, n, scale)
            self._wall += time.perf_counter() - wall
            self._cpu += time.thread_time() - cpu
            return loss
        self._rate.copy_(rate)  # type: ignore[arg-type]
        inputs = (x, y, scale) if code is None else (x, y, scale, code)
        if not self.graphs:
            self._step(self.model, x, y, code, n, scale)
        elif len(x) != self.recipe.batch_size:
            # The last batch of an epoch, which is shorter, is neither captured nor compiled for.
            self._step(self.network, x, y, code, n, scale)
        elif self._graph is None and self._warm < _WARM_UP:
            self._warm += 1
            self._aside(x, y, code, n, scale)
        elif self._graph is not None or self._capture(inputs, n):
            for fixed, given in zip(self._fixed, inputs, strict=True):
                fixed.copy_(given, non_blocking=True)
            assert self._graph is not None
            self._graph.replay()
        else:
            self._step(self.model, x, y, code, n, scale)
        return None

    def _step(
        self, model: Any, x: torch.Tensor, y: torch.Tensor, code: torch.Tensor | None, n: int, scale: torch.Tensor
    ) -> float | None:
        images = prepare(x, self.data, self.device)
        if code is not None:
            images = turned(images, code)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, dtype=self.half, enabled=self.half is not None):
            logits = model(images)
        each = torch.nn.functional.cross_entropy(logits.float(), y, weight=self.weights, reduction="sum")
        loss = each * scale
        # Of several processes none stops alone: what they add up tells.
        value = None if self.cuda or self.group.size > 1 else float(loss.detach())
        if value is not None and not np.isfinite(value):
            return value
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        mean = loss.detach().to(self.home).double() / self.group.size
        right = (logits.detach().argmax(dim=1) == y).to(self.home).double()
        if len(y) == n and not self.group.first:
            # All have these images, and the first one counts them.
            right = right * 0
        self._sums[:2] += torch.stack((mean * n, right.sum()))
        self._sums[2:].index_add_(0, y.to(self.home), right)
        return value

    def _aside(self, *step: Any) -> None:
        """A step on a stream of its own, as those before a capture have to be (torch's manual on CUDA graphs)."""
        here: Any = torch.cuda.current_stream()
        side = side_stream(self.device, "before a capture")
        side.wait_stream(here)
        with torch.cuda.stream(side):
            self._step(self.model, *step)
        here.wait_stream(side)

    def _capture(self, inputs: tuple[torch.Tensor, ...], n: int) -> bool:
        """Whether a step was captured; its inputs are then read from ``_fixed``."""
        self._fixed = tuple(given.clone() for given in inputs)
        x, y, scale, *code = self._fixed
        graph = torch.cuda.CUDAGraph()
        try:
            stream = side_stream(self.device, "capture")
            # Other threads pin memory meanwhile.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self._step(self.model, x, y, code[0] if code else None, n, scale)
        except RuntimeError as error:
            warnings.warn(f"steps are taken one by one, since none could be captured: {error}", stacklevel=2)
            self.graphs, self._fixed = False, ()
            return False
        self._graph = graph
        return True

    # -- what steps add up to ------------------------------------------------------------------

    def sums(self) -> list[float]:
        """Over the images since ``clear``: the sum of losses, how many were right, and how many of each class."""
        found: list[float] = self._sums.tolist()
        if self._nvml and not self._neighbour:
            # The driver keeps few samples: it is asked whenever an epoch ends.
            self._neighbour, self._since = self._nvml.neighbour(self._since), now()
        return found

    @property
    def contended(self) -> bool | None:
        """Whether something else used the processors or the device meanwhile; None where nothing tells.

        On a CPU this thread computes in every step and waits for nobody, unless several processes share each.
        """
        if self.cuda:
            return self._neighbour
        return self._wall > CONTENDED_WALL * self._cpu if self._cpu > 0 and self.group.size == 1 else None

    def clear(self, sums: Sequence[float] = ()) -> None:
        """Begin to add up anew, at the given sums or the first of them."""
        self._sums.zero_()
        self._sums[: len(sums)] = torch.tensor(sums, dtype=torch.float64)

    # -- checkpoints ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Of optimizer, scaler, and the use of processors and device, for a checkpoint."""
        use = [self._wall, self._cpu, self._neighbour]
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict(), "use": use}

    def load(self, state: dict[str, Any]) -> None:
        """The inverse of ``state``."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self._wall, self._cpu, self._neighbour = state.get("use", _UNUSED)
        for group in self.optimizer.param_groups:
            group.update(self._placed)


def compiled(network: torch.nn.Module) -> Any:
    """What ``torch.compile`` makes of a network; nothing is left of those before it."""
    # It compiles one function eight times (its recompile_limit), then goes on without: all networks share theirs.
    torch.compiler.reset()
    return torch.compile(network)
