"""`eomoo predict`: the map that a trained network makes of a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option

from eomoo.cli.common import console, print_json, progress
from eomoo.cli.deploy import place_of
from eomoo.cli.options import Device, Json
from eomoo.errors import SettingError


def predict(
    places: Annotated[
        list[str],
        Argument(
            metavar="RUN [CELL] SCENE",
            help="A run's or a table's folder and a cell, or the folder of one training, a file of weights or ONNX; "
            "then the scene: landsat-nc, a GeoTIFF, or a folder with scene.toml, with labels or without.",
        ),
    ],
    out: Annotated[Path, Option(help="GeoTIFF of the classes; probabilities and a picture are written beside it.")],
    stride: Annotated[
        int | None, Option(help="Pixels between the patches that are looked at; by default a patch's size.")
    ] = None,
    bands: Annotated[str | None, Option(help="The scene's bands in the training's order, as in 3,2,1.")] = None,
    probability: Annotated[
        str, Option(help="winner: of each pixel's class; classes: of every class, a band each.")
    ] = "winner",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Map a whole scene: the class of every place and its probability, georeferenced, and a picture.

    Each pixel of the map covers as many of the scene's as --stride says, in height and width.
    """
    from eomoo.analysis.trained import find_trained
    from eomoo.images import open_bands
    from eomoo.live import load_classifier, write_map

    if len(places) not in (2, 3):
        raise SettingError(f"name a network and a scene, as in RUN CELL SCENE; got {' '.join(places)}")
    run, *cell, scene = places
    classifier = load_classifier(find_trained(*place_of(run, cell[0] if cell else None)), device=device)
    with open_bands(scene, bands=bands) as image, progress("map", quiet=as_json) as report:
        done = write_map(classifier, image, out, stride=stride, probability=probability, report=report)
    names = classifier.described["class_names"]
    if as_json:
        counts = dict(zip(names, done.counts.tolist(), strict=True))
        files = {"classes": done.classes, "probabilities": done.probabilities, "picture": done.picture}
        print_json({"network": classifier.path, **files, "shape": done.grid.shape, "pixels": counts})
        return
    table = Table("class", "pixels", "share")
    for name, count in zip(names, done.counts, strict=True):
        table.add_row(name, f"{count:,}", f"{100 * count / max(1, done.counts.sum()):.1f} %")
    screen = console()
    screen.print(f"{classifier}: {done.grid.shape[0]:,} x {done.grid.shape[1]:,} pixels", soft_wrap=True)
    screen.print(table)
    screen.print(f"written: {done.classes}, {done.probabilities}, {done.picture}", soft_wrap=True)
