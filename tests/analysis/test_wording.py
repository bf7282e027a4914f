"""What is said in words: of the values that a front rests on, of algorithms."""

from types import SimpleNamespace

from eomoo.analysis import basis_words
from eomoo.analysis.wording import algorithms_in_words
from eomoo.models.applicability import OPERATIONS, VALUE


def test_cells_are_counted_by_what_their_values_rest_on_and_why():
    said = basis_words(["", "", f"{VALUE}, {OPERATIONS}", "measured"])
    assert said.startswith("Of the front's 4 cells 2 are predicted, 1 is extrapolated and 1 is measured: ")
    assert said.count("(1)") == 2
    assert basis_words(["measured"]) == "The front's 1 cell is measured."
    assert basis_words(["measured"] * 3) == "The front's 3 cells are all measured."
    assert basis_words(["measured, contended"] * 2) == "The front's 2 cells are all measured, but contended."
    assert basis_words(["", ""]) == ""


def test_what_ways_of_one_algorithm_share_is_said_once():
    few, many, other = (
        SimpleNamespace(label=label, algorithm=algorithm)
        for label, algorithm in (("few", "pls"), ("many", "pls"), ("nsga2", "nsga2"))
    )
    assert algorithms_in_words([few, many, few]) == "few and many, all Pareto Local Search,"
    assert algorithms_in_words([few, few]) == "few (Pareto Local Search)"
    assert (
        algorithms_in_words([few, many, other]) == "few (Pareto Local Search), many (Pareto Local Search) and NSGA-II"
    )
