import base64
import hashlib
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
import synthetic
from landscape_cards import values_of, write_card
from report_folders import HOSTILE, NAMED, PLS, RANDOM, fill, with_title
from typer.testing import CliRunner

import eomoo
from eomoo.analysis import load_results, load_run, render_report, report_of, write_report
from eomoo.analysis.citing import references
from eomoo.analysis.network import CELL, cell_commands
from eomoo.analysis.printing.text import _guarded, _markdown_table
from eomoo.analysis.repeat import run_command
from eomoo.analysis.report import landscape_sections
from eomoo.analysis.tables import Table
from eomoo.analysis.wording import value_text
from eomoo.cli import app
from eomoo.cli.common import parse_options
from eomoo.cli.suggest import _asked as asked_for
from eomoo.errors import CardError, DataError, SettingError, StoreError
from eomoo.search.algorithms import ALGORITHMS, AlgorithmSpec
from eomoo.search.problem import CellProblem
from eomoo.study.store import STORE_NAME, Store


class Page(HTMLParser):
    """Elements, their attributes and texts, as a browser reads them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts = ["document"], [], []
        self.raw = {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        last = self.tags[-1]
        self.raw.get(last, self.texts).append(data)


@pytest.fixture(scope="module")
def run_folder(pose, tmp_path_factory):
    return fill(tmp_path_factory.mktemp("run"), pose("err", "lat", reference_point=[24.0, 26.0]))


@pytest.fixture(scope="module")
def study_folder(pose, tmp_path_factory):
    problems = pose("err", "lat"), pose("acc", "lat", "size")
    return fill(tmp_path_factory.mktemp("study"), *problems, specs=(PLS, RANDOM), seeds=(1, 2, 3))


@pytest.fixture(scope="module")
def hostile_folder(card, tmp_path_factory):
    import eomoo

    text = with_title(synthetic.card_text("err", "lat"), HOSTILE, citation=HOSTILE)
    problem = eomoo.get_problem(card(text=text))
    return fill(tmp_path_factory.mktemp("hostile"), problem, specs=(NAMED, RANDOM), seeds=(1, 2), budget=40)


def test_links_lead_to_the_runs_networks_wherever_the_page_lies(pose, tmp_path):
    folder = fill(tmp_path / "größe 100%", pose("err", "lat"), budget=20)
    network = folder / "onnx" / "7.onnx"
    network.parent.mkdir()
    network.touch()
    for page in (write_report(folder), write_report(folder, out=tmp_path / "sent here" / "page.html")):
        (onnx,) = [part["onnx"] for part in json.loads(Page(page.read_text()).raw["script"][0]) if "onnx" in part]
        link = urljoin(page.as_uri(), onnx["7"])
        assert Path(url2pathname(urlsplit(link).path)) == network
    assert '"onnx": {}' in render_report(folder)  # of a page that lies nowhere nobody knows


def test_a_report_reads_the_store_and_poses_no_problem(run_folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a report must not need the problem")

    monkeypatch.setattr(CellProblem, "__init__", refuse)
    assert render_report(run_folder).startswith("<!DOCTYPE html>")


def test_the_same_store_gives_the_same_page(run_folder):
    first, second = (re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", render_report(run_folder)) for _ in "ab")
    assert first == second


def test_a_report_of_a_table_counts_the_cells_that_the_table_has(pose, tmp_path):
    folder = fill(tmp_path, pose("err", "lat", source="part"), budget=10)
    assert "looked at 10 of 425 cells that have values and found" in report_of(folder).lead[0]


def test_what_a_run_report_says(run_folder):
    report = report_of(run_folder)
    with Store(run_folder / STORE_NAME) as store:
        stored = load_run(store, store.runs()[0])
    assert f"found {len(stored.front)} that no other" in report.lead[0]
    assert (str(len(stored.front)), "cells on the front found") in report.tiles
    assert [row[0] for row in report.main.rows] == stored.front_cells.tolist()
    text = json.dumps([str(s) for s in report.sections])
    assert "--algorithm pls --budget 120 --seed 1" in text
    assert stored.problem.digest in text


def test_a_page_says_how_its_letters_are_written_before_any_comes(run_folder):
    assert render_report(run_folder).startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')


def test_the_command_repeats_every_setting(pose, tmp_path):
    spec = AlgorithmSpec(label="pls", algorithm="pls", options={"n_starts": 7, "archive": "per-start"})
    problem = pose("err", "lat", noise=4, constraints=["lat<=24"])
    page = render_report(fill(tmp_path, problem, specs=(spec,), budget=40), format="md")
    options = ("--option n_starts=7", "--option archive=per-start", "--noise 4", "--constraint 'lat <= 24'")
    facts = ("- limits: lat &lt;= 24", "- noise: drawn with seed 4")
    assert [told for told in options + facts if told not in page] == []


def test_the_command_poses_the_same_problem(tmp_path):
    problem = eomoo.get_problem("nb101s-error-params", epochs=12)
    spec = AlgorithmSpec(label="random", algorithm="random")
    page = render_report(fill(tmp_path, problem, specs=(spec,), budget=20), format="md")
    assert "--budget 20" in page
    assert "--epochs 12" in page
    assert "eomoo run nb101s-error-params" in page
    asked, _ = asked_for(str(tmp_path), [])
    assert (asked.options, asked.fingerprint) == (problem.options, problem.fingerprint)


def test_a_card_of_ones_own_with_limits_is_posed_again_from_any_folder(space, small_cells, tmp_path, monkeypatch):
    card = write_card(tmp_path, small_cells, values_of(space, small_cells))
    limit = '\n[[constraints]]\nquantity = "params"\nsource = "table"\nmax = 3e6\nmin = 3e5\n'
    card.write_text(card.read_text() + limit)
    monkeypatch.chdir(tmp_path)
    run = eomoo.run("small.toml", algorithm="random", budget=5, constraints="error<=9", out="there")
    assert run_command(run.stored.problem, run.stored.run, out="there").startswith("eomoo run small.toml ")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again, _ = asked_for("../there", [])
    assert [str(c) for c in again.constraints] == ["params <= 3e+06 and params >= 300000", "error <= 9"]
    words = shlex.split(run_command(run.stored.problem, run.stored.run, out="../there"))
    shown = CliRunner().invoke(app, words[1:])
    assert "nothing was evaluated" in shown.output, shown.output
    card.rename(tmp_path / "other.toml")
    with pytest.raises(FileNotFoundError, match=rf"its problem card is not at {card}; bring it back"):
        asked_for("../there", [])
    with pytest.raises(CardError, match=r"'latency<=10'; got \('error', 9\)"):
        eomoo.get_problem("eo-macro-latency", constraints=[("error", 9)])


@pytest.mark.parametrize("limits", [{"hours": 0.01, "budget": 20}, {"hours": 1e-5, "budget": 10**6}, {"hours": 1e-5}])
def test_the_command_allows_what_the_run_was_allowed(card, tmp_path, limits):
    run = eomoo.run(card("err", "lat"), algorithm="random", out=tmp_path / "there", **limits)
    command = run_command(run.stored.problem, run.stored.run, out=str(tmp_path / "there"))
    shown = CliRunner().invoke(app, shlex.split(command)[1:])
    assert "nothing was evaluated" in shown.output, shown.output


def test_settings_beside_a_card_are_options_of_the_command(run_folder):
    with Store(run_folder / STORE_NAME) as store:
        stored = load_run(store, store.runs()[0])
    options = {"data": "my images", "latency_from": "m", "workers": 2, "latency.threads": 1}
    options |= {"images": {"n_val": 50, "merge": {"built": [1, 2], "water": [17]}}, "images.bands": [3, 2, 1]}
    words = shlex.split(run_command(replace(stored.problem, options=options), stored.run))
    at = {word: words[k + 1] for k, word in enumerate(words[:-1])}
    assert (at["--data"], at["--latency-from"], at["--workers"]) == ("my images", "m", "2")
    told = {words[k + 1] for k, word in enumerate(words) if word == "--set"}
    merge = "images.merge=built=1,2;water=17"
    assert told == {"images.n_val=50", "latency.threads=1", merge, "images.bands=3,2,1"}


def test_a_cells_commands_have_lists_as_options_do_and_nothing_that_does_not_apply(run_folder):
    results = load_results(run_folder).problems[0]
    images = {"bands": [3, 2, 1], "merge": {"built": [1, 2], "water": [17]}, "n_val": 50}
    train = {"data": "my images", "images": images, "set": {"augment": True}}
    # Of a GPU, whose timings depend on no threads.
    network = {"train": train, "latency": {"device": "cuda", "threads": None, "batch_size": 8}}
    runs = tuple(replace(run, extra={**run.extra, "network": network}) for run in results.runs)
    told = dict(cell_commands(replace(results, runs=runs), "DIR"))
    assert told["Time it here"] == f"eomoo latency {CELL} --device cuda --batch-size 8"
    words = shlex.split(told["Train it from the start"])
    options = parse_options([words[k + 1] for k, word in enumerate(words) if word == "--images"])
    assert options == {"bands": "3,2,1", "merge": "built=1,2;water=17", "n_val": 50}
    assert "augment=true" in words


def test_a_page_asks_for_nothing_and_allows_only_itself(study_folder):
    text = render_report(study_folder)
    page = Page(text)
    places = [v for _, name, v in page.attributes if name in ("src", "href", "action", "srcset", "data")]
    assert places
    assert all(place.startswith(("#", "data:image/png")) for place in places)
    assert not {"link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] == "style"]
    policy = next(v for t, name, v in page.attributes if t == "meta" and name == "content" and "default-src" in v)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind, content in (("script", page.raw["script"][-1]), ("style", page.raw["style"][0])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "url(" not in page.raw["style"][0]


@pytest.mark.parametrize("kind", ["html", "md", "csv", "latex"])
def test_hostile_text_stays_text(hostile_folder, kind):
    text = render_report(hostile_folder, format=kind)
    if kind == "html":
        page = Page(text)
        assert page.tags.count("script") == 2
        assert "img" not in page.tags
        assert any("window.pwned" in part for part in page.texts), "the title is shown as it is"
    if kind == "md":
        assert "<script" not in text
        assert "<img" not in text


def test_json_in_the_page_is_whole(study_folder):
    content = json.loads(Page(render_report(study_folder)).raw["script"][0])
    assert [c["kind"] for c in content].count("front") == 2
    assert all(isinstance(c, dict) for c in content)


def test_a_study_report_compares(study_folder):
    report = report_of(study_folder)
    ids = [section.id for section in report.sections]
    assert ids.index("problem-1") < ids.index("compared-1") < ids.index("attainment-1") < ids.index("problem-2")
    assert "attainment-2" not in ids, "attainment is drawn for two objectives"
    assert "ranks" in ids
    assert len(report.main.rows) == 12
    assert "12 runs" in report.lead[0]


def test_attainment_outlines_hold_every_front_that_attains_them(study_folder):
    section = next(s for s in report_of(study_folder).sections if s.id == "attainment-1")
    line = next(s for s in section.blocks[0].series if s.name == "pls")
    with Store(study_folder / STORE_NAME) as store:
        problem = store.problems()[0]
        runs = [r for r in store.runs() if r.problem == problem.id and r.label == "pls"]
        values = [trace.values for _, trace in store.traces(problem.id, runs)]
    attained = lambda x, y: sum(bool(((v <= [x, y]).all(axis=1)).any()) for v in values)  # noqa: E731
    corners = list(zip(line.x, line.y, strict=True))[1:-1:2]
    # Printed to six digits, so a corner may lie a little inside.
    assert all(attained(x * (1 + 1e-5), y * (1 + 1e-5)) >= 2 for x, y in corners)
    assert all(attained(x * (1 - 1e-4), y * (1 - 1e-4)) < 2 for x, y in corners)


def test_one_objective(pose, tmp_path):
    page = render_report(fill(tmp_path, pose("err"), budget=40))
    assert "cells on the front" in page


@pytest.mark.parametrize("kind", ["html", "md", "csv", "latex"])
def test_write_report_names_its_file(run_folder, kind):
    endings = {"html": "html", "md": "md", "csv": "csv", "latex": "tex"}
    path = write_report(run_folder, format=kind)
    assert path == run_folder / f"report.{endings[kind]}"
    assert path.stat().st_size > 300


def test_the_folder_may_be_given_by_its_store(run_folder, tmp_path):
    assert write_report(run_folder / STORE_NAME, out=tmp_path / "a.html").is_file()


def test_errors_are_sentences(run_folder, tmp_path):
    with pytest.raises(StoreError, match="holds no results"):
        report_of(tmp_path)
    with pytest.raises(StoreError, match=r"there is no folder .*; make one with: eomoo run --out '.*not here'"):
        report_of(tmp_path / "not here")
    with pytest.raises(SettingError, match="one of html, md, csv, latex; got 'pdf'"):
        render_report(run_folder, format="pdf")


def test_a_landscape_is_shown_where_one_lies(run_folder, tmp_path):
    from PIL import Image

    assert list(landscape_sections(tmp_path)) == []
    noise = np.random.default_rng(0).integers(0, 255, (12, 9, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "landscape.png")
    numbers = {"title": "t", "objectives": [{"name": "err", "local_optima": {"number": 3}}], "cells": 7}
    (tmp_path / "landscape.json").write_text(json.dumps(numbers))
    (section,) = landscape_sections(tmp_path)
    picture, table = section.blocks
    assert picture.png == (tmp_path / "landscape.png").read_bytes()
    assert ("objectives / err / local optima / number", 3) in table.rows
    assert section.text == ["What kind of problem this is."]
    numbers["sample"] = {"cells": 7, "says": "A sample tells some things."}
    (tmp_path / "landscape.json").write_text(json.dumps(numbers))
    (section,) = landscape_sections(tmp_path)
    assert section.text == ["A sample tells some things."]
    (tmp_path / "landscape.json").write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        list(landscape_sections(tmp_path))


def test_csv_is_the_front(run_folder):
    import io

    import pandas as pd

    frame = pd.read_csv(io.StringIO(render_report(run_folder, format="csv")))
    with Store(run_folder / STORE_NAME) as store:
        stored = load_run(store, store.runs()[0])
    assert frame["cell"].tolist() == stored.front_cells.tolist()
    assert frame["error (%)"].to_numpy() == pytest.approx(stored.front_values[:, 0])


def test_csv_of_a_study_has_a_row_for_each_run(study_folder):
    import io

    import pandas as pd

    frame = pd.read_csv(io.StringIO(render_report(study_folder, format="csv")))
    assert len(frame) == 12
    assert set(frame["label"]) == {"pls", "random"}
    texts = ("=1", "+1", "-1", "@x", "\tx", "\rx", "x=1", -1)
    assert [_guarded(text) for text in texts] == [*(f"'{text}" for text in texts[:6]), "x=1", -1]


def test_latex_is_balanced(study_folder):
    text = render_report(study_folder, format="latex")
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    for block in re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}(.*?)\\bottomrule", text, flags=re.S):
        rows = [row for row in block[1].splitlines() if row.endswith(r"\\") and "multicolumn" not in row]
        assert {row.count(" & ") + 1 for row in rows} == {len(block[0])}
    assert "_" not in re.sub(r"\\_|\$[^$]*\$", "", text)


def test_latex_captions_name_what_their_table_is_of(study_folder):
    report = report_of(study_folder)
    captions = re.findall(r"\\caption\{(.*)\}", render_report(study_folder, format="latex"))
    titles = [section.title for section in report.sections if section.id.startswith("problem-")]
    for title in titles:
        mine = [caption for caption in captions if caption.startswith(title)]
        assert sum(f"{title}, after 120 distinct cells: " in caption for caption in mine) == 2
        assert f"{title}: the front." in mine
    # Ranks are of all problems, not of the last one.
    ranks = [caption for caption in captions if "Mean ranks" in caption]
    assert ranks
    assert all(caption.startswith(report.title) for caption in ranks)


def test_curves_in_markdown_are_medians(study_folder):
    blocks = [block for section in report_of(study_folder).sections for block in section.blocks]
    curves = next(block for block in blocks if getattr(block, "key", "").startswith("anytime"))
    ends = [value_text(value) for value in (curves.series[0].x[-1], *(line.y[-1] for line in curves.series))]
    assert f"| {' | '.join(ends)} |" in render_report(study_folder, format="md")
    assert any(line.low[-1] != line.y[-1] for line in curves.series)


@pytest.mark.parametrize(("n", "cut"), [(40, False), (41, True)])
def test_a_table_in_markdown_tells_of_rows_that_it_leaves_out(n, cut):
    text = _markdown_table(Table(key="", title="", columns=["x"], rows=[[k] for k in range(n)]))
    assert text.count("\n| ") == 41
    assert ("40 of 41 rows; all are in the HTML report" in text) is cut
    assert "rows; all" not in text or cut


def test_the_bar_on_top_leads_to_the_main_sections(study_folder):
    sections = report_of(study_folder).sections
    bar = render_report(study_folder).partition("<nav")[2].partition("</nav>")[0]
    assert re.findall('href="#([^"]*)"', bar) == ["top", *(s.id for s in sections if s.level == 2)]
    assert any(s.level > 2 for s in sections)


def test_the_best_median_stands_out_everywhere(study_folder):
    report = report_of(study_folder)
    table = next(b for s in report.sections for b in s.blocks if getattr(b, "key", "") == "indicators-1-120")
    k = table.columns.index("IGD+")
    best = min(table.rows, key=lambda row: row[k].median)
    assert [table.is_best(k, row[k]) for row in table.rows] == [row is best for row in table.rows]
    median = value_text(best[k]).split()[0]
    assert f"**{median} " in render_report(study_folder, format="md")
    assert rf"$\mathbf{{{best[k].median:.2f}" in render_report(study_folder, format="latex")
    assert f'class="number best" data-value="{best[k].median!r}"' in render_report(study_folder)


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - {"random"}))
def test_every_search_has_its_source(name):
    run = SimpleNamespace(algorithm=name, settings={"init": "random"}, extra={})
    assert any(text.startswith(ALGORITHMS[name].title) for text in references([], [run], study=False))
