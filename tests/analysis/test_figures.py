"""Figures show what they are given."""

import numpy as np
import pytest

from eomoo.analysis.printing.figures import plot_best, plot_front, plot_front_matrix
from eomoo.fronts.objectives import Objective, Objectives
from eomoo.plots import COLORS, axis_label, new_figure

FRONT = np.array([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0]])
SEEN = np.array([[3.0, 3.0], [4.0, 2.0], [5.0, 5.0], [1.0, 3.0]])


def points_of(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines() if line.get_label()[0] != "_"}


def test_a_front_over_what_was_seen_with_the_true_front():
    _, ax = new_figure()
    kept = FRONT.copy()
    found = plot_front(
        ax,
        front=FRONT,
        seen=SEEN,
        true_front=FRONT - 0.5,
        reach=(FRONT - 0.1, FRONT + 0.1),
        labels=("error (%)", "latency"),
    )
    assert found is ax
    shown = points_of(ax)
    assert shown["evaluated (4)"].tolist() == SEEN.tolist()
    assert shown["front found (3)"].tolist() == FRONT[np.argsort(FRONT[:, 0])].tolist()
    assert sorted(shown["true front (3)"].tolist()) == sorted((FRONT - 0.5).tolist())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("error (%)", "latency")
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {*shown, "standard deviation"}
    assert (kept == FRONT).all()


def test_what_is_not_given_is_not_drawn():
    _, ax = new_figure()
    plot_front(ax, front=FRONT, seen=SEEN[:0], labels=("a", "b"), label="mine")
    assert list(points_of(ax)) == ["mine (3)"]


NEAR = FRONT + 1.5
FAR = FRONT - 5.0


@pytest.mark.parametrize(
    ("what", "given", "points"),
    [("seen", NEAR, NEAR), ("bands", [(90, NEAR)], NEAR), ("true_front", FAR, FAR), ("reach", (FAR, FRONT), FAR)],
)
def test_what_lies_near_the_front_or_is_compared_with_it_is_in_view(what, given, points):
    _, ax = new_figure()
    plot_front(ax, front=FRONT, labels=("a", "b"), **{what: given})
    for k, (low, high) in enumerate((ax.get_xlim(), ax.get_ylim())):
        shown = np.concatenate([FRONT, points])[:, k]
        assert low < shown.min()
        assert shown.max() < high


@pytest.mark.parametrize("m", [3, 4])
def test_a_panel_for_each_pair_of_objectives(m):
    figure, ax = new_figure()
    ax.remove()
    front = np.random.default_rng(0).random((5, m))
    plot_front_matrix(figure, front=front, seen=front + 1, labels=[f"f{k}" for k in range(m)])
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == m * (m - 1) // 2
    for ax in panels:
        x, y = (int(label[1]) for label in (ax.get_xlabel(), ax.get_ylabel()))
        expected = front[np.argsort(front[:, x])][:, [x, y]]
        assert points_of(ax)["front found (5)"].tolist() == expected.tolist()


@pytest.mark.parametrize(("direction", "best"), [("min", [3, 3, 1]), ("max", [3, 5, 5])])
def test_the_best_of_one_objective(direction, best):
    _, ax = new_figure()
    values, feasible = np.array([[3.0], [9.0], [5.0], [1.0]]), np.array([True, False, True, True])
    error = Objectives((Objective(name="e", title="error", unit="%", direction=direction),))
    plot_best(ax, error, values=values, feasible=feasible)
    shown = points_of(ax)
    assert shown["evaluated (3)"].tolist() == [[1, 3], [3, 5], [4, 1]]
    assert shown["best so far"].tolist() == [[1, best[0]], [3, best[1]], [4, best[2]]]
    assert ax.get_ylabel() == "error (%)"
    assert ax.get_lines()[1].get_drawstyle() == "steps-post"


def test_labels_and_colors():
    assert axis_label("latency", "ms") == "latency (ms)"
    assert axis_label("parameters", "") == "parameters"
    assert len(set(COLORS)) == len(COLORS) == 12


def test_figures_are_tied_to_no_display(tmp_path):
    figure, axes = new_figure(3, 2, nrows=2, ncols=2)
    assert axes.shape == (2, 2)
    figure.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_error_bars_end_where_no_value_can_be():
    reach = np.maximum(FRONT - 5, 0), np.minimum(FRONT + 5, 6)
    _, ax = new_figure()
    plot_front(ax, front=FRONT, reach=reach, labels=("a", "b"))
    ends = np.concatenate([part for bars in ax.collections for part in bars.get_segments()])
    assert ends.min() == 0
    assert ends.max() == max(6, FRONT.max())
