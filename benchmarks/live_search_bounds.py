"""What keeps a live search from .95 of the true hypervolume? python benchmarks/live_search_bounds.py SAMPLE

Trainings that searchers need who know more than any search does, on a sample of NAS-Bench-101 (see live_search.py):
every cell's value; every cell's mean, while a training is off it by a seed's noise; what trees fitted to the results of
other cells tell, all of them in ten parts, or some at random, which are then no candidates. Each trains whose expected
gain of hypervolume by its cost is the largest, in full, and believes the same to the end. How far predictions are off
is known to them too, by twentieths of what is predicted. Some 90 s of CPU.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from live_search_problems import from_sample, table_problems
from live_search_report import quartiles

from eomoo.arrays import Bools, Floats, Ints
from eomoo.fronts import Box, hypervolume, non_dominated
from eomoo.models import START, fit
from eomoo.search.acquisition import expected_improvement
from eomoo.search.costs import Costs

SHARE, UNITS, AT = 0.95, 40.0, 16.0
# Deviation of a seed on NAS-Bench-101, in points of error; a value beyond the second number is as bad as that.
NOISE, WORST = 0.24, 12.0
OTHERS = (100, 300, 1000)


class Searcher:
    """Somebody who believes something of the error of cells, and knows their cost.

    Args:
        F: (n, 2) what trainings give.
        effort: (n,) what they cost.
        reference: The reference point.
    """

    def __init__(self, F: Floats, effort: Floats, reference: Floats) -> None:
        self.F, self.effort = F, effort
        self.box = Box(ideal=F.min(axis=0), reference=reference)
        self.true = hypervolume(F[non_dominated(F)], self.box)

    def believing(self, mean: Floats, std: Floats) -> tuple[float, float]:
        """Units until the share is reached, and the share at AT, with an error (n,) that is believed."""
        means, stds = np.column_stack((mean, self.F[:, 1])), np.column_stack((std, np.zeros(len(std))))
        trained: list[int] = []
        spent, reached, share = 0.0, np.inf, 0.0
        while spent < UNITS and not (np.isfinite(reached) and spent > AT):
            gain = expected_improvement(means, stds, self.F[trained], self.box) / self.effort
            gain[trained] = -1.0
            trained.append(int(gain.argmax()))
            spent += float(self.effort[trained[-1]])
            found = hypervolume(self.F[trained], self.box) / self.true
            reached = min(reached, spent if found >= SHARE else np.inf)
            share = found if spent <= AT else share
        return reached, share


def told(features: Floats, error: Floats, known: Ints) -> Floats:
    """What trees fitted to some cells predict of all (n,)."""
    values = np.minimum(error[known], WORST)[:, None]
    mean: Floats = fit(replace(START, held_out=0.0), features[known], values, seed=0).predict(features)[0][:, 0]
    return mean


def deviations(mean: Floats, error: Floats, asked: Bools) -> Floats:
    """(n,) root mean squared errors of the cells asked of, by twentieths of the prediction."""
    part = np.clip(np.searchsorted(np.quantile(mean, np.linspace(0, 1, 21)), mean) - 1, 0, 19)
    squares = np.bincount(part[asked], (np.minimum(error, WORST) - mean)[asked] ** 2, 20)
    return np.sqrt(squares / np.maximum(np.bincount(part[asked], minlength=20), 1))[part]


def said(title: str, found: list[tuple[float, float]]) -> None:
    """Print what several searchers of a kind needed."""
    low, middle, high = quartiles([units for units, _ in found])
    print(f"| {title} | {middle:.1f} ({low:.1f} to {high:.1f}) | {np.median([share for _, share in found]):.3f} |")


def main() -> None:
    """Print a table for each of the sample's problems."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sample", type=Path)
    sample = parser.parse_args().sample
    with TemporaryDirectory() as folder:
        for name, make in table_problems(*from_sample(sample), Path(folder)).items():
            problem = make(False)
            F, effort = problem.objectives_at(problem.cells), Costs(problem).effort(problem.cells)
            error, features = F[:, 0], problem.space.features(problem.cells)
            reference, every = np.asarray(problem.reference_point), np.ones(len(F), dtype=bool)
            print(f"\n| {name}: who knows | units to {SHARE} | share at {AT:.0f} |\n|---|---|---|")
            said("every value", [Searcher(F, effort, reference).believing(error, np.full(len(F), 1e-9))])
            noisy = []
            for seed in range(10):
                noise = np.random.default_rng(seed).normal(0.0, NOISE, len(F))
                measured = Searcher(F + np.column_stack((noise, np.zeros(len(F)))), effort, reference)
                noisy.append(measured.believing(error, np.full(len(F), NOISE)))
            said(f"every mean; a training is off by {NOISE}", noisy)
            part, mean = np.random.default_rng(0).integers(0, 10, len(F)), np.empty(len(F))
            for k in range(10):
                mean[part == k] = told(features, error, np.flatnonzero(part != k))[part == k]
            off = deviations(mean, error, every)
            said("what all others tell", [Searcher(F, effort, reference).believing(mean, off)])
            for n in OTHERS:
                found = []
                for seed in range(5):
                    known = np.random.default_rng([seed, 5]).choice(len(F), n, replace=False)
                    left = every.copy()
                    left[known] = False
                    mean = told(features, error, known)
                    off = deviations(mean, error, left)
                    found.append(Searcher(F[left], effort[left], reference).believing(mean[left], off[left]))
                said(f"what {n:,} others tell", found)


if __name__ == "__main__":
    main()
