"""Models of any table: what columns are, repeats and their noise, failures, measured values beside predicted ones."""

import numpy as np
import pandas as pd
import pytest

import eomoo
from eomoo.analysis.fronts import front_frame, front_json
from eomoo.data import measured_table, write_measured
from eomoo.errors import DataError, SettingError
from eomoo.models import (
    FAILED,
    Measurements,
    Quality,
    Target,
    load_models,
    predictions,
    recipe_for,
    share_interval,
    use_of,
)
from eomoo.models.recipes import kind_of
from eomoo.models.usefulness import correlations, interval, interval_of_share, pairs_in_order, resamples
from eomoo.objectives.measured_rows import rows_of
from eomoo.objectives.model_card import write_card
from eomoo.objectives.refit import fit_table
from eomoo.objectives.surrogate import SurrogateBackend
from eomoo.space import Skeleton

pytestmark = pytest.mark.usefixtures("few_hopeful")
SHAPE = {"in_channels": 4, "n_classes": 5, "stem_channels": 16, "n_stacks": 2, "cells_per_stack": 1, "image_size": 16}


@pytest.fixture(scope="module", autouse=True)
def few_folds():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eomoo.models.quality.N_FOLDS", 3)
        yield


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOMOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def frame_of(space, n=40, *, seed=3):
    """Energies of cells in J, and percentages; each third cell twice, 10 % apart."""
    cells = np.random.default_rng(seed).choice(len(space), n, replace=False)
    macs = space.macs(cells) / 1e9
    once = pd.DataFrame({"index": cells, "watts": 5.0 + macs, "top1": 60.0 + 3.0 * macs})
    again = once.iloc[::3].assign(watts=lambda f: f["watts"] + 0.1)
    return pd.concat([once, again], ignore_index=True)


# -- what a column is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "unit", "kind"),
    [
        *(("latency", "ms/batch", "time"), ("x", "s", "time"), ("x", "mJ", "energy"), ("val_micro", "", "accuracy")),
        *(("x", "MiB", "count"), ("val_error", "%", "error"), ("top_acc", "", "accuracy"), ("watts", "", "")),
        *(("OA", "%", "accuracy"), ("Kappa_100", "", "accuracy"), ("F1-score", "", "accuracy"), ("road", "", "")),
        *(("val_loss", "", "error"), ("val_accuracy", "s", "time"), ("val_err", "", "error"), ("RMSE", "m", "error")),
        *(("accuracy_drop", "%", "error"), ("jaccard", "", "accuracy"), ("AUROC", "", "accuracy"), ("fps", "", "")),
        *(("access_time", "", ""), ("Acc@1", "", "accuracy"), ("valacc", "", "accuracy"), ("R2", "", "accuracy")),
    ],
)
def test_a_kind_is_told_by_the_unit_and_then_by_the_name(name, unit, kind):
    assert kind_of(name, unit) == kind


@pytest.mark.parametrize(
    ("name", "direction", "told"),
    [
        *(("throughput_fps", "max", True), ("psnr", "max", True), ("mIoU", "max", True), ("rmse", "min", True)),
        *(("inference_time", "min", True), ("GFLOPs", "min", True), ("top1", "min", False), ("score", "min", False)),
    ],
)
def test_which_values_are_better_is_told_by_the_name_or_by_nothing(name, direction, told):
    target = Target.named(name, np.array([0.3, 0.7]))
    assert (target.direction, target.told_direction(name)) == (direction, told)


def test_a_chosen_kind_decides_direction_unit_and_recipe(space):
    frame = frame_of(space)
    rows = rows_of(frame, kinds={"top1": "accuracy", "watts": "energy"}, units={"watts": "W"})
    assert (rows.targets["top1"].direction, rows.targets["top1"].unit) == ("max", "%")
    assert (rows.targets["watts"].direction, rows.targets["watts"].unit) == ("min", "W")
    assert rows_of(frame).targets["top1"].direction == "min"
    values = np.linspace(50, 60, 30)
    assert recipe_for("top1", values, kind="accuracy").columns == recipe_for("my_acc", values).columns
    assert recipe_for("top1", values, kind="accuracy").columns != recipe_for("top1", values).columns
    with pytest.raises(SettingError, match=r"kind of top1 must be one of accuracy, error, time.*'speed'"):
        rows_of(frame, kinds={"top1": "speed"})


def test_what_says_something_of_another_column_or_never_varies_is_no_target(space):
    frame = frame_of(space).assign(watts_std=np.arange(54.0), repeat=np.arange(54), batch=64.0, lower=np.arange(54.0))
    # What `eomoo suggest` says of cells comes along with them.
    frame = frame.assign(tells_of=np.arange(54), front_probability=np.arange(54) / 54, watts_unknown=np.arange(54.0))
    with pytest.warns(UserWarning, match="batch is 64 wherever it is told, and is left out"):
        assert list(rows_of(frame).values) == ["watts", "top1", "lower"]
    with pytest.raises(SettingError, match="row 2: its values are predicted; models need measured ones"):
        rows_of(frame.assign(basis=["measured"] + ["predicted"] * 53))


def test_a_column_is_called_so_that_files_and_cards_can_have_its_name_and_its_brackets_tell_the_unit(space):
    frame = frame_of(space).rename(columns={"watts": "energy [mJ]", "top1": "top-1 acc (%)"})
    frame = frame.assign(**{"energy_std [mJ]": np.arange(54.0), "MACs [G]": np.arange(54.0)})
    rows = rows_of(frame, kinds={"energy [mJ]": "energy"})
    told = {name: (t.title, t.unit, t.direction) for name, t in rows.targets.items()}
    assert told == {"energy": ("energy", "mJ", "min"), "top-1_acc": ("top-1 accuracy", "%", "max")}
    assert rows_of(frame, ["energy [mJ]"], units={"energy": "J"}).targets["energy"].unit == "J"
    for table, asked in ((frame, ["power"]), (frame.drop(columns="index"), None)):
        with pytest.raises((DataError, SettingError), match=r"its columns are .*energy \[mJ\]"):
            rows_of(table, asked)
    assert list(rows_of(frame, ["top-1_acc"]).values) == ["top-1_acc"]
    both = frame.assign(**{"energy [Wh]": frame["energy [mJ]"] / 3.6e6}).drop(columns="energy_std [mJ]")
    assert {name: t.unit for name, t in rows_of(both).targets.items()} == {
        "energy_mJ": "mJ", "top-1_acc": "%", "energy_Wh": "Wh",
    }  # fmt: skip
    named = frame.rename(columns={"energy [mJ]": "latency_ms", "MACs [G]": "latency_min"})
    told = {name: (t.title, t.unit) for name, t in rows_of(named).targets.items()}
    assert told["latency_ms"] == ("latency", "ms")
    assert told["latency_min"] == ("latency min", "")
    with pytest.raises(DataError, match="the columns top_1, top 1 would both be called 'top_1'; rename one"):
        rows_of(frame.assign(**{"top_1": 1.0, "top 1": 2.0}))


def test_a_column_has_its_letters_whichever_way_its_accents_are_written(space):
    both = [f"{name}nergie [mJ]" for name in ("\u00e9", "e\u0301")]
    for written in both:
        frame = frame_of(space).rename(columns={"watts": written})
        assert {name: t.unit for name, t in rows_of(frame, [written]).targets.items()} == {"energie": "mJ"}
    with pytest.raises(DataError, match="would both be called 'energie_mJ'; rename one"):
        rows_of(frame_of(space).rename(columns=dict(zip(("watts", "top1"), both, strict=True))))


def test_what_is_counted_exactly_needs_no_model(space):
    frame = frame_of(space)
    counted = frame.assign(params=space.params(frame["index"].to_numpy(), eomoo.CIFAR10))
    assert rows_of(counted).skeleton == eomoo.CIFAR10
    with pytest.raises(SettingError, match="params is counted exactly"):
        rows_of(counted, ["params"])
    assert rows_of(counted.assign(params=lambda f: f["params"] + 1), ["params"]).skeleton is None


def test_disturbed_values_are_left_out(space):
    frame = frame_of(space)
    rows = rows_of(frame.assign(watts_disturbed=np.arange(54) < 4))
    assert np.isnan(rows.values["watts"]).sum() == rows.disturbed == 4
    assert np.isfinite(rows.values["top1"]).all()


# -- repeats, failures, few cells --------------------------------------------------------------------


def test_repeats_count_by_their_mean_and_tell_the_noise():
    found = Measurements.of([9, 5, 9, 7, 9], {"t": [21.0, 24.0, 22.0, np.nan, 26.0]}, walk=[2, np.nan, 2, np.nan, 2])
    assert found.indices.tolist() == [5, 7, 9]
    np.testing.assert_array_equal(found.targets["t"], [24.0, np.nan, 23.0])
    np.testing.assert_array_equal(found.repeats_of("t"), [1, 1, 3])
    # (4 + 1 + 9) / 2
    assert (found.noise["t"].variance, found.noise["t"].freedom) == (7.0, 2)
    assert len(set(found.walk.tolist())) == 3


def test_a_cell_measured_often_is_believed_more(space):
    """Of two cells that lie far off, the one measured nine times draws the model to itself."""
    cells = np.random.default_rng(1).choice(len(space), 60, replace=False)
    y = 5.0 + 0.02 * np.random.default_rng(2).standard_normal(60)
    far = np.array([0, 1])
    y[far] = 8.0
    many = np.concatenate([cells, np.repeat(cells[1], 8), cells[20:40]])
    values = np.concatenate([y, np.full(8, 8.0), y[20:40] + 1.0])
    models = fit_table(pd.DataFrame({"index": many, "t": values}), repeats=1)
    mean, _ = models.predict(cells[far])
    assert mean[1, 0] > mean[0, 0] + 0.3
    assert models.parts[0].model.repeats.max() == 9


def test_deviations_know_the_noise_that_repeats_told(space):
    """Noise is most of what is not predicted: measured, a law of few cells holds to it."""
    frame = frame_of(space, 60)
    noisy = pd.concat([frame, frame], ignore_index=True)
    noisy["watts"] += 0.5 * np.random.default_rng(0).standard_normal(len(noisy))
    model = next(part.model for part in fit_table(noisy, ["watts"], repeats=1).parts)
    share = 0.25 / np.var(noisy.groupby("index")["watts"].mean())
    assert model.law.level[0, 0] == pytest.approx(share, rel=0.5)


def test_few_failures_are_a_share_and_many_are_predicted(space, tmp_path, monkeypatch):
    cells = np.random.default_rng(3).choice(len(space), 120, replace=False)
    macs = space.macs(cells) / 1e9
    frame = pd.DataFrame({"index": cells, "watts": 5.0 + macs, "status": "done"})
    few = frame.assign(status=np.where(np.arange(120) < 5, "OOM", "done"), watts=frame["watts"].mask(frame.index < 5))
    models = fit_table(few, repeats=1)
    assert (models.failures, list(models.targets)) == ((5, 120), ["watts"])
    big = macs > np.quantile(macs, 0.7)
    many = frame.assign(watts=frame["watts"].mask(big), status=np.where(big, "too big", "done"))
    models = fit_table(many, repeats=1)
    assert list(models.targets) == ["watts", FAILED]
    models.save(tmp_path)
    write_card(models, tmp_path)
    # Of few cells, and kept.
    backend, some = SurrogateBackend(tmp_path), np.arange(0, 5_000, 59)
    with monkeypatch.context() as patch:
        patch.setattr(predictions, "N_CELLS", 5_000)
        chance = backend.values(some, [FAILED])[:, 0]
    assert (chance.min(), chance.max()) == (0.0, 1.0)
    large = space.macs(some) / 1e9 > np.quantile(macs, 0.7)
    assert np.mean((chance >= 0.5) == large) > 0.85
    marked = np.char.find(backend.marks(some, ["watts"])[:, 0], "likely to fail") >= 0
    np.testing.assert_array_equal(marked, chance >= 0.5)
    problem = eomoo.get_problem(tmp_path / "card.toml")
    np.testing.assert_array_equal(problem.violations_at(some) > 0, chance > 0.5)
    assert eomoo.load_models(tmp_path).failures == (int(big.sum()), 120)


def test_an_incident_is_no_failure_of_the_cell(space):
    frame = frame_of(space).assign(status="done")
    frame.loc[:2, "watts"], frame.loc[:2, "status"] = np.nan, "incident"
    assert not rows_of(frame).failed.any()
    frame.loc[:2, "status"] = "diverged"
    assert rows_of(frame).failed.sum() == 3


def test_twelve_cells_are_enough_and_eleven_are_not(space, monkeypatch):
    monkeypatch.setattr("eomoo.models.quality.N_FOLDS", 10)
    frame = frame_of(space, 12).drop_duplicates("index")
    models = fit_table(frame, ["watts"], repeats=1)
    low, high = models.quality["watts"]["by_cell"].spearman_interval
    assert -1 <= low < high <= 1
    assert np.isfinite(models.predict([5, 77])[1]).all()
    with pytest.raises(SettingError, match="at least 12 measured cells; watts has 11"):
        fit_table(frame.iloc[:11], ["watts"], repeats=1)


def test_a_single_target_is_named_without_a_list(space):
    assert list(rows_of(frame_of(space, 3), "watts").targets) == ["watts"]


# -- measured values beside predicted ones -----------------------------------------------------------


def test_what_a_model_is_good_for_is_said_by_its_figures():
    """A rank correlation of .5 orders two of three pairs; deviations beyond half of the range tell no cells apart."""
    assert [round(pairs_in_order(rho), 2) for rho in (-1, 0, 0.5, 1)] == [0, 0.5, 0.67, 1]
    figures = {"spearman_std": 0.0, "coverage": 0.95, "rms_z": 1.0, "n": 60, "repeats": 1}

    def use(spearman, rmse, low, high, coverage=(0.9, 0.99)):
        ends = {"spearman_interval": (low, high), "coverage_interval": coverage}
        return use_of({"by_cell": Quality(spearman=spearman, rmse=rmse, **ends, **figures)}, (10.0, 20.0))

    assert "ranks cells: yes, of two cells it tells the better one in 93 % of cases (86 to 94)" in use(
        0.97, 0.5, 0.9, 0.98
    )
    assert "apart: yes, two deviations to either side are 20 %" in use(0.97, 0.5, 0.9, 0.98)
    assert "ranks cells: no" in use(0.6, 2.0, 0.1, 0.8)
    assert "apart: no, two deviations to either side are 80 %" in use(0.6, 2.0, 0.1, 0.8)
    assert use(0.9, 1.0, 0.5, 0.95, (0.6, 0.8)).endswith("its deviations are too small")


def test_intervals_hold_what_other_groups_would_have_said():
    """Of two walks that contradict each other nothing is known; many that agree tell a narrow interval."""
    walk = np.repeat([0, 1], 20)
    x = np.tile(np.arange(20.0), 2)
    y = np.where(walk == 0, x, -x)
    assert interval([correlations(x, y, resamples(walk))]) == pytest.approx((-1, 1))
    low, high = interval([correlations(x, x + np.arange(40) % 3, resamples(np.arange(40)))])
    assert 0.95 < low < high < 1
    assert interval([np.arange(1001.0)]) == (25, 975)
    assert share_interval(0, 20) == pytest.approx((0, 0.161), abs=2e-3)
    # That all of 20 were inside is no proof that all are.
    weights = resamples(np.arange(20))
    assert interval_of_share([weights @ np.ones(20)], 20) == pytest.approx((0.839, 1.0), abs=2e-3)
    some = weights @ (np.arange(20) > 2)
    assert interval_of_share([some], 20) == interval([some])


def smallest(space):
    """The cell of the fewest vertices, which every search looks at."""
    return int(space.n_vertices.argmin())


def board_of(space):
    """As ``frame_of``; the first cell is the smallest, and the best by far."""
    frame = frame_of(space, 60)
    first = frame["index"] == frame["index"].iloc[0]
    frame.loc[first, ["index", "top1"]] = smallest(space), 99.0
    return frame


@pytest.fixture(scope="module")
def folder(space, tmp_path_factory):
    """A measured table of a small network, of which one cell is the best by far, its models and their card."""
    frame = board_of(space)
    frame["params"], frame["repeat"] = space.params(frame["index"].to_numpy(), Skeleton(**SHAPE)), 0
    frame.loc[60:, "repeat"] = 1
    facts = [("watts", "power of a board", "W", "min", "timed"), ("top1", "top-1 accuracy", "%", "max", "trained")]
    facts += [("params", "parameters", "", "min", "counted")]
    columns = [dict(zip(("name", "title", "unit", "direction", "kind"), row, strict=True)) for row in facts]
    table = measured_table(frame, {"title": "a board", "columns": columns, "skeleton": SHAPE})
    place = tmp_path_factory.mktemp("board")
    write_measured(table, place / "table")
    models = fit_table(place / "table", repeats=1)
    models.save(place / "models")
    write_card(models, place / "models")
    np.testing.assert_array_equal(fit_table(table, repeats=1).predict([5, 9]), models.predict([5, 9]))
    return place


def test_the_network_and_the_words_of_a_measured_table_travel_to_its_card(folder, space):
    problem = eomoo.get_problem(folder / "models" / "card.toml", constraints="params<=1e5")
    assert [(o.name, o.title, o.unit, o.direction) for o in problem.objectives] == [
        ("top1", "top-1 accuracy", "%", "max"),
        ("watts", "power of a board", "W", "min"),
    ]
    assert "predicted from 60 measured cells (a board)" in problem.card.title
    assert problem.skeleton == Skeleton(**SHAPE)
    counted = problem.limited_values([5, 100_000])[:, 0]
    np.testing.assert_array_equal(counted, space.params(np.array([5, 100_000]), Skeleton(**SHAPE)))


def test_models_know_what_was_measured(folder, space):
    frame, backend = board_of(space), SurrogateBackend(folder / "models")
    cell = int(frame["index"][0])
    told = backend.measured([cell, 5], ["watts"])
    np.testing.assert_allclose(told, [[frame["watts"][0] + 0.05], [np.nan]], rtol=1e-12)
    assert backend.is_measured([cell, 5]).tolist() == [True, False]
    again = load_models(folder / "models")
    np.testing.assert_array_equal(again.measured["watts"], fit_table(folder / "table", repeats=1).measured["watts"])
    assert SurrogateBackend().is_measured(load_models(SurrogateBackend().folder).cells[:3]).all()
    assert np.isnan(SurrogateBackend().measured([cell], ["latency"])).all()


def test_the_front_says_what_was_measured_and_what_is_predicted(folder, space):
    problem = eomoo.get_problem(folder / "models" / "card.toml")
    measured = np.unique(board_of(space)["index"])
    others = np.setdiff1d(np.append(problem.pareto_indices(), np.arange(0, len(space), 9_000)), measured)
    assert set(problem.basis(measured)) == {"measured"}
    basis, marks = problem.basis(others), problem.marks(others)
    assert [set(text.split(", ")) for text in basis] == [set(", ".join(row[row != ""]).split(", ")) for row in marks]
    assert "" in basis
    assert any("other operations" in text for text in basis)


def test_a_cell_measured_in_one_objective_of_two_says_in_which(folder, space, tmp_path):
    text = (folder / "models" / "card.toml").read_text()
    other = text.replace("surrogate:.", f"surrogate:{folder / 'models'}", 1)
    other += '\n[[objectives]]\nname = "latency"\nunit = "ms/batch"\ndirection = "min"\nsource = "surrogate"\n'
    (tmp_path / "card.toml").write_text(other.replace("surrogate:.", f"surrogate:{folder / 'models'}"))
    problem = eomoo.get_problem(tmp_path / "card.toml")
    (first,) = problem.basis([int(board_of(space)["index"][0])])
    assert first.startswith("top-1 accuracy and power of a board measured")
    # Of what is counted, or measured, nothing is predicted.
    assert eomoo.get_problem("eo-macro-params").basis([5])[0] != "measured"


def test_the_front_of_a_run_keeps_both_for_files_and_pages(folder, space, tmp_path):
    """A cell better than all others in what was measured, which every search looks at, is on the front."""
    frame = board_of(space)
    problem = eomoo.get_problem(folder / "models" / "card.toml")
    run = eomoo.run(problem, budget=100, options={"init": "random"}, out=tmp_path / "run")
    found = run.front
    assert set(found["basis"]) <= {"measured", "predicted", "extrapolated"}
    for cell, word in zip(found["index"], found["basis"], strict=True):
        assert (word == "measured") == (cell in set(frame["index"]))
    (best,) = found[found["index"] == smallest(space)].to_dict("records")
    assert best["top1_measured"] == 99.0
    assert front_frame(run.stored).equals(found)
    from eomoo.analysis.fronts import front_data
    from eomoo.analysis.results import load_results

    page = front_json(front_data(load_results(tmp_path / "run").problems[0]))
    assert [row[0] for row in page["basis"]] == found["basis"].tolist()
    by_name = {c["name"]: c for c in page["columns"]}
    assert "basis" not in by_name
    assert (by_name["top1"]["measured"] is not None) == ("top1_measured" in found)


def test_what_was_disturbed_in_all_cells_but_some_is_no_target(space):
    spoilt = frame_of(space, 30).iloc[:30].assign(slow=np.arange(30.0), slow_disturbed=[0] * 11 + [1] * 19)
    with pytest.warns(UserWarning, match="known of 11 cells only, and is left out"):
        assert "slow" not in fit_table(spoilt, repeats=1).targets
    with pytest.raises(SettingError, match="while slow was timed, so that it is known of 11 cells only"):
        fit_table(spoilt, ["slow"], repeats=1)


def test_a_name_that_no_file_can_have_is_refused_before_anything_is_fitted():
    table = pd.DataFrame({"index": range(20), "latency" * 12: np.arange(20.0)})
    steps = []
    with pytest.raises(SettingError, match="a target is named by at most 80 letters"):
        fit_table(table, on_progress=steps.append)
    assert steps == []
