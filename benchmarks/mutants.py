"""Break the code on purpose, one place at a time, and see whether a test notices.

    python benchmarks/mutants.py [--only ROOM,...] [--jobs N]

Each file of ``benchmarks/mutants`` holds the mutants of one part of eomoo: where a wrong sign, a stale cache,
a swapped quantity, an ignored limit or a lost mark would pass unseen. A mutant names its file, a piece of its
text that stands there once, what takes its place, and the tests that have to notice. It is killed when they
fail, and survives when they pass. A mutant whose text is no longer there is an error: the code has moved on; so
is a room whose tests fail as they are, since they would kill whatever is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MUTANTS = Path(__file__).with_name("mutants")
# Some mutants loop for ever; the slowest of the tests named take about two minutes.
LIMIT_S = 600


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One place to break, and the tests that have to notice."""

    room: str
    file: str
    old: str
    new: str
    tests: list[str]
    why: str


def load(only: list[str]) -> list[Mutant]:
    found = []
    for path in sorted(MUTANTS.glob("*.toml")):
        if not only or path.stem in only:
            for row in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
                found.append(Mutant(room=path.stem, **row))
    return found


def killed(mutant: Mutant) -> bool:
    """Whether the tests notice the mutant, in a copy of the tree."""
    with copied() as copy:
        target = copy / mutant.file
        text = target.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise SystemExit(
                f"{mutant.room}: {mutant.old!r} stands {text.count(mutant.old)} times in {mutant.file}; mend the mutant"
            )
        target.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            return fail(mutant.tests, copy, limit=LIMIT_S)
        except subprocess.TimeoutExpired:
            return True


@contextmanager
def copied() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in ("eomoo", "problems", "tests", "benchmarks", "examples", "pyproject.toml"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
            else:
                shutil.copy(source, copy / name)
        yield copy


def fail(tests: list[str], copy: Path, *, limit: float | None = None) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "EOMOO_CACHE": str(copy / "cache")}
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(tests)} cannot be run: {done.stdout[-400:]}")
    return done.returncode == 1


def check_whole(mutants: list[Mutant]) -> None:
    """Raise SystemExit where the tests of a room fail without a mutant."""
    for room in dict.fromkeys(mutant.room for mutant in mutants):
        tests = sorted({test for mutant in mutants if mutant.room == room for test in mutant.tests})
        with copied() as copy:
            if fail(tests, copy):
                raise SystemExit(f"{room}: its tests fail without a mutant; mend them first")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="rooms, separated by commas")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    mutants = load([name for name in given.only.split(",") if name])
    check_whole(mutants)
    survivors = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutant, dead in zip(mutants, pool.map(killed, mutants), strict=True):
            print(f"{'killed  ' if dead else 'SURVIVED'} {mutant.room}: {mutant.file}: {mutant.why}", flush=True)
            if not dead:
                survivors.append(mutant)
    every, left = (Counter(mutant.room for mutant in some) for some in (mutants, survivors))
    print("| room | mutants | survive |\n|---|--:|--:|")
    for room, n in every.items():
        print(f"| {room} | {n} | {left[room]} |")
    share = len(survivors) / max(len(mutants), 1)
    print(f"{len(mutants)} mutants, {len(survivors)} survived ({share:.0%})")


if __name__ == "__main__":
    main()
