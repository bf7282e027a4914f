"""The interface of NAS-Bench-101's own package, without TensorFlow: change the import, keep the script.

    from eomoo.data import nasbench_api as api        # was: from nasbench import api

    nasbench = api.NASBench("nasbench_only108.tfrecord")
    spec = api.ModelSpec(matrix=..., ops=...)
    data = nasbench.query(spec)

Names, keys, exceptions, the order of the runs and the random choices for a seed are those of the
package at github.com/google-research/nasbench, except that its ``evaluate``, which trains networks, is
left out and cells are iterated over in the order of their hashes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from eomoo.data.nasbench101 import NASBench101Table
from eomoo.data.nasbench_convert import METRICS, STAGES, convert_nasbench101
from eomoo.errors import EomooError, SettingError
from eomoo.space import CIFAR10, load_space
from eomoo.space.cell import INPUT, MAX_EDGES, MAX_VERTICES, OPERATIONS, OUTPUT, _hash_graph, _on_a_path, pack_genotype
from eomoo.space.enumeration import N_CELLS

_Runs = dict[int, list[dict[str, float]]]
_Values = dict[str, Any]
Value = TypeVar("Value")
_CODES = {name: code for code, name in enumerate(OPERATIONS)}


class OutOfDomainError(EomooError):
    """A graph, or a number of epochs, that is not in the table."""


class ModelSpec:
    """A graph of operations, pruned to what lies between input and output.

    Args:
        matrix: Upper triangular adjacency matrix (V, V); anything else is a SettingError (a ValueError).
        ops: V labels; the first and the last are the input's and the output's.
        data_format: Kept for the caller.

    ``matrix`` and ``ops`` are None where input and output are not connected; the ``original_`` ones stay.
    """

    def __init__(self, matrix: ArrayLike, ops: Sequence[str], data_format: str = "channels_last") -> None:
        given = np.array(matrix)
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise SettingError("matrix must be square")
        if len(given) != len(ops):
            raise SettingError("length of ops must match matrix dimensions")
        if np.tril(given).any():
            raise SettingError("matrix must be upper triangular")
        self.original_matrix, self.original_ops = given, list(ops)
        self.data_format = data_format
        kept = _on_a_path(given)
        self.valid_spec = bool(kept[-1]) and len(given) > 1
        self.matrix: Any = given[kept][:, kept] if self.valid_spec else None
        self.ops: Any = [op for op, k in zip(ops, kept, strict=True) if k] if self.valid_spec else None

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """NAS-Bench-101's hash, equal for isomorphic graphs, with the labels numbered by `canonical_ops`."""
        labels = (-1, *(list(canonical_ops).index(op) for op in self.ops[1:-1]), -2)
        return _hash_graph(self.matrix.tolist(), labels)


class NASBench:
    """The table behind the interface of the original package.

    Args:
        dataset_file: A converted file, or the original ``.tfrecord``, which is converted beside
            itself at the first use.
        seed: Seed of the choice among the three runs of a cell.

    Its attributes are the original's, and ``table``, the :class:`~eomoo.data.nasbench101.NASBench101Table`.
    """

    def __init__(self, dataset_file: str | Path, seed: int | None = None) -> None:
        self.table = NASBench101Table(_converted(Path(dataset_file)))
        self.config: _Values = {
            "module_vertices": MAX_VERTICES,
            "max_edges": MAX_EDGES,
            "num_repeats": self.table.n_repeats,
            "available_ops": list(OPERATIONS),
        }
        self.fixed_statistics: Mapping[str, _Values] = _ByHash(_fixed)
        self.computed_statistics: Mapping[str, _Runs] = _ByHash(partial(_computed, self.table))
        self.valid_epochs = set(self.table.epochs)
        self.history: _Values = {}
        self._random = random.Random(seed)
        self.reset_budget_counters()

    def query(self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False) -> _Values:
        """One of the three runs of a cell, chosen at random; the budget counters go up."""
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(f"invalid number of epochs, must be one of {self.valid_epochs}")
        index = self._index(model_spec)
        repeat = self._random.randint(0, self.config["num_repeats"] - 1)
        data = _fixed(index)
        for metric in METRICS:
            column = self.table.column(metric, epochs=epochs, halfway=stop_halfway)
            data[metric] = float(column[index, repeat])
        self.training_time_spent += data["training_time"]
        self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return data

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Whether the graph is in the space; the budget counters stay."""
        try:
            self._check_spec(model_spec)
        except OutOfDomainError:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Seconds of training and epochs spent so far."""
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Set both counters to zero."""
        self.training_time_spent: float = 0.0
        self.total_epochs_spent: int = 0

    def hash_iterator(self) -> KeysView[str]:
        """The hashes of all cells."""
        return self.fixed_statistics.keys()

    def get_metrics_from_hash(self, module_hash: str) -> tuple[_Values, _Runs]:
        """Fixed and computed statistics of a cell; the budget counters stay."""
        return self.fixed_statistics[module_hash], self.computed_statistics[module_hash]

    def get_metrics_from_spec(self, model_spec: ModelSpec) -> tuple[_Values, _Runs]:
        """Fixed and computed statistics of a cell; the budget counters stay."""
        index = self._index(model_spec)
        return _fixed(index), _computed(self.table, index)

    def _index(self, model_spec: ModelSpec) -> int:
        self._check_spec(model_spec)
        matrix = model_spec.matrix
        for value in matrix[(matrix != 0) & (matrix != 1)]:
            raise OutOfDomainError(f"adjacency matrix should hold only 0 and 1, got {value}")
        codes = [_CODES[op] for op in model_spec.ops[1:-1]]
        return int(load_space().index(pack_genotype(matrix, codes)))

    # Scripts call these two, although the original marks them as private.

    def _check_spec(self, model_spec: ModelSpec) -> None:
        if not model_spec.valid_spec:
            raise OutOfDomainError("invalid spec, provided graph is disconnected.")
        vertices, edges = len(model_spec.ops), int(model_spec.matrix.sum())
        if vertices > MAX_VERTICES:
            raise OutOfDomainError(f"too many vertices, got {vertices} (max vertices = {MAX_VERTICES})")
        if edges > MAX_EDGES:
            raise OutOfDomainError(f"too many edges, got {edges} (max edges = {MAX_EDGES})")
        if model_spec.ops[0] != INPUT:
            raise OutOfDomainError("first operation should be 'input'")
        if model_spec.ops[-1] != OUTPUT:
            raise OutOfDomainError("last operation should be 'output'")
        for op in set(model_spec.ops[1:-1]) - set(_CODES):
            raise OutOfDomainError(f"unsupported op {op} (available ops = {list(OPERATIONS)})")

    def _hash_spec(self, model_spec: ModelSpec) -> str:
        return model_spec.hash_spec(self.config["available_ops"])


class _ByHash(Mapping[str, Value]):
    """A mapping from every hash, whose values are made of a cell's index when they are asked for."""

    def __init__(self, make: Callable[[int], Value]) -> None:
        self._make = make

    def __len__(self) -> int:
        return N_CELLS

    def __iter__(self) -> Iterator[str]:
        # Some thousand hashes at a time are as quick as all, and the first come at once.
        step = 4096
        for first in range(0, N_CELLS, step):
            yield from load_space().hash(np.arange(first, min(first + step, N_CELLS)))

    def __getitem__(self, key: str) -> Value:
        return self._make(int(load_space().find([key])[0]))


def _fixed(index: int) -> _Values:
    # Made from the catalogue's arrays: a Cell would check it all again, at ten times the cost.
    space = load_space()
    n = int(space.n_vertices[index])
    at = [*range(n - 1), MAX_VERTICES - 1]
    codes = space.padded_ops(np.array([index]))[0, : n - 2].tolist()
    return {
        "module_adjacency": space.structure_adjacency[space.structure[index]][at][:, at].astype(np.int8),
        "module_operations": [INPUT, *(OPERATIONS[code] for code in codes), OUTPUT],
        "trainable_parameters": space.params(index, CIFAR10),
    }


def _computed(table: NASBench101Table, index: int) -> _Runs:
    found: _Runs = {epochs: [{} for _ in range(table.n_repeats)] for epochs in table.epochs}
    for epochs, stage, metric in product(table.epochs, STAGES, METRICS):
        values = table.column(metric, epochs=epochs, halfway=stage == "halfway")[index]
        for run, value in zip(found[epochs], values.tolist(), strict=True):
            run[f"{stage}_{metric}"] = value
    return found


def _converted(path: Path) -> Path:
    """The converted file of an original one, made beside it where there is none that is newer."""
    if path.suffix != ".tfrecord":
        return path
    target = path.with_suffix(".npy")
    if path.exists() and not (target.exists() and target.stat().st_mtime >= path.stat().st_mtime):
        convert_nasbench101(path, target)
    return target
