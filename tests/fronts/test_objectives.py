"""One place turns directions round, and nobody else does."""

import ast
import copy
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import eomoo
from eomoo.errors import SettingError
from eomoo.fronts.objectives import Objective, Objectives, Quantity

PARTS = (
    Objective(name="acc", title="accuracy", unit="%", direction="max"),
    Objective(name="params", title="parameters", unit="", direction="min"),
)
BOTH = Objectives(PARTS, (70.0, 3e6))
ROOT = Path(eomoo.__file__).parent
FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py") if path.parent.name != "fronts")


def test_minimised_values_are_turned_and_turned_back():
    raw = np.array([[80.0, 1e6], [np.nan, -2e6]])
    F = BOTH.minimise(raw)
    np.testing.assert_array_equal(F, [[-80.0, 1e6], [np.nan, -2e6]])
    np.testing.assert_array_equal(BOTH.raw(F), raw)
    assert BOTH.minimise(raw[0]).tolist() == [-80.0, 1e6]
    assert raw[0, 0] == 80.0, "the values given stay as they are"
    assert BOTH.reference.tolist() == [-70.0, 3e6]
    assert Objectives(PARTS).reference is None


def test_the_best_so_far_is_raw():
    values = np.array([[3.0, 3.0], [5.0, 4.0], [1.0, 2.0]])
    assert BOTH.best_so_far(values).tolist() == [[3.0, 3.0], [5.0, 3.0], [5.0, 2.0]]


def test_facts_are_told_in_order():
    assert (len(BOTH), BOTH[1].name) == (2, "params")
    assert (BOTH.names, BOTH.titles) == (["acc", "params"], ["accuracy", "parameters"])
    assert (BOTH.units, BOTH.directions) == (["%", ""], ["max", "min"])
    assert [o.label for o in BOTH] == ["accuracy (%)", "parameters"]
    assert [o.larger_is_better for o in BOTH] == [True, False]


def test_plain_data_gives_the_same_objectives_again():
    for objectives in (BOTH, Objectives(PARTS)):
        again = Objectives.from_dict(json.loads(json.dumps(objectives.to_dict())))
        assert again == objectives == copy.deepcopy(objectives)
        assert hash(again) == hash(objectives)
    assert Objectives(PARTS) != BOTH
    turned = Objective(name="acc", title="accuracy", unit="%", direction="min")
    assert Objectives((turned, PARTS[1]), (70.0, 3e6)) != BOTH


@pytest.mark.parametrize(
    ("parts", "point", "sentence"),
    [((), None, "at least one"), ((PARTS[0], PARTS[0]), None, "names that differ"), (PARTS, (1.0,), "needs 2 numbers")],
)
def test_impossible_objectives_are_refused(parts, point, sentence):
    with pytest.raises(SettingError, match=sentence):
        Objectives(parts, point)


@pytest.mark.parametrize("direction", ["up", "maximise", "", None, ["max"]])
def test_a_direction_that_is_none_is_not_taken_for_less_is_better(direction):
    for make in (Quantity, partial(Objective, name="a")):
        with pytest.raises(SettingError, match=r'^.accuracy.: a direction is "min" or "max"; got'):
            make(title="accuracy", unit="%", direction=direction)


def words_of(node):
    """The words of the name that a value is called by: those of "_signs" in problem._signs[0]."""
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return [key] if isinstance(key, str) else words_of(node.value)
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.strip("_").split("_")


def is_sign(node):
    # Not a direction: an objective's is no number, and other directions are, such as those of a sphere.
    return bool({"sign", "signs"} & set(words_of(node)))


def is_direction(node):
    return bool({"direction", "directions"} & set(words_of(node))) or words_of(node)[:1] == ["larger"]


def turns_a_direction(node):
    """Whether a node multiplies by a sign, or makes one, or a word, of a direction."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return is_sign(node.left) or is_sign(node.right)
    if isinstance(node, ast.IfExp):
        # "-1.0 if larger_is_better else 1.0", "-x if direction == 'max' else x".
        negates = any(isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub) for n in ast.walk(node))
        return negates and any(map(is_direction, ast.walk(node.test)))
    if isinstance(node, ast.Compare):
        sides = (node.left, *node.comparators)
        ends = {side.value for side in sides if isinstance(side, ast.Constant)}
        return bool(ends & {"min", "max"}) and any(map(is_direction, sides))
    return False


@pytest.mark.parametrize(
    "code",
    [
        "F = values * self._signs",
        "F = problem.signs * values",
        "x = sign * (value - limit)",
        "s = 1.0 if o.direction == 'min' else -1.0",
        "s = 'minimised' if o['direction'] == 'min' else 'maximised'",
        "s = -1.0 if indicator.larger_is_better else 1.0",
        "best = signs[0] * values",
    ],
)
def test_the_check_knows_what_a_turned_direction_looks_like(code):
    assert any(map(turns_a_direction, ast.walk(ast.parse(code))))


@pytest.mark.parametrize("module", FILES, ids=str)
def test_nobody_else_turns_a_direction(module):
    nodes = ast.walk(ast.parse((ROOT / module).read_text()))
    found = [f"{module}:{node.lineno}: {ast.unparse(node)}" for node in nodes if turns_a_direction(node)]
    assert not found, "fronts.Objectives turns directions round, nothing else"
