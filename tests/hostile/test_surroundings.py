"""Full disks, closed streams and homes of nobody: one sentence each."""

import os
import subprocess
import sys

import pytest

from eomoo.errors import SettingError
from eomoo.files import cache_folder


def eomoo(*words, env=None, **options):
    command = [sys.executable, "-m", "eomoo", *words]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["data", "list"], ["show", "5", "--json"], ["problems"], ["--help"]])
def test_a_full_disk_behind_the_output_is_told(words):
    with open("/dev/full", "w") as full:
        done = eomoo(*words, stdout=full)
    assert done.returncode == 1
    assert done.stderr == (
        "error: cannot write the output: the disk is full; free some space or choose another folder\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="needs descriptors")
@pytest.mark.parametrize("words", [["data", "list"], ["show", "5"]])
def test_a_closed_output_is_no_error(words):
    done = eomoo(*words, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["EOMOO_CACHE", "EOMOO_DATA"])
def test_the_home_of_nobody_is_told(name):
    done = eomoo("data", "list", env={name: "~nouser/x"}, stdout=subprocess.DEVNULL)
    assert done.returncode == 1
    assert done.stderr == "error: the home folder in ~nouser/x is not known; give the whole path\n"


def test_the_cache_of_nobody_is_a_setting(monkeypatch):
    monkeypatch.setenv("EOMOO_CACHE", "~nouser/x")
    with pytest.raises(SettingError, match="the home folder in ~nouser/x is not known"):
        cache_folder()
