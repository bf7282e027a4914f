"""A tiny task and a tiny skeleton."""

import resource
import signal
from contextlib import contextmanager

import pytest
from tiny_images import make_data

import eomoo


@pytest.fixture(scope="session")
def tiny_data():
    return make_data()


@pytest.fixture(scope="session")
def tiny_skeleton():
    return eomoo.Skeleton(in_channels=2, n_classes=3, stem_channels=5, n_stacks=2, cells_per_stack=1, image_size=8)


@pytest.fixture
def small_disk():
    """A context in which no file can have more than so many bytes, as on a disk that gets full."""

    @contextmanager
    def limited(n):
        handler, (soft, hard) = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)

    return limited
