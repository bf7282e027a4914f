import errno
import gzip
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eomoo.errors import DataError, DataNotFoundError
from eomoo.files import (
    atomic_folder,
    atomic_path,
    owners,
    read_bytes,
    read_unpacked,
    sha256_of,
    to_json,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_success_leaves_the_file_and_nothing_else(tmp_path):
    with atomic_path(tmp_path / "new" / "a.csv") as temporary:
        assert temporary.parent == tmp_path / "new"
        assert temporary.suffix == ".csv"
        assert not (tmp_path / "new" / "a.csv").exists()
        temporary.write_text("x")
    assert names(tmp_path / "new") == ["a.csv"]
    assert (tmp_path / "new" / "a.csv").read_text() == "x"


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt(), OSError(errno.ECONNRESET, "gone")])
def test_failure_keeps_what_was_there_and_passes_on_the_error(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        write_half()
    assert caught.value is error
    assert names(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_folders_that_were_made_for_nothing_go_again(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a" / "b" / "c.txt"):
        1 / 0  # noqa: B018
    assert not [*tmp_path.iterdir()]
    write_text(tmp_path / "a" / "c.txt", "text")
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a" / "b" / "c.txt"):
        1 / 0  # noqa: B018
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["c.txt"]


@pytest.mark.parametrize("kind", [atomic_path, atomic_folder])
def test_what_a_killed_writer_left_is_removed_by_the_next_one_in_that_folder(tmp_path, kind):
    code = (
        f"import os, sys; from eomoo.files import {kind.__name__} as kind\n"
        "with kind(sys.argv[1]) as temporary: temporary.touch(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a.txt"], check=False).returncode < 0
    (left,) = names(tmp_path)
    assert left.endswith("-a.txt")
    mark, past = left.rsplit("-", 2)[0], time.time() - 2 * 86_400
    # Of a process that writes; of another machine, yesterday and today; of somebody else.
    lives = mark.replace(mark.rsplit("-", 1)[1], str(os.getppid())) + "-0a1b2c3d-a.txt"
    old, young = (f".eomoo-0a1b2c3d-{k}-0a1b2c3d-a.txt" for k in (1, 2))
    for name in (lives, old, young, ".0a1b2c3d-x"):
        (tmp_path / name).touch()
    for name in (lives, old, ".0a1b2c3d-x"):
        os.utime(tmp_path / name, (past, past))
    with kind(tmp_path / "b.txt") as beside:
        beside.touch()
    assert names(tmp_path) == sorted([lives, young, ".0a1b2c3d-x", "b.txt"])


def test_where_it_cannot_be_asked_every_process_is_taken_to_be_there(monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not owners.lives(gone.pid)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("eomoo.files.owners.os", SimpleNamespace(name="nt"))
        assert owners.lives(gone.pid)


def test_missing_input_inside_is_not_taken_for_a_failure_to_write(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "other").read_text()
    with pytest.raises(DataNotFoundError), atomic_path(tmp_path / "a.txt"):
        raise DataNotFoundError("there is no file x")


def test_full_disk_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"^cannot write .*a\.txt: the disk is full"), atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_really_full_disk(tmp_path):
    with pytest.raises(DataError, match="the disk is full"), atomic_path(tmp_path / "a.txt"):
        Path("/dev/full").write_text("x" * 100_000)


def test_a_disk_that_gets_full_in_an_array_is_told_too(tmp_path):
    """What NumPy then raises has no number."""
    with pytest.raises(DataError, match=r"write .*a\.npy: the disk is full"), atomic_path(tmp_path / "a.npy"):
        raise OSError("3002826 requested and 699360 written")


def test_read_only_folder_is_one_sentence(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(DataError, match="permission denied"):
        write_text(folder / "a.txt", "x")


def test_permission_denied_when_opening_is_one_sentence(tmp_path, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("eomoo.files.files.os.open", refuse)
    with pytest.raises(DataError, match="permission denied; choose a folder"):
        write_text(tmp_path / "a.txt", "x")


def test_failing_rename_is_one_sentence_and_cleans_up(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EROFS, "Read-only file system", str(source))

    monkeypatch.setattr("eomoo.files.files.os.replace", refuse)
    with pytest.raises(DataError, match="read-only"):
        write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == []


def test_impossible_targets(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="there is a folder of that name"):
        write_text(tmp_path, "x")
    with pytest.raises(DataError, match="is a file or a broken link, not a folder"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(DataError, match="the name is too long"):
        write_text(tmp_path / ("x" * 300), "x")


def test_links_are_followed_and_modes_kept(tmp_path):
    real = tmp_path / "real.txt"
    real.write_text("old")
    real.chmod(0o640)
    (tmp_path / "link.txt").symlink_to(real)
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_new_files_have_the_usual_mode(tmp_path):
    (tmp_path / "usual").write_text("x")
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@dataclass
class Record:
    name: str
    where: Path


def test_json_of_numpy_paths_and_records():
    value = {
        "nan": np.float64("nan"),
        "inf": -np.inf,
        "f": np.float32(0.5),
        "i": np.int64(3),
        "b": np.bool_(True),
        "a": np.array([[1.0, np.nan]]),
        "t": (1, "ä"),
        "r": Record("x", Path("a/b")),
        np.int64(7): 1,
    }
    assert json.loads(to_json(value)) == {
        "nan": None,
        "inf": None,
        "f": 0.5,
        "i": 3,
        "b": True,
        "a": [[1.0, None]],
        "t": [1, "ä"],
        "r": {"name": "x", "where": "a/b"},
        "7": 1,
    }
    with pytest.raises(TypeError):
        to_json({"x": object()})


def test_write_json_ends_with_a_newline_and_keeps_floats(tmp_path):
    write_json(tmp_path / "a.json", {"x": 0.1 + 0.2})
    text = (tmp_path / "a.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text)["x"] == 0.1 + 0.2


def test_checksums(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(DataNotFoundError, match="there is no file"):
        sha256_of(tmp_path / "b")
    with pytest.raises(DataError, match="is a folder"):
        sha256_of(tmp_path)


def test_reading_is_limited(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a", max_size=3) == b"abc"
    with pytest.raises(DataError, match="larger than the 2 bytes"):
        read_bytes(tmp_path / "a", max_size=2)
    with pytest.raises(DataError, match="not a regular file"):
        read_bytes("/dev/zero", max_size=10)
    with pytest.raises(DataError, match="is a folder"):
        read_bytes(tmp_path, max_size=10)


# -- what is no regular file -------------------------------------------------------------------


def test_a_device_is_written_into_and_stays_a_device(tmp_path):
    (tmp_path / "here").mkdir()
    device = Path("/dev/null")
    if os.geteuid() == 0:
        # One of its own: whoever may replace the system's must not try.
        device = tmp_path / "null"
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    link = tmp_path / "here" / "nothing"
    link.symlink_to(device)
    write_text(link, "gone")
    assert link.is_symlink()
    assert stat.S_ISCHR(device.stat().st_mode)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["nothing"]


def test_a_pipe_with_a_reader_gets_the_content_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                write_text(pipe, "content")
                break
            except DataError:
                # The reader has not opened it yet.
                time.sleep(0.05)
        assert reader.communicate(timeout=30)[0] == "content"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_without_a_reader_is_one_sentence(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match=r"cannot write .*pipe: nobody reads from that pipe"):
        write_text(pipe, "content")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_socket_is_refused(tmp_path):
    place = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        with pytest.raises(DataError, match="no file"):
            write_text(place, "content")
    assert stat.S_ISSOCK(place.stat().st_mode)


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "x.bin").touch()
    os.truncate(tmp_path / "x.bin", 1 << 40)
    with pytest.raises(DataError, match="is larger than the 17179869184 bytes that such a file can have"):
        read_bytes(tmp_path / "x.bin", max_size=1 << 34)


def test_an_archive_that_unpacks_to_more_than_is_read_is_refused(tmp_path):
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(1001)))
    assert read_unpacked(path, max_size=1001) == bytes(1001)
    with pytest.raises(DataError, match=r"zeros\.gz unpacks to more than the 1000 bytes"):
        read_unpacked(path, max_size=1000)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="is a damaged gzip file"):
        read_unpacked(path, max_size=2000)
