"""The fronts that come with eomoo are those of the cards and models that come with it."""

import sys
from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.search import uncertainty as module
from eomoo.search.uncertainty import SHIPPED, kept_name, read_fronts

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from shipped_fronts import predicted_problems, write_shipped

AGAIN = "draw them again: python benchmarks/shipped_fronts.py"


def test_every_shipped_card_with_predictions_has_its_fronts_and_no_others_lie_there():
    there = {path.name for path in SHIPPED.glob("*.npz")}
    assert there == {kept_name(problem, 200, 0) for problem in predicted_problems()}, AGAIN
    assert len(there) >= 6
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 3e6


@pytest.mark.parametrize("card", ["eo-macro-params", "eo-macro-traintime"])
def test_they_are_of_draws_as_they_are_now(card):
    problem = eomoo.get_problem(card)
    fronts, n_candidates = read_fronts(SHIPPED / kept_name(problem, 200, 0))
    assert (fronts.n, n_candidates > 10_000) == (200, True)
    cells = np.unique(fronts.cells)[::20]
    drawn = problem.objectives.minimise(problem.joint_draws(cells, 200, seed=0))
    for k, cell in enumerate(cells):
        mine = fronts.cells == cell
        np.testing.assert_allclose(fronts.points[mine], drawn[fronts.draw[mine], k], rtol=1e-9, err_msg=AGAIN)


def test_a_first_run_draws_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "draw_fronts", None)
    found = eomoo.run("eo-macro-latency", algorithm="random", budget=30, constraints="latency<=12")
    assert found.stored.run.uncertainty.n_draws == 200
    assert not list(tmp_path.iterdir())


def test_they_are_written_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_HOPE", 0.05)
    monkeypatch.setattr("shipped_fronts.list_problems", lambda: ["eo-macro-params", "eo-table-macro-latency"])
    (tmp_path / "old.npz").write_text("of other models")
    (path,) = write_shipped(tmp_path, n_draws=3)
    assert list(tmp_path.iterdir()) == [path]
    fronts, _ = read_fronts(path)
    assert fronts.n == 3
    # What is drawn is what is kept: without the last bits, which would make files a third larger.
    assert not (fronts.points.view(np.uint64) % 2**20).any()
    drawn, _ = module.draw_fronts(eomoo.get_problem("eo-macro-params"), 3, 0)
    np.testing.assert_array_equal(drawn.points, fronts.points)


def test_shipped_fronts_are_kept_as_draws_are_now():
    for path in SHIPPED.glob("*.npz"):
        assert not (read_fronts(path)[0].points.view(np.uint64) % 2**20).any(), AGAIN
