"""One cell: what is accepted, pruned, hashed; every refusal by its text."""

import copy
import pickle

import numpy as np
import pytest
import twins

import eomoo
from eomoo.errors import CellError

C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
CHAIN = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


def full(n):
    return np.triu(np.ones((n, n), dtype=int), 1)


def line(n):
    return np.eye(n, k=1, dtype=int)


@pytest.mark.parametrize(
    ("matrix", "ops", "text"),
    [
        ([[0, 1, 0], [0, 0, 1]], ["input", C3, "output"], r"not square: its shape is \(2, 3\)"),
        ([[0, 1], [0]], ["input", "output"], "not square: its rows differ in length"),
        ([0, 1], ["input", "output"], "not square"),
        ([[[0]]], ["input"], "not square"),
        (5, ["input", "output"], "not square"),
        ([], [], "not square"),
        ([[0]], ["input"], "at least an input and an output"),
        (np.zeros((0, 0)), [], "at least an input and an output"),
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], ["input", C3, "output"], "from vertex 2 to vertex 0"),
        ([[1, 1], [0, 0]], ["input", "output"], "not upper triangular.*from vertex 0 to vertex 0"),
        ([[0, 2], [0, 0]], ["input", "output"], "only 0 and 1"),
        ([[0, -1], [0, 0]], ["input", "output"], "only 0 and 1"),
        ([[0, 257], [0, 0]], ["input", "output"], "only 0 and 1"),
        ([[0, 0.5], [0, 0]], ["input", "output"], "only 0 and 1"),
        ([[0, np.nan], [0, 0]], ["input", "output"], "only 0 and 1"),
        ([["0", "1"], ["0", "0"]], ["input", "output"], "only 0 and 1"),
        ([[0, None], [0, 0]], ["input", "output"], "only 0 and 1"),
        (CHAIN, ["input", "conv5x5", "output"], "unknown operation 'conv5x5'.*conv3x3-bn-relu"),
        (CHAIN, ["input", 0, "output"], "unknown operation 0"),
        (CHAIN, ["input", None, "output"], "unknown operation None"),
        (CHAIN, ["input", ["conv3x3"], "output"], "unknown operation"),
        (CHAIN, ["input", "input", "output"], "unknown operation 'input'"),
        (CHAIN, ["input", "output"], "lengths differ: 3 vertices in the matrix, 2 operations"),
        (CHAIN, [], "lengths differ"),
        (CHAIN, "abc", "operations are a list of 3 names; got str"),
        (CHAIN, None, "operations are a list of 3 names; got NoneType"),
        (CHAIN, {"input", C3, "output"}, "operations are a list of 3 names; got set"),
        (CHAIN, {0: "input", 1: C3, -1: "output"}, "operations are a list of 3 names; got dict"),
        (CHAIN, iter(["input", C3, "output"]), "operations are a list of 3 names; got list_iterator"),
        (CHAIN, [C3, C3, "output"], 'must begin with "input"'),
        (CHAIN, ["output", C3, "input"], 'must begin with "input"'),
        (np.zeros((3, 3)), ["input", C3, "output"], "no path leads from its input to its output"),
        ([[0, 1, 0], [0, 0, 0], [0, 0, 0]], ["input", C3, "output"], "no path leads"),
        (line(8), ["input", *[C3] * 6, "output"], "8 vertices after pruning; the space allows 7"),
        (full(5), ["input", *[C3] * 3, "output"], "10 edges after pruning; the space allows 9"),
        (full(7), ["input", *[C3] * 5, "output"], "21 edges after pruning"),
    ],
)
def test_what_is_wrong_is_said(matrix, ops, text):
    with pytest.raises(ValueError, match=text) as caught:
        eomoo.Cell(matrix, ops)
    assert isinstance(caught.value, CellError)
    assert "\n" not in str(caught.value)


def test_limits_hold_after_pruning_only():
    matrix = full(8)
    matrix[:, 1:7] = 0
    matrix[1:7, :] = full(8)[1:7, :]
    assert matrix.sum() > 9
    cell = eomoo.Cell(matrix, ["input", *[MP] * 6, "output"])
    assert (cell.n_vertices, cell.n_edges, cell.ops) == (2, 1, ("input", "output"))


def test_pruning_keeps_the_operations_of_the_vertices_that_stay():
    matrix = np.zeros((7, 7), dtype=int)
    matrix[0, [1, 2, 4]] = matrix[2, 6] = matrix[4, 6] = matrix[3, 6] = matrix[1, 5] = 1
    cell = eomoo.Cell(matrix, ["input", C3, C1, C3, MP, C3, "output"])
    assert cell.ops == ("input", C1, MP, "output")
    assert cell.op_codes == (1, 2)
    assert cell.matrix.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, float, np.float16])
def test_any_type_of_zero_and_one(dtype):
    assert eomoo.Cell(np.array(CHAIN, dtype=dtype), ["input", MP, "output"]) == eomoo.Cell(
        CHAIN, ("input", "maxpool", "output")
    )


def test_inputs_are_neither_kept_nor_changed():
    matrix, ops = np.array(CHAIN), ["input", C3, "output"]
    cell = eomoo.Cell(matrix, ops)
    before = cell.hash
    matrix[0, 2] = 1
    ops[1] = MP
    assert cell.matrix.tolist() == CHAIN
    assert cell.hash == eomoo.Cell(cell.matrix, cell.ops).hash == before
    with pytest.raises(ValueError, match="read-only"):
        cell.matrix[0, 1] = 0


def test_isomorphic_cells_are_equal_and_hash_alike():
    one = eomoo.Cell([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0] * 4], ["input", C3, MP, "output"])
    two = eomoo.Cell([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0] * 4], ["input", MP, C3, "output"])
    other = eomoo.Cell([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0] * 4], ["input", MP, MP, "output"])
    assert one == two
    assert len({one, two, other}) == 2
    assert one != other
    assert one != one.hash
    assert one != None  # noqa: E711 - that the comparison itself works


def test_equality_is_isomorphism_for_a_shuffled_sample(space, sample):
    rng = np.random.default_rng(2)
    for cell in space.cell(sample[::4]):
        genotypes = twins.members(cell.matrix.tolist(), list(cell.op_codes))
        matrix, codes = twins.unpack(genotypes[int(rng.integers(len(genotypes)))])
        assert eomoo.Cell(matrix, ["input", *(twins.OPS[c] for c in codes), "output"]) == cell


def test_a_cell_is_readable(space):
    cell = eomoo.Cell([[0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0] * 4], ["input", C3, MP, "output"])
    assert repr(cell) == "Cell(input->1,output 1:conv3x3->2,output 2:maxpool->output)"
    assert repr(eomoo.Cell([[0, 1], [0, 0]], ["input", "output"])) == "Cell(input->output)"
    some = space.cell(np.arange(0, len(space), 400))
    assert len({repr(cell) for cell in some}) == len(some)


def test_copies_and_pickles(space):
    cell = space.cell(100434)
    for twin in (copy.copy(cell), copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert twin == cell
        assert (twin.matrix == cell.matrix).all()
        assert twin.ops == cell.ops


def test_genotype_of_a_cell_is_of_the_cell_as_it_stands(space):
    cell = eomoo.Cell([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0] * 4], ["input", MP, C3, "output"])
    assert cell.genotype().tolist() == twins.pack(cell.matrix.tolist(), [2, 0])
    assert space.index(cell.genotype()) == space.index(cell)
    assert space.genotype(space.index(cell)).tolist() != cell.genotype().tolist()
