"""Seeds of a study file, within what memory and store can hold."""

import pytest

from eomoo.errors import CardError
from eomoo.study.plan import parse_study

STUDY = {"title": "t", "problems": ["eo-macro-params"], "budget": 5, "algorithms": [{"algorithm": "random"}]}


@pytest.mark.parametrize("seeds", [100_000_000, 10**26, [2**63], [10**5000]])
def test_seeds_beyond_all_use_are_refused_before_they_are_made(seeds):
    with pytest.raises(CardError, match=r"^(seeds, a number or a list,|each of seeds) must be"):
        parse_study({**STUDY, "seeds": seeds})


def test_the_largest_seed_is_taken():
    assert parse_study({**STUDY, "seeds": [2**63 - 1]}).seeds == (2**63 - 1,)
