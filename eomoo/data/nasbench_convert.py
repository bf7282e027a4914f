"""NAS-Bench-101's TFRecord files as one columnar file: every record checked, all columns by cell index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Floats, Ints
from eomoo.data.nasbench_batches import Batch, decode_batch
from eomoo.data.tfrecord import Block, read_blocks, record_error
from eomoo.errors import DataError
from eomoo.files import atomic_path, read_head
from eomoo.jobs import worked_ahead
from eomoo.packages import pandas as pd
from eomoo.space import CIFAR10, load_space
from eomoo.space.enumeration import N_CELLS

METRICS = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
# Names, runs of a cell and numbers of epochs are those of the published files (Ying et al., ICML 2019).
STAGES = ("halfway", "final")
N_REPEATS = 3
EPOCHS = (4, 12, 36, 108)
# Seconds, three years: more than any training takes, less than one of half an hour in microseconds.
_LONGEST = 1e8
_TITLES = {
    "training_time": ("s", "training time"),
    "train_accuracy": ("fraction", "accuracy on 10,000 images of the training set"),
    "validation_accuracy": ("fraction", "validation accuracy"),
    "test_accuracy": ("fraction", "test accuracy"),
}
Progress = Callable[[int, int], None]


def column_name(metric: str, epochs: int, stage: str) -> str:
    """Name of a column of the converted file, such as ``validation_accuracy_108_final``."""
    return f"{metric}_{epochs}_{stage}"


NB101_COLUMNS: dict[str, tuple[str, str]] = {
    column_name(metric, epochs, stage): (
        unit,
        f"{title} {'after half' if stage == 'halfway' else 'at the end'} of a training of {epochs} epochs; "
        "by cell index and run",
    )
    for epochs in EPOCHS
    for stage in STAGES
    for metric, (unit, title) in _TITLES.items()
}
"""Unit and meaning of each column that a converted file can have."""


def looks_like_nasbench101(path: Path) -> bool:
    """Whether a file begins as a TFRecord file of NAS-Bench-101 does."""
    head = read_head(path, 15)
    return len(head) == 15 and head[2:8] == bytes(6) and head[12:14] == b'["'


def convert_nasbench101(
    source: str | Path,
    target: str | Path,
    *,
    complete: bool = True,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> tuple[int, ...]:
    """Convert ``nasbench_only108.tfrecord`` or ``nasbench_full.tfrecord``.

    Every checksum is compared; each record's adjacency, operations, hash and parameters have to agree
    with the space, accuracies to lie in 0 to 1, and each cell to have three runs of every number of
    epochs. The converted file is a NumPy file with one structured record. Each column is named as by
    :func:`column_name` and holds (423624, 3) values, by cell index and repeat in the file's order:
    float32 where that is exact for all of them, else float64. Nothing is written before all is read.

    Args:
        source: The TFRecord file.
        target: The file to write, or replace; its name ends in ``.npy``.
        complete: Refuse a file that lacks runs; with False, they are NaN.
        progress: Called with the bytes read so far and the size of the file.
        jobs: Number of threads; by default one for each core, at most four.

    Returns:
        The numbers of epochs that were found.
    """
    source, target = Path(source), Path(target)
    if target.suffix != ".npy":
        raise DataError(f"the converted table is a NumPy file; let its name {target.name!r} end in .npy")
    size = source.stat().st_size if source.exists() else 0
    columns = _Columns(source)
    for block, batch, index in _decoded(source, jobs or min(4, os.cpu_count() or 1)):
        columns.add(batch, index)
        if progress is not None:
            progress(block.stop_byte, size)
    if complete:
        columns.check_complete()
    with atomic_path(target) as temporary:
        columns.write(temporary)
    return columns.epochs


def _decoded(source: Path, jobs: int) -> Iterator[tuple[Block, Batch, Ints]]:
    """The file's blocks in their order, with the values in them and their cells; a few are decoded ahead."""
    params = load_space().params(np.arange(N_CELLS), CIFAR10)

    def decode(block: Block) -> tuple[Block, Batch, Ints]:
        block.check()
        batch = decode_batch(source, block.first, block.records())
        return block, batch, _checked_cells(source, batch, params)

    return worked_ahead(decode, read_blocks(source), threads=jobs, ahead=jobs)


def _checked_cells(source: Path, batch: Batch, params_of: Ints) -> Ints:
    """The cells (n,) of records, which are compared with the space, and their values with what is possible."""

    def refuse(wrong: Bools, what: Callable[[int], str]) -> None:
        for k in np.flatnonzero(wrong).tolist():
            raise record_error(source, int(batch.numbers[k]), what(k))

    space = load_space()
    index = space.lookup(batch.masks, batch.codes).astype(np.int64)
    refuse(index < 0, lambda k: "its adjacency and operations are no cell of the space")
    known = np.frombuffer("".join(space.hash(index)).encode(), dtype=np.uint8).reshape(-1, 32)
    params, at = params_of[index], batch.evaluations[..., 0]
    expected = batch.epochs[:, None] * np.array([0.0, 0.5, 1.0])
    # A number of whole steps may fall a little short of a number of epochs.
    far = ~(np.abs(at - expected) <= 0.5 + 0.01 * expected)

    def other_hash(k: int) -> str:
        found, right = (digits.tobytes().decode(errors="replace") for digits in (batch.hashes[k], known[k]))
        return f"its hash {found} is not that of its adjacency and operations, {right}"

    def other_params(k: int) -> str:
        return f"its trainable parameters {batch.params[k]:,} are not those of its cell, {params[k]:,}"

    def other_epochs(k: int) -> str:
        return f"it is of {batch.epochs[k]} epochs, not of {', '.join(map(str, EPOCHS))}"

    def elsewhere(k: int) -> str:
        places = ", ".join(f"{v:g}" for v in at[k])
        return f"its evaluations are at the epochs {places} of {batch.epochs[k]}, not at the start, halfway and the end"

    refuse((known != batch.hashes).any(axis=1), other_hash)
    refuse(params != batch.params, other_params)
    refuse(~np.isin(batch.epochs, EPOCHS), other_epochs)
    refuse(far.any(axis=1), elsewhere)
    times = np.column_stack([batch.evaluations[..., 1], batch.total_times])
    accuracies = batch.evaluations[..., 2:].reshape(len(at), -1)
    for values, most, sentence in (
        (times, _LONGEST, "a time of {} s is out of range"),
        (accuracies, 1, "an accuracy of {} is out of the range 0 to 1"),
    ):
        # So that NaN is out of every range.
        wrong = ~((values >= 0) & (values <= most))
        for k in np.flatnonzero(wrong.any(axis=1)).tolist():
            raise record_error(source, int(batch.numbers[k]), sentence.format(values[k][wrong[k]][0]))
    return index


class _Columns:
    """The columns as they fill up, (423624, 3) each; a column that needs float64 becomes it on the way."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._space = load_space()
        self._runs: dict[int, NDArray[np.uint8]] = {}
        self._values: dict[str, NDArray[np.floating]] = {}

    @property
    def epochs(self) -> tuple[int, ...]:
        """The numbers of epochs found so far, ascending."""
        return tuple(sorted(self._runs))

    def add(self, batch: Batch, index: Ints) -> None:
        """Take the records of a batch, of cells (n,); batches come in the file's order."""
        for epochs in np.unique(batch.epochs).tolist():
            rows = np.flatnonzero(batch.epochs == epochs)
            repeat = self._repeats(epochs, index[rows], batch.numbers[rows])
            for s, stage in enumerate(STAGES, 1):
                for m, metric in enumerate(METRICS, 1):
                    name = column_name(metric, epochs, stage)
                    self._put(name, index[rows], repeat, batch.evaluations[rows, s, m])

    def check_complete(self) -> None:
        """Raise DataError where a cell has fewer runs than three."""
        for epochs in self.epochs:
            short = np.flatnonzero(self._runs[epochs] < N_REPEATS)
            if len(short):
                runs = int(self._runs[epochs][short[0]])
                raise DataError(
                    f"{self._source} is incomplete: {len(short):,} cells lack runs of {epochs} epochs; "
                    f"the first is {self._space.hash(int(short[0]))}, which has {runs} of {N_REPEATS}"
                )

    def write(self, path: Path) -> None:
        """Write the columns as a NumPy file of one structured record."""
        names = [column_name(m, e, s) for e in self.epochs for s in STAGES for m in METRICS]
        kinds = {name: self._values[name].dtype.newbyteorder("<") for name in names}
        kind = np.dtype([(name, kinds[name], (N_CELLS, N_REPEATS)) for name in names])
        header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (1,)}
        with open(path, "wb") as file:
            np.lib.format.write_array_header_2_0(file, header)
            for name in names:
                self._values[name].astype(kinds[name], copy=False).tofile(file)

    def _repeats(self, epochs: int, index: Ints, numbers: Ints) -> Ints:
        """The how-manieth run of its cell each record is, from 0."""
        if epochs not in self._runs:
            self._runs[epochs] = np.zeros(N_CELLS, dtype=np.uint8)
        runs = self._runs[epochs]
        repeat = pd.Series(index).groupby(index).cumcount().to_numpy() + runs[index]
        for k in np.flatnonzero(repeat >= N_REPEATS).tolist():
            name = self._space.hash(int(index[k]))
            what = f"the cell {name} has more than {N_REPEATS} runs of {epochs} epochs"
            raise record_error(self._source, int(numbers[k]), what)
        np.add.at(runs, index, np.uint8(1))
        return repeat

    def _put(self, name: str, index: Ints, repeat: Ints, values: Floats) -> None:
        if name not in self._values:
            self._values[name] = np.full((N_CELLS, N_REPEATS), np.nan, dtype=np.float32)
        if self._values[name].dtype == np.float32 and (values.astype(np.float32) != values).any():
            self._values[name] = self._values[name].astype(np.float64)
        self._values[name][index, repeat] = values
