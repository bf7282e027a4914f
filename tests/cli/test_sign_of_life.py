"""Nothing is silent for long: a line on stderr says that a command is at work."""

import re
import sys
import threading
import time

import pytest

from eomoo import cli
from eomoo.cli import common
from eomoo.progress import doing


class Counted:
    """A stream whose lines are counted."""

    def __init__(self, stream):
        self.stream, self.lines = stream, 0

    def write(self, text):
        self.lines += text.count("\n")
        return self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


def at_work(monkeypatch, *arguments, lines=1, says=()):
    """A command that works until so many lines were said of it, and says something after each of its steps."""
    monkeypatch.setattr(common, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr("sys.argv", ["eomoo", *arguments])

    def work():
        for line in [*says, None]:
            wanted, deadline = heard.lines + lines, time.monotonic() + 60
            while heard.lines < wanted and time.monotonic() < deadline:
                time.sleep(0.01)
            if line is not None:
                print(line)

    with monkeypatch.context() as context:
        heard = Counted(sys.stderr)
        context.setattr(sys, "stderr", heard)
        context.setattr(cli, "app", work)
        cli.main()
        assert sys.stderr is heard


def test_silence_is_broken_ever_more_seldom_and_what_is_said_is_as_it_was(monkeypatch, capsys):
    streams, pauses = (sys.stdout, sys.stderr), []
    beat = common._Clock.beat

    def noting(clock, stop, stream, words):
        stream.write = lambda text, write=stream.write: pauses.append(clock.pause) or write(text)
        beat(clock, stop, stream, words)

    monkeypatch.setattr(common._Clock, "beat", noting)
    at_work(monkeypatch, "study", "run", lines=3, says=["first", "second"])
    out, err = capsys.readouterr()
    assert out == "first\nsecond\n"
    assert re.fullmatch(r"(eomoo study: working, \d+ s\n){9,}", err)
    # Each line doubles the pause before the next, until the command itself says something.
    assert pauses[:3] == pytest.approx([0.1, 0.2, 0.4])
    assert pauses.count(pytest.approx(0.1)) == 3
    assert (sys.stdout, sys.stderr) == streams


def test_a_line_says_what_is_being_done_and_how_far_it_is(monkeypatch, capsys):
    with doing("timing 12 networks", lambda: "3 of 10 rounds"):
        at_work(monkeypatch, "run")
    assert re.match(r"eomoo run: timing 12 networks, 3 of 10 rounds, \d+ s\n", capsys.readouterr().err)
    at_work(monkeypatch, "study", "show", "of")
    assert re.match(r"eomoo study: working, \d+ s\n", capsys.readouterr().err)


def test_counts_and_what_is_done_meanwhile_are_said_in_one_form(monkeypatch, capsys):
    # A pipe sees no bar: the line has the count, and the last count stays.
    with common.Bars(stay=True) as shown:
        at_work(monkeypatch, "measure")
        with doing("timing 12 networks", lambda: "warming up"):
            at_work(monkeypatch, "measure")
            shown.tell("cells timed", 3, 24)
            at_work(monkeypatch, "measure")
        shown.tell("timing 12 networks", 1, 10)
        with doing("timing 12 networks", lambda: "round 2 of 10"):
            at_work(monkeypatch, "latency")
    lines = dict.fromkeys(re.sub(r", \d+ s", "", line) for line in capsys.readouterr().err.splitlines())
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
        before = threading.active_count()
        monkeypatch.setattr(cli, "app", lambda: print(threading.active_count()))
        monkeypatch.setattr("sys.argv", ["eomoo", *arguments])
        cli.main()
        # Nobody is there who could say anything.
        assert capsys.readouterr() == (f"{before}\n", "")
