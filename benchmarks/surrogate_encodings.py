"""How well surrogates rank cells by what they see of them: the structural features, and the published encoding.

Of a table of measured cells, such as 14,000 of NAS-Bench-101, some are learnt from and the others predicted; the
published encoding is the 17x17 adjacency matrix (Demir, Traoré, Camero, ESANN 2024), seen by boosted trees.

    python benchmarks/surrogate_encodings.py nb101-sample.csv --target val_accuracy_108 --n 2000 --seeds 3
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from scipy.stats import spearmanr

from eomoo.data.user_table import read_user_table
from eomoo.models import fit, recipe_for
from eomoo.models.scaling import space_scaling
from eomoo.space import load_space

# What is seen, and whether a process sees it too.
ENCODINGS = {"structural, process and trees": None, "structural, trees": "structural", "17x17, trees": "17x17"}


def rank_correlation(
    cells: np.ndarray, values: np.ndarray, name: str, *, encoding: str | None, n: int, seed: int
) -> float:
    """Spearman's correlation on all but n cells, of a model fitted to these."""
    order = np.random.default_rng(seed).permutation(len(cells))
    learnt, tested = order[:n], order[n:]
    recipe = recipe_for(name, values[learnt], encoding=encoding)
    features = load_space().features(cells, recipe.encoding).astype(np.float32)
    scaling = space_scaling() if recipe.kernel is not None else None
    model = fit(replace(recipe, exact=False), features[learnt], values[learnt, None], seed=seed, scaling=scaling)
    return float(spearmanr(model.predict(features[tested])[0][:, 0], values[tested]).statistic)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--target", default="val_accuracy_108")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    table = read_user_table(given.table, [given.target])
    values = table.columns[given.target]
    print(f"{given.target}: learnt from {given.n} of {len(values)} cells, predicted on the others")
    for title, encoding in ENCODINGS.items():
        found = [
            rank_correlation(table.indices, values, given.target, encoding=encoding, n=given.n, seed=seed)
            for seed in range(given.seeds)
        ]
        print(f"  {title:32} Spearman {np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})")


if __name__ == "__main__":
    main()
