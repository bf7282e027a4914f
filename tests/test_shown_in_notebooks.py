"""What objects and long work show in a notebook, and what figures are drawn from."""

import os
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import all_values, ball, brute_front

import eomoo
from eomoo.data.measured_table import measured_table
from eomoo.errors import CardError, DataError, SettingError, UnknownNameError
from eomoo.notebook import MOST_ROWS, table, to_html
from eomoo.plots import new_figure
from eomoo.progress import Step, shown
from eomoo.space.picture import depths_of, places_of
from eomoo.study import parse_study


class Seen(HTMLParser):
    """Tags with attributes, and texts, of a piece of HTML whose tags are all closed again."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """Cards of two and of three objectives that were measured, one of them the larger the better, quick to pose."""
    folder, cells = tmp_path_factory.mktemp("measured"), np.sort(ball())
    names = ["acc", "lat", "size"]
    pd.DataFrame({"index": cells, **{name: all_values()[name][cells] for name in names}}).to_csv(folder / "mine.csv")
    text = "title = 'measured'\nreference_point = {}\n[backend.table]\nfile = 'mine.csv'\n"
    objective = "[[objectives]]\nname = '{}'\nunit = 'x'\ndirection = '{}'\nsource = 'table'\n"
    parts = [objective.format(name, "max" if name == "acc" else "min") for name in names]
    (folder / "mine.toml").write_text(text.format([0.5, 30.0]) + "".join(parts[:2]))
    (folder / "three.toml").write_text(text.format([0.5, 30.0, 1e6]) + "".join(parts))
    return folder


@pytest.fixture(scope="module")
def run(cards):
    return eomoo.run(cards / "mine.toml", algorithm="pls", budget=80)


@pytest.fixture(scope="module")
def study(cards):
    return eomoo.run_study(cards / "mine.toml", ["pls", "random"], seeds=2, budget=60)


@pytest.mark.parametrize("index", [0, 5, 76119, 169843, 400000, 423623])
def test_a_cell_is_drawn_with_all_vertices_and_edges(space, index):
    cell = space.cell(index)
    seen = Seen(cell._repr_html_())
    assert len(seen.of("rect")) == cell.n_vertices
    assert len(seen.of("path")) == 2 * cell.n_edges
    assert repr(cell) in seen.texts
    # Lines take the colour of the notebook's text; letters stand on boxes of their own colour.
    assert seen.of("svg")[0]["stroke"] == "currentColor"
    assert {text["fill"] for text in seen.of("text")} == {"#111111"}


def test_edges_pass_no_box(space):
    for index in range(0, len(space), 9_001):
        cell = space.cell(index)
        rows = {}
        for x, depth in places_of(depths_of(cell.matrix)):
            rows.setdefault(50 * depth, []).append(78 * x)
        seen = Seen(cell._repr_html_())
        left, _, width, _ = map(float, seen.of("svg")[0]["viewbox"].split())
        for path in seen.of("path"):
            way = re.fullmatch(r"M.*C\S+ \S+ (\S+) \S+ \S+ (\S+)V(\S+)C.*", path["d"])
            if way:
                x, top, bottom = map(float, way.groups())
                inside = [place for y, row in rows.items() if top - 12 < y < bottom + 12 for place in row]
                assert all(abs(x - place) > 33 for place in inside)
                assert left < x < left + width


def test_texts_are_no_markup():
    seen = Seen(to_html("<script>alert(1)</script>", table(["<b>"], [["&lt;"]])))
    assert {tag for tag, _ in seen.tags} == {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "small"}
    assert {"<script>alert(1)</script>", "<b>", "&lt;"} <= set(seen.texts)


def test_long_tables_are_cut_and_say_so():
    seen = Seen(to_html(table(["a"], [[k] for k in range(25)])))
    assert len(seen.of("td")) == MOST_ROWS
    assert "10 of 25 rows" in seen.texts


def test_a_run_shows_figure_and_front(run):
    seen = Seen(run._repr_html_())
    assert seen.of("img")[0]["src"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert len(seen.of("tr")) == 1 + min(len(run.front), MOST_ROWS)
    assert str(run.front["index"][0]) in seen.texts
    assert repr(run) in seen.texts
    assert repr(run.stored) == f"Stored{run!r}"
    assert len(repr(run.stored.run)) < 1_000


def test_a_problem_tells_objectives_directions_and_limits(pose):
    problem = pose("acc", "lat", constraints=["err<=18"], reference_point=[0.5, 30.0])
    seen = Seen(problem._repr_html_())
    assert {problem.card.title or problem.name(), "acc", "max", "lat", "min", "30.0"} <= set(seen.texts)
    assert any("limits: err <= 18" in text for text in seen.texts)


def test_a_study_shows_medians_and_what_follows(study):
    seen = Seen(study._repr_html_())
    assert {"pls", "random", "mine, 60 distinct cells evaluated"} <= set(seen.texts)
    assert any("cannot be told" in text for text in seen.texts)
    assert len(seen.of("img")) == 1
    assert repr(study) == "StudyRun(pls, random on mine: 1 problem, 4 runs)"
    assert repr(study.tables) == "StudyTables(pls, random on mine: 1 problem, 4 runs)"


def test_a_front_shows_its_band_and_its_choices(pose):
    problem = pose("acc", "lat")
    found = eomoo.front_uncertainty(problem, [5, 76119, 169843, 300000], among=range(200), n_draws=20)
    seen = Seen(found._repr_html_())
    assert len(seen.of("tr")) == 1 + len(found.groups)
    assert str(found.groups[0].representative) in seen.texts
    assert len(seen.of("img")) == 1
    labels = found.plot().axes[0].get_legend_handles_labels()[1]
    assert labels[:2] == ["true front, 90 % band", "true front, 50 % band"]


def test_a_measured_table_shows_its_rows_without_what_is_empty():
    columns = [
        {"name": "lat", "title": "latency", "unit": "ms", "direction": "min", "kind": "timed"},
        {"name": "dear", "title": "error", "unit": "", "direction": "min", "kind": "trained"},
    ]
    rows = pd.DataFrame({"index": [1, 2], "lat": [1.23456, 2.0]})
    made = measured_table(rows, {"title": "mine", "columns": columns, "device": {"timing": "a board"}})
    seen = Seen(made._repr_html_())
    assert {"timed on: a board", "1.235", "lat"} <= set(seen.texts)
    assert "dear" not in seen.texts


def test_a_figure_shows_itself_without_pyplot(run):
    png, shown = run.plot()._repr_png_()
    assert png.startswith(b"\x89PNG")
    # Half of the dots that it has: as wide as on paper, and sharp.
    assert 2 * shown["width"] == pytest.approx(int.from_bytes(png[16:20]), abs=2)


def test_a_backend_that_is_not_installed_stops_no_figure():
    code = "from eomoo.plots import new_figure; new_figure()[0]._repr_png_()"
    env = {**os.environ, "MPLBACKEND": "module://no_such_package.backend"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_backend_that_is_installed_stays_chosen():
    code = "from eomoo.plots import new_figure; new_figure(); import matplotlib; print(matplotlib.rcParams['backend'])"
    env = {**os.environ, "MPLBACKEND": "svg"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("svg", "")


# -- progress ----------------------------------------------------------------------------------


@pytest.fixture
def lines(monkeypatch):
    """The lines of a notebook, each with all that it said."""
    found = []

    def display(data, *, raw, display_id):
        found.append([data["text/plain"]])
        return SimpleNamespace(update=lambda data, raw: found[-1].append(data["text/plain"]))

    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return found


def test_a_notebook_gets_one_line_that_ends_with_all(lines, cards):
    eomoo.run(cards / "mine.toml", algorithm="random", budget=60)
    assert len(lines) == 1
    assert lines[0][0] == "mine: preparing"
    assert lines[0][-1].startswith("mine: 60 of 60 cells")
    # Of a thousand steps at once a reader sees the last.
    with shown(None, "many") as tell:
        for k in range(1000):
            tell(Step(what="steps", done=k + 1, total=1000))
    assert lines[1][-1].startswith("many: 1,000 of 1,000 steps")
    assert len(lines[1]) < 20


def test_where_hours_end_a_run_its_line_names_them_and_no_number_of_cells(lines, cards, monkeypatch):
    monkeypatch.setattr("eomoo.progress._LINE_S", 0)
    run = eomoo.run(cards / "mine.toml", algorithm="random", hours=1e-4)
    assert lines[0][-1].startswith(f"mine: {len(run.trace):,} cells, ")
    assert lines[0][-1].endswith(" s of 0.0001 hours in all")


def test_who_asks_for_progress_gets_it_instead(lines, cards):
    told = []
    eomoo.run_study(cards / "mine.toml", ["random"], seeds=3, budget=10, on_progress=told.append)
    assert [(step.what, step.done, step.total) for step in told] == [("runs", k, 3) for k in (1, 2, 3)]
    assert lines == []


def test_a_script_is_told_nothing(capsys, cards):
    eomoo.run(cards / "mine.toml", algorithm="random", budget=10)
    assert capsys.readouterr() == ("", "")


# -- studies and figures -----------------------------------------------------------------------


def test_a_study_by_names_is_that_of_its_file(study, cards, tmp_path):
    again = eomoo.run_study(cards / "mine.toml", {"small": {"algorithm": "random"}}, seeds=[7], budget=9, out=tmp_path)
    assert again.runs[["label", "seed", "budget"]].to_numpy().tolist() == [["small", 7, 9]]
    content = {"problems": [str(cards / "mine.toml")], "algorithms": [{"algorithm": "pls"}]}
    planned = eomoo.run_study(parse_study({**content, "seeds": 2, "budget": 60}))
    mine = study.runs[study.runs["label"] == "pls"]
    assert planned.runs["hypervolume_share"].tolist() == mine["hypervolume_share"].tolist()
    by_itself = eomoo.run_study(cards / "mine.toml", "random", seeds=np.int64(1), budget=np.int64(9))
    assert by_itself.runs[["label", "seed", "budget"]].to_numpy().tolist() == [["random", 1, 9]]
    with pytest.raises(CardError, match="at least one problem, one algorithm"):
        eomoo.run_study(cards / "mine.toml", [])
    for algorithms in (eomoo.PLS(), [eomoo.PLS()], [{"algorithm": "pls"}], {"mine": eomoo.PLS()}):
        with pytest.raises(SettingError, match=r"a study knows no algorithm .*; give names, or by label what a study"):
            eomoo.run_study(cards / "mine.toml", algorithms)
    problem = eomoo.get_problem(cards / "mine.toml")
    for problems in (problem, [problem]):
        with pytest.raises(SettingError, match="given by its name or path; got a CellProblem"):
            eomoo.run_study(problems, ["random"])
    assert [path.name for path in study.write(tmp_path / "written")][4] == "tables.tex"
    assert r"\toprule" in study.latex(["front_size"])


def test_fronts_are_drawn_on_given_axes(run, study):
    figure, axes = new_figure(ncols=4)
    assert eomoo.plot_front(run, axes=axes[0]) is figure
    assert eomoo.plot_front(study, axes=axes[1]) is figure
    assert study.plot(axes=axes[2]) is figure
    assert eomoo.plot_front(run.trace, axes=axes[3]) is figure
    labels = [ax.get_legend_handles_labels()[1] for ax in axes]
    assert labels[1][0].startswith("pls (")
    assert labels[2] == ["pls (2 seeds)", "random (2 seeds)"]
    # The run's own table knows which way its objectives point.
    assert labels[3] == ["all (80)", f"front ({len(run.front)})"]


def test_what_is_no_axes_and_no_width_is_told(run, study):
    several = new_figure(ncols=2)[1]
    for draw in (run.plot, study.plot, study.plot_front, partial(eomoo.plot_front, run.trace)):
        with pytest.raises(SettingError, match=r"axes must be one axes of matplotlib.*; got a ndarray"):
            draw(axes=several)
    with pytest.raises(SettingError, match="width of a figure must be one of column, page; got 'wide'"):
        run.plot(width="wide")


def test_the_front_of_a_table_is_that_of_its_directions():
    values = {name: column[:300] for name, column in all_values().items()}
    frame = pd.DataFrame(values)
    (front,) = [line for line in drawn(frame, {"acc": "max", "lat": "min"}) if line.get_label().startswith("front")]
    expected = brute_front(np.stack([-frame["acc"], frame["lat"]], axis=1))
    assert sorted(front.get_xdata()) == sorted(frame["acc"].iloc[expected])
    both = pd.concat([frame.assign(label="b"), frame.assign(label="a", feasible=False)])
    names = [line.get_label() for line in drawn(both.fillna({"feasible": True}), ["acc", "lat"])]
    assert names[0] == "all (300)"
    assert [name[0] for name in names[1:]] == ["b"]
    for wrong, error, message in (
        ([], SettingError, "say which two columns are drawn"),
        (["acc", "speed"], UnknownNameError, "no column called 'speed'"),
        ({"acc": "up", "lat": "min"}, SettingError, 'a direction is "min" or "max"'),
        ({"acc": "max", "lat": 3}, SettingError, 'a direction is "min" or "max"'),
        ("acc", SettingError, "say which two columns are drawn: .*; got 1"),
        ([0, 1], SettingError, "a column in objectives must be a text; got 0"),
    ):
        with pytest.raises(error, match=message):
            eomoo.plot_front(frame, objectives=wrong)
    with pytest.raises(SettingError, match="a run, a study or a DataFrame; got ndarray"):
        eomoo.plot_front(frame.to_numpy())


def test_of_cells_that_failed_or_were_measured_in_one_respect_alone_nothing_is_drawn():
    frame = pd.DataFrame({"acc [%]": [80, "OOM", None, 82, 81], "energy": [5.0, 1.0, 1.0, 7.0, None]})
    everything, front = drawn(frame, {"acc [%]": "max", "energy": "min"})
    assert everything.get_label() == "all (2)"
    assert sorted(front.get_xdata()) == [80, 82]
    with pytest.raises(DataError, match="row 2: energy is 'cheap', neither a finite number"):
        drawn(frame.assign(energy=[1, "cheap", 2, 3, 4]), {"acc [%]": "max", "energy": "min"})


def drawn(frame, objectives):
    return eomoo.plot_front(frame, objectives=objectives).axes[0].lines


def test_three_objectives_have_no_room_on_one_axes(cards):
    run = eomoo.run(cards / "three.toml", algorithm="random", budget=20)
    with pytest.raises(SettingError, match="3 objectives need panels"):
        run.plot(axes=new_figure()[1])
    assert len(run.plot().axes) == 4
    assert eomoo.plot_front(run.front, objectives=["lat", "size"]).axes[0].get_ylabel() == "size (x)"
