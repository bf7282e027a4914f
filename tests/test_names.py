"""The public names of the design, each of which exists and is what it says."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest
from pymoo.core.algorithm import Algorithm
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.core.sampling import Sampling

import eomoo

KINDS = {
    "PLS": Algorithm,
    "CellProblem": Problem,
    "RandomCellSampling": Sampling,
    "SurrogateParetoSampling": Sampling,
    "NeighborMutation": Mutation,
    "CellCrossover": Crossover,
    "CellDuplicateElimination": DuplicateElimination,
    "EomooError": Exception,
}
NAMES = {
    *("Catalogue", "Cell", "Skeleton", "SO2SAT", "CIFAR10", "load_space"),
    *("get_problem", "list_problems", "cell_operators", "run", "Run", "fit_models", "load_models"),
    *KINDS,
}


def test_every_public_name_is_there():
    assert set(eomoo.__all__) >= NAMES
    for name in eomoo.__all__:
        assert getattr(eomoo, name) is not None
    assert len(eomoo.__all__) == len(set(eomoo.__all__))
    assert set(eomoo.__all__) <= set(dir(eomoo))
    assert eomoo.__version__.count(".") == 2


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name):
    assert issubclass(getattr(eomoo, name), KINDS[name])


@pytest.mark.parametrize("name", sorted(eomoo.__all__))
def test_every_public_name_says_what_it_is(name):
    thing = getattr(eomoo, name)
    assert (thing if callable(thing) else type(thing)).__doc__


def test_public_methods():
    for name in ("index", "genotype", "cell", "hash", "find", "neighbors", "params", "macs"):
        assert getattr(eomoo.Catalogue, name).__doc__
    for name in ("values", "evaluate", "pareto_front", "pareto_set", "ideal_point", "nadir_point"):
        assert callable(getattr(eomoo.CellProblem, name))


def test_shipped_problems():
    wanted = [
        "eo-micro-latency",
        "eo-macro-latency",
        "eo-macro-params",
        "eo-macro-traintime",
        "eo-micro-macro-latency",
        "eo-macro-latency-params",
        "eo-table-micro-latency",
        "eo-table-macro-latency",
        "eo-table-macro-traintime",
        "nb101-error-traintime",
        "nb101-error-params",
    ]
    assert set(eomoo.list_problems()) >= set(wanted)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'eomoo' has no attribute 'Cel'"):
        _ = eomoo.Cel
    code = "from eomoo import nothing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError" in done.stderr or "ModuleNotFoundError" in done.stderr


def test_star_import():
    names: dict[str, object] = {}
    exec("from eomoo import *", names)
    assert set(eomoo.__all__) <= set(names)


# What a user calls with a place; beneath them places are paths already.
@pytest.mark.parametrize("room", ["analysis", "esann2024", "landscape", "measuring", "study", "data", "images"])
def test_a_place_may_be_a_text(room):
    module = importlib.import_module(f"eomoo.{room}")
    functions = [(name, getattr(module, name)) for name in module.__all__]
    places = [
        (name, argument, str(kind))
        for name, function in functions
        if inspect.isfunction(function) and function.__module__.startswith("eomoo.")
        for argument, kind in function.__annotations__.items()
        if argument != "return" and re.search(r"\bPath\b", str(kind))
    ]
    assert [place for place in places if "str | Path" not in place[2]] == []


def test_errors_are_the_built_in_kinds_too():
    from eomoo import errors

    kinds = {
        "CellError": ValueError,
        "CardError": ValueError,
        "DataError": ValueError,
        "DataNotFoundError": FileNotFoundError,
        "MissingPackageError": ImportError,
        "SettingError": ValueError,
        "StoreError": RuntimeError,
        "UnknownNameError": KeyError,
    }
    for name, kind in kinds.items():
        error = getattr(errors, name)
        assert issubclass(error, kind)
        assert issubclass(error, eomoo.EomooError)
        assert str(error("a sentence")) == "a sentence"
        assert str(error()) == ""
