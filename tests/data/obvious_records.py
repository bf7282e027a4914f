"""One record of NAS-Bench-101's files, read the obvious way: what the package's fast reader is held to.

A record is a JSON array: hash, epochs, adjacency digits row by row, operations joined by commas, and
the base64 text (of one line, or of lines of 76) of a protobuf ``ModelMetrics``:

    message ModelMetrics {
      repeated EvaluationData evaluation_data = 1;   // at the start, halfway, at the end
      optional int32 trainable_parameters = 2;
      optional double total_time = 3;
    }
    message EvaluationData {
      optional double current_epoch = 1;
      optional double training_time = 2;
      optional double train_accuracy = 3;
      optional double validation_accuracy = 4;
      optional double test_accuracy = 5;
      optional string checkpoint_path = 6;
    }

Source: Ying et al., NAS-Bench-101, ICML 2019; github.com/google-research/nasbench.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from eomoo.errors import DataError

N_EVALUATIONS, N_FIELDS = 3, 5
# Both numbers are int32 in the message.
_TOO_MANY = 1 << 31
# Wire types of protobuf (protobuf.dev, "Encoding"); a varint has at most ten bytes of seven bits.
_VARINT, _FIXED64, _BYTES, _FIXED32, _LONGEST_VARINT = 0, 1, 2, 5, 10


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a record says.

    Attributes:
        hash: NAS-Bench-101 hash of the cell, 32 hexadecimal digits.
        epochs: For how many epochs the network was to be trained.
        adjacency: V * V digits 0 or 1.
        ops: V operation names, joined by commas.
        evaluations: At the start, halfway and at the end: current epoch, training time in seconds,
            train, validation and test accuracy as fractions.
        params: Trainable parameters.
        total_time: Seconds, evaluation included.
    """

    hash: str
    epochs: int
    adjacency: str
    ops: str
    evaluations: tuple[tuple[float, ...], ...]
    params: int
    total_time: float

    @property
    def matrix(self) -> list[list[int]]:
        """The adjacency matrix (V, V)."""
        n = math.isqrt(len(self.adjacency))
        return [[int(digit) for digit in self.adjacency[k * n : (k + 1) * n]] for k in range(n)]


def decode_record(data: bytes) -> Record:
    """Read one record.

    Raises:
        DataError: It is not of that form; the text says how, without naming the file.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("it is no JSON text") from None
    kinds = (str, int, str, str, str)
    if not isinstance(fields, list) or [type(field) for field in fields] != list(kinds):
        raise DataError("it is not a JSON array of hash, epochs, adjacency, operations and metrics")
    name, epochs, adjacency, ops, text = fields
    if not re.fullmatch("[0-9a-f]{32}", name):
        raise DataError(f"{name[:40]!r} is no hash of 32 hexadecimal digits")
    if not 0 < epochs < _TOO_MANY:
        raise DataError(f"{epochs} is no number of epochs")
    if not re.fullmatch("[01]+", adjacency) or math.isqrt(len(adjacency)) ** 2 != len(adjacency):
        raise DataError(f"its adjacency {adjacency[:60]!r} is no square of digits 0 and 1")
    try:
        metrics = base64.b64decode(text.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise DataError("its metrics are no base64 text") from None
    evaluations, params, total_time = _metrics(metrics)
    if params >= _TOO_MANY:
        raise DataError(f"{params} is no number of parameters")
    return Record(
        hash=name,
        epochs=epochs,
        adjacency=adjacency,
        ops=ops,
        evaluations=evaluations,
        params=params,
        total_time=total_time,
    )


def _metrics(message: bytes) -> tuple[tuple[tuple[float, ...], ...], int, float]:
    """The evaluations, parameters and total time of a ``ModelMetrics``; DataError where it is none."""
    evaluations: list[tuple[float, ...]] = []
    # A field that is left out has protobuf's default; of several the last counts.
    params, total_time = 0, 0.0
    for number, wire, start, stop in _fields(message, 0, len(message)):
        if (number, wire) == (1, _BYTES):
            doubles = [0.0] * N_FIELDS
            for inner, inner_wire, at, _ in _fields(message, start, stop):
                if 1 <= inner <= N_FIELDS and inner_wire == _FIXED64:
                    doubles[inner - 1] = _double(message, at)
            evaluations.append(tuple(doubles))
        elif (number, wire) == (2, _VARINT):
            params = _varint(message, start, stop)
        elif (number, wire) == (3, _FIXED64):
            total_time = _double(message, start)
    if len(evaluations) != N_EVALUATIONS:
        raise DataError(f"it has {len(evaluations)} evaluations, not {N_EVALUATIONS}")
    return tuple(evaluations), params, total_time


def _fields(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, wire type, first byte and end of the content of each field of a protobuf message."""
    while start < stop:
        after = _varint_end(data, start, stop)
        key = _varint(data, start, after)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            content, end = after, _varint_end(data, after, stop)
        elif wire == _BYTES:
            content = _varint_end(data, after, stop)
            end = content + _varint(data, after, content)
        elif wire in (_FIXED64, _FIXED32):
            content, end = after, after + (8 if wire == _FIXED64 else 4)
        else:
            raise DataError(f"its metrics hold a protobuf field of the unknown kind {wire}")
        if end > stop:
            raise DataError("its metrics are cut off")
        yield number, wire, content, end
        start = end


def _varint_end(data: bytes, start: int, stop: int) -> int:
    for k in range(start, min(stop, start + _LONGEST_VARINT)):
        if data[k] < 0x80:
            return k + 1
    raise DataError("its metrics are cut off")


def _varint(data: bytes, start: int, stop: int) -> int:
    return sum((data[k] & 0x7F) << 7 * (k - start) for k in range(start, stop))


def _double(data: bytes, at: int) -> float:
    return float(struct.unpack_from("<d", data, at)[0])
