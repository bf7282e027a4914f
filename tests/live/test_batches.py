import gc
import multiprocessing
import os
import signal

import numpy as np
import pytest

from eomoo.images import ArrayImages, Subset
from eomoo.live import batches as module
from eomoo.live.batches import Batches, batch_order, forget_residents, on_device, resident_images, share
from eomoo.live.devices import Group

torch = pytest.importorskip("torch", reason="the extra 'live' is not installed")

CPU = torch.device("cpu")
PARTS = [np.array([5, 2, 7]), np.array([0, 29]), np.array([1, 1, 3, 4])]


class Drawing:
    """A data set that draws from every global state each time an image is asked for."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        import random

        image, label = self.images[index]
        # NumPy's global state is what many data sets use.
        noise = torch.rand(1).item() + 10 * random.random() + 100 * np.random.random()  # noqa: NPY002
        return image + np.float32(noise), label


def pairs(batches, **named):
    return [(x.clone(), y.clone()) for x, y in batches.of(PARTS, **named)]


def assert_equal(first, second):
    assert len(first) == len(second)
    for (x, y), (other_x, other_y) in zip(first, second, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGTERM")
def test_readers_outlive_what_is_sent_to_all_processes_once(tiny_data):
    before = set(multiprocessing.active_children())
    readers = Batches(tiny_data.val, CPU, workers=1)
    expected = pairs(readers)
    (reader,) = set(multiprocessing.active_children()) - before
    reader.terminate()
    reader.join(1)
    assert_equal(pairs(readers), expected)
    # torch would raise an error here, if it learnt of it first.
    answer = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    reader.terminate()
    reader.join(20)
    signal.signal(signal.SIGCHLD, answer)
    assert reader.exitcode is not None


def test_batches_are_the_images_asked_for_however_they_are_read(tiny_data, monkeypatch):
    split = tiny_data.val
    expected = [(torch.from_numpy(split.images[part]), torch.from_numpy(split.labels[part])) for part in PARTS]
    assert_equal(pairs(Batches(split, CPU)), expected)
    readers = Batches(split, CPU, workers=1)
    for _ in range(2):
        assert_equal(pairs(readers), expected)
    # As on a CUDA device: read ahead and pinned by a thread, and kept there.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    ahead = Batches(split, CPU)
    monkeypatch.setattr(ahead, "_read", lambda parts, seed: ahead._ahead(parts))
    assert_equal(pairs(ahead), expected)
    monkeypatch.setattr(module, "free_memory", lambda device: (10**9, 10**9))
    kept = Batches(split, CPU)
    kept._kept = resident_images(split, CPU)
    assert_equal(pairs(kept), expected)
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x, _ in pairs(kept))


def test_processes_share_a_step_and_each_takes_all_of_one_that_is_too_small():
    parts = [np.arange(7), np.arange(2)]
    shares = [[share(part, Group(rank=rank, size=3)).tolist() for part in parts] for rank in range(3)]
    assert shares == [[[0, 3, 6], [0, 1]], [[1, 4], [0, 1]], [[2, 5], [0, 1]]]
    assert share(parts[0], Group()).tolist() == list(range(7))


def test_a_part_without_images_is_no_batch(tiny_data):
    batches = Batches(tiny_data.val, CPU).of([np.array([], dtype=np.int64), np.array([3])])
    assert [len(y) for _, y in batches] == [1]


def test_a_thread_that_reads_ahead_hands_on_what_went_wrong(tiny_data, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    seen = iter(Batches(tiny_data.val, CPU)._ahead([PARTS[0], np.array([99])]))
    next(seen)
    with pytest.raises(IndexError):
        next(seen)


def test_what_a_data_set_draws_depends_on_the_step_alone(tiny_data):
    """Not on what its reading process had drawn before, so that a training that was killed goes on the same."""
    first = Batches(Drawing(tiny_data.val), CPU, workers=1)
    one, two = pairs(first, seed=1), pairs(first, seed=2)
    assert not torch.equal(one[0][0], two[0][0])
    assert_equal(pairs(Batches(Drawing(tiny_data.val), CPU, workers=1), seed=2), two)


def test_images_stay_on_the_device_if_they_fit_and_cannot_change(tiny_data, monkeypatch):
    size = tiny_data.val.images.nbytes
    monkeypatch.setattr(module, "free_memory", lambda device: (2 * size, 10**9))
    kept = resident_images(tiny_data.val, CPU)
    assert kept is resident_images(tiny_data.val, CPU)
    assert torch.equal(kept.images.permute(0, 3, 1, 2), torch.from_numpy(tiny_data.val.images))
    assert (
        resident_images(Subset(tiny_data.val, np.arange(9)), CPU).labels.tolist() == tiny_data.val.labels[:9].tolist()
    )
    assert resident_images(Drawing(tiny_data.val), CPU) is None
    assert resident_images(Subset(Drawing(tiny_data.val), np.arange(9)), CPU) is None
    forget_residents()
    assert resident_images(tiny_data.val, CPU) is not kept
    monkeypatch.setattr(module, "free_memory", lambda device: (2 * size - 1, 10**9))
    forget_residents()
    assert resident_images(tiny_data.val, CPU) is None


def test_images_leave_the_device_with_their_split(tiny_data, monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda device: (10**9, 10**9))
    forget_residents()
    split = ArrayImages(tiny_data.val.images, tiny_data.val.labels)
    assert resident_images(split, CPU)
    assert len(module._kept) == 1
    del split
    gc.collect()
    assert not module._kept


def test_parts_come_to_the_device_as_they_were():
    parts = batch_order(10, 3, seed=0, epoch=1)
    assert [part.tolist() for part in on_device(parts, CPU)] == [part.tolist() for part in parts]
    assert on_device([], CPU) == []
