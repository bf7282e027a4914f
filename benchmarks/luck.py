"""How much luck have the best of measured cells, and is it taken out? With NAS-Bench-101's sample, and measured again.

Errors of cells of the sample, taken for true, are measured with normal errors of a known deviation, and their front
with parameters is told by draws around what was measured, and by those of ``TrueValues``. Of each: the share of places
along the front where the truth is worse than the surface that 95 % of the draws attain, and better than that of 5 %
(5 and 5 are right); by how many points the front's errors are in truth worse than said; how many cells are said to be
on it, by how many are; and the mean logarithmic loss of that, in nats.

Beside it, for real: fronts of the first trainings of measured tables, whose cells' other trainings tell what these are.

    python benchmarks/luck.py nb101-sample.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from eomoo.arrays import Bools, Floats
from eomoo.data.measured_table import read_measured
from eomoo.data.user_table import read_user_table
from eomoo.fronts import Quantity
from eomoo.models import TrueValues
from eomoo.space import CIFAR10, load_space

ERROR = Quantity(title="validation error", unit="%", direction="min")
SIZES, DEVIATIONS, N_DRAWS, MOST_LOSS = (12, 30, 100, 250), (0.25, 0.5, 1.0, 2.0), 400, 0.0025
HEADINGS = ("truth worse than 95 %", "better than 5 %", "points worse than said", "said on front by true", "loss")


def fronts(errors: Floats) -> Bools:
    """Which of cells (k,), in the order of their cost, are on the front, for each row of errors (..., k)."""
    best = np.minimum.accumulate(errors, axis=-1)
    before = np.concatenate((np.full((*errors.shape[:-1], 1), np.inf), best[..., :-1]), axis=-1)
    return errors < before


def judged(drawn: Floats, truth: Floats) -> list[float]:
    """The numbers of ``HEADINGS`` for draws (n, k) of cells in the order of their cost."""
    best, surfaces = np.minimum.accumulate(truth), np.minimum.accumulate(drawn, axis=1)
    low, high = np.percentile(surfaces, [5, 95], axis=0)
    said, there = fronts(drawn).mean(axis=0), fronts(truth)
    expected = drawn.mean(axis=0)
    chosen = fronts(expected)
    odds = np.clip(said, MOST_LOSS, 1.0 - MOST_LOSS)
    loss = -np.log(np.where(there, odds, 1.0 - odds)).mean()
    worse = (truth - expected)[chosen].mean()
    return [(best > high).mean(), (best < low).mean(), worse, said.sum() / there.sum(), loss]


def of_sample(path: Path, n_tables: int) -> None:
    """What the two kinds of draws are worth on tables of cells of the sample."""
    table = read_user_table(path, ["val_accuracy_108"])
    cells, errors = table.indices, table.columns["val_accuracy_108"]
    errors = 100.0 * (1.0 - errors)
    print(f"{'cells, deviation: draws':28}" + ", ".join(HEADINGS))
    for n in SIZES:
        for deviation in DEVIATIONS:
            found = []
            for seed in range(n_tables):
                rng = np.random.default_rng([n, round(100 * deviation), seed])
                rows = rng.choice(len(cells), n, replace=False)
                rows = rows[np.argsort(load_space().params(cells[rows], CIFAR10), kind="stable")]
                truth, spread = errors[rows], np.full(n, deviation)
                measured = np.maximum(truth + deviation * rng.standard_normal(n), 0.5)
                told = TrueValues(cells[rows], measured, spread, ERROR)
                around = measured + deviation * rng.standard_normal((N_DRAWS, n))
                drawn = told.draws(cells[rows], measured, spread, N_DRAWS, seed=[seed])
                found.append([judged(around, truth), judged(drawn, truth)])
            for name, row in zip(("around measured", "true values"), np.mean(found, axis=0), strict=True):
                print(f"{f'{n}, {deviation:g}: {name}':28}" + ", ".join(f"{value:.3f}" for value in row))


def for_real(folder: Path) -> None:
    """The best fifth of cells that were trained twice, by one training: what that said, what is expected, the other."""
    frame = read_measured(folder).to_dataframe()
    frame = frame.assign(error=100.0 * (1.0 - frame["val_micro"]))[frame["status"] == "done"]
    pairs = frame.pivot_table(index="index", columns="repeat", values="error")[[0, 1]].dropna()
    cells, errors = pairs.index.to_numpy(), pairs.to_numpy()
    share = float(np.sqrt((errors.var(axis=1, ddof=1) / errors.mean(axis=1) ** 2).mean()))
    n, found = len(cells) // 5, []
    for one in (0, 1):
        measured = errors[:, one]
        best = np.argsort(measured)[:n]
        told = TrueValues(cells, measured, share * measured, ERROR)
        expected, spread = told.expected(cells[best], measured[best], share * measured[best])
        again = errors[best, 1 - one]
        error = np.hypot(spread, share * again).mean() / np.sqrt(n)
        found.append([measured[best].mean(), expected.mean(), again.mean(), error])
    said, expected, again, error = np.mean(found, axis=0)
    print(
        f"{folder.name}, the best fifth of {len(cells)} cells by one training, which errs by {100 * share:.0f} %: "
        f"said {said:.2f}, expected {expected:.2f}, in another training {again:.2f} ± {error:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sample", type=Path)
    parser.add_argument("--tables", type=int, default=20)
    args = parser.parse_args()
    of_sample(args.sample, args.tables)
    for name in ("so2sat", "landsat"):
        for_real(Path(__file__).parent / "tables" / name)


if __name__ == "__main__":
    main()
