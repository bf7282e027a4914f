"""What no front needs is listed, and goes when that is asked for; nothing else does."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from test_campaign import make
from typer.testing import CliRunner

from eomoo.cli import app
from eomoo.errors import DataNotFoundError
from eomoo.live.prune import unneeded_files

pytest.importorskip("torch", reason="the extra 'live' is not installed")
EPOCHS = (1,)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two trainings whose results are set so that cell 5 dominates 77; and one that has not ended."""
    folder = tmp_path_factory.mktemp("store")
    with_results = make(folder)
    with_results.trainings([5, 77], EPOCHS)
    for cell, micro in ((5, 0.9), (77, 0.2)):
        result = with_results.stored(cell, EPOCHS)
        result["val"].update(micro=micro, macro=micro)
        setting = with_results._wanted([cell], EPOCHS)[cell]
        with_results.store.put("training", setting, result, cell=cell, replace=True)
    unended = folder / "runs" / "9-unended"
    unended.mkdir()
    (unended / "checkpoint.pt").write_bytes(b"half-way")
    return folder


def names(folder):
    return sorted(str(path.relative_to(folder / "runs")).split("-")[0] + "/" + path.name for path in _files(folder))


def _files(folder):
    return list(Path(folder, "runs").rglob("*.pt"))


def prune(*arguments):
    return CliRunner().invoke(app, ["data", "prune", *map(str, arguments)])


def test_weights_of_dominated_networks_and_checkpoints_of_ended_trainings_are_listed_and_nothing_goes(store):
    before = _files(store)
    told = prune(store)
    assert told.exit_code == 0, told.output
    listed = told.output.splitlines()
    assert listed[-1].startswith("3 files of")
    assert "--remove" in listed[-1]
    assert sorted(Path(line.split(":")[0]).name for line in listed[:-1]) == [
        "checkpoint.pt", "checkpoint.pt", "weights-1.pt",
    ]  # fmt: skip
    assert "cell 77" in next(line for line in listed if "weights-1.pt" in line)
    assert _files(store) == before


def test_the_checkpoint_of_a_training_of_several_lengths_goes_when_the_longest_has_ended(tmp_path):
    campaign = make(tmp_path)
    for epochs in ((1,), (1, 1)):
        campaign.trainings([5], epochs)
    (folder,) = (tmp_path / "runs").iterdir()
    assert [file.path for file in unneeded_files(tmp_path)] == [folder / "checkpoint.pt"]
    # As if the longer one were still on its way.
    with closing(sqlite3.connect(tmp_path / "live.sqlite")) as connection, connection:
        connection.execute("DELETE FROM results WHERE rowid = (SELECT MAX(rowid) FROM results)")
    assert unneeded_files(tmp_path) == []


def test_weights_that_are_asked_to_be_kept_are_kept(store):
    from eomoo.live.prune import unneeded_files

    assert {file.path.name for file in unneeded_files(store, keep=[77])} == {"checkpoint.pt"}


def test_a_copy_of_a_store_is_pruned_itself_and_values_stay(store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    before = _files(store)
    told = prune(tmp_path / "copy", "--remove")
    assert told.exit_code == 0, told.output
    assert _files(store) == before
    assert names(tmp_path / "copy") == ["5/weights-1.pt", "9/checkpoint.pt"]
    again = make(tmp_path / "copy")
    assert again.stored(77, EPOCHS)["val"]["micro"] == 0.2
    assert prune(tmp_path / "copy").output.startswith("0 files")


def test_a_folder_without_a_store_is_told(tmp_path):
    from eomoo.live.prune import unneeded_files

    with pytest.raises(DataNotFoundError, match=r"holds no live\.sqlite"):
        unneeded_files(tmp_path)


def test_what_was_not_timed_in_this_network_may_be_the_fastest(store, tmp_path):
    """Cell 77 is dominated in all but its latency, of which timings of another network say nothing."""
    from eomoo.live.prune import unneeded_files

    shutil.copytree(store, tmp_path / "copy")
    copy = make(tmp_path / "copy")
    skeleton = copy._wanted([5], EPOCHS)[5]["skeleton"]
    other = {**skeleton, "stem_channels": 2 * skeleton["stem_channels"]}

    def dominated(*timings):
        for cell, relative, around in timings:
            setting = {"cell": cell, "skeleton": around}
            copy.store.put("latency", setting, {"status": "done", "relative": relative}, cell=cell, replace=True)
        return [file.cell for file in unneeded_files(tmp_path / "copy") if file.path.name.startswith("weights")]

    assert dominated((5, 1.0, skeleton), (77, 2.0, other)) == []
    assert dominated((77, 2.0, skeleton)) == [77]
    assert dominated((77, 0.5, skeleton)) == []


def test_timings_of_one_setting_are_compared_alone(store, tmp_path):
    """Cell 77 is dominated in all but its latency on one image; of batches nobody timed cell 5."""
    shutil.copytree(store, tmp_path / "copy")
    copy = make(tmp_path / "copy")
    skeleton = copy._wanted([5], EPOCHS)[5]["skeleton"]
    for cell, relative, batch_size in ((5, 1.0, 1), (77, 0.5, 1), (77, 2.0, 64)):
        setting = {"cell": cell, "skeleton": skeleton, "batch_size": batch_size}
        copy.store.put("latency", setting, {"status": "done", "relative": relative}, cell=cell)
    assert [file.path.name for file in unneeded_files(tmp_path / "copy")] == ["checkpoint.pt"] * 2
