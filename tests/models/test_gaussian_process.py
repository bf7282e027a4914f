"""The Gaussian process against linear algebra written out."""

import numpy as np
import pytest

from eomoo.models.gaussian_process import Kernel, Predictor, Solver, kernel_of

KERNEL = Kernel(length=3.0, linear=0.5, noise=0.1)


@pytest.fixture
def known():
    return np.random.default_rng(0).standard_normal((40, 7))


def slow_kernel(A, B, kernel):
    def covariance(a, b):
        return 1 / (1 + np.mean((a - b) ** 2) / kernel.length) + kernel.linear * np.mean(a * b)

    return np.array([[covariance(a, b) for b in B] for a in A])


def test_kernel_agrees_with_its_formula(known):
    np.testing.assert_allclose(kernel_of(known, KERNEL), slow_kernel(known, known, KERNEL), rtol=1e-12)


def test_weights_solve_the_normal_equations(known):
    y = np.sin(known[:, 0])
    K = kernel_of(known, KERNEL) + KERNEL.noise * np.eye(40)
    np.testing.assert_allclose(
        Solver(kernel_of(known, KERNEL), KERNEL.noise).weights(y), np.linalg.solve(K, y), rtol=1e-9
    )


def test_left_out_residuals_are_those_of_leaving_out(known):
    y = np.sin(known[:, 0])
    K = kernel_of(known, KERNEL)
    found = Solver(K, KERNEL.noise).left_out_residuals(y)
    for i in range(40):
        rest = np.arange(40) != i
        weights = np.linalg.solve(K[np.ix_(rest, rest)] + KERNEL.noise * np.eye(39), y[rest])
        assert found[i] == pytest.approx(y[i] - K[i, rest] @ weights, abs=1e-9)


@pytest.mark.parametrize("linear", [0.0, 0.5])
def test_predictions_agree_with_the_kernel_over_blocks(known, linear):
    kernel = Kernel(length=3.0, linear=linear, noise=0.1)
    weights = np.random.default_rng(1).standard_normal((40, 2))
    new = np.random.default_rng(2).standard_normal((3_000, 7)).astype(np.float32)
    predicted, nearest = Predictor(known, weights, kernel)(new)
    some = [0, 1, 1_023, 1_024, 2_999]
    expected = slow_kernel(new[some], known, kernel) @ weights
    np.testing.assert_allclose(predicted[some], expected, rtol=2e-4, atol=2e-5)
    alike = slow_kernel(new[some], known, Kernel(length=3.0, linear=0.0, noise=0.1)).max(axis=1)
    np.testing.assert_allclose(nearest[some], alike, rtol=1e-5)


def test_a_training_cell_is_its_own_nearest(known):
    _, nearest = Predictor(known, np.ones((40, 1)), KERNEL)(known.astype(np.float32))
    np.testing.assert_allclose(nearest, 1.0, atol=1e-5)
    assert (nearest <= 1).all()
