"""How many full trainings does a live search need? python benchmarks/live_search.py TABLE --out FILE [--quick]

Replays on trained cells, a sample of the space treated as the whole space. TABLE is a sample of NAS-Bench-101 (a CSV
file with errors after 4, 12, 36 and 108 epochs), or the folder of a measured table (`eomoo measure`), whose short
trainings are the tables of the same cells that --rung names, and beside which a store may hold trainings of another
setting, those of --earlier; or the name of a shipped card, nb101s-..., all of whose 423,624 cells are candidates, with
what its models do not know and the noise of a measurement drawn once. A unit is a mean full training by training
time; every rung is paid from scratch, and only full trainings count. The reference
point is the worst tenth's bound of each objective. Workers are simulated: trainings take what they took when they
were measured, decisions no time. Settings were chosen on the sample's training time with seeds 0 to 7, so that all
else is untouched. Each run is appended to --out as it ends, and is not made again.
"""

import argparse
import json
from multiprocessing import get_context
from pathlib import Path

from live_search_problems import Make, card_problem, from_measured, from_sample, seed_noise, table_problems
from live_search_report import draw_figure, print_tables, summary
from live_search_runs import ARMS, ONLY_MEASURED, ONLY_SAMPLE, ONLY_TABLES, PLAIN, add_earlier, overhead, run_arm

from eomoo.data import read_measured

_QUICK = ("random", "surrogate-pls", "known costs alone", "with a rung", "with a rung, 4 workers", "overhead")


def problems_of(table: Path, short: list[Path], earlier: list[Path], folder: Path) -> tuple[dict[str, Make], list[str]]:
    """The problems by name, and the arms that make sense there."""
    arms = [*PLAIN, *ARMS, *add_earlier(earlier)]
    if not table.exists():
        return {table.name: card_problem(table.name)}, [*(a for a in arms if a not in ONLY_TABLES), "overhead"]
    folder.mkdir(parents=True, exist_ok=True)
    if table.is_dir():
        print(seed_noise(read_measured(table)))
        return table_problems(*from_measured(table, short), folder), [a for a in arms if a not in ONLY_SAMPLE]
    return table_problems(*from_sample(table), folder), [a for a in arms if a not in ONLY_MEASURED]


def run_one(make: Make, problem: str, arm: str, seed: int) -> dict:
    """One run of an arm, or what its decisions take, in a process that does nothing else."""
    if arm != "overhead":
        return run_arm(make, arm, seed)
    with get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(overhead, (problem, seed)))


def main() -> None:
    """Make the runs that are not there yet; print the tables, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rung", type=Path, action="append", default=[], help="a measured table of fewer epochs")
    parser.add_argument("--earlier", type=Path, action="append", default=[], help="a measured table of another setting")
    parser.add_argument("--out", type=Path, required=True, help="a file of one run a line, which grows")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="", help="problems and arms whose name, PROBLEM: ARM, holds this")
    parser.add_argument("--quick", action="store_true", help="two seeds of a few arms")
    parser.add_argument("--figure", type=Path, help="where to draw the sample's figure, its numbers beside it")
    chosen = parser.parse_args()
    makers, arms = problems_of(chosen.table, chosen.rung, chosen.earlier, chosen.out.with_suffix(".cards"))
    runs = [json.loads(line) for line in chosen.out.read_text().splitlines()] if chosen.out.exists() else []
    done = {(run["problem"], run["arm"], run["seed"]) for run in runs}
    for seed in range(2 if chosen.quick else chosen.seeds):
        for problem, make in makers.items():
            for arm in [arm for arm in arms if not chosen.quick or arm in _QUICK]:
                # How long decisions take does not hang on the seed so much.
                often = arm != "overhead" or seed < 3
                if (problem, arm, seed) in done or chosen.only not in f"{problem}: {arm}" or not often:
                    continue
                runs.append({"problem": problem, "arm": arm, "seed": seed, **run_one(make, problem, arm, seed)})
                with chosen.out.open("a") as file:
                    file.write(json.dumps(runs[-1]) + "\n")
    found = summary(runs)
    print_tables(found)
    if chosen.figure:
        draw_figure(runs, found, chosen.figure)


if __name__ == "__main__":
    main()
