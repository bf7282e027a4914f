"""Optional packages, imported when they are used, with the command that installs a missing one."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from eomoo.errors import MissingPackageError

_EXTRA = {
    **dict.fromkeys(("dask", "distributed", "dask_jobqueue"), "cluster"),
    "pyarrow": "parquet",
    "openvino": "openvino",
}


def require(module: str, *, purpose: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Its name, such as "torch" or "onnxruntime".
        purpose: What it is needed for, as in "to train a network".

    Raises:
        MissingPackageError: (an ImportError) It is not installed; the text has the command to do it.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != package:
            raise
        extra = _EXTRA.get(package, "live")
        raise MissingPackageError(
            f"{package} is needed {purpose}; install it with: pip install 'eomoo[{extra}]'"
        ) from None


class _OnFirstUse(ModuleType):
    """A package that takes long to import, imported when something of it is first used."""

    def __init__(self, name: str, purpose: str) -> None:
        super().__init__(name)
        self._purpose = purpose

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # What looks through modules asks for such names, and is to find none.
            raise AttributeError(name)
        return getattr(require(self.__name__, purpose=self._purpose), name)


if TYPE_CHECKING:
    import pandas as pandas
    import torch as torch
else:
    pandas = _OnFirstUse("pandas", "to read and write tables")
    torch = _OnFirstUse("torch", "to build, train and time networks")


def load_matplotlib() -> None:
    """Import matplotlib, also where ``MPLBACKEND`` names a backend that is not installed here.

    So it is in programs that a notebook starts, whose own kernel has the backend that it names.
    """
    if "matplotlib" in sys.modules:
        return
    named = os.environ.pop("MPLBACKEND", None)
    try:
        matplotlib = import_module("matplotlib")
    finally:
        if named is not None:
            os.environ["MPLBACKEND"] = named
    if named is not None:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = named
