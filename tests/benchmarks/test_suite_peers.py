"""The comparison with peers from outside: equal evaluations, kept, and told with intervals."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import suite_peers
from suite_problems import SuiteProblem, landscape

PROBLEM = SuiteProblem(name="easy", block="a", make=lambda: landscape("network", "easy", 2, seed=1))


def test_a_peer_has_as_many_distinct_cells_and_is_asked_once(tmp_path, monkeypatch):
    asked = []

    def draw(problem, budget, seed):
        asked.append((budget, seed))
        return problem.random_cells(budget, np.random.default_rng(seed))

    monkeypatch.setattr(suite_peers, "PEERS", {"drawing": draw})
    monkeypatch.setattr(suite_peers, "AT", (20, 40, 80))
    for _ in range(2):
        page = suite_peers.compare(tmp_path, PROBLEM, range(1, 3))
    assert asked == [(80, 1), (80, 2)]
    default, drawing = (row.split("|")[4] for row in page.splitlines()[2:])
    assert float(default.split("±")[0]) > float(drawing.split("±")[0]) > 50


@pytest.mark.parametrize("label", ["Optuna's TPE", "Optuna's NSGA-II", "BoTorch's qLogNEHVI"])
def test_each_peer_finds_distinct_cells_and_the_same_again(label, monkeypatch):
    pytest.importorskip("botorch" if "BoTorch" in label else "optuna")
    monkeypatch.setattr(suite_peers, "_N_CANDIDATES", 60)
    cells, again = (suite_peers.PEERS[label](PROBLEM.make(), 24, 5) for _ in range(2))
    assert len(np.unique(cells)) == len(cells) == 24
    assert cells.tolist() == again.tolist()
