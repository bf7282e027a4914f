"""Numbers as people read them: one rule for terminals, pages and figures."""

import json
import subprocess
from importlib.resources import files
from shutil import which

import numpy as np
import pytest

from eomoo.analysis.tables import Measured
from eomoo.analysis.wording import value_text
from eomoo.plots import column_numbers, new_figure, number, percent

PLAIN = {
    7.0: "7",
    -12.3456: "-12.35",
    1_234.56: "1,235",
    9_999.9: "10,000",
    12_345.6: "12,346",
    11_936_785.0: "11,936,785",
    12_345_678.9: "12.35 M",
    2.5e9 + 0.5: "2.5 G",
    1.23456e300: "1.235e+300",
    3.0e14: "3e+14",
    9.1e-05: "9.1e-05",
    float("nan"): "-",
    float("inf"): "-",
}
SPREADS = {0.7: "0.70", 0.0996: "0.10", 123.4: "123", 5.8e10: "58 G", 4.9e-14: "4.9e-14"}


@pytest.mark.parametrize(("value", "text"), PLAIN.items())
def test_no_number_has_more_digits_than_one_reads(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (55.0, 0.734, "55.00 ± 0.73"),
        (6.3861, 0.85, "6.39 ± 0.85"),
        (0.996, 0.0996, "1.00 ± 0.10"),
        (55.2, 0.7, "55.20 ± 0.70"),
        (123_456.7, 123.4, "123,457 ± 123"),
        (12_345_678.9, 2_345.6, "12.35 M ± 2,300"),
        (12_345_678.9, 2_345_600.0, "12.35 M ± 2.3 M"),
        (5.785e12, 5.8e10, "5.785e+12 ± 58 G"),
        (2.7551e-12, 4.9e-14, "2.755e-12 ± 4.9e-14"),
        (55.0, 1e-9, "55 ± 1e-09"),
        (0.0, 0.05, "0.000 ± 0.050"),
        (5.0, float("nan"), "5"),
        (5.0, float("inf"), "5"),
        (float("nan"), 1.0, "-"),
    ],
)
def test_a_value_is_as_exact_as_its_deviation(value, deviation, text):
    assert number(value, deviation) == text


def test_of_too_few_runs_no_interval_is_made_up():
    nan = float("nan")
    assert value_text(Measured(median=-0.1135, q25=nan, q75=nan)) == "-0.1135"
    assert value_text(Measured(median=0.5, q25=0.25, q75=1e-5)) == "0.5000 [0.2500, 0.0000]"


def test_numbers_of_a_column_end_at_the_same_place():
    assert column_numbers(np.array([615.8, 562.0, 86.5, float("nan")])) == ["615.8", "562.0", "86.5", "-"]
    assert column_numbers(np.array([0.14, 0.005, 0.0])) == ["0.140", "0.005", "0.000"]
    assert column_numbers(np.array([7, 11_936_785])) == ["7", "11,936,785"]


@pytest.mark.skipif(which("node") is None, reason="needs node")
def test_pages_write_numbers_as_terminals_do():
    script = (files("eomoo.analysis.printing") / "assets" / "dom.js").read_text(encoding="utf-8")
    values = [value for value in PLAIN if abs(value) < 1e300 and value == value]
    columns = [[7, 11_936_785], [0.14, 0.005, 0], [615.8, 86.5], [1.5e-12, 2.25e-13], [3.2e13, 1e12]]
    given = f"const [values, spreads, columns] = {json.dumps([values, list(SPREADS), columns])}"
    made = "[values.map(show), spreads.map(spread), columns.map((values) => values.map(columnFormat(values, null)))]"
    told = f"{script};{given};console.log(JSON.stringify({made}))"
    shown, spreads, by_column = json.loads(subprocess.run(["node", "-e", told], capture_output=True, check=True).stdout)
    # An exponent is written 1e-5 there.
    assert shown == [PLAIN[value].replace("e-0", "e-") for value in values]
    assert spreads == [text.replace("e-0", "e-") for text in SPREADS.values()]
    assert by_column == [column_numbers(np.array(values)) for values in columns]


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [
        (1.0, 2, "100.00 %"),
        (1.0 - 1e-12, 2, "100.00 %"),  # all, but for the order of a sum
        (0.99999, 2, "99.99 %"),
        (0.999, 0, "99 %"),
        (0.98765, 2, "98.77 %"),
        (0.0, 1, "0.0 %"),
    ],
)
def test_only_the_whole_is_100_per_cent(share, decimals, text):
    assert percent(share, decimals) == text


@pytest.mark.parametrize("ends", [(1000.0001, 1000.0003), (0, 4e15), (1e-12, 3e-12), (1e7, 1e7 + 10), (-4e6, 0)])
def test_ticks_of_a_figure_are_told_apart_and_short(ends):
    figure, ax = new_figure()
    ax.set_xlim(*ends)
    figure.draw_without_rendering()
    shown = [label.get_text() for label in ax.get_xticklabels()]
    assert len(set(shown)) == len(shown) > 2
    assert max(map(len, shown)) <= 12
    assert "-" not in "".join(shown), "a minus sign is no hyphen"
