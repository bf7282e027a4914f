import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_images import make_data

import eomoo
from eomoo.images import ArrayImages
from eomoo.live.batches import prepare
from eomoo.live.devices import Group, torch_state
from eomoo.live.metrics import Accuracy, evaluate
from eomoo.live.network import build_network
from eomoo.live.recipes import get_recipe
from eomoo.live.runs import CurveSetting, images_told
from eomoo.live.steps import Steps
from eomoo.live.training import load_trained, train
from eomoo.live.weights import load_state, save_state

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

CELL = 100434
RECIPE = get_recipe("nasbench", batch_size=16, epochs=4, learning_rate=0.5)


def weights(result):
    return load_state(result.weights)["model"]


def assert_same(first, second):
    assert set(first) == set(second)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_a_training_learns_and_is_measured(tiny_data, tiny_skeleton, tmp_path):
    seen = []
    result = train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, folder=tmp_path, report=seen.append)
    assert result.done
    assert [point.epoch for point in result.curve] == [2, 4]
    assert seen == list(result.curve)
    assert result.test.micro > result.test.majority + 0.2
    assert result.test.confusion.sum(axis=1).tolist() == [5, 10, 15]
    assert len({result.test.micro, result.test.macro, result.val.micro, result.val.macro}) == 4
    assert result.curve[-1].val_micro == result.val.micro
    again = evaluate(load_trained(result), tiny_data.test, tiny_data)
    assert (again.confusion == result.test.confusion).all()
    assert again.loss == pytest.approx(result.test.loss, rel=1e-5)


def test_a_curve_is_measured_when_asked_and_changes_no_training(tiny_data, tiny_skeleton, tmp_path):
    def run(name, **curve):
        setting = {"skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path / name}
        return train(CELL, tiny_data, epochs="3+2", curve=CurveSetting(**curve), **setting)

    plain, fine = run("plain"), run("fine", at=(1, 4, 9), test=True)
    assert_same(weights(plain), weights(fine))
    assert [point.epoch for point in plain.curve] == [2, 3, 4, 5]
    assert [point.epoch for point in fine.curve] == [1, 3, 4, 5]
    assert (fine.curve[-1].test_micro, fine.curve[-1].test_macro) == (fine.test.micro, fine.test.macro)
    assert all(point.test_micro is None for point in plain.curve)
    same = [(p.epoch, p.val_loss, p.train_micro, p.train_macro) for p in plain.curve if p.epoch in (3, 4, 5)]
    assert same[0] == [(p.epoch, p.val_loss, p.train_micro, p.train_macro) for p in fine.curve][1]
    # What is not asked for is no part of what the result depends on, so that earlier results are found.
    assert set(fine.setting) - set(plain.setting) == {"curve"}
    assert "curve" not in plain.setting
    assert run("fine", at=(9, 4, 1), test=True).curve == fine.curve
    assert fine.file_size == fine.weights.stat().st_size
    for wrong in ({"at": (0,)}, {"at": "1,x"}, {"test": 1}):
        with pytest.raises(ValueError, match="curve: "):
            CurveSetting(**wrong)
    assert CurveSetting(at="1,4").at == (1, 4)


def test_training_accuracy_is_counted_by_class(tiny_data, tiny_skeleton, tmp_path):
    labels = np.where(np.arange(48) < 20, 0, tiny_data.train.labels)
    data = replace(tiny_data, train=ArrayImages(tiny_data.train.images, labels))
    recipe = replace(RECIPE, batch_size=48, learning_rate=0.0, measure_every=1)
    (point,) = train(CELL, data, skeleton=tiny_skeleton, recipe=recipe, epochs=1).curve
    network = build_network(CELL, tiny_skeleton, initialization=recipe.initialization, seed=0).train()
    images = prepare(torch.from_numpy(data.train.images).float(), data, torch.device("cpu"))
    right = network(images).argmax(dim=1).numpy() == labels
    assert point.train_micro == right.mean()
    assert point.train_macro == pytest.approx(np.mean([right[labels == k].mean() for k in range(3)]))
    assert point.train_micro != point.train_macro


def test_a_checkpoint_in_an_epoch_that_did_not_count_classes_tells_no_macro_accuracy(
    tiny_data, tiny_skeleton, tmp_path, monkeypatch
):
    """As versions before wrote it."""
    from eomoo.live.job import TrainingJob

    save = TrainingJob._save

    class Killed(BaseException):
        pass

    def killed(job):
        save(job)
        raise Killed

    recipe = replace(RECIPE, measure_every=1)
    arguments = {"skeleton": tiny_skeleton, "recipe": recipe, "folder": tmp_path, "checkpoint_seconds": 0}
    monkeypatch.setattr(TrainingJob, "_save", killed)
    with pytest.raises(Killed):
        train(CELL, tiny_data, **arguments)
    monkeypatch.undo()
    state = load_state(tmp_path / "checkpoint.pt")
    assert 0 < state["running"]["right"] == sum(state["running"].pop("by_class"))
    save_state(tmp_path / "checkpoint.pt", state)
    first, second, *_ = train(CELL, tiny_data, **arguments).curve
    assert first.train_macro is None
    assert 0 < second.train_macro < 1


class Clock:
    """Each look is a second later, of which this thread worked a share."""

    def __init__(self, share):
        self.share, self.wall, self.cpu = share, 0.0, 0.0

    def perf_counter(self):
        self.wall, self.cpu = self.wall + 1.0, self.cpu + self.share
        return self.wall

    def thread_time(self):
        return self.cpu


def test_a_training_beside_something_else_is_marked_also_where_it_was_so_in_its_first_part_alone(
    tiny_data, tiny_skeleton, tmp_path, monkeypatch
):
    def run(share, epochs, folder):
        monkeypatch.setattr("eomoo.live.steps.time", Clock(share))
        how = {"skeleton": tiny_skeleton, "recipe": RECIPE, "epochs": epochs}
        return train(CELL, tiny_data, folder=tmp_path / folder, **how)

    assert run(0.5, "1", "busy").contended is True
    assert run(1.0, "1+1", "busy").contended is True
    assert run(0.95, "1+1", "quiet").contended is False
    # What is read again says the same.
    assert run(1.0, "1", "busy").contended is True


def test_on_a_gpu_the_driver_tells_after_each_epoch_who_else_computed(tiny_data, tiny_skeleton, monkeypatch):
    asked, told = [], iter([None, False, True, False])
    nvml = SimpleNamespace(neighbour=lambda since: asked.append(since) or next(told))
    monkeypatch.setattr("eomoo.live.steps.open_nvml", lambda device: nvml)
    monkeypatch.setattr("eomoo.live.steps.now", iter(range(10)).__next__)
    network, place = build_network(CELL, tiny_skeleton), torch.device("cpu")
    steps = Steps(network, RECIPE, tiny_data, torch.ones(tiny_data.n_classes), device=place, group=Group())
    steps.cuda, found = True, []
    for _ in range(4):
        steps.sums()
        found.append(steps.contended)
    # Once somebody was there, nobody is asked any more.
    assert found == [None, False, True, True]
    assert asked == [0, 1, 2]


def test_the_same_seed_gives_the_same_weights(tiny_data, tiny_skeleton, tmp_path):
    def run(name, **changes):
        return train(
            CELL, tiny_data, **{"skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path / name, **changes}
        )

    first = run("a")
    torch.random.manual_seed(5)
    assert_same(weights(first), weights(run("b")))
    other = weights(run("c", seed=1))
    assert not torch.equal(weights(first)["stem.0.weight"], other["stem.0.weight"])


def test_torchs_global_state_is_as_before(tiny_data, tiny_skeleton):
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, epochs=1)
    assert torch.equal(before, torch.random.get_rng_state())
    with torch_state(threads=threads + 1, seed=3):
        assert torch.get_num_threads() == threads + 1
        torch.randn(1)
    assert torch.get_num_threads() == threads
    assert torch.equal(before, torch.random.get_rng_state())


def test_readers_in_other_processes_change_nothing(tiny_data, tiny_skeleton):
    first, second = (
        train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, epochs=1, workers=workers) for workers in (0, 1)
    )
    assert first.val.loss == second.val.loss


@pytest.mark.parametrize("change", [{"augment": True}, {"class_weights": "balanced"}, {"momentum": 0.0}])
def test_each_setting_of_a_recipe_matters(tiny_data, tiny_skeleton, change):
    labels = np.where(np.arange(48) < 30, 0, tiny_data.train.labels)
    data = replace(tiny_data, train=ArrayImages(tiny_data.train.images, labels))
    plain, changed = (
        train(CELL, data, skeleton=tiny_skeleton, recipe=recipe, epochs=1)
        for recipe in (RECIPE, replace(RECIPE, **change))
    )
    assert plain.val.loss != changed.val.loss


def test_the_folder_tells_the_faults_of_its_images(tiny_data, tiny_skeleton, tmp_path):
    faulty = replace(tiny_data, faults=("images: copies",), told={"source": "mine", "options": {}})
    assert train(CELL, faulty, skeleton=tiny_skeleton, recipe=RECIPE, epochs=1, folder=tmp_path).done
    assert images_told(tmp_path) == {"source": "mine", "options": {}, "faults": ["images: copies"]}


def test_what_is_done_is_read(tiny_data, tiny_skeleton, tmp_path, monkeypatch):
    first = train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, folder=tmp_path)
    monkeypatch.setattr("eomoo.live.training.TrainingJob", None)
    again = train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, folder=tmp_path)
    assert again.curve == first.curve
    assert (again.test.confusion == first.test.confusion).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 2}, "seed is 0, not 2"),
        ({"recipe": replace(RECIPE, momentum=0.5)}, "recipe.momentum is 0.9, not 0.5"),
        ({"cell": 5}, "cell.hash is"),
    ],
)
def test_a_folder_of_another_training_is_refused(tiny_data, tiny_skeleton, tmp_path, change, name):
    arguments = {"cell": CELL, "skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path, "epochs": 1}
    train(data=tiny_data, **arguments)
    with pytest.raises(ValueError, match=f"holds another training: its {name}"):
        train(data=tiny_data, **{**arguments, **change})


def test_so_is_one_of_another_training_that_was_interrupted(tiny_data, tiny_skeleton, tmp_path):
    def interrupt(point):
        if point.epoch == 2:
            raise KeyboardInterrupt

    arguments = {"skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path, "epochs": 2}
    with pytest.raises(KeyboardInterrupt):
        train(CELL, tiny_data, report=interrupt, **arguments)
    assert load_state(tmp_path / "checkpoint.pt")["epoch"] == 1
    with pytest.raises(ValueError, match="holds another training: its seed is 0, not 1"):
        train(CELL, tiny_data, seed=1, **arguments)
    assert train(CELL, tiny_data, **arguments).done


@pytest.mark.parametrize(("recipe", "part", "whole"), [("nasbench", "2", "2+3"), ("published", "2", "5")])
def test_a_training_is_continued(tiny_data, tiny_skeleton, tmp_path, recipe, part, whole):
    chosen = get_recipe(recipe, batch_size=16, learning_rate=0.3)
    arguments = {"skeleton": tiny_skeleton, "recipe": chosen}
    short = train(CELL, tiny_data, epochs=part, folder=tmp_path / "a", **arguments)
    steps = []
    continued = train(CELL, tiny_data, epochs=whole, folder=tmp_path / "a", report=steps.append, **arguments)
    assert [point.epoch for point in steps] == [4, 5]
    at_once = train(CELL, tiny_data, epochs=whole, folder=tmp_path / "b", **arguments)
    assert_same(weights(continued), weights(at_once))
    assert train(CELL, tiny_data, epochs=part, folder=tmp_path / "a", **arguments).curve == short.curve


SCRIPT = """
import sys
sys.path[:0] = {tests!r}
import torch
from test_training import train_with_many_checkpoints
torch.set_num_threads(1)
train_with_many_checkpoints(sys.argv[1])
"""
STEPS = 60


def train_with_many_checkpoints(folder):
    """``STEPS`` steps, with a checkpoint after nearly every one."""
    data = make_data(n=(160, 30, 30))
    skeleton = data.skeleton(stem_channels=5, n_stacks=2, cells_per_stack=1)
    recipe = get_recipe("nasbench", batch_size=16, augment=True)
    return train(CELL, data, skeleton=skeleton, recipe=recipe, epochs=6, checkpoint_seconds=0.001, folder=folder)


def start(folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(eomoo.__file__).parents[1])}
    here = Path(__file__).parent
    script = SCRIPT.format(tests=[str(here), str(here.parent)])
    return subprocess.Popen([sys.executable, "-c", script, str(folder)], env=environment)


def test_a_training_that_is_killed_ends_with_the_same_weights(tmp_path, monkeypatch):
    taken, take = [], Steps.take
    monkeypatch.setattr(Steps, "take", lambda *given, **named: taken.append(1) or take(*given, **named))
    whole = train_with_many_checkpoints(tmp_path / "whole")
    assert len(taken) == STEPS
    kills = 0
    for _ in range(2):
        process = start(tmp_path / "killed")
        checkpoint, before = tmp_path / "killed" / "checkpoint.pt", modified(tmp_path / "killed")
        while process.poll() is None and modified(tmp_path / "killed") == before:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        assert checkpoint.is_file()
    assert kills
    state = load_state(tmp_path / "killed" / "checkpoint.pt")
    assert 0 < state["step"] < STEPS
    taken.clear()
    killed = train_with_many_checkpoints(tmp_path / "killed")
    # Nothing is done twice that a checkpoint holds.
    assert len(taken) == STEPS - state["step"]
    assert_same(weights(whole), weights(killed))


def modified(folder):
    path = folder / "checkpoint.pt"
    return path.stat().st_mtime_ns if path.is_file() else 0


def test_a_training_that_diverges_is_a_result(tiny_data, tiny_skeleton, tmp_path):
    wild = replace(RECIPE, learning_rate=1e3, batch_size=48, clip_norm=0.0, momentum=1.0, weight_decay=1.0)
    result = train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=wild, epochs=40, folder=tmp_path)
    assert result.status == "diverged"
    assert "loss is" in result.reason
    assert result.val is None
    assert train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=wild, epochs=40, folder=tmp_path) == result


def failing(error, times):
    """A forward pass that fails so many times, then works."""
    from eomoo.live.modules import CellNetwork

    forward, left = CellNetwork.forward, [times]

    def fail(self, x):
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return forward(self, x)

    return fail


NO_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


@pytest.mark.parametrize(
    ("error", "times", "status", "words"),
    [
        (NO_MEMORY, 2, "incident", "OutOfMemoryError: CUDA out of memory.*tried twice"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "incident", "tried twice"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), 1, "done", "^$"),
        (MemoryError(), 2, "incident", "MemoryError: ; tried twice"),
        (RuntimeError("some kernel failed\nmore text"), 1, "incident", "^RuntimeError: some kernel failed$"),
        (IndexError("item 37"), 1, "incident", "IndexError: item 37"),
        (NO_MEMORY, 1, "done", "^$"),
    ],
)
def test_a_fault_of_the_machine_is_no_result_and_the_next_attempt_has_one(
    tiny_data, tiny_skeleton, tmp_path, monkeypatch, error, times, status, words
):
    arguments = {"skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path, "epochs": 1}
    monkeypatch.setattr("eomoo.live.modules.CellNetwork.forward", failing(error, times))
    result = train(CELL, tiny_data, **arguments)
    assert result.status == status
    assert re.search(words, result.reason)
    assert "\n" not in result.reason
    assert result.final == (status == "done")
    monkeypatch.undo()
    assert train(CELL, tiny_data, **arguments).done


def test_a_device_that_answers_no_more_ends_the_run_and_a_worker_makes_room_for_another(
    tiny_data, tiny_skeleton, tmp_path, monkeypatch
):
    from eomoo.live import job

    class ExitError(BaseException):
        pass

    def leave(status):
        raise ExitError

    arguments = {"skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path, "epochs": 1}
    fault = RuntimeError("CUDA error: an illegal memory access was encountered")
    monkeypatch.setattr(job, "still_answers", lambda device: False)
    monkeypatch.setattr(job.os, "_exit", leave)
    for number, ending, words in (
        (None, eomoo.EomooError, "cpu answers no more: RuntimeError: CUDA er"),
        (0, ExitError, None),
    ):
        monkeypatch.setattr("eomoo.live.modules.CellNetwork.forward", failing(fault, 1))
        monkeypatch.setattr(job, "worker_number", lambda number=number: number)
        with pytest.raises(ending, match=words):
            train(CELL, tiny_data, **arguments)
    assert train(CELL, tiny_data, **arguments).done


def test_a_device_answers_until_cuda_refuses(monkeypatch):
    from eomoo.live.devices import still_answers

    def refuse(device):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "synchronize", refuse)
    assert still_answers(torch.device("cpu"))
    assert not still_answers(torch.device("cuda:0"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert still_answers(torch.device("cuda:0"))


def test_what_was_compiled_before_is_forgotten(monkeypatch):
    """torch compiles eight networks of one class in a process, and then goes on without an error (tried)."""
    from eomoo.live.steps import compiled

    log = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: log.append("reset"))
    monkeypatch.setattr(torch, "compile", lambda network: log.append(network) or "compiled")
    assert compiled("network") == "compiled"
    assert log == ["reset", "network"]


@pytest.mark.parametrize(("free", "status"), [(39, "too big"), (30, "incident")])
def test_a_network_is_too_big_only_for_memory_that_was_free(
    tiny_data, tiny_skeleton, tmp_path, monkeypatch, free, status
):
    monkeypatch.setattr("eomoo.live.job.free_memory", lambda device: (free * 2**30, 40 * 2**30))
    monkeypatch.setattr("eomoo.live.job.device_name", lambda device: "A100")
    monkeypatch.setattr("eomoo.live.modules.CellNetwork.forward", failing(NO_MEMORY, 100))
    arguments = {"skeleton": tiny_skeleton, "recipe": RECIPE, "folder": tmp_path}
    result = train(CELL, tiny_data, **arguments)
    assert result.status == status
    if status == "too big":
        assert result.reason == "it needs more than the 40.0 GiB of A100, all of which was free"
    monkeypatch.undo()
    assert train(CELL, tiny_data, **arguments).status == ("too big" if status == "too big" else "done")


def test_a_training_that_lacked_memory_goes_on_as_if_nothing_had_been(tiny_data, tiny_skeleton, tmp_path, monkeypatch):
    arguments = {"skeleton": tiny_skeleton, "recipe": RECIPE}
    whole = train(CELL, tiny_data, folder=tmp_path / "whole", **arguments)
    from eomoo.live.modules import CellNetwork

    forward, calls = CellNetwork.forward, [0]

    def fail_once(self, x):
        calls[0] += 1
        if calls[0] == 10:
            raise NO_MEMORY
        return forward(self, x)

    monkeypatch.setattr(CellNetwork, "forward", fail_once)
    again = train(CELL, tiny_data, folder=tmp_path / "again", **arguments)
    assert calls[0] > 10
    assert_same(weights(whole), weights(again))
    assert [p.val_loss for p in again.curve] == [p.val_loss for p in whole.curve]
    calls[0] = 0
    anew = train(CELL, tiny_data, **arguments)
    assert [(p.epoch, p.val_loss) for p in anew.curve] == [(p.epoch, p.val_loss) for p in whole.curve]


def test_a_training_that_lacked_memory_keeps_nothing_on_the_device_afterwards(tiny_data, tiny_skeleton, monkeypatch):
    from eomoo.live import job

    made = []

    def note(*arguments, kind, **named):
        made.append((kind.__name__, named.get("keep", named.get("plain"))))
        return kind(*arguments, **named)

    for kind in (job.Batches, job.Steps):
        monkeypatch.setattr(job, kind.__name__, partial(note, kind=kind))
    monkeypatch.setattr("eomoo.live.modules.CellNetwork.forward", failing(NO_MEMORY, 1))
    assert train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, epochs=1).done
    first = [("Steps", False)] + [("Batches", True)] * 3
    assert made == first + [("Steps", True)] + [("Batches", False)] * 3


def test_how_steps_are_executed_is_no_other_training_unless_it_rounds_differently(tiny_data, tiny_skeleton, tmp_path):
    from eomoo.live.training import training_setting

    cell, cpu = eomoo.load_space().cell(CELL), torch.device("cpu")
    settings = {
        execution: training_setting(
            cell, tiny_data, tiny_skeleton, replace(RECIPE, execution=execution), seed=0, device=cpu
        )
        for execution in ("auto", "eager", "graph", "compiled")
    }
    assert settings["auto"] == settings["eager"] == settings["graph"]
    assert "execution" not in settings["auto"]["recipe"]
    assert settings["compiled"]["recipe"] == settings["auto"]["recipe"] | {"execution": "compiled"}
    for execution in ("graph", "compiled"):
        with pytest.raises(ValueError, match=f"execution '{execution}' needs a CUDA device; this one is cpu"):
            train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=replace(RECIPE, execution=execution), device="cpu")


def test_where_no_step_can_be_captured_they_are_taken_one_by_one(tiny_data, tiny_skeleton, monkeypatch):
    """The way of a CUDA device, on a machine without one."""
    from contextlib import nullcontext

    from eomoo.live import steps as module
    from eomoo.live.devices import Group
    from eomoo.live.network import build_network

    def failing_capture(graph, **named):
        raise RuntimeError("operation not permitted when stream is capturing")

    streams = [SimpleNamespace(wait_stream=lambda other: None)] * 2
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: streams[0])
    monkeypatch.setattr(module, "side_stream", lambda device, use: streams[1])
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object, raising=False)
    monkeypatch.setattr(torch.cuda, "graph", failing_capture)
    network = build_network(CELL, tiny_skeleton, seed=0)
    cpu = torch.device("cpu")
    steps = module.Steps(network, RECIPE, tiny_data, torch.ones(3), device=cpu, group=Group())
    steps.cuda = steps.graphs = True
    x, y = torch.from_numpy(tiny_data.train.images[:16]), torch.from_numpy(tiny_data.train.labels[:16])
    before = network.classifier.weight.detach().clone()

    def take():
        assert steps.take(x, y, None, n=16, scale=torch.tensor(1 / 16), rate=torch.tensor(0.1)) is None

    for _ in range(3):
        take()
    with pytest.warns(UserWarning, match="one by one, since none could be captured: operation not permitted"):
        take()
    assert not steps.graphs
    take()
    loss, right, *by_class = steps.sums()
    assert loss > 0
    assert right == sum(by_class) > 16
    assert not torch.equal(before, network.classifier.weight)


def test_a_training_is_on_its_own_device_of_several(tiny_data, tiny_skeleton, monkeypatch):
    from contextlib import contextmanager

    from eomoo.live import training
    from eomoo.live.modules import CellNetwork

    inside, seen, forward = [], [], CellNetwork.forward

    @contextmanager
    def current(device):
        inside.append(str(device))
        yield
        inside.pop()

    monkeypatch.setattr(training, "current_device", current)
    monkeypatch.setattr(CellNetwork, "forward", lambda self, x: seen.append(inside[:]) or forward(self, x))
    assert train(CELL, tiny_data, skeleton=tiny_skeleton, recipe=RECIPE, epochs=1, device="cpu").done
    assert len(seen) > 4
    assert all(devices == ["cpu"] for devices in seen)
    assert inside == []


def test_images_that_cannot_be_read_stop_the_training(tiny_data, tiny_skeleton, tmp_path):
    class Gone(ArrayImages):
        def batch(self, indices):
            raise eomoo.EomooError("the disk is gone")

    data = replace(tiny_data, train=Gone(tiny_data.train.images, tiny_data.train.labels))
    with pytest.raises(eomoo.EomooError, match="the disk is gone"):
        train(CELL, data, skeleton=tiny_skeleton, recipe=RECIPE, folder=tmp_path)
    assert not (tmp_path / "run.json").exists()


def test_a_damaged_file_of_weights_is_refused_and_nothing_is_executed(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    (tmp_path / "weights.pt").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ValueError, match=r"weights\.pt is damaged"):
        load_trained(tmp_path / "weights.pt")
    assert not (tmp_path / "executed").exists()


def test_accuracy_of_a_confusion_matrix_by_hand():
    accuracy = Accuracy(confusion=np.array([[6, 2, 0], [1, 1, 0], [0, 0, 0]]), loss=0.5)
    assert accuracy.micro == 0.7
    assert accuracy.per_class[:2].tolist() == [0.75, 0.5]
    assert np.isnan(accuracy.per_class[2])
    assert accuracy.macro == 0.625
    assert accuracy.majority == 0.8
    told = accuracy.to_dict()
    assert (told["micro"], told["macro"], told["per_class"]) == (0.7, 0.625, [0.75, 0.5, None])
    assert Accuracy.from_dict(told).to_dict() == told


def test_accuracy_agrees_with_scikit_learn(tiny_data, tiny_skeleton):
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, log_loss

    from eomoo.live.batches import prepare
    from eomoo.live.network import build_network

    network = build_network(CELL, tiny_skeleton, seed=0).eval()
    result = evaluate(network, tiny_data.test, tiny_data, batch_size=7)
    x = prepare(torch.from_numpy(tiny_data.test.images), tiny_data, torch.device("cpu"))
    with torch.no_grad():
        logits = network(x)
    predicted = logits.argmax(dim=1).numpy()
    labels = list(range(tiny_data.n_classes))
    assert result.confusion.tolist() == confusion_matrix(tiny_data.test.labels, predicted, labels=labels).tolist()
    probabilities = logits.double().softmax(dim=1).numpy()
    assert result.loss == pytest.approx(log_loss(tiny_data.test.labels, probabilities, labels=labels))
    assert result.micro == accuracy_score(tiny_data.test.labels, predicted)
    assert result.macro == pytest.approx(balanced_accuracy_score(tiny_data.test.labels, predicted))


def test_images_are_normalised_with_the_training_statistics(tiny_data):
    from eomoo.live.batches import prepare

    x = prepare(torch.from_numpy(tiny_data.train.images), tiny_data, torch.device("cpu"))
    assert x.mean(dim=(0, 2, 3)).numpy() == pytest.approx(0, abs=1e-5)
    assert x.std(dim=(0, 2, 3), correction=0).numpy() == pytest.approx(1, rel=1e-5)
    other = prepare(torch.from_numpy(tiny_data.test.images), tiny_data, torch.device("cpu"))
    mean, std = (np.array(v).reshape(-1, 1, 1) for v in (tiny_data.mean, tiny_data.std))
    assert other.numpy() == pytest.approx((tiny_data.test.images - mean) / std, abs=1e-5)


def test_evaluation_does_not_change_the_network(tiny_data, tiny_skeleton):
    from eomoo.live.network import build_network

    network = build_network(CELL, tiny_skeleton, seed=0).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    evaluate(network, tiny_data.test, tiny_data)
    assert network.training
    assert_same(before, network.state_dict())
