"""NAS-Bench-101's table: conversion, opening, look-ups; and other packages that answer the same question.

    python benchmarks/make_nasbench_file.py FILE.tfrecord
    python benchmarks/nasbench_table.py FILE.tfrecord --work FOLDER [--others]

Each figure is taken in a process of its own, after the values were found equal to those of an obvious
reader. `--others` needs the packages nasbenchapi and nasbench_pytorch.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import eomoo

N_LOOKUPS, N_GRAPHS = 100_000, 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--work", type=Path, default=Path("nasbench_work"))
    parser.add_argument("--others", action="store_true", help="compare with the other packages")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(MEASURES[options.measure](options.file, options.work)))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    names = ["convert", "check", "open", "lookups", "graphs"]
    others = ["write_pickle", "nasbenchapi", "nasbench_pytorch"] if options.others else []
    for name in names + others:
        report(name, options.file, options.work)


def report(name: str, file: Path, work: Path) -> None:
    command = [sys.executable, __file__, str(file), "--work", str(work), "--measure", name]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{name} failed")
    wall, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    found = "; ".join(f"{key} {value}" for key, value in json.loads(output).items())
    print(f"{name:17} {wall:6.2f} s wall {cpu:6.2f} s CPU {usage.ru_maxrss / 1024:6.0f} MB peak; {found}")


def timed(ask, *, repeats: int = 9) -> dict[str, float]:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - start)
    return {"first (ms)": round(seconds[0] * 1e3, 2), "median (ms)": round(np.median(seconds) * 1e3, 2)}


def table_path(work: Path) -> Path:
    return work / "nasbench.npy"


def convert(file: Path, work: Path) -> dict:
    from eomoo.data.nasbench_convert import convert_nasbench101

    epochs = convert_nasbench101(file, table_path(work))
    return {"epochs": epochs, "MB written": round(table_path(work).stat().st_size / 1e6, 1)}


def records(file: Path):
    """All records, the obvious way: no checksum is looked at."""
    with open(file, "rb") as stream:
        while header := stream.read(12):
            yield stream.read(int.from_bytes(header[:8], "little"))
            stream.read(4)


def check(file: Path, work: Path) -> dict:
    """Every 97th record against the table; the repeat is found by counting."""
    from eomoo.data.nasbench101 import NASBench101Table
    from eomoo.data.nasbench_batches import decode_batch
    from eomoo.data.nasbench_convert import METRICS, STAGES

    table, space, counts, compared = NASBench101Table(table_path(work)), eomoo.load_space(), {}, 0
    for number, data in enumerate(records(file)):
        name, epochs = data[2:34], data[37:41]
        repeat = counts[name, epochs] = counts.get((name, epochs), -1) + 1
        if number % 97:
            continue
        batch, index = decode_batch(file, number, [data]), space.find([name.decode()])[0]
        for s, stage in enumerate(STAGES, 1):
            for m, metric in enumerate(METRICS, 1):
                column = table.column(metric, epochs=int(batch.epochs[0]), halfway=stage == "halfway")
                assert column[index, repeat] == batch.evaluations[0, s, m], (number, stage, metric)
        compared += 1
    return {"records compared": compared}


def open_table(file: Path, work: Path) -> dict:
    start = time.perf_counter()
    from eomoo.data.nasbench101 import NASBench101Table

    imported = time.perf_counter()
    NASBench101Table(table_path(work))
    return {"import (s)": round(imported - start, 3), "open (s)": round(time.perf_counter() - imported, 4)}


def lookups(file: Path, work: Path) -> dict:
    from eomoo.data.nasbench101 import NASBench101Table

    table = NASBench101Table(table_path(work))
    cells = np.random.default_rng(0).integers(len(table), size=N_LOOKUPS)
    asked = {
        "a run": {"repeat": 0, "metric": "test_accuracy"},
        "three runs": {"repeat": None},
        "mean": {"repeat": "mean", "metric": "training_time"},
        "random run": {"repeat": "random", "seed": 1, "metric": "train_accuracy"},
    }
    return {name: timed(lambda how=how: table.query(cells, **how)) for name, how in asked.items()}


def graphs() -> list[tuple[np.ndarray, list[str]]]:
    """Random members of random cells: vertices reordered where the graph allows it."""
    space, rng = eomoo.load_space(), np.random.default_rng(0)
    found = []
    for index in rng.integers(len(space), size=N_GRAPHS).tolist():
        cell = space.cell(index)
        matrix, ops = np.array(cell.matrix), list(cell.ops)
        order = random_order(matrix, rng)
        found.append((matrix[np.ix_(order, order)], [ops[v] for v in order]))
    return found


def random_order(matrix: np.ndarray, rng: np.random.Generator) -> list[int]:
    order, left = [0], list(range(1, len(matrix)))
    while left:
        ready = [v for v in left if not matrix[left, v].any() and (v < len(matrix) - 1 or len(left) == 1)]
        order.append(int(rng.choice(ready)))
        left.remove(order[-1])
    return order


def rate(ask, asked: list) -> dict:
    start = time.perf_counter()
    answered = sum(ask(*graph) for graph in asked)
    seconds = time.perf_counter() - start
    return {
        "queries a second": round(len(asked) / seconds),
        "isomorphic graphs answered": f"{100 * answered / len(asked):.1f} %",
    }


def ask_graphs(file: Path, work: Path) -> dict:
    table, asked, rng = eomoo.NASBench101Table(table_path(work)), graphs(), np.random.default_rng(1)
    one = rate(lambda matrix, ops: table.query(eomoo.Cell(matrix, ops), repeat="random", seed=rng) > 0, asked)
    genotypes = np.tile([eomoo.Cell(matrix, ops).genotype() for matrix, ops in asked], (50, 1))
    batch = timed(lambda: table.query(genotypes, repeat="mean"))
    return {**one, f"{len(genotypes):,} genotypes in one call": batch}


def write_pickle(file: Path, work: Path) -> dict:
    """The pickle that nasbenchapi's own converter writes, made without TensorFlow."""
    from eomoo.data.nasbench_batches import decode_batch

    names = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
    entries, latest = {}, {}
    for data in records(file):
        batch = decode_batch(file, 0, [data])
        name, epochs, adjacency, ops, metrics = json.loads(data)
        values = dict(zip(names, batch.evaluations[0, 2, 1:].tolist(), strict=True))
        entries.setdefault(name, []).append(
            {
                "epoch": epochs,
                "adjacency_str": adjacency,
                "operations_str": ops,
                "metrics_b64": metrics,
                "derived": {"trainable_parameters": int(batch.params[0]), **values},
            }
        )
    for name, runs in entries.items():
        means = {key: float(np.mean([run["derived"][key] for run in runs])) for key in names}
        latest[name] = {
            **runs[0],
            "derived": {**means, "trainable_parameters": float(runs[0]["derived"]["trainable_parameters"])},
        }
    content = {
        "benchmark": "nasbench101",
        "format": "lossless",
        "entries_by_arch": entries,
        "latest_by_arch": latest,
        "num_records": sum(map(len, entries.values())),
    }
    with open(work / "nasbench.pickle", "wb") as stream:
        pickle.dump(content, stream, protocol=pickle.HIGHEST_PROTOCOL)
    return {"MB written": round((work / "nasbench.pickle").stat().st_size / 1e6)}


def ask_nasbenchapi(file: Path, work: Path) -> dict:
    from nasbenchapi.nasbench101_api import Arch101, NASBench101

    start = time.perf_counter()
    other = NASBench101(str(work / "nasbench.pickle"), verbose=False)
    loaded = time.perf_counter() - start
    from eomoo.data.nasbench101 import NASBench101Table

    table, asked = NASBench101Table(table_path(work)), graphs()
    space = eomoo.load_space()
    for index in range(0, len(space), 4001):
        cell = space.cell(index)
        runs = other.query(Arch101(cell.matrix.tolist(), list(cell.ops)))[1][108]
        equal = [run["final_test_accuracy"] for run in runs] == table.query(index, metric="test_accuracy").tolist()
        assert equal, index
    # A graph that is not stored to the letter is looked for in all entries, so fewer are asked.
    found = rate(lambda matrix, ops: bool(other.query(Arch101(matrix.tolist(), ops))[1]), asked[: N_GRAPHS // 10])
    return {"loading (s)": round(loaded, 1), **found}


def ask_nasbench_pytorch(file: Path, work: Path) -> dict:
    """Its graph hash, and a dictionary from hash to index as a user would write it."""
    from nasbench_pytorch.model.graph_util import hash_module

    space, asked = eomoo.load_space(), graphs()
    index_of = {name: index for index, name in enumerate(space.hash(np.arange(len(space))))}
    labels = {"input": -1, "output": -2, "conv3x3-bn-relu": 0, "conv1x1-bn-relu": 1, "maxpool3x3": 2}

    def hash_of(matrix, ops):
        return hash_module(matrix, [labels[op] for op in ops])

    for matrix, ops in asked[:200]:
        assert hash_of(matrix, ops) == eomoo.Cell(matrix, ops).hash
    return rate(lambda matrix, ops: hash_of(matrix, ops) in index_of, asked)


MEASURES = {
    "convert": convert,
    "check": check,
    "open": open_table,
    "lookups": lookups,
    "graphs": ask_graphs,
    "write_pickle": write_pickle,
    "nasbenchapi": ask_nasbenchapi,
    "nasbench_pytorch": ask_nasbench_pytorch,
}


if __name__ == "__main__":
    main()
