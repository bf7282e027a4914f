"""The three kinds of file of the EO HW-NAS table, each read into a table of checked records; errors name the record."""

from __future__ import annotations

import json
from pathlib import Path

from eomoo.data.pickles import read_pickle
from eomoo.errors import DataError
from eomoo.files import Place, read_json
from eomoo.packages import pandas as pd
from eomoo.space.enumeration import N_CELLS

WALKS_FILE = "path_logs.json"
MEASURED_FILE = "test_results_sampled_all_paths.json"
MICRO_FILE = "database_pickle_micro.pickle"
MACRO_FILE = "database_pickle_macro.pickle"
LATENCY_FILE = "database_pickle_latency.pickle"
MACS_FILE = "database_pickle_MACs.pickle"

# The largest of the six has 0.8 MB; saved anew with indentation it has twice that.
_MAX_SIZE = 16 * 2**20
# The recipe's; the pickles name their runs by it.
_EPOCHS = 108
_HASH = r"[0-9a-f]{32}", "a hash of 32 hexadecimal digits"
_ARCH = r"arch_(0|[1-9][0-9]{0,5})", 'a text like "arch_100434"'
# More seconds, milliseconds, KiB or parameters than any network of the space has: a unit or a digit too many.
_MOST = 1e9


def read_walks(path: str | Path) -> pd.DataFrame:
    """Read `path_logs.json`: the cells of the random walks, in order.

    Returns:
        (n, 6): index, hash, walk (from 0), step (from 0), matrix and ops (as JSON).
    """
    rows: list[dict[str, object]] = []
    seen: dict[int, str] = {}
    for walk, steps in enumerate(Place(read_json(path, max_size=_MAX_SIZE), path).list("walk")):
        for step, record in enumerate(steps.list("step")):
            record["step"].integer(step, step)
            index = record["id"].integer(0, N_CELLS - 1)
            if index in seen:
                record.fail(f"repeats cell {index} of {seen[index]}")
            seen[index] = record.where
            name = record["unique_hash"].text(*_HASH)
            rows.append({"index": index, "hash": name, "walk": walk, "step": step} | _graph(record))
    return _table(rows, path, "walks")


def read_tests(path: str | Path) -> pd.DataFrame:
    """Read `test_results_sampled_all_paths.json`: test results by cell.

    Returns:
        (n, 8): index, test_micro and test_macro (accuracies as fractions), latency and latency_std (ms a
        batch), params, checkpoint_size (KiB), published_macs_field_params (the published "MACs" in single
        units: the number of *parameters*, rounded).
    """
    rows: list[dict[str, object]] = []
    for key, record in Place(read_json(path, max_size=_MAX_SIZE), path).items():
        name = Place(key, path, "a record's name").text(*_ARCH)
        index = int(name.removeprefix("arch_"))
        if index >= N_CELLS:
            record.fail(f"is no cell; ids end at {N_CELLS - 1}")
        params = record["num_params"].integer(1, int(_MOST))
        row: dict[str, object] = {
            "index": index,
            "test_micro": record["accuracy"]["micro"].number(0, 1),
            "test_macro": record["accuracy"]["macro"].number(0, 1),
            "latency": _positive(record["avg_inference_time"]),
            "latency_std": record["std_inference_time"].number(0, _MOST),
            "params": params,
            "checkpoint_size": _positive(record["arch_size"]),
            "published_macs_field_params": _macs_field(record["MACs"], params),
        }
        rows.append(row)
    return _table(rows, path, "test results")


def read_database(path: str | Path, *, high: float = _MOST) -> pd.DataFrame:
    """Read one of the four database pickles: what they store, by hash. Nothing in it is executed.

    Args:
        path: The pickle.
        high: The largest possible value under the accuracy names; 1 for accuracies.

    Returns:
        (n, 8): hash, matrix and ops (as JSON), params, train, val, test, train_time (s). In the accuracy
        pickles train, val and test are fractions. In the latency pickle all three are the latency (ms a
        batch); in the "MACs" pickle all three are the parameters, in millions or in thousands.
    """
    rows: list[dict[str, object]] = []
    for key, record in Place(read_pickle(path, max_size=_MAX_SIZE), path).items():
        name = Place(key, path, "a record's name").text(*_HASH)
        parts = record.list("part")
        if len(parts) != 2:
            record.must_be("a pair of a cell and its results")
        cell = record.at(parts[0].value, "cell")
        runs = record.at(parts[1].value, "results")[_EPOCHS].list("run")
        if len(runs) != 1:
            record.fail(f"should have one run of {_EPOCHS} epochs, has {len(runs)}")
        values = record.at(runs[0].value, f"{_EPOCHS} epochs")
        row = {
            "params": cell["trainable_parameters"].integer(1, int(_MOST)),
            "train": values["final_train_accuracy"].number(0, high),
            "val": values["final_validation_accuracy"].number(0, high),
            "test": values["final_test_accuracy"].number(0, high),
            "train_time": _positive(values["final_training_time"]),
        }
        rows.append({"hash": name, **_graph(cell), **row})
    return _table(rows, path, "records")


def _table(rows: list[dict[str, object]], path: str | Path, what: str) -> pd.DataFrame:
    if not rows:
        raise DataError(f"{path} holds no {what}")
    return pd.DataFrame(rows)


def _graph(record: Place) -> dict[str, str]:
    """Adjacency matrix and operations of a record, as JSON text."""
    ops = record["module_operations"].list("vertex")
    names = [op.text(r"\S{1,40}", "the name of an operation") for op in ops]
    return {"matrix": json.dumps(_matrix(record["module_adjacency"])), "ops": json.dumps(names)}


def _matrix(place: Place) -> list[list[int]]:
    rows = place.value
    # Places are made only where a fault has to be named: there are thousands of matrices.
    if type(rows) is list and all(
        type(row) is list and all(type(bit) is int and 0 <= bit <= 1 for bit in row) for row in rows
    ):
        return rows
    return [[bit.integer(0, 1) for bit in row.list("column")] for row in place.list("row")]


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
    value = place.number(0, _MOST)
    if value == 0:
        place.fail("is 0, which cannot be measured")
    return value
