"""Changed and invented files, from a seed: what a broken disk, a wrong program or a bad day may leave."""

import os
import re
import socket

import numpy as np

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
WORD = re.compile(rb"[A-Za-z_]{2,}")
EXTREMES = [
    *(b"-1", b"0", b"1.5", b"1e999", b"-1e308", b"nan", b"inf", b"true", b'""', b"[]", b"{}", b"null"),
    *(b"9" * 40, b"9" * 5000, b"4000000000", b"100000000", b"1e-320", b'"\xff"', b"0x10", b"1_000"),
]
BEGINNINGS = [
    *(b"", b"\x00" * 64, b"PK\x03\x04", b"\x1f\x8b\x08", b"\x89HDF\r\n\x1a\n", b"PAR1", b"II*\x00", b"MM\x00*"),
    *(b"SQLite format 3\x00", b"\x89PNG\r\n\x1a\n", b"\x93NUMPY\x01\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\x80\x04"),
    *(b"cos\nsystem\n(S'touch executed'\ntR.", b"[" * 4000, b"{" * 4000, b"a=" + b"[" * 4000),
    b"version https://git-lfs",
]


def flip_bits(data, rng):
    out = bytearray(data)
    for at in rng.integers(0, len(out), int(rng.integers(1, 9))):
        out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def set_bytes(data, rng):
    out = bytearray(data)
    at, n = int(rng.integers(len(out))), int(rng.choice([1, 2, 4, 8, 64]))
    out[at : at + n] = rng.choice([b"\x00", b"\xff", b"\x7f", b"\x80"]) * len(out[at : at + n])
    return bytes(out)


def cut(data, rng):
    return data[: int(rng.integers(len(data)))]


def leave_out(data, rng):
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:a] + data[b:]


def repeat(data, rng):
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:b] + data[a:b] * int(rng.integers(1, 4)) + data[b:]


def insert(data, rng):
    at = int(rng.integers(len(data) + 1))
    return data[:at] + rng.bytes(int(rng.integers(1, 40))) + data[at:]


def from_anywhere(pattern, data, rng):
    """The first match at or after some place; None where there is none."""
    return pattern.search(data, int(rng.integers(len(data))))


def change_number(data, rng):
    match = from_anywhere(NUMBER, data, rng)
    if match is None:
        return flip_bits(data, rng)
    value = EXTREMES[int(rng.integers(len(EXTREMES)))]
    return data[: match.start()] + value + data[match.end() :]


def change_word(data, rng):
    match, other = from_anywhere(WORD, data, rng), from_anywhere(WORD, data, rng)
    if match is None or other is None:
        return flip_bits(data, rng)
    word = other.group() if rng.random() < 0.6 else b"<script>\xc3\xa9'\""
    return data[: match.start()] + word + data[match.end() :]


def swap_lines(data, rng):
    lines = data.split(b"\n")
    a, b = rng.integers(0, len(lines), 2)
    lines[a], lines[b] = lines[b], lines[a]
    if rng.random() < 0.5:
        lines.insert(int(a), lines[b])
    return b"\n".join(lines)


def begin_otherwise(data, rng):
    head = BEGINNINGS[int(rng.integers(len(BEGINNINGS)))]
    return head + (data[len(head) :] if rng.random() < 0.5 else rng.bytes(int(rng.integers(0, 200))))


MUTATIONS = [
    *(flip_bits, set_bytes, cut, leave_out, repeat, insert, begin_otherwise),
    *(change_number, change_word, swap_lines),
]
TEXT = [change_number, change_word, swap_lines, begin_otherwise, cut, leave_out, repeat, flip_bits]


def mutated(data, rng, *, text):
    """Another content, by one to three mutations."""
    known = TEXT if text else MUTATIONS
    for _ in range(int(rng.integers(1, 4))):
        if data:
            data = known[int(rng.integers(len(known)))](data, rng)
    return data


def make_special(path, rng):
    """Put something in a file's place that is no file to read whole; its name."""
    path.unlink()
    kinds = ["pipe", "folder", "/dev/zero", "/dev/null", "/dev/full", "nowhere", "itself", "socket", "a terabyte"]
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    elif kind == "a terabyte":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.symlink_to(path if kind == "itself" else kind)
    return kind


def generator(seed, kind, number):
    return np.random.default_rng([seed, sum(kind.encode()), number])
