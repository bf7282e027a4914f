"""What every backend keeps to, whichever way its values come about."""

import ast
import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import synthetic

import eomoo
from eomoo.data.nasbench_convert import METRICS, STAGES, column_name
from eomoo.errors import SettingError, UnknownNameError
from eomoo.fronts import Quantity
from eomoo.models.applicability import MARKS
from eomoo.objectives.analytic import AnalyticBackend
from eomoo.objectives.backends import BACKENDS
from eomoo.objectives.base import Backend
from eomoo.objectives.live import LiveBackend
from eomoo.objectives.nasbench101 import NASBench101Backend
from eomoo.objectives.surrogate import SurrogateBackend
from eomoo.objectives.table import TableBackend
from eomoo.space import load_space

N = len(load_space())
ROOT = Path(eomoo.__file__).parent
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def own_table():
    """A partial table with gaps, a failure and a cell that was measured twice."""
    return TableBackend(
        [3, 700, 423_623, 8, 700],
        {"energy": [0.5, 7.0, 9.0, np.nan, 8.0], "acc": [0.5, 0.75, np.nan, 0.25, 0.7]},
        {
            "energy": Quantity(title="energy", unit="J", direction="min"),
            "acc": Quantity(title="validation accuracy", unit="fraction", direction="max"),
        },
        failed={"acc": np.array([False, False, True, False, False])},
    )


def nasbench101_file(folder):
    """A file as the converter writes it, of made-up values, in which one cell has none."""
    rng = np.random.default_rng(0)
    names = [column_name(m, 108, s) for s in STAGES for m in METRICS]
    record = np.zeros(1, dtype=[(name, "<f4", (N, 3)) for name in names])
    for name in names:
        record[name] = rng.random((N, 3)) * (1000 if "time" in name else 1)
        record[name][0, 9] = np.nan
    np.save(folder / "made_up.npy", record)
    return folder / "made_up.npy"


class FakeLive(LiveBackend):
    """Counts networks; neither trains nor times any."""

    @property
    def skeleton(self):
        return AnalyticBackend().skeleton

    def fingerprint(self):
        return "no images"


def live(folder):
    from eomoo.live import Campaign, DataSource

    return FakeLive(Campaign(source=DataSource(name="landsat-nc"), folder=folder))


MAKE = {
    "analytic": lambda tmp: AnalyticBackend(),
    "live": lambda tmp: live(tmp),
    "nasbench101": lambda tmp: NASBench101Backend(nasbench101_file(tmp)),
    "surrogate": lambda tmp: SurrogateBackend(),
    "synthetic": lambda tmp: synthetic.SyntheticBackend(),
    "table": lambda tmp: own_table(),
    "table at random": lambda tmp: TableBackend(
        np.repeat(np.arange(1000), 3),
        {"err": np.random.default_rng(0).random(3000)},
        {"err": synthetic.QUANTITIES["err"]},
        repeat="random",
    ),
}
NAMES = {"live": ["params", "macs"]}
CELLS = np.array([3, 423_623, 9, 700, 3, 8, 5])


@pytest.fixture(scope="module", params=MAKE)
def backend(request, tmp_path_factory):
    made = MAKE[request.param](tmp_path_factory.mktemp("backend"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def names(backend):
    return NAMES.get(backend.name, list(backend.quantities))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nobody_asks_a_backend_what_it_has(module):
    """What a backend may have has a default in the base class."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asks = node.func.id in ("hasattr", "getattr") and "backend" in ast.unparse(node.args[0])
            assert not asks, f"{module}:{node.lineno}: {ast.unparse(node)}"


def test_every_kind_of_backend_is_here():
    # Tests and benchmarks add backends of their own, functions of other modules.
    own = {name for name, kind in BACKENDS.items() if kind.build.__module__.startswith("eomoo.")}
    assert own
    assert own <= set(MAKE), "a backend without a contract"


def test_it_says_what_it_offers(backend):
    assert isinstance(backend, Backend)
    assert backend.name
    assert isinstance(backend.enumerable, bool)
    for name, quantity in backend.quantities.items():
        assert isinstance(quantity, Quantity), name
        assert quantity.title
        assert quantity.direction in ("min", "max")
    assert backend.skeleton is None or backend.skeleton.n_classes > 1


def test_values_are_an_array_of_its_own_in_the_order_asked_for(backend, names):
    found = backend.values(CELLS, names)
    assert (found.shape, found.dtype) == ((len(CELLS), len(names)), np.float64)
    again = backend.values(CELLS[::-1], names[::-1])
    np.testing.assert_array_equal(again[::-1, ::-1], found)
    one_by_one = np.concatenate([backend.values(cell, names) for cell in CELLS])
    np.testing.assert_array_equal(one_by_one, found)
    alone = np.concatenate([backend.values(CELLS, [name]) for name in names], axis=1)
    np.testing.assert_array_equal(alone, found)
    found[:] = -1
    np.testing.assert_array_equal(backend.values(CELLS[::-1], names[::-1]), again)
    np.testing.assert_array_equal(backend.values(CELLS.astype(np.int32), names)[::-1, ::-1], again)


def test_the_last_rung_is_a_full_training_and_all_cost_something(backend, names):
    assert list(backend.rungs) == sorted(backend.rungs)
    assert backend.rungs[-1] == 1.0
    assert {backend.cost(name) for name in backend.quantities} <= {"free", "cheap", "dear"}
    np.testing.assert_array_equal(backend.at_rung(CELLS, names, 1.0), backend.values(CELLS, names))
    effort = backend.effort(CELLS)
    assert effort.shape == CELLS.shape
    assert (effort > 0).all()
    with pytest.raises(SettingError, match=r"no training of 0\.77 of the full one"):
        backend.at_rung(CELLS, names, 0.77)


def test_deviations_are_shaped_as_values_and_known_where_these_are(backend, names):
    values, deviations = backend.values(CELLS, names), backend.deviations(CELLS, names)
    assert (deviations.shape, deviations.dtype) == (values.shape, np.float64)
    assert (deviations[~np.isnan(values)] >= 0).all()
    np.testing.assert_array_equal(backend.deviations(CELLS[::-1], names)[::-1], deviations)


def test_an_error_is_its_accuracy_turned_round(backend, names):
    for name in names:
        accuracy = name.removesuffix("_error")
        if name != accuracy and accuracy in names:
            good, bad = backend.values(CELLS, [accuracy, name]).T
            np.testing.assert_allclose(bad, 100 - 100 * good)
            good, bad = backend.deviations(CELLS, [accuracy, name]).T
            np.testing.assert_allclose(bad, 100 * good)
            good, bad = np.moveaxis(backend.joint_draws(CELLS, [accuracy, name], 3, seed=0), 2, 0)
            np.testing.assert_allclose(bad, 100 - 100 * good)
            assert backend.quantities[name].direction == "min"


def test_what_is_not_known_has_no_value(backend, names):
    for some in ([], names[:1], names):
        known = backend.known(some)
        if known is None:
            continue
        assert known.dtype == np.int64
        assert (np.diff(known) > 0).all()
        others = np.setdiff1d(np.arange(0, N, 501), known)
        if some:
            assert np.isnan(backend.values(others, some)).any(axis=1).all()
    if backend.enumerable and backend.known(names) is None:
        assert np.isfinite(backend.values(CELLS, names[:1])).all()


def test_a_draw_depends_on_the_seed_and_the_cell_alone(backend, names):
    found = backend.draw(CELLS, names, 1)
    if found is None:
        assert backend.draw([], [], 2) is None
        return
    values = backend.values(CELLS, names)
    assert found.shape == values.shape
    np.testing.assert_array_equal(backend.draw(CELLS[::-1], names, 1)[::-1], found)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    many = [backend.draw(CELLS, names, seed) for seed in range(20)]
    assert any(not np.array_equal(other, found, equal_nan=True) for other in many)


def test_joint_draws_lie_around_what_is_expected_as_far_as_these_are_not_known(backend, names):
    values, unknown = backend.expected(CELLS, names), backend.ignorance(CELLS, names)
    assert (unknown.shape, unknown.dtype) == (values.shape, np.float64)
    known = ~np.isnan(values)
    assert (unknown[known] <= backend.deviations(CELLS, names)[known]).all()
    found = backend.joint_draws(CELLS, names, 400, seed=1)
    assert found.shape == (400, *values.shape)
    np.testing.assert_array_equal(np.isnan(found), np.broadcast_to(~known, found.shape))
    exact = known & (unknown == 0)
    np.testing.assert_array_equal(found[:, exact], np.broadcast_to(values[exact], (400, exact.sum())))
    vague = known & (unknown > 0)
    # The mean of 400 is known to a twentieth of a deviation, a deviation to 4 %; logarithms shift them a little.
    errors = (found[:, vague] - values[vague]) / unknown[vague]
    np.testing.assert_allclose(errors.mean(axis=0), 0, atol=0.25)
    np.testing.assert_allclose(errors.std(axis=0), 1, atol=0.25)


def test_joint_draws_of_any_backend_leave_out_the_noise_of_a_measurement():
    class Noisy(Backend):
        name = "noisy"

        def __init__(self):
            self.quantities = {"watts": Quantity(title="power", unit="W", direction="min")}

        def _values(self, cells, names):
            return np.ones((len(cells), 1))

        def _deviations(self, cells, names):
            return np.full((len(cells), 1), 9.0)

        def _ignorance(self, cells, names):
            return np.full((len(cells), 1), 2.0)

    found = Noisy().joint_draws(np.arange(20), ["watts"], 400, seed=1)
    # 8,000 numbers tell a deviation to 1 %.
    assert found.std() == pytest.approx(2.0, rel=0.05)


def own_backend(told, deviations=lambda cells: np.zeros((len(cells), 2))):
    """A backend of two quantities that tells what a function makes of the cells."""

    class Own(Backend):
        name = "own"
        quantities = dict.fromkeys("ab", Quantity(title="power", unit="W", direction="min"))

        def _values(self, cells, names):
            return told(cells)

        def _deviations(self, cells, names):
            return deviations(cells)

    return Own()


def asked(backend):
    """What is asked of a backend of the values of four cells."""
    four = ([4, 3, 2, 1], ["a", "b"])
    return [backend.values(*four), backend.expected(*four), backend.joint_draws(*four, 1, seed=0)[0]]


@pytest.mark.parametrize("shape", [(4, 1), (1, 2), (2, 4), (4,), (4, 2, 1), ()])
def test_values_of_another_shape_are_refused_instead_of_stretched(shape):
    for ask in (Backend.values, Backend.expected, lambda *given: Backend.joint_draws(*given, 1, seed=0)):
        with pytest.raises(SettingError, match=r"own backend must tell values of the shape \(4, 2\); got"):
            ask(own_backend(lambda cells: np.ones(shape)), [1, 2, 3, 4], ["a", "b"])


@pytest.mark.parametrize(
    "wrong", ["fast", [["1.5", "2"]] * 4, [[1, 2], [3]], np.ones((4, 2)) + 1j, np.ones((4, 2), dtype="M8[s]"), {"a": 1}]
)
def test_values_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(SettingError, match=r"what the own backend tells must be numbers"):
        own_backend(lambda cells: wrong).values([1, 2, 3, 4], ["a", "b"])


@pytest.mark.parametrize("none", [None, np.nan, np.inf, -np.inf, "masked"])
def test_what_is_no_finite_number_is_no_value_whatever_holds_it(none):
    def told(cells):
        numbers = [[5, none], [6, 7]] * 2
        return np.ma.array([[5, 8], [6, 7]] * 2, mask=[[0, 1], [0, 0]] * 2) if none == "masked" else numbers

    for found in asked(own_backend(told)):
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, [[5, np.nan], [6, 7]] * 2)


def test_a_backend_that_sorts_what_it_is_given_sorts_it_for_itself():
    given = []

    def told(cells):
        given.append(cells.tolist())
        cells.sort()
        return np.zeros((4, 2))

    own_backend(told, told).joint_draws([4, 3, 2, 1], ["a", "b"], 1, seed=0)
    assert given == [[4, 3, 2, 1]] * 2


@pytest.mark.parametrize("wrong", [-0.5, np.inf])
def test_a_deviation_that_cannot_be_is_not_taken_for_an_exact_value(wrong):
    backend = own_backend(lambda cells: np.ones((4, 2)), lambda cells: np.full((4, 2), wrong))
    for ask in (backend.deviations, backend.ignorance, lambda *given: backend.joint_draws(*given, 1, seed=0)):
        with pytest.raises(SettingError, match=rf"finite and at least 0, or NaN without a value; got {wrong}"):
            ask([1, 2, 3, 4], ["a", "b"])


def test_a_joint_draw_depends_on_the_seed_and_the_cell_alone(backend, names):
    found = backend.joint_draws(CELLS, names, 5, seed=1)
    np.testing.assert_array_equal(found[:, 0], found[:, 4])
    turned = backend.joint_draws(CELLS[::-1], names[::-1], 5, seed=1)
    np.testing.assert_array_equal(turned[:, ::-1, ::-1], found)
    if (backend.ignorance(CELLS, names) > 0).any():
        assert not np.array_equal(backend.joint_draws(CELLS, names, 5, seed=2), found, equal_nan=True)


def test_nothing_asked_is_nothing_told(backend, names):
    nothing = np.empty(0, dtype=np.int64)
    for ask in (backend.values, backend.deviations):
        assert ask(nothing, names).shape == (0, len(names))
        assert ask([], names).shape == (0, len(names))
        assert ask(CELLS, []).shape == (len(CELLS), 0)
    assert backend.joint_draws(nothing, names, 4, seed=0).shape == (4, 0, len(names))
    assert backend.joint_draws(CELLS, [], 4, seed=0).shape == (4, len(CELLS), 0)
    assert backend.extrapolates(nothing).shape == (0,)


def test_where_it_extrapolates_is_told_for_each_cell(backend):
    outside = backend.extrapolates(CELLS)
    assert (outside.shape, outside.dtype) == (CELLS.shape, bool)
    np.testing.assert_array_equal(backend.extrapolates(CELLS[::-1])[::-1], outside)


def test_an_unknown_quantity_is_named(backend, names):
    for ask in (backend.values, backend.deviations):
        with pytest.raises(UnknownNameError, match=f"the {backend.name} backend has no quantity 'speed'; it of"):
            ask(CELLS, [*names, "speed"])


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ([3, -1], "no cell has the index -1"),
        ([423_624], "no cell has the index 423624"),
        ([0.5], "whole number; got float64"),
        (["3"], "whole number"),
    ],
)
def test_an_impossible_index_is_named(backend, names, cells, sentence):
    for ask in (backend.values, backend.deviations):
        with pytest.raises(SettingError, match=sentence):
            ask(np.array(cells), names)
    with pytest.raises(SettingError, match=sentence):
        backend.extrapolates(np.array(cells))


def test_copies_and_pickles_answer_alike(backend, names):
    expected = backend.values(CELLS, names)
    for twin in (copy.deepcopy(backend), pickle.loads(pickle.dumps(backend))):
        np.testing.assert_array_equal(twin.values(CELLS, names), expected)
        assert twin.fingerprint() == backend.fingerprint()
        twin.close()


def test_the_fingerprint_is_a_text_that_stays(backend):
    assert isinstance(backend.fingerprint(), str)
    assert backend.fingerprint() == backend.fingerprint()


def test_it_may_be_closed_twice_and_asked_again(backend, names):
    expected = backend.values(CELLS, names)
    backend.close()
    backend.close()
    np.testing.assert_array_equal(backend.values(CELLS, names), expected)


def test_it_reports_to_whoever_listens(backend):
    backend.report("nobody listens")
    heard = []
    listening = copy.copy(backend)
    listening.report = heard.append
    listening.report("training")
    assert heard == ["training"]


def test_marks_are_words_for_each_value(backend):
    names = NAMES.get(backend.name, list(backend.quantities)[:2])
    marks = backend.marks(CELLS, names)
    assert marks.shape == (len(CELLS), len(names))
    said = {word for mark in marks.ravel() for word in mark.split(", ")}
    assert said <= ({"", *MARKS} if backend.predicts else {""})
    assert backend.marks([], names).shape == (0, len(names))
    # What is told of predictions, not of what went wrong.
    assert all(": predicted; held-out cells were off by" in note for note in backend.notes())
    with pytest.raises(KeyError, match="has no quantity"):
        backend.marks(CELLS, ["nothing"])


def test_what_has_no_networks_exports_none(backend, tmp_path):
    if isinstance(backend, LiveBackend):
        pytest.skip("it exports what it trained")
    assert backend.export([3], tmp_path) == []
    assert not list(tmp_path.iterdir())
