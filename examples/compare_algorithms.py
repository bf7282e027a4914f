"""Compare PLS, NSGA-II and random search on three problems over ten seeds, with statistics.

    python examples/compare_algorithms.py [--budget 500] [--seeds 10] [--jobs 2] [--out comparison]

Writes, into the folder, the study's store (start again to go on after an interrupt), the tables as CSV
and LaTeX, anytime curves, attainment surfaces and the critical-difference diagram as PNG.
"""

import argparse
from pathlib import Path

from eomoo.analysis import StudyTables, load_results, study_tables, write_csv, write_figures, write_latex
from eomoo.study.execute import run_study
from eomoo.study.plan import parse_study

PROBLEMS = ["eo-macro-latency", "eo-macro-params", "eo-micro-macro-latency"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=500, help="distinct cells a run may evaluate")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("comparison"))
    options = parser.parse_args()

    study = parse_study(
        {
            "title": "PLS, NSGA-II and random search",
            "problems": PROBLEMS,
            "algorithms": [
                {"label": "PLS", "algorithm": "pls"},
                {"label": "NSGA-II", "algorithm": "nsga2"},
                {"label": "random", "algorithm": "random"},
            ],
            "budget": options.budget,
            "seeds": options.seeds,
        }
    )
    run_study(study, options.out, jobs=options.jobs, on_event=lambda e: print(f"{e.done}/{e.total}", end="\r"))

    tables = study_tables(load_results(options.out))
    shown = ["hypervolume_share", "igd_plus", "front_size", "mean_edit"]
    print_table(tables, shown)
    paths = [*write_csv(tables, options.out / "tables"), options.out / "tables" / "tables.tex"]
    write_latex(tables, shown, paths[-1])
    paths += write_figures(tables.results, options.out / "figures")
    print("written:", *paths, sep="\n  ")


def print_table(tables: StudyTables, indicators: list[str]) -> None:
    for (problem, _), group in tables.summary.groupby(["problem", "evaluations"], sort=False):
        print(f"\n{problem}: medians over seeds")
        wide = group.pivot(index="label", columns="indicator", values="median")
        print(wide[indicators].loc[list(tables.results.labels)].to_string(float_format="{:.4g}".format))
        tests = tables.tests
        mine = tests[(tests["problem"] == problem) & (tests["indicator"] == "hypervolume_area")]
        for row in mine.to_dict(orient="records"):
            print(
                f"  {row['first']} against {row['second']}: shift {row['shift']:+.3g} [{row['low']:+.3g}, "
                f"{row['high']:+.3g}], {row['matters']:.3g} matters: {row['word']}"
            )
    for n, ranks in tables.ranks.items():
        ordered = ", ".join(f"{a} {r:.2f}" for a, r in zip(ranks.names, ranks.mean_ranks, strict=True))
        print(
            f"\nmean ranks at {n} cells over {ranks.n_problems} problems: {ordered}; "
            f"Friedman p = {ranks.p:.3g}, critical difference {ranks.critical_difference:.2f}"
        )


if __name__ == "__main__":
    main()
