"""NAS-Bench-101's table, memory-mapped: every cell, three runs, by index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eomoo.arrays import Floats, Ints
from eomoo.checks import choice, known_name, whole
from eomoo.data.datasets import search_folders
from eomoo.data.nasbench_convert import EPOCHS, METRICS, N_REPEATS, STAGES, column_name
from eomoo.errors import CellError, DataError, DataNotFoundError, SettingError
from eomoo.files import read_array
from eomoo.packages import pandas as pd
from eomoo.space import CIFAR10, Cell, load_space
from eomoo.space.cell import N_GENES
from eomoo.space.enumeration import N_CELLS

FILE_NAMES = ("nasbench_full.npy", "nasbench_only108.npy")
"""Names of the converted files, in the order in which they are looked for."""

Repeat = Literal["mean", "random"] | int | None
Cells = ArrayLike | Cell | Sequence[Cell]


class NASBench101Table:
    """The results of all 423,624 cells on CIFAR-10, three runs each, by cell index.

    Opening maps the file into memory; nothing is read before it is asked for.

    Args:
        path: A file that ``eomoo data convert`` wrote; by default it is looked for (see :func:`find_nasbench101`).

    Attributes:
        path: The file.
        epochs: The numbers of epochs that there are runs of: (108,) or (4, 12, 36, 108).
        columns: Every column, (423624, 3) by cell index and repeat, by names such as
            ``validation_accuracy_108_final``; read-only.

    Source: Ying et al., NAS-Bench-101, ICML 2019.

    Examples:
        >>> table = eomoo.NASBench101Table()  # doctest: +SKIP
        >>> table.columns["validation_accuracy_108_final"][76119].mean()  # doctest: +SKIP
    """

    n_repeats = N_REPEATS

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = find_nasbench101() if path is None else Path(path)
        self.columns: Mapping[str, NDArray[np.floating]] = _map_columns(self.path)
        self.epochs = tuple(e for e in EPOCHS if column_name(METRICS[0], e, STAGES[0]) in self.columns)
        expected = {column_name(m, e, s) for e in self.epochs for m in METRICS for s in STAGES}
        if not self.epochs or set(self.columns) != expected:
            raise _not_ours(self.path)

    def __len__(self) -> int:
        return N_CELLS

    def __repr__(self) -> str:
        return f"NASBench101Table({str(self.path)!r}, epochs={self.epochs})"

    def query(
        self,
        cells: Cells,
        *,
        epochs: int = 108,
        repeat: Repeat = None,
        metric: str | Sequence[str] = "validation_accuracy",
        halfway: bool = False,
        seed: int | np.random.Generator | None = None,
    ) -> Floats:
        """Values of cells.

        Args:
            cells: Indices (n,), hashes, ``Cell`` objects or genotypes (n, 26); or one of them.
            epochs: For how many epochs the networks were trained.
            repeat: None for all three runs, "mean" for their mean, "random" for one of them drawn
                for each cell, or 0, 1 or 2 for the run of that number.
            metric: "training_time" (seconds), "train_accuracy", "validation_accuracy" or
                "test_accuracy" (fractions); or several. Of a random run, all are of the same run.
            halfway: Values after half of the epochs instead of at the end.
            seed: Seed or generator for "random".

        Returns:
            (n,), with one axis more at the end for the three runs (None), and one more after that
            for several metrics; without the first axis for one cell.

        Raises:
            UnknownNameError: (a KeyError) An unknown hash or metric.
            SettingError: (a ValueError) Another number of epochs or repeat, or an index out of range.
            CellError: (a ValueError) A genotype is no cell of the space.
        """
        indices = _indices(cells)
        names = [metric] if isinstance(metric, str) else list(metric)
        columns = [self.column(name, epochs=epochs, halfway=halfway) for name in names]
        runs = _runs_of(repeat, np.shape(indices), seed)
        values = [pick(column, indices, runs) for column in columns]
        return values[0] if isinstance(metric, str) else np.stack(values, axis=-1)

    def column(self, metric: str, *, epochs: int = 108, halfway: bool = False) -> NDArray[np.floating]:
        """One metric of all cells, (423624, 3) by index and repeat, read-only."""
        known_name("metric", metric, METRICS)
        if epochs not in self.epochs:
            there = ", ".join(map(str, self.epochs))
            raise SettingError(f"there are no runs of {epochs} epochs in {self.path}; there are runs of {there}")
        return self.columns[column_name(metric, epochs, STAGES[0 if halfway else 1])]

    def params(self, cells: Cells) -> Ints:
        """Trainable parameters, exact: int64 (n,), or an int for one cell."""
        return load_space().params(_indices(cells), CIFAR10)

    def to_dataframe(self, cells: Cells | None = None, *, epochs: int = 108) -> pd.DataFrame:
        """A row for each cell and repeat.

        Args:
            cells: As for ``query``; all by default.
            epochs: For how many epochs the networks were trained.

        Returns:
            (n * 3) rows: index, hash, epochs, repeat, trainable_parameters, then the metrics under
            the names of NAS-Bench-101's API, such as final_validation_accuracy.
        """
        indices = np.atleast_1d(np.arange(N_CELLS) if cells is None else _indices(cells))
        n = len(indices)
        columns: dict[str, object] = {
            "index": np.repeat(indices, N_REPEATS),
            "hash": np.repeat(np.array(load_space().hash(indices), dtype=object), N_REPEATS),
            "epochs": np.full(n * N_REPEATS, epochs),
            "repeat": np.tile(np.arange(N_REPEATS), n),
            "trainable_parameters": np.repeat(self.params(indices), N_REPEATS),
        }
        for stage in STAGES:
            for metric in METRICS:
                values = self.column(metric, epochs=epochs, halfway=stage == "halfway")
                columns[f"{stage}_{metric}"] = values[indices].ravel()
        return pd.DataFrame(columns)


def find_nasbench101() -> Path:
    """The converted table: in ``EOMOO_DATA``, or the cache, there or in a folder ``nasbench-101``.

    The full table comes before the one of 108 epochs.
    """
    places = [place for name in ("nasbench-101-full", "nasbench-101") for place in search_folders(name)]
    for name in FILE_NAMES:
        for place in dict.fromkeys(places):
            if (place / name).is_file():
                return place / name
    raise DataNotFoundError(
        "NAS-Bench-101's table is not on this machine; get it with `eomoo data get nasbench-101`, convert it "
        "with `eomoo data convert nasbench_only108.tfrecord --out FOLDER`, and set EOMOO_DATA to that folder"
    )


def _map_columns(path: Path) -> dict[str, NDArray[np.floating]]:
    if path.suffix == ".tfrecord" and path.is_file():
        raise DataError(
            f"{path} has to be converted first: eomoo data convert {path.name} --out FOLDER, then open "
            f"FOLDER/{path.stem}.npy"
        )
    try:
        record = read_array(path, mapped=True)
    except DataError:
        raise _not_ours(path) from None
    if record.shape != (1,) or not record.dtype.names:
        raise _not_ours(path)
    columns = {name: np.asarray(record[name][0]) for name in record.dtype.names}
    if any(c.shape != (N_CELLS, N_REPEATS) or c.dtype.kind != "f" for c in columns.values()):
        raise _not_ours(path)
    return columns


def _not_ours(path: Path) -> DataError:
    return DataError(
        f"{path} is not a table that `eomoo data convert` wrote from NAS-Bench-101's file, or is damaged; "
        "convert the file again"
    )


def _indices(cells: Cells) -> Ints:
    if isinstance(cells, Cell):
        return np.asarray(load_space().index(cells), dtype=np.int64)
    if isinstance(cells, str):
        return np.asarray(load_space().find([cells])[0])
    if isinstance(cells, list | tuple) and cells and isinstance(cells[0], str | Cell):
        return load_space().find(cell.hash if isinstance(cell, Cell) else cell for cell in cells)
    array = np.asarray(cells)
    if array.ndim == 2 and array.shape[1] == N_GENES:
        indices = load_space().index(array)
        if (indices < 0).any():
            raise CellError(f"genotype {int(np.argmin(indices))} is no cell of the space")
        return np.asarray(indices, dtype=np.int64)
    # The space is not needed for indices, so opening the table and asking stays quick.
    if array.size and (array.ndim > 1 or array.dtype.kind not in "iu"):
        raise SettingError(
            f"cells are given as indices, hashes, Cells or genotypes (n, {N_GENES}); got {array.dtype} "
            f"values of shape {array.shape}"
        )
    for bad in array[(array < 0) | (array >= N_CELLS)].flat:
        raise SettingError(f"no cell has the index {bad}; indices run from 0 to {N_CELLS - 1:,}")
    return array.astype(np.int64)


def pick(column: NDArray[np.floating], cells: Ints, repeat: Ints | Literal["mean"] | None) -> Floats:
    """Values of cells out of a column (423624, 3): all runs (None), their mean, or a run of each cell."""
    if isinstance(repeat, np.ndarray):
        return np.asarray(column.reshape(-1).take(cells * N_REPEATS + repeat), dtype=np.float64)
    # take gathers whole rows, which indexing does several times slower.
    runs = np.asarray(column.take(cells, axis=0), dtype=np.float64)
    return runs if repeat is None else (runs[..., 0] + runs[..., 1] + runs[..., 2]) / N_REPEATS


def _runs_of(
    repeat: Repeat, shape: tuple[int, ...], seed: int | np.random.Generator | None
) -> Ints | Literal["mean"] | None:
    """The runs that are asked for, as ``pick`` takes them."""
    if repeat is None or repeat == "mean":
        return repeat
    if repeat == "random":
        return np.asarray(np.random.default_rng(seed).integers(N_REPEATS, size=shape))
    if isinstance(repeat, str):
        choice("repeat", repeat, ("mean", "random"))
    return np.full(shape, whole("repeat", repeat, least=0, most=N_REPEATS - 1))
