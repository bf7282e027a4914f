"""Speed of the space: loading, look-up, neighbours; equal answers are asserted before time is told.

python benchmarks/space.py
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import eomoo


def best_of(times: int, call: Callable[[], object]) -> float:
    """The least wall time of several calls, in seconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def in_new_process(code: str) -> dict[str, float]:
    """What a snippet prints as JSON in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


LOAD = """
import time, json, resource
start = time.perf_counter(); import eomoo; imported = time.perf_counter()
space = eomoo.load_space(); loaded = time.perf_counter()
kib = int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1])
print(json.dumps({"import": imported - start, "load": loaded - imported, "mib": kib / 1024}))
"""

NEIGHBORS = """
import time, json, resource, eomoo
space = eomoo.load_space(); start = time.perf_counter()
near = space.neighborhood({kind!r}); seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"seconds": seconds, "peak_mib": peak, "pairs": len(near.indices)}}))
"""


def slow_index(space: eomoo.Catalogue, genes: np.ndarray) -> int:
    """The index of one genotype by pruning and hashing."""
    matrix = np.zeros((7, 7), dtype=int)
    matrix[np.triu_indices(7, 1)] = genes[:21]
    names = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    try:
        cell = eomoo.Cell(matrix, ["input", *(names[k] for k in genes[21:]), "output"])
    except ValueError:
        return -1
    return int(space.find([cell.hash])[0])


def main() -> None:
    runs = [in_new_process(LOAD) for _ in range(3)]
    for key, unit in (("import", "s"), ("load", "s"), ("mib", "MiB")):
        print(
            f"{'import eomoo' if key == 'import' else 'load_space(): ' + key:32} "
            f"{min(r[key] for r in runs):8.3f} {unit}"
        )

    space = eomoo.load_space()
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.integers(0, 2, (1_000_000, 21)), rng.integers(0, 3, (1_000_000, 5))], axis=1)
    fast = space.index(X[:2000])
    start = time.perf_counter()
    slow = np.array([slow_index(space, genes) for genes in X[:2000]])
    hashing = (time.perf_counter() - start) / 2000
    assert (fast == slow).all()
    seconds = best_of(5, lambda: space.index(X)) / len(X)
    print(f"{'space.index, a genotype':32} {1e9 * seconds:8.1f} ns  ({1 / seconds / 1e6:.1f} million a second)")
    print(f"{'  by pruning and hashing':32} {1e6 * hashing:8.1f} us  ({hashing / seconds:,.0f} times as long)")

    for kind in ("hamming", "published", "symmetric"):
        found = in_new_process(NEIGHBORS.format(kind=kind))
        print(
            f"{'all neighbours, ' + kind:32} {found['seconds']:8.3f} s   "
            f"peak {found['peak_mib']:.0f} MiB, {found['pairs']:,} pairs"
        )
    everything = np.arange(len(space))
    for name, call in (("params", space.params), ("macs", space.macs)):
        print(f"{name + ' of all cells':32} {best_of(3, lambda call=call: call(everything)):8.3f} s")


if __name__ == "__main__":
    main()
