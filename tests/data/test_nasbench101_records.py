"""Records of NAS-Bench-101: a real one's bytes by hand, and the fast reader against the obvious one."""

import base64
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from nasbench_files import encode_record, record, some_records
from obvious_records import decode_record

from eomoo.data.nasbench_batches import decode_batch
from eomoo.errors import DataError

FILE = Path("nasbench_full.tfrecord")
# The ModelMetrics of the first record of nasbench_full.tfrecord, written out field by field.
EVALUATION = bytes.fromhex(
    "0a2d 09 0000000000000000 11 0000000000000000 19 000000a0aaaab93f 21 000000609006b93f 29 000000006990b93f"
    "0a2d 09 0000000000000040 11 000000c074934640 19 000000609006ba3f 21 00000020dff2ba3f 29 00000080cbb7ba3f"
    "0a2d 09 0000000000001040 11 00000020db795640 19 000000401a64d63f 21 000000605555d63f 29 000000e0f26dd63f"
)
METRICS = EVALUATION + bytes.fromhex("10 8a988a04 19 00004087 39db7940")
HEAD = [
    "00005c142e6f48ac74fdcf73e3439874",
    4,
    "0100110001000000010010000010000001000000010000000",
    "input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output",
]


def text(metrics=METRICS, head=HEAD, **json_options):
    return json.dumps([*head, base64.encodebytes(metrics).decode()], **json_options).encode()


def same(batch, k, record):
    assert batch.hashes[k].tobytes().decode() == record.hash
    assert batch.epochs[k] == record.epochs
    np.testing.assert_array_equal(batch.evaluations[k], record.evaluations)
    assert batch.params[k] == record.params
    assert batch.total_times[k] == record.total_time


def test_a_record_assembled_by_hand():
    for one_line in (False, True):
        data = text() if not one_line else text().replace(b"\\n", b"")
        record = decode_record(data)
        assert record.hash == HEAD[0]
        assert record.epochs == 4
        assert record.evaluations == (
            (0.0, 0.0, 0.1002604141831398, 0.09775640815496445, 0.09985977411270142),
            (2.0, 45.152000427246094, 0.10166265815496445, 0.10526842623949051, 0.10436698794364929),
            (4.0, 89.90399932861328, 0.3498597741127014, 0.3489583432674408, 0.3504607379436493),
        )
        assert record.params == 8_555_530
        assert record.total_time == 413.7015450000763
        assert encode_record(record, lines=not one_line) == data
        same(decode_batch(FILE, 0, [data]), 0, record)


def test_the_fast_reader_agrees_with_the_obvious_one(space):
    rng = np.random.default_rng(3)
    cells = [*rng.integers(0, len(space), 300).tolist(), *np.flatnonzero(space.n_vertices <= 4).tolist()]
    records = [record(i, int(rng.choice([4, 12, 36, 108])), rng) for i in cells]
    datas = [encode_record(r, lines=bool(rng.random() < 0.7)) for r in records]
    batch = decode_batch(FILE, 0, datas)
    assert batch.numbers.tolist() == list(range(len(records)))
    for k, r in enumerate(records):
        same(batch, k, r)
    assert space.lookup(batch.masks, batch.codes).tolist() == cells


def test_only_the_published_form_is_read():
    """Other forms of the same message are no records of the published files, so nobody vouches for them."""
    left_out = METRICS.replace(bytes.fromhex("09 0000000000000000 11 0000000000000000"), b"", 1)
    left_out = left_out.replace(b"\x0a\x2d", b"\x0a\x1b", 1)
    with_path = METRICS.replace(EVALUATION[:47], b"\x0a\x32" + EVALUATION[2:47] + b"\x32\x03abc")
    last_first = METRICS[len(EVALUATION) :] + EVALUATION
    for metrics in (left_out, with_path, METRICS + b"\x25abcd", last_first):
        assert decode_record(text(metrics)).hash == HEAD[0]
        with pytest.raises(DataError, match="its metrics are not three evaluations"):
            decode_batch(FILE, 0, [text(metrics)])
    for data in (text(indent=1), text().replace(b"00005c", b"\\u0030000\\u0035c")):
        assert decode_record(data).hash == HEAD[0]
        with pytest.raises(DataError, match="not a JSON array"):
            decode_batch(FILE, 0, [data])
    same(decode_batch(FILE, 0, [text(separators=(",", ":"))]), 0, decode_record(text()))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"\xff\xfe", "not a JSON array"),
        (b"[" * 100_000, "not a JSON array"),
        (b"{}", "not a JSON array"),
        (text(head=HEAD[:3]), "not a JSON array"),
        (text(head=[HEAD[0], True, *HEAD[2:]]), "not a JSON array"),
        (text(head=["0", *HEAD[1:]]), "not a JSON array"),
        (text(head=[HEAD[0], 0, *HEAD[2:]]), "not a JSON array"),
        (text(head=[HEAD[0], 10**30, *HEAD[2:]]), "not a JSON array"),
        (text(head=[*HEAD[:2], "0120", HEAD[3]]), "not a JSON array"),
        (text(head=[*HEAD[:2], "01", HEAD[3]]), "no cell of the space"),
        (text(head=[*HEAD[:2], "0110", "input,output"]), "no cell of the space"),
        (text(head=[*HEAD[:2], "0100", "input,conv9x9,output"]), "no cell of the space"),
        (text(head=[*HEAD[:3], HEAD[3].replace("conv1x1", "conv9x9")]), "no cell of the space"),
        (text(head=[*HEAD[:3], HEAD[3].replace("output", "outpux")]), "no cell of the space"),
        (json.dumps([*HEAD, "Ci0"]).encode(), "no base64 text"),
        (json.dumps([*HEAD, "Ci0*"]).encode(), "not a JSON array"),
        (json.dumps([*HEAD, "é"]).encode(), "not a JSON array"),
        (text(METRICS[:-1]), "its metrics are not three evaluations"),
        (text(METRICS[:60]), "its metrics are not three evaluations"),
        (text(METRICS + b"\x80"), "its metrics are not three evaluations"),
        (text(METRICS + b"\x0b"), "its metrics are not three evaluations"),
        (text(EVALUATION[47:] + METRICS[141:]), "its metrics are not three evaluations"),
        (text(EVALUATION + b"\x10" + b"\xff" * 9 + b"\x01"), "its metrics are not three evaluations"),
    ],
)
def test_what_is_no_record_is_named(data, match):
    good = encode_record(record(3))
    with pytest.raises(DataError, match=rf"{FILE}, record 10: .*{match}"):
        decode_batch(FILE, 8, [good, data])


@pytest.mark.parametrize("position", range(0, 360, 3))
def test_a_changed_character_never_passes_unseen(position, space):
    """Whatever the fast reader takes is what the obvious one reads."""
    good = encode_record(record(100_434))
    bad = bytearray(good)
    bad[position] ^= 0x15
    try:
        expected = decode_record(bytes(bad))
    except DataError:
        with pytest.raises(DataError):
            decode_batch(FILE, 0, [good, good, bytes(bad)])
        return
    try:
        batch = decode_batch(FILE, 0, [good, good, bytes(bad)])
    except DataError:
        # The obvious reader leaves the graph unchecked, and takes what no published file has.
        assert expected != record(100_434) or bytes(bad) != good
        return
    same(batch, 2, expected)
    same(batch, 1, decode_record(good))


def test_a_record_is_what_it_was_written_from():
    for r in some_records(epochs=(4, 108)):
        assert decode_record(encode_record(r)) == r
        assert decode_record(encode_record(dataclasses.replace(r, params=5), lines=False)).params == 5
