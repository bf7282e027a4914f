"""Options that several commands share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Options = list[str] | None

Json = Annotated[bool, Option("--json", help="Print JSON, for other programs.")]
CellName = Annotated[str, Argument(metavar="CELL", help="Its index, its NAS-Bench-101 hash, or its genotype.")]
EOTable = Annotated[
    Path | None, Option("--from", metavar="FOLDER", help="Folder of the EO table, instead of the usual places.")
]
Figures = Annotated[
    Options,
    Option(
        "--figures",
        metavar="png|pdf|svg",
        help="Format of the figures, by default png, of a landscape png and pdf. May be repeated.",
    ),
]
FigureWidth = Annotated[
    str | None,
    Option(
        metavar="column|page",
        help="How wide figures are: as a column of a paper, or as its page; by default page for landscape and verdict, "
        "else column.",
    ),
]

# Of problem cards.
Limits = Annotated[
    Options, Option("--constraint", "-c", metavar="LIMIT", help="Such as 'latency<=10'. May be repeated.")
]
Noise = Annotated[int | None, Option(help="Add noise to predicted values, by their uncertainty and this seed.")]
CardSettings = Annotated[
    Options,
    Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of the card's backend: repeat=random, latency.batch_size=8. May be repeated.",
    ),
]

# Of live cards.
CardImages = Annotated[
    str | None,
    Option(
        help="Images of a live card in place of its own: a folder of images by class, a scene.toml, so2sat:FOLDER or "
        "landsat-nc."
    ),
]
Workers = Annotated[int | None, Option(help="Live cards: candidates trained at once.")]
CardDevice = Annotated[str | None, Option(help="Live cards: where to train: auto, cpu, cuda, cuda:1, ...")]
Cluster = Annotated[
    str | None,
    Option(
        metavar="ADDRESS|FILE.toml",
        help="Compute on a Dask scheduler, such as tcp://host:8786, or in jobs of SLURM that a file describes.",
    ),
]

# Of one network and its images.
ImageSettings = Annotated[
    Options,
    Option(
        "--images",
        "-i",
        metavar="KEY=VALUE",
        help="A setting of the images: n_train=2000, patch_size=9. May be repeated.",
    ),
]
Device = Annotated[str, Option(help="cpu, cuda, cuda:1, mps, or auto.")]
InChannels = Annotated[int, Option(help="Bands of an image, where the network is not So2Sat's.")]
Classes = Annotated[int, Option(help="Classes of the images.")]
ImageSize = Annotated[int, Option(help="Pixels of an image's side.")]
StemChannels = Annotated[int, Option(help="Channels of the stem.")]
Stacks = Annotated[int, Option(help="Stacks of cells.")]
CellsPerStack = Annotated[int, Option(help="Cells in each stack.")]
