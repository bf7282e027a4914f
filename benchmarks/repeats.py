"""Do means of a few measurements lie within two deviations of the truth? By each cell's own deviation, and moderated.

Tables of 100 cells, each measured some times with normal noise, whose deviation is spread from cell to cell by a
lognormal; 200 tables each. Of the means 95 % should lie within 1.96 standard errors.

    python benchmarks/repeats.py
"""

import numpy as np

from eomoo.models.noise import moderated

N_TABLES, N_CELLS = 200, 100


def shares(n_repeats: int, spread: float, rng: np.random.Generator) -> tuple[float, float]:
    """Of the means within two standard errors, by the own deviations and by moderated ones."""
    inside = []
    for _ in range(N_TABLES):
        scale = np.exp(spread * rng.standard_normal((N_CELLS, 1)))
        measured = scale * rng.standard_normal((N_CELLS, n_repeats))
        mean, own = measured.mean(axis=1), measured.var(axis=1, ddof=1)
        drawn = moderated(own * (n_repeats - 1), np.full(N_CELLS, n_repeats - 1))
        inside.append([(np.abs(mean) <= 1.96 * np.sqrt(v / n_repeats)).mean() for v in (own, drawn)])
    own_share, drawn_share = np.mean(inside, axis=0)
    return float(own_share), float(drawn_share)


def main() -> None:
    print("measurements, spread of deviations: within two by own deviations, moderated")
    rng = np.random.default_rng(0)
    for n_repeats in (2, 3, 5, 10):
        for spread in (0.0, 0.3, 0.7):
            own, drawn = shares(n_repeats, spread, rng)
            print(f"{n_repeats:2d} {spread:.1f}: {100 * own:.0f} %, {100 * drawn:.0f} %")


if __name__ == "__main__":
    main()
