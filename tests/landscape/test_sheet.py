"""The sheet of a landscape shows what was measured."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.errors import SettingError
from eomoo.landscape import analyse_landscape
from eomoo.landscape.sheet import draw_landscape


@pytest.fixture(scope="module")
def analysis(small_problem):
    return analyse_landscape(small_problem, n_walks=20, walk_length=20, n_searches=2)


@pytest.fixture(scope="module")
def panels(analysis):
    figure = draw_landscape(analysis)["landscape"]
    yield {ax.get_title(loc="left").partition(") ")[2].partition(":")[0]: ax for ax in figure.axes}
    plt.close(figure)


def lines_of(ax):
    return [line.get_xydata() for line in ax.get_lines()]


def test_the_front_stands_among_the_cells_and_in_its_components(analysis, panels):
    landscape = analysis.landscape
    front = landscape.values[landscape.front]
    assert lines_of(panels["objective space"])[0].tolist() == front.tolist()
    steps, *components = lines_of(panels["front"])
    assert sorted(np.concatenate(components).tolist()) == sorted(front.tolist())
    # A step leads from a cell to another of its component.
    one, other = steps[::3], steps[1::3]
    holds = [[(part[:, None] == ends).all(axis=2).any(axis=0) for ends in (one, other)] for part in components]
    assert np.all(holds, axis=1).any(axis=0).all()
    assert (one != other).any()


def test_neighbours_are_bars_that_fill_a_hundred(analysis, panels):
    found = analysis.numbers["neighbours"]
    shares = [[each[k] for k in ("better", "equal", "worse")] for each in found["by_objective"].values()]
    shares.append([found["dominance"][k] for k in ("dominating", "equal", "dominated")])
    bars = np.array([bar.get_width() for bar in panels["neighbours compared"].patches]).reshape(-1, 4)
    assert bars[:, [0, 1, 3]] == pytest.approx(100 * np.array(shares))
    assert bars.sum(axis=1) == pytest.approx(100.0)


def test_curves_are_those_of_each_objective(analysis, panels):
    F = analysis.landscape.F
    away = [bars.lines[0].get_ydata() for bars in panels["fitness and distance"].containers]
    scaled = (F - F.min(axis=0)) / np.ptp(F, axis=0)
    middle = [np.median(scaled[analysis.distance == d], axis=0) for d in range(analysis.distance.max() + 1)]
    assert np.transpose(away) == pytest.approx(np.array(middle))
    basins = [optima.basin for optima in (*analysis.optima, analysis.pareto)]
    for basin, line in zip(basins, lines_of(panels["basins of local optima"]), strict=True):
        for size, share in line[np.flatnonzero(np.diff(line[:, 0], prepend=0))]:
            assert share == pytest.approx((basin >= size).mean())
    walks = lines_of(panels["random walks"])
    for k, curve in enumerate(analysis.autocorrelation):
        assert (walks[2 * k][:, 1] == curve.mean).all()
        assert (walks[2 * k + 1][:, 1] == analysis.exact[:, k]).all()
    assert (lines_of(panels["dominance ranks"])[0][:, 1] == np.bincount(analysis.ranks)).all()


def test_a_width_that_no_figure_has_is_told(analysis):
    with pytest.raises(SettingError, match="width of a figure must be one of column, page; got 'wide'"):
        draw_landscape(analysis, width="wide")


def test_numbers_are_those_of_the_landscape(analysis, panels):
    texts = [text.get_text() for text in panels["in numbers"].texts]
    shown = dict(zip(texts[::2], texts[1::2], strict=True))
    sizes, steps = np.bincount(analysis.component), analysis.distance
    assert shown["front, components"] == f"{sizes.sum()} / {len(sizes)}"
    assert shown["largest component"] == f"{sizes.max()}"
    assert shown["Pareto local optima"].startswith(f"{len(analysis.pareto.cells)} (")
    assert shown["steps to front, mean / max"] == f"{steps.mean():.1f} / {steps.max()}"
    assert shown["dominance ranks"] == f"{analysis.ranks.max() + 1}"
    assert shown["Spearman of the objectives"] == f"{spearmanr(analysis.landscape.F).statistic:.2f}"
