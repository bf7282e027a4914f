"""What measured tables say of searches: noise against signal, ruggedness, and what one task tells of another.

    python benchmarks/measured.py [--report benchmarks/measured.md]

Of the tables in benchmarks/tables that were made by `eomoo measure`, beside the EO table (where EOMOO_DATA, or the
usual places, hold it). Writes the report.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import eomoo
from eomoo.checks import counted
from eomoo.data import read_measured
from eomoo.data.measured_table import MeasuredTable
from eomoo.data.published_tables import open_table
from eomoo.errors import DataNotFoundError
from eomoo.landscape import SampleAnalysis, analyse_sample
from eomoo.landscape.intervals import rank_correlations

HERE = Path(__file__).parent
# Folders of tables, and what is the objective of a search there.
TABLES = {"Landsat scene": ("landsat", "val_micro"), "synthetic So2Sat": ("so2sat", "val_macro")}
RUNGS = {"Landsat scene": ("landsat-1", "landsat-3"), "synthetic So2Sat": ("so2sat-1",)}
QUANTITIES = ("val_micro", "val_macro", "test_micro", "test_macro", "train_time", "latency")
# Cards whose first objective is a predicted error, on other images.
ELSEWHERE = {
    "So2Sat LCZ42, shipped models, macro": "eo-macro-params",
    "CIFAR-10, shipped models, 108 epochs": "nb101s-error-params",
}


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, default=HERE / "measured.md")
    report = parser.parse_args().report
    tables = {title: read_measured(HERE / "tables" / folder) for title, (folder, _) in TABLES.items()}
    found = {title: analyse_sample(table) for title, table in tables.items()}
    try:
        found["EO table"] = analyse_sample(open_table("eo-hwnas"))
    except DataNotFoundError as error:
        print(error)
    lines = [
        "# Measured tables: what they tell\n",
        "Made by `python benchmarks/measured.py` from the tables in `benchmarks/tables`, each of which says how it was",
        "measured. In brackets intervals of 95 %, from leaving out one walk, or a part of the other cells, at a time.",
        "",
        "## Noise against signal",
        "Points of accuracy, seconds, milliseconds; of single trainings. `noise / variance` is the share of variance",
        "of single measurements that is another seed's (or another timing's): above 1/2 a second training of the same",
        "cell differs more than another cell does. The EO table measures each accuracy once.",
        "",
        *noise_table(found),
        "\n## Ruggedness",
        "Autocorrelation of one step along the walks, of all walks together: near 1 neighbours are alike, near 0 they",
        "tell nothing of each other.\n",
        *ruggedness_table(found),
        "\n## What one task tells of another",
        "Spearman's rank correlation over the same 124 cells: validation errors as measured, the same after short",
        "trainings, errors that the shipped models predict for other images, and parameters.\n",
        *travel_table(tables),
        "\n## What one machine's latency tells of another's",
        "The same networks, timed in the same way: Spearman's rank correlation, and by how much a latency differs from",
        "what the median ratio of the two machines makes of the other's, in the median and at most.\n",
        *machines_table(tables),
    ]
    report.write_text("\n".join(lines) + "\n")
    print(f"written to {report}")


def interval(value: float, low: float, high: float) -> str:
    """A value with its interval, if it has one."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.2f} ({low:.2f} to {high:.2f})" if np.isfinite([low, high]).all() else f"{value:.2f}"


def noise_table(found: dict[str, SampleAnalysis]) -> Iterator[str]:
    """Deviations between cells and between seeds, where cells were measured several times."""
    yield "| table | quantity | mean | between cells | between repeats | noise / variance |"
    yield "|---|---|--:|--:|--:|--:|"
    for title, analysis in found.items():
        for facts in analysis.numbers["quantities"]:
            noise = facts["noise"]
            if facts["name"] not in QUANTITIES or noise is None:
                continue
            times = 100.0 if facts["unit"] == "fraction" else 1.0
            share = noise["share"]
            between = noise["std"] * np.sqrt((1.0 - share) / share) if share > 0 else float("nan")
            cells = [title, f"`{facts['name']}`"]
            cells += [f"{times * value:.2f}" for value in (facts["values"]["mean"], between, noise["std"])]
            yield "| " + " | ".join([*cells, interval(share, *noise["band"])]) + " |"


def ruggedness_table(found: dict[str, SampleAnalysis]) -> Iterator[str]:
    """Autocorrelations of lag 1."""
    yield "| quantity | " + " | ".join(f"{t}, {len(a.sample.walks)} walks" for t, a in found.items()) + " |"
    yield "|---" * (len(found) + 1) + "|"
    for name in QUANTITIES:
        row = [f"`{name}`"]
        for analysis in found.values():
            by_name = {facts["name"]: facts for facts in analysis.numbers["quantities"]}
            along = by_name.get(name, {}).get("autocorrelation")
            row.append(interval(along["lag_1"], *along["lag_1_band"]) if along else "-")
        yield "| " + " | ".join(row) + " |"


def travel_table(tables: dict[str, MeasuredTable]) -> Iterator[str]:
    """Rank correlations of errors on one task with errors on others."""
    first = analyse_sample(next(iter(tables.values()))).sample
    columns: dict[str, np.ndarray] = {}
    for title, table in tables.items():
        name = TABLES[title][1]
        columns[f"{title}, `{name}`"] = -_values(table, name, first.cells)
        for folder in RUNGS[title]:
            shorter = read_measured(HERE / "tables" / folder)
            alone = counted(int(shorter.facts["training"]["epochs"]), "epoch")
            columns[f"{title}, {alone} alone"] = -_values(shorter, name, first.cells)
    for title, card in ELSEWHERE.items():
        problem = eomoo.get_problem(card)
        columns[title] = problem.evaluate(problem.space.genotype(first.cells), return_values_of=["F"])[:, 0]
    columns["parameters"] = first.values["params"]
    value, low, high = rank_correlations(np.column_stack(list(columns.values())), first.groups)
    against = [k for k, title in enumerate(columns) if "`" in title]
    names = list(columns)
    yield "| | " + " | ".join(names[k] for k in against) + " |"
    yield "|---" * (len(against) + 1) + "|"
    for row, name in enumerate(names):
        told = ["1" if row == k else interval(value[row, k], low[row, k], high[row, k]) for k in against]
        yield f"| {name} | " + " | ".join(told) + " |"


def machines_table(tables: dict[str, MeasuredTable]) -> Iterator[str]:
    """Latencies on a second machine beside those of a table."""
    yield "| table | beside | cells | disturbed there | Spearman | median difference | largest |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for title, table in tables.items():
        other = read_measured(HERE / "tables" / f"{TABLES[title][0]}-xeon")
        first = analyse_sample(table).sample
        both = np.column_stack([_values(t, "latency", first.cells) for t in (table, other)])
        value, low, high = rank_correlations(both, first.groups)
        ratio = np.log(both[:, 1] / both[:, 0])
        apart = 100.0 * np.expm1(np.abs(ratio - np.nanmedian(ratio)))
        machines = [str(t.facts["device"]["timing"]).removesuffix(" Processor") for t in (table, other)]
        disturbed = int((other.rows["latency_disturbed"] == 1).sum())
        cells = [f"{title}, {machines[0]}", machines[1], np.isfinite(ratio).sum(), f"{disturbed} of {len(other.cells)}"]
        cells += [interval(value[0, 1], low[0, 1], high[0, 1])]
        cells += [f"{of(apart):.0f} %" for of in (np.nanmedian, np.nanmax)]
        yield "| " + " | ".join(map(str, cells)) + " |"


def _values(table: MeasuredTable, name: str, cells: np.ndarray) -> np.ndarray:
    means = table.mean().set_index("index")[name]
    return np.asarray(means.reindex(cells), dtype=np.float64)


if __name__ == "__main__":
    main()
