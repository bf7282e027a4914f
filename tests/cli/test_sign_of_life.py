"""Nothing is silent for long: a line on stderr says that a command is at work."""

import re
import sys
import time

from eomoo import cli
from eomoo.cli import common
from eomoo.progress import doing


def at_work(monkeypatch, seconds, *arguments, says=()):
    """A command that works for so long, and says something after each of its steps."""
    monkeypatch.setattr(common, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr("sys.argv", ["eomoo", *arguments])

    def work():
        for line in [*says, None]:
            time.sleep(seconds)
            if line is not None:
                print(line)

    monkeypatch.setattr(cli, "app", work)
    cli.main()


def test_silence_is_broken_ever_more_seldom_and_what_is_said_is_as_it_was(monkeypatch, capsys):
    streams = sys.stdout, sys.stderr
    at_work(monkeypatch, 0.6, "study", "run", says=["first", "second"])
    out, err = capsys.readouterr()
    assert out == "first\nsecond\n"
    assert re.fullmatch(r"(eomoo study: working, \d s\n)+", err)
    # Each step alone is long enough for several, and each line doubles the pause.
    assert 3 <= err.count("\n") < 60
    assert (sys.stdout, sys.stderr) == streams


def test_a_line_says_what_is_being_done_and_how_far_it_is(monkeypatch, capsys):
    with doing("timing 12 networks", lambda: "3 of 10 rounds"):
        at_work(monkeypatch, 0.2, "run")
    assert capsys.readouterr().err.startswith("eomoo run: timing 12 networks, 3 of 10 rounds, 0 s\n")
    at_work(monkeypatch, 0.2, "study", "show", "of")
    assert capsys.readouterr().err.startswith("eomoo study: working, 0 s\n")


def test_counts_and_what_is_done_meanwhile_are_said_in_one_form(monkeypatch, capsys):
    # A pipe sees no bar: the line has the count, and the last count stays.
    with common.Bars(stay=True) as shown:
        at_work(monkeypatch, 0.2, "measure")
        with doing("timing 12 networks", lambda: "warming up"):
            at_work(monkeypatch, 0.2, "measure")
            shown.tell("cells timed", 3, 24)
            at_work(monkeypatch, 0.2, "measure")
        shown.tell("timing 12 networks", 1, 10)
        with doing("timing 12 networks", lambda: "round 2 of 10"):
            at_work(monkeypatch, 0.2, "latency")
    lines = dict.fromkeys(re.sub(r", \d s", "", line) for line in capsys.readouterr().err.splitlines())
    assert [*lines] == [
        "eomoo measure: preparing",
        "eomoo measure: timing 12 networks, warming up",
        "eomoo measure: cells timed: 3 of 24, timing 12 networks, warming up",
        "eomoo latency: timing 12 networks, round 2 of 10",
        "cells timed: 3 of 24",
        "timing 12 networks: 1 of 10",
    ]


def test_what_prints_for_programs_or_answers_at_once_has_none(monkeypatch, capsys):
    for arguments in (("run", "--json"), ("show", "5"), ()):
        at_work(monkeypatch, 0.2, *arguments)
        assert capsys.readouterr() == ("", "")
