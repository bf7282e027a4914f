"""The benchmark suite: its landscapes and noise are what they are said to be, its runs go on, its report is made."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import graph_values
import suite_problems
import suite_report
import suite_runs
from suite_problems import PROBLEMS, NoisyProblem, SuiteProblem, landscape, limited
from suite_runs import ENTRANTS, GRID, Entrant, Scorer

from eomoo.files import read_json

CELLS = np.arange(0, 423_624, 1009)


@pytest.mark.parametrize("degree", ["easy", "hard"])
def test_values_of_a_graph_do_not_depend_on_the_order_of_its_vertices(degree):
    labels, edges = graph_values.graphs_of(CELLS)
    order = np.random.default_rng(1).permutation(7)
    turned = labels[:, order], edges[:, order][:, :, order]
    for function, last in ((graph_values.network_outputs, degree), (graph_values.hash_sums, 3)):
        expected = function(labels, edges, last, 5, 2)
        np.testing.assert_allclose(function(*turned, last, 5, 2), expected, rtol=1e-9, atol=1e-9)
        assert len(np.unique(expected.reshape(-1, 2)[-len(CELLS) :], axis=0)) > 0.9 * len(CELLS)
        assert not np.allclose(function(labels, edges, last, 6, 2), expected)


def test_a_hash_tells_what_lies_within_its_radius_and_nothing_else():
    """One operation is changed: the sums of radius 0 differ by that vertex alone, those of 2 by nearly all."""
    labels, edges = np.array([[3, 0, 1, 2, 0, 1, 4]]), np.eye(7, k=1, dtype=bool)[None]
    changed = labels.copy()
    changed[0, 3] = 0
    first, other = (graph_values.hash_sums(each, edges, 3, 1, 1) for each in (labels, changed))
    alone, without = (
        graph_values.hash_sums(np.array([[operation]]), np.zeros((1, 1, 1), dtype=bool), 1, 1, 1)
        for operation in (2, 0)
    )
    assert (first[0] - other[0]).item() == (alone[0] - without[0]).item()
    assert (first[1:] != other[1:]).all()


def test_each_look_is_a_draw_keyed_by_seed_cell_and_look():
    problem = landscape("hashed", "middle", 2, seed=1)
    deviations = np.tile([0.5, 2.0], (len(problem.space), 1))
    one, same, other = (NoisyProblem(problem, deviations, seed) for seed in (1, 1, 2))
    first = one.look(CELLS)
    again = one.look(CELLS[::-1])[::-1]
    assert np.array_equal(same.look(np.repeat(CELLS, 2))[::2], first)
    assert np.array_equal(same.look(CELLS[:1]), third_look(problem, deviations, 1, CELLS[:1]))
    noise = first - problem.values(CELLS)
    assert noise.std(axis=0) == pytest.approx([0.5, 2.0], rel=0.15)
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.15
    for values in (again, other.look(CELLS)):
        assert abs(np.corrcoef(noise[:, 0], (values - problem.values(CELLS))[:, 0])[0, 1]) < 0.15


def third_look(problem, deviations, seed, cells):
    looks = NoisyProblem(problem, deviations, seed)
    looks.look(cells), looks.look(cells)
    return looks.look(cells)


def test_a_limit_forbids_the_best_fifth_and_noise_is_not_scored():
    problem = limited(landscape("network", "easy", 2, seed=1), "f1", 0.2)
    everything = np.arange(len(problem.space))
    assert (problem.violations_at(everything) > 0).mean() == pytest.approx(0.2, abs=1e-4)
    scorer = Scorer(problem)
    front = problem.pareto_indices()
    seen = problem.objectives_at(front)
    assert scorer.share(front, seen, np.zeros(len(front))) == pytest.approx(1.0)
    # What looks as good but is not allowed, or not as good as it looked, is worth what it is.
    forbidden = np.flatnonzero(problem.violations_at(everything) > 0)[:5]
    assert scorer.share(forbidden, np.full((5, 2), -9.0), np.zeros(5)) == 0.0
    lucky = np.append(front, 7), np.concatenate((seen, [[-9.0, -9.0]])), np.zeros(len(front) + 1)
    assert scorer.share(*lucky) == scorer.share(np.array([7]), np.zeros((1, 2)), np.zeros(1)) < 0.9
    twice = np.array([7, 7, front[0]]), np.array([[-9.0, -9.0], [99.0, 99.0], [0.0, 0.0]]), np.zeros(3)
    assert scorer.share(*twice) == scorer.share(front[:1], seen[:1], np.zeros(1))


def test_runs_go_on_where_they_were_and_make_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(
        suite_runs, "ENTRANTS", {k: Entrant(spec=e.spec, least=100, most=100) for k, e in ENTRANTS.items()}
    )
    monkeypatch.setattr(suite_report, "BUDGETS", (50, 100))
    problems = {
        "plain": SuiteProblem(name="plain", block="a", make=lambda: landscape("network", "easy", 2, seed=1)),
        "noisy": SuiteProblem(name="noisy", block="b", make=lambda: landscape("hashed", "easy", 1, seed=2), noise=0.5),
    }
    monkeypatch.setattr(suite_runs, "PROBLEMS", problems)
    labels = ["surrogate PLS", "NSGA-II, 50", "NSGA-II, 200", "random search"]
    assert suite_runs.run_missing(tmp_path, problems["plain"], labels, [1, 2]) == 8
    assert suite_runs.run_missing(tmp_path, problems["plain"], labels, [1, 2]) == 0
    assert len(suite_runs.load_curves(tmp_path, labels, [1, 2])) == 1
    assert suite_runs.run_missing(tmp_path, problems["noisy"], labels, [1, 2]) == 8
    curves = suite_runs.load_curves(tmp_path, labels, [1, 2])
    for c in curves:
        for shares in c.shares.values():
            assert np.isfinite(shares[:, : sum(n <= 100 for n in GRID)]).all()
            assert (np.diff(shares[:, :15]) >= 0).all() or c.problem.noise
    suite_report.write_report(curves, 2, tmp_path / "suite.md")
    page = (tmp_path / "suite.md").read_text()
    for c in suite_report.cases(curves):
        listed = f"| {c.problem} | {c.budget:,} | {c.rival} | {c.mean:+.3f} ({c.low:+.3f} to {c.high:+.3f}) |" in page
        assert listed == (c.low < -suite_report.MARGIN)
    assert (tmp_path / "suite" / "anytime.png").stat().st_size > 10_000
    packed, other = tmp_path / "runs.jsonl.xz", tmp_path / "other"
    suite_runs.keep_runs(tmp_path, labels, [1, 2], packed)
    assert suite_runs.run_missing(other, problems["plain"], labels[:1], [1]) == 1
    own = suite_runs.path_of(other, "plain", labels[0], 1)
    before = own.read_bytes()
    assert suite_runs.take_kept(packed, other, labels[:3], [1, 2]) == 11
    assert own.read_bytes() == before
    taken = sorted(path.name for path in other.glob("*.json"))
    assert taken == sorted(path.name for path in tmp_path.glob("*.json") if "random" not in path.name)
    for name in set(taken) - {own.name}:
        assert (other / name).read_bytes() == (tmp_path / name).read_bytes()


def test_once_the_median_run_has_failed_the_others_end_at_the_last_budget_compared(tmp_path, monkeypatch):
    problem = SuiteProblem(name="plain", block="a", make=lambda: landscape("network", "easy", 2, seed=1))
    spec = ENTRANTS["random search"].spec
    monkeypatch.setattr(suite_runs, "ENTRANTS", {"random search": Entrant(spec=spec, least=50, most=80)})
    monkeypatch.setattr(suite_runs, "BUDGETS", (20, 50))

    def went(*seeds):
        suite_runs.run_missing(tmp_path, problem, ["random search"], seeds)
        return [read_json(suite_runs.path_of(tmp_path, "plain", "random search", seed))["n"] for seed in seeds]

    assert went(1, 2, 3) == [80, 80, 50]
    # With more seeds nothing is settled yet.
    assert went(1, 2, 3, 4, 5, 6) == [80, 80, 80, 50, 50, 50]
    monkeypatch.setattr(suite_runs, "FIRST", 2)
    assert went(*range(11, 18)) == [80, 80, 50, 50, 50, 50, 50]
    monkeypatch.setattr(suite_runs, "ENOUGH", 0.1)
    assert went(7, 8, 9) == [80, 80, 80]


def test_the_claim_counts_the_quicker_nsga2_and_its_whole_budget_where_it_never_arrives():
    shares = {label: np.zeros((5, len(GRID))) for label in ("surrogate PLS", "NSGA-II, 200", "NSGA-II, 50")}
    places = [GRID.index(n) for n in (100, 1_000, 500)]
    for values, place in zip(shares.values(), places, strict=True):
        values[:, place:] = 1.0
    problem = PROBLEMS["eo-macro-latency"]
    curves = suite_runs.Curves(problem=problem, shares=shares, microseconds={}, minutes=1.0)
    assert suite_report.ratio(curves) == pytest.approx((0.2, 0.2, 0.2))
    for label in ("NSGA-II, 200", "NSGA-II, 50"):
        shares[label][:] = 0.5
    assert suite_report.ratio(curves)[0] == pytest.approx(100 / suite_runs.MOST)
    shares["surrogate PLS"][:] = 0.5
    assert suite_report.ratio(curves) is None
    shares["NSGA-II, 50"][:, 60:] = 1.0
    found, _, most = suite_report.ratio(curves)
    assert found == pytest.approx(2_000 / suite_report.cells_to(curves, "NSGA-II, 50")[0])
    assert most == np.inf


def test_copies_of_a_card_are_one_block():
    named = {name: problem.block for name, problem in PROBLEMS.items()}
    assert {block for name, block in named.items() if name.startswith("eo-")} == {"EO"}
    assert named["eo-macro-latency, noise"] == named["eo-macro-latency"]
    assert {problem.noise for problem in PROBLEMS.values()} >= {0.0, 0.3, 1.0, "card"}
    assert suite_problems.SAMPLE in "".join(named)
