"""Measured tables are made, grown, resumed and merged; what fails is told, and no incident stays in them."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from quick_measuring import QUICK, TIMING
from tiny_images import make_data

import eomoo
from eomoo.data import merged, read_measured
from eomoo.errors import CardError, DataError, SettingError, StoreError
from eomoo.images import ArrayImages
from eomoo.live import LiveStore
from eomoo.progress import Step

CELLS = [10_863, 124_731, 241_781]


def measure(out, images=None, **changes):
    return eomoo.measure(images or make_data(), out=out, **{"cells": CELLS, "latency": TIMING, **QUICK, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three cells of a walk, the first trained twice."""
    folder = tmp_path_factory.mktemp("made") / "table"
    return folder, measure(folder, cells=[CELLS], repeats=2, repeats_of=1)


def trainings(folder):
    return [row["cell"] for row in LiveStore(folder / "live.sqlite").rows("training")]


def test_a_row_is_a_training_with_all_that_was_measured(made, space):
    folder, table = made
    rows = table.to_dataframe()
    assert rows["index"].tolist() == [CELLS[0], CELLS[0], *CELLS[1:]]
    assert rows["repeat"].tolist() == [0, 1, 0, 0]
    assert rows["seed"].tolist() == [0, 1, 0, 0]
    assert rows["step"].tolist() == [0, 0, 1, 2]
    assert set(rows["status"]) == {"done"}
    names = [f"{split}_{kind}" for split in ("train", "val", "test") for kind in ("micro", "macro")]
    assert rows[[*names, "train_time", "file_size", "thop_macs", "activation_memory"]].notna().all(axis=None)
    assert rows["train_time_disturbed"].isin([0, 1]).all()
    assert rows["val_micro"].between(0, 1).all()
    assert rows["macs"].tolist() == space.macs(rows["index"], table.skeleton).tolist()
    # A timing is of a cell: repeats would make it look surer than it is.
    assert rows["latency"].notna().tolist() == [True, False, True, True]
    assert (rows["latency"].dropna() > 0).all()
    store = {(r["cell"], r["setting"]["seed"]): r["result"] for r in LiveStore(folder / "live.sqlite").rows("training")}
    assert len(store) == 4
    for row in rows.itertuples():
        assert row.test_macro == store[row.index, row.seed]["test"]["macro"]
        assert row.val_micro == store[row.index, row.seed]["val"]["micro"]


def test_curves_have_every_measured_epoch_and_end_in_the_rows_values(made):
    _, table = made
    curves = table.curves()
    assert curves.groupby(["index", "repeat"])["epoch"].apply(list).tolist() == [[1, 2]] * 4
    last = curves[curves["epoch"] == 2].merge(table.to_dataframe(), on=["index", "repeat"], suffixes=("", "_row"))
    for name in ("train_micro", "train_macro", "val_micro", "val_macro", "test_micro", "test_macro"):
        assert last[name].tolist() == last[f"{name}_row"].tolist()


def test_the_folder_says_what_the_numbers_depend_on(made):
    folder, table = made
    facts = read_measured(folder).facts
    assert facts == table.facts
    assert facts["data"]["images"]["train"] == [24, 16, 8]
    assert len(facts["data"]["fingerprint"]) == 64
    said = {"epochs": "2", "measured_at": [1, 2], "test_curve": True, "seed": 0, "seeds": [0, 1]}
    assert {name: facts["training"][name] for name in said} == said
    assert facts["recipe"]["batch_size"] == 16
    assert facts["latency"]["runtime"] == "eager"
    assert facts["latency"]["rounds"] == 2
    assert facts["cells"] == {"given": [CELLS]}
    assert {"torch", "onnxruntime"} <= facts["versions"].keys()
    pd.testing.assert_frame_equal(read_measured(folder).to_dataframe(), table.to_dataframe())


def test_nothing_is_measured_twice_and_the_table_grows(made):
    folder, before = made
    stored = trainings(folder)
    told = []
    after = measure(folder, cells=[5], spread=1, repeats=2, on_progress=told.append)
    assert trainings(folder)[: len(stored)] == stored
    # Those that were named now are repeated, and no others.
    assert len(trainings(folder)) == len(stored) + 4
    counts = after.to_dataframe()["index"].value_counts()
    assert {cell: n for cell, n in counts.items() if n > 1} == dict.fromkeys([CELLS[0], *after.cells.tolist()[3:]], 2)
    assert after.cells.tolist()[:3] == CELLS
    assert after.cells.tolist()[4] == 5
    assert told[-1] == Step(what="trained", done=7, total=7)
    assert Step(what="trained", done=3, total=7) in told
    kept = after.to_dataframe().merge(before.to_dataframe(), on=["index", "repeat"])
    assert kept["val_micro_x"].tolist() == before.to_dataframe()["val_micro"].tolist()
    assert after.facts["cells"] == {"given": [CELLS], "spread": 1, "listed": [5]}
    # The folder alone is enough to go on.
    assert len(measure(folder, cells=None, repeats=1).to_dataframe()) == 8
    again = measure(folder, cells=[CELLS[1], CELLS[2]], repeats=2, repeats_of=0.5).to_dataframe()
    assert again["index"].value_counts()[CELLS].tolist() == [2, 2, 1]
    assert len(measure(folder, cells=None, repeats=2).to_dataframe()) == 10


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 3}, r"cannot grow: .*training\.epochs is '2' there and '3' here; measure into another"),
        ({"images": make_data(seed=1)}, r"data\.fingerprint"),
        ({"latency": {**TIMING, "batch_size": 2}}, r"latency\.batch_size is 1 there and 2 here"),
        ({"recipe_settings.learning_rate": 0.1}, r"recipe\.learning_rate"),
        ({"seed": 5}, r"training\.seed is 0 there and 5 here"),
        ({"skeleton.stem_channels": 6}, r"skeleton\.stem_channels is 5 there and 6 here"),
        ({"walks": 1, "cells": None}, "drawn or given"),
    ],
)
def test_other_settings_need_another_folder(made, changes, sentence):
    with pytest.raises(SettingError, match=sentence):
        measure(made[0], **changes)


def test_times_alone_need_no_images(made, tmp_path):
    table = eomoo.measure(out=tmp_path, only="latency", cells=CELLS[:2], skeleton=made[1].skeleton, latency=TIMING)
    rows = table.to_dataframe()
    assert rows["index"].tolist() == CELLS[:2]
    assert rows["seed"].isna().all()
    assert "val_micro" not in rows
    assert (rows["latency"] > 0).all()
    assert not {"data", "recipe", "training"} & table.facts.keys()
    both = merged(table, made[1]).to_dataframe()
    assert both["latency"].tolist()[:1] == rows["latency"].tolist()[:1]
    assert both["val_micro"].notna().sum() == len(made[1].to_dataframe())
    with pytest.raises(SettingError, match="it holds trainings"):
        eomoo.measure(out=made[0], only="latency", cells=CELLS, skeleton=made[1].skeleton, latency=TIMING)
    with pytest.raises(SettingError, match="unknown key 'epochs'"):
        eomoo.measure(out=tmp_path, only="latency", cells=CELLS, epochs=3)
    with pytest.raises(SettingError, match="only must be one of latency; got 'training'"):
        eomoo.measure(out=tmp_path, only="training", cells=CELLS)


def test_the_skeleton_of_timings_is_a_cards_or_given(monkeypatch, tmp_path):
    from eomoo.measuring import timing_backend

    assert timing_backend(None, folder="x").campaign.skeleton == eomoo.SO2SAT
    backend = timing_backend(None, folder="x", skeleton={"stem_channels": 16}, latency={"batch_size": 8})
    assert (backend.campaign.skeleton.stem_channels, backend.campaign.skeleton.in_channels) == (16, 10)
    assert backend.campaign.timing.batch_size == 8
    assert timing_backend("eo-macro-params", folder="x").campaign.skeleton == eomoo.SO2SAT
    monkeypatch.setenv("EOMOO_DATA", str(tmp_path))
    assert timing_backend("live-so2sat", folder="x").campaign.skeleton == eomoo.SO2SAT
    with pytest.raises(FileNotFoundError, match="So2Sat LCZ42 is not in"):
        timing_backend("live-so2sat", folder="x", data=f"so2sat:{tmp_path}")
    with pytest.raises(SettingError, match="unknown key 'batch'"):
        timing_backend(None, folder="x", latency={"batch": 8})


class Spoilt(ArrayImages):
    """Images of which one cannot be read while a number of trainings is due to fail."""

    left = 0

    def batch(self, indices):
        if Spoilt.left and 37 in indices:
            Spoilt.left -= 1
            raise OSError(5, "a bad disk")
        return super().batch(indices)


def test_an_incident_is_no_row_and_is_tried_again(tmp_path):
    data = make_data()
    spoilt = replace(data, train=Spoilt(data.train.images, data.train.labels))
    Spoilt.left, told = 1, []
    table = measure(tmp_path, spoilt, report=told.append)
    assert len(table.to_dataframe()) == 2
    assert any("a bad disk" in sentence and "tried once" in sentence for sentence in told)
    assert len(measure(tmp_path, spoilt).to_dataframe()) == 3
    Spoilt.left = 9
    with pytest.raises(StoreError, match="none of 3 trainings came to an end"):
        measure(tmp_path / "other", spoilt)
    Spoilt.left = 0
    # What was timed and said stays with the folder.
    assert len(measure(tmp_path / "other", spoilt).to_dataframe()) == 3


def test_a_diverged_training_is_a_row_with_its_reason(tmp_path, monkeypatch):
    from eomoo.live.job import DivergedError, TrainingJob

    def diverge(self, *_):
        raise DivergedError("the loss is nan in epoch 1")

    monkeypatch.setattr(TrainingJob, "_train_epoch", diverge)
    row = measure(tmp_path, cells=[5]).to_dataframe().iloc[0]
    assert (row["status"], row["reason"]) == ("diverged", "the loss is nan in epoch 1")
    assert np.isnan(row["val_micro"])
    assert row["latency"] > 0
    assert read_measured(tmp_path).to_dataframe()["status"].tolist() == ["diverged"]


def test_what_cannot_be_is_one_sentence(tmp_path):
    with pytest.raises(SettingError, match="say which cells are measured"):
        measure(tmp_path, cells=None)
    with pytest.raises(SettingError, match="eo-macro-latency takes no images"):
        eomoo.measure("eo-macro-latency", out=tmp_path, cells=CELLS)
    with pytest.raises(CardError, match="live, which has no setting 'screen'; known are cluster, curve, "):
        measure(tmp_path, screen=1)
    with pytest.raises(SettingError, match="images say what the skeleton is"):
        measure(tmp_path, skeleton={"stem_channels": 8})
    (tmp_path / "benchmark.toml").write_text("format = 1\n")
    with pytest.raises(DataError, match="has no 'title'"):
        measure(tmp_path)


def test_what_was_disturbed_is_timed_again_at_the_end_and_by_the_next_call(tmp_path, monkeypatch):
    from eomoo.live import timings

    real, asked = timings._measure, []

    def disturbed(cells, *rest):
        asked.append(list(cells))
        return [
            {**found, "contended": len(asked) < 3 and cell == CELLS[1]}
            for cell, found in zip(cells, real(cells, *rest), strict=True)
        ]

    monkeypatch.setattr(timings, "_measure", disturbed)
    assert measure(tmp_path).to_dataframe()["latency_disturbed"].tolist() == [0, 1, 0]
    assert asked == [CELLS, [CELLS[1]]]
    assert measure(tmp_path).to_dataframe()["latency_disturbed"].tolist() == [0, 0, 0]
    assert asked[2:] == [[CELLS[1]]]


def test_a_table_that_was_left_half_written_is_made_whole(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made[0], tmp_path / "copy")

    def lasting(table):
        # A timing that something disturbed may be better the next time.
        return table.to_dataframe().filter(regex="^(?!latency)")

    before = lasting(read_measured(folder))
    monkeypatch.setattr("eomoo.objectives.live.profile_network", None)
    # Counts are in the table already.
    pd.testing.assert_frame_equal(lasting(measure(folder, cells=None)), before)
    monkeypatch.undo()
    (folder / "table.csv").write_text("index\n5\n")
    with pytest.raises(DataError, match="eomoo was stopped while it wrote; run the same `eomoo measure` command again"):
        read_measured(folder)
    pd.testing.assert_frame_equal(lasting(measure(folder, cells=None)), before)
    pd.testing.assert_frame_equal(lasting(read_measured(folder)), before)


def test_what_was_stopped_before_its_first_value_goes_on(tmp_path, monkeypatch):
    def stopped(self, cells, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("eomoo.live.Campaign.timings", stopped)
    with pytest.raises(KeyboardInterrupt):
        measure(tmp_path / "table", cells=CELLS[:1])
    with pytest.raises(DataError, match="has no table yet; run the same `eomoo measure` command again"):
        read_measured(tmp_path / "table")
    monkeypatch.undo()
    assert list(measure(tmp_path / "table", cells=None).cells) == CELLS[:1]
