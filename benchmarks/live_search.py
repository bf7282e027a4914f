"""How many full trainings does a live search need? python benchmarks/live_search.py TABLE --out FILE [--quick]

Replays on trained cells, a sample of the space treated as the whole space. TABLE is a sample of NAS-Bench-101 (a CSV
file with errors after 4, 12, 36 and 108 epochs), or the folder of a measured table (`eomoo measure`), whose short
trainings are the tables of the same cells that --rung names. A unit is a mean full training by training time; every
rung is paid from scratch, and only full trainings count. The reference point is the worst tenth's bound of each
objective. Settings were chosen on the sample's training time, so that all else is untouched. Each run is appended to
--out as it ends, and is not made again.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import eomoo
from eomoo.data import read_measured
from eomoo.fronts import Box, hypervolume
from eomoo.search import AlgorithmSpec, CostAwareSearch, DistinctCells, Prior, prior_of_measured
from eomoo.search.budget import BudgetedEvaluator

EPOCHS = (4, 12, 36, 108)
SECONDS = {"time": "train_time", "params": "params", "latency": "latency"}
N_RANDOM, SHARE, UNITS = 48, 0.95, 20.0
CARD = """
reference_point = [{error!r}, {second!r}]
[[objectives]]
name = "val_error"
unit = "%"
direction = "min"
source = "table"
[[objectives]]
name = "{name}"
unit = "{unit}"
direction = "min"
source = "table"
[backend.table]
file = "cells.csv"
effort = "train_time"
"""
RUNG = '[[backend.table.rungs]]\nshare = {share!r}\ncolumns = {{ val_error = "{column}" }}\n'


def from_sample(path: Path) -> tuple[pd.DataFrame, list[float]]:
    """Cells of NAS-Bench-101 with "val_error", "train_time", "params" and "error_K" of the k-th rung; the rungs."""
    table = pd.read_csv(path)
    cells = pd.DataFrame({"hash": table["hash"], "params": table["params"], "train_time": table["train_time_108"]})
    cells["val_error"] = 100.0 * (1.0 - table["val_accuracy_108"])
    for k, epochs in enumerate(EPOCHS[:-1]):
        cells[f"error_{k}"] = 100.0 * (1.0 - table[f"val_accuracy_{epochs}"])
    return cells, [epochs / EPOCHS[-1] for epochs in EPOCHS[:-1]]


def from_measured(folder: Path, short: list[Path]) -> tuple[pd.DataFrame, list[float]]:
    """The same of a measured table, repeats averaged, and of others of the same cells with fewer epochs."""
    table = read_measured(folder)
    mean = table.mean().set_index("hash")
    cells = mean[["params", "train_time", "latency"]].assign(val_error=100.0 * (1.0 - mean["val_micro"]))
    rungs = []
    for k, place in enumerate(short):
        rung = read_measured(place)
        cells[f"error_{k}"] = 100.0 * (1.0 - rung.mean().set_index("hash")["val_micro"])
        rungs.append(int(rung.facts["training"]["epochs"]) / int(table.facts["training"]["epochs"]))
    return cells.dropna().reset_index(), rungs


def write_cards(cells: pd.DataFrame, rungs: list[float], folder: Path) -> list[str]:
    """The table and its cards: by second objective, with rungs that tell something and with shuffled ones."""
    rng = np.random.default_rng(0)
    for k in range(len(rungs)):
        cells[f"shuffled_{k}"] = rng.permutation(cells[f"error_{k}"])
    cells.to_csv(folder / "cells.csv", index=False)
    worst = cells.quantile(0.9, numeric_only=True)
    there = {second: name for second, name in SECONDS.items() if name in cells}
    for second, name in there.items():
        unit = {"time": "s", "latency": "ms"}.get(second, "")
        text = CARD.format(error=float(worst["val_error"]), second=float(worst[name]), name=name, unit=unit)
        for kind in ("error", "shuffled"):
            lines = [RUNG.format(share=share, column=f"{kind}_{k}") for k, share in enumerate(rungs)]
            (folder / f"{second}-{kind}.toml").write_text(text + "".join(lines))
    return list(there)


def useful(problem: eomoo.CellProblem, seed: int, *, turned: bool = False) -> list[Prior]:
    """What 500 other cells told after a third of a training; with its sign turned, where wanted."""
    cells = np.random.default_rng([seed, 1]).choice(problem.cells, 500, replace=False)
    told = problem.backends["table"].at_rung(cells, ["val_error"], EPOCHS[-2] / EPOCHS[-1])[:, 0]
    prior = prior_of_measured("val_error", cells, told)
    return [Prior(name="turned", tell=lambda asked: -prior(asked)) if turned else prior]


def useless(problem: eomoo.CellProblem, seed: int) -> list[Prior]:
    """Numbers that have nothing to do with the cells."""
    noise = np.random.default_rng([seed, 2]).standard_normal(len(problem.space))
    return [Prior(name="noise", tell=lambda asked: noise[asked])]


def shipped(problem: eomoo.CellProblem, seed: int) -> list[Prior]:
    """What the models of the EO table say of the error on So2Sat."""
    eo = eomoo.get_problem("eo-macro-latency")
    return [Prior(name="eo-hwnas", tell=lambda asked: eo.objectives_at(asked)[:, 0])]


Priors = Callable[[eomoo.CellProblem, int], list[Prior]]
ARMS: dict[str, tuple[str, dict, Priors | None]] = {
    "known costs alone": ("error", {"rungs": ()}, None),
    "with a rung": ("error", {}, None),
    "with two rungs": ("error", {"rungs": (12 / 108, 36 / 108)}, None),
    "with a shuffled rung": ("shuffled", {}, None),
    "with a rung and a prior": ("error", {}, useful),
    "with a rung and a prior turned round": ("error", {}, partial(useful, turned=True)),
    "with a rung and a prior of noise": ("error", {}, useless),
    "with a rung and the shipped EO models": ("error", {}, shipped),
}
ONLY_SAMPLE = {"with two rungs", "with a rung and a prior", "with a rung and a prior turned round"}
ONLY_MEASURED = {"with a rung and the shipped EO models"}


def curve(problem: eomoo.CellProblem, cells: list[int], spent: np.ndarray) -> list[tuple[float, float]]:
    """Units spent and the share of the true hypervolume, after each full training."""
    box = Box(ideal=problem.ideal_point(), reference=problem.reference_point)
    F, true = problem.objectives_at(np.array(cells)), hypervolume(problem.pareto_front(), box)
    return [(float(u), hypervolume(F[: k + 1], box) / true) for k, u in enumerate(spent)]


def replay(problem: eomoo.CellProblem, algorithm: CostAwareSearch, seed: int) -> list[tuple[float, float]]:
    """A search until it has spent its units."""
    evaluator = BudgetedEvaluator(1000)
    algorithm.setup(problem, termination=DistinctCells(1000), seed=seed, evaluator=evaluator)
    effort = problem.backends["table"].effort
    full: list[int] = []
    spent: list[float] = []
    while algorithm.has_next() and (not spent or spent[-1] < UNITS):
        algorithm.next()
        short = sum(share * effort([cell])[0] for cell, share, _ in algorithm.short_trainings)
        new = algorithm.trace.index[len(full) :].tolist()
        for cell in new:
            full.append(cell)
            spent.append(float(effort(full).sum() + short))
    return curve(problem, full, np.array(spent))


def by_name(problem: eomoo.CellProblem, name: str, seed: int) -> list[tuple[float, float]]:
    """A search that knows no costs: random, or the package's other default."""
    # A population that leaves four generations.
    options = {"pop_size": 12} if name == "nsga2" else {}
    spec = AlgorithmSpec(label=name, algorithm=name, options=options)
    cells = eomoo.search.run_algorithm(problem, spec, budget=N_RANDOM, seed=seed).cells
    return curve(problem, cells.tolist(), np.cumsum(problem.backends["table"].effort(cells)))


def units_to(found: list[tuple[float, float]], share: float) -> float:
    """Units after which a share is reached; infinite where it is not."""
    return min((u for u, reached in found if reached >= share), default=np.inf)


def report(runs: list[dict]) -> None:
    """Medians with quartiles."""
    for second in SECONDS:
        mine = [run for run in runs if run["second"] == second]
        random = [run["curve"][-1][1] for run in mine if run["arm"] == "random"]
        if not random:
            continue
        target = float(np.median(random))
        print(f"\n{second}: {N_RANDOM} random full trainings reach {target:.3f} of the true hypervolume")
        print("| search | seeds | units to that | to .95 | share at 6 | at 12 | at 16 |\n|---|--:|--:|--:|--:|--:|--:|")
        for arm in dict.fromkeys(run["arm"] for run in mine):
            curves = [run["curve"] for run in mine if run["arm"] == arm]
            spent = min(c[-1][0] for c in curves)
            cols = [_quartiles([units_to(c, share) for c in curves], spent) for share in (target, SHARE)]
            for units in (6, 12, 16):
                cols.append(f"{np.median([max([h for u, h in c if u <= units], default=0.0) for c in curves]):.3f}")
            print(f"| {arm} | {len(curves)} | {' | '.join(cols)} |")


def _quartiles(values: list[float], spent: float) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], method="nearest")
    return f"{middle:.1f} ({low:.1f} to {high:.1f})".replace("inf", f"> {spent:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rung", type=Path, action="append", default=[], help="a measured table of fewer epochs")
    parser.add_argument("--out", type=Path, required=True, help="a file of one run a line, which grows")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="", help="arms and second objectives whose name holds this")
    parser.add_argument("--quick", action="store_true", help="two seeds of three arms")
    chosen = parser.parse_args()
    folder = chosen.out.with_suffix(".cards")
    folder.mkdir(parents=True, exist_ok=True)
    measured = chosen.table.is_dir()
    cells, rungs = from_measured(chosen.table, chosen.rung) if measured else from_sample(chosen.table)
    seconds = write_cards(cells, rungs, folder)
    runs = [json.loads(line) for line in chosen.out.read_text().splitlines()] if chosen.out.exists() else []
    done = {(run["second"], run["arm"], run["seed"]) for run in runs}
    left_out = ONLY_SAMPLE if measured else ONLY_MEASURED
    arms = [arm for arm in ("random", "nsga2", "surrogate-pls", *ARMS) if arm not in left_out]
    arms = arms[: 5 if chosen.quick else None]
    for seed in range(2 if chosen.quick else chosen.seeds):
        for second in seconds:
            for arm in arms:
                if (second, arm, seed) in done or chosen.only not in f"{second}: {arm}":
                    continue
                kind, options, priors = ARMS.get(arm, ("error", {}, None))
                problem = eomoo.get_problem(folder / f"{second}-{kind}.toml")
                if arm in ARMS:
                    told = priors(problem, seed) if priors else []
                    found = replay(problem, CostAwareSearch(priors=told, **options), seed)
                else:
                    found = by_name(problem, arm, seed)
                runs.append({"second": second, "arm": arm, "seed": seed, "curve": found})
                with chosen.out.open("a") as file:
                    file.write(json.dumps(runs[-1]) + "\n")
    report(runs)


if __name__ == "__main__":
    main()
