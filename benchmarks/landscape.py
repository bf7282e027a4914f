"""Time and memory of a card's landscape: python benchmarks/landscape.py [CARD]

Before any time is reported, measures of the whole space are compared with plain Python on 500 cells.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import eomoo
from eomoo.landscape import LandscapeAnalysis, analyse_landscape, write_landscape


def dominating(F: np.ndarray, point: np.ndarray) -> np.ndarray:
    return (point >= F).all(axis=1) & (point > F).any(axis=1)


def check(analysis: LandscapeAnalysis) -> None:
    landscape = analysis.landscape
    space, F = landscape.problem.space, landscape.F
    number = np.full(len(space), -1)
    number[landscape.cells] = np.arange(len(landscape))
    chosen = np.random.default_rng(0).choice(len(landscape), min(500, len(landscape)), replace=False)
    front = set(landscape.front.tolist())
    pareto = set(analysis.pareto.cells.tolist())
    optima = [set(found.cells.tolist()) for found in analysis.optima]
    for cell in chosen.tolist():
        near = number[space.neighbors(int(landscape.cells[cell]), landscape.neighborhood)]
        near = near[near >= 0]
        assert (cell in pareto) == (not dominating(F[near], F[cell]).any()), cell
        for k, found in enumerate(optima):
            assert (cell in found) == (not (F[near, k] < F[cell, k]).any()), (cell, k)
        if cell not in front:
            assert analysis.distance[cell] == 1 + analysis.distance[near].min(), cell
        better = dominating(F, F[cell])
        assert analysis.ranks[cell] == 1 + analysis.ranks[better].max(initial=-1), cell
    assert np.isclose(analysis.pareto.basin.sum(), len(landscape))
    for found in analysis.optima:
        assert found.basin.sum() == len(landscape)
    if analysis.exact is not None:
        sampled = np.stack([curve.mean for curve in analysis.autocorrelation], axis=1)
        assert np.abs(sampled - analysis.exact[: len(sampled)]).max() < 0.05


def main() -> None:
    start = time.perf_counter()
    card = sys.argv[1] if len(sys.argv) > 1 else "eo-macro-latency"
    analysis = analyse_landscape(eomoo.get_problem(card))
    measured = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        write_landscape(analysis, Path(folder))
    total = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    cpu = time.process_time()
    check(analysis)
    print(
        f"{card}: {len(analysis.landscape):,} cells; measured in {measured:.1f} s, with files {total:.1f} s "
        f"({cpu:.1f} s of processor time), at most {memory:.2f} GB"
    )


if __name__ == "__main__":
    main()
