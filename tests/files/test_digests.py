"""Checksums beside a folder's files: what is damaged or changed is told, with what to do."""

import pytest

from eomoo.errors import DataError
from eomoo.files import check_digests, write_digests


@pytest.mark.parametrize("content", [b'{"front.csv": "12', b"\xff\xfe", b"[]", b'{"front.csv": 1}', b'{"a": NaN}', b""])
def test_of_damaged_digests_it_is_said_what_to_do_and_what_that_loses(content, tmp_path):
    (tmp_path / "front.csv").write_text("index\n1\n")
    path = write_digests(tmp_path, ["front.csv"])
    check_digests(tmp_path)
    path.write_bytes(content)
    said = r"digests\.json is damaged; delete it, so that nothing tells .* have changed, or write the folder again"
    with pytest.raises(DataError, match=said):
        check_digests(tmp_path)
    path.unlink()
    check_digests(tmp_path)
