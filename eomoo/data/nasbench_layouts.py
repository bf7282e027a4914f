"""Many records of NAS-Bench-101's files at once: where in the text each value lies, learned from one record.

Records of one length differ in their values, hardly ever in where these lie. A *layout* is learned
from one record that was read the obvious way; every byte that is no value must then be the same in
the records that it is used for, and every value must have its form. Records that fit no layout are
read one by one, so that the result never depends on the layouts.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from eomoo.data.nasbench_records import (
    N_EVALUATIONS,
    N_FIELDS,
    Record,
    decode_record,
    metrics_spans,
)
from eomoo.errors import DataError
from eomoo.space import Cell
from eomoo.space.cell import INPUT, MAX_VERTICES, OPERATIONS, OUTPUT
from eomoo.space.enumeration import edge_bit

__all__ = ["Batch", "Layouts", "join_batches"]

_TEXT = re.compile(
    rb'\["([0-9a-f]{32})", ?([0-9]+), ?"([01]+)", ?"([a-z0-9,-]+)", ?"((?:[A-Za-z0-9+/=]|\\n)+)"\]'
)
_MAX_LAYOUTS = 24
_Records = tuple[NDArray[np.int64], NDArray[np.uint8]]
_INVALID = 255
_SIXBIT = np.full(256, _INVALID, dtype=np.uint8)
_SIXBIT[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)] = range(
    64
)


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


def join_batches(batches: list[Batch]) -> Batch:
    """One batch of all, in the order of the records' numbers."""
    numbers = np.concatenate([batch.numbers for batch in batches])
    order = np.argsort(numbers)
    names = [name for name in Batch.__dataclass_fields__ if name != "numbers"]
    joined = {name: np.concatenate([getattr(batch, name) for batch in batches])[order] for name in names}
    return Batch(numbers=numbers[order], **joined)


class Layouts:
    """The layouts seen so far, by length of record."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[_Layout]] = {}

    def decode(self, numbers: NDArray[np.int64], columns: NDArray[np.uint8]) -> Iterator[Batch]:
        """Decode records of one length L.

        Args:
            numbers: (n,) their numbers in the file.
            columns: (L, n), byte k of each record in row k.

        Raises:
            RecordError: A record has another form; it tells the record's number.
        """
        known = self._by_length.setdefault(len(columns), [])
        for layout in list(known):
            numbers, columns = yield from layout.decode(numbers, columns)
            if not len(numbers):
                return
        while len(numbers):
            layout_or_none = None
            record = _read_one(int(numbers[0]), columns[:, 0].tobytes())
            if len(known) < _MAX_LAYOUTS:
                layout_or_none = _learn(columns[:, 0].tobytes())
            before = len(numbers)
            if layout_or_none is not None:
                known.append(layout_or_none)
                numbers, columns = yield from layout_or_none.decode(numbers, columns)
            if len(numbers) == before:
                yield _batch_of(int(numbers[0]), record)
                numbers, columns = numbers[1:], columns[:, 1:]


class RecordError(DataError):
    """What is wrong with the record of that number, counted from 0."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number


@dataclass(frozen=True, kw_only=True)
class _Metrics:
    """Where the values lie in the bytes of a ``ModelMetrics``; -1 where a double is left out."""

    template: NDArray[np.uint8]
    fixed: NDArray[np.intp]
    doubles: tuple[int, ...]
    params: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where the values lie in a record's text."""

    template: NDArray[np.uint8]
    fixed: NDArray[np.intp]
    hash: slice
    adjacency: slice
    ops: slice
    digits: NDArray[np.intp]
    n_vertices: int
    epochs: int
    metrics: _Metrics

    def decode(
        self, numbers: NDArray[np.int64], columns: NDArray[np.uint8]
    ) -> Generator[Batch, None, _Records]:
        """Yield the records that fit, return the others."""
        fits = _equal(columns, self.fixed, self.template)
        if not fits.all():
            # Records of another layout are common; none of the work below is spent on them.
            rest = numbers[~fits], columns[:, ~fits]
            numbers, columns = numbers[fits], columns[:, fits]
        else:
            rest = numbers[:0], columns[:, :0]
        if not len(numbers):
            return rest
        mask, fits = _decode_adjacency(columns[self.adjacency], self.n_vertices)
        code, known = _decode_ops(columns[self.ops], self.n_vertices)
        metrics, valid = _decode_base64(columns[self.digits], len(self.metrics.template))
        fits &= known & valid & _equal(metrics, self.metrics.fixed, self.metrics.template)
        params, valid = _decode_varint(metrics[slice(*self.metrics.params)])
        fits &= valid
        doubles = _decode_doubles(metrics, self.metrics.doubles)
        yield Batch(
            numbers=numbers[fits],
            hashes=np.ascontiguousarray(columns[self.hash].T)[fits],
            masks=mask[fits],
            codes=code[fits],
            epochs=np.full(int(fits.sum()), self.epochs),
            evaluations=doubles[fits, :-1].reshape(-1, N_EVALUATIONS, N_FIELDS),
            params=params[fits],
            total_times=doubles[fits, -1],
        )
        if fits.all():
            return rest
        return np.append(numbers[~fits], rest[0]), np.hstack([columns[:, ~fits], rest[1]])


def _learn(data: bytes) -> _Layout | None:
    """The layout of a record that is in order; None for one of unusual form."""
    match = _TEXT.fullmatch(data)
    if match is None:
        return None
    start, stop = match.span(5)
    positions = np.array(
        [k for k in range(start, stop) if data[k : k + 2] != b"\\n" and data[k - 1 : k + 1] != b"\\n"]
    )
    digits = positions[: len(positions) - data[start:stop].count(b"=")]
    template = np.frombuffer(data, dtype=np.uint8)
    free = np.zeros(len(data), dtype=bool)
    free[digits] = True
    for k in (1, 3, 4):
        free[slice(*match.span(k))] = True
    return _Layout(
        template=template,
        fixed=np.flatnonzero(~free),
        hash=slice(*match.span(1)),
        adjacency=slice(*match.span(3)),
        ops=slice(*match.span(4)),
        digits=digits,
        n_vertices=math.isqrt(len(match[3])),
        epochs=int(match[2]),
        metrics=_learn_metrics(base64.b64decode(match[5].replace(b"\\n", b""))),
    )


def _learn_metrics(metrics: bytes) -> _Metrics:
    spans = metrics_spans(metrics)
    doubles = [-1 if at is None else at for at in (*sum(spans.evaluations, ()), spans.total_time)]
    params = spans.params or (0, 0)
    free = np.zeros(len(metrics), dtype=bool)
    for start, stop in (*((at, at + 8) for at in doubles if at >= 0), params, *spans.skipped):
        free[start:stop] = True
    return _Metrics(
        template=np.frombuffer(metrics, dtype=np.uint8),
        fixed=np.flatnonzero(~free),
        doubles=tuple(doubles),
        params=params,
    )


def _equal(
    columns: NDArray[np.uint8], fixed: NDArray[np.intp], template: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    differ = np.zeros(columns.shape[1], dtype=np.uint8)
    for k in fixed.tolist():
        differ |= columns[k] ^ template[k]
    return np.asarray(differ == 0)


def _decode_adjacency(
    digits: NDArray[np.uint8], n_vertices: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Edge masks padded to 7 vertices, and which are upper triangular 0/1 matrices."""
    mask = np.zeros(digits.shape[1], dtype=np.int32)
    wrong = np.zeros(digits.shape[1], dtype=np.uint8)
    at = [*range(n_vertices - 1), MAX_VERTICES - 1]
    for x, y in product(range(n_vertices), repeat=2):
        column = digits[x * n_vertices + y] ^ np.uint8(ord("0"))
        if x < y:
            wrong |= column >> np.uint8(1)
            mask |= column.astype(np.int32) << edge_bit(at[x], at[y])
        else:
            wrong |= column
    return mask.astype(np.int64), wrong == 0


def _decode_ops(text: NDArray[np.uint8], n_vertices: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Codes of the operations, padded to 5 vertices, and which texts are lists of V operations."""
    length, n = text.shape
    expected = _texts_of_ops(n_vertices, length)
    flat, rows = text.ravel(), np.arange(n)
    position = np.full(n, (len(INPUT) + 1) * n) + rows
    code = np.zeros(n, dtype=np.int64)
    for _ in range(n_vertices - 2):
        # "conv3x3" and "conv1x1" differ in their fifth letter.
        pool = flat.take(position, mode="clip") == ord("m")
        one = flat.take(position + 4 * n, mode="clip") == ord("1")
        code = 3 * code + np.where(pool, 2, one)
        position += np.where(pool, len(OPERATIONS[2]) + 1, len(OPERATIONS[0]) + 1) * n
    differ = np.zeros(n, dtype=np.uint8)
    for column, known in zip(text, expected, strict=True):
        differ |= column ^ known.take(code, mode="clip")
    return code * 3 ** (MAX_VERTICES - n_vertices), differ == 0


@lru_cache(maxsize=256)
def _texts_of_ops(n_vertices: int, length: int) -> NDArray[np.uint8]:
    """The texts of all operation lists, (length, 3**(V - 2)) by code; zeros where one is not so long."""
    texts = np.zeros((3 ** (n_vertices - 2), length), dtype=np.uint8)
    for code, ops in enumerate(product(OPERATIONS, repeat=n_vertices - 2)):
        text = ",".join([INPUT, *ops, OUTPUT]).encode()
        if len(text) == length:
            texts[code] = np.frombuffer(text, dtype=np.uint8)
    return np.ascontiguousarray(texts.T)


def _decode_base64(text: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The bytes (size, n) of base64 digits (d, n) without padding, and which columns have digits only."""
    n = text.shape[1]
    six = np.zeros((4 * -(-len(text) // 4), n), dtype=np.uint8)
    _SIXBIT.take(text, out=six[: len(text)], mode="clip")
    valid = np.bitwise_or.reduce(six, axis=0) < 64
    a, b, c, d = six[0::4], six[1::4], six[2::4], six[3::4]
    out = np.empty((3 * len(a), n), dtype=np.uint8)
    out[0::3] = a << np.uint8(2) | b >> np.uint8(4)
    out[1::3] = b << np.uint8(4) | c >> np.uint8(2)
    out[2::3] = c << np.uint8(6) | d
    return out[:size], valid


def _decode_varint(columns: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Values of varints (k, n), and which of them have exactly k bytes."""
    value = np.zeros(columns.shape[1], dtype=np.int64)
    valid = np.ones(columns.shape[1], dtype=bool)
    for k, column in enumerate(columns):
        value |= (column & np.uint8(0x7F)).astype(np.int64) << 7 * k
        valid &= (column >= 0x80) == (k < len(columns) - 1)
    return value, valid


def _decode_doubles(metrics: NDArray[np.uint8], starts: tuple[int, ...]) -> NDArray[np.float64]:
    """Little-endian doubles (n, len(starts)); 0 where one is left out, protobuf's default."""
    out = np.zeros((metrics.shape[1], len(starts)), dtype="<f8")
    octets = out.view(np.uint8).reshape(len(out), -1)
    for k, start in enumerate(starts):
        if start >= 0:
            octets[:, 8 * k : 8 * k + 8] = metrics[start : start + 8].T
    return out


def _read_one(number: int, data: bytes) -> Record:
    try:
        return decode_record(data)
    except DataError as error:
        raise RecordError(number, str(error)) from None


def _batch_of(number: int, record: Record) -> Batch:
    try:
        cell = Cell(record.matrix, record.ops.split(","))
    except ValueError as error:
        raise RecordError(number, str(error)) from None
    genes = cell.genotype()
    edges = [(x, y) for x in range(MAX_VERTICES) for y in range(x + 1, MAX_VERTICES)]
    mask = sum(int(gene) << edge_bit(x, y) for gene, (x, y) in zip(genes, edges, strict=False))
    code = 0
    for gene in genes[len(edges) :]:
        code = 3 * code + int(gene)
    return Batch(
        numbers=np.array([number]),
        hashes=np.frombuffer(record.hash.encode(), dtype=np.uint8)[None],
        masks=np.array([mask], dtype=np.int64),
        codes=np.array([code], dtype=np.int64),
        epochs=np.array([record.epochs]),
        evaluations=np.array([record.evaluations]),
        params=np.array([record.params]),
        total_times=np.array([record.total_time]),
    )
