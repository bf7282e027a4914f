from pathlib import Path

import pytest

from eomoo.analysis import load_results
from eomoo.analysis.definitions import glossary
from eomoo.api import run


def words(folder):
    (facts,) = glossary(load_results(folder).problems).blocks
    return dict(facts.rows)


def test_a_published_problem_says_of_what_its_errors_and_times_are(tmp_path):
    run("eo-macro-latency", algorithm="random", budget=20, out=tmp_path / "run")
    said = words(tmp_path / "run")
    assert "over the 17 classes" in said["macro error"]
    assert "94.1 %" in said["macro error"]
    assert "A100" in said["latency"]
    assert "joint draws" in said["P(front)"]
    assert "64" in said["latency"]
    assert "128 channels, 3 stacks of 3, images of 32x32 pixels with 10 bands, 17 classes" in said["parameters"]
    assert "validation macro error 60, latency on A100 18; the card's" in said["hypervolume"]
    assert "micro error" not in said, "what the problem does not name is not explained"


@pytest.mark.parametrize(
    ("card", "text"), [("nb101s-error-params", "10 classes: 90.0 %"), ("nb101s-error-traintime", "TPU")]
)
def test_the_sampled_benchmark_has_words_of_its_own(tmp_path, card, text):
    run(card, algorithm="random", budget=10, out=tmp_path / "run")
    said = words(tmp_path / "run")
    assert text in " ".join(said.values())
    assert "latency" not in said
    assert "macro error" not in said


def test_every_definition_can_be_filled_in():
    import eomoo.analysis.definitions as module
    from eomoo.files import read_toml

    known = {"classes", "chance", "batch", "runtime", "device", "epochs", "skeleton", "reference", "whose", "best"}
    for term in read_toml(Path(module.__file__).with_name("definitions.toml"))["terms"]:
        for kind in term.keys() - {"term", "when"}:
            assert kind in ("live", "eo", "nb101", "any")
            assert "{" not in term[kind].format(**dict.fromkeys(known, "x"))
