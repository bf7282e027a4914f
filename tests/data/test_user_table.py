"""Tables of cells that users bring: three ways to name a cell, two formats, every fault named."""

import json

import numpy as np
import pandas as pd
import pytest

from eomoo import load_space
from eomoo.data.user_table import read_frame, read_user_table, target_columns
from eomoo.errors import DataError, DataNotFoundError
from eomoo.fronts import Quantity
from eomoo.objectives.table import TableBackend

INDICES = np.array([423_000, 5, 100_434, 77])
WATTS = [1.5, 2.25, 1e-3, 12.0]


def frame(**columns):
    return pd.DataFrame({**columns, "watts": WATTS})


def written(tmp_path, table, kind):
    path = tmp_path / f"mine.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    else:
        pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
        table.to_parquet(path, index=False)
    return path


def other_member(index):
    """Matrix and operations of the cell with a vertex too many, which leads nowhere."""
    cell = load_space().cell(int(index))
    n = cell.n_vertices
    matrix = np.zeros((n + 1, n + 1), dtype=int)
    at = [*range(n - 1), n]
    matrix[np.ix_(at, at)] = cell.matrix
    matrix[0, n - 1] = 1
    return matrix.tolist(), [*cell.ops[:-1], "maxpool3x3", "output"]


def genotypes(separator):
    return [separator.join(map(str, g)) for g in load_space().genotype(INDICES)]


def graphs():
    pairs = [other_member(i) for i in INDICES]
    return {"matrix": [json.dumps(m) for m, _ in pairs], "ops": [json.dumps(o) for _, o in pairs]}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    "keys",
    [
        lambda: {"index": INDICES},
        lambda: {"index": INDICES.astype(float), "hash": load_space().hash(INDICES)},
        lambda: {"hash": load_space().hash(INDICES)},
        lambda: {"genotype": genotypes("")},
        lambda: {"genotype": genotypes(" ")},
        lambda: {"genotype": genotypes(", ")},
        lambda: {"genotype": [f"[{g}]" for g in genotypes(",")]},
        graphs,
        lambda: {key: [str(json.loads(text)) for text in texts] for key, texts in graphs().items()},
        lambda: {"hash": load_space().hash(INDICES), "genotype": genotypes(" "), **graphs()},
    ],
)
def test_every_way_to_name_a_cell(tmp_path, keys, kind):
    table = read_user_table(written(tmp_path, frame(**keys()), kind), ["watts"])
    assert table.indices.tolist() == INDICES.tolist()
    assert table.columns["watts"].tolist() == WATTS
    assert not table.failed["watts"].any()


def test_lists_in_parquet(tmp_path):
    pairs = [other_member(i) for i in INDICES]
    table = frame(
        matrix=[m for m, _ in pairs],
        ops=[o for _, o in pairs],
        genotype=[g.tolist() for g in load_space().genotype(INDICES)],
    )
    assert read_user_table(written(tmp_path, table, "parquet"), []).indices.tolist() == INDICES.tolist()


def test_a_long_text_in_the_place_of_a_cell_is_named_in_one_short_sentence(tmp_path):
    for column in (["9" * 5_000], ["x" * 5_000]):
        for key in ("hash", "genotype"):
            with pytest.raises(DataError, match=r"row 1: .*\.\.\.") as told:
                read_user_table(written(tmp_path, pd.DataFrame({key: column, "watts": [1.0]}), "csv"), ["watts"])
            assert len(str(told.value)) < 500
    matrix, ops = other_member(5)
    table = pd.DataFrame({"matrix": [str(matrix)], "ops": [json.dumps([ops[0], "y" * 5_000, *ops[2:]])]})
    with pytest.raises(DataError, match="unknown operation") as told:
        read_user_table(written(tmp_path, table, "csv"), [])
    assert len(str(told.value)) < 500


def test_of_what_pandas_notes_in_parquet_nothing_is_needed(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    path = tmp_path / "table.parquet"
    # Cells that pandas kept as its index are found; an index without a name is no column.
    frame(index=INDICES).set_index("index").to_parquet(path)
    assert read_user_table(path, ["watts"]).indices.tolist() == INDICES.tolist()
    table = frame(index=INDICES)
    table.index = [7, 3, 5, 1]
    table.to_parquet(path)
    assert target_columns(read_frame(path)) == ["watts"]
    damaged = parquet.read_table(path).replace_schema_metadata({"pandas": '{"columns": [{}], "index_columns": ["x"]}'})
    parquet.write_table(damaged, path)
    assert read_user_table(path, ["watts"]).indices.tolist() == INDICES.tolist()


def test_parquet_whose_text_is_no_text_is_refused(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    bad = pa.StringArray.from_buffers(1, pa.array([0, 3], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe\xfd"))
    parquet.write_table(pa.table({"hash": bad, "watts": bad}), tmp_path / "table.parquet")
    with pytest.raises(DataError, match="no readable Parquet file"):
        read_user_table(tmp_path / "table.parquet", ["watts"])


def test_an_isomorphic_genotype_is_the_same_cell(tmp_path):
    space = load_space()
    X = space.genotype(np.arange(0, 423_624, 4_001))
    swapped = X.copy()
    swapped[:, :21] = _swap_vertices(X[:, :21])
    swapped[:, [21, 22]] = X[:, [22, 21]]
    # Swapping the first two interior vertices is a relabelling where no edge joins them.
    free = (X[:, 6] == 0) & (swapped != X).any(axis=1)
    assert free.sum() > 10
    texts = ["".join(map(str, g)) for g in swapped[free]]
    path = tmp_path / "t.csv"
    pd.DataFrame({"genotype": texts}).to_csv(path, index=False)
    assert read_user_table(path, []).indices.tolist() == np.arange(0, 423_624, 4_001)[free].tolist()


def _swap_vertices(edges):
    matrix = np.zeros((len(edges), 7, 7), dtype=edges.dtype)
    upper = np.triu_indices(7, 1)
    matrix[:, *upper] = edges
    order = [0, 2, 1, 3, 4, 5, 6]
    return matrix[:, order][:, :, order][:, *upper]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"watts": ["1", "2", "many", "4"]}, r"mine.csv, row 3: watts is 'many', neither a finite number nor empty"),
        ({"watts": ["", "", "oom", ""]}, r"the column 'watts' holds no number"),
        ({"watts": ["1", "2", "3", "nan"]}, r"row 4: watts is 'nan'"),
        ({"watts": ["inf", "2", "3", "4"]}, r"row 1: watts is 'inf'"),
        (
            {"watts": ["1e300", "2", "3", "4"]},
            r"row 1: watts is '1e300', whose square no number holds; give it in a larg",
        ),
        ({"watts": ["1e-300", "2e-300", "", "0"]}, r"watts holds values whose squares are 0 to a computer"),
        ({"hash": ["0" * 32, "x", "x", "x"]}, r"row 1: no cell of the space has the hash 0000"),
        ({"hash": ["hello"] * 4}, r"row 1: no NAS-Bench-101 hash: 'hello'"),
        ({"genotype": ["0" * 26] * 4}, r"row 1: the genotype 0 0 .* not connected"),
        ({"genotype": ["1" * 21 + "00000"] * 4}, r"row 1: .* more than 9 edges"),
        ({"genotype": ["1" * 21 + "00003"] * 4}, r"row 1: .* operations 0, 1 or 2"),
        ({"genotype": ["1" * 25] * 4}, r"row 1: the genotype is 26 digits, not '1111"),
        ({"matrix": ["[[0, 1], [0, 0]]"] * 4, "ops": ["[]"] * 4}, r"row 1: lengths differ"),
        ({"matrix": ["[[0, 1], [0, 0]"] * 4, "ops": ["[]"] * 4}, r"row 1: matrix and ops are lists"),
        ({"matrix": ["1"] * 4, "ops": ["1"] * 4}, r"row 1: "),
        ({"matrix": ["[" * 1000] * 4, "ops": ["[]"] * 4}, r"row 1: matrix and ops are lists"),
        ({"matrix": ["[" * 100_000] * 4, "ops": ["[]"] * 4}, r"row 1: matrix and ops are lists"),
        ({"matrix": ["__import__('os')"] * 4, "ops": ["[]"] * 4}, r"row 1: matrix and ops are lists"),
        ({"index": ["5", "6.5", "7", "8"]}, r"row 2: an index is a whole number, not '6.5'"),
        ({"index": ["5", "", "7", "8"]}, r"row 2: an index is a whole number, not ''"),
        ({"index": ["5", "423624", "7", "8"]}, r"row 2: no cell has the index 423624"),
    ],
)
def test_a_bad_row_is_named(tmp_path, change, match):
    table = frame() if set(change) - {"watts", "hash"} else frame(hash=load_space().hash(INDICES))
    table = table.assign(**change)
    with pytest.raises(DataError, match=match):
        read_user_table(written(tmp_path, table, "csv"), ["watts"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_empty_values_and_failures_by_name(tmp_path, kind):
    table = pd.DataFrame(
        {
            "index": [5, 6, 7, 8, 9, 10],
            "watts": ["1.5", "", "OOM", None, " Diverged ", "2"],
            "seconds": [1.0, 2.0, np.nan, np.nan, 5.0, np.nan],
            "how": ["ok", "", "Done", "lost the device", "done", None],
        }
    )
    found = read_user_table(written(tmp_path, table, kind), ["watts", "seconds"], status="how")
    np.testing.assert_array_equal(found.columns["watts"], [1.5, np.nan, np.nan, np.nan, np.nan, 2.0])
    np.testing.assert_array_equal(found.columns["seconds"], [1.0, 2.0, np.nan, np.nan, 5.0, np.nan])
    assert np.flatnonzero(found.failed["watts"]).tolist() == [2, 3, 4]
    assert np.flatnonzero(found.failed["seconds"]).tolist() == [3]
    as_usual = written(tmp_path, table.rename(columns={"how": "status"}), kind)
    assert read_user_table(as_usual, ["seconds"]).failed["seconds"].tolist() == [0, 0, 0, 1, 0, 0]
    with pytest.raises(DataError, match="has no column 'status'"):
        read_user_table(written(tmp_path, table, kind), ["seconds"], status="status")


def test_a_cell_may_be_measured_several_times(tmp_path):
    table = frame(hash=load_space().hash([8, 9, 10, 9]))
    watts = Quantity(title="power", unit="W", direction="min")
    backend = TableBackend.from_file(written(tmp_path, table, "csv"), {"watts": watts})
    assert backend.values([9], ["watts"]) == (WATTS[1] + WATTS[3]) / 2


def test_keys_that_disagree_are_named(tmp_path):
    hashes = load_space().hash(INDICES)
    hashes[2] = load_space().hash(6)
    table = frame(hash=hashes, genotype=genotypes(" "))
    with pytest.raises(DataError, match="row 3: hash and genotype name different cells"):
        read_user_table(written(tmp_path, table, "csv"), ["watts"])


def test_rows_of_two_tables_put_together_name_their_cells_in_a_way_each(tmp_path):
    hashes = load_space().hash(INDICES)
    table = pd.concat([frame(hash=hashes).iloc[:2], frame(index=INDICES).iloc[2:]])
    for kind in ("csv", "parquet"):
        assert read_user_table(written(tmp_path, table, kind), ["watts"]).indices.tolist() == INDICES.tolist()
    table.loc[3, "index"] = 423_624
    with pytest.raises(DataError, match="row 4: no cell has the index 423624"):
        read_user_table(written(tmp_path, table, "csv"), ["watts"])
    table.loc[3, "index"] = None
    with pytest.raises(DataError, match="row 4: it names no cell: index, hash are empty"):
        read_user_table(written(tmp_path, table, "csv"), ["watts"])


def test_a_way_that_names_some_cells_is_held_against_another_and_one_that_names_none_is_left_out(tmp_path):
    hashes = load_space().hash(INDICES)
    table = frame(index=INDICES, hash=[hashes[0], None, None, None], genotype=None)
    assert read_user_table(written(tmp_path, table, "csv"), ["watts"]).indices.tolist() == INDICES.tolist()
    table.loc[0, "hash"] = hashes[1]
    with pytest.raises(DataError, match="row 1: index and hash name different cells"):
        read_user_table(written(tmp_path, table, "csv"), ["watts"])
    with pytest.raises(DataError, match="row 1: an index is a whole number"):
        read_user_table(written(tmp_path, frame(index=None), "csv"), ["watts"])


def test_columns_that_are_missing_are_named(tmp_path):
    path = written(tmp_path, frame(hash=load_space().hash(INDICES)), "csv")
    with pytest.raises(DataError, match=r"no column 'energy'; its columns are hash, watts"):
        read_user_table(path, ["energy"])
    with pytest.raises(DataError, match="does not say which cell"):
        read_user_table(written(tmp_path, frame(), "csv"), ["watts"])


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("t.csv", b"", "no readable CSV"),
        ("t.csv", b"hash,watts\n", "has no rows"),
        ("t.csv", b"hash,watts\n1,2,3\n", "no readable CSV"),
        ("t.csv", b"hash,watts\n\xff\xfe,2\n", "no readable CSV file: its text is not UTF-8; save it as that"),
        ("t.csv", b"index,watts\n5,1,5\n7,2,5\n", "more values than its first row has names; write points, not commas"),
        ("t.csv", "index,watts\n5,2\n".encode("utf-16-le"), "its text is not UTF-8"),
        ("t.csv", b"index" + b",c" * 5000, "it has 5,001 columns of at most 5,000; cells are its rows"),
        ("t.csv", b"index,watts\n1e300,2\n", "row 1: an index is a whole number, not '1e300'"),
        ("t.csv.gz", b"hash,watts\n", "has no rows"),
        ("t.parquet", b"hash,watts\n", "no readable Parquet"),
        ("t.txt", b"hash,watts\n", "save it as .csv, with commas, or as .parquet"),
    ],
)
def test_a_file_that_is_no_table(tmp_path, name, content, match):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match):
        read_user_table(tmp_path / name, ["watts"])
    with pytest.raises(DataNotFoundError, match="there is no file"):
        read_user_table(tmp_path / "none.csv", ["watts"])


def test_the_backend_of_a_file(tmp_path):
    table = frame(hash=load_space().hash(INDICES), spread=[0.1, 0.2, 0.3, 0.4])
    watts = Quantity(title="power", unit="W", direction="min")
    backend = TableBackend.from_file(written(tmp_path, table, "csv"), {"watts": watts}, deviations={"watts": "spread"})
    assert backend.known(["watts"]).tolist() == sorted(INDICES)
    assert backend.values(INDICES, ["watts"])[:, 0].tolist() == WATTS
    assert backend.deviations(INDICES, ["watts"])[:, 0].tolist() == [0.1, 0.2, 0.3, 0.4]


def test_a_mistake_in_a_column_of_numbers_is_told_where_no_column_is_named(tmp_path):
    for wrong in ("12.3 %", "1e400", "n/a"):
        table = frame(index=INDICES).astype(object)
        table.loc[1, "watts"] = wrong
        path = written(tmp_path, table, "csv")
        with pytest.raises(DataError, match="row 2: watts is "):
            target_columns(read_frame(path), where=path)
    table = pd.DataFrame({"index": range(20), "watts": ["1.5 W", "", "n/a", *["-2 W", "3e2 W"] * 8, "OOM"]})
    path = written(tmp_path, table, "csv")
    with pytest.raises(DataError, match=r"column 'watts' has units within numbers, '1.5 W'; .* as in 'watts \[W\]'"):
        target_columns(read_frame(path), where=path)
    table = frame(index=INDICES).astype(object)
    marks = "'watts' has more than digits within numbers, .*; write numbers alone"
    apart = "column 'watts' has thousands apart within numbers, .1.234.*; write digits"
    for told, some in (
        (marks, ["\u22121.5", "2", "", "\u22123.25"]),
        (marks, ["0.61\u00b10.02", "0.7", "OOM", "3.2ms"]),
        (marks, ["0.61*", "0.7 (2)", "1", "2"]),
        (apart, ["1,234.5", "999", "OOM", "12,345"]),
        (apart, ["1'234", "1'235", "", "2"]),
        (apart, ["1.234.567,5", "2\u202f345", "1", ""]),
    ):
        table["watts"] = some
        path = written(tmp_path, table, "csv")
        with pytest.raises(DataError, match=told):
            target_columns(read_frame(path), where=path)
    # Words with a number among them are no measurements.
    table["note"], table["watts"] = ["windy", "3", "calm", "4 knots"], [1.0, 2.0, 3.0, 4.0]
    table["version"], table["day"] = ["1.2.3", "1.2.4", "1.3.0", "2.0.0"], ["2024.05.01", "2024.05.02", "3", "1.2.24"]
    assert target_columns(read_frame(written(tmp_path, table, "csv"))) == ["watts"]


def test_a_column_of_one_number_is_left_out_and_that_is_said(tmp_path):
    path = written(tmp_path, frame(batch=["64", "", "64", "64"]), "csv")
    with pytest.warns(UserWarning, match=r"mine\.csv: batch is 64 wherever it is told, and is left out"):
        assert target_columns(read_frame(path), where=path) == ["watts"]


@pytest.mark.parametrize("name", ["latency", "Latency_ms", "train_time [s]", "energy (mJ)"])
def test_what_cannot_be_negative_is_told_where_it_is(tmp_path, name):
    values = [1, 2, -3, 4]
    path = written(tmp_path, frame(index=INDICES, **{name: values, "latency_change": values}), "csv")
    with pytest.raises(DataError, match=r"row 3: .* is '-3', below 0; leave empty what was not measured"):
        target_columns(read_frame(path), where=path)
    read_user_table(path, ["latency_change"])


def test_a_column_of_numbers_with_commas_is_told_and_not_left_out(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('index,watts,volts\n5,1.5,230\n76119,1.6,""\n76120,1.6,OOM\n76121,1.6,"230,5"\n')
    with pytest.raises(DataError, match=r"column 'volts' has commas within numbers, '230,5'; write points"):
        read_frame(path)
    # Genotypes and words have them too.
    path.write_text('index,watts,note\n5,1.5,"230,5"\n76119,1.6,"3, or so"\n')
    assert target_columns(read_frame(path)) == ["watts"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_spreadsheet_ends_them(tmp_path, end):
    path = tmp_path / "table.csv"
    path.write_bytes(("\ufeff" + end.join(["index, watts ", "5, 1.5 ", "76119,2", ""])).encode())
    table = read_user_table(path, ["watts"])
    assert (table.indices.tolist(), table.columns["watts"].tolist()) == ([5, 76119], [1.5, 2.0])


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_than_a_comma_is_told(tmp_path, separator):
    path = tmp_path / "table.csv"
    for value in ("1.5", "1,5"):
        path.write_text(f"index{separator}{'watts' if value == '1.5' else 'watts, mean'}\n5{separator}{value}\n")
        with pytest.raises(DataError, match=r"columns are separated by .*; save it with commas"):
            read_frame(path)


def test_blanks_after_commas_are_no_part_of_names_and_values(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("index, watts, status\n5, 1.5, ok\n76119, , failed\n")
    table = read_user_table(path, ["watts"])
    assert (table.indices.tolist(), table.failed["watts"].tolist()) == ([5, 76119], [False, True])


def test_a_column_that_stands_there_twice_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("index,err, err\n5,1.0,2.0\n")
    with pytest.raises(DataError, match="column 'err' stands there twice"):
        read_frame(tmp_path / "t.csv")
