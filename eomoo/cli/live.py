"""`eomoo train`, `evaluate`, `latency` and `export`: networks trained, measured, timed and taken away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer import Argument, Option

from eomoo.checks import choice
from eomoo.cli.common import Json, Options, bars, console, parse_options, print_json, progress
from eomoo.cli.show import parse_cell
from eomoo.space import Cell, Skeleton, load_space

if TYPE_CHECKING:
    from eomoo.images import ImageData
    from eomoo.live import Latency
    from eomoo.live.metrics import Accuracy
    from eomoo.live.runs import CurvePoint, Training

CellName = Annotated[str, Argument(help="Its id, its NAS-Bench-101 hash, or its genotype.")]
Trained = Annotated[
    str, Argument(metavar="CELL", help="A trained cell (as in runs/CELL), its folder, or a weights file.")
]
Data = Annotated[
    str, Option(help="so2sat, landsat-nc, so2sat:FOLDER, or a folder with scene.toml or with images by class.")
]
DataOptions = Annotated[
    Options, Option("--images", "-i", help="A setting of the images: n_train=2000, patch_size=9. Repeatable.")
]
Settings = Annotated[Options, Option("--set", "-s", help="A setting of the recipe: batch_size=64. Repeatable.")]
Device = Annotated[str, Option(help="cpu, cuda, cuda:1, mps, or auto.")]
Width = Annotated[int, Option(help="Channels of the stem.")]
Stacks = Annotated[int, Option(help="Stacks of cells.")]
Copies = Annotated[int, Option(help="Cells in each stack.")]
Threads = Annotated[int | None, Option(help="CPU threads of torch.")]


def train(
    cell: CellName,
    data: Data,
    images: DataOptions = None,
    recipe: Annotated[str, Option(help="nasbench or published.")] = "nasbench",
    setting: Settings = None,
    epochs: Annotated[str | None, Option(help="How many; 4+8 trains 8 more after 4, the schedule begun anew.")] = None,
    seed: Annotated[int, Option(help="Of weights, order and augmentation.")] = 0,
    stem_channels: Width = 128,
    stacks: Stacks = 3,
    cells_per_stack: Copies = 3,
    device: Device = "auto",
    readers: Annotated[int, Option(help="Processes that read images ahead.")] = 0,
    threads: Threads = None,
    out: Annotated[Path | None, Option(help="Folder for checkpoints, results and weights; default runs/CELL.")] = None,
    as_json: Json = False,
) -> None:
    """Train a cell's network on images and measure it.

    Interrupted or killed, the same command goes on from the last checkpoint. Asked for more epochs
    of a schedule that passes through those done, it continues. Under torchrun, several devices
    train one network.
    """
    from eomoo.images import open_data
    from eomoo.live.recipes import get_recipe
    from eomoo.live.training import train as run_training

    index = parse_cell(cell)
    chosen = get_recipe(recipe, **parse_options(setting))
    task = open_data(data, **parse_options(images))
    around = task.skeleton(stem_channels=stem_channels, n_stacks=stacks, cells_per_stack=cells_per_stack)
    # Of the processes that torchrun started, the first one prints.
    first = os.environ.get("RANK", "0") == "0"
    state = TextColumn("{task.completed:.0f}/{task.total:.0f} epochs{task.fields[state]}")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), state, TimeElapsedColumn())
    with bars(*columns, quiet=as_json or not first, transient=False) as bar:
        shown = bar.add_task(f"cell {index}", total=sum(chosen.stretches(epochs)), state="")

        def report(point: CurvePoint) -> None:
            bar.start()
            state = f", loss {point.train_loss:.3f}, validation micro accuracy {point.val_micro:.1%}"
            bar.update(shown, completed=point.epoch, state=state)

        result = run_training(
            index,
            task,
            skeleton=around,
            recipe=chosen,
            epochs=epochs,
            seed=seed,
            device=device,
            folder=out or Path("runs") / str(index),
            workers=readers,
            threads=threads,
            report=report,
        )
    if first:
        print_json({"index": index, **result.to_dict()}) if as_json else _show(index, result, task)
    if not result.done:
        raise typer.Exit(1)


def evaluate(
    trained: Trained,
    data: Data,
    images: DataOptions = None,
    split: Annotated[str, Option(help="train, val or test.")] = "test",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a trained network on a whole split: accuracy, by class, and what is taken for what."""
    from eomoo.images import SPLITS, as_trained, open_data
    from eomoo.live.devices import resolve_device
    from eomoo.live.evaluation import evaluate as measure
    from eomoo.live.training import network_of
    from eomoo.live.weights import load_state

    choice("split", split, SPLITS)
    weights = _weights(trained)
    state, place = load_state(weights), resolve_device(device)
    network = network_of(state, weights)
    task = as_trained(open_data(data, **parse_options(images)), state["images"])
    task.check_skeleton(network.skeleton)
    accuracy = measure(network.to(place), getattr(task, split), task, device=place)
    if as_json:
        print_json({"weights": weights, "split": split, **accuracy.to_dict()})
        return
    console().print(f"{weights} on {task.name}, {split}")
    _show_accuracy(accuracy, task)


def latency(
    cells: Annotated[list[str], Argument(metavar="CELL...", help="Ids, hashes or genotypes.")],
    runtime: Annotated[
        str, Option(help="onnxruntime, eager (PyTorch), graph (PyTorch as a CUDA graph).")
    ] = "onnxruntime",
    batch_size: Annotated[int, Option(help="Images in one forward pass.")] = 1,
    device: Device = "cpu",
    threads: Annotated[int, Option(help="CPU threads.")] = 1,
    precision: Annotated[str, Option(help="float32, bfloat16, float16 or auto (PyTorch).")] = "float32",
    protocol: Annotated[
        str, Option(help="eomoo, or published: with cast and copy to the device, and means.")
    ] = "eomoo",
    rounds: Annotated[int, Option(help="Rounds in which the cells take turns.")] = 10,
    repetitions: Annotated[int, Option(help="Least number of timed forward passes.")] = 30,
    seconds: Annotated[float, Option(help="Least time for each cell.")] = 1.0,
    in_channels: Annotated[int, Option(help="Bands of an image.")] = 10,
    classes: Annotated[int, Option(help="Classes.")] = 17,
    image_size: Annotated[int, Option(help="Pixels of an image's side.")] = 32,
    stem_channels: Width = 128,
    stacks: Stacks = 3,
    cells_per_stack: Copies = 3,
    as_json: Json = False,
) -> None:
    """Time networks on this device, several in turns, with a reference cell in every round.

    Let nothing else run meanwhile; a time that something else disturbed is marked.
    """
    from eomoo.live.latency import LatencySetting, measure_latency

    setting = LatencySetting(
        batch_size=batch_size,
        runtime=runtime,
        device=device,
        threads=threads,
        precision=precision,
        protocol=protocol,  # type: ignore[arg-type]
        rounds=rounds,
        repetitions=repetitions,
        seconds=seconds,
    )
    skeleton = Skeleton(
        in_channels=in_channels,
        n_classes=classes,
        image_size=image_size,
        stem_channels=stem_channels,
        n_stacks=stacks,
        cells_per_stack=cells_per_stack,
    )
    indices = [parse_cell(cell) for cell in cells]
    with progress("rounds", quiet=as_json) as report:
        results = measure_latency(indices, skeleton=skeleton, setting=setting, report=report)
    if as_json:
        print_json([{"index": k, **r.to_dict()} for k, r in zip(indices, results, strict=True)])
        return
    _show_latencies(indices, results)


def export(
    trained: Trained,
    onnx: Annotated[bool, Option("--onnx", help="As ONNX (the only format so far).")] = True,
    out: Annotated[Path | None, Option(help="File to write; default CELL.onnx.")] = None,
    data: Annotated[str | None, Option(help="Images to check the file on too, as for train.")] = None,
    images: DataOptions = None,
    as_json: Json = False,
) -> None:
    """Write a trained network as one file that classifies images by itself, checked against PyTorch.

    Normalisation, class names and bands are in its metadata; onnxruntime and NumPy are enough to use it.
    """
    from eomoo.images import open_data, read_batch
    from eomoo.live.export import export_onnx
    from eomoo.live.weights import load_state

    weights = _weights(trained)
    real = None
    if data is not None:
        test = open_data(data, **parse_options(images)).test
        real = read_batch(test, np.arange(min(16, len(test))))[0]  # through every layer, in a moment
    state = load_state(weights)
    index = int(load_space().index(Cell(state["cell"]["matrix"], state["cell"]["ops"])))
    done = export_onnx(weights, out or Path(f"{index}.onnx"), images=real, metadata={"index": index})
    if as_json:
        print_json(done)
        return
    size = f"{done.file_size / 1e6:.2f} MB"
    console().print(f"{done.path}: {size}, logits differ from PyTorch's by at most {done.difference:.1e}")
    console().print(
        f"weights {done.parameters / 1e6:.2f} MB, feature maps of an image {done.peak_activations / 1e6:.2f} MB at most"
    )


def _weights(trained: str) -> Path:
    """The weights file that a cell's number, a run's folder or a path stands for."""
    from eomoo.analysis.trained import find_trained

    return find_trained(trained if Path(trained).exists() else Path("runs") / str(parse_cell(trained)))


def _show(index: int, result: Training, task: ImageData) -> None:
    from eomoo.live.recipes import format_epochs

    out = console()
    if not result.done or result.test is None or result.val is None:
        out.print(f"cell {index} on {task.name}: {result.status}: {result.reason}")
        return
    out.print(
        f"cell {index} on {task.name}: {format_epochs(result.epochs)} epochs in {result.seconds:.0f} s, "
        f"validation micro {result.val.micro:.1%}, macro {result.val.macro:.1%}"
    )
    _show_accuracy(result.test, task)
    out.print(f"weights in {result.weights}")


def _show_accuracy(accuracy: Accuracy, task: ImageData) -> None:
    table = Table("class", "images", "right", "most often taken for")
    for k, name in enumerate(task.class_names):
        row = accuracy.confusion[k]
        others = row.copy()
        others[k] = 0
        share = f"{accuracy.per_class[k]:.1%}" if row.sum() else "-"
        wrong = task.class_names[int(others.argmax())] if others.any() else "-"
        table.add_row(name, f"{row.sum():,}", share, wrong)
    out = console()
    out.print(table)
    out.print(
        f"micro accuracy {accuracy.micro:.1%}, macro accuracy {accuracy.macro:.1%} "
        f"(the largest class alone: {accuracy.majority:.1%})"
    )


def _show_latencies(indices: list[int], results: list[Latency]) -> None:
    table = Table("cell", "median (ms)", "quartiles (ms)", "90 % (ms)", "mean (ms)", "by reference", "passes", "")
    for index, r in zip(indices, results, strict=True):
        table.add_row(
            str(index),
            f"{r.median:.4g}",
            f"{r.lower:.4g} to {r.upper:.4g}",
            f"{r.p90:.4g}",
            f"{r.mean:.4g}",
            f"{r.relative:.3f}",
            str(r.count),
            ", ".join(["contended"] * r.contended + ["launch-bound"] * r.launch_bound),
        )
    how, out = results[0].setting, console()
    out.print(table)
    threads = f", {how['threads']} threads" if how["threads"] else ""
    out.print(
        f"{how['runtime']} on {how['device_name']}{threads}, batch {how['batch_size']}, {how['precision']}, "
        f"protocol {how['protocol']}; reference cell {how['reference']}"
    )
    if any(r.contended for r in results):
        out.print("contended: something else used the device; close it and time again")
    bound = [r.graph_median for r in results if r.launch_bound and r.graph_median]
    if bound:
        out.print(
            f"launch-bound: the CPU's time to launch kernels; the device computes {min(bound):.3g} to "
            f"{max(bound):.3g} ms (--runtime graph)"
        )
