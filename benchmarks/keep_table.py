"""A measured table as it is kept beside the code: python benchmarks/keep_table.py FOLDER NAME

Copies table, curves and settings of `eomoo measure`'s FOLDER to benchmarks/tables/NAME, without what can be made of
these (Parquet) and what no replay needs (stores, weights). What is there of an earlier copy is replaced, but for its
README.md, which says by which commands it was measured.
"""

import argparse
import shutil
from pathlib import Path

from eomoo.data import read_measured
from eomoo.data.measured_table import CURVES_FILE, TABLE_FILE, read_facts, write_facts

TABLES = Path(__file__).parent / "tables"


def keep(folder: Path, to: Path) -> Path:
    """The copy's folder, read once more, so that it is as good as the original."""
    read_measured(folder)
    facts = read_facts(folder)
    facts["digests"] = {name: facts["digests"][name] for name in (TABLE_FILE, CURVES_FILE) if name in facts["digests"]}
    if "source" in facts.get("data", {}):
        # Where the images lay says nothing elsewhere.
        kind, colon, place = str(facts["data"]["source"]).rpartition(":")
        facts["data"]["source"] = f"{kind}{colon}{Path(place).name}"
    to.mkdir(parents=True, exist_ok=True)
    for name in facts["digests"]:
        shutil.copyfile(folder / name, to / name)
    write_facts(facts, to)
    read_measured(to)
    return to


def main() -> None:
    """Copy a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    chosen = parser.parse_args()
    print(keep(chosen.folder, TABLES / chosen.name))


if __name__ == "__main__":
    main()
