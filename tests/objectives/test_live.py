import pickle

import numpy as np
import pytest
from tiny_images import make_data

from eomoo.errors import HoursOverError
from eomoo.fronts import Quantity
from eomoo.live import DataSource, LatencySetting, get_recipe
from eomoo.live.results import learnt_nothing
from eomoo.models import TrueValues
from eomoo.objectives.live import LiveBackend

pytest.importorskip("torch", reason="the extra 'live' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")

CELLS = np.array([5, 100434, 5, 77])
MICRO = Quantity(title="validation micro accuracy", unit="fraction", direction="max")
SHAPE = {"stem_channels": 5, "n_stacks": 2, "cells_per_stack": 1}


@pytest.fixture(scope="module")
def images():
    return make_data()


@pytest.fixture
def make(images, tmp_path):
    from eomoo.live import Campaign

    timing = LatencySetting(repetitions=2, rounds=2, seconds=0, warmup=1)

    def build(recipe_settings=None, **changes):
        own = {name: changes.pop(name) for name in ("epochs", "rungs") if name in changes}
        recipe = get_recipe("nasbench", **{"batch_size": 16, "learning_rate": 0.3, **(recipe_settings or {})})
        settings = {"shape": SHAPE, "recipe": recipe, "device": "cpu", "timing": timing}
        settings |= {"source": DataSource(images=images), "folder": tmp_path / "live"}
        campaign = Campaign(**{**settings, **changes})
        return LiveBackend(campaign, **{"epochs": 1, **own})

    return build


def test_values_are_those_of_a_training(make, images, space):
    from eomoo.live.training import train

    backend = make()
    errors = ["val_micro_error", "val_macro_error", "test_micro_error", "test_macro_error"]
    names = [*errors, "params", "macs"]
    values = backend.values(CELLS, names)
    skeleton = images.skeleton(**SHAPE)
    direct = train(77, images, skeleton=skeleton, recipe=backend.campaign.recipe, epochs=1)
    shares = [direct.val.micro, direct.val.macro, direct.test.micro, direct.test.macro]
    assert len(set(shares)) == 4
    assert values[3, :4] == pytest.approx([100 * (1 - share) for share in shares])
    assert (values[:, 4] == space.params(CELLS, skeleton)).all()
    assert (values[:, 5] == space.macs(CELLS, skeleton)).all()
    assert (values[0] == values[2]).all()
    deviations = backend.deviations(CELLS, names)
    assert (deviations[:, 4:] == 0).all()
    n, right = direct.val.confusion.sum(), np.trace(direct.val.confusion)
    share = (right + 0.5) / (n + 1)
    assert deviations[3, 0] == pytest.approx(100 * np.sqrt(share * (1 - share) / n))
    counts = direct.test.confusion.sum(axis=1)
    shares = (np.diag(direct.test.confusion) + 0.5) / (counts + 1)
    assert deviations[3, 3] == pytest.approx(100 * np.sqrt((shares * (1 - shares) / counts).sum()) / 3)
    assert np.isnan(backend.deviations(np.array([78]), errors)).all()


def test_what_is_stored_is_neither_trained_nor_timed_again(make, monkeypatch):
    names = ["val_micro_error", "latency", "latency_raw", "train_time", "energy"]
    monkeypatch.setattr("eomoo.live.rounds.CONTENDED_SPREAD", np.inf)
    monkeypatch.setattr("eomoo.live.rounds.CONTENDED_WALL", np.inf)
    first = make().values(CELLS, names)
    assert (first[:, :4] > 0).all()
    monkeypatch.setattr("eomoo.live.campaign.run_task", None)
    monkeypatch.setattr("eomoo.live.timings.measure_latency", None)
    assert make().values(CELLS, names) == pytest.approx(first, nan_ok=True)
    with pytest.raises(TypeError):
        make(timing=LatencySetting(seconds=0, rounds=3)).values(CELLS, ["latency"])


def test_a_cell_is_kept_the_moment_it_is_trained(make, monkeypatch):
    from eomoo.live import campaign

    real = campaign.run_task

    def interrupted(task):
        if task.cell == 100434:
            raise KeyboardInterrupt
        return real(task)

    backend = make()
    monkeypatch.setattr(campaign, "run_task", interrupted)
    with pytest.raises(KeyboardInterrupt):
        backend.values(np.array([5, 77, 100434]), ["val_micro_error"])
    assert [row["cell"] for row in backend.campaign.store.rows("training")] == [5, 77]


def test_no_training_is_begun_once_the_hours_of_a_search_are_over(make):
    backend = make()
    backend.until = 0.0
    with pytest.raises(HoursOverError):
        backend.values(CELLS, ["val_micro_error"])
    assert backend.campaign.store.rows() == []


def test_a_failed_training_is_nan_with_its_reason_and_the_others_go_on(make, monkeypatch):
    from eomoo.live.modules import CellNetwork

    forward = CellNetwork.forward

    def fail(self, x):
        if self.cell.n_vertices == 2:
            raise RuntimeError("no kernel for this")
        return forward(self, x)

    monkeypatch.setattr(CellNetwork, "forward", fail)
    backend = make()
    (smallest,) = np.flatnonzero(space_vertices() == 2)
    values = backend.values(np.array([smallest, 77]), ["val_micro_error", "params"])
    assert np.isnan(values[0, 0])
    assert np.isfinite(values[1]).all()
    (incident,) = backend.campaign.store.incidents("training")
    assert (incident.cell, incident.reason) == (smallest, "RuntimeError: no kernel for this")
    assert [row["cell"] for row in backend.campaign.store.rows("training")] == [77]
    assert backend.weights(int(smallest)) is None


def space_vertices():
    import eomoo

    return eomoo.load_space().n_vertices


def timings(monkeypatch, **by_cell):
    """Let timings of cells be the given ones; the cells that were timed."""
    timed = []

    def measured(cells, skeleton, how):
        timed.extend(cells)
        plain = {"median": 6.0, "mean": 6.0, "relative": 3.0, "energy": None, "reference_median": 2.0}
        return [{**plain, **by_cell.get(f"c{k}", {})} for k in cells]

    monkeypatch.setattr("eomoo.live.timings._measure", measured)
    return timed


LOUD = {"contended": True, "reference_contended": True, "reference_quiet": 5.0, "relative": 4.0}
QUIET = {"contended": False, "reference_contended": False, "reference_quiet": 1.5}
NAMES = ["latency", "latency_lower", "latency_upper", "latency_std", "latency_raw", "latency_disturbed"]


def test_what_was_disturbed_is_timed_again_by_a_later_run_and_is_no_baseline(make, monkeypatch):
    timed = timings(
        monkeypatch, c3=LOUD, c4={**QUIET, "relative_lower": 2.0, "relative_upper": 4.0, "relative_std": 1.0}
    )
    first = make()
    assert first.values(np.array([3]), NAMES)[0] == pytest.approx([20, *[np.nan] * 3, 6, 1], nan_ok=True)
    # Of one scale with what this run has seen before.
    assert first.values(np.array([4]), NAMES)[0].tolist() == [15, 10, 20, 5, 6, 0]
    assert first.values(np.array([3, 4]), ["latency"])[:, 0].tolist() == [20, 15]
    assert timed == [3, 4]
    assert first.campaign.timings([3, 4], again=True)[3]["contended"]
    assert timed == [3, 4, 3]
    first.time_again([4, 3])
    assert timed == [3, 4, 3, 3]

    # Still disturbed: what was kept stays, and the quiet timing of the reference is the baseline.
    timed = timings(monkeypatch, c3={**LOUD, "relative": 9.0})
    # Who draws from what is known has nothing measured.
    assert make().joint_draws([4, 3], ["latency"], 9, seed=0).mean(axis=0)[:, 0] == pytest.approx([4.5, 6], rel=0.2)
    assert timed == []
    second = make()
    assert second.values(np.array([4, 3]), ["latency"])[:, 0].tolist() == [3.0 * 1.5, 4.0 * 1.5]
    assert timed == [3]
    timed = timings(monkeypatch, c3={**QUIET, "relative": 2.0})
    third = make()
    assert third.values(np.array([4, 3]), ["latency", "latency_disturbed"]).tolist() == [[4.5, 0], [3.0, 0]]
    assert third.notes() == []
    assert timed == [3]
    timed = timings(monkeypatch, c5={**QUIET, "reference_quiet": 1.0})
    assert make().values(np.array([3, 5]), ["latency"])[:, 0].tolist() == [3.0, 4.5]
    assert timed == [5]


def test_what_was_disturbed_is_off_by_a_tenth_or_its_spread_however_many_rounds(make, monkeypatch):
    told = {**LOUD, "reference_quiet": 1.0, "reference_rounds": [1.0] * 100}
    alike, apart = [4.0, 4.01] * 50, [3.0, 5.0] * 50
    timings(monkeypatch, c3=LOUD, c4={**told, "round_medians": alike}, c5={**told, "round_medians": apart})
    backend = make()
    backend.values(np.array([3, 4, 5]), ["latency"])
    found = backend.deviations(np.array([3, 4, 5]), ["latency"])[:, 0]
    assert found == pytest.approx([0.4, 0.4, 2 / 1.349])


def test_what_was_disturbed_with_it_is_off_by_a_tenth_too(make, monkeypatch):
    timings(monkeypatch, c3={**LOUD, "energy": 2.0}, c4={**QUIET, "energy": 2.0})
    backend, trained = make(), {"status": "done", "seconds": 50.0}
    backend.values(np.array([3, 4]), ["energy"])
    monkeypatch.setattr(backend, "training", lambda k: {**trained, "contended": k == 3} if k < 5 else None)
    found = backend.deviations(np.array([3, 4, 5]), ["energy", "train_time"])
    assert found == pytest.approx(np.array([[0.2, 5.0], [0, 0], [np.nan, np.nan]]), nan_ok=True)


def test_the_deviation_of_a_latency_is_that_of_its_rounds(make, monkeypatch):
    rounds = {"round_medians": [3.0, 4.0, 5.0, 6.0, 14.0], "reference_rounds": [1.0, 1.0, 1.0, 1.0, 2.0]}
    timings(monkeypatch, c3={**QUIET, **rounds})
    backend = make()
    backend.values(np.array([3, 4]), ["latency"])
    # Ratios 3, 4, 5, 6 and 7: quartiles 4 and 6; 1.5 is the quiet reference.
    expected = 1.5 * 1.253 * 2 / 1.349 / np.sqrt(5)
    assert backend.deviations(np.array([3, 4]), ["latency"])[:, 0] == pytest.approx([expected, 0])
    assert np.isnan(backend.deviations(np.array([9]), ["latency"])).all()


def test_every_quantity_of_a_published_row_is_told(make, space):
    from eomoo.live.profile import measure_memory, profile_network

    backend = make(epochs=2)
    names = [name for name in backend.quantities if not name.endswith("_error") and name != "energy"]
    (row,) = backend.values(np.array([77]), names)
    told = dict(zip(names, row.tolist(), strict=True))
    assert np.isfinite(row).all()
    result = backend.training(77)
    assert told["train_macro"] == result["curve"][-1]["train_macro"]
    for name in ("train_micro", "train_macro", "val_micro", "val_macro", "test_micro", "test_macro"):
        assert 0 < told[name] < 1
        (error,) = backend.values(np.array([77]), [f"{name}_error"])[0]
        assert error == pytest.approx(100 * (1 - told[name]))
    assert told["file_size"] == backend.weights(77).stat().st_size
    assert told["thop_macs"] == profile_network(77, backend.skeleton).thop_macs > told["macs"]
    assert told["activation_memory"] == measure_memory(77, backend.skeleton).peak_activations
    assert told["latency_lower"] <= told["latency"] <= told["latency_upper"]


def test_a_slower_machine_does_not_change_latencies(make, monkeypatch):
    speed = 1.0

    def measured(cells, skeleton, how):
        return [
            {"median": 2.0 * k * speed, "mean": 3.0, "relative": 2.0 * k, "energy": 0.5,
             "reference_median": speed}
            for k in cells
        ]  # fmt: skip

    monkeypatch.setattr("eomoo.live.timings._measure", measured)
    names = ["latency", "latency_raw", "energy"]
    assert make().values(np.array([3]), names).tolist() == [[6.0, 6.0, 0.5]]
    speed = 10.0
    assert make().values(np.array([4]), names).tolist() == [[8.0, 80.0, 0.5]]


def test_a_shorter_training_is_a_setting_of_its_own(make, images):
    from eomoo.live.training import train

    backend = make(epochs=3, rungs=[1, "all"])
    assert backend.rungs == pytest.approx((1 / 3, 1))
    names = ["val_micro_error", "params"]
    (short,) = backend.at_rung([77], names, backend.rungs[0])
    assert backend.marks([77], names).tolist() == [["few epochs", ""]]
    recipe = backend.campaign.recipe
    direct = train(77, images, skeleton=images.skeleton(**SHAPE), recipe=recipe, epochs=1)
    assert short[0] == pytest.approx(100 * (1 - direct.val.micro))
    assert (backend.at_rung([77], names, 1.0) == backend.values([77], names)).all()
    rows = backend.campaign.store.rows("training")
    assert [row["setting"]["epochs"] for row in rows] == ["1", "3"]
    assert backend.marks([77], names)[0, 0] != "few epochs"


def test_trainings_of_other_epochs_seeds_and_images_are_told_as_related(make):
    backend, other = make(), make(epochs=2, seed=1)
    told = {"least": 2, "most": 5}
    backend.values([5, 77, 3], ["val_micro_error"])
    assert backend.related("val_micro_error", **told) == []
    other.values([5, 3], ["val_micro_error"])
    elsewhere = make(source=DataSource(images=make_data(seed=1)))
    elsewhere.values([5], ["val_micro_error"])
    ((words, values),) = backend.related("val_micro_error", **told)
    assert words == "epochs 2, seed 1"
    assert values == pytest.approx(dict(zip((3, 5), other.values([3, 5], ["val_micro"])[:, 0], strict=True)))
    assert [words for words, _ in backend.related("train_time", least=1, most=5)] == [
        "epochs 2, seed 1", "epochs 1, seed 0, other images",
    ]  # fmt: skip
    assert [words for words, _ in elsewhere.related("val_macro", least=1, most=1)] == ["epochs 1, seed 0, other images"]


def test_values_are_means_of_repeats_and_deviations_pool_what_another_seed_changes(make):
    backend, names = make(), ["val_micro_error", "test_macro", "params"]
    single = backend.values([5, 77, 3], names)
    binomial = backend.deviations([5, 77, 3], names)
    assert np.isnan(backend.seed_deviations(names)).all()
    backend.repeats = 3
    assert (backend.values([5, 77, 3], names) == single).all()
    backend.repeat([5, 77])
    # Of another setting, which tells nothing of this one.
    other = make(epochs=2)
    other.repeats = 2
    other.values([3], names)
    other.repeat([3])
    stored = backend.campaign.store.rows("training")
    found = {(row["cell"], row["setting"]["seed"], row["setting"]["epochs"]): row["result"] for row in stored}
    assert sorted(found) == [(3, 0, "1"), (3, 0, "2"), (3, 1, "2"), *((c, s, "1") for c in (5, 77) for s in range(3))]
    micro = {c: [100 * (1 - found[c, s, "1"]["val"]["micro"]) for s in range(3)] for c in (5, 77)}
    macro = {c: [found[c, s, "1"]["test"]["macro"] for s in range(3)] for c in (5, 77)}
    told = backend.values([5, 77, 3], names)
    assert told[:2, 0] == pytest.approx([np.mean(micro[5]), np.mean(micro[77])])
    assert told[:2, 1] == pytest.approx([np.mean(macro[5]), np.mean(macro[77])])
    assert (told[2] == single[2]).all()
    assert backend.n_trainings([5, 77, 3]).tolist() == [3, 3, 1]
    by_seed = [np.sqrt(np.mean([np.var(v, ddof=1) for v in of.values()])) for of in (micro, macro)]
    assert min(by_seed) > 0
    # A cell's own is a share of what is wrong.
    wrong = [{c: np.array(v) if of is micro else 1 - np.array(v) for c, v in of.items()} for of in (micro, macro)]
    share = [np.sqrt(np.mean([np.var(v, ddof=1) / np.mean(v) ** 2 for v in of.values()])) for of in wrong]
    assert backend.seed_deviations(names) == pytest.approx([*by_seed, np.nan], nan_ok=True)
    several = backend.deviations([5, 77, 3], names)
    assert several[2] == pytest.approx(np.hypot(binomial[2], [share[0] * told[2, 0], share[1] * (1 - told[2, 1]), 0]))
    of_images = np.sqrt(several[0, 0] ** 2 - (share[0] * told[0, 0]) ** 2 / 3)
    shares = (30 * (1 - np.array(micro[5]) / 100) + 0.5) / 31
    assert of_images == pytest.approx(100 * np.mean(np.sqrt(shares * (1 - shares) / 30)))
    backend.repeats = 1
    assert (backend.values([5, 77, 3], names) == single).all()


def test_what_is_expected_of_a_network_is_told_by_others_too_and_trains_none(make):
    backend, cells, names = make(), [5, 77, 3, 1000, 20], ["val_micro_error", "params"]
    values = backend.values(cells, names)
    assert (backend.expected(cells, ["params"]) == values[:, 1:]).all()
    other = make(epochs=2)
    other.values([8], names)
    expected, unknown = backend.expected(cells, names), backend.ignorance(cells, names)
    spread = backend.deviations(cells, names)
    told = TrueValues(np.sort(cells), *(v[np.argsort(cells), 0] / 100 for v in (100 - values, spread)), MICRO)
    mean, deviation = told.expected(np.array(cells), 1 - values[:, 0] / 100, spread[:, 0] / 100)
    np.testing.assert_allclose(expected[:, 0], 100 * (1 - mean))
    np.testing.assert_allclose(unknown[:, 0], 100 * deviation)
    # Thirty images tell little, so that all are expected to be more alike than they were.
    assert np.ptp(expected[:, 0]) < np.ptp(values[:, 0])
    assert len(backend.campaign.store.rows("training")) == 6


@pytest.mark.parametrize(
    ("recipe", "epochs", "continues", "trained"),
    [
        ({"schedule": "constant", "warmup": 0.0}, 3, True, [0, 1, 2]),
        ({}, "1+2", True, [0, 1, 2]),
        ({}, 3, False, [0, 0, 1, 2]),
    ],
)
def test_a_longer_training_goes_on_where_the_schedule_passes_through_the_shorter(
    make, monkeypatch, recipe, epochs, continues, trained
):
    from eomoo.live.job import TrainingJob

    done, real = [], TrainingJob._train_epoch
    monkeypatch.setattr(TrainingJob, "_train_epoch", lambda self, epoch: done.append(epoch) or real(self, epoch))
    backend = make(epochs=epochs, rungs="1,all", recipe_settings=recipe)
    assert backend.continues == continues
    for share in backend.rungs:
        backend.at_rung([77], ["val_micro_error"], share)
    assert done == trained


def test_a_ladder_is_a_ninth_and_all_unless_it_is_said():
    from eomoo.live.recipes import ladder

    of_stretches = [ladder(epochs, None) for epochs in ((108,), (9,), (8,), (7,), (1,), (4, 8))]
    assert of_stretches == [(12, 108), (1, 9), (1, 8), (7,), (1,), (4, 12)]
    assert ladder((4,), "1,3,9") == (1, 3, 9)
    assert ladder((4,), "1,all") == ladder((4,), [1, "all"]) == (1, 4)
    for rungs in ("", "3,1", "4,all", [True, 4], [1.5, 4], "one,all", [0, 3]):
        with pytest.raises(ValueError, match="rungs are epochs of ever longer trainings, the full one last"):
            ladder((4,), rungs)


def test_a_store_that_was_moved_has_its_weights(make, tmp_path):
    known = make().campaign.store
    assert make().values([5], ["val_micro_error"]).shape == (1, 1)
    told = known.rows("training")
    (tmp_path / "live").rename(tmp_path / "elsewhere")
    moved = make(folder=tmp_path / "elsewhere")
    file = moved.weights(5)
    assert file.is_relative_to(tmp_path / "elsewhere" / "runs")
    assert [row["result"]["weights"] for row in moved.campaign.store.rows("training")] == [str(file)]
    assert moved.export([5], tmp_path / "onnx") == [tmp_path / "onnx" / "5.onnx"]
    # What is where it was told to be stays so, as for who copied it.
    (tmp_path / "elsewhere").rename(tmp_path / "live")
    assert make().campaign.store.rows("training") == told


def test_networks_are_exported(make, tmp_path):
    from eomoo.live.export import read_metadata

    backend = make()
    values = backend.values(CELLS, ["val_micro_error"])
    (path, other) = backend.export([5, 77], tmp_path / "onnx")
    assert not [note for note in backend.notes() if "onnx" in note]
    metadata = read_metadata(path)
    assert path.name == "5.onnx"
    assert metadata["index"] == 5
    assert 100 * (1 - metadata["val_micro"]) == pytest.approx(values[0, 0])
    # Of a longer search, whose front has lost one of them.
    (tmp_path / "onnx" / "77-int8.onnx").write_bytes(other.read_bytes())
    backend.export([5], tmp_path / "onnx")
    assert f"{tmp_path / 'onnx'} also has networks of cells that are not on this front: 77" in backend.notes()
    assert other.is_file()


def test_errors_in_eight_bits_are_those_of_the_file_that_is_exported(make, images, tmp_path, monkeypatch):
    from eomoo.live.export import export_as

    pytest.importorskip("onnxruntime", reason="the extra 'live' is not installed")
    backend, names = make(epochs=2), ["val_micro_int8_error", "val_micro_error", "test_macro_int8"]
    values = backend.values([77, 5], names)
    done = export_as("int8", backend.weights(77), tmp_path / "77.onnx", data=images)
    assert values[0, :2] == pytest.approx([100 * (1 - done.after.micro), 100 * (1 - done.before.micro)])
    deviations = backend.deviations([77, 5], names)
    assert (deviations > 0).all()
    stored = {row["cell"]: row["result"]["val"]["loss"] for row in backend.campaign.store.rows("int8")}
    assert stored[77] == done.after.loss != done.before.loss
    # What is stored is not made again, as for a network whose weights are gone.
    backend.weights(77).unlink()
    assert make(epochs=2).values([77, 5], names).tolist() == values.tolist()
    assert backend.cost("val_micro_int8_error") == "dear"
    assert backend.quantities["val_micro_int8_error"].title == "validation micro error in int8"


def test_a_file_that_cannot_be_written_stops_no_other(make, tmp_path):
    backend = make()
    backend.values(CELLS, ["val_micro_error"])
    weights = backend.weights(77)
    weights.write_bytes(weights.read_bytes()[:-50])
    backend.weights(5).unlink()
    written = backend.export([5, 77, 100434], tmp_path / "onnx")
    assert [path.name for path in written] == ["100434.onnx"]
    gone, damaged = (note for note in backend.notes() if "not exported" in note)
    assert gone == "cell 5 was not exported: there are no weights of it"
    assert damaged.startswith("cell 77 was not exported: ")
    assert "is damaged" in damaged


@pytest.mark.parametrize(
    ("confusion", "nothing"),
    [([[40, 0], [10, 0]], True), ([[0, 40], [0, 10]], True), ([[20, 20], [1, 9]], False), ([[39, 1], [5, 5]], False)],
)
def test_what_weighs_its_classes_alike_has_learnt_something_though_it_names_the_largest_less_often(confusion, nothing):
    assert learnt_nothing({"status": "done", "val": {"confusion": confusion}}) == nothing


def test_a_cell_is_marked_as_most_of_its_trainings_are(make, monkeypatch):
    backend, trained = make(), []
    monkeypatch.setattr(type(backend), "_results", lambda self, cell: trained)
    found = [[40, 0], [10, 0]], [[20, 20], [1, 9]]
    poor, fine = ({"status": "done", "epochs": "2", "val": {"confusion": confusion}} for confusion in found)
    for trained[:], mark in (([poor, fine, fine], ""), ([fine, poor, poor], "no better than the largest class")):
        assert backend._mark_of(5, "val_micro_error").replace("few epochs", "") == mark


def test_disturbed_timings_and_poor_trainings_are_marked(make, monkeypatch):
    def measured(cells, skeleton, how):
        value = {"median": 2.0, "mean": 3.0, "relative": 2.0, "energy": None, "reference_median": 1.0}
        return [{**value, "contended": k != 77} for k in cells]

    monkeypatch.setattr("eomoo.live.timings._measure", measured)
    busy = iter([True, False, True])
    monkeypatch.setattr("eomoo.live.steps.Steps.contended", property(lambda steps: next(busy)))
    backend, names = make(recipe_settings={"learning_rate": 0.0}), ["latency", "params", "val_micro_error"]
    names += ["train_time", "train_time_disturbed"]
    values = backend.values(CELLS, names)
    assert values.shape == (4, 5)
    marks = backend.marks(CELLS, names)
    assert marks[:, 0].tolist() == ["contended", "contended", "contended", ""]
    assert marks[:, 1].tolist() == [""] * 4
    largest = 1 - np.bincount(backend.campaign.source.open().val.labels).max() / 30
    poor = values[:, 2] >= 100 * largest
    assert poor.any()
    assert (marks[:, 2] == np.where(poor, "no better than the largest class", "")).all()
    n_poor = len(set(CELLS[poor].tolist()))
    told = f"{n_poor} of 3 networks trained in full are no better than always naming the largest class: "
    # Of a training that something disturbed the time is wrong, and nothing else.
    assert values[:, 4].tolist() == [1, 1, 1, 0]
    assert ((marks[:, 3] == "contended") == (values[:, 4] == 1)).all()
    first, note = backend.notes()
    assert first.startswith(told)
    assert note.startswith("2 of 3 timings are contended, however often they were tried: something else used")
    again = make(recipe_settings={"learning_rate": 0.0})
    again.values(CELLS[:1], names)
    assert again.notes()[-1].startswith("1 of 1 timing is contended, however often")
    again.values(CELLS, names)
    assert (again.marks(CELLS, names) == marks).all()


def test_a_backend_travels_to_another_process(make):
    backend = make()
    values = backend.values(CELLS, ["val_micro_error"])
    copy = pickle.loads(pickle.dumps(backend))
    assert (copy.values(CELLS, ["val_micro_error"]) == values).all()


def test_of_a_recipe_what_was_changed_is_told(make):
    assert make({"augment": True}).conditions([])["train"]["set"] == {
        "batch_size": 16, "learning_rate": 0.3, "augment": True
    }  # fmt: skip


def test_settings_of_a_card():
    backend = LiveBackend.from_card(
        {"data": "landsat-nc", "epochs": 4, "latency": {"batch_size": 8}, "recipe": "published"},
        epochs=2,
        device="cpu",
        workers=None,
    )
    assert backend.epochs == (2,)
    assert backend.campaign.workers == 1
    assert (backend.campaign.timing.batch_size, backend.campaign.timing.device) == (8, "cpu")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs images: --data FOLDER"),
        ({"data": "x", "epoch": 3}, "the live backend: unknown key 'epoch'; known are cluster, curve, data"),
        ({"data": "x", "workers": "two"}, "workers cannot be 'two'"),
        ({"data": "x", "workers": True}, "workers cannot be True"),
        ({"data": "x", "latency": {"batch": 3}}, "latency: unknown key 'batch'"),
        ({"data": "x", "recipe_settings": {"lr": 3}}, "unknown key 'lr'"),
        ({"data": "x", "skeleton": {"channels": 3}}, "skeleton: unknown key 'channels'"),
        ({"data": "x", "workers": 0}, "workers must be a whole number of at least 1; got 0"),
        ({"data": "x", "screen": 3}, 'screen has become rungs, as in rungs = "3,all"'),
        ({"data": "x", "epochs": 3, "rungs": "3,all"}, "rungs are epochs of ever longer trainings"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LiveBackend.from_card(settings)


def test_an_unknown_quantity_is_named(make):
    with pytest.raises(KeyError, match=r"live backend has no quantity 'speed'; it offers train_micro, train_macro"):
        make().values(CELLS, ["speed"])
