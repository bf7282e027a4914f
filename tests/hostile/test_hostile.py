"""Changed and invented files for every reader: see ``harness``; many more of them by its command line."""

import os

import pytest
from harness import FINE, Sample, try_one
from readers import KINDS

# Of each kind; about 500 in all. EOMOO_HOSTILE asks for more.
N = int(os.environ.get("EOMOO_HOSTILE", "500")) // len(KINDS)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_changed_file_is_refused_in_a_sentence_or_read(kind):
    if kind.lacking():
        pytest.skip(kind.lacking())
    sample = Sample(kind)
    outcomes = [(number, *try_one(kind, sample, number, seed=1)) for number in range(N)]
    assert [found for found in outcomes if found[1] not in FINE] == []
