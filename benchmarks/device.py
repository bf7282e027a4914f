"""How well a device's latency of all cells is told from a few timed ones: python benchmarks/device.py

With --walks instead: the A100's latencies of the EO table's walks, each predicted by a model of all others but a tenth.

Of each measured table some cells, one from each of as many equal parts by multiply-accumulates, are learnt from and the
others predicted, in equal draws. Without arguments: the A100's latencies of the EO table (found as `eomoo data` does),
training times of NAS-Bench-101 where its CSV is named by --nb101, and a CPU's and an H100's at one image, as
`eomoo measure --only latency --spread 60 --out benchmarks/tables/cpu-latency` timed them, with `--device cuda` those of
h100-latency. Prints Markdown.

The promise, of 20 cells: median of the draws Spearman at least .96, the worst tenth at least .94, median error at most
6.5 %; of 40: .98 and 5 %; intervals of 90 % hold 85 to 95 % of the values.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from eomoo.data import read_measured
from eomoo.data.eo_table import load_eo_table
from eomoo.data.user_table import read_user_table
from eomoo.models.device import fit_device
from eomoo.models.quality import N_FOLDS, HeldOut, measure, random_folds
from eomoo.models.recipes import device_recipe
from eomoo.objectives.refit import load_measurements
from eomoo.space import CIFAR10, SO2SAT, Skeleton, load_space

SIZES = (5, 10, 20, 40)
TABLES = Path(__file__).parent / "tables"
TIMED = {"cpu-latency": "CPU at one image, latency", "h100-latency": "H100 at one image, latency"}
# Size, least median of Spearman, least of the worst tenth, largest median error in per cent.
PROMISE = {20: (0.96, 0.94, 6.5), 40: (0.98, 0.0, 5.0)}
# Half of it on either side of the mean, in deviations.
NINETY = 1.645

Table = tuple[str, np.ndarray, np.ndarray, Skeleton]


def tables(nb101: Path | None) -> Iterator[Table]:
    """Title, cells (n,), values (n,) and skeleton of what there is."""
    eo = load_eo_table().groupby("index")["latency"].mean()
    yield "A100, latency", eo.index.to_numpy(), eo.to_numpy(), SO2SAT
    if nb101 is not None:
        read = read_user_table(nb101, ["train_time_108"])
        yield "NAS-Bench-101, training time", read.indices, read.columns["train_time_108"], CIFAR10
    for name, title in TIMED.items():
        table = read_measured(TABLES / name)
        rows = table.mean().query("latency_disturbed == 0")
        assert table.skeleton is not None
        yield title, rows["index"].to_numpy(), rows["latency"].to_numpy(), table.skeleton


def stratified(macs: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows (n,), one from each of n equal parts by multiply-accumulates."""
    return np.array([rng.choice(part) for part in np.array_split(np.argsort(macs, kind="stable"), n)])


def judged(table: Table, n: int, draws: int) -> np.ndarray:
    """Spearman, median error in per cent and share in per cent within the interval of 90 %, (draws, 3)."""
    _, cells, values, skeleton = table
    space = load_space()
    features, macs, found = space.features(cells), space.macs(cells, skeleton), []
    for seed in range(draws):
        rows = stratified(macs, n, np.random.default_rng([seed, n]))
        rest = np.setdiff1d(np.arange(len(cells)), rows)
        model = fit_device(device_recipe(skeleton), features[rows], values[rows])
        mean, std = (part[:, 0] for part in model.predict(features[rest]))
        error = np.abs(mean - values[rest])
        within = 100 * np.mean(error < NINETY * std)
        found.append((spearmanr(mean, values[rest]).statistic, 100 * np.median(error / values[rest]), within))
    return np.array(found)


def by_walk() -> None:
    """Print how the A100's latencies are told by models without a tenth of the walks, ten times, and by groups."""
    data = load_measurements(None)
    assert data.walk is not None
    cells, values, walk, recipe = data.indices, data.targets["latency"], data.walk, device_recipe(SO2SAT)
    features, fold = load_space().features(cells), random_folds(walk, seed=0, n_folds=N_FOLDS)
    mean, std = np.empty((2, len(cells)))
    for k in range(N_FOLDS):
        model = fit_device(recipe, features[fold != k], values[fold != k])
        mean[fold == k], std[fold == k] = (part[:, 0] for part in model.predict(features[fold == k]))
    held = HeldOut(cells=cells, measured=values, mean=mean, unit=std, clues=None, fold=fold, group=walk, is_told=True)
    found = measure([held])
    print(f"Spearman {found.spearman:.3f}, {found.rmse:.3f} ms, {100 * found.coverage:.1f} % within two deviations\n")
    print("| cells | n | walks | within two deviations, % | rms z |\n|---|---|---|---|---|")
    for g in found.groups:
        print(f"| {g.group} | {g.n} | {g.lots} | {100 * g.coverage:.1f} | {g.rms_z:.2f} |")


def main() -> None:
    """Print a table, and what of the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nb101", type=Path, help="CSV of NAS-Bench-101 with a column train_time_108")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--walks", action="store_true", help="all latencies of the EO table, by walk")
    given = parser.parse_args()
    if given.walks:
        by_walk()
        return
    broken = []
    print("| device | cells timed | Spearman | worst tenth | median error, % | 90 % intervals hold, % |")
    print("|---|---|---|---|---|---|")
    for table in tables(given.nb101):
        for n in (n for n in SIZES if n < len(table[1]) - 10):
            found = judged(table, n, given.draws)
            rho, off, within = np.median(found, axis=0)
            worst = np.quantile(found[:, 0], 0.1)
            print(f"| {table[0]} | {n} | {rho:.3f} | {worst:.3f} | {off:.1f} | {within:.0f} |")
            if n in PROMISE:
                least, least_worst, most = PROMISE[n]
                if rho < least or worst < least_worst or off > most or not 85 <= within <= 95:
                    broken.append(f"{table[0]}, {n} cells")
    print(f"\nThe promise is {'broken by ' + '; '.join(broken) if broken else 'kept'}.")


if __name__ == "__main__":
    main()
