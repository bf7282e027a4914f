"""What is said of the values that a front rests on."""

from eomoo.analysis import basis_words
from eomoo.models.applicability import OPERATIONS, VALUE


def test_cells_are_counted_by_what_their_values_rest_on_and_why():
    said = basis_words(["", "", f"{VALUE}, {OPERATIONS}", "measured"])
    assert said.startswith("Of the front's 4 cells 2 are predicted, 1 is extrapolated and 1 is measured: ")
    assert said.count("(1)") == 2
    assert basis_words(["measured"]) == "The front's 1 cell is measured."
    assert basis_words(["measured"] * 3) == "The front's 3 cells are all measured."
    assert basis_words(["measured, contended"] * 2) == "The front's 2 cells are all measured, but contended."
    assert basis_words(["", ""]) == ""
