"""Probes: what a study asks of every run beside its trace, as numbers that are stored with it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from eomoo.checks import known_name, short
from eomoo.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    from eomoo.search.problem import CellProblem
    from eomoo.search.run import RunResult
    from eomoo.study.plan import Task


Probe = Callable[["CellProblem", "Task", "RunResult"], Mapping[str, float] | None]
"""(problem, task, result) -> numbers by name, or None where it has nothing to say of a run."""

PROBES: dict[str, Probe] = {}
"""Probes by short name, entered by the packages that bring them; all others go by their import path."""


def find_probe(probe: str) -> Probe:
    """The function that a study names: a short name of ``PROBES``, or an import path "module:function".

    A worker process gets it by that path too, so the module must be importable there.

    Raises:
        UnknownNameError: (a KeyError) There is no such name, module or function.
        SettingError: (a ValueError) The module fails when it is imported.
    """
    if ":" not in probe:
        return PROBES[known_name("probe (one of your own is named as mymodule:function)", probe, PROBES)]
    module, _, name = probe.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(
            f"the probe {short(probe)} is not found: {error}; name it as module:function, and put the "
            "module's folder on PYTHONPATH"
        ) from None
    except Exception as error:
        raise SettingError(f"the module of the probe {short(probe)} fails on import: {error!r}") from error
    if not callable(found):
        raise UnknownNameError(f"the probe {short(probe)} is no function")
    function: Probe = found
    return function


def ask(name: str, probe: Probe, problem: CellProblem, task: Task, result: RunResult) -> dict[str, float]:
    """A probe's numbers of one run; none where it has nothing to say."""
    try:
        found = probe(problem, task, result)
        return {str(key): float(value) for key, value in (found or {}).items()}
    except Exception as error:
        raise SettingError(
            f"the probe {name} must return numbers by name, or None; on {task.spec.label}, seed {task.seed}, "
            f"of {task.problem.card} it fails: {error!r}"
        ) from error
