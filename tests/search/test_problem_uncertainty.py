"""What can be said of a problem's front: which cells could matter, joint draws of them, what is kept."""

from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.errors import SettingError
from eomoo.fronts import non_dominated
from eomoo.search import uncertainty as module

CARD = "eo-macro-latency"


@pytest.fixture(autouse=True)
def _few_cells(monkeypatch, tmp_path):
    """Few cells that could matter, in small blocks, and a cache of its own."""
    monkeypatch.setattr(module, "_HOPE", 0.15)
    monkeypatch.setattr(module, "_BLOCK", 300)
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path))


def ask(*limits, cells=None, n_draws=12, seed=0, card=CARD, **options):
    problem = eomoo.get_problem(card, constraints=limits, **options)
    return eomoo.front_uncertainty(problem, cells, n_draws=n_draws, seed=seed)


def test_probabilities_are_those_of_joint_draws_of_all_cells_that_could_matter():
    problem = eomoo.get_problem(CARD)
    found = eomoo.front_uncertainty(problem, n_draws=12)
    candidates = module.hopeful_cells(problem)
    assert 300 < len(candidates) == found.n_candidates
    np.testing.assert_array_equal(found.cells, problem.pareto_indices())
    F = problem.joint_draws(candidates, 12, seed=0)
    times = np.zeros(len(problem.space))
    for draw in F:
        times[candidates[non_dominated(draw)]] += 1
    assert times[found.cells].sum() > 0
    np.testing.assert_array_equal(found.probability, times[found.cells] / 12)
    assert problem.predicted
    assert not found.known
    assert not found.exact.any()


def test_what_is_better_larger_is_drawn_as_what_is_better_smaller(tmp_path):
    """An accuracy is what an error leaves: the same draws, the same fronts, the same probabilities."""
    text = (Path(__file__).parents[2] / "problems" / f"{CARD}.toml").read_text(encoding="utf-8")
    for old, new in (('"val_macro_error"', '"val_macro"'), ('"%"', '"fraction"'), ("60.0", "0.4")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "mine.toml").write_text(text.replace('direction = "min"', 'direction = "max"', 1), encoding="utf-8")
    cells = eomoo.get_problem(CARD).pareto_indices()[::20]
    error, accuracy = ask(cells=cells), ask(cells=cells, card=tmp_path / "mine.toml")
    np.testing.assert_allclose(-accuracy.drawn[:, :, 0], 1 - error.drawn[:, :, 0] / 100)
    assert error.probability.max() > 0
    np.testing.assert_array_equal(accuracy.probability, error.probability)


def test_a_cell_is_as_probable_as_its_equal_that_is_kept():
    """Cells of other graphs may have equal features, predictions and draws: none is better than the other."""
    problem = eomoo.get_problem(CARD)
    kept = np.unique(eomoo.front_uncertainty(problem, n_draws=12).fronts.cells)
    _, first, times = np.unique(problem.values(kept), axis=0, return_index=True, return_counts=True)
    one = kept[first[times > 1][0]]
    first, second = kept[(problem.values(kept) == problem.values(one)).all(axis=1)][:2]
    alone = [ask(cells=[cell]).probability[0] for cell in (first, second)]
    together = ask(cells=[first, second]).probability
    assert alone == together.tolist()
    assert alone[0] == alone[1] > 0


def test_cells_that_could_matter_are_those_whose_hopeful_values_nothing_beats():
    problem = eomoo.get_problem(CARD, constraints=["params<=3e6"])
    candidates = module.hopeful_cells(problem)
    some = np.random.default_rng(0).choice(len(problem.space), 300, replace=False)
    some = np.concatenate((some, candidates[:50]))
    front = problem.objectives_at(problem.pareto_indices())
    hope = problem.objectives_at(some) - 0.15 * problem.ignorance(some)[:, :2]
    beaten = [((front <= h).all(axis=1) & (front < h).any(axis=1)).any() for h in hope]
    small = problem.space.params(some, problem.skeleton) <= 3e6
    np.testing.assert_array_equal(np.isin(some, candidates), small & ~np.array(beaten))


def test_the_same_seed_says_the_same_and_another_does_not():
    first = ask().to_dataframe()
    assert first.equals(ask().to_dataframe())
    assert not first.equals(ask(seed=1).to_dataframe())
    # Other draws have other fronts.
    assert ask().fronts.cells.tolist() != ask(seed=1).fronts.cells.tolist()
    other = ask(seed=1)
    problem = eomoo.get_problem(CARD)
    drawn = problem.joint_draws(other.fronts.cells, 12, seed=1)
    points = drawn[other.fronts.draw, np.arange(len(other.fronts.cells))]
    np.testing.assert_allclose(other.fronts.points, points, rtol=1e-9)


def test_fronts_are_kept_and_found_again_and_made_again_where_they_are_damaged(tmp_path, monkeypatch):
    first = ask().to_dataframe()
    (kept,) = (tmp_path / "fronts").iterdir()
    made = []
    monkeypatch.setattr(module, "fronts_of_draws", lambda *args: made.append(args))
    assert ask().to_dataframe().equals(first)
    monkeypatch.undo()
    assert not made
    monkeypatch.setattr(module, "_HOPE", 0.15)
    monkeypatch.setenv("EOMOO_CACHE", str(tmp_path))
    kept.write_bytes(kept.read_bytes()[:200])
    assert ask().to_dataframe().equals(first)


def test_a_limit_on_an_objective_needs_no_fronts_of_its_own(tmp_path):
    free, limited = ask(), ask("latency<=9")
    assert len(list((tmp_path / "fronts").iterdir())) == 1
    assert len(limited.cells) < len(free.cells)
    latency = limited.drawn[:, :, 1]
    np.testing.assert_array_equal(limited.limit_probability[:, 0], (latency <= 9).mean(axis=0))
    assert (limited.fronts.points[:, 1] <= 9).all()
    kept = {
        c: p for c, p, ok in zip(free.cells, free.probability, free.drawn[:, :, 1].T, strict=True) if (ok <= 9).all()
    }
    assert kept
    for cell, p in zip(limited.cells, limited.probability, strict=True):
        if int(cell) in kept:
            assert p == kept[int(cell)]


@pytest.mark.parametrize("limit", ["params<=3e6", "latency>=8"])
def test_any_other_limit_does(tmp_path, limit):
    ask()
    found = ask(limit)
    assert len(list((tmp_path / "fronts").iterdir())) == 2
    assert found.limits == (str(eomoo.get_problem(CARD, constraints=[limit]).constraints[0]),)
    if limit.startswith("params"):
        small = eomoo.load_space().params(found.fronts.cells) <= 3e6
        assert small.all()
    else:
        assert (found.fronts.points[:, 1] >= 8).all()


def test_known_objectives_are_never_drawn_and_choose_the_representatives():
    found = ask(card="eo-macro-params")
    assert found.exact.tolist() == [False, True]
    assert (np.ptp(found.drawn[:, :, 1], axis=0) == 0).all()
    assert (np.ptp(found.drawn[:, :, 0], axis=0) > 0).all()
    params = dict(zip(found.cells.tolist(), found.drawn[0, :, 1], strict=True))
    for group in found.groups:
        assert params[group.representative] == min(params[int(cell)] for cell in group.cells)


def test_measured_values_are_exact(card):
    found = ask(card=card("err", "lat", source="part"))
    assert found.known
    assert (found.probability == 1).all()
    assert (found.regret == 0).all()


def test_of_measured_cells_none_that_could_matter_is_left_out_beforehand(tmp_path):
    rng, cells = np.random.default_rng(0), np.arange(0, 420_000, 700)
    truth = 8 + rng.standard_normal(len(cells))
    rows = [
        f"{c},{e + rng.standard_normal()},{k}"
        for _ in range(2)
        for k, (c, e) in enumerate(zip(cells, truth, strict=True))
    ]
    (tmp_path / "t.csv").write_text("index,err,cost\n" + "\n".join(rows))
    rest = 'direction = "min"\nsource = "table:t.csv"\n'
    objectives = [f'[[objectives]]\nname = "{n}"\nunit = "{u}"\n{rest}' for n, u in (("err", "%"), ("cost", ""))]
    (tmp_path / "t.toml").write_text('title = "t"\n' + "".join(objectives))
    problem = eomoo.get_problem(tmp_path / "t.toml")
    found = module.hopeful_cells(problem)
    F, room = problem.expected(cells), module._HOPE * problem.ignorance(cells)
    could = [not ((f - r >= F).all(axis=1) & (f - r > F).any(axis=1)).any() for f, r in zip(F, room, strict=True)]
    assert found.tolist() == cells[could].tolist()
    assert len(problem.pareto_indices()) < len(found) < len(cells)
    assert not np.array_equal(F[:, 0], problem.values(cells)[:, 0])


def test_cells_are_compared_with_those_that_are_named(card):
    problem = eomoo.get_problem(card("err", "lat"))
    cells = problem.pareto_indices()[:5]
    found = eomoo.front_uncertainty(problem, cells, among=problem.pareto_indices()[:20], n_draws=50)
    assert found.n_candidates == 20
    assert np.setdiff1d(found.fronts.cells, problem.pareto_indices()[:20]).size == 0
    assert 0 < found.probability.mean() < 1
    column = eomoo.front_uncertainty(problem, cells[:, None], among=problem.pareto_indices()[:20], n_draws=50)
    assert column.probability.tolist() == found.probability.tolist()


def test_what_cannot_be_is_refused():
    with pytest.raises(SettingError, match="ask the problem without noise"):
        ask(noise=1)
    with pytest.raises(SettingError, match="one comes twice"):
        ask(cells=[3, 3])
    with pytest.raises(SettingError, match="n_draws must be a whole number"):
        ask(n_draws=0)
    with pytest.raises(SettingError, match="no cell has the index"):
        ask(cells=[-1])


def test_a_cell_could_matter_whose_hopeful_value_keeps_a_limit_to_either_side():
    least = eomoo.get_problem(CARD, constraints=["val_micro>=0.6"])
    told = least.limited_values(module.hopeful_cells(least))[:, 0]
    assert told.min() < 0.6 < told.max()
    most = eomoo.get_problem(CARD, constraints=["val_micro<=0.6"])
    told = most.limited_values(module.hopeful_cells(most))[:, 0]
    assert told.min() < 0.6 < told.max()
