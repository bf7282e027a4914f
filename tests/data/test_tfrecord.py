"""TFRecord files: the checksum, framing, damage of every kind."""

import io
import struct

import numpy as np
import pytest
from nasbench_files import crc32c, mask_crc, write_records

from eomoo.data import tfrecord
from eomoo.data.tfrecord import crc32c_columns, read_blocks
from eomoo.errors import DataError, DataNotFoundError


def written(tmp_path, records):
    path = tmp_path / "t.tfrecord"
    with open(path, "wb") as file:
        write_records(file, records)
    return path


def read(path):
    """The records in the file's order, their checksums compared."""
    found = []
    for block in read_blocks(path):
        assert block.first == len(found)
        block.check()
        found += block.records()
    return found


def records(n=50):
    rng = np.random.default_rng(1)
    return [rng.bytes(int(size)) for size in rng.integers(0, 9, n) * 100 + 3]


def test_the_checksum_of_the_standard_texts():
    # RFC 3720, B.4, and the check value of CRC-32C.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"") == 0


@pytest.mark.parametrize("length", [0, 1, 2, 31, 511, 512, 513, 1025])
def test_the_checksums_of_columns_are_those_of_bytes(length):
    texts = np.random.default_rng(length).integers(0, 256, (7, length), dtype=np.uint8)
    got = crc32c_columns(np.ascontiguousarray(texts.T))
    assert got.tolist() == [crc32c(text.tobytes()) for text in texts]


def test_the_bytes_of_a_frame_by_hand(tmp_path):
    path = written(tmp_path, [b"abc"])
    length = struct.pack("<Q", 3)
    assert path.read_bytes() == (
        length + struct.pack("<I", mask_crc(crc32c(length))) + b"abc" + struct.pack("<I", mask_crc(0x364B3FB7))
    )
    assert mask_crc(0) == 0xA282EAD8
    assert mask_crc(0x00008000) == 0xA282EAD9


def test_what_was_written_is_read(tmp_path, monkeypatch):
    wanted = records()
    path = written(tmp_path, wanted)
    assert read(path) == wanted
    for size in (1, 7, 400, 5000):
        monkeypatch.setattr(tfrecord, "_BLOCK_BYTES", size)
        assert read(path) == wanted


def test_every_flipped_bit_is_found(tmp_path):
    wanted = [b"abcde", b"xyz", b"abcdf"]
    path = written(tmp_path, wanted)
    whole = path.read_bytes()
    for k in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[k // 8] ^= 1 << k % 8
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"record [123]|no TFRecord file"):
            read(path)


def test_the_damaged_record_is_named(tmp_path):
    wanted = records()
    path = written(tmp_path, wanted)
    damaged = bytearray(path.read_bytes())
    at = sum(len(record) + 16 for record in wanted[:20]) + 12
    damaged[at] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"t.tfrecord, record 21: its checksum is wrong"):
        read(path)
    damaged[at] ^= 1
    damaged[at - 12] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"record 21: the checksum of its length is wrong"):
        read(path)


def test_every_cut_is_found(tmp_path):
    path = written(tmp_path, [b"abcde", b"xyz"])
    whole = path.read_bytes()
    boundary = 16 + 5
    for stop in range(len(whole)):
        path.write_bytes(whole[:stop])
        if stop == boundary:
            assert read(path) == [b"abcde"]
            continue
        with pytest.raises(DataError, match=r"cut off within|is empty"):
            read(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "t.tfrecord"
    path.write_bytes(b"index,hash\n" * 9)
    with pytest.raises(DataError, match="is no TFRecord file"):
        read(path)
    with pytest.raises(DataError, match="is a folder, not a file"):
        read(tmp_path)
    with pytest.raises(DataNotFoundError, match="there is no file"):
        read(tmp_path / "none")
    length = struct.pack("<Q", 1 << 40)
    path.write_bytes(length + struct.pack("<I", mask_crc(crc32c(length))) + b"abc")
    with pytest.raises(DataError, match=r"record 1: it has 1,099,511,627,776 bytes"):
        read(path)


def test_writing_appends(tmp_path):
    file = io.BytesIO()
    write_records(file, [b"a"])
    write_records(file, [b"b"])
    path = tmp_path / "two"
    path.write_bytes(file.getvalue())
    assert read(path) == [b"a", b"b"]
