"""Damaged, incomplete and hostile copies of the EO HW-NAS table: one sentence each, nothing executed."""

import json
import os
import pickle
import random
import shutil

import numpy as np
import pytest

from eomoo.data import eo_table, load_eo_table, read_pickle
from eomoo.data.eo_files import LATENCY_FILE, MACRO_FILE, MACS_FILE, MEASURED_FILE, MICRO_FILE, WALKS_FILE
from eomoo.errors import DataError, DataNotFoundError, EomooError

DATABASES = [MICRO_FILE, MACRO_FILE, LATENCY_FILE, MACS_FILE]
FILES = [WALKS_FILE, MEASURED_FILE, *DATABASES]
# Three of them are those of ``HASH``, of cells with fewer than a million parameters, and of cell 100434.
WALKS = [0, 1, 2, 17, 25, 27]
HASH = "11df072ad2305d537409ca27daf7c586"


@pytest.fixture(scope="module", autouse=True)
def few_walks(eo_folder, tmp_path_factory):
    """Six walks of the published table, in files as published, which here are all that was published."""
    folder = tmp_path_factory.mktemp("few") / "eo-hwnas"
    folder.mkdir()
    walks = [json.loads((eo_folder / WALKS_FILE).read_text())[walk] for walk in WALKS]
    (folder / WALKS_FILE).write_text(json.dumps(walks))
    cells = {f"arch_{step['id']}": step["unique_hash"] for walk in walks for step in walk}
    tests = json.loads((eo_folder / MEASURED_FILE).read_text())
    (folder / MEASURED_FILE).write_text(json.dumps({name: tests[name] for name in cells}))
    for name in DATABASES:
        database = read_pickle(eo_folder / name)
        (folder / name).write_bytes(pickle.dumps({key: database[key] for key in cells.values()}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eo_table, "_N_WALKS", len(WALKS))
        table = load_eo_table(folder, strict=False)
        patch.setattr(eo_table, "_PUBLISHED", {name: eo_table._digest(table[name]) for name in eo_table._PUBLISHED})
        yield folder


@pytest.fixture
def copy(few_walks, tmp_path):
    return shutil.copytree(few_walks, tmp_path / "eo-hwnas")


@pytest.fixture(scope="module")
def published(few_walks):
    return load_eo_table(few_walks)


def edit_json(folder, name, change):
    value = json.loads((folder / name).read_text())
    value = change(value) or value
    (folder / name).write_text(json.dumps(value))


def edit_pickle(folder, name, change):
    value = read_pickle(folder / name)
    value = change(value) or value
    (folder / name).write_bytes(pickle.dumps(value))


def first(walks):
    return walks[0][0]


def run(database):
    return database[HASH][1][108][0]


def set_to(key, value, of=lambda x: x):
    return lambda content: of(content).__setitem__(key, value)


def without(key, of=lambda x: x):
    return lambda content: of(content).pop(key) and None


def refused(folder, *parts, **options):
    with pytest.raises(DataError) as caught:
        load_eo_table(folder, **options)
    text = str(caught.value)
    for part in parts:
        assert part in text
    assert "\n" not in text


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_saved_anew_is_as_good_as_published(copy, published, protocol):
    for name in FILES:
        if name.endswith(".json"):
            edit_json(copy, name, lambda value: value)
        else:
            value = read_pickle(copy / name)
            run(value)["final_training_time"] = np.float64(run(value)["final_training_time"])
            (copy / name).write_bytes(pickle.dumps(value, protocol))
    assert load_eo_table(copy).equals(published)


@pytest.mark.parametrize("name", FILES)
def test_missing_file(copy, name):
    (copy / name).unlink()
    with pytest.raises(DataNotFoundError, match=f"lacks {name}"):
        load_eo_table(copy)


@pytest.mark.parametrize("name", FILES)
def test_folder_in_place_of_a_file(copy, name):
    (copy / name).unlink()
    (copy / name).mkdir()
    with pytest.raises(DataNotFoundError, match=f"lacks {name}"):
        load_eo_table(copy)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [0, 1000, -1])
def test_truncated_file(copy, name, size):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:size])
    refused(copy, name, "is damaged")


@pytest.mark.parametrize("name", [MEASURED_FILE, MICRO_FILE])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04" + bytes(range(256)), "but a ZIP archive"),
        (b"\n<!DOCTYPE html><html></html>", "but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "but a Git LFS pointer"),
        (bytes(range(256)), "is damaged"),
        (b"\0\0some other format", "is damaged"),
    ],
)
def test_file_of_another_kind(copy, name, content, kind):
    (copy / name).write_bytes(content)
    refused(copy, name, "is no ", kind)


@pytest.mark.parametrize(("name", "other"), list(zip(FILES, FILES[1:] + FILES[:1], strict=True)))
def test_files_exchanged(copy, few_walks, name, other):
    shutil.copyfile(few_walks / other, copy / name)
    refused(copy, name)


@pytest.mark.parametrize("name", DATABASES)
def test_pickle_that_would_call_something(copy, name, tmp_path):
    class Call:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "witness"),)

    value = read_pickle(copy / name)
    run(value)["final_test_accuracy"] = Call()
    (copy / name).write_bytes(pickle.dumps(value))
    refused(copy, name, "mkdir", "nothing was executed")
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (set_to("id", 415_497, first), ["walk 0, step 0", "415497"]),
        (set_to("id", 423_624, first), ["walk 0, step 0, id must be a whole number from 0 to 423,623; got 423624"]),
        (set_to("id", True, first), ["walk 0, step 0, id must be a whole number"]),
        (set_to("unique_hash", HASH, first), ["walk 0, step 0", HASH]),
        (set_to("unique_hash", "xyz", first), ["walk 0, step 0, unique_hash", "32 hexadecimal digits"]),
        (set_to("step", 1, first), ["walk 0, step 0, step"]),
        (without("step", first), ["walk 0, step 0 has no 'step'"]),
        (set_to("module_adjacency", [[0, 1], [0, 0]], first), ["walk 0, step 0", "is no cell"]),
        (set_to("module_adjacency", [[0, 2]], first), ["row 0, column 1"]),
        (set_to("module_adjacency", {}, first), ["module_adjacency must be a list; got {}"]),
        (set_to("module_operations", ["input", "conv5x5", "output"], first), ["walk 0, step 0"]),
        (lambda walks: walks[0][0]["module_operations"].__setitem__(1, "maxpool3x3"), ["of another cell"]),
        (lambda walks: walks[0][0]["module_adjacency"][0].__setitem__(2, 1), ["walk 0, step 0"]),
        (lambda walks: walks[3].__setitem__(4, dict(walks[1][2], step=4)), ["walk 3, step 4 repeats cell"]),
        (lambda walks: walks[3].pop() and None, ["walk 3 has 14 cells"]),
        (lambda walks: walks.pop() and None, ["5 walks"]),
        (lambda walks: walks.append([dict(walks[3].pop(), step=0)]), ["7 walks"]),
        (lambda walks: walks.clear(), ["holds no walks"]),
        (lambda walks: {"walks": walks}, ["must be a list"]),
        (lambda walks: walks.__setitem__(5, None), ["walk 5 must be a list"]),
    ],
)
def test_walks(copy, change, parts):
    edit_json(copy, WALKS_FILE, change)
    refused(copy, WALKS_FILE, *parts)


def arch(results):
    return results["arch_100434"]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (without("arch_100434"), ["lacks the record arch_100434"]),
        (lambda results: results.__setitem__("arch_7", results["arch_100434"]), ["arch_7", "none of the walks"]),
        (lambda results: results.__setitem__("arch_423624", arch(results)), ["arch_423624 is no cell"]),
        (lambda results: results.__setitem__("cell", arch(results)), ["'cell'"]),
        (without("accuracy", arch), ["arch_100434 has no 'accuracy'"]),
        (without("num_params", arch), ["arch_100434 has no 'num_params'"]),
        (set_to("accuracy", 0.5, arch), ["arch_100434, accuracy must be a record"]),
        (
            set_to("accuracy", {"micro": 1.5, "macro": 0.5}, arch),
            ["arch_100434, accuracy, micro must be a finite number from 0 to 1; got 1.5"],
        ),
        (set_to("accuracy", {"micro": True, "macro": 0.5}, arch), ["micro must be a finite number"]),
        (
            set_to("accuracy", {"micro": 0.5, "macro": 0.44492536783218384}, arch),
            ["contradicts the test results in final_test_accuracy"],
        ),
        (set_to("avg_inference_time", float("nan"), arch), ["NaN"]),
        (set_to("avg_inference_time", float("inf"), arch), ["Infinity"]),
        (
            set_to("avg_inference_time", 10**400, arch),
            ["arch_100434, avg_inference_time must be a finite number from 0 to"],
        ),
        (set_to("avg_inference_time", 0, arch), ["arch_100434, avg_inference_time is 0"]),
        (set_to("avg_inference_time", 10.0, arch), ["contradicts the test results in final_test_accuracy"]),
        (set_to("std_inference_time", "0.3", arch), ["arch_100434, std_inference_time must be a finite number"]),
        (
            set_to("std_inference_time", -1.0, arch),
            ["arch_100434, std_inference_time must be a finite number from 0 to 1,000,000,000.0; got -1.0"],
        ),
        (set_to("num_params", 4_177_681.0, arch), ["arch_100434, num_params must be a whole number"]),
        (set_to("num_params", 4_177_682, arch), ["contradicts the test results in the number of parameters"]),
        (
            set_to("arch_size", None, arch),
            ["arch_100434, arch_size must be a finite number from 0 to 1,000,000,000.0; got None"],
        ),
        (set_to("MACs", "4.178G", arch), ["arch_100434, MACs must be a text like"]),
        (set_to("MACs", "4.180M", arch), ["arch_100434, MACs is 4.180M", "4177681 parameters"]),
        (set_to("MACs", "4.178K", arch), ["arch_100434, MACs is 4.178K", "4177681 parameters"]),
        (lambda results: list(results.values()), ["must be a record with names"]),
    ],
)
def test_measured(copy, change, parts):
    edit_json(copy, MEASURED_FILE, change)
    refused(copy, *parts)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (without(HASH), [f"lacks the record {HASH}"]),
        (lambda db: db.__setitem__("0" * 32, db[HASH]), ["0" * 32, "none of the walks"]),
        (lambda db: db.__setitem__("x", db[HASH]), ["32 hexadecimal digits"]),
        (lambda db: db.__setitem__(7, db[HASH]), ["32 hexadecimal digits"]),
        (set_to(HASH, ()), [HASH, "must be a pair"]),
        (set_to(HASH, None), [HASH, "must be a list"]),
        (lambda db: db[HASH][1].pop(108) and None, [HASH, "has no 108"]),
        (lambda db: db[HASH][1][108].clear(), [HASH, "one run of 108 epochs, has 0"]),
        (lambda db: db[HASH][1][108].append(db[HASH][1][108][0]), [HASH, "has 2"]),
        (without("final_validation_accuracy", run), [HASH, "has no 'final_validation_accuracy'"]),
        (set_to("final_validation_accuracy", float("nan"), run), [HASH, "must be a finite number", "got nan"]),
        (set_to("final_validation_accuracy", -0.5, run), [HASH, "from 0 to 1.0; got -0.5"]),
        (set_to("final_validation_accuracy", 10**5000, run), [HASH, "thousands of digits"]),
        (set_to("final_test_accuracy", 0.25, run), [HASH, "contradicts the test results"]),
        (set_to("final_training_time", 1.0, run), ["contradicts", "training time"]),
        (set_to("final_training_time", 0.0, run), [HASH, "is 0"]),
        (set_to("trainable_parameters", 7, lambda db: db[HASH][0]), [HASH, "number of parameters"]),
        (lambda db: db[HASH][0]["module_adjacency"][0].__setitem__(2, 0), [HASH, "contradicts the walks"]),
        (set_to("module_operations", "input", lambda db: db[HASH][0]), [HASH, "must be a list; got 'input'"]),
    ],
)
def test_databases(copy, change, parts):
    edit_pickle(copy, MACRO_FILE, change)
    refused(copy, MACRO_FILE, *parts)


def test_possible_but_not_published_values(copy, published):
    edit_pickle(copy, MICRO_FILE, set_to("final_validation_accuracy", 0.5, run))
    refused(copy, str(copy), "val_micro", "strict=False")
    table = load_eo_table(copy, strict=False)
    changed = table["hash"] == HASH
    assert table.loc[changed, "val_micro"].tolist() == [0.5]
    assert table[~changed].equals(published[~changed])


def test_records_in_another_order_are_the_same_table(copy, published):
    edit_json(copy, MEASURED_FILE, lambda results: dict(reversed(results.items())))
    for name in DATABASES:
        edit_pickle(copy, name, lambda database: dict(reversed(database.items())))
    assert load_eo_table(copy).equals(published)


def damaged(content, rng):
    """The content with a few bits turned, cut off, or with a piece left out or doubled."""
    content = bytearray(content)
    at = rng.randrange(len(content))
    kind = rng.choice(["cut", "omit", "double", "flip", "flip", "flip", "flip"])
    if kind == "cut":
        return bytes(content[:at])
    if kind == "omit":
        del content[at : at + rng.randrange(1, 400)]
    elif kind == "double":
        content[at:at] = content[at : at + rng.randrange(1, 4000)]
    else:
        for _ in range(rng.choice([1, 1, 2, 5, 50])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def outcome(folder):
    try:
        return load_eo_table(folder)
    except EomooError as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_random_damage_gives_the_right_table_or_one_sentence(copy, published, name):
    rng = random.Random(name)
    content = (copy / name).read_bytes()
    outcomes = []
    for _ in range(5):
        (copy / name).write_bytes(damaged(content, rng))
        outcomes.append(outcome(copy))
    sentences = [result for result in outcomes if isinstance(result, str)]
    assert sentences
    assert all("\n" not in sentence and len(sentence) < 600 for sentence in sentences)
    assert all(result.equals(published) for result in outcomes if not isinstance(result, str))
