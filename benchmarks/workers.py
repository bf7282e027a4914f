"""How long do workers wait? python benchmarks/workers.py [--noop 64]

Simulates a search with 1 to 256 workers over recorded training times, drawn from the EO table, and prints the
share of the workers' time that passes without work: in synchronous batches, of as many candidates as workers and
of five, and asynchronously, where a worker takes the next candidate as soon as it is free. Neither counts the last
batch, in which nothing is left to begin.

Then it measures what the engine itself costs: tasks that do nothing on --noop local workers, threads of one Dask
process, so that nothing but scheduler, client and eomoo's own loop is at work.
"""

from __future__ import annotations

import argparse
import heapq
import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eomoo.data import load_eo_table
from eomoo.jobs import DaskJobs

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ROUNDS = 40


def synchronous(times: NDArray[np.float64], workers: int, batch: int) -> float:
    """The share of time that workers wait where a batch is as long as its workers' longest."""
    spent = 0.0
    for start in range(0, len(times), batch):
        free = [0.0] * workers
        for seconds in times[start : start + batch]:
            heapq.heappush(free, heapq.heappop(free) + seconds)
        spent += max(free)
    return 1 - float(times.sum()) / (spent * workers)


def asynchronous(times: NDArray[np.float64], workers: int, handling: float) -> float:
    """The same where each takes the next candidate; ``handling`` seconds pass in one process for each of them."""
    free, handled, waited, begun = [0.0] * workers, 0.0, 0.0, 0.0
    for seconds in times:
        now = heapq.heappop(free)
        handled = max(now, handled) + handling
        waited += handled - now
        heapq.heappush(free, handled + seconds)
        begun += seconds
    return waited / (waited + begun)


def nothing(k: int) -> int:
    """No work."""
    return k


def overhead(workers: int, tasks: int) -> float:
    """Seconds a task that does nothing takes, as many under way as there are workers."""
    import distributed

    options = {"n_workers": 1, "threads_per_worker": workers, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, DaskJobs(cluster.scheduler_address) as jobs:
        jobs.run(nothing, range(workers), lambda k, result: None)
        begun = time.perf_counter()
        jobs.run(nothing, range(tasks), lambda k, result: None)
        return (time.perf_counter() - begun) / tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noop", type=int, default=64, help="local workers that do nothing")
    parser.add_argument("--tasks", type=int, default=2_000, help="tasks for them")
    parser.add_argument("--ask", type=float, default=10.0, help="seconds that a search takes to propose a cell")
    chosen = parser.parse_args()
    cost = overhead(chosen.noop, chosen.tasks)
    recorded = load_eo_table()["train_time"].to_numpy()
    print(
        f"{len(recorded)} training times, {recorded.min():.0f} to {recorded.max():.0f} s, mean {recorded.mean():.0f} s"
    )
    print(
        f"the engine takes {1e3 * cost:.2f} ms a task ({chosen.noop} workers that do nothing, {chosen.tasks:,} tasks)"
    )
    table = Table("workers", "batches of as many", "batches of 5", "asynchronous", f"and {chosen.ask:g} s to propose")
    rng = np.random.default_rng(0)
    for workers in WORKERS:
        times = rng.choice(recorded, ROUNDS * workers)
        shares = [synchronous(times, workers, batch) for batch in (workers, 5)]
        shares += [asynchronous(times, workers, handling) for handling in (cost, cost + chosen.ask)]
        table.add_row(str(workers), *(f"{share:.1%}" if share > 1e-3 else f"{share:.0e}" for share in shares))
    Console().print(table)


if __name__ == "__main__":
    main()
