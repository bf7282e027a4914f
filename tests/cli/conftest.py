"""The command line, called as a user calls it, without a new process."""

from types import SimpleNamespace

import pytest

from eomoo import cli


@pytest.fixture
def call(monkeypatch, capsys):
    """Call ``eomoo`` with arguments: code, out, err."""

    # What a command says is looked at, and how busy the machine is must not matter.
    monkeypatch.setattr("eomoo.cli.common.FIRST_SECONDS", 1000.0)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["eomoo", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code or 0
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


@pytest.fixture
def undrawn(monkeypatch):
    """Runs without their figures, which take most of the time of a small one, for tests that look at none."""
    monkeypatch.setattr("eomoo.analysis.runs._DRAWN", {})


@pytest.fixture
def refused(call):
    """Call ``eomoo`` with a mistake: it must be told in one sentence on stderr, which is returned."""

    def run(*arguments):
        done = call(*arguments)
        assert done.code in (1, 2)
        assert done.out == ""
        assert "Traceback" not in done.err
        if done.code == 1:
            assert done.err.startswith("error: ")
            assert done.err.count("\n") == 1
        return done.err

    return run
