"""``eomoo measure``: cells trained and timed into a measured table, a benchmark of one's own."""

from __future__ import annotations

import time
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.checks import choice, counted
from eomoo.cli.common import Bars, console, given, joined, no_say, parse_options, print_json, progress
from eomoo.cli.options import CardDevice, CardImages, CardSettings, Cluster, Json, Options, Workers
from eomoo.errors import SettingError

if TYPE_CHECKING:
    from eomoo.data import MeasuredTable


def measure(
    card: Annotated[
        str | None,
        Argument(metavar="CARD", help="A live problem card, such as live-scene; by default live-data, for --data."),
    ] = None,
    out: Annotated[Path | None, Option(help="The table's folder; one that is there goes on, or grows.")] = None,
    data: CardImages = None,
    walks: Annotated[int, Option(help="Random walks; as published 30.")] = 0,
    length: Annotated[int | None, Option(help="Cells in a walk, by default 15.")] = None,
    spread: Annotated[int, Option(help="Cells spread over vertices, operations and multiply-accumulates.")] = 0,
    cells: Annotated[
        str | None,
        Option(help="A table or list of cells, what `eomoo suggest --out` wrote, or a folder of a run or a table."),
    ] = None,
    cell_seed: Annotated[int | None, Option(help="Seed of walks and spread, by default 0.")] = None,
    repeats: Annotated[int, Option(help="Trainings of each cell named here, else of all there, by a seed each.")] = 1,
    repeats_of: Annotated[
        float | None, Option(help="Repeat only so many cells, the first ones; below 1: this share of them.")
    ] = None,
    epochs: Annotated[str | None, Option(help="Epochs of each training; by default the card's.")] = None,
    measure_at: Annotated[
        str | None, Option(help="Epochs at which learning curves are measured, as in 1,3,8, on the test images too.")
    ] = None,
    only: Annotated[str | None, Option(help="latency: train nothing, for which any card will do.")] = None,
    skeleton: Annotated[
        Options,
        Option(metavar="KEY=VALUE", help="A value of the network around the cells: stem_channels=16. May be repeated."),
    ] = None,
    runtime: Annotated[
        str | None,
        Option(help="Of timings: onnxruntime (usual on a CPU), graph (on a CUDA device), openvino or eager."),
    ] = None,
    batch_size: Annotated[int | None, Option(help="Of timings: images in one forward pass.")] = None,
    threads: Annotated[int | None, Option(help="Of timings: CPU threads.")] = None,
    device: CardDevice = None,
    workers: Workers = None,
    cluster: Cluster = None,
    setting: CardSettings = None,
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

    if not walks:
        no_say("without --walks", length=length)
    if not walks and not spread:
        no_say("without --walks and --spread", cell_seed=cell_seed)
    timing = given(runtime=runtime, batch_size=batch_size, threads=threads)
    settings, around = parse_options(setting), parse_options(skeleton)
    training = given(epochs=epochs, measure_at=measure_at, workers=workers, cluster=cluster)
    if only is None:
        joined(settings, {f"latency.{name}": value for name, value in timing.items()})
        settings = joined(settings, _of_trainings(training, around) | given(device=device))
    else:
        choice("--only", only, ("latency",))
        timing = joined(_of_timings(settings, training, repeats), timing | given(device=device))
    chosen: Facts = {"cells": cells, "walks": walks, "spread": spread, **given(length=length)}
    if remote_kit is not None:
        _check_kit(only, "remote-kit", out=out, from_kit=from_kit)
        _write_kit(remote_kit, card, data, {**chosen, **given(seed=cell_seed)}, around, timing, quiet=as_json)
        return
    if out is None:
        raise SettingError("say with --out which folder the table goes into")
    begun = time.monotonic()
    if from_kit is not None:
        asked = given(card=card, data=data, cells=cells, walks=walks or None, spread=spread or None)
        _check_kit(only, "from-kit", **asked, **timing, **around)
        from eomoo.measuring import measure_from_kit

        table = measure_from_kit(from_kit, out=out, report=console(stderr=True).print)
    else:
        how = chosen | given(cell_seed=cell_seed) | {"repeats": repeats, "repeats_of": repeats_of, "only": only}
        how |= {"skeleton": around if only else None, "latency": timing, "retry_failed": retry_failed, **settings}
        with Bars(quiet=as_json, stay=True) as shown:
            how |= {"on_progress": lambda step: shown.tell(f"cells {step.what}", step.done, step.total)}
            table = run(card, out=out, data=data, report=shown.say, **how)
    told = {**_summary(table), "seconds": time.monotonic() - begun, "folder": out}
    print_json(told) if as_json else _print(table, told, out)


def _of_trainings(training: Facts, around: Facts) -> Facts:
    """Settings of a live card: of the trainings, and of the network around the cells."""
    at = training.pop("measure_at", None)
    curve = {} if at is None else {"curve.at": at, "curve.test": True}
    return {**training, **curve, **{f"skeleton.{name}": value for name, value in around.items()}}


def _of_timings(settings: Facts, training: Facts, repeats: int) -> Facts:
    """Settings of timings, taken out of a card's; SettingError where trainings are told of, of which there are none."""
    if training or repeats > 1:
        name = next(iter(training), "repeats").replace("_", "-")
        raise SettingError(f"--{name} has no say with --only latency, which trains nothing")
    own = [key for key in settings if key.startswith("latency.")]
    return {key.partition(".")[2]: settings.pop(key) for key in own}


def _write_kit(
    folder: Path, card: str | None, data: str | None, cells: Facts, around: Facts, timing: Facts, *, quiet: bool
) -> None:
    from eomoo.live.kit import write_kit
    from eomoo.measuring import choose_cells, timing_backend

    campaign = timing_backend(card, data=data, folder=folder, skeleton=around, latency=timing).campaign
    choice = choose_cells(**cells)
    indices, asked, how = choice.frame()["index"].tolist(), choice.to_facts(), campaign.timing
    with progress("networks exported", quiet=quiet) as exported:
        script = write_kit(folder, indices, skeleton=campaign.skeleton, setting=how, asked=asked, report=exported)
    if quiet:
        print_json({"script": script, "folder": folder})
        return
    what = f"{script.name}, plan.json and networks"
    for line in (
        f"written to {script.parent}: {what}; copy the folder to the board, there:",
        f"  python {script.name}",
        "and with the timings.json that it writes, here:",
        "  eomoo measure --only latency --from-kit timings.json --out TABLE",
    ):
        console().print(line)


def _check_kit(only: str | None, name: str, **others: object) -> None:
    """SettingError where a kit is asked for together with what it has no use for."""
    wrong = next(iter(given(**others)), None)
    if only != "latency":
        raise SettingError(f"--{name} times networks and trains none: add --only latency")
    if wrong is not None:
        raise SettingError(f"--{name} has no use for {wrong.replace('_', '-')}")


_DISTURBED = {"latency": "timing", "train_time": "training"}


def _summary(table: MeasuredTable) -> Facts:
    rows = table.to_dataframe()
    failed = rows[rows["status"] != "done"]
    trained = "train_time" in rows
    disturbed = {k: int(rows[f"{k}_disturbed"].sum()) if f"{k}_disturbed" in rows else 0 for k in _DISTURBED}
    return {
        "cells": len(table.cells),
        "walks": len(table.walks),
        "trainings": len(rows) if trained else 0,
        "failed": {str(status): int(n) for status, n in failed["status"].value_counts().items()},
        **{f"disturbed_{what}s": disturbed[k] for k, what in _DISTURBED.items()},
        "training_seconds": float(rows["train_time"].sum()) if trained else 0.0,
    }


def _print(table: MeasuredTable, told: Facts, out: Path) -> None:
    show = console()
    walks = f" ({counted(told['walks'], 'walk')})" if told["walks"] else ""
    trainings = f", {counted(told['trainings'], 'training')} in {told['training_seconds']:,.0f} s"
    cells = f"{counted(told['cells'], 'cell')}{walks}{trainings if told['trainings'] else ''}"
    failed = "".join(f", {n} {status}" for status, n in told["failed"].items())
    counts = {what: told[f"disturbed_{what}s"] for what in _DISTURBED.values()}
    disturbed = "".join(f", {counted(n, f'disturbed {what}')}" for what, n in counts.items() if n)
    show.print(f"{table.facts['title']}: {cells}{failed}{disturbed}")
    show.print(f"written to {out} in {told['seconds']:,.0f} s; next:", soft_wrap=True)
    for command in _what_comes_next(table, out):
        show.print(f"  {command}", soft_wrap=True)


def _what_comes_next(table: MeasuredTable, out: Path) -> list[str]:
    """Commands for a table, as far as its cells suffice."""
    from eomoo.models import LEAST_CELLS
    from eomoo.space import SO2SAT

    place, models = quote(str(out)), quote(f"{out}-models")
    walks = [f"eomoo landscape {place}"] if table.walks else []
    if len(table.cells) < LEAST_CELLS:
        return [*walks, f"more cells in this table: models need at least {LEAST_CELLS}"]
    alone = table.skeleton == SO2SAT and "train_time" not in table.to_dataframe()
    device = [f"eomoo run eo-macro-latency --latency-from {models}"] if alone else []
    return [*walks, f"eomoo surrogate fit {place} --out {models}", *device]
