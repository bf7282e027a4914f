"""A tiny task and a tiny skeleton."""

import pytest
from tiny_images import make_data

import eomoo


@pytest.fixture(scope="session")
def tiny_data():
    return make_data()


@pytest.fixture(scope="session")
def tiny_skeleton():
    return eomoo.Skeleton(in_channels=2, n_classes=3, stem_channels=5, n_stacks=2, cells_per_stack=1, image_size=8)
