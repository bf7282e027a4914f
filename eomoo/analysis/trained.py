"""Where the trained network lies that a run, a training or a file stands for."""

from __future__ import annotations

import os
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eomoo.analysis.network import CELL, cell_commands
from eomoo.analysis.repeat import card_of
from eomoo.analysis.results import load_results
from eomoo.checks import counted, listed
from eomoo.data.measured_table import is_measured, read_facts
from eomoo.errors import DataNotFoundError, EomooError, SettingError
from eomoo.images import open_data
from eomoo.objectives import LiveBackend
from eomoo.search.problem import CellProblem, get_problem
from eomoo.study.rows import ProblemRow
from eomoo.study.store import STORE_NAME

if TYPE_CHECKING:
    from eomoo.images import ImageData
    from eomoo.live import DataSource

# Cells that an error names.
_SOME = 8
# Folders around a file that may tell of its images: RUN/live/runs/TRAINING/weights-4.pt has the deepest.
_AROUND = 4


def find_trained(place: str | Path, cell: int | None = None, *, exported: bool = True) -> Path:
    """The file of a trained network: weights (.pt) or ONNX, as it was given or of the longest training.

    Args:
        place: A file; a training's folder; the folder of a search (``eomoo run --out``), of a measured table or of ONNX
            files.
        cell: Index of the cell, where the folder has networks of several ones; by default a front's only one.
        exported: Take the file that a search exported where an error keeps its weights from being found.

    Raises:
        DataNotFoundError: (a FileNotFoundError) There is none.
        SettingError: (a ValueError) No cell was named, and the folder has networks of several, or an empty front.
    """
    place = Path(place)
    if place.is_file():
        return place
    if place.suffix in (".pt", ".onnx") and not place.exists():
        raise DataNotFoundError(f"there is no file {place}")
    # By their epochs, as in weights-4+8.pt.
    found = sorted(place.glob("weights-*.pt"), key=lambda path: sum(map(int, re.findall(r"\d+", path.stem))))
    if found:
        return found[-1]
    searched, measured = (place / STORE_NAME).is_file(), (place / "live.sqlite").is_file()
    if not (searched or measured):
        return _of_files(place, cell)
    if searched and not (place / "onnx").is_dir() and load_results(place).problems[0].true_front is not None:
        # All values were known, by a table or by models.
        name = "CELL" if cell is None else cell
        train = f"with {_training(name)}"
        raise DataNotFoundError(f"{place} holds no networks, since its search trained none; train one {train}")
    if cell is None:
        cell = _only_one(place, front_cells(place), searched)
    network = _of_search(place, cell, exported=exported) if searched else _of_trainings(place, cell)
    if network is None:
        others = [k for k in front_cells(place) if k != cell][:_SOME]
        some = f", such as {listed(others)}" if others else ""
        raise DataNotFoundError(
            f"there are no weights of cell {cell} in {place}; name a cell that was trained there{some}, or train it "
            f"with {_training(cell, place if searched else None)}"
        )
    return network


def _training(cell: int | str, searched: Path | None = None) -> str:
    """The command that trains a cell, as a search did where its folder is given, and where it is then found."""
    told = {} if searched is None else dict(cell_commands(load_results(searched).problems[0], str(searched)))
    command = told.get("Train it from the start", f"eomoo train {CELL} --data IMAGES").replace(CELL, str(cell))
    return f"`{command}` and name runs/{cell} in its place"


def _of_files(place: Path, cell: int | None) -> Path:
    """Of a folder of ONNX files alone, as exporting leaves it."""
    files = sorted(place.glob("*.onnx"))
    if not files:
        named = place.name if place.name.isdigit() else "CELL"
        train = _training(named if cell is None else cell)
        raise DataNotFoundError(f"there are no weights in {place}; train one with {train}")
    wanted = [file for file in files if cell is None or file.stem == str(cell)]
    if len(wanted) != 1:
        raise SettingError(f"{place} has {counted(len(files), 'ONNX file')}; name one of them, such as {files[0]}")
    return wanted[0]


def _only_one(place: Path, front: list[int], searched: bool) -> int:
    if searched and not front:
        raise SettingError(f"{place} has evaluated no feasible cell, so that it has no front; name a cell after it")
    if len(front) != 1:
        some = f", such as {listed(front[:_SOME])}" if front else ""
        raise SettingError(f"{place} has networks of several cells; name one of them after it{some}")
    return front[0]


def images_of(place: str | Path, data: str | Path | None = None, **options: Any) -> ImageData:
    """The images that a run's, a measured table's or a training's networks were trained on, or those that are named.

    Args:
        place: As for ``find_trained``; of a file the nearest folder around it tells.
        data: A source as for ``open_data``; None: what the place tells.
        options: For ``open_data``, over those of the training.

    Raises:
        SettingError: (a ValueError) Nothing tells which images.
        DataNotFoundError: (a FileNotFoundError) They are not there, or no longer.
        DataError: (a ValueError) They cannot be used.
    """
    if data is not None:
        return open_data(data, **options)
    place = Path(place)
    around = [place] if place.is_dir() else place.absolute().parents[:_AROUND]
    source = next(filter(None, map(_source_told, around)), None)
    if source is None:
        raise SettingError(f"{place} does not tell which images it was trained on; say it with --data")
    try:
        return replace(source, options={**source.options, **options}).open()
    except DataNotFoundError as error:
        why = f"the images that {place} was trained on are not found; say with --data where they are: {error}"
        raise DataNotFoundError(why) from error


def front_cells(place: str | Path) -> list[int]:
    """The cells of a run's front; none where the place is no run.

    Raises:
        SettingError: (a ValueError) It holds several runs.
    """
    if not (Path(place) / STORE_NAME).is_file():
        return []
    results = load_results(place)
    if len(results.runs) > 1:
        raise SettingError(f"{place} holds {len(results.runs)} runs; name a cell after it")
    return [int(k) for k in results.runs[0].front_cells]


def pose_again(row: ProblemRow, *, constraints: tuple[str, ...] = ()) -> CellProblem:
    """The problem of a stored run, with what was set beside its card, and with further constraints."""
    card = card_of(row)
    if card.endswith(".toml") and not os.path.isfile(card):
        raise DataNotFoundError(f"its problem card is not at {card}; bring it back, or go to the folder in which it is")
    return get_problem(card, constraints=[*row.constraints, *constraints], **row.options)


def _source_told(folder: Path) -> DataSource | None:
    from eomoo.live import DataSource
    from eomoo.live.runs import images_told

    if (folder / STORE_NAME).is_file():
        with closing(pose_again(load_results(folder).problems[0].problem)) as problem:
            live = problem.backends.get("live")
            return live.campaign.source if isinstance(live, LiveBackend) else None
    told = read_facts(folder).get("data", {}) if is_measured(folder) else images_told(folder)
    return DataSource(name=told["source"], options=told.get("options", {})) if told and "source" in told else None


def _of_search(place: Path, cell: int, *, exported: bool) -> Path | None:
    file = place / "onnx" / f"{cell}.onnx"
    try:
        with closing(pose_again(load_results(place).problems[0].problem)) as problem:
            live = problem.backends.get("live")
            found = live.weights(cell) if isinstance(live, LiveBackend) else None
    except EomooError:
        # Such as images that are not here: what was exported is enough to classify others.
        if not exported or not file.is_file():
            raise
        return file
    return found or (file if file.is_file() else None)


def _of_trainings(place: Path, cell: int) -> Path | None:
    from eomoo.live.results import weights_of
    from eomoo.live.store import LiveStore

    rows = [row["result"] for row in LiveStore(place / "live.sqlite").rows("training") if row["cell"] == cell]
    for result in sorted(rows, key=lambda result: -sum(map(int, result["epochs"].split("+")))):
        if (path := weights_of(result)) is not None:
            return path
    return None
