"""Own files are proved: what a changed byte, a kill or an older version leaves behind."""

import json
from pathlib import Path

import numpy as np
import pytest

from eomoo.errors import DataError
from eomoo.live.recipes import get_recipe
from eomoo.live.runs import progress_of
from eomoo.live.training import load_trained, train
from eomoo.live.weights import load_state, save_state

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

RECIPE = get_recipe("nasbench", batch_size=16, learning_rate=0.3, measure_every=1)


@pytest.fixture
def run(tiny_data, tiny_skeleton, tmp_path):
    """Train in a folder; keywords change the training."""

    def start(**changes):
        settings = {"skeleton": tiny_skeleton, "recipe": RECIPE, "epochs": 2, "folder": tmp_path / "run"}
        return train(77, tiny_data, **{**settings, **changes})

    return start


def plain(state):
    """Tensors as lists, to be compared."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [plain(value) for value in state]
    return state.tolist() if isinstance(state, torch.Tensor) else state


@pytest.mark.parametrize("name", ["weights-2.pt", "checkpoint.pt"])
def test_no_changed_byte_is_believed(run, tmp_path, name):
    run()
    path, rng = tmp_path / "run" / name, np.random.default_rng(1)
    content = path.read_bytes()
    true, refused = plain(load_state(path)), 0
    for _ in range(60):
        changed = bytearray(content)
        for at in rng.integers(len(content), size=rng.integers(1, 4)):
            changed[at] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            assert plain(load_state(path)) == true
        except DataError:
            refused += 1
    # The others changed what says nothing: names of archive members, checksums that nobody reads.
    assert refused > 20


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, small_disk):
    with small_disk(60_000), pytest.raises(DataError, match=r"cannot write .*w\.pt: the file is larger than allowed"):
        save_state(tmp_path / "w.pt", {"model": {"a": torch.zeros(100_000)}})
    assert not list(tmp_path.iterdir())


def test_a_changed_number_is_refused(tmp_path):
    state = {"model": {"a": torch.arange(6.0).reshape(2, 3)}, "epoch": 3}
    save_state(tmp_path / "a.pt", state)
    read = load_state(tmp_path / "a.pt")
    assert plain(read) == plain(state)
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    for change in ({"epoch": 4}, {"model": {"a": torch.arange(6.0).reshape(3, 2)}}, {"more": 1}):
        torch.save({**content, **change}, tmp_path / "b.pt")
        with pytest.raises(ValueError, match=r"b\.pt has changed since it was written"):
            load_state(tmp_path / "b.pt")
    for key in ("sha256", "format"):
        torch.save({k: v for k, v in content.items() if k != key}, tmp_path / "b.pt")
        with pytest.raises(ValueError, match="no file of weights by this version"):
            load_state(tmp_path / "b.pt")


def as_first_version(folder):
    """Rewrite a folder's files as 0.1.0 wrote them."""
    for path in folder.glob("*.pt"):
        state = load_state(path)
        for since in ("progress", "use"):
            state.pop(since, None)
        torch.save(state, path)
    content = json.loads((folder / "run.json").read_text())
    del content["sha256"]
    (folder / "run.json").write_text(json.dumps({**content, "format": 1}))


def test_files_of_the_first_version_open_with_a_warning(run, tmp_path):
    first = run()
    as_first_version(tmp_path / "run")
    with pytest.warns(UserWarning, match=r"run\.json is of eomoo 0\.1\.0, without a digest: it is unverified"):
        again = run()
    assert again.test.to_dict() == first.test.to_dict()
    with pytest.warns(UserWarning, match=r"weights-2\.pt is of eomoo 0\.1\.0"):
        load_trained(again)
    recipe = get_recipe("published", batch_size=16, learning_rate=0.3)
    run(recipe=recipe, folder=tmp_path / "constant")
    as_first_version(tmp_path / "constant")
    with pytest.warns(UserWarning, match="unverified"):
        continued = run(recipe=recipe, folder=tmp_path / "constant", epochs=4)
    assert continued.done
    assert progress_of(tmp_path / "constant") == 4


def test_what_the_first_version_took_for_a_result_is_trained(run, tmp_path):
    run()
    as_first_version(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    content = json.loads(path.read_text())
    for status in ("failed", "out of memory"):
        content["results"]["2"].update(status=status, reason="CUDA out of memory", val=None, test=None)
        path.write_text(json.dumps(content))
        with pytest.warns(UserWarning, match="unverified"):
            assert run().done


def test_a_changed_record_of_a_training_is_refused(run, tmp_path):
    run()
    path = tmp_path / "run" / "run.json"
    content = json.loads(path.read_text())
    content["results"]["2"]["seconds"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"run\.json has changed since it was written"):
        run()


def test_a_damaged_checkpoint_costs_only_time(run, tmp_path):
    whole = run(epochs="1+2")
    run(epochs=1, folder=tmp_path / "part")
    path = tmp_path / "part" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="a training begins anew: .*checkpoint.pt is damaged"):
        again = run(epochs="1+2", folder=tmp_path / "part")
    assert [p.val_loss for p in again.curve] == [p.val_loss for p in whole.curve]


def test_a_checkpoint_of_nobody_knows_which_training_is_not_believed(run, tmp_path):
    run(epochs=1)
    (tmp_path / "run" / "run.json").unlink()
    with pytest.warns(UserWarning, match="a training begins anew: .*checkpoint.pt has no run.json beside it"):
        assert run(epochs="1+1", seed=1).done


def test_weights_of_something_else_are_refused(tmp_path):
    cell = {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}
    skeleton = {"in_channels": 2, "n_classes": 3, "stem_channels": 5, "n_stacks": 1, "image_size": 8}
    for state in ({"cell": cell}, {"cell": cell, "skeleton": skeleton, "model": {}}, {"cell": 5}):
        save_state(tmp_path / "w.pt", state)
        with pytest.raises(ValueError, match=r"w\.pt holds no weights of a cell's network"):
            load_trained(tmp_path / "w.pt")
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        load_trained(Path(tmp_path / "none.pt"))
