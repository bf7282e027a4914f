"""What was typed and changes nothing, stands there twice or is empty is refused by one sentence that names it."""

import pytest

REFUSED = [
    ("run eo-macro-params --figures pdf", "--figures has no say without --out"),
    ("run eo-macro-params --width page", "--width has no say without --out"),
    ("run eo-macro-params --retry-failed", "--retry-failed has no say without --out"),
    ("run eo-macro-params -a pls -o init=walks --init random", "init is given twice"),
    ("run eo-macro-params -a pls -o n_starts=2 -o n-starts=3", "'n_starts' is given twice"),
    ("run --data x --set rungs=1,all --rungs 1,2", "rungs is given twice"),
    ("run --data x --set data=y", "data is given twice"),
    ("run eo-macro-params --out=", "--out is empty"),
    ("run eo-macro-params --out EMPTY", "--out is empty"),
    ("landscape eo-hwnas --figures png", "--figures has no say without --out"),
    ("landscape eo-macro-params --out a-file/x", "cannot write a-file/x: a part of that path is a file"),
    ("landscape eo-macro-params --seed -1", "seed must be a whole number of at least 0; got -1"),
    ("study show . --width page", "--width has no say without --figures"),
    ("study run --problems a,a --algorithms pls", "a study names a problem twice: a"),
    ("report . --port 1", "--port has no say without --watch"),
    ("report . --watch --format md", "--format has no say with --watch"),
    ("surrogate fit t.csv --coarse --out m", "--coarse has no say without --predict"),
    ("surrogate fit t.csv --unit a=s --unit a=ms --out m", "--unit names a column twice"),
    ("surrogate fit --target x --out m", "--target has no say on the EO table's models"),
    ("surrogate fit t.csv --out a-file", "cannot write a-file: a part of that path is a file"),
    ("surrogate check m --from x", "--from has no say on models of a folder"),
    ("measure --data x --cells c --length 3 --out m", "--length has no say without --walks"),
    ("measure --data x --cells c --cell-seed 3 --out m", "--cell-seed has no say without --walks and --spread"),
    ("measure --data x --set epochs=3 --epochs 2 --out m", "epochs is given twice"),
    ("measure --data x --set latency.threads=3 --threads 2 --out m", "latency.threads is given twice"),
    ("measure --only latency --set latency.threads=3 --threads 2 --out m", "threads is given twice"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_what_has_no_say_is_refused_and_named(call, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    done = call(*("" if word == "EMPTY" else word for word in words.split()))
    assert (done.code, done.out) == (1, "")
    assert f"error: {sentence}" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]
