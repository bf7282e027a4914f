"""Anybody's table of cells, CSV or Parquet: its rows as cell indices, its columns as numbers."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eomoo.errors import CellError, DataError, DataNotFoundError, EomooError, MissingPackageError
from eomoo.space import Cell, load_space
from eomoo.space.cell import N_GENES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_user_table"]

_CSV, _PARQUET = (".csv", ".csv.gz"), (".parquet", ".pq")
_GENOTYPE = re.compile(rf"[\[(]?\s*[0-9](?:[\s,;]*[0-9]){{{N_GENES - 1}}}\s*[\])]?")


def read_user_table(
    path: str | Path, columns: Iterable[str]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Read the cells and the named columns of a CSV or Parquet file.

    A row names its cell by the column ``hash`` (NAS-Bench-101 hash), by ``genotype`` (26 integers,
    separated by spaces, commas or nothing), or by ``matrix`` and ``ops`` (JSON text, or lists in
    Parquet). Cells are matched up to isomorphism, so any member of a class will do. Where a file
    names its cells in several ways, they have to agree.

    Args:
        path: A file that ends in .csv, .csv.gz, .parquet or .pq.
        columns: Names of the columns that hold the values.

    Returns:
        Indices (n,) int64 of the cells in the order of the rows, and each column as (n,) float64.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: The file cannot be read or lacks a column, a row is no valid cell, two rows are
            the same cell, or a value is no finite number; the text names file and row, counted from
            1 without the header.
        MissingPackageError: Parquet is read by pyarrow, which is not installed.
    """
    path = Path(path)
    frame = _read_frame(path)
    wanted = list(dict.fromkeys(columns))
    for name in wanted:
        if name not in frame.columns:
            raise DataError(f"{path} has no column {name!r}; its columns are {_listed(list(frame.columns))}")
    if frame.empty:
        raise DataError(f"{path} has no rows")
    indices = _cells(frame, path)
    _refuse_duplicates(indices, path)
    return indices, {name: _numbers(frame[name], name, path) for name in wanted}


def _read_frame(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        raise DataNotFoundError(f"there is no file {path}")
    try:
        if path.name.lower().endswith(_PARQUET):
            return pd.read_parquet(path)
        if path.name.lower().endswith(_CSV):
            with warnings.catch_warnings():
                # pandas only warns of rows that are longer than the header, and drops their end.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                text = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
            return text.fillna("")
    except ImportError:
        raise MissingPackageError(
            f'reading {path} needs pyarrow: pip install "eomoo[parquet]"; CSV needs nothing'
        ) from None
    except (ValueError, OSError, EOFError, pd.errors.ParserWarning) as error:
        kind = "CSV" if path.name.lower().endswith(_CSV) else "Parquet"
        raise DataError(f"{path} is no readable {kind} file: {_first_line(error)}") from None
    raise DataError(f"{path} is no kind of table that is known here; name it .csv or .parquet")


def _cells(frame: pd.DataFrame, path: Path) -> NDArray[np.int64]:
    ways: dict[str, tuple[tuple[str, ...], Callable[..., NDArray[np.int64]]]] = {
        "hash": (("hash",), _by_hash),
        "genotype": (("genotype",), _by_genotype),
        "matrix and ops": (("matrix", "ops"), _by_graph),
    }
    found: dict[str, NDArray[np.int64]] = {}
    for way, (keys, decode) in ways.items():
        if all(key in frame.columns for key in keys):
            found[way] = decode(path, *(frame[key].tolist() for key in keys))
    if not found:
        raise DataError(
            f"{path} does not say which cell a row is: it needs a column 'hash', or 'genotype', or 'matrix' "
            f"and 'ops'; its columns are {_listed(list(frame.columns))}"
        )
    (first, indices), *others = found.items()
    for way, other in others:
        if (indices != other).any():
            row = int(np.flatnonzero(indices != other)[0])
            raise _error(path, row, f"{first} and {way} name different cells")
    return indices


def _by_hash(path: Path, hashes: list[Any]) -> NDArray[np.int64]:
    return _batch_or_row(path, hashes, load_space().find)


def _by_genotype(path: Path, texts: list[Any]) -> NDArray[np.int64]:
    digits = []
    for row, text in enumerate(texts):
        joined = text if isinstance(text, str) else " ".join(map(str, _as_list(text)))
        if not _GENOTYPE.fullmatch(joined.strip()):
            raise _error(path, row, f"the genotype is {N_GENES} digits, not {_short(joined)}")
        digits.append(re.sub(r"\D", "", joined, flags=re.ASCII))
    genotypes = np.frombuffer("".join(digits).encode(), dtype=np.uint8).reshape(-1, N_GENES) - ord("0")
    return _indices_of(path, genotypes)


def _by_graph(path: Path, matrices: list[Any], ops: list[Any]) -> NDArray[np.int64]:
    genotypes = np.empty((len(matrices), N_GENES), dtype=np.int64)
    for row, (matrix, names) in enumerate(zip(matrices, ops, strict=True)):
        try:
            genotypes[row] = Cell(_from_json(matrix), _from_json(names)).genotype()
        except CellError as error:
            raise _error(path, row, str(error)) from None
        except (ValueError, TypeError) as error:
            raise _error(path, row, f"matrix and ops are JSON lists: {_first_line(error)}") from None
    return _indices_of(path, genotypes)


def _indices_of(path: Path, genotypes: NDArray[Any]) -> NDArray[np.int64]:
    indices, violation = load_space().decode(genotypes)
    if (indices < 0).any():
        row = int(np.flatnonzero(indices < 0)[0])
        genes = " ".join(map(str, genotypes[row]))
        if violation[row] > 21:
            why = "edges are 0 or 1, operations 0, 1 or 2"
        else:
            why = "its input and output are not connected, or it keeps more than 9 edges after pruning"
        raise _error(path, row, f"the genotype {genes} is no cell of the space: {why}")
    return np.asarray(indices, dtype=np.int64)


def _batch_or_row(
    path: Path, values: list[Any], decode: Callable[[list[Any]], NDArray[np.int64]]
) -> NDArray[np.int64]:
    """``decode`` of all values; where that fails, the error of the first value that fails alone."""
    try:
        return decode(values)
    except EomooError:
        for row, value in enumerate(values):
            try:
                decode([value])
            except EomooError as error:
                raise _error(path, row, str(error)) from None
        raise


def _refuse_duplicates(indices: NDArray[np.int64], path: Path) -> None:
    order = np.argsort(indices, kind="stable")
    repeats = np.flatnonzero(np.diff(indices[order]) == 0)
    if len(repeats):
        at = repeats[np.argmin(order[repeats + 1])]
        first, second = order[at], order[at + 1]
        name = load_space().hash(int(indices[first]))
        raise _error(path, int(second), f"this cell is the same as row {first + 1} (hash {name})")


def _numbers(column: pd.Series[Any], name: str, path: Path) -> NDArray[np.float64]:
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        values = np.array([_number(value) for value in column])
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise _error(path, row, f"{name} is {_short(column.iloc[row])}, not a finite number")
    return values


def _number(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError):
        return np.nan


def _from_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else _as_list(value)


def _as_list(value: Any) -> list[Any]:
    """Nested arrays, as Parquet gives them, as nested lists."""
    if isinstance(value, np.ndarray | list | tuple):
        return [_as_list(v) if isinstance(v, np.ndarray | list | tuple) else v for v in value]
    raise TypeError(f"got {_short(value)}")


def _error(path: Path, row: int, what: str) -> DataError:
    return DataError(f"{path}, row {row + 1}: {what}")


def _listed(columns: Sequence[object]) -> str:
    names = [str(column) for column in columns]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _short(value: Any) -> str:
    text = "empty" if isinstance(value, str) and not value else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _first_line(error: Exception | Warning) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
