"""Record what eomoo answers, and compare it with an earlier record: the proof that a change is harmless.

    python benchmarks/answers.py record FILE [--only PART,...]
    python benchmarks/answers.py compare FILE [FILE2] [--only PART,...]

`record` writes digests, cells and numbers of everything that depends on a seed alone: the space, the
problems, searches, studies, a landscape, the published comparison, tables, small trainings, surrogates.
`compare` records again, or reads FILE2, prints a line for each difference, and ends with 1 if there is one.
It asks only what is public, so that the same script serves before and after a redesign. What needs a package
or data that are not here (the EO table: EOMOO_DATA) is left out and said to be.

A record holds for one machine and one set of packages: other processors round sums differently. `answers/`
holds those of releases.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

# Sums depend on the number of threads; the libraries read this when they are loaded, so before all else.
os.environ["OMP_NUM_THREADS"] = "1"

Record = dict[str, dict[str, dict[str, Any]]]
_ABSENT = object()
_LEFT = "not compared"
# Sentences by which a command says that it lacks something, which is no answer.
_LACKS = ("pip install", "is not installed", "not on this machine", "No module named")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("record", help="write what eomoo answers to a JSON file")
    two = commands.add_parser("compare", help="print what differs from an earlier record")
    for command in (one, two):
        command.add_argument("file", type=Path)
        command.add_argument("--only", help="parts, separated by commas")
    two.add_argument("other", type=Path, nargs="?", help="a second record, instead of recording now")
    options = parser.parse_args()
    only = options.only.split(",") if options.only else None

    if options.command == "record":
        record = record_parts(only)
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(to_text(record), encoding="utf-8")
        print(f"{sum(map(len, record.values()))} cases written to {options.file}")
        return 0
    old = read(options.file)
    missing = [part for part in only or () if part not in old]
    if missing:
        sys.exit(f"{options.file} has no part {missing[0]!r}; it has {', '.join(old)}")
    other = None if options.other is None else read(options.other)
    return compare({part: old[part] for part in old if only is None or part in only}, other)


def compare(old: Record, other: Record | None) -> int:
    """Print what differs, each part as soon as it is recorded, and a summary; 1 if anything does."""
    counts: dict[str, Counter[str]] = {}
    n_cases = 0
    for part, cases in old.items():
        new = record_parts([part]) if other is None else other
        lines, counts[part] = report(part, cases, new.get(part, {}))
        n_cases += len(cases)
        for line in lines:
            print(line, flush=True)
    n_left = sum(count.pop(_LEFT, 0) for count in counts.values())
    n_different = sum(map(Counter.total, counts.values()))
    if n_different > 20:
        # A thing that has changed everywhere should not have to be read out of hundreds of lines.
        for part, count in counts.items():
            if count:
                often = ", ".join(f"{what} {n}" for what, n in count.most_common(12))
                print(f"{part}, differences by kind: {often}")
    left = f", {n_left} not" if n_left else ""
    print(f"{n_different or 'no'} differences; {n_cases - n_left} cases compared{left}")
    return 1 if n_different else 0


def record_parts(only: list[str] | None = None) -> Record:
    """All parts, or those named: by part and case, what is answered."""
    parts = all_parts()
    unknown = sorted(set(only or ()) - set(parts))
    if unknown:
        sys.exit(f"no part is called {unknown[0]!r}; there are {', '.join(parts)}")
    record: Record = {}
    # A script's warnings, such as that of a start outside any budget, are no answers.
    warnings.simplefilter("ignore")
    before = Path.cwd()
    if "EOMOO_DATA" in os.environ:
        os.environ["EOMOO_DATA"] = str(Path(os.environ["EOMOO_DATA"]).resolve())
    for part in only or parts:
        started = perf_counter()
        with tempfile.TemporaryDirectory(prefix="eomoo-answers-") as folder:
            # Nothing that an earlier run has left in the user's cache may be taken for an answer.
            os.environ["EOMOO_CACHE"] = str(Path(folder) / "cache")
            os.chdir(folder)
            try:
                record[part] = {case: _asked(ask) for case, ask in parts[part]()}
            finally:
                os.chdir(before)
        print(f"{part}: {len(record[part])} cases, {perf_counter() - started:.0f} s", file=sys.stderr)
    return record


def all_parts() -> dict[str, Any]:
    """Every part by name: a function that yields cases and how to ask them."""
    import answers_results as results
    import answers_search as searches

    return {
        "space": searches.space,
        "problems": searches.problems,
        "search": searches.search,
        "library": searches.library,
        "study": results.study,
        "landscape": results.landscape,
        "verdict": results.verdict,
        "tables": results.tables,
        "live": results.live,
        "surrogate": results.surrogate,
    }


def _asked(ask: Any) -> dict[str, Any]:
    """What a case answers; an error is an answer too."""
    try:
        return ask()
    except Exception as error:
        text = " ".join(str(error).split())
        lacking = any(lack in text for lack in _LACKS) and "module named 'eomoo" not in text
        return {"skipped" if lacking else "failed": text}


def to_text(record: Record) -> str:
    """JSON with a line for each case, so that a diff of two files can be read."""
    parts = []
    for part, cases in record.items():
        lines = [f"    {json.dumps(case)}: {_compact(found)}" for case, found in cases.items()]
        parts.append(f"  {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(found: Any) -> str:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def read(path: Path) -> Record:
    return json.loads(path.read_text(encoding="utf-8"))


def report(part: str, old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], Counter[str]]:
    """A line for each difference of a part's cases, and how many there are of each kind."""
    lines: list[str] = []
    counts: Counter[str] = Counter()
    for case, found in old.items():
        here, where = new.get(case), f"{part} / {case}"
        if here is None:
            lines.append(f"{where}: not there any more")
            counts["whole case"] += 1
        elif "skipped" in found or "skipped" in here:
            lines.append(f"{where}: not compared; {here.get('skipped', found.get('skipped'))}")
            counts[_LEFT] += 1
        else:
            if ("failed" in here) != ("failed" in found):
                # One line for the failure, not one for each answer that is missing.
                found, here = ({"failed": answer.get("failed", "no")} for answer in (found, here))
            for text in differences(found, here):
                lines.append(f"{where} / {text}")
                counts[text.partition(":")[0].split(" / ")[-1]] += 1
    lines += [f"{part} / {case}: not in the earlier record" for case in sorted(set(new) - set(old))]
    return lines, counts


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """A line for each difference between two answers."""
    if isinstance(old, dict) and isinstance(new, dict):
        kind = next((k for k in _DIGESTS if {k, *_BESIDE[k]} <= old.keys() & new.keys()), None)
        if kind is not None:
            if old != new:
                yield f"{where}: {_DIGESTS[kind](old, new)}"
            return
        for key in dict.fromkeys([*old, *new]):
            inside = f"{where} / {key}" if where else str(key)
            yield from differences(old.get(key, _ABSENT), new.get(key, _ABSENT), inside)
    elif old is _ABSENT or new is _ABSENT:
        yield (f"{where}: only now: {_short(new)}" if old is _ABSENT else f"{where}: not any more: {_short(old)}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for k, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from differences(a, b, f"{where} / {k}")
    elif old != new or type(old) is not type(new):
        yield f"{where}: {_short(old)} -> {_short(new)}{_relative(old, new)}"


def _cells_differ(old: dict[str, Any], new: dict[str, Any]) -> str:
    if old["set"] == new["set"] and old["cells"] == new["cells"]:
        return f"the same {old['cells']} cells in another order"
    sizes = f"{old['cells']} -> {new['cells']} cells" if old["cells"] != new["cells"] else "other cells"
    pairs = list(zip(old["first"], new["first"], strict=False))
    k = next((k for k, (a, b) in enumerate(pairs) if a != b), None)
    return (
        f"{sizes}, equal up to {len(pairs)}" if k is None else f"{sizes}, from {k} on: {pairs[k][0]} -> {pairs[k][1]}"
    )


def _floats_differ(old: dict[str, Any], new: dict[str, Any]) -> str:
    if old["floats"] != new["floats"]:
        return f"{old['floats']} -> {new['floats']} numbers"
    if old["rounded"] == new["rounded"]:
        return "other last digits, equal to six digits"
    pairs = [(a, b) for a, b in zip(old["first"], new["first"], strict=True) if a != b]
    return f"{pairs[0][0]} -> {pairs[0][1]}{_relative(*pairs[0])}" if pairs else "other numbers"


_DIGESTS = {"cells": _cells_differ, "floats": _floats_differ}
# What stands beside in a digest: an answer of another kind may have cells too.
_BESIDE = {"cells": ("set", "first"), "floats": ("rounded", "first")}


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


def _relative(old: Any, new: Any) -> str:
    if type(old) is not float or type(new) is not float or not old:
        return ""
    return f" (relative {abs(new - old) / abs(old):.1e})"


if __name__ == "__main__":
    sys.exit(main())
