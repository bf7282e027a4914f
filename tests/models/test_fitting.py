"""Quick regression inside a search."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.errors import SettingError
from eomoo.models.fitting import fit_regressors
from eomoo.objectives.surrogate import SurrogateBackend


@pytest.fixture(scope="module")
def problem(space):
    """Features and two objectives of 500 training cells and of 5,000 others."""
    cells = np.random.default_rng(0).choice(len(space), 5_500, replace=False)
    values = SurrogateBackend().values(cells, ["val_macro_error", "latency"])
    features = space.features(cells)
    return features[:500], values[:500], features[500:], values[500:]


@pytest.fixture(scope="module")
def fitted(problem):
    return fit_regressors(problem[0], problem[1], seed=1)


def test_other_cells_are_ranked_well_and_the_held_out_figure_is_honest(problem, fitted):
    predicted = fitted.predict(problem[2])
    assert predicted.shape == (5_000, 2)
    rho = np.array([spearmanr(p, v).statistic for p, v in zip(predicted.T, problem[3].T, strict=True)])
    assert (rho > 0.97).all()
    np.testing.assert_allclose(fitted.spearman, rho, atol=0.02)


def test_predictions_are_in_the_values_own_units(problem, fitted):
    predicted = fitted.predict(problem[2])
    error = np.sqrt(np.mean((predicted - problem[3]) ** 2, axis=0))
    assert (error < 0.2 * problem[3].std(axis=0)).all()
    scaled = fit_regressors(problem[0], problem[1] * [1e6, -1e-6], seed=1).predict(problem[2])
    np.testing.assert_allclose(scaled / [1e6, -1e-6], predicted, rtol=1e-3)


def test_same_seed_same_predictions(problem, fitted):
    again = fit_regressors(problem[0], problem[1], seed=1)
    np.testing.assert_array_equal(again.predict(problem[2]), fitted.predict(problem[2]))
    np.testing.assert_array_equal(again.spearman, fitted.spearman)
    other = fit_regressors(problem[0], problem[1], seed=np.random.default_rng(2))
    assert (other.predict(problem[2]) != fitted.predict(problem[2])).any()


def test_noise_alone_has_no_rank_correlation(problem):
    noise = np.random.default_rng(0).standard_normal((500, 1))
    assert abs(fit_regressors(problem[0], noise, seed=0).spearman[0]) < 0.3


def test_rows_without_values_are_left_out(problem):
    values = problem[1].copy()
    values[:100, 0], values[100:150, 1] = np.nan, np.inf
    found = fit_regressors(problem[0], values, seed=3)
    assert found.n_train == 350
    expected = fit_regressors(problem[0][150:], problem[1][150:], seed=3)
    np.testing.assert_array_equal(found.predict(problem[2]), expected.predict(problem[2]))


def test_a_constant_column_is_predicted_and_has_no_rank_correlation(problem):
    values = np.column_stack((problem[1][:, 0], np.full(500, 7.0)))
    found = fit_regressors(problem[0], values, seed=0)
    np.testing.assert_array_equal(found.predict(problem[2][:5])[:, 1], 7.0)
    assert np.isnan(found.spearman[1])
    assert np.isfinite(found.spearman[0])


def test_arguments_are_not_changed(problem):
    X, Y = problem[0].copy(), problem[1].copy()
    fit_regressors(X, Y, seed=0)
    np.testing.assert_array_equal(X, problem[0])
    np.testing.assert_array_equal(Y, problem[1])


@pytest.mark.parametrize(
    ("X", "Y", "message"),
    [
        (np.ones((20, 3)), np.ones((19, 1)), r"got shapes \(20, 3\) and \(19, 1\)"),
        (np.ones((20, 3)), np.ones(20), "got shapes"),
        (np.ones((20, 3)), np.ones((20, 0)), "got shapes"),
        (np.full((20, 3), np.nan), np.ones((20, 1)), "not finite"),
        (np.ones((20, 3)), np.full((20, 1), np.nan), "0 of 20 rows"),
        (np.ones((9, 3)), np.ones((9, 1)), "at least 10 rows"),
    ],
)
def test_bad_arguments_are_said_in_one_sentence(X, Y, message):
    with pytest.raises(SettingError, match=message):
        fit_regressors(X, Y, seed=0)
