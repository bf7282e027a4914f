"""What models were fitted to: which predictions lie beyond it, and how that is said."""

import numpy as np

from eomoo.models.applicability import FAILS, FAR, OPERATIONS, VALUE, Applicability, operation_counts


def test_operations_are_counted_whatever_their_order(space):
    cells = np.random.default_rng(0).choice(len(space), 300, replace=False)
    for cell, found in zip(cells, operation_counts(cells), strict=True):
        one = space.cell(int(cell))
        ops = list(one.ops)
        expected = [one.n_vertices, *(ops.count(op) for op in ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"))]
        assert found.tolist() == expected


def test_a_cell_is_known_by_its_operations(space):
    measured = np.random.default_rng(1).choice(len(space), 40, replace=False)
    domain = Applicability.of(measured, {"cost": np.ones(40)})
    every = np.arange(len(space))
    known = {tuple(row) for row in operation_counts(measured)}
    found = domain.has_operations(every)
    assert found[measured].all()
    some = every[::1_777]
    assert [tuple(row) in known for row in operation_counts(some)] == found[some].tolist()
    assert not found.all()


def test_marks_say_all_that_lessens_a_prediction(space):
    counts = operation_counts(np.arange(len(space)))
    pools = np.flatnonzero((counts == (7, 0, 0, 5)).all(axis=1))[:2]
    convs = np.flatnonzero((counts == (7, 5, 0, 0)).all(axis=1))[:2]
    domain = Applicability.of(convs, {"cost": np.array([1.0, 3.0]), "acc": np.array([0.5, np.nan])})
    assert domain.ranges == {"cost": (1.0, 3.0), "acc": (0.5, 0.5)}
    cells = np.concatenate((convs, pools))
    values = {"cost": np.array([1.0, 3.1, 2.0, 0.9]), "acc": np.full(4, 0.5)}
    marks = domain.marks(cells, values, np.array([0.0, 1.0, 1.1, 0.5]))
    assert marks["cost"] == ["", VALUE, f"{OPERATIONS}, {FAR}", f"{OPERATIONS}, {VALUE}"]
    likely = domain.marks(convs, {"cost": np.ones(2)}, np.zeros(2), fails=np.array([0.49, 0.5]))
    assert likely["cost"] == ["", FAILS]
    assert marks["acc"] == ["", "", f"{OPERATIONS}, {FAR}", OPERATIONS]
