"""`eomoo train` and `latency`: networks trained and timed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from typer import Argument, Option

import eomoo.cli.options as opt
from eomoo.checks import counted
from eomoo.cli.common import Bars, console, parse_options, print_json, progress
from eomoo.cli.show import parse_cell, skeleton_of

if TYPE_CHECKING:
    from eomoo.images import ImageData
    from eomoo.live import Latency
    from eomoo.live.runs import CurvePoint, Training


def train(
    cell: opt.CellName,
    data: Annotated[
        str, Option(help="so2sat, landsat-nc, so2sat:FOLDER, or a folder with scene.toml or with images by class.")
    ],
    images: opt.ImageSettings = None,
    recipe: Annotated[str, Option(help="nasbench or published.")] = "nasbench",
    setting: Annotated[
        opt.Options,
        Option("--set", "-s", metavar="KEY=VALUE", help="A setting of the recipe: batch_size=64. May be repeated."),
    ] = None,
    epochs: Annotated[str | None, Option(help="Epochs; 4+8: first 4, then 8 more by a schedule of their own.")] = None,
    seed: Annotated[int, Option(help="Seed of weights, order and augmentation.")] = 0,
    stem_channels: opt.StemChannels = 128,
    stacks: opt.Stacks = 3,
    cells_per_stack: opt.CellsPerStack = 3,
    device: opt.Device = "auto",
    readers: Annotated[int, Option(help="Processes that read images ahead.")] = 0,
    threads: Annotated[int | None, Option(help="CPU threads of torch.")] = None,
    out: Annotated[
        Path | None, Option(help="Folder for checkpoints, results and weights; by default runs/CELL.")
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """Train a cell's network on images and measure it.

    Interrupted or killed, the same command goes on from the last checkpoint. Asked for more epochs of a schedule that
    passes through those done, it continues. Under torchrun, several devices train one network.
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
    total = sum(chosen.stretches(epochs))
    folder = out or Path("runs") / str(index)
    with Bars(quiet=as_json or not first, stay=True) as shown:

        def report(point: CurvePoint) -> None:
            accuracy = f"loss {point.train_loss:.3f}, validation micro accuracy {100 * point.val_micro:.1f} %"
            shown.tell(f"cell {index}", point.epoch, total, f"{point.epoch} of {total} epochs, {accuracy}")

        result = run_training(
            index,
            task,
            skeleton=around,
            recipe=chosen,
            epochs=epochs,
            seed=seed,
            device=device,
            folder=folder,
            workers=readers,
            threads=threads,
            report=report,
        )
    if first:
        print_json({"index": index, **result.to_dict()}) if as_json else _show(index, result, task)
    if not result.done:
        raise typer.Exit(1)


def latency(
    cells: Annotated[list[str], Argument(metavar="CELL", help="Indices, hashes or genotypes.")],
    runtime: Annotated[
        str,
        Option(
            help="onnxruntime, openvino, eager (PyTorch), graph (PyTorch as a CUDA graph), or auto: onnxruntime on a "
            "CPU, graph on a CUDA device."
        ),
    ] = "auto",
    batch_size: Annotated[int, Option(help="Images in one forward pass.")] = 1,
    device: opt.Device = "cpu",
    threads: Annotated[int, Option(help="CPU threads.")] = 1,
    precision: Annotated[str, Option(help="float32, float16, bfloat16, int8, or auto (PyTorch).")] = "float32",
    protocol: Annotated[
        str, Option(help="eomoo, or published: with cast and copy to the device, and means.")
    ] = "eomoo",
    rounds: Annotated[int, Option(help="Rounds in which the cells take turns.")] = 10,
    repetitions: Annotated[int, Option(help="Least number of timed forward passes.")] = 30,
    seconds: Annotated[float, Option(help="Least time for each cell.")] = 1.0,
    in_channels: opt.InChannels = 10,
    classes: opt.Classes = 17,
    image_size: opt.ImageSize = 32,
    stem_channels: opt.StemChannels = 128,
    stacks: opt.Stacks = 3,
    cells_per_stack: opt.CellsPerStack = 3,
    as_json: opt.Json = False,
) -> None:
    """Time networks on this device, several in turns, with a reference cell in every round.

    Let nothing else run meanwhile; a time that something else disturbed is marked.
    """
    from eomoo.live import LatencySetting, measure_latency

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
    skeleton = skeleton_of(in_channels, classes, image_size, stem_channels, stacks, cells_per_stack)
    indices = [parse_cell(cell) for cell in cells]
    with progress(f"timing {counted(len(indices), 'network')}", quiet=as_json) as report:
        results = measure_latency(indices, skeleton=skeleton, setting=setting, report=report)
    if as_json:
        print_json([{"index": k, **r.to_dict()} for k, r in zip(indices, results, strict=True)])
        return
    _show_latencies(indices, results)


def _show(index: int, result: Training, task: ImageData) -> None:
    from eomoo.live.recipes import epochs_in_words

    out = console()
    if not result.done or result.test is None or result.val is None:
        out.print(f"cell {index} on {task.name}: {result.status}: {result.reason}")
        return
    busy = " while something else used the machine" if result.contended else ""
    out.print(
        f"cell {index} on {task.name}: {epochs_in_words(result.epochs)} in {result.seconds:.0f} s{busy}, "
        f"validation micro {100 * result.val.micro:.1f} %, macro {100 * result.val.macro:.1f} %"
    )
    found = result.test
    told = f"test micro {100 * found.micro:.1f} %, macro {100 * found.macro:.1f} %"
    out.print(f"{told} (the largest class alone: {100 * found.majority:.1f} %)")
    out.print(f"weights in {result.weights}")


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
            f"{r.count:,}",
            ", ".join(["contended"] * r.contended + ["launch-bound"] * r.launch_bound),
        )
    how, out = results[0].setting, console()
    out.print(table)
    threads = f", {how['threads']} thread{'' if how['threads'] == 1 else 's'}" if how["threads"] else ""
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
