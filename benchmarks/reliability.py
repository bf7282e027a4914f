"""Are probabilities to be on the front true? Of the cells that are given one, does such a share lie on it?

Models are fitted to 450 measured cells, as a user's are, and draw jointly the values of thousands of others; a cell's
probability is the share of the draws in which it is non-dominated. Then the others' values are looked up. Three ways:
450 cells of a table at random; 30 clusters of 15 near cells of equal operations, as walks give them (what is looked
up is measured with noise, so single measurements are drawn); and synthetic truths, drawn from the shipped models and
measured with their noise (what is looked up is the truth, so truths are drawn).

    python benchmarks/reliability.py nb101-sample.csv --repeats 8
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from eomoo.arrays import Bools, Floats, Ints
from eomoo.data.user_table import read_user_table
from eomoo.fronts import DrawnFronts, non_dominated
from eomoo.models import Measurements, fit_models, load_models, shipped_folder
from eomoo.models.applicability import operation_counts
from eomoo.models.scaling import space_scaling
from eomoo.plots import COLORS, new_figure
from eomoo.space import CIFAR10, load_space

N_LEARNT, N_CLUSTERS = 450, 30
TARGETS = ("val_accuracy_108", "train_time_108")
EDGES = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0])
_Found = tuple[Floats, Bools]


def clusters(cells: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Positions (450,) of 30 clusters of 15 nearest cells of equal operations, and each one's cluster (450,)."""
    Z = space_scaling()(load_space().features(cells))
    _, kind = np.unique(operation_counts(cells), axis=0, return_inverse=True)
    size, chosen, free = N_LEARNT // N_CLUSTERS, [], np.ones(len(cells), dtype=bool)
    for center in rng.permutation(len(cells)):
        same = np.flatnonzero(free & (kind.ravel() == kind.ravel()[center]))
        if free[center] and len(same) >= size and len(chosen) < N_CLUSTERS:
            near = same[np.argsort(np.square(Z[same] - Z[center]).sum(axis=1), kind="stable")[:size]]
            chosen.append(near)
            free[near] = False
    return np.concatenate(chosen), np.repeat(np.arange(N_CLUSTERS), size)


def judged(drawn: Floats, truth: Floats) -> _Found:
    """Probabilities (k,) of cells to be on the front by draws (n, k, m), and whether they are (k,); all minimised."""
    cells = np.arange(len(truth))
    fronts = DrawnFronts.empty(len(drawn), truth.shape[1]).joined(cells, drawn)
    return fronts.counts(cells) / len(drawn), np.isin(cells, np.flatnonzero(non_dominated(truth)))


def of_table(
    cells: Ints, values: dict[str, Floats], way: str, seed: int, n_asked: int, n_draws: int
) -> Iterator[_Found]:
    """Errors with parameters, and errors with training time, of the cells of a table that were not learnt from."""
    rng = np.random.default_rng(seed)
    if way == "clusters":
        learnt, walk = clusters(cells, rng)
    else:
        learnt, walk = rng.permutation(len(cells))[:N_LEARNT], None
    rest = rng.permutation(np.setdiff1d(np.arange(len(cells)), learnt))[:n_asked]
    models = fit_models(
        Measurements.of(cells[learnt], {name: y[learnt] for name, y in values.items()}, walk=walk), repeats=1
    )
    drawn = models.draw(cells[rest], n_draws, seed=seed, noise=True) * [-1.0, 1.0]
    truth = np.stack([-values[TARGETS[0]][rest], values[TARGETS[1]][rest]], axis=1)
    yield judged(drawn, truth)
    params = load_space().params(cells[rest], CIFAR10).astype(np.float64)
    drawn[:, :, 1], truth[:, 1] = params, params
    yield judged(drawn, truth)


def synthetic(seed: int, n_asked: int, n_draws: int) -> Iterator[_Found]:
    """Macro accuracy with latency, where the truth is one draw of the shipped models."""
    rng, shipped = np.random.default_rng(seed), load_models(shipped_folder())
    cells = rng.choice(len(load_space()), N_LEARNT + n_asked, replace=False)
    names = ("val_macro", "latency")
    at = [list(shipped.targets).index(name) for name in names]
    truth = shipped.draw(cells, 1, seed=seed)[0][:, at]
    measured = shipped.draw(cells, 1, seed=seed, noise=True)[0][:N_LEARNT, at]
    models = fit_models(Measurements.of(cells[:N_LEARNT], dict(zip(names, measured.T, strict=True))), repeats=1)
    drawn = models.draw(cells[N_LEARNT:], n_draws, seed=seed) * [-1.0, 1.0]
    yield judged(drawn, truth[N_LEARNT:] * [-1.0, 1.0])


def reliability(found: list[_Found], rng: np.random.Generator) -> Floats:
    """Rows (b, 5): cells, mean probability, share on the front, and its 95 % interval over resampled repetitions."""
    rows = []
    for low, high in pairwise(EDGES):
        inside = [(p > low) & (p <= high) for p, _ in found]
        n, said, seen = (
            np.array([f(p, on, rows_) for (p, on), rows_ in zip(found, inside, strict=True)], dtype=float)
            for f in (lambda p, on, r: r.sum(), lambda p, on, r: p[r].sum(), lambda p, on, r: on[r].sum())
        )
        if n.sum() < 10:
            continue
        again = rng.integers(len(found), size=(2000, len(found)))
        # What the draws of repetitions leave open, and at least what the counts do.
        shares = (seen[again].sum(axis=1) + 1e-9) / np.maximum(n[again].sum(axis=1), 1)
        share = seen.sum() / n.sum()
        counted = 1.96 * np.sqrt(max(share * (1 - share), 1 / n.sum()) / n.sum())
        least, most = np.quantile(shares, [0.025, 0.975])
        rows.append([n.sum(), said.sum() / n.sum(), share, min(least, share - counted), max(most, share + counted)])
    return np.array(rows)


def draw_figure(tables: dict[str, Floats], path: Path) -> None:
    """Share on the front over the probability that was given, on logarithmic axes."""
    figure, ax = new_figure(5.6, 4.6)
    ax.plot([0.004, 1], [0.004, 1], color="0.6", linewidth=1, linestyle=":", label="as said")
    for (title, table), color, marker in zip(tables.items(), COLORS, "os^", strict=False):
        _, said, seen, low, high = table.T
        bars = np.maximum([seen - low, high - seen], 0.0)
        ax.errorbar(
            said, np.maximum(seen, 1e-3), bars, color=color, marker=marker, capsize=2, linewidth=1.2, label=title
        )
    ax.set(xscale="log", yscale="log", xlim=(0.004, 1.1), ylim=(0.002, 1.3))
    ax.set_xlabel("probability to be on the front")
    ax.set_ylabel("share that is on the front")
    ax.legend(frameon=False, fontsize=9)
    figure.savefig(path)


def main() -> None:
    """Print the tables, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--asked", type=int, default=3000)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "figures" / "reliability.png")
    given = parser.parse_args()
    read = read_user_table(given.table, TARGETS)
    ways = {"450 cells at random": "random", "30 clusters of 15": "clusters", "synthetic truths": "synthetic"}
    tables = {}
    for title, way in ways.items():
        found: list[_Found] = []
        for seed in range(given.repeats):
            if way == "synthetic":
                found += synthetic(seed, given.asked, given.draws)
            else:
                found += of_table(read.indices, read.columns, way, seed, given.asked, given.draws)
        tables[title] = reliability(found, np.random.default_rng(0))
        expected, real = sum(p.sum() for p, _ in found), sum(on.sum() for _, on in found)
        print(f"{title}: {len(found)} fronts, {expected:.0f} cells expected on them, {real} are", flush=True)
        for n, said, seen, low, high in tables[title]:
            mark = "" if low <= said <= high else "  off"
            print(f"  {n:6.0f} cells given {said:.3f}: {seen:.3f} ({low:.3f} to {high:.3f}){mark}", flush=True)
    draw_figure(tables, given.out)


if __name__ == "__main__":
    main()
