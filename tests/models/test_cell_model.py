"""The quick model of cells' values: what noise it finds, and what many cells teach it."""

import numpy as np
import pytest

from eomoo.models.cell_model import _NOISES, _best_noise, _covariance, fit_cell_model


@pytest.fixture(scope="module")
def draws():
    """Features (3000, 12), standardised, a smooth target (3000,) and a generator."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((3000, 12))
    return X, X[:, 0] + np.sin(X[:, 1]), rng


def test_noise_is_told_from_what_can_be_predicted(draws):
    X, smooth, rng = draws
    noisy = smooth + 1.5 * rng.standard_normal(len(smooth))
    y = np.column_stack((smooth, noisy))[:250]
    chosen = _best_noise(_covariance(X[:250]), (y - y.mean(axis=0)) / y.std(axis=0))
    assert chosen.tolist() == [min(_NOISES), max(_NOISES)]


def test_each_column_has_its_own_noise(draws):
    """A noisy column is predicted nearer the truth than its values are, beside one without noise."""
    X, smooth, rng = draws
    noisy = smooth + 1.5 * rng.standard_normal(len(smooth))
    model = fit_cell_model(X[:400], np.column_stack((smooth, noisy))[:400], seed=1)
    predicted = model.predict(X[2000:])
    assert np.corrcoef(predicted[:, 0], smooth[2000:])[0, 1] > 0.9
    assert np.corrcoef(predicted[:, 1], smooth[2000:])[0, 1] > 0.65
    assert np.abs(predicted[:, 1] - smooth[2000:]).mean() < np.abs(noisy - smooth).mean()


def test_more_cells_teach_more(draws):
    X, smooth, rng = draws
    noisy = (smooth + 1.5 * rng.standard_normal(len(smooth)))[:, None]
    error = [
        np.abs(fit_cell_model(X[:n], noisy[:n], seed=1).predict(X[2000:])[:, 0] - smooth[2000:]).mean()
        for n in (250, 2000)
    ]
    assert error[1] < 0.85 * error[0]
