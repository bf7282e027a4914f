"""What must hold between the files of the EO HW-NAS table, and between them and the space."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from eomoo.data.eo_files import LATENCY_FILE, MACRO_FILE, MACS_FILE, MICRO_FILE, Measured, Trained, WalkCell
from eomoo.errors import CellError, DataError
from eomoo.space import Cell, load_space

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_record", "check_same_cells", "check_walks", "column_digests", "differing_columns"]

_N_WALKS, _WALK_LENGTH = 30, 15

# First half of the SHA-256 of each published column (see `column_digests`). Unlike the checksums of
# the files they also hold for files that were saved anew.
_PUBLISHED = {
    "index": "e44b687cbb33e42be93be0252b643937",
    "train_micro": "c6b7c0fdd72fea3ea9a1e9239f22f9d6",
    "val_micro": "1d978f8d39398253cb4a0ae05b6384c2",
    "test_micro": "702680f18ad764f94c22a33d4363dabd",
    "train_macro": "32b726acd768f56f731c275f8fa031de",
    "val_macro": "b64e28a93c6aeb9ac67ebb9b9d1268a6",
    "test_macro": "d5823d20eb6731f7d5dac807b44d117f",
    "latency": "fc7599bacb1ad7f1cd9f7e363476e7a4",
    "latency_std": "1e2128459a61398f85d8fa43b537cf76",
    "train_time": "03fa3f15214ef47ae7bb8548f4938000",
    "params": "8e9425447ff975fbc2b2f5bd68d3ea61",
    "checkpoint_size": "b9af0faee6a408d343f2faf2efa00d97",
    "published_macs_field_params": "a510a1879112dbde4c06facfcd85b733",
}


def check_walks(cells: Sequence[WalkCell], path: Path) -> None:
    """Check that there are 30 walks of 15 cells, each of them the cell of the space with that id.

    Raises:
        DataError: The text names the walk and step, and what disagrees: the hash, or the adjacency
            and operations.
    """
    lengths = np.bincount([cell.walk for cell in cells])
    if len(lengths) != _N_WALKS:
        raise DataError(f"{path} holds {len(lengths)} walks; the published table has {_N_WALKS}")
    for walk, length in enumerate(lengths):
        if length != _WALK_LENGTH:
            raise DataError(f"{path}: walk {walk} has {length} cells; each published walk has {_WALK_LENGTH}")
    space = load_space()
    for cell in cells:
        where = f"{path}: walk {cell.walk}, step {cell.step}"
        official = space.hash(cell.index)
        if official != cell.hash:
            raise DataError(f"{where} has the id {cell.index}, whose hash is {official}, not {cell.hash}")
        try:
            drawn = Cell(cell.spec.matrix, cell.spec.ops)
        except CellError as error:
            raise DataError(f"{where} is no cell of the space: {error}") from error
        if space.index(drawn.genotype()) != cell.index or drawn.n_vertices != len(cell.spec.ops):
            raise DataError(f"{where} has adjacency and operations of another cell than {cell.index}")


def check_same_cells(
    found: Collection[object], wanted: Sequence[object], path: Path, prefix: str = ""
) -> None:
    """Check that a file has a record for each cell of the walks, and no other.

    Args:
        found: Keys of the file's records.
        wanted: Keys that it should have.
        path: The file.
        prefix: What stands before a key in the file.

    Raises:
        DataError: The text names the first record that is missing or too many.
    """
    for key in wanted:
        if key not in found:
            raise DataError(f"{path} lacks the record {prefix}{key}")
    for key in set(found) - set(wanted):
        raise DataError(f"{path} holds the record {prefix}{key}, which is in none of the walks")


def check_record(cell: WalkCell, measured: Measured, runs: Mapping[Path, Trained]) -> None:
    """Check that what several files say about one cell is the same.

    Args:
        cell: From the walks.
        measured: From the test results.
        runs: From each of the four pickles, by path.

    Raises:
        DataError: The text names file and record.
    """
    first_time = next(iter(runs.values())).train_time
    for path, run in runs.items():
        if run.spec != cell.spec:
            _contradicts(path, cell, "adjacency and operations", "the walks")
        if run.params != measured.params:
            _contradicts(path, cell, "the number of parameters", "the test results")
        if run.train_time != first_time:
            _contradicts(path, cell, "the training time", next(iter(runs)).name)
        if run.test not in _expected_test_values(path.name, measured):
            _contradicts(path, cell, "final_test_accuracy", "the test results")
        if path.name in (LATENCY_FILE, MACS_FILE) and not run.train == run.val == run.test:
            _contradicts(
                path, cell, "final_train_accuracy and final_validation_accuracy", "final_test_accuracy"
            )


def column_digests(table: pd.DataFrame) -> dict[str, str]:
    """A checksum of each numeric column of the table, over its values as 64-bit numbers, in row order."""
    digests = {}
    for name in _PUBLISHED:
        values = table[name].to_numpy()
        wide = values.astype("<f8" if values.dtype.kind == "f" else "<i8")
        digests[name] = hashlib.sha256(wide.tobytes()).hexdigest()[:32]
    return digests


def differing_columns(table: pd.DataFrame) -> list[str]:
    """Names of the columns whose values are not the published ones."""
    return [name for name, digest in column_digests(table).items() if digest != _PUBLISHED[name]]


def _expected_test_values(name: str, measured: Measured) -> tuple[float, ...]:
    """What a pickle stores as the test accuracy, by the pickle's name."""
    if name == MICRO_FILE:
        return (measured.test_micro,)
    if name == MACRO_FILE:
        return (measured.test_macro,)
    if name == LATENCY_FILE:
        return (measured.latency,)
    # The letter that says millions or thousands was lost in the pickle.
    unit = 1_000_000 if measured.macs_field >= 1_000_000 else 1_000
    return (measured.macs_field / unit,)


def _contradicts(path: Path, cell: WalkCell, what: str, other: str) -> NoReturn:
    raise DataError(f"{path}: record {cell.hash} contradicts {other} in {what}")
