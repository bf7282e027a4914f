"""Training a cell's network: resumed where it was killed, continued where it ended, measured as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eomoo.errors import SettingError
from eomoo.images import ImageData
from eomoo.live.devices import device_name, process_group, resolve_device, torch_state, versions
from eomoo.live.evaluation import evaluate
from eomoo.live.job import Report, TrainingJob
from eomoo.live.network import build_network
from eomoo.live.recipes import Recipe, get_recipe
from eomoo.live.runs import RunFolder, Training, load_state
from eomoo.space import Cell, Skeleton, load_space

if TYPE_CHECKING:
    import torch

    from eomoo.live.modules import CellNetwork

__all__ = ["evaluate", "load_trained", "train", "training_setting"]


def train(
    cell: Cell | int,
    data: ImageData,
    *,
    skeleton: Skeleton | None = None,
    recipe: str | Recipe = "nasbench",
    epochs: int | str | Sequence[int] | None = None,
    seed: int = 0,
    device: str = "auto",
    folder: str | Path | None = None,
    workers: int = 0,
    threads: int | None = None,
    checkpoint_seconds: float = 300.0,
    report: Report | None = None,
) -> Training:
    """Train a cell's network and measure it on whole splits.

    Given a folder, the training keeps its state there: killed and called again, it goes on from the
    last checkpoint and on a CPU ends with the same weights, bit for bit; asked for what is already
    done, it reads the result; asked for more epochs of a schedule that passes through what is done
    (constant, or "4+8" after "4"), it continues. Started by torchrun, all processes share each batch.

    Args:
        cell: A cell or its index.
        data: Images; their training split is trained on, the others are measured on.
        skeleton: The network around the cell; by default NAS-Bench-101's for these images.
        recipe: A name ("published", "nasbench") or a ``Recipe``.
        epochs: A number, or stretches as in "4+8"; by default the recipe's.
        seed: Of weights, order and augmentation.
        device: As for ``resolve_device``.
        folder: Where checkpoints, results and weights are kept.
        workers: Processes that read images ahead.
        threads: Of torch on the CPU; by default as it is set.
        checkpoint_seconds: Between checkpoints inside of an epoch; each epoch ends with one.
        report: Called with each measurement.

    Returns:
        The result. A training that diverged, ran out of memory or failed in torch is a result too.

    Raises:
        SettingError: (a ValueError) A setting that cannot work, or a folder of another training.
        DataError, OSError: The images cannot be read, or the folder cannot be written.
    """
    chosen = get_recipe(recipe)
    around = skeleton or data.skeleton()
    data.check_skeleton(around)
    place = resolve_device(device)
    stretches = chosen.stretches(epochs)
    setting = training_setting(cell, data, around, chosen, seed=seed, device=place)
    kept = RunFolder(folder, setting)
    known = kept.result(stretches)
    if known is not None:
        return known
    with process_group(place) as group, torch_state(threads=threads, seed=seed):
        job = TrainingJob(cell, data, around, chosen, stretches, seed, place, group, kept, workers)
        job.checkpoint_seconds, job.report = checkpoint_seconds, report
        return job.outcome()


def training_setting(
    cell: Cell | int, data: ImageData, skeleton: Skeleton, recipe: Recipe, *, seed: int, device: torch.device
) -> dict[str, Any]:
    """Everything that a training's result depends on, its epochs left out, as plain data."""
    whole = cell if isinstance(cell, Cell) else load_space().cell(int(cell))
    settings = {k: v for k, v in asdict(recipe).items() if k not in ("name", "epochs")}
    return {
        "cell": {"matrix": whole.matrix.tolist(), "ops": list(whole.ops), "hash": whole.hash},
        "skeleton": asdict(skeleton),
        "data": data.fingerprint,
        "recipe": settings,
        "seed": seed,
        "device": device.type if device.type == "cpu" else device_name(device),
        "torch": versions()["torch"],
    }


def load_trained(result: Training | str | Path) -> CellNetwork:
    """The trained network of a result, or of a run folder's weights file, on the CPU in evaluation mode.

    Raises:
        SettingError: (a ValueError) The training kept no weights.
        DataError: (a ValueError) The file is damaged.
    """
    path = result.weights if isinstance(result, Training) else Path(result)
    if path is None:
        raise SettingError("this training kept no weights: give it a folder")
    state = load_state(path)
    cell = Cell(state["cell"]["matrix"], state["cell"]["ops"])
    network = build_network(cell, Skeleton(**state["skeleton"]), seed=0)
    network.load_state_dict(state["model"], strict=True)
    network.eval()
    return network
