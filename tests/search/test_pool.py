"""The candidates that a search looks at."""

from types import SimpleNamespace

import numpy as np

from eomoo.search.pool import Pool


def test_what_was_evaluated_is_not_taken_in_again(pose):
    problem, rng = pose("err", "lat"), np.random.default_rng(0)
    eligible, evaluated = np.arange(0, 3_000, 3), np.arange(0, 3_000, 6)
    trace = SimpleNamespace(seen=lambda cells: np.isin(cells, evaluated))
    pool = Pool(problem, eligible, trace, most=600, neighborhood="edit", rng=rng)
    before = pool.cells
    taken = pool.take_unseen(rng)
    assert taken == len(pool.cells) - len(before) > 0
    assert not np.isin(pool.cells[len(before) :], evaluated).any()
    assert np.isin(eligible[1::2], pool.cells).all()
