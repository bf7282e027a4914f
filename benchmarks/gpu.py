"""Check and measure eomoo on one CUDA device, in under 8 minutes: python benchmarks/gpu.py --out DIR

Each section stands alone and ends in figures, some beside what is wanted: its failure is a line, not an end.
Images are synthetic So2Sat patches; nothing is downloaded. DIR/gpu.json holds every figure, and the table is
printed. A dry run takes tiny sizes and any device, to see that everything works.

    python benchmarks/gpu.py --out DIR [--only latency,export] [--seconds 420] [--dry-run]
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from gpu_bench import Bench
from gpu_timing import contention, environment, export, latency, launches, search
from gpu_training import compiled, memory, numerics, processes, throughput, training

# Longest and least certain last, so that a limit cuts off least.
SECTIONS = {
    part.__name__: part
    for part in (
        environment, numerics, training, throughput, latency, launches, contention, memory, processes, export, search,
        compiled,
    )
}  # fmt: skip


def run(bench: Bench, names: list[str]) -> int:
    """Run sections one after another; how many failed."""
    failed = 0
    for name in names:
        bench.section, started = name, time.perf_counter()
        if bench.left() <= 0:
            bench.note(skipped="the time was up")
            continue
        try:
            SECTIONS[name](bench)
        except Exception as error:
            failed += 1
            bench.note(failed=f"{type(error).__name__}: {str(error)[:300]}")
            (bench.out / f"{name}.txt").write_text(traceback.format_exc())
        bench.note(section_seconds=round(time.perf_counter() - started, 1))
    return failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="names of sections, by comma: " + ", ".join(SECTIONS))
    parser.add_argument("--seconds", type=float, default=420, help="no section begins later than this")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes, on the CPU unless there is a GPU")
    given = parser.parse_args(arguments)
    names = given.only.split(",") if given.only else list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    with tempfile.TemporaryDirectory() as work:
        device = "auto" if given.dry_run and given.device == "cuda" else given.device
        bench = Bench(given.out, Path(work), device=device, seconds=given.seconds, dry=given.dry_run)
        failed = run(bench, names)
        print(bench.table())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
