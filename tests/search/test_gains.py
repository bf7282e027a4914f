"""What candidates are expected to gain: limits that were seen to be broken, and trainings taken to end as expected."""

from types import SimpleNamespace

import numpy as np
import pytest

from eomoo.search.gains import Gains

# Error (dear), size (known) and latency (timed) of five cells; the limit is on latency, and cell 0 was timed.
VALUES = np.array([[4.0, 4.0, 9.0], [4.0, 3.0, 1.0], [4.0, 2.0, 1.0], [3.0, 4.0, 9.0], [5.0, 5.0, 1.0]])
LAST = 1


@pytest.fixture
def scored():
    """Scores of the five cells, and how many were hopeless, given what is believed."""
    cells = np.arange(len(VALUES))
    known, timed, dear = np.eye(3, dtype=bool)[[1, 2, 0]]
    told = SimpleNamespace(mean=VALUES[:, 0], std=np.full(len(cells), 0.5))
    gains = Gains(
        SimpleNamespace(
            n_obj=2, reference_point=np.array([10.0, 10.0]), constraints=[SimpleNamespace(least=-np.inf, most=5.0)]
        ),
        SimpleNamespace(
            known=known, timed=timed, dear=dear, known_values=lambda at: np.where(known, VALUES[at], np.nan)
        ),
        SimpleNamespace(
            known=lambda at: at == 0,
            predict=lambda at: (VALUES[at, 2:], np.where(at == 0, 0.0, 0.01)[:, None]),
        ),
        SimpleNamespace(
            columns=np.array([0]), last_rung=LAST, minimised=lambda raw: raw, predict=lambda *_, **__: [told]
        ),
        cells,
        4,
    )  # fmt: skip

    def score(*believed):
        front = np.array([[8.0, 8.0]])
        found = gains.score(
            SimpleNamespace(cells=cells), front, front, believed, np.ones(len(cells)), again=False,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        return found, gains.n_hopeless

    return score


def test_a_cell_that_was_timed_and_breaks_a_limit_is_hopeless_and_one_that_is_only_predicted_to_is_not(scored):
    score, n_hopeless = scored()
    assert np.isneginf(score).tolist() == [True, False, False, False, False]
    assert n_hopeless == 1
    assert score[3] < 0 < score[1]


def test_only_full_trainings_are_believed_to_enter_the_front(scored):
    np.testing.assert_array_equal(scored((2, LAST - 1))[0], scored()[0])
    assert (scored((2, LAST))[0][[1, 4]] < scored()[0][[1, 4]]).all()


def test_trainings_that_are_expected_to_break_a_limit_are_not_believed_to_enter_the_front(scored):
    np.testing.assert_array_equal(scored((3, LAST))[0], scored()[0])
