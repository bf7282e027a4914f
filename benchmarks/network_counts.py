"""Compare analytic parameters and MACs with torch's and thop's counts: python benchmarks/network_counts.py

All cells of the EO HW-NAS table (where EOMOO_DATA has it) and 1,000 random ones, on the So2Sat skeleton.
"""

import time

import numpy as np

import eomoo
from eomoo.live import profile_network


def chosen_cells(space: eomoo.Catalogue) -> np.ndarray:
    random = np.random.default_rng(0).choice(len(space), 1000, replace=False)
    try:
        from eomoo.data.eo_table import load_eo_table

        table = load_eo_table()["index"].to_numpy()
    except eomoo.EomooError as error:
        print(f"without the EO table: {error}")
        table = np.empty(0, dtype=np.int64)
    return np.unique(np.concatenate((table, random)))


def main() -> None:
    space = eomoo.load_space()
    cells = chosen_cells(space)
    params, macs = space.params(cells), space.macs(cells)
    start = time.perf_counter()
    for k, index in enumerate(cells.tolist()):
        counted = profile_network(index)
        assert counted.params == params[k], index
        assert counted.macs == macs[k], index
        assert counted.thop_macs == macs[k] + 4 * counted.batch_norm_elements, index
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    space.params(cells), space.macs(cells)
    analytic = time.perf_counter() - start
    print(f"{len(cells):,} cells: all counts agree; {seconds:.1f} s counted, {analytic:.4f} s analytic")


if __name__ == "__main__":
    main()
