"""A stored run as tables, files and figures: every kind of problem, every odd end."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import SyntheticBackend, all_values, brute_front

import eomoo
from eomoo.analysis import front_frame, load_run, problem_box, summary, trace_frame, write_run
from eomoo.analysis.columns import FrontColumn
from eomoo.analysis.fronts import front_content
from eomoo.analysis.printing.figures import draw_front
from eomoo.analysis.results import front_of
from eomoo.errors import SettingError
from eomoo.fronts.indicators import deduplicated, hypervolume
from eomoo.fronts.objectives import Objective, Objectives
from eomoo.objectives import backends
from eomoo.objectives.backends import BackendKind
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.run import run_algorithm
from eomoo.study.rows import RunTrace
from eomoo.study.store import STORE_NAME, Store

SPEC = AlgorithmSpec(label="random", algorithm="random")


@pytest.fixture
def stored(tmp_path):
    """Run a problem and read it back from a store."""

    def build(problem, budget=80, spec=SPEC, **interruption):
        result = run_algorithm(problem, spec, budget=budget, seed=1, **interruption)
        with Store(tmp_path / STORE_NAME, create=True) as store:
            known = store.add_problem(problem)
            store.add_run(known, spec, seed=1, budget=budget, result=result)
            return load_run(store, store.runs()[-1])

    return build


def interrupt(progress):
    raise KeyboardInterrupt


def test_front_and_trace_as_tables(stored, pose, space):
    problem = pose("acc", "lat", constraints=["err<=18"], reference_point=[0.7, 25.0])
    run = stored(problem)
    trace = trace_frame(run)
    assert trace.columns.tolist() == ["step", "index", "acc", "lat", "feasible"]
    assert trace["step"].tolist() == list(range(80))
    assert trace["acc"].tolist() == all_values()["acc"][trace["index"]].tolist()
    assert trace["feasible"].tolist() == (all_values()["err"][trace["index"]] <= 18).tolist()
    front = front_frame(run)
    good = trace[trace["feasible"]]
    expected = good.iloc[brute_front(np.stack([-good["acc"], good["lat"]], axis=1))]
    assert sorted(front["index"]) == sorted(expected["index"])
    # Sorted by the first objective as it is minimised: the best accuracy first.
    assert (np.diff(front["acc"]) <= 0).all()
    cells = front["index"].to_numpy()
    assert front["hash"].tolist() == space.hash(cells)
    assert front["params"].tolist() == space.params(cells).tolist()
    assert front["macs"].tolist() == space.macs(cells).tolist()
    assert front["vertices"].tolist() == space.n_vertices[cells].tolist()
    assert [space.index([int(d) for d in text]) for text in front["genotype"]] == cells.tolist()
    assert front["acc_std"].tolist() == pytest.approx(front["acc"] / 100)


def test_a_front_in_a_file_has_what_was_measured_beside_what_is_predicted():
    values = {"values": np.array([1.0, 2.0]), "deviations": np.array([0.1, 0.2]), "measured": np.array([np.nan, 3.0])}
    shown = SimpleNamespace(
        columns=(
            FrontColumn(name="lat", title="latency", **values),
            FrontColumn(name="err", title="error", values=values["values"]),
        )
    )
    content = front_content(SimpleNamespace(front_cells=np.array([5, 9]), shown=shown))
    told = {name: column for name, column in content.items() if name.startswith(("lat", "err"))}
    assert list(told) == ["lat", "lat_std", "lat_measured", "err"]
    for name, column in zip(told, (*values.values(), values["values"]), strict=True):
        np.testing.assert_array_equal(told[name], column)


def test_numbers_of_a_run(stored, pose):
    problem = pose("acc", "lat", reference_point=[0.7, 25.0])
    run = stored(problem)
    found = summary(run)
    assert found["distinct_cells"] == found["evaluations"] == found["budget"] == 80
    assert found["front_size"] == len(run.front)
    assert found["complete"]
    F = problem.objectives_at(run.trace.cells)
    scale = problem_box(run.problem.objectives, run.true_front, F)
    assert scale.ideal.tolist() == problem.ideal_point().tolist()
    assert scale.reference.tolist() == [-0.7, 25.0]
    assert found["hypervolume"] == hypervolume(deduplicated(F), scale)
    best = hypervolume(problem.pareto_front(), scale)
    assert found["share_of_true_hypervolume"] == pytest.approx(found["hypervolume"] / best)
    assert 0 < found["share_of_true_hypervolume"] < 1


def both(direction):
    parts = [Objective(name=name, title="", unit="", direction=direction) for name in "ab"]
    return Objectives(tuple(parts))


def test_front_of_a_trace_keeps_equal_cells_and_only_feasible_ones():
    trace = RunTrace(
        cells=np.arange(6),
        values=np.array([[1.0, 1], [1, 1], [0, 0], [0, 2], [2, 0], [np.nan, np.nan]]),
        feasible=np.array([True, True, False, True, True, False]),
    )
    assert front_of(trace, both("min")).tolist() == [3, 0, 1, 4]
    assert front_of(trace, both("max")).tolist() == [4, 0, 1, 3]


CASES = {
    "two": {"names": ("err", "lat")},
    "maximised": {"names": ("acc", "lat"), "reference_point": [0.7, 25.0]},
    "three": {"names": ("err", "lat", "size")},
    "one": {"names": ("err",)},
    "one with a reference point": {"names": ("err",), "reference_point": [25.0]},
    "ties": {"names": ("depth", "pools")},
    "failures": {"names": ("holes", "lat")},
    "table": {"names": ("err", "lat"), "source": "part"},
    "beyond the reference point": {"names": ("err", "size"), "reference_point": [1.0, 100.0]},
    "reference point of large numbers": {"names": ("size",), "reference_point": [200.0]},
    "nothing feasible": {"names": ("err", "lat"), "constraints": ["lat<=0"]},
    "constraints": {"names": ("err", "lat"), "constraints": ["lat<=21"]},
}


@pytest.mark.parametrize(
    ("case", "budget"), [*((case, 12) for case in CASES), ("two", 1), ("three", 1), ("one", 1), ("table", 1)]
)
def test_every_kind_of_problem_is_written(stored, pose, tmp_path, case, budget):
    options = dict(CASES[case])
    run = stored(pose(*options.pop("names"), **options), budget=budget)
    folder = tmp_path / "out"
    written = write_run(run, folder)
    assert all(path.is_file() for path in written)
    names = {path.name for path in written}
    assert {"front.csv", "trace.csv", "settings.json", "digests.json"} <= names
    assert names == {path.name for path in folder.iterdir()}
    assert ({"front.png", "cells.png"} <= names) == (len(run.front) > 0)
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["budget"] == budget
    assert settings["constraints"] == [text.replace("<=", " <= ") for text in options.get("constraints", [])]
    assert len(pd.read_csv(folder / "trace.csv")) == budget
    front = pd.read_csv(folder / "front.csv", dtype={"genotype": str})
    assert front["index"].tolist() == run.front_cells.tolist()
    share = settings.get("share_of_true_hypervolume")
    assert share is None or 0 <= share <= 1


def test_what_is_counted_is_whole_in_files_and_frames(tmp_path):
    run = eomoo.run("eo-macro-params", algorithm="random", budget=8, constraints=["params<=20M"], out=tmp_path)
    kept = [pd.read_csv(tmp_path / name) for name in ("front.csv", "trace.csv")]
    for table in (run.front, run.trace, *kept):
        assert table["params"].dtype == np.int64
        assert table["val_macro_error"].dtype == np.float64
    assert (run.front["params_slack"] == 20_000_000 - run.front["params"]).all()
    assert run.front["params_slack"].dtype == np.int64


def test_an_interrupted_run_is_written(stored, pose, tmp_path):
    run = stored(pose("err", "lat"), budget=300, on_progress=interrupt)
    assert not run.run.complete
    write_run(run, tmp_path / "out")
    assert not json.loads((tmp_path / "out" / "settings.json").read_text())["complete"]


def test_a_run_interrupted_before_anything_was_evaluated_is_written(stored, pose, tmp_path):
    problem = pose("err", "lat")

    class Interrupted(type(problem)):
        def _evaluate(self, *args, **kwargs):
            raise KeyboardInterrupt

    run = stored(Interrupted(problem.card))
    assert (len(run.trace.cells), len(run.front)) == (0, 0)
    assert summary(run)["distinct_cells"] == 0
    write_run(run, tmp_path / "out")
    assert len(pd.read_csv(tmp_path / "out" / "front.csv")) == 0


def test_an_objective_may_be_called_macs_and_be_of_another_skeleton(stored, card, space, tmp_path):
    from synthetic import ANALYTIC_CARD

    import eomoo

    text = ANALYTIC_CARD + '[backend.analytic]\nskeleton = "cifar10"\n[[constraints]]\n'
    path = card(text=text + 'quantity = "params"\nsource = "analytic"\nmax = 300000\n')
    front = front_frame(stored(eomoo.get_problem(path), budget=400, spec=AlgorithmSpec(label="p", algorithm="pls")))
    cells = front["index"].to_numpy()
    assert len(cells) > 0
    assert front["macs"].tolist() == space.macs(cells, eomoo.CIFAR10).tolist()
    assert front["params"].tolist() == space.params(cells, eomoo.CIFAR10).tolist()


def test_figures_do_not_depend_on_when_they_are_drawn(stored, pose, tmp_path):
    run = stored(pose("err", "lat"))
    write_run(run, tmp_path / "one")
    write_run(run, tmp_path / "two")
    for name in ("front.csv", "trace.csv", "settings.json", "front.png", "cells.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_bars_of_a_front_are_a_deviation_long_to_each_side(stored, pose):
    run = stored(pose("err", "lat"))
    ax = draw_front(run).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == tuple(o.label for o in run.problem.objectives)
    bars = np.array([lines.get_segments() for lines in ax.collections])
    for k in range(2):
        np.testing.assert_allclose(np.ptp(bars[k, :, :, k], axis=1), 2 * run.deviations[:, k])
        np.testing.assert_allclose(bars[k].mean(axis=1), run.front_values)


def test_a_run_has_the_result_that_pymoo_would_have_returned(pose, space):
    problem = pose("acc", "lat", constraints=["err<=18"], reference_point=[0.7, 25.0])
    run = eomoo.run(problem, algorithm="random", budget=80)
    result, trace = run.result, run.trace
    assert result.problem is problem
    assert result.pop.get("index").tolist() == trace["index"].tolist()
    np.testing.assert_array_equal(result.pop.get("F"), np.stack([-trace["acc"], trace["lat"]], axis=1))
    assert (result.pop.get("G")[:, 0] <= 0).tolist() == trace["feasible"].tolist()
    assert 0 < trace["feasible"].sum() < 80
    assert result.opt.get("index").tolist() == run.front["index"].tolist()
    assert [space.index(x) for x in result.X] == run.front["index"].tolist()
    np.testing.assert_array_equal(result.F, np.stack([-run.front["acc"], run.front["lat"]], axis=1))
    np.testing.assert_array_equal(result.opt.get("acc"), run.front["acc"])
    assert result.success
    nothing = eomoo.run(pose("acc", "lat", constraints=["err<=0"]), algorithm="random", budget=5).result
    assert (nothing.success, nothing.X, nothing.F) == (False, None, None)
    assert len(nothing.pop) == 5


def test_a_run_writes_its_report_whether_it_lies_in_a_folder_or_not(pose, tmp_path):
    problem = pose("err", "lat")
    how = {"algorithm": "random", "budget": 40, "figures": ()}
    alone, kept = eomoo.run(problem, **how), eomoo.run(problem, **how, out=tmp_path / "run")
    assert (alone.folder, kept.folder) == (None, tmp_path / "run")
    pages = [run.report(tmp_path / f"{k}.md", format="md").read_text() for k, run in enumerate((alone, kept))]
    first, second = ([line for line in page.split("\n") if " UTC" not in line and " s" not in line] for page in pages)
    assert first == second
    assert str(alone.front["index"][0]) in pages[0]
    assert alone.report(tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(SettingError, match="the format of a report"):
        alone.report(tmp_path / "page.pdf", format="pdf")


def test_numbers_of_numpy_are_settings_of_a_run_as_others_are(monkeypatch, card):
    kind = BackendKind(build=lambda *_: SyntheticBackend(), settings=frozenset({"epochs"}))
    monkeypatch.setitem(backends.BACKENDS, "synthetic", kind)
    path = card("err", "lat")
    asked = {"seed": np.int64(3), "budget": np.int64(5), "hours": np.float32(1), "repeats": np.int64(1)}
    one = eomoo.run(path, algorithm="nsga2", options={"pop_size": np.int64(4)}, epochs=np.int64(2), **asked)
    asked = {"seed": 3, "budget": 5, "hours": 1.0, "repeats": 1}
    other = eomoo.run(path, algorithm="nsga2", options={"pop_size": 4}, epochs=2, **asked)
    assert one.stored.run.settings == other.stored.run.settings
    assert one.stored.problem.options == other.stored.problem.options == {"epochs": 2}
    assert (one.stored.run.seed, one.stored.run.hours) == (3, 1.0)
    assert one.trace.equals(other.trace)


def test_one_form_of_a_figure_may_be_given_by_itself(pose, tmp_path):
    run = eomoo.run(pose("err", "lat"), algorithm="random", budget=5, out=tmp_path, figures="svg")
    assert {path.suffix for path in run.written} == {".csv", ".json", ".svg"}


def test_where_nothing_was_evaluated_there_is_a_box_all_the_same():
    parts = [Objective(name=name, title=name, unit="", direction=way) for name, way in (("a", "min"), ("b", "max"))]
    for reference in (None, (3.0, -1.0)):
        assert (problem_box(Objectives(tuple(parts), reference), None, np.empty((0, 2))).extent > 0).all()
