"""Files -> arrays: one reader for each format, where data sets lie, their checksums.

- `load_eo_table`: the EO HW-NAS table, 450 measured cells, as a DataFrame.
- `NASBench101Table`: NAS-Bench-101's own table, memory-mapped; `nasbench_api` is the original's interface.
- `read_user_table`: anybody's table of cells, CSV or Parquet.
- `DATASETS`, `find`, `check_files`: the data sets that eomoo knows, where they lie, whether they are whole.
- `fetch`: bring a data set to this machine, from its authors or from a folder.
- `convert`: a data set's files as CSV or Parquet.
- `read_pickle`, `read_json`: plain data out of files of unknown origin.
- `atomic_path`, `write_text`, `write_json`, `to_json`, `sha256_of`: files written whole or not at all.

Every name is imported from its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eomoo.data.convert import convert
    from eomoo.data.datasets import DATASETS, DataFile, DataSet, cache_folder, check_files, find, get_dataset
    from eomoo.data.eo_table import EO_COLUMNS, EO_UNITS, load_eo_table
    from eomoo.data.fetch import fetch
    from eomoo.data.files import atomic_path, sha256_of, to_json, write_json, write_text
    from eomoo.data.json_files import read_json
    from eomoo.data.nasbench101 import NASBench101Table
    from eomoo.data.pickles import read_pickle
    from eomoo.data.user_table import read_user_table

_HOME = {
    "DATASETS": "datasets",
    "EO_COLUMNS": "eo_table",
    "EO_UNITS": "eo_table",
    "DataFile": "datasets",
    "DataSet": "datasets",
    "NASBench101Table": "nasbench101",
    "atomic_path": "files",
    "cache_folder": "datasets",
    "check_files": "datasets",
    "convert": "convert",
    "fetch": "fetch",
    "find": "datasets",
    "get_dataset": "datasets",
    "load_eo_table": "eo_table",
    "read_json": "json_files",
    "read_pickle": "pickles",
    "read_user_table": "user_table",
    "sha256_of": "files",
    "to_json": "files",
    "write_json": "files",
    "write_text": "files",
}

__all__ = [
    "DATASETS",
    "EO_COLUMNS",
    "EO_UNITS",
    "DataFile",
    "DataSet",
    "NASBench101Table",
    "atomic_path",
    "cache_folder",
    "check_files",
    "convert",
    "fetch",
    "find",
    "get_dataset",
    "load_eo_table",
    "read_json",
    "read_pickle",
    "read_user_table",
    "sha256_of",
    "to_json",
    "write_json",
    "write_text",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"eomoo.data.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'eomoo.data' has no attribute {name!r}")
