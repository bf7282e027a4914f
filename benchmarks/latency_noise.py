"""How far latencies can be trusted here: python benchmarks/latency_noise.py [--cells 20] [--runtime eager]

Times random cells in interleaved rounds, on a machine where nothing else runs, and compares the ranking of
the even rounds with that of the odd ones; then with MACs.
"""

import argparse

import numpy as np
from scipy.stats import spearmanr

import eomoo
from eomoo.live import LatencySetting, half_split_spearman, measure_latency


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--runtime", default="onnxruntime", choices=["onnxruntime", "eager", "graph"])
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--stem-channels", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    chosen = parser.parse_args()
    space = eomoo.load_space()
    cells = np.random.default_rng(0).choice(len(space), chosen.cells, replace=False)
    skeleton = eomoo.Skeleton(in_channels=10, n_classes=17, stem_channels=chosen.stem_channels)
    setting = LatencySetting(
        runtime=chosen.runtime,
        batch_size=chosen.batch_size,
        device=chosen.device,
        rounds=chosen.rounds,
        seconds=chosen.seconds,
    )
    results = measure_latency(cells.tolist(), skeleton=skeleton, setting=setting)
    median = np.array([r.median for r in results])
    spread = np.array([(r.upper - r.lower) / r.median for r in results])
    relative = [r.relative for r in results]
    macs = space.macs(cells, skeleton)
    print(f"{chosen.cells} cells, {results[0].setting['device_name']}, {chosen.runtime}")
    print(f"median latency {median.min():.2f} to {median.max():.2f} ms")
    print(f"interquartile range / median: {np.median(spread):.1%} (largest {spread.max():.1%})")
    print(f"marked as contended: {sum(r.contended for r in results)}")
    print(f"half-split Spearman: {half_split_spearman(results):.4f}")
    print(f"Spearman of medians with ratios to the reference: {spearmanr(median, relative).statistic:.4f}")
    print(f"Spearman with MACs: {spearmanr(median, macs).statistic:.4f}")


if __name__ == "__main__":
    main()
