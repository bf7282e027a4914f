"""How long a large study's report takes to make and to open, and how large it is.

Asserts first that the report counts every run and evaluation of the store. The study, 300 runs of 2,000
cells each by default, is made once; give its folder again to spare the minutes.

    python benchmarks/report.py --folder FOLDER
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from eomoo.analysis import report_of, write_report
from eomoo.search import AlgorithmSpec
from eomoo.study.execute import run_study
from eomoo.study.plan import ProblemSpec, Study
from eomoo.study.store import STORE_NAME, Store

ALGORITHMS = ("pls", "nsga2", "random")


def make_study(folder: Path, *, card: str, seeds: int, budget: int) -> None:
    specs = [AlgorithmSpec(label=name, algorithm=name) for name in ALGORITHMS]
    study = Study(
        title=f"{len(specs) * seeds} runs of {budget:,} cells",
        problems=(ProblemSpec(card=card),),
        algorithms=tuple((spec, budget) for spec in specs),
        seeds=tuple(range(1, seeds + 1)),
    )
    run_study(study, folder, jobs=2)


def check(folder: Path) -> None:
    with Store(folder / STORE_NAME) as store:
        runs = store.runs()
        n = sum(len(trace.cells) for p in store.problems() for _, trace in store.traces(p.id, runs))
    report = report_of(folder)
    said = {what: value for value, what in report.tiles}
    assert said["runs"] == f"{len(runs):,}"
    assert said["evaluations of distinct cells"] == f"{n:,}"
    assert len(report.main.rows) == len(runs)
    print(f"{len(runs):,} runs, {n:,} evaluations")


def opening_seconds(page: Path) -> float | None:
    """Seconds until the page has drawn everything, in Chromium; None where that is missing."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "analysis"))
    from browsers import browser, missing

    if missing():
        print(missing())
        return None
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder), width=1600) as driver:
        started = perf_counter()
        driver.get(page.as_uri())
        driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        seconds = perf_counter() - started
        assert driver.get_log("browser") == []
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the study lies, or is to be made")
    parser.add_argument("--card", default="eo-macro-latency")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--budget", type=int, default=2000, help="distinct cells of each run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / STORE_NAME).exists():
            make_study(folder, card=given.card, seeds=given.seeds, budget=given.budget)
        check(folder)
        started = perf_counter()
        page = write_report(folder, out=Path(temporary) / "report.html")
        print(f"made in {perf_counter() - started:.1f} s, {page.stat().st_size / 1e6:.2f} MB")
        opened = opening_seconds(page)
        if opened is not None:
            print(f"opened and drawn in {opened:.2f} s")


if __name__ == "__main__":
    main()
