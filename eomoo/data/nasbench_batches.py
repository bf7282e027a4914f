"""Many records of NAS-Bench-101's files as arrays: the usual form by patterns, others the obvious way."""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from eomoo.data.nasbench_records import N_EVALUATIONS, N_FIELDS, decode_record
from eomoo.errors import DataError
from eomoo.space import Cell
from eomoo.space.cell import INPUT, MAX_VERTICES, N_OP_GENES, OPERATIONS, OUTPUT, pack_genotype
from eomoo.space.enumeration import edge_bit

_TEXT = re.compile(
    rb'\["([0-9a-f]{32})", ?([1-9][0-9]{0,2}), ?"([01]+)", ?"([a-z0-9,-]+)", ?"((?:[A-Za-z0-9+/=]|\\n)+)"\]'
)
# Three evaluations of five doubles each in 45 bytes, the parameters, the total time: see nasbench_records.
_EVALUATION = rb"\x0a\x2d\x09(.{8})\x11(.{8})\x19(.{8})\x21(.{8})\x29(.{8})"
_METRICS = re.compile(_EVALUATION * N_EVALUATIONS + rb"\x10([\x80-\xff]{0,3}[\x00-\x7f])\x19(.{8})", re.DOTALL)
_CODES = {name.encode(): code for code, name in enumerate(OPERATIONS)}
# Hash, epochs, mask, code, the doubles in their order, parameters.
_Row = tuple[bytes, int, int, int, bytes, int]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Values of n records, not yet checked against the space.

    Attributes:
        numbers: (n,) int64, the records' numbers in the file.
        hashes: (n, 32) uint8, hexadecimal digits.
        masks: (n,) int64, edges as bits, padded to 7 vertices.
        codes: (n,) int64, operations of the 5 interior vertices as a number in base 3.
        epochs: (n,) int64.
        evaluations: (n, 3, 5) float64, as in ``Record``.
        params: (n,) int64.
        total_times: (n,) float64.
    """

    numbers: NDArray[np.int64]
    hashes: NDArray[np.uint8]
    masks: NDArray[np.int64]
    codes: NDArray[np.int64]
    epochs: NDArray[np.int64]
    evaluations: NDArray[np.float64]
    params: NDArray[np.int64]
    total_times: NDArray[np.float64]


class RecordError(DataError):
    """What is wrong with the record of that number, counted from 0."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number


def decode_batch(first: int, records: Iterable[bytes]) -> Batch:
    """Decode records that follow each other in a file.

    Args:
        first: Number of the first, counted from 0.
        records: Their bytes, in order.

    Raises:
        RecordError: A record has another form; it tells the record's number.
    """
    rows = [_usual(data) or _unusual(first + k, data) for k, data in enumerate(records)]
    hashes, epochs, masks, codes, doubles, params = zip(*rows, strict=True)
    values = np.frombuffer(b"".join(doubles), dtype="<f8").reshape(len(rows), -1).astype(np.float64)
    return Batch(
        numbers=np.arange(first, first + len(rows)),
        hashes=np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(len(rows), -1),
        masks=np.array(masks, dtype=np.int64),
        codes=np.array(codes, dtype=np.int64),
        epochs=np.array(epochs, dtype=np.int64),
        evaluations=values[:, :-1].reshape(-1, N_EVALUATIONS, N_FIELDS),
        params=np.array(params, dtype=np.int64),
        total_times=values[:, -1],
    )


def _usual(data: bytes) -> _Row | None:
    """A record in the form that the published files have throughout; None for any other."""
    text = _TEXT.fullmatch(data)
    if text is None:
        return None
    name, epochs, adjacency, ops, metrics = text.groups()
    try:
        found = _METRICS.fullmatch(binascii.a2b_base64(metrics.replace(b"\\n", b""), strict_mode=True))
    except binascii.Error:
        return None
    mask, code = _mask(adjacency), _code(ops)
    if found is None or mask is None or code is None or math.isqrt(len(adjacency)) != ops.count(b",") + 1:
        return None
    *doubles, params, total = found.groups()
    value = sum((byte & 0x7F) << 7 * k for k, byte in enumerate(params))
    return name, int(epochs), mask, code, b"".join((*doubles, total)), value


def _unusual(number: int, data: bytes) -> _Row:
    try:
        record = decode_record(data)
        cell = Cell(record.matrix, record.ops.split(","))
    except ValueError as error:
        raise RecordError(number, str(error)) from None
    mask, code = _packed(cell.matrix, cell.op_codes)
    doubles = np.array([*np.ravel(record.evaluations), record.total_time], dtype="<f8").tobytes()
    return record.hash.encode(), record.epochs, mask, code, doubles, record.params


def _packed(matrix: NDArray[np.int8], codes: tuple[int, ...]) -> tuple[int, int]:
    """Edges as bits and operations as a number in base 3, both padded to 7 vertices."""
    genes = pack_genotype(matrix, codes).tolist()
    edges = [(x, y) for x in range(MAX_VERTICES) for y in range(x + 1, MAX_VERTICES)]
    mask = sum(gene << edge_bit(x, y) for gene, (x, y) in zip(genes, edges, strict=False))
    return mask, sum(gene * 3**k for k, gene in enumerate(reversed(genes[len(edges) :])))


# The 423,624 cells have 2,494 graphs and 364 lists of operations.
@lru_cache(maxsize=1 << 13)
def _mask(digits: bytes) -> int | None:
    """Edges of adjacency digits, row by row; None unless they are an upper triangular square."""
    n = math.isqrt(len(digits))
    if n * n != len(digits) or not 2 <= n <= MAX_VERTICES:
        return None
    matrix = (np.frombuffer(digits, dtype=np.uint8).reshape(n, n) - ord("0")).astype(np.int8)
    return None if np.tril(matrix).any() else _packed(matrix, (0,) * (n - 2))[0]


@lru_cache(maxsize=1 << 10)
def _code(ops: bytes) -> int | None:
    """Operations as a number; None unless the list begins with the input and ends with the output."""
    first, *names, last = ops.split(b",")
    if (first, last) != (INPUT.encode(), OUTPUT.encode()) or len(names) > N_OP_GENES:
        return None
    codes = [_CODES.get(name, -1) for name in names]
    padded = codes + [0] * (N_OP_GENES - len(codes))
    return None if -1 in codes else reduce(lambda number, code: 3 * number + code, padded)
