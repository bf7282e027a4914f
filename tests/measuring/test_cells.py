"""Which cells are measured: walks, a spread, files and folders; a larger choice begins with a smaller one."""

import numpy as np
import pandas as pd
import pytest

from eomoo.data import measured_table, write_measured
from eomoo.errors import DataError, DataNotFoundError, SettingError
from eomoo.measuring import CellChoice, choose_cells, read_cells, spread_cells
from eomoo.models.applicability import operation_counts


@pytest.mark.parametrize("seed", [0, 5])
def test_spread_cells_have_every_combination_of_vertices_and_operations(space, seed):
    cells = spread_cells(120, seed=seed)
    assert len(np.unique(cells)) == 120
    everything, counts = np.unique(operation_counts(np.arange(len(space))), axis=0, return_counts=True)
    first = operation_counts(cells[:56])
    assert len(np.unique(first, axis=0)) == len(everything) == 56
    # Those of most cells come first: twenty stand for more than four fifths of the space.
    there = (everything[:, None] == first[None, :20]).all(axis=2).any(axis=1)
    assert counts[there].sum() > 0.8 * len(space)
    # Networks of all sizes: no eighth of the space, ordered by MACs, is left out by twenty.
    rank = np.searchsorted(np.sort(space.macs(np.arange(len(space)))), space.macs(cells[:20])) / len(space)
    assert np.diff([0, *np.sort(rank), 1]).max() < 0.125


@pytest.mark.parametrize("seed", [0, 5])
def test_a_spread_is_even_in_macs_rather_than_in_parameters(space, seed):
    cells, everything = spread_cells(120, seed=seed), np.arange(len(space))
    ranks = [np.argsort(np.argsort(cost(everything), kind="stable"))[cells] for cost in (space.macs, space.params)]
    macs, params = (np.square(np.diff([0, *np.sort(rank), len(space)])).sum() for rank in ranks)
    assert macs < params


def test_a_larger_spread_begins_with_a_smaller_one():
    many = spread_cells(300, seed=1)
    np.testing.assert_array_equal(spread_cells(70, seed=1), many[:70])
    assert len(np.unique(many)) == 300
    assert set(spread_cells(70, seed=2).tolist()) != set(many[:70].tolist())


def test_walks_come_first_then_the_spread_then_the_list(space):
    choice = CellChoice(walks=3, length=4, spread=5, listed=(9, 10), seed=2)
    frame = choice.frame()
    assert frame["walk"].tolist()[:12] == np.repeat([0, 1, 2], 4).tolist()
    assert frame["step"].tolist()[:12] == [0, 1, 2, 3] * 3
    assert frame["walk"].isna().sum() == 7
    assert frame["index"].tolist()[-2:] == [9, 10]
    assert all(b in space.neighbors(a) for a, b in zip(frame["index"][:3], frame["index"][1:4], strict=True))


def test_a_larger_choice_has_the_cells_of_both():
    small = CellChoice(walks=2, length=4, listed=(9,))
    both = small.joined(CellChoice(walks=3, length=4)).joined(CellChoice(spread=4, listed=(10, 9)))
    assert both == CellChoice(walks=3, length=4, spread=4, listed=(9, 10))
    assert set(small.frame()["index"]) < set(both.frame()["index"])
    assert CellChoice.from_facts(both.to_facts()) == both
    assert CellChoice(listed=(9,)).joined(CellChoice(walks=1, length=7, seed=4)).seed == 4


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"merged": True}, "not chosen by `eomoo measure`"),
        ({"listed": 5}, "list of cells is damaged"),
        ({"given": [5]}, "list of cells is damaged"),
        ({"listed": ["five"]}, "index is a whole number"),
        ({"listed": [423_624]}, "423624"),
        ({"walks": "many"}, "walks must be a whole number"),
    ],
)
def test_facts_of_another_making_are_one_sentence(facts, sentence):
    with pytest.raises(SettingError, match=sentence):
        CellChoice.from_facts(facts)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [(CellChoice(walks=2, length=5), "length 4, not 5"), (CellChoice(spread=2, seed=1), "seed 0, not 1")],
)
def test_other_walks_do_not_join(other, sentence):
    with pytest.raises(SettingError, match=sentence):
        CellChoice(walks=2, length=4).joined(other)


def test_indices_and_walks_may_be_given():
    assert choose_cells([9, 77, 9]).frame()["index"].tolist() == [9, 77]
    frame = choose_cells(np.array([[9, 77], [5, -1]]), spread=1).frame()
    assert frame["index"].tolist()[:3] == [9, 77, 5]
    assert frame["walk"].tolist()[:3] == [0, 0, 1]
    assert frame["step"].tolist()[:3] == [0, 1, 0]
    with pytest.raises(SettingError, match="in two places"):
        choose_cells([[9, 77], [9]])
    with pytest.raises(SettingError, match="drawn or given"):
        choose_cells([[9, 77]], walks=2)


def test_cells_are_read_from_tables_lists_and_folders(tmp_path, space):
    pd.DataFrame({"hash": space.hash([77, 9, 77]), "why": ["a", "b", "c"]}).to_csv(tmp_path / "asked.csv", index=False)
    assert choose_cells(tmp_path / "asked.csv").listed == (77, 9)
    (tmp_path / "list.txt").write_text(f"100434, 5\n{space.hash([9])[0]}\n")
    assert read_cells(tmp_path / "list.txt").tolist() == [100_434, 5, 9]
    (tmp_path / "run").mkdir()
    pd.DataFrame({"index": [3, 4]}).to_csv(tmp_path / "run" / "front.csv", index=False)
    assert read_cells(tmp_path / "run").tolist() == [3, 4]
    facts = {"columns": [{"name": "x", "title": "x", "unit": "", "direction": "min", "kind": "given"}]}
    write_measured(measured_table(pd.DataFrame({"index": [8], "x": [1.0]}), facts), tmp_path / "table")
    assert read_cells(tmp_path / "table").tolist() == [8]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"5 six", "by index or hash, not 'six'"),
        (b"5 423624", "423624"),
        (b" \n", r"list\.txt names no cell"),
        (b"\xff\xfe\x00", "no text"),
        (b"00000000000000000000000000000000", "00000"),
    ],
)
def test_what_is_no_list_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read_cells(tmp_path / "list.txt")
    (tmp_path / "empty.csv").write_text("index,error\n")
    with pytest.raises(DataError, match=r"empty\.csv names no cell"):
        read_cells(tmp_path / "empty.csv")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataNotFoundError, match=r"no table\.csv or front\.csv"):
        read_cells(tmp_path / "nothing")


def test_a_large_spread_has_of_each_combination_by_the_root_of_its_cells(space):
    """Seats by size would leave the many small combinations with one cell each."""
    _, group, sizes = np.unique(
        operation_counts(np.arange(len(space))), axis=0, return_inverse=True, return_counts=True
    )
    seats = np.bincount(group.ravel()[spread_cells(3000)], minlength=len(sizes))
    large = sizes > 1000
    assert np.ptp(seats[large] / np.sqrt(sizes[large])) < 0.05
