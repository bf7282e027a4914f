"""Files -> arrays: one reader for each format, where data sets lie, their checksums.

- `load_eo_table`: the EO HW-NAS table, 450 measured cells, as a DataFrame.
- `NASBench101Table`: NAS-Bench-101's own table, memory-mapped.
- `MeasuredTable`, `read_measured`, `write_measured`: what was measured of cells, with all that it depends on.
- `merged`, `left_out`: one table of two, and what of the second does not go into it.
- `published_tables.open_table`: a measured table of its folder, a published data set, or any file that names cells.
- `read_user_table`, `UserTable`: anybody's table of cells, CSV or Parquet.
- `DATASETS`, `find`, `check_files`: the data sets that eomoo knows, where they lie, whether they are whole.
- `fetch`: bring a data set to this machine, from its authors or from a folder.
- `convert`: a data set's files as CSV or Parquet.
- `read_pickle`: plain data out of pickles of unknown origin.

What is looked for and is not there is a DataNotFoundError (a FileNotFoundError), which says how to get it; a file
that is damaged, of another kind, has changed, holds nothing that was asked for or cannot be written is a DataError
(a ValueError), which names file and record.
"""

from eomoo.data.convert import convert
from eomoo.data.datasets import DATASETS, DataFile, DataSet, check_files, find, get_dataset
from eomoo.data.download import fetch
from eomoo.data.eo_table import EO_COLUMNS, EO_UNITS, load_eo_table
from eomoo.data.measured_table import (
    MeasuredTable,
    is_measured,
    left_out,
    measured_table,
    merged,
    read_measured,
    write_measured,
)
from eomoo.data.nasbench101 import NASBench101Table
from eomoo.data.pickles import read_pickle
from eomoo.data.user_table import UserTable, read_user_table
from eomoo.files import atomic_path, cache_folder, read_json, sha256_of, to_json, write_json, write_text

__all__ = [
    "DATASETS", "EO_COLUMNS", "EO_UNITS", "DataFile", "DataSet", "MeasuredTable", "NASBench101Table", "UserTable",
    "atomic_path", "cache_folder", "check_files", "convert", "fetch", "find", "get_dataset", "is_measured",
    "left_out", "load_eo_table", "measured_table", "merged", "read_json", "read_measured", "read_pickle",
    "read_user_table", "sha256_of", "to_json", "write_json", "write_measured", "write_text",
]  # fmt: skip
