"""``eomoo run``: what it prints and writes, and one sentence for every mistake."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import ANALYTIC_CARD, brute_front, card_text, register

import eomoo
from eomoo.errors import SettingError
from eomoo.files import only_one
from eomoo.study.store import STORE_NAME, Store

# Some cards here are read without the fixtures that make the synthetic sources known.
register()

FILES = {"front.csv", "trace.csv", "settings.json", "digests.json", "lock.sqlite", "front.png", "cells.png"}


@pytest.fixture(scope="module")
def own(card):
    """A table of 425 cells: quick."""
    return card("err", "lat", source="ball", stem="mine", reference_point=[22, 24], budget=120)


@pytest.fixture(scope="module")
def whole(card):
    """Every cell, with uncertain values."""
    return card("err", "lat", stem="whole", reference_point=[22, 24], budget=120)


@pytest.fixture(scope="module")
def analytic(card):
    return card(text=ANALYTIC_CARD.replace("max", "min"), stem="analytic")


def test_a_front_as_a_table(call, whole):
    done = call("run", whole, "-a", "pls", "--seed", 3)
    assert done.code == 0
    problem = eomoo.get_problem(whole)
    front, choices = done.out.split("The choices that can be told apart")
    cells, chosen = (
        [int(line.split("│")[1].strip()) for line in part.splitlines() if line.startswith("│ ")]
        for part in (front, choices)
    )
    assert len(cells) > 2
    assert set(chosen) <= set(cells)
    assert "P(front)" in front
    assert f"Of the {len(cells)} cells" in choices
    assert f"At 95 % they are {len(chosen)} choice" in choices
    F = problem.objectives_at(cells)
    assert brute_front(F) == list(range(len(F)))
    assert (np.diff(F[:, 0]) >= 0).all()
    assert f"whole: {len(cells)} cells on the front" in done.out
    assert "120 distinct cells in 120 evaluations" in done.out
    assert "pls, seed 3" in done.out
    assert "of the measured front's hypervolume" in done.out
    assert "±" in done.out


def test_two_runs_into_one_folder_do_not_mix(call, undrawn, own, tmp_path):
    with only_one(tmp_path, "running a search"):
        done = call("run", own, "-a", "random", "--budget", 20, "--out", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "another process is running a search in" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["lock.sqlite"]
    assert call("run", own, "-a", "random", "--budget", 20, "--out", tmp_path).code == 0


def test_figures_are_written_as_what_was_asked(call, own, tmp_path):
    start = ("run", own, "-a", "random", "--budget", 20, "--out", tmp_path / "new")
    refused = call(*start, "--figures", "jpeg")
    assert refused.code == 1
    assert "the form of a figure must be one of png, pdf, svg; got 'jpeg'" in refused.err
    assert not (tmp_path / "new").exists()
    assert call(*start, "--figures", "svg", "--figures", "pdf", "--width", "page").code == 0
    found = {path.name for path in (tmp_path / "new").iterdir() if path.stem in ("front", "cells")}
    assert found == {"front.csv", "front.svg", "front.pdf", "cells.svg", "cells.pdf"}
    assert b'width="510' in (tmp_path / "new" / "front.svg").read_bytes()[:2000]


def test_figures_of_an_earlier_form_do_not_stay_and_those_of_others_do(call, own, tmp_path):
    start = ("run", own, "-a", "random", "--budget", 20, "--out", tmp_path)
    assert call(*start, "--figures", "png", "--figures", "svg").code == 0
    (tmp_path / "cells.pdf").write_bytes(b"mine")
    (tmp_path / "mine.png").write_bytes(b"mine")
    assert call(*start, "--figures", "svg").code == 0
    found = {path.name for path in tmp_path.iterdir() if path.suffix in (".png", ".svg", ".pdf")}
    assert found == {"front.svg", "cells.svg", "cells.pdf", "mine.png"}


def test_a_run_that_fails_before_its_first_cell_leaves_no_results(call, undrawn, own, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise SettingError("nothing can be searched today")

    with monkeypatch.context() as patch:
        patch.setattr("eomoo.api.run_algorithm", fail)
        done = call("run", own, "-a", "random", "--budget", 20, "--out", tmp_path)
        assert (done.code, done.err.strip()) == (1, "error: nothing can be searched today")
    assert STORE_NAME not in {path.name for path in tmp_path.iterdir()}
    start = ("run", own, "-a", "random", "--out", tmp_path, "--budget")
    assert call(*start, 20).code == 0
    with monkeypatch.context() as patch:
        patch.setattr("eomoo.api.run_algorithm", fail)
        assert call(*start, 30).code == 1
    assert STORE_NAME in {path.name for path in tmp_path.iterdir()}, "what was there stays"


def test_hours_alone_are_told_as_hours(call, own):
    done = call("run", own, "-a", "random", "--hours", 0.0003)
    assert done.code == 0
    assert "of 0.0003 hours" in done.err
    assert "of 423,624" not in done.err


@pytest.mark.parametrize("name", ["front.csv", "trace.csv", "settings.json"])
def test_a_changed_file_is_told_by_the_report(call, undrawn, own, tmp_path, name):
    assert call("run", own, "-a", "random", "--budget", 20, "--out", tmp_path).code == 0
    assert call("report", tmp_path, "-f", "md", "--out", "-").code == 0
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content.replace(b"0", b"1", 1))
    done = call("report", tmp_path, "-f", "md", "--out", "-")
    assert (done.code, done.out) == (1, "")
    assert f"{name} has changed since it was written" in " ".join(done.err.split())
    assert call("run", own, "-a", "random", "--budget", 20, "--out", tmp_path).code == 0
    assert call("report", tmp_path, "-f", "md", "--out", "-").code == 0


def test_everything_lies_in_the_folder(call, own, tmp_path):
    out = tmp_path / "a new" / "folder"
    done = call("run", own, "-a", "nsga2", "-o", "pop_size=20", "--budget", 90, "--out", out, "-c", "lat<=22.5")
    assert done.code == 0
    assert {path.name for path in out.iterdir()} == {STORE_NAME, *FILES}
    settings = json.loads((out / "settings.json").read_text())
    assert settings["settings"] == {"algorithm": "nsga2", "pop_size": 20, "init": "random"}
    assert (settings["problem"], settings["seed"], settings["budget"]) == ("mine", 1, 90)
    assert settings["constraints"] == ["lat <= 22.5"]
    trace, front = pd.read_csv(out / "trace.csv"), pd.read_csv(out / "front.csv")
    assert len(trace) == 90
    assert (front["lat"] <= 22.5).all()
    assert trace["feasible"].tolist() == (trace["lat"] <= 22.5).tolist()


def test_json_is_json_and_nothing_else(call, whole):
    done = call("run", whole, "-a", "random", "--budget", 50, "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["problem"], found["budget"], found["distinct_cells"]) == ("whole", 50, 50)
    assert found["front_size"] == len(found["front"])
    space = eomoo.load_space()
    for row in found["front"]:
        assert space.hash(row["index"]) == row["hash"]
        assert {"err", "err_std", "lat", "lat_std", "params", "macs", "genotype"} <= row.keys()


def test_the_same_command_twice_shows_the_stored_run(call, undrawn, own, tmp_path, monkeypatch):
    arguments = ("run", own, "-a", "pls", "--budget", 60, "--out", tmp_path / "out", "--json")
    first = call(*arguments)
    monkeypatch.setattr("eomoo.search.run.run_algorithm", None)
    (tmp_path / "out" / "front.csv").unlink()
    second = call(*arguments)
    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert (tmp_path / "out" / "front.csv").is_file()


def test_the_same_seed_gives_the_same_front(call, own):
    fronts = [
        json.loads(call("run", own, "-a", "pls", "--budget", 60, "--seed", seed, "--json").out)["front"]
        for seed in (5, 5, 6)
    ]
    assert fronts[0] == fronts[1] != fronts[2]


def test_noise_is_another_landscape(call, whole):
    values = [
        json.loads(call("run", whole, "-a", "random", "--budget", 30, "--json", *noise).out)["front"]
        for noise in ((), ("--noise", 1), ("--noise", 1), ("--noise", 2))
    ]
    assert values[1] == values[2]
    assert values[0] != values[1] != values[3]


def test_nothing_that_satisfies_the_constraints(call, own, tmp_path):
    done = call("run", own, "-a", "pls", "--budget", 40, "-c", "lat<=0", "--out", tmp_path / "out")
    assert done.code == 0
    assert "0 cells on the front" in done.out
    assert pd.read_csv(tmp_path / "out" / "front.csv").empty
    done = call("run", own, "-a", "pls", "--budget", 40, "-c", "lat<=0", "--json")
    assert json.loads(done.out)["front"] == []


@pytest.mark.parametrize("names", [("err",), ("acc", "lat", "size"), ("holes", "lat"), ("depth", "pools")])
def test_problems_of_every_kind(call, few_hopeful, card, tmp_path, names):
    done = call("run", card(*names), "-a", "pls", "--budget", 40, "--out", tmp_path / "out")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {STORE_NAME, *FILES}


def test_a_reference_point_that_nothing_reaches(call, card):
    path = card("err", "lat", reference_point=[11.001, 18.933])
    done = call("run", path, "-a", "pls", "--budget", 40)
    assert done.code == 0
    assert "hypervolume" not in done.out


def test_brackets_and_dollars_are_text(call, card, tmp_path):
    text = card_text("err", "lat", source="ball").replace('name = "err"', 'name = "err"\ntitle = "[/b] $\\\\foo_{$"')
    path = card(text=f'title = "[/x] [red]"\n{text}', stem="c[1] $\\foo$")
    done = call("run", path, "-a", "pls", "--budget", 30, "--out", tmp_path / "out[/b]")
    assert done.code == 0
    for shown in ("[/x] [red]: ", "[/b] $\\foo_{$", "out[/b]"):
        assert shown in done.out
    assert (tmp_path / "out[/b]" / "front.png").is_file()


# -- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--budget", 0), "budget must be a whole number from 1 to "),
        (("--budget", -5), "budget must be"),
        (("--budget", "many"), "--budget"),
        (("--budget", 10**20), "budget must be a whole number from 1 to "),
        (("--seed", -1), "seed must be a whole number from 0 to "),
        (("--seed", 1.5), "--seed"),
        (("--seed", 10**20), "seed must be"),
        (("--noise", -1), "noise must be a whole number from 0"),
        (("--noise", 10**20), "noise must be"),
        (("-a", "nsga9"), "there is no algorithm 'nsga9'; known are "),
        (("-a", ""), "there is no algorithm ''"),
        (("--prior", "eo-hwnas", "-a", "pls"), "pls has no use for --prior, which is for cost-aware; leave it out"),
        (("--rungs", "4,12", "-a", "pls"), "pls has no use for --rungs, which is for cost-aware"),
        (("--init", "walks", "-a", "random"), "random has no use for --init, which is for pls, surrogate-pls, "),
        (("--n-train", 9, "-a", "cost-aware"), "cost-aware has no use for --n-train, which is for pls, "),
        (("--init", "nothing", "-a", "pls"), "init must be one of random, walks, surrogate-pareto, "),
        (("-o", "colour=3"), "unknown key 'colour'; known are "),
        (("-o", "n_starts"), "an option reads like n_starts=10; got 'n_starts'"),
        (("-o", "=3"), "an option reads like"),
        (("-o", "n_starts=0", "-a", "pls"), "n_starts must be a whole number of at least 1; got 0"),
        (("-o", "n_starts=many", "-a", "pls"), "n_starts must be a whole number of at least 1; got 'many'"),
        (("-o", "pop_size=nan", "-a", "nsga2"), "pop_size must be a whole number"),
        (("-o", "neighborhood=far", "-a", "pls"), "there is no neighbourhood 'far'"),
        (("-o", "restart=3", "-a", "pls"), "restart must be one of none, random, "),
        (("-c", "lat<10"), "a constraint reads like 'latency<=10'"),
        (("-c", ""), "a constraint reads like"),
        (("-c", "speed<=10"), "no quantity 'speed'"),
        (("--set", "colour=3"), "colour"),
        (("--epochs", 3), "epochs"),
        (("--colour", 3), "--colour"),
        (("extra",), "extra"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(refused, own, tmp_path, arguments, text):
    assert text in refused("run", own, "--out", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "place"), [("evaluate", "x"), ("export", "x"), ("export", "x.onnx"), ("suggest", "x.csv")]
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(refused, tmp_path, command, place):
    (tmp_path / "file").write_text("")
    assert "cannot write" in refused(command, "nothing-of-that-name", "--out", tmp_path / "file" / place)


@pytest.mark.parametrize("card", ["nb101s-error-params", "nb101-error-params"])
def test_rungs_end_with_the_epochs_of_a_full_training(refused, tmp_path, card):
    told = refused("run", card, "-a", "cost-aware", "--rungs", "4,12,36", "--out", tmp_path / "out")
    assert (
        f"a full training of {card} has 108 epochs, --rungs 4,12,36 ends with 36: end it with 108, or add --epochs 36"
        in told
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("eo-macro-latenz", "no problem card is called 'eo-macro-latenz'; shipped are "),
        ("", "no problem card is called ''"),
        ("a" * 300, "no problem card is called"),
        ("none.toml", "the problem card cannot be read: there is no file none.toml"),
        ("/", "no problem card"),
    ],
)
def test_cards_that_are_not_there(refused, name, text):
    assert text in refused("run", name)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "at least one [[objectives]] table"),
        ("x = [", "is no TOML file"),
        (card_text("err") + "colour = 1", "objective 1: unknown key 'colour'"),
        (card_text("err", source="magic"), "unknown source 'magic'; known are "),
        (card_text("err").replace('"%"', '"km"'), "has the unit 'km'"),
        (card_text("err").replace('"min"', '"less"'), "direction must be"),
        (card_text("err", reference_point=[1, 2]), "reference_point needs 1 numbers"),
        (card_text("err", source="table"), "needs file = "),
        (card_text("err", source="table") + "[backend.table]\nfile = 'gone.csv'", "gone.csv"),
        ("\udcff", "not UTF-8 text"),
    ],
)
def test_broken_cards(refused, tmp_path, content, text):
    path = tmp_path / "broken.toml"
    path.write_bytes(content.encode(errors="surrogateescape"))
    said = refused("run", path)
    assert text in said
    assert said.count(path.name) <= 1


def test_a_limit_on_what_is_not_known_names_what_is(refused, own):
    said = refused("run", own, "-c", "speed<=3")
    assert "has no quantity 'speed'; it offers" in said
    assert "params and macs are counted for any" in said


def test_a_table_that_is_broken(refused, tmp_path):
    (tmp_path / "t.csv").write_text("hash,err\nzz,3\n")
    path = tmp_path / "table.toml"
    path.write_text(card_text("err", source="table") + "[backend.table]\nfile = 't.csv'")
    assert "t.csv" in refused("run", path)


@pytest.mark.parametrize("out", ["file", "file/below", "/dev/null/x", "/proc/nothing", "x" * 300])
def test_folders_that_cannot_be(refused, own, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("precious")
    assert "cannot write" in refused("run", own, "--budget", 10, "-a", "pls", "--out", out)
    assert Path("file").read_text() == "precious"


def test_a_folder_with_another_run_is_left_alone(call, undrawn, refused, own, tmp_path):
    arguments = ("run", own, "-a", "pls", "--budget", 30, "--out", tmp_path)
    assert call(*arguments, "--seed", 1).code == 0
    before = (tmp_path / "front.csv").read_bytes()
    for other in (("--seed", 2), ("--noise", 1), ("-c", "lat<=22"), ("-o", "n_starts=3"), ("--budget", 29)):
        assert "cannot go on with this" in refused(*arguments, *other)
    assert (tmp_path / "front.csv").read_bytes() == before
    assert call(*arguments, "--seed", 1).code == 0


def test_an_interrupted_run_of_another_kind_is_left_alone(call, undrawn, refused, own, tmp_path, monkeypatch):
    arguments = ("run", own, "-a", "pls", "--out", tmp_path)
    interrupted(call, monkeypatch, *arguments, "--seed", 1)
    assert "cannot go on with this" in refused(*arguments, "--seed", 2)
    with Store(tmp_path / STORE_NAME) as store:
        assert [(run.seed, run.complete) for run in store.runs()] == [(1, False)]


def test_a_folder_of_foreign_files_keeps_them(call, own, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    assert call("run", own, "-a", "pls", "--budget", 20, "--out", tmp_path).code == 0
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_store_that_is_damaged(refused, own, tmp_path):
    (tmp_path / STORE_NAME).write_bytes(b"no database, " * 400)
    assert "no result store of eomoo" in refused("run", own, "--out", tmp_path)


def test_a_store_with_many_runs_shows_the_one_asked_for(call, undrawn, own, tmp_path):
    from eomoo.search.algorithms import AlgorithmSpec
    from eomoo.search.run import run_algorithm

    problem, spec = eomoo.get_problem(own), AlgorithmSpec(label="pls", algorithm="pls")
    with Store(tmp_path / STORE_NAME, create=True) as store:
        known = store.add_problem(problem)
        for seed in (1, 2, 3):
            result = run_algorithm(problem, spec, budget=30, seed=seed)
            store.add_run(known, spec, seed=seed, budget=30, result=result)
    done = call("run", own, "-a", "pls", "--budget", 30, "--seed", 3, "--out", tmp_path, "--json")
    assert json.loads(done.out)["seed"] == 3


# -- interrupts --------------------------------------------------------------------------------


def interrupted(call, monkeypatch, *arguments):
    """Call a run that is interrupted after its third batch."""
    from eomoo import api as module

    def run_algorithm(*args, on_progress, **options):
        count = []

        def stop(progress):
            count.append(progress)
            on_progress(progress)
            if len(count) == 3:
                raise KeyboardInterrupt

        return original(*args, on_progress=stop, **options)

    original = module.run_algorithm
    monkeypatch.setattr(module, "run_algorithm", run_algorithm)
    done = call(*arguments)
    monkeypatch.setattr(module, "run_algorithm", original)
    return done


def test_an_interrupt_shows_and_keeps_what_was_found(call, undrawn, own, tmp_path, monkeypatch):
    arguments = ("run", own, "-a", "pls", "--out", tmp_path)
    done = interrupted(call, monkeypatch, *arguments)
    assert done.code == 130
    assert "interrupted: this is what was found until then" in done.out
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert not settings["complete"]
    assert 20 <= settings["distinct_cells"] < 120
    assert len(pd.read_csv(tmp_path / "trace.csv")) == settings["distinct_cells"]
    again = call(*arguments)
    assert again.code == 0
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert (settings["complete"], settings["distinct_cells"]) == (True, 120)


@pytest.mark.parametrize(
    ("raised", "code", "said"), [(KeyboardInterrupt, 130, "interrupted\n"), (MemoryError, 1, "out of memory; use a ")]
)
def test_an_interrupt_or_the_end_of_memory_is_a_sentence(call, monkeypatch, raised, code, said):
    def end(*args, **kwargs):
        raise raised

    monkeypatch.setattr("eomoo.cli.show.console", end)
    done = call("problems")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"error: {said}")
    assert done.err.count("\n") == 1


def test_an_interrupt_while_the_program_is_loaded_is_no_traceback():
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt()); from eomoo.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


def test_an_interrupt_with_json_is_json(call, own, monkeypatch):
    done = interrupted(call, monkeypatch, "run", own, "-a", "pls", "--json")
    assert done.code == 130
    assert json.loads(done.out)["complete"] is False


def start(*arguments, variables=None, **options):
    env = {**os.environ, "PYTHONPATH": str(Path(eomoo.__file__).parents[1]), **(variables or {})}
    return subprocess.Popen(
        [sys.executable, "-m", "eomoo", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        **options,
    )


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_what_schedulers_send_in_a_process_of_its_own(analytic, tmp_path, sign):
    process = start("run", analytic, "-a", "nsga2", "--budget", 400_000, "--out", tmp_path)
    store = tmp_path / STORE_NAME
    deadline = time.monotonic() + 60
    while not store.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2.0)
    process.send_signal(sign)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    assert process.returncode == 130
    assert not json.loads((tmp_path / "settings.json").read_text())["complete"]
    assert {path.name for path in tmp_path.iterdir()} >= {STORE_NAME, "front.csv", "trace.csv", "settings.json"}


def test_a_reader_that_goes_away(analytic):
    process = start("run", analytic, "-a", "pls", "--budget", 50, "--json")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=120)
    assert "Traceback" not in err
    assert process.returncode != 0


def test_a_reader_that_goes_away_keeps_nothing_from_its_file(analytic, tmp_path):
    process = start("run", analytic, "-a", "pls", "--budget", 50, "--out", tmp_path)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 0, err
    assert {path.name for path in tmp_path.iterdir()} >= {"front.csv", "trace.csv", "settings.json", "cells.png"}


def test_a_terminal_of_few_characters():
    process = start("show", 100434, variables={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert f"cell 100434  {eomoo.load_space().hash(100434)}" in out


def test_parameters_that_are_an_objective_have_one_column(call, analytic):
    head = call("run", analytic, "-a", "pls", "--budget", 30).out.split("on the front")[1].splitlines()[2]
    assert head.count("parameters") == 1


# -- what is said, and what is not imported ----------------------------------------------------


def test_a_run_that_was_there_is_said_to_be(call, undrawn, own, tmp_path):
    arguments = ("run", own, "-a", "random", "--budget", 30, "--out", tmp_path)
    assert "already" not in call(*arguments).out
    assert f"this run was in {tmp_path} already: nothing was evaluated\n" in call(*arguments).out


@pytest.mark.filterwarnings("ignore:.*0.1.0, without digests")
def test_a_run_of_0_1_0_with_other_names_of_its_settings_is_the_same_run(call, undrawn, own, tmp_path):
    arguments = ("run", own, "-a", "random", "--budget", 30, "--out", tmp_path)
    call(*arguments)
    with contextlib.closing(sqlite3.connect(tmp_path / STORE_NAME)) as store, store:
        store.execute("UPDATE run SET settings = replace(settings, 'batch_size', 'batch'), sha256 = NULL")
        assert '"batch"' in store.execute("SELECT settings FROM run").fetchone()[0]
    assert "already: nothing was evaluated" in call(*arguments).out
    assert "cannot go on with this" in call(*arguments, "-o", "batch_size=7").err


def test_a_pipe_gets_a_line_and_json_gets_none(call, own):
    said = call("run", own, "-a", "random", "--budget", 30)
    assert "mine: 30 of 30 cells, 30 evaluations, front " in said.err
    assert call("run", own, "-a", "random", "--budget", 30, "--json").err == ""


def test_a_search_imports_neither_scikit_learn_nor_pandas(tmp_path):
    code = (
        "import sys; from eomoo.cli import app; "
        f"app(['run', '--budget', '40', '--out', {str(tmp_path)!r}], standalone_mode=False); "
        "assert 'xgboost' in sys.modules; "
        "print(sorted({'sklearn', 'pandas', 'scipy.stats'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
