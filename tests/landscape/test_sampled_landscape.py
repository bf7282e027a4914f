"""A sampled table analysed as published: known answers on made tables, and nothing of the whole space."""

import numpy as np
import pandas as pd
import pytest

from eomoo.data.measured_table import measured_table
from eomoo.data.published_tables import open_table, table_of_file
from eomoo.errors import DataError
from eomoo.landscape import analyse_sample, draw_sample
from eomoo.landscape.intervals import rank_correlations
from eomoo.landscape.sampled import ruggedness_of


def column(name, unit="", direction="min", kind="given"):
    return {"name": name, "title": name.replace("_", " "), "unit": unit, "direction": direction, "kind": kind}


def made(n_walks=20, length=12, r=0.6, *, repeats=1, noise=0.0, seed=0, **facts):
    """A table along walks: val_micro with a known autocorrelation, latency that rises with it, one constant."""
    rng = np.random.default_rng(seed)
    n = n_walks * length
    cells = rng.choice(423_624, n, replace=False)
    values = rng.standard_normal((n_walks, length))
    for k in range(1, length):
        values[:, k] = r * values[:, k - 1] + np.sqrt(1 - r * r) * values[:, k]
    walk, step = np.repeat(np.arange(n_walks), length), np.tile(np.arange(length), n_walks)
    rows = pd.DataFrame({"index": cells, "walk": walk, "step": step, "val_micro": 0.5 + 0.05 * values.ravel()})
    rows["latency"] = 10 + 40 * (rows["val_micro"] - 0.5) + rng.standard_normal(n)
    rows["constant"] = 0.1
    rows = pd.concat([rows.assign(repeat=k) for k in range(repeats)], ignore_index=True)
    rows["val_micro"] += noise * rng.standard_normal(len(rows))
    columns = [column("val_micro", "fraction", "max", "trained"), column("latency", "ms", kind="timed")]
    return rows, {"title": "made", "columns": [*columns, column("constant")], **facts}


def analysed(rows, facts, curves=None, **options):
    return analyse_sample(measured_table(rows, facts, curves), **options)


def quantity(analysis, name):
    return next(q for q in analysis.numbers["quantities"] if q["name"] == name)


@pytest.mark.parametrize("r", [0.0, 0.8])
def test_a_known_autocorrelation_is_found_and_lies_in_its_band(r):
    found = quantity(analysed(*made(60, 15, r)), "val_micro")
    curve = found["autocorrelation"]
    assert curve["lag_1"] == pytest.approx(r, abs=0.08)
    assert curve["lag_1_band"][0] <= r <= curve["lag_1_band"][1]
    assert curve["pairs"] == 60 * 14
    # The walks' own ones are drawn to below zero by about 1 / length.
    assert found["ruggedness"]["mean"] < curve["lag_1"]
    assert found["ruggedness"]["walks"] == 60
    assert (found["ruggedness"]["ruggedness_band"] is None) == (r == 0.0)


@pytest.mark.parametrize("side", [1, -1])
def test_the_ruggedness_of_three_walks_by_hand(side):
    found = ruggedness_of(side * np.array([0.4, 0.5, np.nan, 0.6]))
    assert (found["mean"], found["ruggedness"], found["std"]) == pytest.approx((side * 0.5, side * 2.0, 0.1))
    low, high = found["band"]
    # Student's interval of two degrees of freedom.
    reach = 4.3027 * 0.1 / 3**0.5
    assert (low, high) == pytest.approx((side * 0.5 - reach, side * 0.5 + reach), abs=1e-4)
    assert found["ruggedness_band"] == pytest.approx([1.0 / high, 1.0 / low])


def test_the_ruggedness_of_walks_around_zero_has_no_band():
    found = ruggedness_of(np.array([-0.4, 0.5, 0.2]))
    assert found["band"][0] < 0.0 < found["band"][1]
    assert found["ruggedness_band"] is None


def test_nothing_of_the_whole_space_is_told():
    numbers = analysed(*made()).numbers
    words = str(sorted(str(numbers).replace(numbers["sample"]["says"], "").split()))
    for word in ("neutral", "optima", "basin", "plateau", "neighb", "distance_to_front", "dominance_rank"):
        assert word not in words
    assert "240 cells are a sample, not the space of 423,624" in numbers["sample"]["says"]


def test_a_rank_correlation_has_an_interval_that_knows_of_the_walks():
    rng, held, alone = np.random.default_rng(3), 0, 0
    groups = np.repeat(np.arange(20), 15)
    for _ in range(100):
        # Most of the variance is the walks': 300 cells are hardly more than 20 values.
        shared = rng.standard_normal((20, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
        values = shared[groups] + 0.3 * rng.standard_normal((300, 2))
        true = 6 / np.pi * np.arcsin(0.6 / 1.09 / 2)
        for kind in (groups, np.arange(300) % 30):
            _, low, high = (part[0, 1] for part in rank_correlations(values, kind))
            held += (low <= true <= high) and kind is groups
            alone += (low <= true <= high) and kind is not groups
    assert held >= 88
    assert alone < 75


def test_rank_correlations_take_the_rows_that_both_columns_have():
    rng = np.random.default_rng(0)
    values = rng.random((40, 6))
    values[:5, [0, 4]] = values[3:9, [1, 5]] = values[20:22, 2] = values[30:33, 3] = np.nan
    ranks = rank_correlations(values, np.arange(40) % 10).value
    expected = pd.DataFrame(values).corr(method="spearman").to_numpy()
    np.testing.assert_allclose(ranks, expected)


def test_noise_against_signal_is_the_share_that_was_put_in():
    rows, facts = made(60, 10, 0.5, repeats=2, noise=0.05)
    found = quantity(analysed(rows, facts), "val_micro")["noise"]
    assert found["cells"] == 600
    assert found["std"] == pytest.approx(0.05, rel=0.1)
    assert found["share"] == pytest.approx(0.5, abs=0.08)
    assert found["band"][0] < 0.5 < found["band"][1]
    # What single measurements scatter by is not lost where few cells were repeated, eight times each.
    many, _ = made(60, 10, 0.5, repeats=8, noise=0.05)
    uneven = many[(many["repeat"] == 0) | (many["walk"] % 4 == 0)]
    assert quantity(analysed(uneven, facts), "val_micro")["noise"]["share"] == pytest.approx(0.5, abs=0.05)
    assert quantity(analysed(*made()), "val_micro")["noise"] is None
    counted = {**facts, "columns": [{**c, "kind": "counted"} for c in facts["columns"]]}
    assert quantity(analysed(rows, counted), "val_micro")["noise"] is None
    # Only a third of the cells repeated says the same, less surely.
    some = rows[(rows["repeat"] == 0) | (rows["index"] % 3 == 0)]
    fewer = quantity(analysed(some, facts), "val_micro")["noise"]
    assert fewer["share"] == pytest.approx(0.5, abs=0.12)
    assert np.diff(fewer["band"]) > np.diff(found["band"])


def test_a_constant_has_values_and_nothing_else():
    found = quantity(analysed(*made()), "constant")
    assert found["values"]["distinct"] == 1
    assert np.isnan(found["autocorrelation"]["lag_1"])
    assert found["ruggedness"] == {"walks": 0}


def test_learning_curves_are_told_at_each_epoch():
    rows, facts = made()
    gain = {1: 0.5, 2: 0.9, 4: 1.0}
    rng = np.random.default_rng(0)
    curves = [
        rows[["index"]].assign(epoch=e, val_micro=g * rows["val_micro"] + 0.03 * (1 - g) * rng.standard_normal(240))
        for e, g in gain.items()
    ]
    epochs = analysed(rows, facts, pd.concat(curves)).epochs.set_index("epoch")
    assert epochs.index.tolist() == [1, 2, 4]
    assert epochs["n"].tolist() == [240] * 3
    assert epochs["median"].tolist() == pytest.approx([g * rows["val_micro"].median() for g in gain.values()], abs=0.01)
    assert epochs["spearman_with_last"].is_monotonic_increasing
    assert epochs["low_with_last"][1] < epochs["spearman_with_last"][1] < epochs["high_with_last"][1]


@pytest.mark.parametrize("cells", [12, 3, 1])
def test_a_few_cells_without_walks_tell_what_they_can(cells):
    rows, facts = made(1, 12)
    found = analysed(rows.drop(columns=["walk", "step"])[:cells], facts)
    assert found.numbers["sample"]["walks"] == 0
    assert "nothing of ruggedness" in found.numbers["sample"]["says"]
    assert "autocorrelation" not in quantity(found, "val_micro")
    assert quantity(found, "val_micro")["values"]["n"] == cells
    assert np.isnan(found.ranks.value[0, 1]) == (cells < 3)
    draw_sample(found)


def test_cells_of_few_vertices_alone_have_a_sheet(small_cells, space):
    few = small_cells[space.n_vertices[small_cells] <= 4][:30]
    rows, facts = made(1, len(few))
    found = analysed(rows.drop(columns=["walk", "step"]).assign(index=few), facts)
    legends = [ax.get_legend() for ax in draw_sample(found)["landscape"].axes if ax.get_legend()]
    assert any(legend.get_title().get_text().startswith("\N{GREEK SMALL LETTER RHO}") for legend in legends)


def test_one_walk_has_values_without_intervals():
    found = quantity(analysed(*made(1, 12)), "val_micro")
    assert np.isfinite(found["autocorrelation"]["lag_1"])
    assert np.isnan(found["autocorrelation"]["lag_1_band"]).all()
    assert np.isnan(found["ruggedness"]["band"]).all()
    assert found["ruggedness"]["ruggedness_band"] is None


def test_failed_cells_leave_gaps_and_are_counted():
    rows, facts = made()
    rows.loc[[5, 77], "val_micro"] = np.nan
    rows["status"] = "done"
    rows.loc[[5, 77], "status"] = "diverged"
    analysis = analysed(rows, facts)
    found = quantity(analysis, "val_micro")
    assert found["missing"] == 2
    assert found["autocorrelation"]["pairs"] == 20 * 11 - 4
    assert quantity(analysis, "latency")["autocorrelation"]["pairs"] == 20 * 11
    assert analysis.numbers["sample"]["failed"] == {"diverged": 2}


def test_disturbed_timings_are_counted():
    rows, facts = made()
    rows["latency_disturbed"] = (np.arange(240) % 100 == 3).astype(float)
    facts["columns"].append(column("latency_disturbed", kind="mark"))
    analysis = analysed(rows, facts)
    assert quantity(analysis, "latency")["disturbed"] == 3
    assert quantity(analysis, "val_micro")["disturbed"] == 0
    assert "latency_disturbed" not in analysis.sample.quantities


def test_a_step_that_the_table_lacks_is_no_step():
    rows, facts = made()
    found = quantity(analysed(rows[rows["step"] != 4], facts), "val_micro")
    assert found["autocorrelation"]["pairs"] == 20 * 9


def test_cells_of_no_walk_count_as_cells_of_their_own():
    rows, facts = made()
    rows.loc[:29, ["walk", "step"]] = np.nan
    sample = analysed(rows, facts).sample
    assert sample.in_walks.sum() == 210
    assert len(np.unique(sample.groups[:30])) == 30
    assert not set(sample.groups[:30]) & set(sample.groups[30:])


def test_classes_of_the_splits_are_told_where_they_are_known():
    facts = {"data": {"images": {"train": [30, 10], "val": [5, 5], "test": 40}}}
    found = analysed(*made(**facts)).numbers["classes"]
    assert found["train"] == {"images": 40, "classes": 2, "smallest": 0.25, "largest": 0.75}
    assert found["val"]["largest"] == 0.5
    assert "test" not in found


@pytest.mark.parametrize("names", [["latency"], ["macs"], ["latency", "constant"], ["val_micro"]])
def test_a_table_of_few_quantities_has_a_sheet(names):
    rows, facts = made()
    columns = [*facts["columns"], column("macs", kind="counted")]
    facts["columns"] = [c for c in columns if c["name"] in names]
    rows = rows.assign(macs=np.arange(240.0))[["index", "walk", "step", *names]]
    figure = draw_sample(analysed(rows, facts))["landscape"]
    letters = [text for text in figure.findobj(lambda found: hasattr(found, "get_fontsize")) if text.get_text()]
    assert min(text.get_fontsize() for text in letters) >= 7.5, "points, on a page"
    titles = [ax.get_title(loc="left")[4:] for ax in figure.axes if ax.get_title(loc="left")]
    assert len(set(titles)) == len(titles)
    assert any("all walks together" in title for title in titles)


def test_each_quantity_has_its_own_walks_and_one_colour_in_both_panels():
    analysis = analysed(*made(r=0.8))
    figure = draw_sample(analysis)["landscape"]
    together, ruggedness = (
        next(ax for ax in figure.axes if title in ax.get_title(loc="left")) for title in ("all walks", "ruggedness")
    )
    lines = ruggedness.get_lines()
    densities = [line for line in lines if " mean " in line.get_label()]
    marks = [line for line in lines if line.get_marker() == "|"]
    names = ["val_micro", "latency", "macs"]
    assert [line.get_label() for line in densities] == [
        f"{short}, mean {analysis.by_walk[name].mean():.2f}"
        for short, name in zip(("val. micro", "latency", "MACs"), names, strict=True)
    ]
    for name, mark in zip(names, marks, strict=True):
        assert mark.get_xdata().tolist() == analysis.by_walk[name].tolist()
    curves = [line.get_color() for line in together.get_lines() if " length " in line.get_label()]
    assert [line.get_color() for line in densities] == [line.get_color() for line in marks] == curves
    assert len(set(curves)) == 3


def test_a_panel_has_one_unit_and_long_names_leave_panels_their_width(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"index": np.arange(40), "Overall Acc. of all classes (%)": 70 + rng.random(40)})
    rows = rows.assign(mIoU=0.5 + rng.random(40) / 9, val_loss=3 + rng.random(40))
    rows["Latency_of_one_image_ms"] = rng.random(40)
    rows.to_csv(tmp_path / "mine.csv", index=False)
    found = analyse_sample(table_of_file(tmp_path / "mine.csv"))
    assert found.sample.quantities["Latency_of_one_image_ms"].unit == "ms"
    figure = draw_sample(found)["landscape"]
    figure.draw_without_rendering()
    losses, shares = figure.axes[:2]
    assert (losses.get_xlabel(), shares.get_xlabel()) == ("val loss", "accuracy (%)")
    assert 45 < shares.get_xlim()[0] < 55, "of a fraction, in per cent"
    assert min(ax.get_position().width for ax in figure.axes) > 0.15


def test_no_correlation_is_cut_at_the_edge_of_the_page(tmp_path):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"index": rng.choice(423_624, 60, replace=False), "Overall accuracy [%]": 70 + rng.random(60)})
    rows["intersection over union of all eleven classes"] = rng.random(60)
    rows["latency_ms"], rows["energy [mJ]"] = rng.random(60), rng.random(60)
    rows.to_csv(tmp_path / "mine.csv", index=False)
    figure = draw_sample(analyse_sample(table_of_file(tmp_path / "mine.csv")))["landscape"]
    figure.draw_without_rendering()
    titled = [legend for ax in figure.axes if (legend := ax.get_legend()) and legend.get_title().get_text()]
    assert len(titled) >= 3
    assert all(legend.get_window_extent().x1 <= figure.bbox.x1 for legend in titled)


def test_contradictions_are_one_sentence():
    rows, facts = made(2, 5)
    with pytest.raises(DataError, match="walk 0 has two cells in its step 3"):
        analysed(rows.assign(step=rows["step"].replace(4, 3)), facts)
    with pytest.raises(DataError, match="walk and step are whole numbers"):
        analysed(rows.assign(step=rows["step"] + 0.5), facts)
    with pytest.raises(DataError, match="steps are more than can be looked at"):
        analysed(rows.assign(step=rows["step"] * 10**8), facts)
    with pytest.raises(DataError, match="no cell has a value"):
        analysed(rows.assign(val_micro=np.nan, latency=np.nan, constant=np.nan), facts)


def test_two_tables_are_compared_over_their_common_cells():
    rows, facts = made()
    kept = np.arange(240) >= 67
    other = rows[kept].drop(columns=["walk", "step"])
    other = other.assign(val_micro=-other["val_micro"], latency=other["latency"] ** 3)
    analysis = analysed(rows, facts, beside=measured_table(other, {**facts, "title": "other"}))
    found = analysis.numbers["beside"]
    assert (found["common_cells"], found["common_steps"]) == (173, 14 * 11 + 4)
    ranks = {(row["a"], row["b"]): row["spearman"] for row in found["rank_correlations"]}
    assert ranks["val_micro", "val_micro"] == pytest.approx(-1)
    assert ranks["latency", "latency"] == pytest.approx(1)
    values = analysis.sample.values
    counted = pd.Series(values["macs"][kept]).corr(pd.Series(values["val_micro"][kept]), method="spearman")
    assert ranks["val_micro", "macs"] == pytest.approx(counted)
    assert ranks["macs", "val_micro"] == pytest.approx(-counted)
    rugged = {(row["table"], row["quantity"], row["walks"] == "own"): row for row in found["autocorrelation"]}
    first, second = (rugged[table, "val_micro", False]["lag_1"] for table in ("first", "second"))
    alone = quantity(analysed(rows[kept], facts), "val_micro")["autocorrelation"]["lag_1"]
    assert first == pytest.approx(alone)
    assert second == pytest.approx(alone)
    assert ("second", "val_micro", True) not in rugged
    draw_sample(analysis)


def test_tables_without_a_common_cell_compare_their_walks_or_say_so():
    rows, facts = made()
    far = made(seed=1)[0]
    far = far[~far["index"].isin(rows["index"])]
    found = analysed(rows, facts, beside=measured_table(far, facts)).numbers["beside"]
    assert found["common_cells"] == 0
    assert {row["table"] for row in found["autocorrelation"]} == {"first", "second"}
    with pytest.raises(DataError, match="no cell in common"):
        analysed(rows, facts, beside=measured_table(far.drop(columns=["walk", "step"]), facts))


def test_too_few_common_steps_tell_nothing_of_ruggedness():
    rows, facts = made()
    other = rows[(rows["walk"] == 3)].drop(columns=["walk", "step"])
    found = analysed(rows, facts, beside=measured_table(other, facts)).numbers["beside"]
    assert found["common_steps"] == 11
    assert {row["table"] for row in found["autocorrelation"]} == {"first"}


def test_any_file_that_names_cells_is_a_table(tmp_path):
    rows, _ = made()
    rows["note"] = "x"
    rows.loc[3, "latency"] = np.nan
    path = tmp_path / "mine.csv"
    rows.assign(latency=rows["latency"].astype(object).where(rows["latency"].notna(), "OOM")).to_csv(path, index=False)
    table = open_table(path)
    assert list(table.quantities) == ["val_micro", "latency", "constant"]
    assert table.quantities["val_micro"].unit == "fraction"
    assert table.quantities["val_micro"].direction == "max"
    assert len(table.walks) == 20
    assert table.to_dataframe()["status"].value_counts().to_dict() == {"done": 239, "failed": 1}
    twice = tmp_path / "twice.csv"
    pd.concat([rows, rows]).drop(columns=["walk", "step"]).to_csv(twice, index=False)
    assert open_table(twice).mean()["repeats"].tolist() == [2] * 240


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("index\n3\n", "holds no measured numbers"),
        ("index,latency\n3,fast\n4,slow\n", "holds no measured numbers"),
        ("index,latency\n3,1.5\n4,slow\n", "row 2: latency is 'slow'"),
        ("index,latency\n3,1.5\n4,inf\n", "row 2: latency is 'inf'"),
        ("index,latency\n423624,1.5\n", "row 1: no cell has the index 423624"),
        ("cell,latency\n3,1.5\n", "does not say which cell a row is"),
        ("index,latency,walk,step\n3,1.5,a,0\n", "row 1: walk is 'a'"),
        ("", "no readable CSV"),
    ],
)
def test_hostile_tables_give_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=sentence):
        analyse_sample(open_table(path))


def test_what_is_no_table_is_said_to_be_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no table nowhere"):
        open_table("nowhere")
    with pytest.raises(FileNotFoundError, match=r"no benchmark\.toml"):
        open_table(tmp_path)
