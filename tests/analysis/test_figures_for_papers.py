"""Figures fit a column and a page of a paper, whole, with letters that print, and an algorithm keeps its looks."""

import re

import numpy as np
import pytest
from made_results import made
from matplotlib.colors import to_hex

import eomoo
from eomoo.analysis import algorithm_style
from eomoo.analysis.curves import anytime, attainment, differences
from eomoo.analysis.printing import figures as printed
from eomoo.analysis.printing.figures import plot_curves, plot_differences
from eomoo.analysis.runs import write_run
from eomoo.analysis.styles import style_numbers
from eomoo.errors import SettingError
from eomoo.files import check_figures, save_figures
from eomoo.plots import COLORS, FORMS, WIDTHS, line_style, look, new_figure, spread
from eomoo.search import ALGORITHMS


@pytest.fixture(scope="module")
def run(small_card_of_three):
    return eomoo.run(small_card_of_three, algorithm="random", budget=60)


@pytest.fixture(scope="module")
def results():
    base = np.array([[0.5, 3.0], [0.7, 5.0], [0.9, 8.0]])
    return made({"pls": base, "nsga2 of a very long name": base * 0.97, "random": base * 0.9})


def drawn(monkeypatch, module, write):
    """The figures that ``write`` would write."""
    found = {}
    monkeypatch.setattr(module, "save_figures", lambda figures, *_, **__: found.update(figures) or [])
    write()
    return found


def check_whole(figures, width):
    """Nothing of a figure is beyond its edge, and no number hides in a corner."""
    for name, figure in figures.items():
        with look():
            figure.draw_without_rendering()
            box = figure.get_tightbbox()
        wide, high = figure.get_size_inches()
        assert wide == WIDTHS[width]
        assert np.all(np.array([box.x0, box.y0, wide - box.x1, high - box.y1]) > -0.02), name
        assert high < 9.7, f"{name} is higher than a page"  # 247 mm
        for ax in figure.axes:
            # A caption says what a figure is of; a card's name is the name of a file.
            assert "made" not in ax.get_title() + figure.get_suptitle(), name
            assert {axis.get_offset_text().get_text() for axis in (ax.xaxis, ax.yaxis)} == {""}, name
        sizes = {text.get_fontsize() for text in figure.findobj(lambda found: hasattr(found, "get_fontsize"))}
        assert min(sizes) > 6.9, name  # points, but for what is above and below a line


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_a_figure_is_cut(run, results, width, monkeypatch, tmp_path):
    import eomoo.analysis.runs as runs

    found = drawn(monkeypatch, runs, lambda: write_run(run.stored, tmp_path, width=width))
    study = drawn(monkeypatch, printed, lambda: printed.write_figures(results, tmp_path, width=width))
    assert set(found) == {"front", "cells"}
    assert {re.sub("-.*", "", name.removeprefix("made-")) for name in study} == {
        "anytime", "attainment", "difference", "shifts",
    }  # fmt: skip
    check_whole({**found, **study}, width)


def test_forms_hold_whole_letters_and_are_the_same_every_time(run, tmp_path):
    for folder in ("a", "b"):
        assert len(save_figures({"front": run.plot()}, tmp_path / folder, FORMS)) == len(FORMS)
    for form in FORMS:
        content = (tmp_path / "a" / f"front.{form}").read_bytes()
        assert content == (tmp_path / "b" / f"front.{form}").read_bytes()
    pdf, svg = ((tmp_path / "a" / f"front.{form}").read_bytes() for form in ("pdf", "svg"))
    assert b"/Subtype /Type3" not in pdf
    assert b"/FontFile2" in pdf
    assert abs(float(re.search(rb"MediaBox \[ 0 0 ([\d.]+)", pdf)[1]) - 88 / 25.4 * 72) < 0.1
    assert b"<text" not in svg
    with pytest.raises(SettingError, match="form of a figure must be one of png, pdf, svg; got 'gif'"):
        run.write(tmp_path / "c", ["gif"])
    with pytest.raises(SettingError, match="width of a figure must be one of column, page"):
        check_figures(["png"], "poster")
    assert (check_figures(None, "column"), check_figures("pdf", "column")) == ((), ("pdf",))
    assert not (tmp_path / "c").exists()


def test_an_algorithm_looks_the_same_whatever_stands_beside_it(results):
    numbers = style_numbers({name: name for name in ALGORITHMS})
    assert sorted(numbers.values()) == list(range(len(ALGORITHMS)))
    for name, number in numbers.items():
        assert style_numbers({"mine": "pls", name: name})[name] == number
        assert algorithm_style(name) == line_style(number)
    variants = style_numbers({"pls, many": "pls", "pls, few": "pls", "nsga2": "nsga2", "of others": "unknown"})
    assert (variants["pls, many"], variants["nsga2"]) == (numbers["pls"], numbers["nsga2"])
    assert len(set(variants.values())) == 4
    lines = {line.name: line.group for line in anytime(results.problems[0], "x").series}
    assert (lines["pls"], lines["random"]) == (numbers["pls"], numbers["random"])
    common = [algorithm_style(name) for name in ("pls", "surrogate-pls", "nsga2", "random")]
    assert len({found["linestyle"] for found in common}) == 4
    looks = [line_style(number) for number in range(len(COLORS))]
    assert len({(found["marker"], found["linestyle"]) for found in looks}) == len(looks)


def test_where_one_attains_more_often_wears_the_colours_of_the_two(results):
    problem = results.problems[0]
    pair = next(pair for pair in differences(problem, "x") if {pair.first, pair.second} == {"pls", "random"})
    _, axes = new_figure(ncols=2)
    plot_differences(axes, pair, attainment(problem, "x"))
    for ax, name, group, side in zip(axes, (pair.first, pair.second), pair.groups, (1, -1), strict=True):
        ahead = [side * box[4] for box in pair.boxes if side * box[4] > 0]
        assert ax.collections[0].get_array().tolist() == ahead
        assert line_style(group) == algorithm_style(name)
        assert to_hex(ax.collections[0].get_cmap()(1.0)) == algorithm_style(name)["color"]
        drawn = {line.get_label(): (line.get_color(), line.get_linestyle()) for line in ax.get_lines()}
        for other in (pair.first, pair.second):
            assert drawn[other] == (algorithm_style(other)["color"], algorithm_style(other)["linestyle"])


def test_bands_of_curves_end_at_their_quartiles(results):
    curves, (_, ax) = anytime(results.problems[0], "x"), new_figure()
    plot_curves(ax, curves)
    for band, line in zip(ax.collections, curves.series, strict=True):
        ends = {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
        assert {*zip(line.x, line.low, strict=True), *zip(line.x, line.high, strict=True)} <= ends


def test_pages_have_the_colors_of_figures():
    css = printed.__file__.replace("figures.py", "assets/page.css")
    with open(css, encoding="utf-8") as file:
        shown = dict(re.findall(r"--g(\d+): light-dark\((#\w+),", file.read()))
    assert {int(number): color for number, color in shown.items()} == dict(enumerate(COLORS))


def test_far_points_do_not_squeeze_a_front_and_large_numbers_are_said():
    _, ax = new_figure()
    front = np.array([[1.0, 2e5], [2.0, 3e6], [3.0, 4e7]])
    ax.plot(*front.T)
    spread(ax, np.concatenate((front, [[90.0, 5e7], [-60.0, 3e5]])), front)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    assert -2 < ax.get_xlim()[0] < -1 < 3.0 < ax.get_xlim()[1] < 6
    assert ax.get_ylim()[0] < 2e5 < 4e7 < ax.get_ylim()[1]
    said = ax.yaxis.get_major_formatter()
    assert [said(value, None) for value in (2e5, 5e6, 0)] == ["0.2M", "5M", "0"]
    ax.set_ylim(1e5, 3e9)
    assert said(2e9, None) == "2G"
    assert [ax.xaxis.get_major_formatter()(value, None) for value in (-2.5, 12000)] == ["\N{MINUS SIGN}2.5", "12,000"]


def test_a_figure_is_laid_out_once_and_drawn_once_for_each_form(tmp_path):
    figure, ax = new_figure()
    (line,) = ax.plot([1.0, 2.0])
    drawn = []
    line.draw = drawn.append
    save_figures({"one": figure}, tmp_path, FORMS)
    assert len(drawn) == 1 + len(FORMS)
