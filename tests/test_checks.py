"""What is said of a file that cannot be used: its own faults, and not the machine's."""

import errno
import os

import numpy as np
import pytest

from eomoo.checks import explained, short
from eomoo.errors import DataError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("odd header"), "f.npz is damaged: odd header; copy it again"),
        (RecursionError("too deep"), "f.npz is damaged: too deep; copy it again"),
        (OSError("truncated"), "f.npz is damaged: truncated; copy it again"),
        (OSError(errno.EINVAL, "Invalid argument"), "f.npz is damaged: [Errno 22] Invalid argument; copy it again"),
        *(
            (OSError(number, os.strerror(number)), f"cannot read f.npz: {os.strerror(number).lower()}")
            for number in (errno.EMFILE, errno.ENOSPC, errno.EIO, errno.ENOMEM)
        ),
        (RuntimeError("alloc: can't allocate memory"), "f.npz cannot be read: alloc: can't allocate memory"),
    ],
)
def test_a_fault_of_the_machine_is_not_called_the_files(error, said):
    with pytest.raises(DataError) as found, explained("f.npz", "is damaged", "; copy it again"):
        raise error
    assert str(found.value) == said


def test_a_number_of_numpy_is_written_as_any_other():
    given = (np.float64("inf"), np.int64(3), np.bool_(True), np.str_("x"))
    assert [short(value) for value in given] == ["inf", "3", "True", "'x'"]


def test_a_lack_of_memory_stays_one():
    with pytest.raises(MemoryError), explained("f.npz", "is damaged"):
        raise MemoryError
