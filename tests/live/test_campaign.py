"""Faults of a machine are no results: what is tried again, by whom, and what is told of it."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_images import make_data

from eomoo.errors import DataError, HoursOverError, SettingError, StoreError
from eomoo.images import ArrayImages
from eomoo.jobs import ATTEMPTS, LocalJobs

pytest.importorskip("torch", reason="the extra 'live' is not installed")

SHAPE = {"stem_channels": 5, "n_stacks": 2, "cells_per_stack": 1}


def make(folder, images=None, **changes):
    from eomoo.live import Campaign, DataSource, get_recipe

    settings = {"shape": SHAPE, "recipe": get_recipe("nasbench", batch_size=16), "device": "cpu"}
    return Campaign(source=DataSource(images=images or make_data()), **{**settings, "folder": Path(folder), **changes})


class Spoilt(ArrayImages):
    """Images of which one raises as long as ``error`` is set."""

    error = None

    def batch(self, indices):
        if Spoilt.error is not None and 37 in indices:
            raise Spoilt.error
        return super().batch(indices)


@pytest.fixture
def spoilt():
    data = make_data()
    yield replace(data, train=Spoilt(data.train.images, data.train.labels))
    Spoilt.error = None


def test_faults_of_the_images_are_among_the_notes_once(tmp_path):
    campaign = make(tmp_path, replace(make_data(), faults=("images: copies",)))
    campaign.trainings([77], (1,))
    assert campaign.notes() == ["images: copies"]
    assert campaign.with_seed(1).notes() == []


@pytest.mark.parametrize("error", [IndexError("item 37"), OSError(5, "a bad disk"), DataError("no image 37")])
def test_a_broken_image_is_an_incident_that_the_next_run_tries_again(spoilt, tmp_path, error):
    Spoilt.error = error
    first = make(tmp_path, spoilt)
    assert first.trainings([5, 77], (1,)) == {}
    notes = first.notes()
    assert notes[0] == "2 trainings have no trained network:"
    assert str(error) in notes[1]
    assert notes[1].endswith("(tried once)")
    assert notes[3:] == ["`--retry-failed` tries again what a machine failed at"]
    Spoilt.error = None
    second = make(tmp_path, spoilt)
    assert {k: r["status"] for k, r in second.trainings([5, 77], (1,)).items()} == {5: "done", 77: "done"}
    assert second.notes() == []
    assert second.store.incidents() == []
    first.trainings([5, 77], (1,))
    assert first.notes() == [], "it was tried again meanwhile"


def test_what_does_not_advance_is_given_up_until_that_is_asked_for(spoilt, tmp_path, monkeypatch):
    Spoilt.error = OSError(5, "a bad disk")
    for attempt in range(3):
        campaign = make(tmp_path, spoilt)
        assert campaign.trainings([5], (1,)) == {}
        assert ("given up" in campaign.notes()[1]) == (attempt == 2)
    Spoilt.error = None
    campaign = make(tmp_path, spoilt)
    assert campaign.trainings([5], (1,)) == {}
    assert campaign.notes()[2:] == [
        "1 of them failed in earlier runs, and this is what was stored",
        "`--retry-failed` tries again what a machine failed at",
    ]
    campaign = make(tmp_path, spoilt)
    campaign.retry_failed = True
    assert campaign.trainings([5], (1,))[5]["status"] == "done"


def test_a_fault_that_hits_every_training_ends_the_run(spoilt, tmp_path):
    Spoilt.error = OSError(5, "a bad disk")
    with pytest.raises(StoreError, match=r"none of 3 trainings came to an end.*a bad disk"):
        make(tmp_path, spoilt).trainings([5, 77, 78, 79, 80], (1,))
    good = make(tmp_path, spoilt)
    Spoilt.error = None
    good.trainings([81], (1,))
    Spoilt.error = OSError(5, "a bad disk")
    assert good.trainings([5, 77, 78, 79, 80], (1,)) == {}


def test_a_diverged_training_is_a_result_and_told_as_stored(tmp_path, monkeypatch):
    from eomoo.live.job import DivergedError, TrainingJob
    from eomoo.live.store import stored_so_far

    def diverge(self, *_):
        raise DivergedError("the loss is nan in epoch 1")

    monkeypatch.setattr(TrainingJob, "_train_epoch", diverge)
    make(tmp_path).trainings([5], (1,))
    monkeypatch.undo()
    campaign = make(tmp_path)
    assert campaign.trainings([5], (1,))[5]["status"] == "diverged"
    assert campaign.notes()[1:] == [
        "cell 5: diverged: the loss is nan in epoch 1",
        "1 of them failed in earlier runs, and this is what was stored",
    ]
    (latest,) = stored_so_far(campaign.store.path)[1]
    assert latest[1:] == ("training", 5, "diverged", "the loss is nan in epoch 1")


class LosingJobs(LocalJobs):
    """Workers that are lost after so many epochs, as with a walltime that is too short."""

    def __init__(self, advance):
        super().__init__()
        self.advance, self.lost = advance, 0

    def _wait(self):
        from eomoo.live.job import TrainingJob

        train_epoch, seen = TrainingJob._train_epoch, [0]
        # The first of the works that wait is the one that runs.
        work = self._waiting[0]

        def one_epoch(job, epoch):
            seen[0] += 1
            if seen[0] > self.advance:
                raise KeyboardInterrupt
            train_epoch(job, epoch)

        TrainingJob._train_epoch = one_epoch
        try:
            return super()._wait()
        except KeyboardInterrupt:
            self.lost += 1
            return work, ATTEMPTS
        finally:
            TrainingJob._train_epoch = train_epoch


def test_a_training_whose_workers_are_lost_goes_on_as_long_as_it_advances(tmp_path):
    whole = make(tmp_path / "whole").trainings([77], (5,))[77]
    campaign = make(tmp_path / "lost")
    campaign._jobs = LosingJobs(advance=1)
    found = campaign.trainings([77], (5,))[77]
    assert found["status"] == "done"
    assert campaign._jobs.lost == 4
    assert found["val"] == whole["val"]
    stuck = make(tmp_path / "stuck")
    stuck._jobs = LosingJobs(advance=0)
    assert stuck.trainings([77], (5,)) == {}
    assert stuck._jobs.lost == 1
    (incident,) = stuck.store.incidents()
    assert (incident.reason, incident.progress) == ("its worker died 3 times (out of memory?)", 0)


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"device": "cpu"}, ("CANDIDATE",)),
        ({"device": "cuda:1"}, "GPU"),
        ({"device": "auto"}, ("CANDIDATE", "GPU")),
        ({"device": "auto", "shape": {"stem_channels": 8192, "n_stacks": 3, "cells_per_stack": 3}}, "GPU"),
        ({"device": "auto", "gpus_per_candidate": 2}, "GPU"),
    ],
)
def test_a_cluster_is_asked_for_a_gpu_where_a_cpu_would_be_slow(tmp_path, monkeypatch, changes, asked):
    """96 images of 8x8 pixels are no work in 5 channels, and minutes in 8,192."""
    made = []
    monkeypatch.setattr("eomoo.live.campaign.make_jobs", lambda workers, **options: made.append(options))
    assert make(tmp_path, cluster="tcp://host:8786", **changes).jobs is None
    assert made[0]["resource"] == asked
    assert made[0].get("amount", 1) == changes.get("gpus_per_candidate", 1)


def test_workers_of_one_machine_have_numbers_of_their_own(tmp_path):
    campaign = make(tmp_path)
    assert [campaign.worker(k).jobs._first for k in (0, 3)] == [0, 3]


def search(folder, queue):
    import torch

    torch.set_num_threads(1)
    campaign = make(folder)
    trained = []
    campaign.report = trained.append
    found = campaign.trainings([5, 77, 100434, 1, 2], (2,))
    queue.put((sorted(line for line in trained if "validation error" in line), sorted(found)))


def test_two_searches_on_one_store_train_no_cell_twice(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=search, args=(tmp_path, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    results = [queue.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    trained = [line for lines, _ in results for line in lines]
    assert len(trained) == len(set(trained)) == 5
    assert [cells for _, cells in results] == [[1, 2, 5, 77, 100434]] * 2


def test_a_campaign_trains_with_the_settings_that_it_records(tmp_path):
    from eomoo.live.weights import load_state

    campaign = make(tmp_path, seed=4)
    result = campaign.trainings([77], (1,))[77]
    (row,) = campaign.store.rows("training")
    assert row["setting"]["seed"] == 4
    assert row["setting"]["epochs"] == "1"
    assert load_state(result["weights"])["skeleton"]["stem_channels"] == 5
    assert np.isfinite(result["val"]["loss"])
    assert campaign.stored(77, (1,)) == result
    assert campaign.stored(77, (2,)) is None


def test_trainings_of_another_device_are_none_of_a_campaigns(tmp_path):
    campaign = make(tmp_path)
    campaign.setting(5, (2,))["device"] = "NVIDIA A100"
    with pytest.raises(SettingError, match="trains on cpu, others on NVIDIA A100"):
        campaign.trainings([5], (2,))
    assert campaign.store.rows() == []


def test_no_training_is_begun_once_the_hours_are_over(tmp_path, monkeypatch):
    campaign = make(tmp_path, workers=1)
    done = []
    # The first training ends after the hours.
    campaign.ended = lambda cell: (done.append(cell), monkeypatch.setattr("eomoo.live.tasks.time.time", lambda: 2e9))
    campaign.until = 1.9e9
    with pytest.raises(HoursOverError):
        campaign.trainings([5, 77, 100434], (1,))
    with pytest.raises(HoursOverError):
        campaign.trainings([77], (1,))
    assert campaign.store.incidents() == []
    told = []
    later = make(tmp_path, workers=1, report=told.append)
    assert len(done) == 1
    assert later.trainings(done, (1,)).keys() == set(done)
    assert told == ["1 of 1 trainings were there already"]


def test_no_training_of_another_search_is_waited_for_once_the_hours_are_over(tmp_path, monkeypatch):
    from eomoo.live.store import key_of

    campaign, other = make(tmp_path), make(tmp_path)
    assert other.store._claims.take(key_of("training", campaign.setting(5, (1,))))
    monkeypatch.setattr("eomoo.live.store.time.sleep", lambda _: pytest.fail("it waits"))
    campaign.until = 0.0
    with pytest.raises(HoursOverError):
        campaign.trainings([5], (1,))
    other.store._claims.drop(key_of("training", campaign.setting(5, (1,))))


def test_what_was_there_already_is_told_once_and_what_was_trained_just_now_never(tmp_path):
    make(tmp_path).trainings([5], (1,))
    told = []
    campaign = make(tmp_path, report=told.append)
    for _ in range(2):
        campaign.trainings([5, 77], (1,))
    assert [text for text in told if "already" in text] == ["1 of 2 trainings were there already"]
    assert "training 1 network for 1 epoch" in told
