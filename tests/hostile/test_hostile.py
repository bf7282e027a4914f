"""Changed and invented files for every reader: see ``harness``; many more of them by its command line."""

import itertools
import os
import time

import harness
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("endless", [lambda: sum(itertools.repeat(1)), lambda: time.sleep(60)])
def test_what_computes_or_waits_without_end_is_stopped(endless, monkeypatch):
    monkeypatch.setattr(harness, "MOST_SECONDS", 1)
    monkeypatch.setattr(harness, "MOST_WAITING", 10 if endless.__code__.co_names[0] == "sum" else 1)
    assert harness.in_a_process(endless) == (("too long", ""), 0)
