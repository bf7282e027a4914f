"""Training a cell's network: resumed where it was killed, continued where it ended, measured as it goes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eomoo.checks import first_line
from eomoo.errors import DataError, SettingError
from eomoo.files import only_one
from eomoo.images import ImageData
from eomoo.live.devices import current_device, device_name, process_group, resolve_device, torch_state
from eomoo.live.job import Report, TrainingJob
from eomoo.live.network import build_network, cell_of
from eomoo.live.recipes import Recipe, get_recipe
from eomoo.live.runs import CurveSetting, RunFolder, Training
from eomoo.live.weights import load_state
from eomoo.packages import torch
from eomoo.space import Cell, Skeleton
from eomoo.version import versions_of

if TYPE_CHECKING:
    from eomoo.live.modules import CellNetwork


def train(
    cell: Cell | int | str,
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
    curve: CurveSetting | None = None,
    patience: float = 0.2,
) -> Training:
    """Train a cell's network and measure it on whole splits.

    Given a folder, the training keeps its state there: killed and called again, it goes on from the
    last checkpoint and on a CPU ends with the same weights, bit for bit; asked for what is already
    done, it reads the result; asked for more epochs of a schedule that passes through what is done
    (constant, or "4+8" after "4"), it continues. Started by torchrun, all processes share each batch.

    Args:
        cell: A cell, its index or its NAS-Bench-101 hash.
        data: Images; their training split is trained on, the others are measured on.
        skeleton: The network around the cell; by default NAS-Bench-101's for these images.
        recipe: A name ("published", "nasbench") or a ``Recipe``.
        epochs: A number, or stretches as in "4+8"; by default the recipe's.
        seed: Of weights, order and augmentation.
        device: As for ``resolve_device``.
        folder: Where checkpoints, results and weights are kept.
        workers: Processes that read images ahead, where they do not stay on the device.
        threads: Of torch on the CPU; by default as it is set.
        checkpoint_seconds: Between checkpoints inside of an epoch; each epoch ends with one.
        report: Called with each measurement.
        curve: When it is measured, and whether on the test split too.
        patience: Seconds to wait for another process that trains in the folder.

    Returns:
        How it ended: a training that diverged or is too big for the device has a result too; one that
        failed in torch is an incident, of which the folder keeps the checkpoint alone.

    Raises:
        SettingError: (a ValueError) A setting that cannot work, or a folder of another training.
        DataError, OSError: The images cannot be read, or the folder cannot be written.
        StoreError: (a RuntimeError) Another process trains in the folder.
    """
    chosen, whole = get_recipe(recipe), cell_of(cell)
    around = skeleton or data.skeleton()
    data.check_skeleton(around)
    place = resolve_device(device)
    stretches = chosen.stretches(epochs)
    measured = curve or CurveSetting()
    setting = training_setting(whole, data, around, chosen, seed=seed, device=place, curve=measured)
    faults = {"faults": list(data.faults)} if data.faults else {}
    known = RunFolder(folder, setting).result(stretches)
    if known is not None:
        return known
    # Of the processes that torchrun started, the first one writes.
    first = folder is not None and os.environ.get("RANK", "0") == "0"
    alone = only_one(str(folder), "training", patience=patience) if first else nullcontext()
    with alone, process_group(place) as group, torch_state(threads=threads, seed=seed), current_device(place):
        # Whoever was waited for may have changed what is there.
        kept = RunFolder(folder, setting, {**(data.told or {}), **faults})
        job = TrainingJob(whole, data, around, chosen, stretches, seed, place, group, kept, workers, measured)
        job.checkpoint_seconds, job.report = checkpoint_seconds, report
        return job.outcome()


def training_setting(
    cell: Cell,
    data: ImageData,
    skeleton: Skeleton,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    curve: CurveSetting | None = None,
) -> dict[str, object]:
    """Everything that a training's result depends on, its epochs left out, as plain data."""
    settings = {k: v for k, v in asdict(recipe).items() if k not in ("name", "epochs", "execution")}
    if recipe.execution == "compiled":
        # The others run the same kernels.
        settings["execution"] = recipe.execution
    return {
        "cell": {"matrix": cell.matrix.tolist(), "ops": list(cell.ops), "hash": cell.hash},
        "skeleton": asdict(skeleton),
        "data": data.fingerprint,
        "recipe": settings,
        "seed": seed,
        "device": device.type if device.type == "cpu" else device_name(device),
        "torch": versions_of("torch")["torch"],
        **(curve or CurveSetting()).setting(),
    }


def load_trained(result: Training | str | Path) -> CellNetwork:
    """The trained network of a result, or of a run folder's weights file, on the CPU in evaluation mode.

    Raises:
        SettingError, DataError: (ValueErrors) The training kept no weights; or the file is damaged.
    """
    path = result.weights if isinstance(result, Training) else Path(result)
    if path is None:
        raise SettingError("this training kept no weights: give it a folder")
    return network_of(load_state(path), path)


def network_of(state: Mapping[str, Any], path: str | Path) -> CellNetwork:
    """The network of the weights in a file, on the CPU in evaluation mode.

    Raises:
        DataError: (a ValueError) They are no weights of a cell's network.
    """
    try:
        cell = Cell(state["cell"]["matrix"], state["cell"]["ops"])
        network = build_network(cell, Skeleton(**state["skeleton"]), seed=0)
        network.load_state_dict(state["model"], strict=True)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise DataError(f"{path} holds no weights of a cell's network: {first_line(error)}") from error
    network.eval()
    return network
