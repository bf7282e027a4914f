"""Small files in NAS-Bench-101's format, for tests."""

import base64
import json
import struct

import numpy as np
from obvious_records import Record

from eomoo import CIFAR10, load_space

CELLS = [0, 7, 100_434, 423_623, 12_345, 200_000]


def crc32c(data):
    """CRC-32C (Castagnoli), bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def mask_crc(crc):
    """A checksum as TFRecord stores it."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def encode_record(record, *, lines=True):
    """A record's bytes as NAS-Bench-101 writes them; `lines` breaks the base64 text into lines of 76."""
    message = b""
    for evaluation in record.evaluations:
        # Fields 1 to 5 are doubles (wire type 1) of a message (2) that is field 1.
        content = b"".join(struct.pack("<Bd", k << 3 | 1, value) for k, value in enumerate(evaluation, 1))
        message += bytes((1 << 3 | 2, len(content))) + content
    message += bytes((2 << 3,)) + _varint(record.params) + struct.pack("<Bd", 3 << 3 | 1, record.total_time)
    text = (base64.encodebytes if lines else base64.b64encode)(message).decode()
    return json.dumps([record.hash, record.epochs, record.adjacency, record.ops, text]).encode()


def _varint(value):
    digits = []
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*digits, value))


def write_records(file, records):
    """Append records to a TFRecord file that is open for writing bytes."""
    for content in records:
        length = struct.pack("<Q", len(content))
        file.write(length + struct.pack("<I", mask_crc(crc32c(length))))
        file.write(content + struct.pack("<I", mask_crc(crc32c(content))))


def record(index, epochs=108, rng=None, **changes):
    """A record of that cell with values drawn from `rng`."""
    rng = rng or np.random.default_rng(index)
    cell = load_space().cell(index)
    accuracies = rng.random((3, 3)).astype(np.float32).astype(float).tolist()
    end = float(np.float32(rng.uniform(100, 4000)))
    half = float(np.float32(end / 2))
    evaluations = tuple(
        (at, time, *accuracy)
        for at, time, accuracy in zip((0.0, epochs / 2, float(epochs)), (0.0, half, end), accuracies, strict=True)
    )
    values = {
        "hash": cell.hash,
        "epochs": epochs,
        "adjacency": "".join(map(str, cell.matrix.ravel().tolist())),
        "ops": ",".join(cell.ops),
        "evaluations": evaluations,
        "params": load_space().params(index, CIFAR10),
        "total_time": end * 1.1 + 0.1,
    }
    return Record(**(values | changes))


def some_records(cells=CELLS, epochs=(108,), seed=0):
    """Three records of each cell and number of epochs, in a mixed order."""
    rng = np.random.default_rng(seed)
    made = [record(index, e, rng) for index in cells for e in epochs for _ in range(3)]
    return [made[k] for k in rng.permutation(len(made))]


def write_file(path, records, *, lines=True):
    """Write records, or bytes that stand for them."""
    with open(path, "wb") as file:
        write_records(file, [r if isinstance(r, bytes) else encode_record(r, lines=lines) for r in records])
    return path


def runs(records, index, epochs=108):
    """The evaluations of a cell in the order of the records, (n, 3, 5)."""
    name = load_space().hash(index)
    return np.array([r.evaluations for r in records if r.hash == name and r.epochs == epochs])
