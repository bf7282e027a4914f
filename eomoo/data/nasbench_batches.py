"""Many records of NAS-Bench-101's files as arrays.

A record is a JSON array: hash, epochs, adjacency digits row by row, operations joined by commas, and
the base64 text (of one line, or of lines of 76) of a protobuf ``ModelMetrics``: three evaluations (at
the start, halfway, at the end) of five doubles each (current epoch, training time, train, validation and
test accuracy), the trainable parameters and the total time.

Source: Ying et al., NAS-Bench-101, ICML 2019; github.com/google-research/nasbench.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Floats, Ints
from eomoo.data.tfrecord import record_error
from eomoo.space.cell import INPUT, MAX_VERTICES, N_OP_GENES, OPERATIONS, OUTPUT, pack_genotype
from eomoo.space.enumeration import edge_bit

N_EVALUATIONS, N_FIELDS = 3, 5
_TEXT = re.compile(
    rb'\["([0-9a-f]{32})", ?([1-9][0-9]{0,2}), ?"([01]+)", ?"([a-z0-9,-]+)", ?"((?:[A-Za-z0-9+/=]|\\n)+)"\]'
)
# The published files have every field, in order: an evaluation is field 1 with 45 bytes, its doubles are fields
# 1 to 5; the parameters are field 2, of at most four bytes of seven bits; the total time is field 3.
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
        evaluations: (n, 3, 5) float64: current epoch, training time in seconds, train, validation and test
            accuracy as fractions, each at the start, halfway and at the end.
        params: (n,) int64.
        total_times: (n,) float64, seconds, evaluation included.
    """

    numbers: Ints
    hashes: NDArray[np.uint8]
    masks: Ints
    codes: Ints
    epochs: Ints
    evaluations: Floats
    params: Ints
    total_times: Floats


def decode_batch(path: Path, first: int, records: Iterable[bytes]) -> Batch:
    """Decode records that follow each other in a file, the first of which has this number, counted from 0.

    DataError where one has another form.
    """
    rows = [_decode(path, first + k, data) for k, data in enumerate(records)]
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


def _decode(path: Path, number: int, data: bytes) -> _Row:
    text = _TEXT.fullmatch(data)
    if text is None:
        raise record_error(path, number, "it is not a JSON array of hash, epochs, adjacency, operations and metrics")
    name, epochs, adjacency, ops, metrics = text.groups()
    try:
        message = binascii.a2b_base64(metrics.replace(b"\\n", b""), strict_mode=True)
    except binascii.Error:
        raise record_error(path, number, "its metrics are no base64 text") from None
    found, mask, code = _METRICS.fullmatch(message), _mask(adjacency), _code(ops)
    if found is None:
        raise record_error(path, number, "its metrics are not three evaluations, the parameters and the total time")
    if mask is None or code is None or math.isqrt(len(adjacency)) != ops.count(b",") + 1:
        raise record_error(path, number, "its adjacency and operations are no cell of the space")
    *doubles, params, total = found.groups()
    value = sum((byte & 0x7F) << 7 * k for k, byte in enumerate(params))
    return name, int(epochs), mask, code, b"".join((*doubles, total)), value


# The 423,624 cells have 2,494 graphs and 364 lists of operations.
@lru_cache(maxsize=1 << 13)
def _mask(digits: bytes) -> int | None:
    """Edges, padded to 7 vertices, of adjacency digits; None unless they are an upper triangular square."""
    n = math.isqrt(len(digits))
    if n * n != len(digits) or not 2 <= n <= MAX_VERTICES:
        return None
    matrix = (np.frombuffer(digits, dtype=np.uint8).reshape(n, n) - ord("0")).astype(np.int8)
    if np.tril(matrix).any():
        return None
    genes: list[int] = pack_genotype(matrix, (0,) * (n - 2)).tolist()
    edges = [(x, y) for x in range(MAX_VERTICES) for y in range(x + 1, MAX_VERTICES)]
    return sum(gene << edge_bit(x, y) for gene, (x, y) in zip(genes, edges, strict=False))


@lru_cache(maxsize=1 << 10)
def _code(ops: bytes) -> int | None:
    """Operations as a number; None unless the list begins with the input and ends with the output."""
    first, *names, last = ops.split(b",")
    if (first, last) != (INPUT.encode(), OUTPUT.encode()) or len(names) > N_OP_GENES:
        return None
    codes = [_CODES.get(name, -1) for name in names]
    padded = codes + [0] * (N_OP_GENES - len(codes))
    return None if -1 in codes else reduce(lambda number, code: 3 * number + code, padded)
