"""The benchmark suite of searches: run it (or go on with it), and write its report.

    python benchmarks/suite.py [--jobs 2] [--out suite-results] [--seeds 30] [--problems TEXT] [--kept TEXT]
                               [--report-only] [--report FILE]

Writes benchmarks/suite.md with its figure and all runs in benchmarks/suite/. What has been run is kept in the folder
of --out; the same command goes on where it was stopped. After a change to one search, those of the others need not
be run again: --kept "PLS;NSGA-II, 50" takes theirs from benchmarks/suite/runs.jsonl.xz, --kept all makes the report
from nothing else. The real values need EOMOO_DATA; without them, the report says so.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from suite_problems import PROBLEMS, SAMPLE
from suite_report import write_report
from suite_runs import ENTRANTS, keep_runs, load_curves, run_missing, take_kept

from eomoo.errors import DataNotFoundError

HERE = Path(__file__).resolve().parent
# Seeds below were looked at while the searches were made, on landscapes of other seeds.
_FIRST_SEED = 1001
_KEPT = "runs.jsonl.xz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("suite-results"))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--problems", default="", help="only those whose name holds one of these texts, split by ;")
    parser.add_argument("--kept", default="", help="searches whose packed runs are taken, split by ;, or all")
    parser.add_argument("--report-only", action="store_true")
    parser.add_argument("--report", type=Path, default=HERE / "suite.md")
    options = parser.parse_args()
    seeds = range(_FIRST_SEED, _FIRST_SEED + options.seeds)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = list(ENTRANTS) if options.kept == "all" else [label for label in options.kept.split(";") if label]
    if unknown := set(kept) - set(ENTRANTS):
        parser.error(f"--kept: no search is called {', '.join(sorted(unknown))}; there are {'; '.join(ENTRANTS)}")
    if kept:
        print(f"{take_kept(HERE / 'suite' / _KEPT, options.out, kept, seeds)} runs taken")
    wanted = [name for name in PROBLEMS if any(text in name for text in options.problems.split(";"))]
    if not options.report_only:
        with ProcessPoolExecutor(options.jobs) as pool:
            for line in pool.map(partial(run_problem, options.out, seeds), wanted):
                print(line, flush=True)
    curves = [c for c in load_curves(options.out, ENTRANTS, seeds) if c.problem.name in wanted]
    write_report(curves, options.seeds, options.report)
    keep_runs(options.out, ENTRANTS, seeds, options.report.with_suffix("") / _KEPT)
    print(f"written: {options.report}, of {len(curves)} problems")


def run_problem(folder: Path, seeds: range, name: str) -> str:
    try:
        done = run_missing(folder, PROBLEMS[name], ENTRANTS, seeds)
    except DataNotFoundError as error:
        return f"{name}: left out, {error} ({SAMPLE})"
    return f"{name}: {done} runs"


if __name__ == "__main__":
    main()
