import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from eomoo.cli.report import report
from eomoo.errors import SettingError, StoreError
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.run import run_algorithm
from eomoo.study.store import STORE_NAME, Store

app = typer.Typer()
app.command()(report)


@pytest.fixture(scope="module")
def folder(pose, tmp_path_factory):
    place, problem = tmp_path_factory.mktemp("run"), pose("err", "lat")
    spec = AlgorithmSpec(label="pls", algorithm="pls")
    with Store(place / STORE_NAME, create=True) as store:
        result = run_algorithm(problem, spec, budget=60, seed=1)
        store.add_run(store.add_problem(problem), spec, seed=1, budget=60, result=result)
    return place


def invoke(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_page_is_written_into_the_folder(folder):
    result = invoke(folder)
    assert result.exit_code == 0, result.output
    assert "written:" in result.output
    assert (folder / "report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("kind", "start"), [("md", "# "), ("csv", "cell,"), ("latex", "% ")])
def test_other_formats_can_be_printed(folder, kind, start):
    result = invoke(folder, "--format", kind, "--out", "-")
    assert result.exit_code == 0
    assert result.output.startswith(start)


def test_out_names_the_file(folder, tmp_path):
    assert invoke(folder, "--format", "md", "--out", tmp_path / "sub" / "a.md").exit_code == 0
    assert (tmp_path / "sub" / "a.md").read_text().startswith("# ")


def test_open_asks_the_browser(folder, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert invoke(folder, "--open").exit_code == 0
    assert opened == [(folder / "report.html").resolve().as_uri()]


@pytest.mark.parametrize("fails", [False, True])
def test_without_a_browser_it_says_so(folder, monkeypatch, fails):
    def nothing(address):
        if fails:
            raise webbrowser.Error("could not locate runnable browser")
        return False

    monkeypatch.setattr(webbrowser, "open", nothing)
    result = invoke(folder, "--open")
    assert result.exit_code == 0
    assert "no web browser was found; open" in result.output + result.stderr


def test_bad_input_is_one_sentence(folder, tmp_path):
    table = tmp_path / "table"
    table.mkdir()
    (table / "benchmark.toml").touch()
    for arguments, kind, text in (
        ((table,), StoreError, f"see it with: eomoo report {table} --watch"),
        ((tmp_path / "none",), StoreError, "there is no folder"),
        ((tmp_path,), StoreError, "holds no results"),
        ((folder, "--format", "pdf"), SettingError, "html, md, csv, latex; got 'pdf'"),
        ((folder, "--out", "-", "--open"), SettingError, "cannot be opened"),
    ):
        error = invoke(*arguments).exception
        assert isinstance(error, kind)
        assert text in str(error)
        assert "\n" not in str(error)


def test_nothing_is_left_when_the_file_cannot_be_written(folder, tmp_path):
    (tmp_path / "taken").mkdir()
    error = invoke(folder, "--out", tmp_path / "taken").exception
    assert "there is a folder of that name" in str(error)
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_the_command_is_imported_without_heavy_packages():
    heavy = ("matplotlib", "torch", "pandas", "pymoo", "scipy")
    code = f"import sys, eomoo.cli.report; print([m for m in {heavy} if m in sys.modules])"
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert found.strip() == "[]"


def test_watch_says_where_and_ends_with_ctrl_c(folder, monkeypatch):
    def interrupted(server):
        opened.append(server.address)
        raise KeyboardInterrupt

    opened = []
    monkeypatch.setattr("eomoo.analysis.watch.Watch.serve_forever", interrupted)
    done = invoke(folder, "--watch", "--port", 0)
    assert done.exit_code == 0
    assert f"watching {folder} at {opened[0]} (Ctrl-C ends it)\n" in done.output
    assert opened[0].startswith("http://127.0.0.1:")
