"""Figures as files: those of an earlier form or name go, nobody else's do; and nothing in them warns by the clock."""

import ast
import errno
from pathlib import Path

import pytest
from matplotlib.ticker import LogFormatterMathtext

import eomoo
from eomoo.errors import DataError
from eomoo.files import save_figures
from eomoo.plots import FORMS, new_figure


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_what_was_drawn_before_goes_and_all_else_stays(tmp_path):
    figures = {name: new_figure(1.0, 1.0)[0] for name in ("front", "gone")}
    save_figures(figures, tmp_path, ("png", "pdf"), all_of="a study")
    save_figures({"sheet": figures["front"]}, tmp_path, FORMS, all_of="a landscape")
    save_figures({"loose": figures["gone"]}, tmp_path)
    save_figures({"single": figures["front"]}, tmp_path)
    (tmp_path / "gone.png").write_bytes(b"drawn anew by somebody else")
    (tmp_path / "folder.pdf").mkdir()
    # As another process writes one.
    (tmp_path / ".eomoo-front.png").write_bytes((tmp_path / "front.png").read_bytes())
    save_figures({"front": figures["front"]}, tmp_path, ("pdf",), all_of="a study")
    sheets = {f"sheet.{form}" for form in FORMS}
    assert names_in(tmp_path) == {
        "front.pdf",
        "gone.png",
        "loose.png",
        "single.png",
        "folder.pdf",
        ".eomoo-front.png",
        *sheets,
    }
    save_figures({}, tmp_path, all_of="a landscape")
    assert names_in(tmp_path) == {"front.pdf", "gone.png", "loose.png", "single.png", "folder.pdf", ".eomoo-front.png"}


def test_on_a_disk_that_gets_full_there_is_no_part_of_the_figures(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    figures = {name: new_figure(1.0, 1.0)[0] for name in ("front", "cells")}
    monkeypatch.setattr(figures["cells"], "savefig", full)
    with pytest.raises(DataError, match=r"cannot write .*cells\.png: the disk is full"):
        save_figures(figures, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_names_with_dollar_signs_are_no_formulas(tmp_path):
    figure, ax = new_figure(2.0, 2.0)
    ax.set_xscale("log")
    ax.plot([1, 1000], [1, 2], label="cost $a_$")
    ax.legend(loc="best")
    ax.set_title("$x_$")
    # matplotlib's own formulas stay.
    ax.xaxis.set_major_formatter(LogFormatterMathtext())
    assert figure._repr_png_()[0]
    save_figures({"front": figure}, tmp_path)
    kinds = {text.get_text(): text.get_parse_math() for text in [ax.title, *ax.get_legend().get_texts()]}
    assert kinds == {"$x_$": False, "cost $a_$": False}
    assert all(label.get_parse_math() for label in ax.get_xticklabels())


def test_formulas_that_a_user_adds_stay_in_notebooks():
    figure, ax = new_figure(2.0, 2.0)
    ax.set_title(r"$\alpha$")
    assert figure._repr_png_()[0]
    assert ax.title.get_parse_math()


def test_legends_say_where_they_stand():
    """Where a legend does not, matplotlib warns on a slow machine that the best place took more than a second."""
    for path in Path(eomoo.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "legend":
                given = {word.arg for word in node.keywords}
                assert "loc" in given, f"{path}, line {node.lineno}"
