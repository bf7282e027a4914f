"""Folders with results of the synthetic backend, for tests of reports."""

import eomoo
from eomoo.fronts import FrontSummary
from eomoo.search.algorithms import AlgorithmSpec
from eomoo.search.kept_draws import drawn_facts, evaluated_facts
from eomoo.search.run import run_algorithm
from eomoo.study.store import STORE_NAME, Store

PLS = AlgorithmSpec(label="pls", algorithm="pls")
RANDOM = AlgorithmSpec(label="random", algorithm="random", options={"batch": 20})
HOSTILE = '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=2">&amp;\u2028\'`|$_{}'
NAMED = AlgorithmSpec(label=HOSTILE, algorithm="pls")


def fill(folder, *problems, specs=(PLS,), seeds=(1,), budget=120, certain=False):
    """Run algorithms on problems and store all results in a folder, which is returned.

    ``certain``: with what can be said of each front among the evaluated cells.
    """
    with Store(folder / STORE_NAME, create=True) as store:
        for problem in problems:
            number = store.add_problem(problem)
            for spec in specs:
                for seed in seeds:
                    result = run_algorithm(problem, spec, budget=budget, seed=seed)
                    extra = said_of(problem, result) if certain else {}
                    store.add_run(number, spec, seed=seed, budget=budget, result=result, extra=extra)
    return folder


def said_of(problem, result):
    found = eomoo.front_uncertainty(problem, result.front, among=result.cells, n_draws=100)
    said = {"uncertainty": FrontSummary.of(found).to_dict(), **evaluated_facts(problem, result.cells)}
    return said | drawn_facts(problem, result.cells[result.feasible])


def with_title(text, title, citation="nobody"):
    """A card's text with a title and a citation, whatever they hold."""
    quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in (title, citation)]
    return f'title = "{quoted[0]}"\ncitation = "{quoted[1]}"\n{text}'
