"""Files read within limits and written whole or not at all: what every other part reads and writes by.

``files``: written beside and renamed, read within a size, checksums, JSON out,
temporary files after a kill. ``texts``: JSON and TOML in,
strictly, TOML out. ``arrays``: NumPy's in. ``place``: a value of a file with the way to it, for errors. ``cache``: the
user's cache folder. ``sqlite``: databases of a known format, and a folder held by one process. ``claims``:
keys in a database, each held by one process as long as it lives. ``digests``: checksums of a folder's files
beside them. ``figures``: drawn ones as PNG, PDF, SVG.

Every reader raises DataNotFoundError where there is no such file, and DataError where it is no regular file,
larger than the limit, damaged or of another kind. Every writer raises DataError where a file cannot be written
(full disk, read-only folder, a folder of that name), and leaves the old one as it was.
"""

from eomoo.files.arrays import read_array
from eomoo.files.cache import cache_folder, expanded
from eomoo.files.claims import CLAIMS_TABLE, Claims
from eomoo.files.digests import DIGESTS_NAME, check_digests, forget_digests, write_digests
from eomoo.files.figures import check_figures, save_figures
from eomoo.files.files import (
    atomic_folder,
    atomic_path,
    check_folder,
    other_kind,
    read_bytes,
    read_head,
    read_unpacked,
    reading,
    sha256_of,
    to_json,
    write_error,
    write_json,
    write_text,
    writing,
)
from eomoo.files.place import Place
from eomoo.files.sqlite import Database, Schema, only_one
from eomoo.files.texts import read_json, read_toml, to_toml

__all__ = [
    "CLAIMS_TABLE", "DIGESTS_NAME", "Claims", "Database", "Place", "Schema", "atomic_folder", "atomic_path",
    "cache_folder", "check_digests", "check_figures", "check_folder", "expanded", "forget_digests", "only_one",
    "other_kind", "read_array", "read_bytes", "read_head", "read_json", "read_toml", "read_unpacked", "reading",
    "save_figures", "sha256_of", "to_json", "to_toml", "write_digests", "write_error", "write_json", "write_text",
    "writing",
]  # fmt: skip
