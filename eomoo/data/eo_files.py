"""The three kinds of file of the EO HW-NAS table, each read into checked records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eomoo.data.pickles import read_pickle
from eomoo.files import Place, read_json

__all__ = ["Measured", "Spec", "Trained", "WalkCell", "read_database", "read_measured", "read_walks"]

WALKS_FILE = "path_logs.json"
MEASURED_FILE = "test_results_sampled_all_paths.json"
MICRO_FILE = "database_pickle_micro.pickle"
MACRO_FILE = "database_pickle_macro.pickle"
LATENCY_FILE = "database_pickle_latency.pickle"
MACS_FILE = "database_pickle_MACs.pickle"

_MAX_SIZE = 16 * 2**20
_N_CELLS = 423_624
_EPOCHS = 108
_HASH = r"[0-9a-f]{32}"
_ARCH = r"arch_(0|[1-9][0-9]{0,5})"
_LONG = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A cell as the files write it: rows of a 0/1 adjacency matrix, and operation names."""

    matrix: tuple[tuple[int, ...], ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WalkCell:
    """One cell of a random walk: its published id, hash, walk (0..29) and step (0..14)."""

    index: int
    hash: str
    walk: int
    step: int
    spec: Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Test results of one cell: accuracies as fractions, latency in ms a batch, size in KiB.

    `macs_field` is the published "MACs" brought to single units: the number of *parameters*, rounded.
    """

    test_micro: float
    test_macro: float
    latency: float
    latency_std: float
    params: int
    checkpoint_size: float
    macs_field: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """One cell of a database pickle: three values under accuracy names, training time in seconds.

    In the accuracy pickles the values are fractions. In the latency pickle all three are the latency
    (ms a batch); in the "MACs" pickle all three are the parameters, in millions or in thousands.
    """

    spec: Spec
    params: int
    train: float
    val: float
    test: float
    train_time: float


def read_walks(path: str | Path) -> list[WalkCell]:
    """Read `path_logs.json`: the cells of the random walks, in order.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: The file is damaged or of another kind; the text names walk and step.
    """
    place = Place(read_json(path, max_size=_MAX_SIZE), path)
    cells: list[WalkCell] = []
    first_seen: dict[int, str] = {}
    for walk, steps in enumerate(place.list("walk")):
        for step, record in enumerate(steps.list("step")):
            cell = _walk_cell(record, walk, step)
            if cell.index in first_seen:
                record.fail(f"repeats cell {cell.index} of {first_seen[cell.index]}")
            first_seen[cell.index] = record.where
            cells.append(cell)
    if not cells:
        place.fail("holds no walks")
    return cells


def read_measured(path: str | Path) -> dict[int, Measured]:
    """Read `test_results_sampled_all_paths.json`: test results by cell index.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: The file is damaged or of another kind; the text names the record.
    """
    place = Place(read_json(path, max_size=_MAX_SIZE), path)
    results: dict[int, Measured] = {}
    for key, record in place.items():
        name = Place(key, path, "a record's name").text(_ARCH, 'a text like "arch_100434"')
        index = int(name.removeprefix("arch_"))
        if index >= _N_CELLS:
            record.fail(f"is no cell; ids end at {_N_CELLS - 1}")
        results[index] = _measured(record)
    return results


def read_database(path: str | Path, *, high: float = _LONG) -> dict[str, Trained]:
    """Read one of the four database pickles: what they store, by hash. Nothing in it is executed.

    Args:
        path: The pickle.
        high: The largest possible value under the accuracy names; 1 for accuracies.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: The file is damaged, of another kind or holds anything but plain data; the text
            names the record.
    """
    place = Place(read_pickle(path, max_size=_MAX_SIZE), path)
    trained: dict[str, Trained] = {}
    for key, record in place.items():
        name = Place(key, path, "a record's name").text(_HASH, "a hash of 32 hexadecimal digits")
        trained[name] = _trained(record, high)
    return trained


def _walk_cell(record: Place, walk: int, step: int) -> WalkCell:
    record["step"].integer(step, step)
    return WalkCell(
        index=record["id"].integer(0, _N_CELLS - 1),
        hash=record["unique_hash"].text(_HASH, "a hash of 32 hexadecimal digits"),
        walk=walk,
        step=step,
        spec=_spec(record),
    )


def _measured(record: Place) -> Measured:
    params = record["num_params"].integer(1, int(_LONG))
    return Measured(
        test_micro=record["accuracy"]["micro"].number(0, 1),
        test_macro=record["accuracy"]["macro"].number(0, 1),
        latency=_positive(record["avg_inference_time"]),
        latency_std=record["std_inference_time"].number(0, _LONG),
        params=params,
        checkpoint_size=_positive(record["arch_size"]),
        macs_field=_macs_field(record["MACs"], params),
    )


def _trained(record: Place, high: float) -> Trained:
    parts = record.list("part")
    if len(parts) != 2:
        record.fail("should be a pair of a cell and its results")
    cell, results = parts
    runs = record.at(results.value, "results")[_EPOCHS].list("run")
    if len(runs) != 1:
        record.fail(f"should have one run of {_EPOCHS} epochs, has {len(runs)}")
    values = record.at(runs[0].value, f"{_EPOCHS} epochs")
    return Trained(
        spec=_spec(record.at(cell.value, "cell")),
        params=record.at(cell.value, "cell")["trainable_parameters"].integer(1, int(_LONG)),
        train=values["final_train_accuracy"].number(0, high),
        val=values["final_validation_accuracy"].number(0, high),
        test=values["final_test_accuracy"].number(0, high),
        train_time=_positive(values["final_training_time"]),
    )


def _spec(record: Place) -> Spec:
    ops = record["module_operations"].list("vertex")
    return Spec(
        matrix=_matrix(record["module_adjacency"]),
        ops=tuple(op.text(r"\S{1,40}", "the name of an operation") for op in ops),
    )


def _matrix(place: Place) -> tuple[tuple[int, ...], ...]:
    rows = place.value
    # Places are made only where a fault has to be named: there are thousands of matrices.
    if type(rows) is list and all(
        type(row) is list and all(type(bit) is int and 0 <= bit <= 1 for bit in row) for row in rows
    ):
        return tuple(tuple(row) for row in rows)
    return tuple(tuple(bit.integer(0, 1) for bit in row.list("column")) for row in place.list("row"))


def _macs_field(place: Place, params: int) -> int:
    """The published "MACs" in single units.

    Most rows end in M, the three smallest networks in K; every one is the number of parameters with
    three decimals, because the second value of the profiler's pair (MACs, parameters) was stored.
    """
    text = place.text(r"[0-9]{1,6}\.[0-9]{1,3}[MK]", 'a text like "4.178M" or "777.624K"')
    unit = 1_000_000 if text.endswith("M") else 1_000
    value = round(float(text[:-1]) * unit)
    if abs(value - params) > unit // 1_000:
        place.fail(f"is {text}, but this field holds the {params} parameters of the cell, rounded")
    return value


def _positive(place: Place) -> float:
    value = place.number(0, _LONG)
    if value == 0:
        place.fail("is 0, which cannot be measured")
    return value
