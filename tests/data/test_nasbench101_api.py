"""Scripts for NAS-Bench-101's own package run when the import is changed."""

import random
import subprocess
import sys

import numpy as np
import pytest
from nasbench_files import CELLS, runs, some_records, write_file

from eomoo import CIFAR10, load_space
from eomoo.data import nasbench_api as api
from eomoo.data.nasbench101 import NASBench101Table
from eomoo.data.nasbench_convert import convert_nasbench101
from eomoo.errors import UnknownNameError

INPUT, OUTPUT = "input", "output"
CONV1X1, CONV3X3, MAXPOOL3X3 = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
# The Inception-like cell of the original's README.
MATRIX = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
OPS = [INPUT, CONV1X1, CONV3X3, CONV3X3, CONV3X3, MAXPOOL3X3, OUTPUT]


def inception():
    return int(load_space().find([api.ModelSpec(MATRIX, OPS).hash_spec([CONV3X3, CONV1X1, MAXPOOL3X3])])[0])


@pytest.fixture(scope="module")
def records():
    return some_records([*CELLS, inception()], epochs=(4, 108))


@pytest.fixture(scope="module")
def path(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    source = write_file(folder / "nasbench.tfrecord", records)
    convert_nasbench101(source, folder / "nasbench.npy", complete=False)
    return source


@pytest.fixture
def nasbench(path):
    return api.NASBench(str(path), seed=5)


def test_a_query_gives_the_run_that_the_seed_chose(nasbench, records):
    choice = random.Random(5)
    for k in range(20):
        data = nasbench.query(api.ModelSpec(MATRIX, OPS), epochs=108, stop_halfway=k % 2 == 1)
        run = runs(records, inception())[choice.randint(0, 2)][1 if k % 2 else 2]
        assert data["training_time"] == run[1]
        assert data["train_accuracy"] == run[2]
        assert data["validation_accuracy"] == run[3]
        assert data["test_accuracy"] == run[4]
        assert data["trainable_parameters"] == load_space().params(inception(), CIFAR10)
        assert data["module_operations"] == list(load_space().cell(inception()).ops)
        np.testing.assert_array_equal(data["module_adjacency"], load_space().cell(inception()).matrix)


def test_the_budget_is_counted(nasbench):
    spec = api.ModelSpec(matrix=MATRIX, ops=OPS)
    spent = nasbench.query(spec)["training_time"] + nasbench.query(spec, epochs=4)["training_time"]
    spent += nasbench.query(spec, epochs=4, stop_halfway=True)["training_time"]
    nasbench.is_valid(spec)
    nasbench.get_metrics_from_spec(spec)
    assert nasbench.get_budget_counters() == (spent, 108 + 4 + 2)
    nasbench.reset_budget_counters()
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_all_runs_of_a_cell(nasbench, records):
    name = load_space().hash(7)
    fixed, computed = nasbench.get_metrics_from_hash(name)
    assert set(fixed) == {"module_adjacency", "module_operations", "trainable_parameters"}
    assert fixed["module_adjacency"].dtype == np.int8
    assert set(computed) == {4, 108} == nasbench.valid_epochs
    for epochs, found in computed.items():
        for run, expected in zip(found, runs(records, 7, epochs), strict=True):
            keys = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
            assert [run[f"halfway_{key}"] for key in keys] == expected[1, 1:].tolist()
            assert [run[f"final_{key}"] for key in keys] == expected[2, 1:].tolist()
            assert len(run) == 8
    computed[108].clear()
    assert len(nasbench.computed_statistics[name][108]) == 3
    with pytest.raises(KeyError):
        nasbench.get_metrics_from_hash("0" * 32)
    with pytest.raises(UnknownNameError):
        nasbench.fixed_statistics["hello"]


def test_the_hashes_of_all_cells(nasbench):
    hashes = nasbench.hash_iterator()
    assert len(hashes) == len(nasbench.fixed_statistics) == 423_624
    first = [name for name, _ in zip(hashes, range(5000), strict=False)]
    assert first == load_space().hash(range(5000))
    assert load_space().hash(77) in hashes


def test_isomorphic_and_unpruned_graphs_are_one_cell(nasbench):
    matrix, ops = np.zeros((8, 8), dtype=int), [*OPS[:-1], CONV1X1, OUTPUT]
    matrix[np.ix_([*range(6), 7], [*range(6), 7])] = MATRIX
    matrix[0, 6] = 1
    spec = api.ModelSpec(matrix, ops)
    assert len(spec.ops) == 7
    assert spec.original_ops == ops
    assert spec.original_matrix.shape == (8, 8)
    assert nasbench.get_metrics_from_spec(spec)[1] == nasbench.get_metrics_from_spec(api.ModelSpec(MATRIX, OPS))[1]
    assert nasbench._hash_spec(spec) == load_space().hash(inception())


@pytest.mark.parametrize(
    ("matrix", "ops", "match"),
    [
        ([[0, 0], [0, 0]], [INPUT, OUTPUT], "disconnected"),
        (np.triu(np.ones((7, 7), int), 1), [INPUT, *[CONV1X1] * 5, OUTPUT], r"too many edges, got 21"),
        (np.eye(8, k=1, dtype=int), [INPUT, *[CONV1X1] * 6, OUTPUT], r"too many vertices, got 8"),
        ([[0, 1], [0, 0]], ["in", OUTPUT], "first operation"),
        ([[0, 1], [0, 0]], [INPUT, "out"], "last operation"),
        (np.eye(3, k=1, dtype=int), [INPUT, "conv5x5", OUTPUT], "unsupported op conv5x5"),
        ([[0, 3], [0, 0]], [INPUT, OUTPUT], "only 0 and 1"),
    ],
)
def test_what_is_outside_the_space(nasbench, matrix, ops, match):
    spec = api.ModelSpec(matrix, ops)
    with pytest.raises(api.OutOfDomainError, match=match):
        nasbench.query(spec)
    if "0 and 1" not in match:
        assert not nasbench.is_valid(spec)
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_other_epochs_and_other_graphs(nasbench):
    with pytest.raises(api.OutOfDomainError, match=r"must be one of \{.*108.*\}"):
        nasbench.query(api.ModelSpec(MATRIX, OPS), epochs=36)
    for matrix, ops, match in (
        ([[0, 1]], [INPUT, OUTPUT], "square"),
        ([[0, 1], [0, 0]], [INPUT], "length of ops"),
        ([[0, 1], [1, 0]], [INPUT, OUTPUT], "upper triangular"),
    ):
        with pytest.raises(ValueError, match=match):
            api.ModelSpec(matrix, ops)


def test_an_original_file_is_converted_at_the_first_use(records, tmp_path, monkeypatch):
    source = write_file(tmp_path / "nasbench_only108.tfrecord", records)
    calls = []

    def small(path, target):
        calls.append(target.name)
        convert_nasbench101(path, target, complete=False)

    monkeypatch.setattr(api, "convert_nasbench101", small)
    for _ in range(2):
        assert api.NASBench(source).valid_epochs == {4, 108}
    assert calls == ["nasbench_only108.npy"]


SCRIPT = """
import random
import numpy as np
from nasbench import api

def random_spec(nasbench):
    while True:
        matrix = np.random.choice([0, 1], size=(7, 7))
        matrix = np.triu(matrix, 1)
        ops = np.random.choice(nasbench.config['available_ops'], size=7).tolist()
        ops[0], ops[-1] = 'input', 'output'
        spec = api.ModelSpec(matrix=matrix, ops=ops)
        if nasbench.is_valid(spec):
            return spec

random.seed(1); np.random.seed(1)
nasbench = api.NASBench(FILE)
nasbench.reset_budget_counters()
times, best = [0.0], [0.0]
while len(times) < 50:
    data = nasbench.query(random_spec(nasbench))
    if np.isfinite(data['validation_accuracy']):
        best.append(max(best[-1], data['validation_accuracy']))
    times.append(nasbench.get_budget_counters()[0])
for n, unique_hash in enumerate(nasbench.hash_iterator()):
    fixed, computed = nasbench.get_metrics_from_hash(unique_hash)
    model = api.ModelSpec(matrix=fixed['module_adjacency'], ops=fixed['module_operations'])
    assert nasbench._hash_spec(model) == unique_hash
    means = [np.mean([run['final_test_accuracy'] for run in computed[e]]) for e in nasbench.valid_epochs]
    if n == 20:
        break
print(len(times), nasbench.get_budget_counters()[1])
"""


def test_a_script_runs_after_its_import_was_changed(path):
    script = SCRIPT.replace("from nasbench import api", "from eomoo.data import nasbench_api as api")
    script = script.replace("FILE", repr(str(path)))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"50 {49 * 108}\n"


def test_it_needs_no_tensorflow_and_no_pandas(path):
    script = (
        "import sys\nfrom eomoo.data import nasbench_api as api\n"
        f"api.NASBench({str(path)!r}).get_metrics_from_hash({load_space().hash(7)!r})\n"
        "print(sorted({'tensorflow', 'pandas', 'pymoo', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_table_behind_it(nasbench):
    assert isinstance(nasbench.table, NASBench101Table)
