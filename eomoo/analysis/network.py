"""What a cell is as a network on a problem: skeleton, data, recipe, and the commands that mean this network."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eomoo.analysis.results import ProblemResults
from eomoo.analysis.tables import Curves, Facts, Picture, Section, Series
from eomoo.analysis.wording import option_text
from eomoo.files import read_bytes
from eomoo.space import SO2SAT, Skeleton

CELL = "@CELL@"
"""Stands for a cell's index in commands; no shell quotes it."""

# The published table (Demir, Traoré, Camero, ESANN 2024), on which all eo cards stand.
_PUBLISHED = {"train": {"data": "so2sat", "recipe": "published", "epochs": 108}}
# Learning curves in a figure, a colour each.
_MOST_CURVES = 8
# Pictures of evaluations and maps in a page, and the bytes of all of them: twice as much as the rest.
_MOST_PICTURES, _MOST_BYTES = 6, 1_000_000


def network_of(results: ProblemResults) -> dict[str, Any]:
    """How the problem's networks are trained and timed, see ``LiveBackend.conditions``; empty where nobody knows."""
    shipped = _PUBLISHED if results.problem.name.startswith("eo-") else {}
    return next((run.network for run in results.runs if run.network), shipped)


def cell_commands(results: ProblemResults, folder: str) -> list[tuple[str, str]]:
    """What can be done with a cell of a run in a folder: what it is, and the command with ``CELL`` in it."""
    network, around = network_of(results), results.problem.skeleton
    size, ends = {}, {}
    if around != SO2SAT:
        size = {"stem_channels": around.stem_channels, "stacks": around.n_stacks}
        size |= {"cells_per_stack": around.cells_per_stack}
        ends = {"in_channels": around.in_channels, "classes": around.n_classes, "image_size": around.image_size}
    timing = {**network.get("latency", {}), **size, **ends}
    found = [
        ("Show it", ["show", CELL, *_options(size | ends)]),
        ("Time it here", ["latency", CELL, *_options(timing)]),
    ]
    if "train" in network:
        found.append(("Train it from the start", ["train", CELL, *_options(network["train"] | size)]))
    if "latency" in network:
        found.append(("Measure it", ["evaluate", folder, CELL, "--out", f"{folder}/evaluated/{CELL}"]))
        found.append(("Take it away", ["export", folder, CELL, "--onnx", "--out", f"{folder}/onnx"]))
    elif "train" in network:
        found.append(("Take it away, once it is trained", ["export", CELL, "--onnx"]))
    return [(what, shlex.join(["eomoo", *parts])) for what, parts in found]


def skeleton_words(around: Skeleton) -> str:
    """The network around the cells in words."""
    stacks = f"{around.stem_channels} channels, {around.n_stacks} stacks of {around.cells_per_stack}"
    size = f"{around.image_size}x{around.image_size} pixels"
    return f"{stacks}, images of {size} with {around.in_channels} bands, {around.n_classes} classes"


def _options(values: Mapping[str, Any]) -> list[str]:
    """Values as options of the command line, tables of them repeated; what does not apply is None, and left out."""
    told = {f"--{name.replace('_', '-')}": value for name, value in values.items() if value is not None}
    return [part for option, value in told.items() for text in _texts(value, "=") for part in (option, text)]


def _texts(value: object, sign: str) -> list[str]:
    """A value as text; of a table one for each name, with a sign between name and value."""
    if isinstance(value, Mapping):
        return [f"{name}{sign}{option_text(inner)}" for name, inner in value.items()]
    return [option_text(value)]


def network_section(place: Path, results: ProblemResults) -> Section:
    """What the networks are, how they were trained and timed, and what of their own lies in the run's folder."""
    network = network_of(results)
    rows = [("skeleton", skeleton_words(results.problem.skeleton))]
    for name, value in network.get("train", {}).items():
        told = ", ".join(_texts(value, " "))
        names = {"set": "set beside", "device": "device asked for", "images": "images, at most"}
        rows += [(names.get(name, name), told)] if told else []
    if timing := network.get("latency"):
        how = f"batches of {timing['batch_size']}, {timing['runtime']}, {network['timed_on']}"
        several = max((run.n_repeats for run in results.runs), default=1)
        again = f"{several} trainings of the front's cells and their rivals, else " if several > 1 else ""
        rows += [("repeats", f"{again}one training and one timing of each cell"), ("timed", how)]
    curves = [
        Series(name=f"cell {cell}", runs=1, x=[x for x, _ in points], y=[y for _, y in points], group=k)
        for k, (cell, points) in enumerate(list(network.get("curves", {}).items())[:_MOST_CURVES])
        if len(points) > 1
    ]
    x, y = "epochs", "validation micro error (%)"
    learnt = [Curves(title="Learning curves", key="learning", x_label=x, y_label=y, series=curves)] if curves else []
    blocks = [Facts(title="As trained and timed", rows=rows), *learnt, *_pictures(place)]
    return Section(id="network", title="The networks", short="Networks", text=network.get("notes", []), blocks=blocks)


def _pictures(place: Path) -> Iterator[Picture]:
    """Confusion matrices and maps in folders of the run's folder, where `evaluate` and `predict` wrote them there."""
    left = _MOST_BYTES
    for path in sorted(place.glob("*/**/[!.]*.png"))[:_MOST_PICTURES]:
        png = read_bytes(path, max_size=50_000_000)
        left -= len(png)
        if left >= 0:
            name = path.relative_to(place).with_suffix("").as_posix()
            yield Picture(title=name, key=name.replace("/", "-"), png=png, alt=f"{name} in the run's folder")
