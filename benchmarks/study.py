"""The published comparison on one problem: CPU time, after equal answers are asserted.

    python benchmarks/study.py [--problem eo-macro-traintime] [--seeds 30] [--jobs 2]

Runs the shipped study data-centric (10 settings a seed: 600,000 search evaluations at 30 seeds) into a
temporary folder, then reads it, computes every indicator and all tests. Asserts first, on one seed, that
one process and two give the same tables.
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from eomoo.analysis import load_results, study_tables
from eomoo.study.execute import run_study
from eomoo.study.plan import Study, load_study


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def measure(what: str, function):
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = function()
    print(f"{what}: {time.perf_counter() - wall:.1f} s wall, {cpu_seconds() - cpu:.1f} s CPU", flush=True)
    return result


def check_equal(study: Study, folder: Path) -> None:
    one_seed = replace(study, seeds=study.seeds[:1])
    tables = []
    for jobs in (1, 2):
        run_study(one_seed, folder / str(jobs), jobs=jobs)
        tables.append(study_tables(load_results(folder / str(jobs))).runs)
    assert tables[0].equals(tables[1]), "the tables depend on the number of processes"
    print("one process and two give the same tables")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", default="eo-macro-traintime")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    study = load_study("data-centric").with_problems([options.problem])
    study = replace(study, seeds=study.seeds[: options.seeds])
    with tempfile.TemporaryDirectory() as folder:
        check_equal(study, Path(folder))
        n = len(study.tasks)
        measure(f"{n} runs", lambda: run_study(study, Path(folder) / "all", jobs=options.jobs))
        results = measure("reading the store", lambda: load_results(Path(folder) / "all"))
        cells = sum(len(trace.cells) for trace in results.problems[0].traces)
        assert cells == sum(task.budget for task in study.tasks)
        print(f"{cells:,} cells evaluated, each run its budget exactly")
        measure("indicators, medians, tests", lambda: study_tables(results))


if __name__ == "__main__":
    main()
