"""Anybody's table of cells, CSV or Parquet: its rows as cell indices, its columns as numbers."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Bools, Facts, Floats, Ints
from eomoo.checks import first_line, lacks_memory, listed, short
from eomoo.data.shares import NEVER_NEGATIVE, check_values
from eomoo.errors import CellError, DataError, EomooError
from eomoo.files import read_unpacked
from eomoo.fronts import Quantity
from eomoo.packages import pandas as pd
from eomoo.packages import require
from eomoo.space import Cell, load_space
from eomoo.space.cell import N_GENES

_CSV, _PARQUET = (".csv", ".csv.gz"), (".parquet", ".pq")
TABLE_ENDINGS = (*_CSV, *_PARQUET)
"""What the name of anybody's table ends in."""
# A matrix of 7 x 7 and 7 operations need less than 400 characters in any style.
_MOST_TEXT = 2000
# 423,624 rows of 26 genes, a hash and ten values of 20 characters are 120 MB of text; ten repeats of each
# cell are more rows than anybody has measured.
MOST_BYTES, _MOST_ROWS = 128 << 20, 4_236_240
# A table with cells in its columns has more.
_MOST_COLUMNS = 5_000
_GENOTYPE = re.compile(rf"[\[(]?\s*[0-9](?:[\s,;]*[0-9]){{{N_GENES - 1}}}\s*[\])]?")

_NOT_UTF8 = "its text is not UTF-8; save it as that"
_WITH_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*", re.ASCII)
# Thousands apart: "1,234.5", "1.234.567", "1'234", "1 234,5" with any of Unicode's blanks.
_APART = re.compile(r"[-+]?\d{1,3}([,.'\u2019\s]\d{3})+([.,]\d+)?")
# "3.2 ms", "71 %".
_WITH_UNIT = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?(\s+[^\W\d]\S{0,9}|\s*%)")
# "\u22120.61" with a minus of print, "0.61\u00b10.02", "0.61*", "3.2ms": no name, date or version.
_WITH_MARKS = re.compile(r"[^\w\s]?\d+\.\d+([^\d.].{0,12})?")
# A choice: more words than this share make a column one of words.
_FEW = 0.1
# Squares of larger numbers, as in variances, are none that a computer holds, nor are those of its inverse.
MOST = 1e150
"""What values are below in size, and above whose inverse the largest of them is."""
_FAILURES = {"oom", "out of memory", "diverged", "failed", "failure", "error", "timeout", "killed", "crashed"}
# What is told of the same rounds as the latency has no mark of its own.
_MARKED_AS = {"energy": "latency"}
# As pandas and people write a mark.
_AS_NUMBERS = {"true": "1", "yes": "1", "false": "0", "no": "0"}
# Of an incident the machine is to blame, not the cell.
_NO_FAILURES = {"", "ok", "done", "success", "finished", "complete", "completed", "incident"}


@dataclass(frozen=True, kw_only=True)
class UserTable:
    """What a file says of its cells.

    Attributes:
        indices: (n,) int64 of the cells in the order of the rows, a cell once for each measurement.
        columns: Values (n,) float64 by name; NaN where there is none.
        failed: (n,) bool by name, where there is none because the measurement failed.
        disturbed: (n,) bool by name, where a column NAME_disturbed says that something disturbed the measurement.
    """

    indices: Ints
    columns: dict[str, Floats]
    failed: dict[str, Bools]
    disturbed: dict[str, Bools]


def read_user_table(
    path: str | Path,
    columns: Iterable[str],
    *,
    status: str | None = None,
    quantities: Mapping[str, Quantity] | None = None,
) -> UserTable:
    """Read the cells and the named columns of a CSV or Parquet file.

    A row names its cell by the column ``index``, by ``hash`` (NAS-Bench-101 hash), by ``genotype`` (26
    integers, separated by spaces, commas or nothing), or by ``matrix`` and ``ops`` (lists as JSON or
    Python writes them, or lists in Parquet). Cells are matched up to isomorphism, so any member of a
    class will do. Where a row names its cell in several ways, they have to agree.

    A value may be empty: nothing was measured. It may be a failure's name (OOM, out of memory, diverged,
    failed, failure, error, timeout, killed, crashed, in any case), or empty in a row whose status is
    neither empty nor ok, done, success, finished, complete, completed or incident: the measurement failed.

    Args:
        path: A file that ends in .csv, .csv.gz, .parquet or .pq.
        columns: Names of the columns that hold the values.
        status: Name of the column that says how a row's measurement ended; by default "status", where there is one.
        quantities: What is known of columns, by name: values are looked at as of that unit.

    Raises:
        DataError: A column is missing or holds nothing, or a row is no valid cell or has another value, or one that
            cannot be; rows are counted from 1 without the header.
        MissingPackageError: Parquet is read by pyarrow, which is not installed.
    """
    path = Path(path)
    frame = read_frame(path)
    wanted = list(dict.fromkeys(columns))
    for name in [*wanted, *([] if status is None else [status])]:
        if name not in frame.columns:
            raise DataError(f"{path} has no column {name!r}; its columns are {listed(frame.columns)}")
    if frame.empty:
        raise DataError(f"{path} has no rows")
    indices = cells_of(frame, path)
    ended = ended_badly(frame, "status" if status is None else status)
    known: dict[str, Facts] = {name: {"unit": q.unit, "title": q.title} for name, q in (quantities or {}).items()}
    read = {name: numbers_of(frame[name], name, path, ended, **known.get(name, {})) for name in wanted}
    return UserTable(
        indices=indices,
        columns={name: values for name, (values, _) in read.items()},
        failed={name: failed for name, (_, failed) in read.items()},
        disturbed={name: disturbed_in(frame, f"{_MARKED_AS.get(name, name)}_disturbed", path) for name in wanted},
    )


def disturbed_in(frame: pd.DataFrame, mark: str, path: Path) -> Bools:
    """Values (n,) that something disturbed, by the column that marks them; False where there is none."""
    if mark not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    marks, _ = numbers_of(_texts(frame[mark]).replace(_AS_NUMBERS), mark, path, none_is_fine=True)
    return np.asarray(np.nan_to_num(marks) > 0)


def ended_badly(frame: pd.DataFrame, status: str = "status") -> Bools:
    """Whether each row's (n,) measurement failed, by a column of that name; False where there is none."""
    if status not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return ~_texts(frame[status]).isin(_NO_FAILURES).to_numpy(dtype=bool)


def read_frame(path: Path) -> pd.DataFrame:
    """A CSV file's table as texts, a Parquet file's with its own types; DataError where it is none."""
    name = path.name.lower()
    if not name.endswith(TABLE_ENDINGS):
        raise DataError(f"{path} is no kind of table that is known here; save it as .csv, with commas, or as .parquet")
    # Read at once, so that neither a pipe nor an archive of zeros is waited for or unpacked without end.
    content = read_unpacked(path, max_size=MOST_BYTES)
    try:
        if name.endswith(_PARQUET):
            return _read_parquet(content, path)
        if b"\n" not in content:
            # Lines as spreadsheets on a Macintosh end them.
            content = content.replace(b"\r", b"\n")
        if not content.strip():
            raise ValueError("it is empty")
        header = content.partition(b"\n")[0]
        if b"\x00" in header:
            raise ValueError(_NOT_UTF8)
        for separator in (b";", b"\t", b"|"):
            # As spreadsheets write it where numbers have commas; guessed, 1,234 might be either number.
            if separator in header.partition(b",")[0]:
                kind = f"columns are separated by {separator.decode()!r}"
                raise ValueError(f"{kind}; save it with commas between them, and points within numbers")
        names = [
            name.strip() for name in next(csv.reader([header.decode("utf-8-sig").strip()], skipinitialspace=True), [])
        ]
        _check_width(len(names))
        if twice := [name for name, n in Counter(names).items() if name and n > 1]:
            # pandas would give the second another name.
            raise ValueError(f"column {short(twice[0])} stands there twice; give each a name of its own")
        with warnings.catch_warnings():
            # pandas only warns of rows that are longer than the header, and drops their end.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            text = pd.read_csv(
                io.BytesIO(content), dtype=str, keep_default_na=False, index_col=False, skipinitialspace=True
            ).fillna("")
        text.columns = text.columns.str.strip()
        for column, values in text.items():
            odd = values[values.str.contains(",", regex=False)]
            # Taken for words, such a column would be left out in silence.
            if len(odd) and odd.str.fullmatch(_WITH_COMMA).all() and _all_numbers(values.drop(odd.index)):
                raise ValueError(f"column {short(column)} has commas within numbers, {odd.iloc[0]!r}; write points")
        return text
    except (ValueError, OSError, EOFError, csv.Error, pd.errors.ParserWarning) as error:
        if isinstance(error, pd.errors.ParserError) and lacks_memory(error):
            raise MemoryError(first_line(error)) from error
        kind = "CSV" if name.endswith(_CSV) else "Parquet"
        why = _NOT_UTF8 if isinstance(error, UnicodeDecodeError) else first_line(error)
        if isinstance(error, pd.errors.ParserWarning):
            why = "its rows have more values than its first row has names; write points, not commas, within numbers"
        raise DataError(f"{path} is no readable {kind} file: {why}") from None


def _check_width(n: int) -> None:
    if n > _MOST_COLUMNS:
        raise ValueError(f"it has {n:,} columns of at most {_MOST_COLUMNS:,}; cells are its rows")


def _read_parquet(content: bytes, path: Path) -> pd.DataFrame:
    """A Parquet file's table, after its own word on how large it is."""
    parquet = require("pyarrow.parquet", purpose=f"to read {path} (CSV needs nothing)")
    with parquet.ParquetFile(io.BytesIO(content)) as file:
        groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > MOST_BYTES or file.metadata.num_rows > _MOST_ROWS:
            raise DataError(f"{path} unpacks to more than the {MOST_BYTES} bytes that a table can have")
        _check_width(file.metadata.num_columns)
        # What pandas noted of its own types is not needed, and may be damaged; an index is a column like others.
        table = file.read().replace_schema_metadata(None)
    table.validate(full=True)
    frame: pd.DataFrame = table.to_pandas()
    return frame[[name for name in frame.columns if not str(name).startswith("__index_level_")]]


def cells_of(frame: pd.DataFrame, path: Path, *, called: Iterable[str] = ()) -> Ints:
    """The cells (n,) that the rows of a frame name, in any of the ways of ``read_user_table``.

    An error lists its columns as the file calls them, where that is said.
    """
    ways: dict[str, tuple[tuple[str, ...], Callable[..., Ints]]] = {
        "index": (("index",), _by_index),
        "hash": (("hash",), lambda path, hashes: _batch_or_row(path, hashes, load_space().find)),
        "genotype": (("genotype",), _by_genotype),
        "matrix and ops": (("matrix", "ops"), _by_graph),
    }
    given = {way: keys for way, (keys, _) in ways.items() if all(key in frame.columns for key in keys)}
    # Rows of two tables put together may name their cells in a way each.
    told = {way: np.any([_texts(frame[key]) != "" for key in keys], axis=0) for way, keys in given.items()}
    given = {way: keys for way, keys in given.items() if told[way].any()} or given
    found: dict[str, Ints] = {}
    for way, keys in given.items():
        there = told[way] if len(given) > 1 else np.ones(len(frame), dtype=bool)
        columns = [frame[key].tolist() for key in keys]
        if not there.all():
            # Another's cell stands in for one that is not told, so that errors have their rows.
            columns = [[values[k if there[k] else there.argmax()] for k in range(len(there))] for values in columns]
        found[way] = np.where(there, ways[way][1](path, *columns), -1)
    if not found:
        raise DataError(
            f"{path} does not say which cell a row is: it needs a column 'index', or 'hash', or 'genotype', "
            f"or 'matrix' and 'ops'; its columns are {listed(called or frame.columns)}"
        )
    (first, indices), *others = found.items()
    for way, other in others:
        for row in np.flatnonzero((indices != other) & (indices >= 0) & (other >= 0)):
            raise _error(path, int(row), f"{first} and {way} name different cells")
        indices = np.where(indices < 0, other, indices)
    for row in np.flatnonzero(indices < 0):
        raise _error(path, int(row), f"it names no cell: {listed(given)} are empty")
    return indices


# Far above any cell's, and what an integer holds.
_ANY_INDEX = 1e15


def _by_index(path: Path, values: list[object]) -> Ints:
    def decode(some: list[object]) -> Ints:
        numbers = np.array([_number(value) for value in some])
        if not ((numbers == np.floor(numbers)) & (np.abs(numbers) < _ANY_INDEX)).all():
            raise DataError(f"an index is a whole number, not {short(some[0])}")
        return load_space().check(numbers.astype(np.int64))

    return _batch_or_row(path, values, decode)


def _by_genotype(path: Path, texts: list[object]) -> Ints:
    digits = []
    for row, text in enumerate(texts):
        joined = text if isinstance(text, str) else " ".join(map(str, _as_list(text)))
        if not _GENOTYPE.fullmatch(joined.strip()):
            raise _error(path, row, f"the genotype is {N_GENES} digits, not {short(joined)}")
        digits.append(re.sub(r"\D", "", joined, flags=re.ASCII))
    genotypes = np.frombuffer("".join(digits).encode(), dtype=np.uint8).reshape(-1, N_GENES) - ord("0")
    return _indices_of(path, genotypes)


def _by_graph(path: Path, matrices: list[object], ops: list[object]) -> Ints:
    genotypes = np.empty((len(matrices), N_GENES), dtype=np.int64)
    for row, (matrix, names) in enumerate(zip(matrices, ops, strict=True)):
        try:
            genotypes[row] = Cell(_from_text(matrix), _from_text(names)).genotype()
        except CellError as error:
            raise _error(path, row, str(error)) from None
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
            raise _error(path, row, f"matrix and ops are lists: {first_line(error)}") from None
    return _indices_of(path, genotypes)


def _indices_of(path: Path, genotypes: NDArray[np.integer]) -> Ints:
    indices, violation = load_space().decode(genotypes)
    for row in np.flatnonzero(indices < 0).tolist():
        genes = " ".join(map(str, genotypes[row]))
        if violation[row] > 21:
            why = "edges are 0 or 1, operations 0, 1 or 2"
        else:
            why = "its input and output are not connected, or it keeps more than 9 edges after pruning"
        raise _error(path, row, f"the genotype {genes} is no cell of the space: {why}")
    return np.asarray(indices, dtype=np.int64)


def _batch_or_row(path: Path, values: list[object], decode: Callable[[list[Any]], Ints]) -> Ints:
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


def _texts(column: pd.Series) -> pd.Series[str]:
    """Values as they are compared with words; "" where there is none."""
    return column.astype(object).where(column.notna(), "").astype(str).str.strip().str.lower()


def numbers_of(
    column: pd.Series,
    name: str,
    path: Path,
    ended: Bools | None = None,
    *,
    none_is_fine: bool = False,
    unit: str = "",
    title: str = "",
) -> tuple[Floats, Bools]:
    """Values (n,), and where they are missing because a measurement failed; unit and title as ``check_values``."""
    values, failed = _numbers_of(column, name, path, ended, none_is_fine=none_is_fine)
    check_values(values, name, path, unit=unit, title=title)
    return values, failed


def _numbers_of(
    column: pd.Series, name: str, path: Path, ended: Bools | None = None, *, none_is_fine: bool = False
) -> tuple[Floats, Bools]:
    texts = _texts(column)
    failed, empty = texts.isin(_FAILURES).to_numpy(dtype=bool), (texts == "").to_numpy(dtype=bool)
    values = np.full(len(column), np.nan)
    there = ~(failed | empty)
    try:
        values[there] = column[there].to_numpy(dtype=np.float64)
    except (ValueError, TypeError):
        values[there] = [_number(value) for value in column[there]]
    for row in np.flatnonzero(there & ~(np.abs(values) < MOST)).tolist():
        what = f"{name} is {short(column.iloc[row])}"
        if np.isfinite(values[row]):
            raise _error(path, row, f"{what}, whose square no number holds; give it in a larger unit")
        raise _error(path, row, f"{what}, neither a finite number nor empty nor a failure such as OOM")
    for row in np.flatnonzero(values < 0).tolist() if NEVER_NEGATIVE.fullmatch(name) else ():
        raise _error(path, row, f"{name} is {short(column.iloc[row])}, below 0; leave empty what was not measured")
    if 0 < np.abs(values[there]).max(initial=0) < 1 / MOST:
        raise DataError(f"{path}: {name} holds values whose squares are 0 to a computer; give it in a smaller unit")
    if not (there.any() or none_is_fine):
        raise DataError(f"{path}: the column {name!r} holds no number")
    return values, failed if ended is None else failed | (empty & ended)


def _all_numbers(texts: pd.Series[str]) -> bool:
    """Whether none is a word, but a failure's name."""
    there = texts[~_texts(texts).isin({"", *_FAILURES})]
    return bool(pd.to_numeric(there, errors="coerce").notna().all())


def _number(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError):
        return np.nan


def _from_text(value: object) -> Any:
    if not isinstance(value, str):
        return _as_list(value)
    try:
        return json.loads(value)
    except ValueError:
        # As Python prints lists: with single quotes. Longer than any cell it is none.
        if len(value) > _MOST_TEXT:
            raise
        return ast.literal_eval(value.strip())


def _as_list(value: object) -> list[object]:
    """Nested arrays, as Parquet gives them, as nested lists."""
    if isinstance(value, np.ndarray | list | tuple):
        return [_as_list(v) if isinstance(v, np.ndarray | list | tuple) else v for v in value]
    raise TypeError(f"got {short(value)}")


def _error(path: Path, row: int, what: str) -> DataError:
    return DataError(f"{path}, row {row + 1}: {what}")


# Columns that say which cell a row is, how it was measured, or what is known without measuring it.
_NO_TARGETS = {
    *("index", "hash", "genotype", "matrix", "ops", "status", "reason", "walk", "step", "repeat", "run", "seed"),
    *("id", "epochs", "vertices", "edges", "params", "macs", "thop_macs", "activation_memory"),
    *("feasible", "extrapolated", "basis", "front_probability", "tells_of", "uncertainty_left", "why"),
}
# What is said of another column: its spread, its ends, how it was before it was mended, whether to trust it.
_OF_ANOTHER = re.compile("(.+)_(std|sd|sem|lower|upper|min|max|q1|q3|q25|q75|raw|disturbed|measured|now|unknown)")


def target_columns(frame: pd.DataFrame, *, where: str | Path = "the table") -> list[str]:
    """Names of a table's columns that hold measured numbers, of no single value, and say nothing of other columns."""
    names = [*map(str, frame.columns)]
    found = [name for name in names if _is_target(name, frame[name], names, Path(where))]
    if not found:
        raise DataError(
            f"{where} holds no measured numbers that differ from cell to cell; its columns are {listed(names)}"
        )
    return found


def _is_target(name: str, values: pd.Series[Any], names: list[str], where: Path) -> bool:
    another = _OF_ANOTHER.fullmatch(name)
    if name.lower() in _NO_TARGETS or name.startswith("Unnamed: ") or (another and another[1] in names):
        return False
    try:
        numbers, _ = _numbers_of(values, name, where)
    except DataError:
        # A column of words is no target; of numbers with one mistake, or with units, it would be missed in silence.
        there = values[~_texts(values).isin({"", *_FAILURES})].astype(str).str.strip()
        odd = there[~np.isfinite([_number(value) for value in there])]
        if 2 * len(odd) < len(there):
            raise
        words = odd.index[~np.any([odd.str.fullmatch(p) for p in (_APART, _WITH_UNIT, _WITH_MARKS)], axis=0)]
        if len(words) <= _FEW * len(there):
            # Such as "n/a" among numbers in disguise.
            there, odd = there.drop(words), odd.drop(words)
        if len(odd) and odd.str.fullmatch(_APART).all():
            what, write = "thousands apart within numbers", "digits and one point alone"
        elif len(odd) and there.str.fullmatch(_WITH_UNIT).all():
            unit = short(f"{name} [{odd.iloc[0].lstrip('+-.eE0123456789').strip()}]")
            what, write = "units within numbers", f"numbers alone and the unit in its name, as in {unit}"
        elif len(odd) and odd.str.fullmatch(_WITH_MARKS).all():
            what, write = "more than digits within numbers", "numbers alone"
        else:
            return False
        raise DataError(
            f"{where}: column {short(name)} has {what}, {odd.iloc[0]!r}; write {write}, or say which columns are the "
            "targets"
        ) from None
    if np.nanmin(numbers) < np.nanmax(numbers):
        return True
    warnings.warn(f"{where}: {name} is {np.nanmax(numbers):g} wherever it is told, and is left out", stacklevel=2)
    return False
