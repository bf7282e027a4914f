"""What a run's tables say of how certain its front is: probabilities, choices, limits with their slack."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import synthetic

import eomoo
from eomoo.analysis import load_results, render_report, report_of
from eomoo.analysis.columns import Front, certainty_words, choices_table
from eomoo.analysis.fronts import front_data, front_json
from eomoo.analysis.printing.figures import draw_front
from eomoo.analysis.printing.latex import to_latex
from eomoo.analysis.report import _uncertainty_words
from eomoo.analysis.tables import Section
from eomoo.search import uncertainty as module

LIMITS = ["latency<=7", "params<=4e6"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run under two limits, one of them on an objective, of few cells that could matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_HOPE", 0.2)
        patch.setenv("EOMOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        out = tmp_path_factory.mktemp("run")
        yield eomoo.run("eo-macro-latency", algorithm="pls", budget=150, constraints=LIMITS, out=out), out


@pytest.fixture(scope="module")
def said(run):
    return run[0].stored.run.uncertainty


def test_a_run_keeps_what_is_said_of_its_front(run, said):
    found = run[0].uncertainty()
    np.testing.assert_array_equal(np.sort(said.cells), np.sort(found.cells))
    np.testing.assert_allclose(said.probability[said.place(found.cells)], found.probability)
    assert [g.representative for g in said.groups] == [g.representative for g in found.groups]
    np.testing.assert_allclose(said.band[95], found.band()[95], rtol=1e-4)
    assert said.n_candidates > 100


def test_a_share_of_no_draw_is_told_as_less_than_one_of_them_and_one_of_all_as_no_certainty(run, said):
    column = next(c for c in run[0].stored.shown.columns if c.name == "front_probability")
    assert column.least == 1 / said.n_draws
    shares = replace(column, values=np.array([0.0, 0.25, 0.005, 1.0]))
    assert [shares.text(k) for k in range(4)] == ["< 0.005", "0.250", "0.005", "> 0.995"]


def test_the_file_of_the_front_has_probabilities_and_slack(run, said):
    with open(run[1] / "front.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    space, problem = eomoo.load_space(), run[0].problem
    assert len(rows) == len(said.cells) > 2
    for row in rows:
        cell = int(row["index"])
        k = said.place(np.array([cell]))[0]
        assert float(row["front_probability"]) == said.probability[k]
        assert float(row["val_macro_error_regret"]) == said.regret[k, 0]
        assert float(row["latency_slack"]) == pytest.approx(7 - problem.values(cell)[1])
        assert int(row["params"]) == space.params(cell)
        assert float(row["params_slack"]) == 4e6 - space.params(cell)
        group = said.groups[int(row["group"]) - 1]
        assert cell in group.cells
        assert float(row["probability latency <= 7"]) == said.limit_probability[k, 0]
    # Exact, and kept: no probability is worth a column.
    assert "probability params <= 4000000" not in rows[0]


def test_a_limit_that_is_surely_kept_has_its_probability_too(run, said):
    sure = replace(said, limit_probability=np.ones_like(said.limit_probability))
    names = [column.name for column in replace(run[0].stored.shown, said=sure).columns]
    assert "probability latency <= 7" in names
    assert "probability params <= 4000000" not in names


def test_columns_are_in_the_order_of_the_cells(run, said):
    stored = run[0].stored
    order = np.random.default_rng(0).permutation(len(stored.front_cells))
    cells = stored.front_cells[order]
    columns = {
        c.name: c.values
        for c in Front(
            problem=stored.problem,
            cells=cells,
            values=stored.front_values[order],
            deviations=stored.deviations[order],
            limited=stored.run.limited,
            said=said,
        ).columns
    }
    place = [said.cells.tolist().index(cell) for cell in cells]
    assert place != sorted(place)
    np.testing.assert_array_equal(columns["front_probability"], said.probability[place])
    np.testing.assert_array_equal(columns["latency_regret"], said.regret[place, 1])
    np.testing.assert_array_equal(columns["params_slack"], 4e6 - eomoo.load_space().params(cells))


def test_settings_and_json_say_which_choices_there_are(run, said):
    found = json.loads((run[1] / "settings.json").read_text())
    assert found["predicted"] is True
    assert found["uncertainty"]["expected_on_true_front"] == pytest.approx(said.probability.sum())
    assert [choice["take"] for choice in found["uncertainty"]["choices"]] == [g.representative for g in said.groups]
    assert sorted(c for choice in found["uncertainty"]["choices"] for c in choice["cells"]) == sorted(said.cells)
    assert set(found["uncertainty"]["band"]) == {"5", "25", "50", "75", "95"}


def test_choices_are_the_groups_in_the_order_of_the_front(run, said):
    stored = run[0].stored
    table = choices_table(stored.shown, said)
    places = [stored.front_cells.tolist().index(int(row[0])) for row in table.rows]
    assert places == sorted(places)
    assert {int(row[0]) for row in table.rows} == {g.representative for g in said.groups}
    limit = next(column for column in stored.shown.columns if column.name.startswith("probability "))
    at = list(table.columns).index(limit.label)
    assert [row[at] for row in table.rows] == [limit.said(place) for place in places]
    at = list(table.columns).index("stands for")
    assert sum(row[at] for row in table.rows) == len(said.cells)
    sizes = {g.representative: len(g.cells) for g in said.groups}
    assert all(row[at] == sizes[int(row[0])] for row in table.rows)
    gains = {g.representative: g.gain[0] for g in said.groups}
    column = list(table.columns).index("gain in validation macro error (%)")
    for row in table.rows:
        gain = gains[int(row[0])]
        assert (row[column] and row[column].value) == (pytest.approx(gain, rel=0.06) if gain > 0 else None)


def test_sentences_tell_what_cannot_be_told_apart(run, said):
    problem = run[0].stored.problem
    words = certainty_words(problem, said)
    assert words.startswith(f"Of the {len(said.cells)} cells {said.probability.sum():.1f} are")
    several = [g for g in said.groups if len(g.cells) > 1]
    largest = max(several, key=lambda g: len(g.cells))
    stored = run[0].stored
    note = choices_table(stored.shown, said).note
    take = largest.representative
    assert note.startswith(f"{len(largest.cells) - 1} other cells cannot be told from {take}; take {take}: none")
    assert note.count("cannot be told") == min(3, len(several))
    few, many = (replace(largest, cells=said.cells[:n]) for n in (2, 3))
    note = choices_table(stored.shown, replace(said, groups=(few, many))).note
    assert note.index("2 other cells cannot") < note.index("1 other cell cannot")


def test_of_a_front_of_one_cell_no_number_is_said_but_its_probability(run, said):
    alone = replace(said.groups[0], cells=said.cells[:1])
    one = replace(
        said, cells=said.cells[:1], probability=np.array([0.9]), regret=np.array([[1.0, 0.0]]), groups=(alone,)
    )
    words = certainty_words(run[0].stored.problem, one)
    assert words.startswith("P(front) of the one cell is 0.9. The best cell")
    sure = replace(one, probability=np.array([1.0]))
    assert certainty_words(run[0].stored.problem, sure).startswith("P(front) of the one cell is > 0.995.")
    assert "better by 1 point of validation macro error (median). From 200 joint draws" in words


@pytest.fixture(scope="module")
def noisy(card):
    """A run of drawn values under several limits on a quantity."""
    limits = ["latency<=12", "latency>=7", "params<=9e6", "params<=3e6"]
    path = card(text=synthetic.PREDICTED_CARD)
    return eomoo.run(path, algorithm="random", budget=200, constraints=limits, noise=3)


def test_several_limits_on_a_quantity_have_one_slack(noisy):
    assert len(noisy.front) > 1
    latency = noisy.front["latency"]
    np.testing.assert_allclose(noisy.front["latency_slack"], np.minimum(12 - latency, latency - 7))
    np.testing.assert_array_equal(noisy.front["params_slack"], 3e6 - noisy.front["params"])


def test_a_run_with_noise_says_nothing_of_certainty(noisy):
    assert noisy.stored.problem.predicted
    assert "front_probability" not in noisy.front
    with pytest.raises(eomoo.EomooError, match="without noise"):
        noisy.uncertainty()


def test_exact_values_say_nothing_of_certainty(card):
    found = eomoo.run(card("err", "lat", source="part"), algorithm="random", budget=50)
    assert found.stored.run.uncertainty is None
    assert not found.stored.problem.predicted
    assert found.stored.problem.best_front == "true front"
    assert "front_probability" not in found.front
    assert found.summary["predicted"] is False
    assert (found.uncertainty().probability >= 0).all()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A run of a table in which every cell was measured twice, and the true errors by cell."""
    folder, rng, space = tmp_path_factory.mktemp("measured"), np.random.default_rng(2), eomoo.load_space()
    cells = rng.choice(len(space), 80, replace=False)
    truth = 8.0 + rng.standard_normal(80)
    rows = [f"{cells[k]},{truth[k] + rng.standard_normal()},{k}" for k in [*range(80), *range(80)]]
    (folder / "mine.csv").write_text("index,err,cost\n" + "\n".join(rows))
    rest = 'direction = "min"\nsource = "table:mine.csv"\n'
    objectives = [f'[[objectives]]\nname = "{n}"\nunit = "{u}"\n{rest}' for n, u in (("err", "%"), ("cost", ""))]
    (folder / "mine.toml").write_text('title = "mine"\n' + "".join(objectives))
    run = eomoo.run(folder / "mine.toml", algorithm="random", budget=80, out=folder / "out")
    return run, dict(zip(cells.tolist(), truth.tolist(), strict=True))


def test_the_luck_of_the_best_of_measured_values_is_told(measured):
    run, truth = measured
    front = run.front
    luck = front["err_luck"]
    assert "cost_luck" not in front
    assert (luck > 0).mean() > 0.7
    worse = np.mean([truth[int(cell)] for cell in front["index"]]) - front["err"].mean()
    # How well it is told is tested where it is made, over many tables.
    assert 0.2 * worse < luck.mean() < 1.5 * worse
    words = certainty_words(run.stored.problem, run.stored.run.uncertainty)
    assert f" had luck: measured again, these are expected to be {luck.mean():.2g} points" in words
    drawn = run.uncertainty(n_draws=2000)
    shown = front.set_index("index").loc[drawn.cells]
    np.testing.assert_allclose(drawn.drawn[:, :, 0].mean(axis=0), shown["err"] + shown["err_luck"], atol=0.1)


def test_of_predicted_values_no_luck_is_told(run, said):
    assert not said.luck.any()
    assert not any(name.endswith("_luck") for name in run[0].front)
    assert "luck" not in certainty_words(run[0].stored.problem, said)


def test_what_an_earlier_version_said_has_no_luck(said):
    facts = said.to_dict()
    assert type(said).from_dict(facts).luck.tolist() == said.luck.tolist()
    del facts["luck"]
    again = type(said).from_dict(facts)
    assert again.luck.shape == said.luck.shape
    assert np.isnan(again.luck).all()


def test_a_run_is_not_lost_where_its_certainty_cannot_be_told(monkeypatch):
    def fail(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("eomoo.api.front_uncertainty", fail)
    with pytest.warns(UserWarning, match="uncertainty is not told: interrupted"):
        found = eomoo.run("eo-macro-latency", algorithm="random", budget=30)
    assert len(found.front)
    assert found.stored.run.complete


def test_deviations_are_told_of_those_cells_that_have_one(run):
    front = front_data(load_results(run[1]).problems[0])
    deviations = np.zeros_like(front.deviations)
    deviations[0, 0] = 0.25
    text = _uncertainty_words(replace(front, deviations=deviations))
    assert text.endswith("one standard deviation, in the median validation macro error ± 0.25 %.")


def test_the_page_says_what_cannot_be_told_apart_and_draws_where_the_true_front_lies(run, said):
    folder = run[1]
    front = front_data(load_results(folder).problems[0])
    told = front_json(front)
    assert told["bestFront"] == "predicted front"
    assert told["takes"] == said.takes
    assert told["drawn"]["cells"][: told["n"]] == list(range(told["n"])), "the front comes first"
    assert not any("unknown" in column for column in told["columns"]), "how sure values are is told by draws alone"
    assert [band["share"] for band in told["band"]] == [90, 50]
    shares = next(column.values for column in front.columns if column.name == "front_probability")
    shares[:5] = 0.0, 1.0, 0.0, 0.25, 1.0
    lines = to_latex(replace(report_of(folder), sections=[Section(id="front", title="", blocks=[front])])).splitlines()
    cells = [line.partition(" & ")[0] for line in lines]
    said_of = [next(line for line, cell in zip(lines, cells, strict=True) if cell == str(k)) for k in front.cells[:5]]
    assert ["$<0.005$" in line for line in said_of] == [True, False, True, False, False]
    assert ["$>0.995$" in line for line in said_of] == [False, True, False, False, True]
    text = render_report(folder, format="md")
    assert "## The predicted front" in text
    assert "runs together" not in text
    assert certainty_words(front.problem, said) in text
    assert "other cells cannot be told from" in text
    assert "The choices that can be told apart" in text
    assert "true front's hypervolume" not in text


def test_outlines_hold_the_surfaces_between_which_the_true_front_lies(run, said):
    stored = run[0].stored
    for share, outline in stored.shown.outlines:
        for percentile in (50 - share / 2, 50 + share / 2):
            corners = {tuple(corner) for corner in said.band[percentile].tolist()}
            assert corners <= {tuple(point) for point in outline.tolist()}
    assert replace(stored.shown, said=None).outlines == []
    drawn = {line.get_label(): line.get_xydata() for line in draw_front(stored).axes[0].get_lines()}
    taken = [stored.front_values[stored.front_cells.tolist().index(cell)] for cell in said.takes]
    assert sorted(drawn[f"can be told apart ({len(taken)})"].tolist()) == sorted(map(list, taken))
