"""The benchmark of live searches: its simulated workers, its measured tables, its figures."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import eomoo
from eomoo.data import measured_table, write_measured
from eomoo.errors import DataError
from eomoo.search import CostAwareSearch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import keep_table
from live_search_problems import from_measured, seed_noise, table_problems
from live_search_report import draw_figure, summary
from live_search_runs import ARMS, add_earlier, by_name, replay, run_arm, waited

NAMES = {"val_micro": "validation micro accuracy", "val_macro": "validation macro accuracy", "train_time": "time",
         "latency": "latency", "params": "parameters"}  # fmt: skip


def measured(folder, space, epochs, noise, seed):
    """A table of 60 cells, each trained once or twice, as `eomoo measure` writes it."""
    rng = np.random.default_rng(seed)
    cells = np.random.default_rng(1).choice(len(space), 60, replace=False)
    cells = np.concatenate((cells, cells[:20]))
    params = space.params(cells).astype(float)
    signal = 0.5 + 0.05 * np.log10(params)
    rows = pd.DataFrame({"index": cells, "params": params, "train_time": epochs * params / 1e6})
    rows["repeat"], rows["seed"] = (np.arange(80) >= 60).astype(int), (np.arange(80) >= 60).astype(int)
    rows["val_micro"] = np.clip(signal + noise * rng.standard_normal(80), 0, 1)
    rows["val_macro"], rows["latency"] = rows["val_micro"] - 0.1, np.sqrt(params)
    columns = [
        {"name": name, "title": title, "unit": "fraction" if "val" in name else "", "direction": "min", "kind": "given"}
        for name, title in NAMES.items()
    ]
    curves = pd.DataFrame({"index": cells, "repeat": rows["repeat"], "seed": rows["seed"], "epoch": 1})
    curves["val_micro"] = rows["val_micro"]
    facts = {
        "title": "made",
        "columns": columns,
        "training": {"epochs": str(epochs)},
        "data": {"source": "so2sat:/a/b"},
    }
    write_measured(measured_table(rows, facts, curves), folder)
    return folder


@pytest.fixture
def makers(tmp_path, space):
    kept = [keep_table.keep(measured(tmp_path / str(e), space, e, 0.01, e), tmp_path / f"kept{e}") for e in (9, 1)]
    cells, rungs = from_measured(kept[0], kept[1:])
    assert rungs == [1 / 9]
    assert len(cells) == 60
    return table_problems(cells, rungs, tmp_path)


def test_a_kept_table_has_three_files_and_is_checked(tmp_path, space):
    folder = measured(tmp_path / "measured", space, 9, 0.05, 0)
    kept = keep_table.keep(folder, tmp_path / "kept")
    assert {path.name for path in kept.iterdir()} == {"benchmark.toml", "curves.csv", "table.csv"}
    assert eomoo.data.read_measured(kept).facts["data"]["source"] == "so2sat:b"
    text = seed_noise(eomoo.data.read_measured(kept))
    assert "of 60 cells" in text
    assert "(20 of 60 cells repeated)" in text
    deviation = float(text.split("deviation of a seed ")[1].split()[0])
    assert 3.0 < deviation < 7.5  # of 5 points
    (folder / "table.csv").write_text("index\n1\n")
    with pytest.raises(DataError, match="not as"):
        keep_table.keep(folder, tmp_path / "other")


def test_a_measured_table_is_replayed_by_each_error_and_cost(makers):
    assert list(makers) == [f"{e}-{cost}" for e in ("micro", "macro") for cost in ("time", "params", "latency")]
    problem = makers["macro-latency"](False)
    assert problem.objective_names == ["val_macro_error", "latency"]
    assert problem.n_cells == 60
    assert problem.backends["table"].rungs == (1 / 9, 1.0)
    run = run_arm(makers["micro-params"], "with a rung", 0)
    spent, reached = zip(*run["curve"], strict=True)
    assert list(run["ends"]) == pytest.approx(list(spent))
    assert reached[-1] > 0.8


def test_several_workers_are_sooner_there_and_wait_no_longer_than_they_must(makers):
    problem = makers["micro-params"](False)
    one, four = (replay(problem, CostAwareSearch(rungs=()), 0, workers=n) for n in (1, 4))
    assert one["ends"][11] > 2.5 * four["ends"][11]
    begun = sorted(four["spells"])
    # Never more than four at once, and each begins when another ends, but for the first four.
    assert all(sum(b <= begin < e for b, e in begun) <= 4 for begin, _ in begun)
    assert {begin for begin, _ in begun[4:]} <= {end for _, end in begun}
    assert waited(four["spells"], 4, four["ends"][11]) == pytest.approx(0.0, abs=1e-9)
    assert waited([(0.0, 1.0), (0.0, 3.0)], 2, 4.0) == pytest.approx(0.5)


def test_random_search_on_several_workers_makes_the_same_trainings(makers):
    problem = makers["micro-params"](False)
    one, four = (by_name(problem, "random", 0, workers=n) for n in (1, 4))
    assert one["curve"][-1] == pytest.approx(four["curve"][-1])
    assert one["ends"][-1] > 3 * four["ends"][-1]


def test_the_figure_has_its_numbers_beside_it(tmp_path):
    def run(arm, seed, *curve):
        ends = [spent for spent, _ in curve]
        return {"problem": "time", "arm": arm, "seed": seed, "curve": curve, "ends": ends, "spells": [[0, ends[-1]]]}

    runs = [run("random", 0, (1, 0.5), (40, 0.8)), run("random", 1, (1, 0.5), (50, 0.8))]
    runs += [run("with a rung", 0, (2, 0.7), (6, 0.85)), run("with a rung", 1, (3, 0.7), (8, 0.96))]
    found = summary(runs)
    arm = found["time"]["arms"]["with a rung"]
    assert found["time"]["target"] == 0.8
    assert (arm["units"][0], arm["units"][2]) == (6, 8)
    assert arm["shares"] == {"6": pytest.approx(0.775), "12": pytest.approx(0.905), "16": pytest.approx(0.905)}
    draw_figure(runs, found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert '"target": 0.8' in (tmp_path / "figure.json").read_text()


def test_earlier_trainings_are_taken_as_those_of_a_store_and_shuffled_ones_tell_nothing(makers, tmp_path):
    right, wrong = add_earlier([tmp_path / "kept9"])
    assert wrong == f"{right}, shuffled"
    told = {}
    for arm in (right, wrong):
        problem = makers["macro-params"](False)
        assert ARMS[arm][2](problem, 0) == []
        algorithm = CostAwareSearch(rungs=())
        replay(problem, algorithm, 0)
        (worth,) = algorithm.spending["worth"]
        assert worth["prior"] == "val_macro_error of earlier trainings, another setting"
        told[arm] = worth["spearman"]
    assert told[right] > 0.6 > abs(told[wrong])
