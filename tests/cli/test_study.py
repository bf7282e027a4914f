"""``eomoo study`` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import eomoo
from eomoo.cli import app
from eomoo.errors import EomooError

ROOT = Path(eomoo.__file__).parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in a folder of its own; returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, ["study", *map(str, arguments)])
        if isinstance(result.exception, EomooError):
            raise result.exception
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout, result.stderr

    return call


@pytest.fixture
def part(card):
    return card("err", "lat", source="part", reference_point=(25.0, 25.0))


def start(part, *options):
    return ["run", "--problems", part, "--algorithms", "pls,random", "--jobs", 1, "--out", "x", *options]


def test_a_run_tells_of_each_run_and_how_to_see_them(run, part):
    out, err = run(*start(part, "--seeds", 2, "--budget", 30))
    assert "4 runs; see them with: eomoo study show x" in out
    lines = [line for line in err.splitlines() if line.startswith("[")]
    assert [line.split("]")[0] for line in lines] == ["[1/4", "[2/4", "[3/4", "[4/4"]
    assert "pls" in lines[0]
    assert "30 cells" in lines[0]
    assert "all 4 runs were there already" in run(*start(part, "--seeds", 2, "--budget", 30))[0]
    assert "2 runs;" in run(*start(part, "--seeds", 3, "--budget", 30))[0]


def test_show_prints_tables_and_writes_them(run, part):
    run(*start(part, "--seeds", "5,7,9", "--budget", 30))
    out, _ = run("show", "x", "--latex", "t.tex", "--csv", "tables", "--figures", "figures")
    assert "30 distinct cells: median and quartiles over seeds" in out
    assert "First minus second over seeds" in out
    assert "best error (%)" in out
    assert r"\toprule" in Path("t.tex").read_text()
    assert set(pd.read_csv("tables/runs.csv")["seed"]) == {5, 7, 9}
    assert len(list(Path("figures").glob("*.png"))) == 4
    run("show", "x", "--figures", "pdf", "--figures", "svg", "--width", "page")
    assert sorted({path.suffix for path in Path("x/figures").iterdir()}) == [".pdf", ".svg"]
    with pytest.raises(EomooError, match="width of a figure must be one of column, page; got 'wide'"):
        run("show", "x", "--figures", "pdf", "--width", "wide")
    early, _ = run("show", "x", "--at", "10,20", "--indicators", "mean_edit,r2")
    assert "10 distinct cells" in early
    assert "20 distinct cells" in early
    assert "IGD+" not in early


def test_a_comma_makes_a_seed_of_a_number(run, part):
    assert run(*start(part, "--seeds", "3,", "--budget", 10))[0].startswith("2 runs;")


def test_show_as_json_is_for_programs(run, part):
    run(*start(part, "--seeds", 2, "--budget", 30))
    content = json.loads(run("show", "x", "--json")[0])
    assert set(content) == {"title", "unfinished", "problems", "summary", "tests", "ranks"}
    assert {row["label"] for row in content["summary"]} == {"pls", "random"}
    assert content["problems"][0]["runs"] == 4


def test_a_study_file_and_its_overrides(run, part):
    Path("mine.toml").write_text(
        f'problems = ["{part}"]\nseeds = [4, 6, 8]\nbudget = 20\n[[algorithms]]\nalgorithm = "random"\n'
    )
    assert "2 runs; see them with: eomoo study show study-mine" in run("run", "mine.toml", "--seeds", 2, "--jobs", 1)[0]
    content = json.loads(run("show", "study-mine", "--json")[0])
    assert content["problems"][0]["runs"] == 2
    assert "1 run;" in run("run", "mine.toml", "--jobs", 1)[0]


def test_the_shipped_studies_are_listed(run):
    assert "data-centric" in run("list")[0]
    rows = json.loads(run("list", "--json")[0])
    mine = next(row for row in rows if row["name"] == "data-centric")
    assert mine["runs"] == 1260


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run"], "name a study, such as data-centric, or give --problems and --algorithms"),
        (["run", "nothing"], "no study is called 'nothing'"),
        (["run", "data-centric", "--budget", "9"], "a study file says its algorithms and budgets"),
        (["run", "--problems", "nothing", "--algorithms", "pls"], "no problem card is called 'nothing'"),
        (["run", "--problems", "eo-macro-params", "--algorithms", "x"], "there is no algorithm 'x'"),
        (["run", "data-centric", "--seeds", "a"], "--seeds takes whole numbers"),
        (["run", "data-centric", "--seeds", "0"], "at least one seed"),
        (["run", "data-centric", "--jobs", "0"], "jobs"),
        (["run", "data-centric", "--jobs", "2", "--cluster", "tcp://host:8786"], "--jobs has no say with a scheduler"),
        (["show", "nowhere"], "there are no results at nowhere"),
        (["verdict", "nowhere", "--out", "v"], "there are no results at nowhere"),
    ],
)
def test_what_cannot_be_is_one_sentence(run, arguments, text):
    with pytest.raises(EomooError, match=text) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


def test_wrong_checkpoints_and_indicators_are_one_sentence(run, part):
    run(*start(part, "--seeds", 2, "--budget", 20))
    with pytest.raises(EomooError, match="--at takes whole numbers of at least 1"):
        run("show", "x", "--at", "0")
    with pytest.raises(EomooError, match="no run has a budget of 500 cells or more"):
        run("show", "x", "--at", "500")
    with pytest.raises(EomooError, match="no indicator 'fame'; it has hypervolume"):
        run("show", "x", "--indicators", "fame")


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", "from eomoo.cli import main; main()", "study", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        **options,
    )


def first_run(process):
    """The first line that tells of a run; on a busy machine there may be others before it."""
    return next(line for line in process.stderr if line.startswith("["))


def test_an_interrupt_is_one_sentence_and_the_next_start_goes_on(tmp_path):
    arguments = ["run", "--problems", "eo-macro-params", "--algorithms", "pls", "--budget", 30]
    arguments += ["--seeds", 4000, "--jobs", 1, "--out", tmp_path / "x"]
    process = command(*arguments)
    assert first_run(process).startswith("[   1/4000] eo-macro-params  pls  seed 1")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("interrupted; what has ended is kept, the same command goes on\n")
    assert "Traceback" not in err
    seen = 1 + err.count("seed")
    process = command(*arguments)
    first = int(first_run(process).split("/")[0].strip("[ "))
    process.kill()
    process.communicate()
    # A run that was stored just before the interrupt was not told of.
    assert first in (seen + 1, seen + 2)


@pytest.mark.skipif(os.name != "posix", reason="limits a file's size as POSIX does")
def test_a_full_disk_is_one_sentence_and_nothing_is_lost(tmp_path):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    arguments = ["run", "--problems", "eo-macro-params", "--algorithms", "random", "--budget", 300]
    arguments += ["--seeds", 16, "--jobs", 1, "--out", tmp_path / "x"]
    process = command(*arguments, preexec_fn=limit)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ")
    assert "disk may be full" in err.splitlines()[-1]
    told = err.count("seed")
    process = command(*arguments)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err.count("seed") == 16 - told
