"""The examples in docstrings of public names: each has one, and it is run."""

import doctest
import inspect
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize

import eomoo
from eomoo import errors

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


# Arguments that classes of pymoo's hand on.
HANDED_ON = {"kwargs", "func"}


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_names_every_argument_and_the_kind_of_every_error(name):
    written = inspect.getdoc(getattr(eomoo, name))
    said, _, raised = written.partition("\nExamples:")[0].partition("\nRaises:")
    parameters = inspect.signature(getattr(eomoo, name)).parameters if name != "EomooError" else ()
    assert not [p for p in parameters if p not in HANDED_ON and not re.search(rf"\b{p}\b", said)]
    for names, told in re.findall(r"^ {4}(\w+(?:, \w+)*): (.*)$", raised, re.M):
        for error in names.split(", "):
            kinds = {kind.__name__ for kind in getattr(errors, error).__mro__}
            assert kinds.intersection(re.findall(r"^\(an? (\w+)\)", told)), f"{error}: {told}"
