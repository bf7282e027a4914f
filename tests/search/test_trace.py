"""The trace of a search: arrays that grow, snapshots that share."""

import copy
import pickle

import numpy as np

from eomoo.search.trace import Trace


def fill(trace, start, n):
    index = np.arange(start, start + n) * 7 % 10_007
    trace.append(index, np.stack([index, -index], axis=1).astype(float), (index % 2).astype(float))
    return index


def test_cells_in_order_with_their_values():
    trace, seen = Trace(10_007, 2), []
    for n in (1, 0, 255, 1, 700, 3):
        seen += fill(trace, len(seen), n).tolist()
    assert len(trace) == 960
    assert trace.index.tolist() == seen
    F, violation = trace.values_of(np.array(seen[::-5]))
    assert F[:, 0].tolist() == (-F[:, 1]).tolist() == seen[::-5]
    assert violation.tolist() == [cell % 2 for cell in seen[::-5]]
    known = trace.seen(np.arange(10_007))
    assert np.flatnonzero(known).tolist() == sorted(seen)


def test_snapshots_stay_as_they_were_and_share_memory():
    trace = Trace(10_007, 2)
    fill(trace, 0, 100)
    snapshot = copy.deepcopy(trace)
    assert np.shares_memory(snapshot.F, trace.F)
    before = snapshot.index.copy()
    later = fill(trace, 100, 400)
    assert snapshot.index.tolist() == before.tolist()
    assert not snapshot.seen(later).any()
    assert trace.seen(later).all()


def test_a_snapshot_that_goes_on_parts_from_its_original():
    trace = Trace(10_007, 2)
    fill(trace, 0, 100)
    snapshot = copy.deepcopy(copy.deepcopy(trace))
    mine, other = fill(trace, 100, 50), fill(snapshot, 1_000, 60)
    assert trace.index[100:].tolist() == mine.tolist()
    assert snapshot.index[100:].tolist() == other.tolist()
    assert not trace.seen(other).any()
    assert not snapshot.seen(mine).any()
    assert trace.values_of(mine)[0][:, 0].tolist() == mine.tolist()


def test_pickles_hold_what_was_seen_only():
    trace = Trace(423_624, 2)
    fill(trace, 0, 100)
    data = pickle.dumps(trace)
    assert len(data) < 10_000
    twin = pickle.loads(data)
    assert twin.index.tolist() == trace.index.tolist()
    assert (twin.F == trace.F).all()
    fill(twin, 100, 10)
    assert (len(twin), len(trace)) == (110, 100)
