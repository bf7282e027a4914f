"""``eomoo show`` and ``eomoo problems``: all that is known of one cell, and the problem cards."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
from rich.table import Table
from typer import Option

from eomoo.arrays import Facts
from eomoo.checks import choice, short
from eomoo.cli.common import console, print_json
from eomoo.cli.options import CellName, CellsPerStack, Classes, ImageSize, InChannels, Json, Stacks, StemChannels
from eomoo.errors import CellError, DataNotFoundError
from eomoo.files import atomic_path
from eomoo.plots import FORMS, look, new_figure, number
from eomoo.space import SO2SAT, Cell, Skeleton, load_space

_QUANTITIES = ("val_micro", "val_macro", "test_micro", "test_macro", "latency", "train_time")


def parse_cell(text: str) -> int:
    """The index of a cell given as one (123, arch_123), its hash, or its genotype (26 digits)."""
    space, word = load_space(), text.strip().lower()
    digits = re.sub(r"[\s,;\[\]()]", "", word)
    if re.fullmatch(r"[0-2]{26}", digits):
        index = space.index([int(d) for d in digits])
        if index < 0:
            raise CellError(f"the genotype {digits} is no cell of the space")
        return int(index)
    if re.fullmatch(r"[0-9a-f]{32}", word):
        return int(space.find([word])[0])
    number = word.removeprefix("arch_")
    if re.fullmatch(r"[0-9]{1,18}", number):
        return int(space.check(int(number)))
    raise CellError(
        f"no cell: {short(text)}; a cell is an index (0 to {len(space) - 1:,}), a NAS-Bench-101 hash "
        "(32 hexadecimal digits) or a genotype (26 digits)"
    )


def skeleton_of(*values: int) -> Skeleton:
    """A skeleton of bands, classes, image size, width, stacks and cells in each, as options give them."""
    names = ("in_channels", "n_classes", "image_size", "stem_channels", "n_stacks", "cells_per_stack")
    return Skeleton(**dict(zip(names, values, strict=True)))


def show(
    cell: CellName,
    png: Annotated[Path | None, Option(help="Write a drawing to this file: .png, .pdf or .svg.")] = None,
    in_channels: InChannels = 10,
    classes: Classes = 17,
    image_size: ImageSize = 32,
    stem_channels: StemChannels = 128,
    stacks: Stacks = 3,
    cells_per_stack: CellsPerStack = 3,
    as_json: Json = False,
) -> None:
    """Show a cell: drawing, parameters, MACs, predicted and (where known) measured values.

    Of another network than So2Sat's, nothing is predicted.
    """
    index = parse_cell(cell)
    found = load_space().cell(index)
    around = skeleton_of(in_channels, classes, image_size, stem_channels, stacks, cells_per_stack)
    facts = _facts(index, found, around)
    if png is not None:
        _write_drawing(found, index, png)
    if as_json:
        print_json(facts)
        return
    _print(found, facts)
    if png is not None:
        console().print(f"drawing written to {png}")


def _facts(index: int, cell: Cell, around: Skeleton) -> Facts:
    from eomoo.objectives.surrogate import SurrogateBackend

    space, backend, here = load_space(), SurrogateBackend(), np.array([index])
    mean, spread = backend.values(here, _QUANTITIES)[0], backend.deviations(here, _QUANTITIES)[0]
    measured, marks = _measured(index), backend.marks(here, _QUANTITIES)[0]
    return {
        "index": index,
        "hash": cell.hash,
        "genotype": "".join(map(str, space.genotype(index))),
        "ops": list(cell.ops),
        "matrix": cell.matrix.tolist(),
        "vertices": cell.n_vertices,
        "edges": cell.n_edges,
        "params": space.params(index, around),
        "macs": space.macs(index, around),
        "skeleton": asdict(around),
        "neighbors": {kind: len(space.neighbors(index, kind)) for kind in ("hamming", "published")},
        "outside_measured": bool(backend.extrapolates(here)[0]),
        "values": {
            name: {
                "unit": backend.quantities[name].unit,
                "title": backend.quantities[name].title,
                "predicted": float(mean[k]),
                "std": float(spread[k]),
                "measured": measured.get(name),
                "mark": str(marks[k]),
            }
            for k, name in enumerate(_QUANTITIES)
            if around == SO2SAT
        },
    }


def _measured(index: int) -> dict[str, float]:
    """Measured values where the EO table is on this machine and has the cell."""
    from eomoo.data.eo_table import load_eo_table

    try:
        table = load_eo_table()
    except DataNotFoundError:
        return {}
    row = table[table["index"] == index]
    return {name: float(row.iloc[0][name]) for name in _QUANTITIES} if len(row) else {}


def _print(cell: Cell, facts: Facts) -> None:
    from eomoo.analysis import cell_text
    from eomoo.models.applicability import MARKS

    out, images = console(), "So2Sat images" if facts["values"] else "such images"
    out.print(f"cell {facts['index']}  {facts['hash']}  genotype {facts['genotype']}\n")
    out.print(cell_text(cell), markup=False)
    out.print(
        f"\n{facts['vertices']} vertices, {facts['edges']} edges; {facts['params']:,} parameters, "
        f"{facts['macs']:,} MACs on {images}; {facts['neighbors']['hamming']} neighbours"
    )
    if not facts["values"]:
        return
    table = Table("quantity", "unit", "predicted", "measured", "extrapolated")
    for value in facts["values"].values():
        predicted = number(value["predicted"], value["std"])
        known = value["measured"]
        shown = "-" if known is None else number(known)
        table.add_row(value["title"], value["unit"], predicted, shown, value["mark"])
    out.print(table)
    said = {mark for value in facts["values"].values() for mark in value["mark"].split(", ")}
    for mark, meaning in MARKS.items():
        if mark in said:
            out.print(f"{mark}: {meaning}")


def _write_drawing(cell: Cell, index: int, path: Path) -> None:
    from eomoo.analysis import draw_cell

    form = choice(f"the ending of {path}", path.suffix[1:].lower() or "png", FORMS)
    figure, ax = new_figure(3.2, 4.2)
    draw_cell(cell, ax, title=f"cell {index}")
    with look(), atomic_path(path) as temporary:
        figure.savefig(temporary, format=form)


def problems(as_json: Json = False) -> None:
    """List the problem cards: what each asks for, and where its values come from."""
    from eomoo.objectives.card import list_problems, load_card

    cards = [load_card(name) for name in list_problems()]
    if as_json:
        parts = ("name", "unit", "direction", "source")
        rows = [
            {name: getattr(card, name) for name in ("name", "title", "citation", "budget")}
            | {"objectives": [{part: getattr(o, part) for part in parts} for o in card.objectives]}
            for card in cards
        ]
        print_json(rows)
        return
    table = Table("card", "what it asks for", "objectives", "values from", "budget")
    for card in cards:
        names = "\n".join(o.name for o in card.objectives)
        sources = " + ".join(dict.fromkeys(o.source for o in card.objectives))
        table.add_row(card.name, card.title, names, sources, f"{card.budget:,}")
    console().print(table)
