"""Records of NAS-Bench-101: a real one's bytes by hand, and the fast reader against the obvious one."""

import base64
import dataclasses
import json

import numpy as np
import pytest
from nasbench_files import encode_record, record, some_records

from eomoo.data.nasbench_batches import RecordError, decode_batch
from eomoo.data.nasbench_records import decode_record
from eomoo.errors import DataError

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
        same(decode_batch(0, [data]), 0, record)


def test_the_fast_reader_agrees_with_the_obvious_one(space):
    rng = np.random.default_rng(3)
    cells = [*rng.integers(0, len(space), 300).tolist(), *np.flatnonzero(space.n_vertices <= 4).tolist()]
    records = [record(i, int(rng.choice([4, 12, 36, 108])), rng) for i in cells]
    datas = [encode_record(r, lines=bool(rng.random() < 0.7)) for r in records]
    batch = decode_batch(0, datas)
    assert batch.numbers.tolist() == list(range(len(records)))
    for k, r in enumerate(records):
        same(batch, k, r)
    assert space.lookup(batch.masks, batch.codes).tolist() == cells


def test_records_of_unusual_form_are_read_as_well(space):
    usual = [encode_record(record(i)) for i in (5, 6, 7)]
    left_out = METRICS.replace(bytes.fromhex("09 0000000000000000 11 0000000000000000"), b"", 1)
    left_out = left_out.replace(b"\x0a\x2d", b"\x0a\x1b", 1)
    with_path = METRICS.replace(EVALUATION[:47], b"\x0a\x32" + EVALUATION[2:47] + b"\x32\x03abc")
    unusual = [
        text(left_out),
        text(with_path),
        text(METRICS + b"\x25abcd"),
        text(METRICS[len(EVALUATION) :] + EVALUATION),
        text(separators=(",", ":")),
        text(indent=1),
        text().replace(b"00005c", b"\\u0030000\\u0035c"),
        text(head=[HEAD[0], 4, "0" * 7 + HEAD[2], HEAD[3]][:2] + HEAD[2:]),
    ]
    batch = decode_batch(0, usual + unusual)
    for k, data in enumerate(usual + unusual):
        same(batch, k, decode_record(data))
    assert space.lookup(batch.masks, batch.codes).tolist() == [5, 6, 7] + [0] * len(unusual)
    np.testing.assert_array_equal(batch.evaluations[3, 0], batch.evaluations[4, 0])


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"\xff\xfe", "no JSON text"),
        (b"[" * 100_000, "no JSON text"),
        (b"{}", "not a JSON array"),
        (text(head=HEAD[:3]), "not a JSON array"),
        (text(head=[HEAD[0], True, *HEAD[2:]]), "not a JSON array"),
        (text(head=["0", *HEAD[1:]]), "'0' is no hash"),
        (text(head=[HEAD[0], 0, *HEAD[2:]]), "0 is no number of epochs"),
        (text(head=[HEAD[0], 10**30, *HEAD[2:]]), "is no number of epochs"),
        (text(head=[*HEAD[:2], "01", HEAD[3]]), "no square of digits"),
        (text(head=[*HEAD[:2], "0120", HEAD[3]]), "no square of digits"),
        (text(head=[*HEAD[:2], "0110", "input,output"]), "not upper triangular"),
        (text(head=[*HEAD[:2], "0100", "input,conv9x9,output"]), "lengths differ"),
        (text(head=[*HEAD[:3], HEAD[3].replace("conv1x1", "conv9x9")]), "unknown operation 'conv9x9"),
        (text(head=[*HEAD[:3], HEAD[3].replace("output", "outpux")]), "operations must begin"),
        (json.dumps([*HEAD, "Ci0"]).encode(), "no base64 text"),
        (json.dumps([*HEAD, "Ci0*"]).encode(), "no base64 text"),
        (json.dumps([*HEAD, "é"]).encode(), "no base64 text"),
        (text(METRICS[:-1]), "cut off"),
        (text(METRICS[:60]), "cut off"),
        (text(METRICS + b"\x80"), "cut off"),
        (text(METRICS + b"\x0b"), "unknown kind 3"),
        (text(EVALUATION[47:] + METRICS[141:]), "has 2 evaluations, not 3"),
        (text(b""), "has 0 evaluations"),
        (text(EVALUATION + b"\x10" + b"\xff" * 9 + b"\x01"), "no number of parameters"),
    ],
)
def test_what_is_no_record_is_named(data, match):
    good = encode_record(record(3))
    with pytest.raises(RecordError, match=match) as caught:
        decode_batch(8, [good, data])
    assert caught.value.number == 9
    if "lengths" not in match and "oper" not in match and "triangular" not in match:
        with pytest.raises(DataError, match=match):
            decode_record(data)


@pytest.mark.parametrize("position", range(0, 360, 3))
def test_a_changed_character_never_passes_unseen(position, space):
    """The fast reader judges as the obvious one does."""
    good = encode_record(record(100_434))
    bad = bytearray(good)
    bad[position] ^= 0x15
    try:
        expected = decode_record(bytes(bad))
    except DataError:
        with pytest.raises(RecordError):
            decode_batch(0, [good, good, bytes(bad)])
        return
    try:
        batch = decode_batch(0, [good, good, bytes(bad)])
    except RecordError:
        # The obvious reader leaves the graph unchecked.
        assert (expected.adjacency, expected.ops) != (record(100_434).adjacency, record(100_434).ops)
        return
    same(batch, 2, expected)
    same(batch, 1, decode_record(good))


def test_a_record_is_what_it_was_written_from():
    for r in some_records(epochs=(4, 108)):
        assert decode_record(encode_record(r)) == r
        assert decode_record(encode_record(dataclasses.replace(r, params=5), lines=False)).params == 5
