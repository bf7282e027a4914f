"""TFRecord files, framed and checked with NumPy alone: blocks of records, and their CRC-32C checksums.

A record is its length (little-endian uint64), the masked CRC-32C of these 8 bytes, the data, and the
masked CRC-32C of the data. The checksums of all records of one length are computed together: a CRC is
linear, so it is the XOR of one table entry for each byte of the data. That is about as fast as calling
a native CRC-32C once a record, and needs no package.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eomoo.arrays import Ints
from eomoo.errors import DataError
from eomoo.files import reading

# CRC-32C's polynomial, its bits reversed (RFC 3720, appendix B.4); TFRecord's mask and frame (TensorFlow,
# core/lib/hash/crc32c.h and core/lib/io/record_writer.h).
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
_HEADER, _FOOTER = 12, 4
# Bytes read at once: tens of thousands of records, that NumPy works on together; a few blocks are in memory.
_BLOCK_BYTES = 12 << 20
# A record has some 400 bytes, and checking one takes a table of a kilobyte for each of its bytes.
_MAX_RECORD = 1 << 16
# Rows turned into columns at once, which the processor's cache holds.
_ROWS = 2048


def mask_crc(crc: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Checksums as TFRecord stores them: rotated, with a constant added."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK_DELTA)


def crc32c_columns(columns: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """CRC-32C of n texts of one length L, given as columns: (L, n) uint8 -> (n,) uint32."""
    length, n = columns.shape
    # In steps of 512, so that one table serves the records of all usual lengths, some 400 bytes.
    table, of_zeros = _distance_tables(-(-length // 512) * 512)
    crc = np.full(n, of_zeros[length], dtype=np.uint32)
    part = np.empty_like(crc)
    for k, column in enumerate(columns):
        # With mode="clip" nothing is buffered; a byte is always a valid index.
        table[length - 1 - k].take(column, out=part, mode="clip")
        crc ^= part
    return crc


@dataclass(frozen=True, kw_only=True)
class Block:
    """A run of whole records of a file; their data are not checked yet.

    Attributes:
        path: The file.
        first: Number of the first record, counted from 0.
        stop_byte: Where in the file the block ends.
        data: The bytes.
        starts, lengths: (n,) int64, where each record's data begin in `data`, and their length.
    """

    path: Path
    first: int
    stop_byte: int
    data: NDArray[np.uint8]
    starts: Ints
    lengths: Ints

    def records(self) -> Iterator[bytes]:
        """The records' data, in order."""
        data = self.data.tobytes()
        for start, length in zip(self.starts.tolist(), self.lengths.tolist(), strict=True):
            yield data[start : start + length]

    def check(self) -> None:
        """Compare the checksums, those of all records of one length together."""
        for length in np.unique(self.lengths).tolist():
            rows = np.flatnonzero(self.lengths == length)
            columns = self._columns(self.starts[rows], length + _FOOTER)
            stored = np.ascontiguousarray(columns[length:].T).view("<u4")[:, 0]
            wrong = np.flatnonzero(mask_crc(crc32c_columns(columns[:length])) != stored)
            if len(wrong):
                raise record_error(
                    self.path, self.first + int(rows[wrong[0]]), "its checksum is wrong: the file is damaged"
                )

    def _columns(self, starts: Ints, length: int) -> NDArray[np.uint8]:
        columns = np.empty((length, len(starts)), dtype=np.uint8)
        # Every text of that length in the block, overlapping, as one item each.
        texts = np.ndarray((len(self.data) - length + 1,), dtype=f"V{length}", buffer=self.data, strides=(1,))
        for k in range(0, len(starts), _ROWS):
            rows = texts[starts[k : k + _ROWS]].view(np.uint8).reshape(-1, length)
            columns[:, k : k + _ROWS] = rows.T
        return columns


def read_blocks(path: str | Path) -> Iterator[Block]:
    """Read a TFRecord file in blocks of a few megabytes, checking the lengths' checksums."""
    path, left, first, offset = Path(path), b"", 0, 0
    lengths_of: dict[bytes, int] = {}
    with reading(path) as file:
        while True:
            fresh = file.read(_BLOCK_BYTES)
            data = left + fresh
            starts, lengths, stop = _frames(data, lengths_of, path, first)
            if starts:
                yield Block(
                    path=path,
                    first=first,
                    stop_byte=offset + stop,
                    data=np.frombuffer(data, dtype=np.uint8),
                    starts=np.array(starts, dtype=np.int64),
                    lengths=np.array(lengths, dtype=np.int64),
                )
            left, first, offset = data[stop:], first + len(starts), offset + stop
            if not fresh:
                break
    if left:
        if first == 0:
            raise DataError(f"{path} is no TFRecord file, or is cut off within its first record")
        raise record_error(path, first, f"the file is cut off within it, {len(left):,} bytes after byte {offset:,}")
    if first == 0:
        raise DataError(f"{path} is empty")


def record_error(path: Path, number: int, what: str) -> DataError:
    """The error that names a record, counted from 0 inside and from 1 for people."""
    return DataError(f"{path}, record {number + 1:,}: {what}")


def _frames(data: bytes, lengths_of: dict[bytes, int], path: Path, first: int) -> tuple[list[int], list[int], int]:
    """Starts and lengths of the whole records in `data`, and where the last of them ends.

    Headers repeat, so `lengths_of` keeps the length of each one that was found right.
    """
    starts: list[int] = []
    lengths: list[int] = []
    position, size = 0, len(data)
    while position + _HEADER <= size:
        header = data[position : position + _HEADER]
        length = lengths_of.get(header)
        if length is None:
            length = lengths_of[header] = _checked_length(header, path, first + len(starts))
        stop = position + _HEADER + length + _FOOTER
        if stop > size:
            break
        starts.append(position + _HEADER)
        lengths.append(length)
        position = stop
    return starts, lengths, position


def _checked_length(header: bytes, path: Path, number: int) -> int:
    length, stored = struct.unpack("<QI", header)
    if mask_crc(crc32c_columns(np.frombuffer(header[:8], dtype=np.uint8)[:, None]))[0] != stored:
        if number == 0:
            raise DataError(f"{path} is no TFRecord file: its first 12 bytes are no length with a checksum")
        raise record_error(path, number, "the checksum of its length is wrong: the file is damaged")
    if length > _MAX_RECORD:
        raise record_error(path, number, f"it has {length:,} bytes; at most {_MAX_RECORD:,} are read")
    return int(length)


@lru_cache(maxsize=4)
def _distance_tables(length: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """What a byte adds to a CRC, (length, 256) by its distance from the end; CRCs of 0..length zero bytes."""
    byte = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        byte = (byte >> np.uint32(1)) ^ (byte & np.uint32(1)) * np.uint32(_POLYNOMIAL)
    table = np.empty((length, 256), dtype=np.uint32)
    of_zeros = np.empty(length + 1, dtype=np.uint32)
    state, of_zeros[0] = np.uint32(0xFFFFFFFF), 0
    row = byte
    for k in range(length):
        table[k] = row
        row = byte[row & np.uint32(0xFF)] ^ (row >> np.uint32(8))
        state = byte[state & np.uint32(0xFF)] ^ (state >> np.uint32(8))
        of_zeros[k + 1] = state ^ np.uint32(0xFFFFFFFF)
    return table, of_zeros
