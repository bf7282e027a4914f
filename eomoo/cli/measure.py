"""``eomoo measure``: cells trained and timed into a measured table, a benchmark of one's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer import Argument, Option

from eomoo.cli.common import Cluster, Json, Options, bars, console, given, parse_options, print_json, progress
from eomoo.errors import SettingError

if TYPE_CHECKING:
    from eomoo.data import MeasuredTable
    from eomoo.progress import Step


_LINES_S = 60.0  # seconds between lines where there is no terminal


def measure(
    card: Annotated[
        str | None, Argument(help="A live problem card, such as live-scene; by default live-data, for --data.")
    ] = None,
    out: Annotated[Path | None, Option(help="The table's folder; one that is there goes on, or grows.")] = None,
    data: Annotated[
        str | None,
        Option(help="A folder of images by class, a scene.toml, so2sat:FOLDER or landsat-nc, instead of the card's."),
    ] = None,
    walks: Annotated[int, Option(help="Random walks; as published 30.")] = 0,
    length: Annotated[int, Option(help="Cells in a walk.")] = 15,
    spread: Annotated[int, Option(help="Cells spread over vertices, operations and multiply-accumulates.")] = 0,
    cells: Annotated[
        str | None,
        Option(help="A table or list of cells, what `eomoo suggest --out` wrote, or a folder of a run or a table."),
    ] = None,
    cell_seed: Annotated[int, Option(help="Seed of walks and spread.")] = 0,
    repeats: Annotated[int, Option(help="Trainings of a cell, each with a seed of its own.")] = 1,
    repeats_of: Annotated[
        float | None, Option(help="Repeat only so many cells, the first ones; below 1: this share of them.")
    ] = None,
    epochs: Annotated[str | None, Option(help="Epochs of each training; by default the card's.")] = None,
    measure_at: Annotated[
        str | None, Option(help="Epochs at which learning curves are measured, as in 1,3,8, on the test images too.")
    ] = None,
    only: Annotated[str | None, Option(help="latency: train nothing, for which any card will do.")] = None,
    skeleton: Annotated[
        Options, Option(help="A value of the network around the cells: stem_channels=16. May be repeated.")
    ] = None,
    runtime: Annotated[str | None, Option(help="Of timings: onnxruntime, openvino, eager or graph.")] = None,
    batch_size: Annotated[int | None, Option(help="Of timings: images in one forward pass.")] = None,
    threads: Annotated[int | None, Option(help="Of timings: CPU threads.")] = None,
    device: Annotated[str | None, Option(help="auto, cpu, cuda, cuda:1, ...")] = None,
    workers: Annotated[int | None, Option(help="Candidates trained at once.")] = None,
    cluster: Cluster = None,
    setting: Annotated[
        Options, Option("--set", help="A setting of the card's backend: recipe_settings.momentum=0. May be repeated.")
    ] = None,
    remote_kit: Annotated[
        Path | None, Option(help="With --only latency: write a folder whose kit.py times the cells on a board instead.")
    ] = None,
    from_kit: Annotated[
        Path | None, Option(help="With --only latency: the timings.json that kit.py wrote on a board, into a table.")
    ] = None,
    retry_failed: Annotated[bool, Option("--retry-failed", help="Try again what a machine failed at.")] = False,
    as_json: Json = False,
) -> None:
    """Train and time cells into a table: a benchmark of your own images and device.

    Interrupted or killed, the same command goes on, and nothing is measured twice. Asked for more walks, cells or
    repeats, the table grows; other settings need another folder, and `eomoo data merge` makes one table of two.
    """
    from eomoo.measuring import measure as run

    timing = given(runtime=runtime, batch_size=batch_size, threads=threads)
    settings = parse_options(setting)
    around: dict[str, Any] = parse_options(skeleton)
    if only is None:
        curve = {} if measure_at is None else {"curve.at": measure_at, "curve.test": True}
        settings |= given(epochs=epochs, device=device, workers=workers, cluster=cluster, **curve)
        settings |= {f"skeleton.{name}": value for name, value in around.items()}
    else:
        own = {key: settings.pop(key) for key in [*settings] if key.startswith("latency.")}
        timing |= {**given(device=device), **{key.partition(".")[2]: value for key, value in own.items()}}
        wrong = given(epochs=epochs, measure_at=measure_at, workers=workers, cluster=cluster)
        if wrong or repeats > 1:
            name = next(iter(wrong), "repeats").replace("_", "-")
            raise SettingError(f"--{name} has no say with --only latency, which trains nothing")
    if remote_kit is not None:
        from eomoo.measuring import choose_cells, timing_backend, write_board_kit

        _check_kit(only, "remote-kit", out=out, from_kit=from_kit)
        backend = timing_backend(card, data=data, folder=remote_kit, skeleton=around, latency=timing)
        chosen = choose_cells(cells, walks=walks, length=length, spread=spread, seed=cell_seed)
        with progress("networks exported", quiet=as_json) as exported:
            script = write_board_kit(remote_kit, backend, chosen, report=exported)
        if as_json:
            print_json({"script": script, "folder": remote_kit})
        else:
            _print_kit(script)
        return
    if out is None:
        raise SettingError("say with --out which folder the table goes into")
    begun = time.monotonic()
    if from_kit is not None:
        from eomoo.measuring import measure_from_kit

        asked = given(card=card, data=data, cells=cells, walks=walks or None, spread=spread or None)
        _check_kit(only, "from-kit", **asked, **timing, **around)
        table = measure_from_kit(from_kit, out=out, report=console(stderr=True).print)
        told = {**_summary(table), "seconds": time.monotonic() - begun, "folder": out}
        print_json(told) if as_json else _print(table, told, out)
        return
    with _progress(quiet=as_json) as (advance, report):
        table = run(
            card,
            out=out,
            data=data,
            cells=cells,
            walks=walks,
            length=length,
            spread=spread,
            cell_seed=cell_seed,
            repeats=repeats,
            repeats_of=repeats_of,
            only=cast(Literal["latency"] | None, only),
            skeleton=around if only else None,
            latency=timing,
            on_progress=advance,
            report=report,
            retry_failed=retry_failed,
            **settings,
        )
    told = {**_summary(table), "seconds": time.monotonic() - begun, "folder": out}
    print_json(told) if as_json else _print(table, told, out)


def _check_kit(only: str | None, name: str, **others: object) -> None:
    """SettingError where a kit is asked for together with what it has no use for."""
    wrong = next(iter(given(**others)), None)
    if only != "latency":
        raise SettingError(f"--{name} times networks and trains none: add --only latency")
    if wrong is not None:
        raise SettingError(f"--{name} has no use for {wrong.replace('_', '-')}")


def _print_kit(script: Path) -> None:
    show = console()
    show.print(
        f"written to {script.parent}: {script.name}, plan.json and networks; copy the folder to the board, there:"
    )
    show.print(f"  python {script.name}")
    show.print("and with the timings.json that it writes, here:")
    show.print("  eomoo measure --only latency --from-kit timings.json --out TABLE")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[tuple[Callable[[Step], None], Callable[[str], None]]]:
    """A bar each for timings and trainings, with the time that is left, and sentences above them."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with bars(*columns, quiet=quiet, transient=False) as bar:
        tasks: dict[str, Any] = {}
        told = [time.monotonic()]

        def advance(step: Step) -> None:
            what, done, total = step.what, step.done, step.total
            bar.start()
            if what not in tasks:
                # What was there already says nothing of how fast it goes.
                tasks[what] = bar.add_task(f"cells {what}", total=total, completed=done)
            bar.update(tasks[what], completed=done, total=total)
            if not bar.console.is_terminal and not quiet and time.monotonic() - told[-1] > _LINES_S:
                # A pipe or a file sees no bar.
                told.append(time.monotonic())
                left = bar.tasks[-1].time_remaining
                bar.console.print(f"{done} of {total} {what}" + (f", {left / 60:.0f} minutes left" if left else ""))

        yield advance, (lambda sentence: None) if quiet else bar.console.print


def _summary(table: MeasuredTable) -> dict[str, Any]:
    rows = table.to_dataframe()
    failed = rows[rows["status"] != "done"]
    trained = "train_time" in rows
    disturbed = rows["latency_disturbed"].sum() if "latency_disturbed" in rows else 0
    return {
        "cells": len(table.cells),
        "walks": len(table.walks),
        "trainings": len(rows) if trained else 0,
        "failed": {str(status): int(n) for status, n in failed["status"].value_counts().items()},
        "disturbed_timings": int(disturbed),
        "training_seconds": float(rows["train_time"].sum()) if trained else 0.0,
    }


def _print(table: MeasuredTable, told: dict[str, Any], out: Path) -> None:
    show = console()
    walks = f" ({told['walks']} walks)" if told["walks"] else ""
    trainings = f", {told['trainings']:,} trainings in {told['training_seconds']:,.0f} s" if told["trainings"] else ""
    failed = "".join(f", {n} {status}" for status, n in told["failed"].items())
    disturbed = f", {told['disturbed_timings']} disturbed timings" if told["disturbed_timings"] else ""
    show.print(f"{table.facts['title']}: {told['cells']:,} cells{walks}{trainings}{failed}{disturbed}")
    show.print(f"written to {out} in {told['seconds']:,.0f} s; next:", soft_wrap=True)
    for command in _what_comes_next(table, out):
        show.print(f"  {command}", soft_wrap=True)


def _what_comes_next(table: MeasuredTable, out: Path) -> list[str]:
    """Commands for a table, as far as its cells suffice."""
    from eomoo.models import LEAST_CELLS
    from eomoo.space import SO2SAT

    walks = [f"eomoo landscape {out}"] if table.walks else []
    if len(table.cells) < LEAST_CELLS:
        return [*walks, f"the same command with more cells, for models at least {LEAST_CELLS}"]
    alone = table.skeleton == SO2SAT and "train_time" not in table.to_dataframe()
    device = [f"eomoo run eo-macro-latency --latency-from {out}-models"] if alone else []
    return [*walks, f"eomoo surrogate fit {out} --out {out}-models", *device]
