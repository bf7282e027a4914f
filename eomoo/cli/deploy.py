"""`eomoo export`, `evaluate` and `predict`: trained networks taken away as files, measured, and used on a scene."""

from __future__ import annotations

from contextlib import suppress
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from typer import Argument, Option

from eomoo.arrays import Facts
from eomoo.checks import choice
from eomoo.cli.common import console, parse_options, print_json, progress
from eomoo.cli.options import Device, ImageSettings, Json, Options
from eomoo.cli.show import parse_cell
from eomoo.errors import CellError, DataNotFoundError, EomooError, SettingError
from eomoo.progress import doing

if TYPE_CHECKING:
    from eomoo.images import ImageData
    from eomoo.live import Accuracy, Assessment, Classifier, Exported

Trained = Annotated[
    str,
    Argument(
        metavar="RUN",
        help="A run's folder, a measured table's, a training's, a file of weights or ONNX, or a cell in runs/CELL.",
    ),
]
Among = Annotated[str | None, Argument(metavar="CELL", help="Which of its cells: index, hash or genotype.")]
Data = Annotated[str | None, Option(help="The images, as for train, where RUN does not tell.")]


def evaluate(
    trained: Trained,
    cell: Among = None,
    data: Data = None,
    images: ImageSettings = None,
    split: Annotated[str, Option(help="train, val or test.")] = "test",
    device: Annotated[str, Option(help="Where weights are run: cpu, cuda, cuda:1, mps, or auto.")] = "auto",
    out: Annotated[Path | None, Option(help="Folder for confusion.png, reliability.png and evaluation.json.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a trained network on a whole split: by class, what is taken for what, how reliable it is.

    The images must be those of its training, split for split.
    """
    from eomoo.analysis.trained import images_of
    from eomoo.files import atomic_path, check_folder, save_figures, to_json
    from eomoo.images import SPLITS
    from eomoo.live import assess
    from eomoo.live.assessment import draw_confusion, draw_reliability

    choice("split", split, SPLITS)
    if out is not None:
        check_folder(out)  # before all its images are classified
    place, index = place_of(trained, cell)
    with doing("opening network and images"):
        classifier = _opened(place, index, device=device)
        task = images_of(place, data, **parse_options(images))
    classifier.check_images(task)
    with progress("images", quiet=as_json) as report:
        found = assess(classifier, getattr(task, split), report=report)
    told: Facts = {"file": classifier.path, "cell": classifier.cell, "skeleton": classifier.skeleton}
    # Not "precision", which is each class's.
    told |= {"epochs": classifier.epochs, "dtype": classifier.precision, "data": task.name, "split": split}
    told |= {"class_names": task.class_names, **found.to_dict()}
    if out is not None:
        title = f"{classifier}, {split}"
        confusion = draw_confusion(found.confusion, task.class_names, title=title)
        with atomic_path(out / "evaluation.json") as path:  # which comes with its figures, or not at all
            path.write_text(f"{to_json(told)}\n", encoding="utf-8")
            save_figures({"confusion": confusion, "reliability": draw_reliability(found, title=title)}, out)
    if as_json:
        print_json(told)
        return
    show = console()
    show.print(f"{classifier.path}: {classifier}; {len(getattr(task, split)):,} images of {split}", soft_wrap=True)
    show_assessment(found, task)
    if out is not None:
        show.print(f"written to {out}: confusion.png, reliability.png, evaluation.json")


def export(
    trained: Trained,
    cell: Among = None,
    onnx: Annotated[bool, Option("--onnx", help="As ONNX in single precision; so where nothing is asked for.")] = False,
    fp16: Annotated[bool, Option("--fp16", help="As ONNX in half precision.")] = False,
    int8: Annotated[bool, Option("--int8", help="As ONNX of 8 bits, calibrated on training images.")] = False,
    weights: Annotated[bool, Option("--weights", help="As safetensors.")] = False,
    logits: Annotated[bool, Option("--logits", help="ONNX files give logits, not probabilities.")] = False,
    out: Annotated[Path | None, Option(help="Folder, or the name of a single file.")] = None,
    data: Data = None,
    images: ImageSettings = None,
    as_json: Json = False,
) -> None:
    """Write trained networks as files that classify images by themselves, checked against PyTorch.

    Without CELL all cells of a run's front. ONNX files take raw images, and know normalisation and class names.
    What --fp16 and --int8 change is measured on the validation images.
    """
    from eomoo.analysis.trained import front_cells
    from eomoo.files import check_folder
    from eomoo.live.export import FORMS, export_as

    if out is not None:
        check_folder(out.parent if out.suffix and not out.is_dir() else out)  # before images are read
    place, index = place_of(trained, cell)
    asked = {"onnx": onnx, "fp16": fp16, "int8": int8, "weights": weights}
    forms = [form for form, wanted in asked.items() if wanted] or ["onnx"]
    task, why = _images(place, data, images)
    cells: list[int | None] = [*front_cells(place)] if index is None else [index]
    files = _names(out, cells or [None], forms)
    done, failed = [], []
    before: dict[int | None, Accuracy | None] = {}
    with progress("files", quiet=as_json) as report:
        for number, ((k, form), name) in enumerate(files.items()):
            report(number, len(files))
            try:
                source = _opened(place, k, exported=False)
                path = name or Path(out or "") / f"{source.cell}{FORMS[form][1]}"
                if task is None and form in ("fp16", "int8"):
                    raise SettingError(f"{form} needs the images of its training: {why}")
                found = export_as(form, source.path, path, data=task, logits=logits, before=before.get(k))
            except EomooError as error:
                failed.append(f"{place if k is None else f'cell {k}'} was not exported as {form}: {error}")
                continue
            before[k] = found.before
            done.append(found)
    if as_json:
        print_json([_told(found) for found in done])
    for found in () if as_json else done:
        _show_export(found)
    unchecked = [f"not checked on real images: {why}"] if why and done and forms != ["weights"] else []
    for sentence in [*failed, *unchecked]:
        console(stderr=True).print(sentence, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def show_assessment(found: Assessment, task: ImageData) -> None:
    """Print a table by class and what sums it up."""
    table = Table("class", "images", "recall", "precision", "most often taken for")
    for k, name in enumerate(task.class_names):
        row = found.confusion[k]
        others = row.copy()
        others[k] = 0
        shares = ("-" if part != part else f"{100 * part:.1f} %" for part in (found.per_class[k], found.precision[k]))
        wrong = task.class_names[int(others.argmax())] if others.any() else "-"
        table.add_row(name, f"{row.sum():,}", *shares, wrong)
    show, kappa = console(), f"kappa {found.kappa:.3f}"
    if found.kappa != found.kappa:
        kappa = "no kappa, as all images are and were taken for one class"
    show.print(table)
    show.print(
        f"micro accuracy {100 * found.micro:.1f} %, macro (balanced) accuracy {100 * found.macro:.1f} %, "
        f"{kappa} (the largest class alone: {100 * found.majority:.1f} %)"
    )
    show.print(f"expected calibration error {100 * found.calibration_error:.1f} %, mean cross entropy {found.loss:.3f}")


def place_of(trained: str, cell: str | None) -> tuple[Path, int | None]:
    """The folder or file, and the index of the cell where one is named; a cell alone is one in runs/CELL."""
    place = Path(trained)
    if place.exists() or place.suffix:
        return place, None if cell is None else parse_cell(cell)
    with suppress(CellError):
        if cell is None:
            return Path("runs") / str(parse_cell(trained)), None
    raise DataNotFoundError(
        f"there is no folder {place}, and no cell is called so; name the folder of a run or of a training, or a file "
        "of weights"
    )


def _opened(place: Path, cell: int | None, *, exported: bool = True, device: str = "cpu") -> Classifier:
    """The network that ``find_trained`` finds; SettingError where it is of another cell than the one that was named."""
    from eomoo.analysis.trained import find_trained
    from eomoo.live import load_classifier

    found = load_classifier(find_trained(place, cell, exported=exported), device=device)
    # An ONNX file of 0.1.0 does not tell.
    if cell is not None and found.cell not in (None, cell):
        raise SettingError(
            f"{found.path} is a network of cell {found.cell}, not of cell {cell}: name {found.cell} or no cell, or "
            f"where {cell} was trained"
        )
    return found


def _images(place: Path, data: str | None, options: Options) -> tuple[ImageData | None, str]:
    """The images to check and to measure on; where they are not to be had, None and why."""
    from eomoo.analysis.trained import images_of

    try:
        return images_of(place, data, **parse_options(options)), ""
    except EomooError as error:
        if data is not None:
            raise
        return None, str(error)


def _names(out: Path | None, cells: list[int | None], forms: list[str]) -> dict[tuple[int | None, str], Path | None]:
    """The file of each cell and form; None where the network has to be read for its cell."""
    from eomoo.live.export import FORMS

    wanted = [(k, form) for k in cells for form in forms]
    if out is not None and out.suffix in (".onnx", ".safetensors") and not out.is_dir():
        if len(wanted) > 1:
            raise SettingError(f"{len(wanted)} files do not go into {out}; give a folder")
        right = "." + FORMS[forms[0]][1].rpartition(".")[2]
        if out.suffix != right:
            raise SettingError(f"{forms[0]} is written as {right}, so that {out.with_suffix(right)} would be its name")
        return {wanted[0]: out}
    folder = out or Path()
    return {(k, form): None if k is None else folder / f"{k}{FORMS[form][1]}" for k, form in wanted}


def _told(found: Exported) -> Facts:
    """As plain data, of accuracies what can be compared."""
    sides = {"before": found.before, "after": found.after}
    return {
        **{name: value for name, value in vars(found).items() if name not in sides},
        **{name: side and {"val_micro": side.micro, "val_macro": side.macro} for name, side in sides.items()},
    }


def _show_export(found: Exported) -> None:
    from eomoo.plots import percent

    show, same = console(), found.agreement
    agreed = "" if same is None else f", same class for {percent(same, 1)} of the images"
    size = f"{found.file_size / 1e6:.2f} MB"
    if found.path.suffix == ".onnx":
        size += f", logits differ from PyTorch's by at most {found.difference:.1e} of the largest{agreed}"
    show.print(f"{found.path}: {found.precision}, {size}", soft_wrap=True)
    if found.before is not None and found.after is not None:
        show.print(
            f"  validation micro accuracy {100 * found.before.micro:.2f} % before, "
            f"{100 * found.after.micro:.2f} % after; macro {100 * found.before.macro:.2f} % before, "
            f"{100 * found.after.macro:.2f} % after"
        )
    show.print(
        f"  in PyTorch: weights {found.parameters / 1e6:.2f} MB, "
        f"feature maps of an image {found.peak_activations / 1e6:.2f} MB at most"
    )


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
    from eomoo.images import open_bands
    from eomoo.live import write_map

    if len(places) not in (2, 3):
        raise SettingError(f"name a network and a scene, as in RUN CELL SCENE; got {' '.join(places)}")
    run, *cell, scene = places
    with doing("opening the network"):
        classifier = _opened(*place_of(run, cell[0] if cell else None), device=device)
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
    if without := 1 - done.counts.sum() / prod(done.grid.shape):
        why = "of what they cover, less than half has data in all bands, or values are too large for the network"
        screen.print(f"{100 * without:.1f} % have no class: {why}", soft_wrap=True)
    if not done.grid.transform:
        why = "the scene's file has no transform (from ground control points, gdalwarp makes one)"
        screen.print(f"the map has no place on Earth: {why}", soft_wrap=True)
    screen.print(f"written: {done.classes}, {done.probabilities}, {done.picture}", soft_wrap=True)
