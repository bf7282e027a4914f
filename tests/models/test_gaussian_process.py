"""The Gaussian process against linear algebra written out."""

import math

import numpy as np
import pytest

from eomoo.models.gaussian_process import Kernel, Predictor, Solver, covariance, on_grid

KERNEL = Kernel(length=3.0, linear=0.5, noise=0.1)


@pytest.fixture
def known():
    return on_grid(np.random.default_rng(0).standard_normal((40, 7)))


def slow_kernel(A, B, kernel):
    def covariance(a, b):
        return 1 / (1 + np.mean((a - b) ** 2) / kernel.length) + kernel.linear * np.mean(a * b)

    return np.array([[covariance(a, b) for b in B] for a in A])


def test_kernel_agrees_with_its_formula(known):
    np.testing.assert_allclose(covariance(known, KERNEL), slow_kernel(known, known, KERNEL), rtol=1e-12)


def test_weights_solve_the_normal_equations(known):
    y = np.sin(known[:, 0])
    K = covariance(known, KERNEL) + KERNEL.noise * np.eye(40)
    for exact in (True, False):
        solver = Solver(covariance(known, KERNEL), KERNEL.noise, exact=exact)
        np.testing.assert_allclose(solver.inverse @ K, np.eye(40), atol=1e-9)
        np.testing.assert_allclose(solver.weights(y), np.linalg.solve(K, y), rtol=1e-9)


def test_left_out_residuals_are_those_of_leaving_out(known):
    y = np.sin(known[:, 0])
    K = covariance(known, KERNEL)
    found = Solver(K, KERNEL.noise).left_out_residuals(y)
    for i in range(40):
        rest = np.arange(40) != i
        weights = np.linalg.solve(K[np.ix_(rest, rest)] + KERNEL.noise * np.eye(39), y[rest])
        assert found[i] == pytest.approx(y[i] - K[i, rest] @ weights, abs=1e-9)


@pytest.mark.parametrize("linear", [0.0, 0.5])
def test_predictions_agree_with_the_kernel_over_blocks(known, linear):
    kernel = Kernel(length=3.0, linear=linear, noise=0.1)
    weights = np.random.default_rng(1).standard_normal((40, 2))
    new = on_grid(np.random.default_rng(2).standard_normal((3_000, 7)))
    predicted, nearest = Predictor(known, weights, kernel)(new)
    some = [0, 1, 1_023, 1_024, 2_999]
    expected = slow_kernel(new[some], known, kernel) @ weights
    np.testing.assert_allclose(predicted[some], expected, rtol=1e-10, atol=1e-12)
    alike = slow_kernel(new[some], known, Kernel(length=3.0, linear=0.0, noise=0.1)).max(axis=1)
    np.testing.assert_allclose(nearest[some], alike, rtol=1e-12)


def test_a_training_cell_is_its_own_nearest(known):
    _, nearest = Predictor(known, np.ones((40, 1)), KERNEL)(known)
    np.testing.assert_array_equal(nearest, 1.0)


@pytest.mark.parametrize("d", [7, 141, 289, 1_000])
def test_sums_of_products_on_the_grid_are_exact(d):
    """Whatever the order, and with values at both ends of what the grid takes."""
    Z = on_grid(np.random.default_rng(3).uniform(-200, 200, (5, d)))
    assert np.abs(Z).max() == 64.0
    product = Z @ Z.T
    for i, j in np.ndindex(5, 5):
        assert product[i, j] == math.fsum(Z[i] * Z[j]) == sum((Z[i] * Z[j])[::-1])
        squares = (Z[i] - Z[j]) ** 2
        assert product[i, i] + product[j, j] - 2 * product[i, j] == math.fsum(squares)


def test_predictions_have_the_same_bits_alone_and_in_company(known):
    weights = np.random.default_rng(1).standard_normal((40, 2))
    new = on_grid(np.random.default_rng(2).standard_normal((1_500, 7)))
    predictor = Predictor(known, weights, KERNEL)
    together, nearest = predictor(new)
    for i in (0, 1_023, 1_024, 1_499):
        alone, likeness = predictor(new[[i]])
        np.testing.assert_array_equal(alone[0], together[i])
        assert likeness[0] == nearest[i]
