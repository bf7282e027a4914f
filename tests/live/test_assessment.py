import re
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, precision_score

from eomoo.cli.deploy import show_assessment
from eomoo.files import save_figures
from eomoo.live.assessment import Assessment, draw_confusion, draw_reliability

# Of CORINE's classes.
LONGEST = "Land principally occupied by agriculture, with significant areas of natural vegetation"


def log_probabilities(n=200, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, classes))
    labels = np.where(rng.random(n) < 0.6, logits.argmax(axis=1), rng.integers(classes - 1, size=n))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), labels


def test_figures_are_those_of_scikit_learn():
    logs, labels = log_probabilities()
    found, predicted = Assessment.of(logs, labels), logs.argmax(axis=1)
    assert found.micro == (predicted == labels).mean()
    assert found.kappa == pytest.approx(cohen_kappa_score(labels, predicted))
    assert found.macro == pytest.approx(balanced_accuracy_score(labels, predicted))
    np.testing.assert_allclose(found.precision, precision_score(labels, predicted, average=None))
    assert found.confusion[1, 2] == ((labels == 1) & (predicted == 2)).sum() > 0


def test_reliability_is_the_distance_of_what_is_promised_from_what_is_found():
    """Ten images at 0.95, of which 8 are right, thirty at 0.65, of which 21 are."""
    p = np.repeat([[0.95, 0.05], [0.65, 0.35]], [10, 30], axis=0)
    labels = np.array([0] * 8 + [1] * 2 + [0] * 21 + [1] * 9)
    found = Assessment.of(np.log(p), labels)
    assert found.calibration_error == pytest.approx((10 * 0.15 + 30 * 0.05) / 40)
    assert found.counts.sum() == 40
    assert sorted(found.rights[found.counts > 0]) == [0.7, 0.8]
    assert found.loss == pytest.approx(-np.log(p)[np.arange(40), labels].mean())


def test_a_class_without_images_or_predictions_has_no_share():
    logs = np.log([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]])
    found = Assessment.of(logs, np.array([0, 1]))
    np.testing.assert_array_equal(found.precision, [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(found.per_class, [1, 0, np.nan])


def test_a_kappa_that_is_none_is_said_in_words(capsys):
    found = Assessment.of(np.log([[0.8, 0.2], [0.7, 0.3]]), np.array([0, 0]))
    assert np.isnan(found.kappa)
    show_assessment(found, SimpleNamespace(class_names=["field", "lake"]))
    told = " ".join(capsys.readouterr().out.split())
    assert "no kappa, as all images are and were taken for one class" in told
    assert "nan" not in told


def test_figures_have_a_colour_bar_and_all_classes():
    logs, labels = log_probabilities()
    found = Assessment.of(logs, labels)
    confusion = draw_confusion(found.confusion, list("abcd"), title="cell 5")
    ax, bar = confusion.axes
    assert bar.get_ylabel() == "share of the true class (%)"
    assert [label.get_text() for label in ax.get_xticklabels()] == list("abcd")
    np.testing.assert_allclose(ax.images[0].get_array().sum(axis=1), [100] * 4)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    told = {text.get_position(): int(text.get_text() or 0) for text in ax.texts}
    assert told == {(predicted, true): n for (true, predicted), n in np.ndenumerate(found.confusion)}
    upper, _ = draw_reliability(found).axes
    assert upper.texts[0].get_text() == f"expected calibration error {100 * found.calibration_error:.1f} %"
    np.testing.assert_allclose(upper.lines[1].get_ydata(), 100 * found.rights[found.counts > 0])


@pytest.mark.parametrize("width", [80, 100, None])
def test_beside_long_names_of_classes_all_numbers_have_room(capsys, monkeypatch, width):
    logs, labels = log_probabilities()
    names = [LONGEST, "forest", "x" * 20, "lake"]
    if width is None:
        names[2] = "x" * 200
    else:
        for name, value in {"COLUMNS": str(width), "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}.items():
            monkeypatch.setenv(name, value)
    found = Assessment.of(logs, labels)
    show_assessment(found, SimpleNamespace(class_names=names))
    told = capsys.readouterr().out
    assert "more column" not in told
    rows = re.findall(r"(\d+)\W+([\d.]+ %|-)\W+([\d.]+ %|-)", told)
    assert [int(images) for images, *_ in rows] == found.confusion.sum(axis=1).tolist()
    assert {*LONGEST.split()} <= {*told.split()}


def test_names_of_classes_are_long_and_no_formulas(tmp_path):
    names = [LONGEST, "cost $a_$"]
    confusion = draw_confusion(np.eye(2, dtype=np.int64), names, title="$b_$")
    # A layout without room, or a formula that is none, is a warning or an error.
    save_figures({"confusion": confusion}, tmp_path)
    ax, _ = confusion.axes
    for axis in (ax.xaxis, ax.yaxis):
        told = [label.get_text() for label in axis.get_ticklabels()]
        assert [text.replace("\n", " ") for text in told] == names
        assert max(map(len, told[0].splitlines())) <= 30
