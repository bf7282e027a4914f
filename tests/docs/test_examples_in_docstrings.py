"""The examples in docstrings of public names: each has one, and it is run."""

import doctest
import inspect
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize

import eomoo

# Constants, whose classes have the example.
WITHOUT = {"CIFAR10", "SO2SAT", "__version__"}
NAMES = sorted(set(eomoo.__all__) - WITHOUT)
# What an example takes for granted, as the page of reference says.
KNOWN = {"eomoo": eomoo, "np": np, "pd": pd, "NSGA2": NSGA2, "minimize": minimize, "replace": replace}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_gives_what_it_says(name, space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    thing = getattr(eomoo, name)
    written = inspect.getdoc(thing)
    # Under a heading of another name the page of reference shows no code.
    assert "\nExamples:\n    >>> " in written, f"{name} has no example"
    examples = doctest.DocTestParser().get_examples(written)
    if name == "build_network":
        pytest.importorskip("torch", reason="needs torch")
    known = {**KNOWN, "space": space, "problem": eomoo.get_problem("eo-macro-latency")}
    test = doctest.DocTest(examples, known, name, name, 0, None)
    told = []
    doctest.DocTestRunner().run(test, out=told.append)
    assert not told, "".join(told)
