"""Write a NAS-Bench-101 file of the true size and format with made-up values: every cell, three runs.

    python benchmarks/make_nasbench_file.py FILE.tfrecord [--epochs 108] [--one-line] [--seed 1]

The values are random, but of the true kinds: accuracies and training times are float32 numbers kept as
doubles, total times are doubles. `--one-line` leaves out the line breaks in the base64 text.
"""

from __future__ import annotations

import argparse
import base64
import struct
from pathlib import Path

import numpy as np

from eomoo import CIFAR10, load_space
from eomoo.data.tfrecord import crc32c_columns, mask_crc
from eomoo.files import atomic_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--epochs", type=int, nargs="+", default=[108])
    parser.add_argument("--one-line", action="store_true")
    parser.add_argument("--cells", type=int, help="only the first so many cells")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write(args.file, args.epochs, lines=not args.one_line, cells=args.cells, seed=args.seed)


def write(path: Path, epochs: list[int], *, lines: bool, cells: int | None = None, seed: int = 1) -> None:
    space, rng = load_space(), np.random.default_rng(seed)
    params = space.params(np.arange(len(space)), CIFAR10)
    order = rng.permutation(len(space))[:cells]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        for part in np.array_split(order, max(1, len(order) // 4096)):
            records = []
            for index, name in zip(part.tolist(), space.hash(part), strict=True):
                cell = space.cell(index)
                head = name, "".join(map(str, cell.matrix.ravel().tolist())), ",".join(cell.ops)
                for e in epochs:
                    for _ in range(3):
                        text = _metrics(e, int(params[index]), rng, lines=lines)
                        records.append(f'["{head[0]}", {e}, "{head[1]}", "{head[2]}", "{text}"]'.encode())
            file.write(_framed(records))


def _metrics(epochs: int, params: int, rng: np.random.Generator, *, lines: bool) -> str:
    drawn = rng.random(12).astype(np.float32)
    time = drawn[9] * np.float32(20 * epochs)
    rows = [
        (0.0, 0.0, 0.1 + drawn[0] / 100, 0.1 + drawn[1] / 100, 0.1 + drawn[2] / 100),
        (epochs / 2, time / 2, *drawn[3:6]),
        (float(epochs), time, *drawn[6:9]),
    ]
    message = b"".join(b"\x0a\x2d" + struct.pack("<BdBdBdBdBd", *_tagged(row)) for row in rows)
    varint = bytes((params >> 7 * k & 0x7F) | 0x80 for k in range(3 if params >= 1 << 21 else 2))
    message += b"\x10" + varint + bytes((params >> 7 * len(varint),))
    message += struct.pack("<Bd", 0x19, float(time) * 1.1 + rng.random())
    text = base64.encodebytes(message) if lines else base64.b64encode(message)
    return text.decode().replace("\n", "\\n")


def _tagged(row):
    for k, value in enumerate(row):
        yield 8 * k + 9
        yield float(value)


def _framed(records: list[bytes]) -> bytes:
    lengths = np.array([len(record) for record in records])
    footers = np.empty(len(records), dtype=np.uint32)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        text = np.frombuffer(b"".join(records[k] for k in rows), dtype=np.uint8)
        footers[rows] = mask_crc(crc32c_columns(np.ascontiguousarray(text.reshape(-1, length).T)))
    kinds = np.unique(lengths)
    marks = mask_crc(crc32c_columns(kinds.astype("<u8").view(np.uint8).reshape(-1, 8).T)).tolist()
    headers = {n: struct.pack("<QI", n, mark) for n, mark in zip(kinds.tolist(), marks, strict=True)}
    parts = zip(records, footers.tolist(), strict=True)
    return b"".join(headers[len(r)] + r + struct.pack("<I", footer) for r, footer in parts)


if __name__ == "__main__":
    main()
