"""One way to fit and to ask a model: quick regression, a search's recipe, joint draws."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.errors import SettingError
from eomoo.models import SEARCH, START, fit, recipe_for
from eomoo.models.gaussian_process import covariance
from eomoo.models.noise import best_noise
from eomoo.models.scaling import space_scaling
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
    return fit(START, problem[0], problem[1], seed=1)


@pytest.fixture(scope="module")
def draws():
    """Features (3000, 12), standardised, a smooth target (3000,) and a generator."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((3000, 12))
    return X, X[:, 0] + np.sin(X[:, 1]), rng


# -- a start's recipe ------------------------------------------------------------------------------


def test_other_cells_are_ranked_well_and_the_held_out_figure_is_honest(problem, fitted):
    predicted, std = fitted.predict(problem[2])
    assert predicted.shape == std.shape == (5_000, 2)
    rho = np.array([spearmanr(p, v).statistic for p, v in zip(predicted.T, problem[3].T, strict=True)])
    assert (rho > 0.97).all()
    np.testing.assert_allclose(fitted.spearman, rho, atol=0.02)


def test_the_deviation_of_trees_is_their_error_on_held_out_rows(problem, fitted):
    predicted, std = fitted.predict(problem[2])
    error = np.sqrt(np.mean((predicted - problem[3]) ** 2, axis=0))
    assert np.ptp(std, axis=0).tolist() == [0.0, 0.0]
    np.testing.assert_allclose(std[0], error, rtol=0.25)


def test_predictions_are_in_the_values_own_units(problem, fitted):
    predicted, std = fitted.predict(problem[2])
    error = np.sqrt(np.mean((predicted - problem[3]) ** 2, axis=0))
    assert (error < 0.2 * problem[3].std(axis=0)).all()
    scaled, scaled_std = fit(START, problem[0], problem[1] * [1e6, -1e-6], seed=1).predict(problem[2])
    np.testing.assert_allclose(scaled / [1e6, -1e-6], predicted, rtol=1e-3)
    np.testing.assert_allclose(scaled_std / [1e6, 1e-6], std, rtol=1e-3)


@pytest.mark.parametrize("recipe", [START, SEARCH], ids=["start", "search"])
def test_same_seed_same_predictions(problem, recipe):
    one, again = (fit(recipe, problem[0][:200], problem[1][:200], seed=1) for _ in range(2))
    np.testing.assert_array_equal(again.predict(problem[2]), one.predict(problem[2]))
    np.testing.assert_array_equal(again.spearman, one.spearman)
    other = fit(recipe, problem[0][:200], problem[1][:200], seed=np.random.default_rng(2))
    assert (other.predict(problem[2])[0] != one.predict(problem[2])[0]).any()


def test_noise_alone_has_no_rank_correlation(problem):
    noise = np.random.default_rng(0).standard_normal((500, 1))
    assert abs(fit(START, problem[0], noise, seed=0).spearman[0]) < 0.3


@pytest.mark.parametrize("recipe", [START, SEARCH], ids=["start", "search"])
def test_rows_without_values_are_left_out(problem, recipe):
    values = problem[1].copy()
    values[:100, 0], values[100:150, 1] = np.nan, np.inf
    found = fit(recipe, problem[0], values, seed=3)
    assert found.n_train == 350
    assert found.rows.min() == 150
    expected = fit(recipe, problem[0][150:], problem[1][150:], seed=3)
    np.testing.assert_array_equal(found.predict(problem[2]), expected.predict(problem[2]))


def test_a_constant_column_is_predicted_and_has_no_rank_correlation(problem):
    values = np.column_stack((problem[1][:, 0], np.full(500, 7.0)))
    found = fit(START, problem[0], values, seed=0)
    mean, std = found.predict(problem[2][:5])
    np.testing.assert_array_equal(mean[:, 1], 7.0)
    np.testing.assert_array_equal(std[:, 1], 0.0)
    assert np.isnan(found.spearman[1])
    assert np.isfinite(found.spearman[0])


def test_arguments_are_not_changed(problem):
    X, Y = problem[0].copy(), problem[1].copy()
    for recipe in (START, SEARCH):
        fit(recipe, X, Y, seed=0).predict(X)
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
        fit(START, X, Y, seed=0)


def test_logarithms_need_positive_values(problem):
    recipe = recipe_for("time", np.array([1.0, 50.0]))
    assert recipe.log
    with pytest.raises(SettingError, match="positive values; got -3"):
        fit(recipe, problem[0], np.where(np.arange(500) == 7, -3.0, 1.0)[:, None], seed=0)


# -- a search's recipe -----------------------------------------------------------------------------


def test_noise_is_told_from_what_can_be_predicted(draws):
    X, smooth, rng = draws
    noisy = smooth + 1.5 * rng.standard_normal(len(smooth))
    y = np.column_stack((smooth, noisy))[:250]
    standard, once = (y - y.mean(axis=0)) / y.std(axis=0), np.ones(250)
    chosen = best_noise(SEARCH, X[:250], standard, once, np.zeros(2))
    assert chosen.tolist() == [min(SEARCH.noises), max(SEARCH.noises)]
    # What repeats told is a least, as far as it is among those that are tried.
    assert best_noise(SEARCH, X[:250], standard, once, np.array([0.05, 9.0])).tolist() == [0.1, 0.5]


def test_each_column_has_its_own_noise(draws):
    """A noisy column is predicted nearer the truth than its values are, beside one without noise."""
    X, smooth, rng = draws
    noisy = smooth + 1.5 * rng.standard_normal(len(smooth))
    model = fit(SEARCH, X[:400], np.column_stack((smooth, noisy))[:400], seed=1)
    predicted, _ = model.predict(X[2000:])
    assert np.corrcoef(predicted[:, 0], smooth[2000:])[0, 1] > 0.9
    assert np.corrcoef(predicted[:, 1], smooth[2000:])[0, 1] > 0.65
    assert np.abs(predicted[:, 1] - smooth[2000:]).mean() < np.abs(noisy - smooth).mean()


def test_more_cells_teach_more(draws):
    X, smooth, rng = draws
    noisy = (smooth + 1.5 * rng.standard_normal(len(smooth)))[:, None]
    error = [
        np.abs(fit(SEARCH, X[:n], noisy[:n], seed=1).predict(X[2000:])[0][:, 0] - smooth[2000:]).mean()
        for n in (250, 2000)
    ]
    assert error[1] < 0.85 * error[0]


def test_what_is_far_from_all_training_cells_is_known_least(draws):
    X, smooth, _ = draws
    model = fit(SEARCH, X[:300], smooth[:300, None], seed=1)
    own, far = (model.predict(rows)[1][:, 0] for rows in (X[:300], 9.0 + X[:300]))
    np.testing.assert_allclose(own, 0.1 * model.std[0], rtol=1e-6)
    assert far.min() > 5 * own.max()


# -- joint draws -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def posterior(draws):
    """A model of 60 cells with noise, and 300 draws at 200 others, of which the last equals the first."""
    X, smooth, rng = draws
    noisy = smooth + 0.3 * rng.standard_normal(len(smooth))
    recipe = recipe_for("quality", noisy + 100)
    model = fit(type(recipe)(kernel=recipe.kernel, trees=recipe.trees, noises=(0.05,)), X[:60], noisy[:60, None])
    asked = np.concatenate((X[1000:1199], X[1000:1001]))
    return model, asked, model.draw(asked, 300, seed=4)


def test_draws_have_the_predicted_mean_and_deviation(posterior):
    model, asked, drawn = posterior
    mean, std = model.predict(asked)
    assert drawn.shape == (300, 200, 1)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=4 * std.max() / np.sqrt(300))
    without_noise = np.sqrt(std**2 - 0.05 * model.std**2)
    np.testing.assert_allclose(drawn.std(axis=0).mean(), without_noise.mean(), rtol=0.05)
    noisy = model.draw(asked, 300, seed=4, noise=True)
    np.testing.assert_allclose(noisy.std(axis=0).mean(), std.mean(), rtol=0.05)


def test_cells_that_are_alike_err_alike_and_equal_ones_equally(posterior):
    model, asked, drawn = posterior
    errors = drawn[:, :, 0]
    np.testing.assert_array_equal(errors[:, 0], errors[:, -1])
    likeness = covariance(model.scaling(asked), model.recipe.kernel)[:-1, :-1]
    correlation = np.corrcoef(errors[:, :-1].T)
    apart = ~np.eye(199, dtype=bool)
    near, far = likeness[apart] > np.quantile(likeness, 0.99), likeness[apart] < np.median(likeness)
    assert correlation[apart][near].mean() > correlation[apart][far].mean() + 0.2


def test_the_same_seed_draws_the_same(posterior):
    model, asked, drawn = posterior
    np.testing.assert_array_equal(model.draw(asked, 300, seed=4), drawn)
    assert (model.draw(asked, 300, seed=5) != drawn).any()


def test_trees_alone_draw_independently(problem, fitted):
    drawn = fitted.draw(problem[2][:50], 400, seed=0)
    _, std = fitted.predict(problem[2][:50])
    np.testing.assert_allclose(drawn.std(axis=0).mean(axis=0), std[0], rtol=0.05)
    assert abs(np.corrcoef(drawn[:, :, 1].T)[np.triu_indices(50, 1)].mean()) < 0.02


def test_draws_of_logarithms_stay_positive(draws):
    X, smooth, _ = draws
    values = np.exp(3 * smooth[:100, None])
    model = fit(recipe_for("t", values), np.tile(X[:100], (1, 12))[:, :141], values)
    drawn = model.draw(np.tile(X[200:220], (1, 12))[:, :141], 100, seed=0)
    assert (drawn > 0).all()


# -- accuracies of networks that may not have learnt -----------------------------------------------


@pytest.fixture(scope="module")
def learning(space):
    """200 cells, and accuracies (200,) whose errors span a factor of twenty."""
    cells = np.random.default_rng(2).choice(len(space), 200, replace=False)
    size = space.macs(cells) / space.macs(cells).max()
    return cells, 1.0 - np.minimum(0.9, 0.04 / (0.04 + size**2))


def test_errors_that_span_orders_are_modelled_by_their_logarithm(learning, space):
    cells, accuracy = learning
    recipe = recipe_for("val_accuracy", accuracy)
    assert (recipe.log, recipe.of_error) == (True, True)
    assert not recipe_for("val_accuracy", 0.3 + 0.1 * accuracy).log
    assert not recipe_for("val_accuracy", np.append(accuracy, 1.0)).log
    model = fit(recipe, space.features(cells), accuracy[:, None], scaling=space_scaling())
    mean, std = model.predict(space.features(cells))
    assert spearmanr(mean[:, 0], accuracy).statistic > 0.97
    assert (mean < 1.0).all()
    # Where the error is larger so is the deviation.
    assert spearmanr(1.0 - mean[:, 0], std[:, 0]).statistic > 0.5
    drawn = model.draw(space.features(cells), 300, seed=0)
    assert (drawn < 1.0).all()
    np.testing.assert_allclose(np.median(drawn, axis=0), mean, atol=0.3 * std.max())


def test_few_accuracies_hold_few_networks_that_did_not_learn_so_that_less_makes_logarithms(monkeypatch):
    errors = np.linspace(0.05, 0.2, 60)
    recipe = recipe_for("val_accuracy", 1.0 - errors)
    assert (recipe.log, recipe.of_error) == (True, True)
    assert not recipe_for("val_accuracy", 1.0 - errors[:30]).log
    monkeypatch.setattr("eomoo.models.recipes._MANY_CELLS", 50)
    assert not recipe_for("val_accuracy", 1.0 - errors).log


def test_what_is_unknown_and_noise_make_the_deviation(learning, space):
    cells, accuracy = learning
    model = fit(recipe_for("val_accuracy", accuracy), space.features(cells), accuracy[:, None], scaling=space_scaling())
    mean, std = model.predict(space.features(cells))
    unknown = model.ignorance(0, mean[:, 0], std[:, 0])
    assert (unknown < std[:, 0]).all()
    noise = model.std[0] * np.sqrt(model.noise[0]) * (1.0 - mean[:, 0])
    np.testing.assert_allclose(np.sqrt(unknown**2 + noise**2), std[:, 0], rtol=1e-9)


def test_many_cells_have_more_trees_and_the_stored_member_beside_the_structure(monkeypatch, learning, space):
    cells, accuracy = learning
    monkeypatch.setattr("eomoo.models.recipes._MANY_CELLS", 100)
    recipe = recipe_for("val_accuracy", accuracy)
    assert recipe.encoding == "structural+one-hot"
    few = replace(recipe, trees=replace(recipe.trees, rounds=20))
    X = space.features(cells, few.encoding)
    model = fit(few, X, accuracy[:, None], scaling=space_scaling())
    assert model.boosters[0].num_features() == 177
    trees, process = (fit(replace(few, share=share), X, accuracy[:, None], scaling=space_scaling()) for share in (0, 1))
    errors = [np.log(1.0 - m.predict(X)[0]) for m in (model, trees, process)]
    np.testing.assert_allclose(errors[0], 0.8 * errors[1] + 0.2 * errors[2], rtol=1e-6)


def test_the_published_encoding_is_seen_by_trees_alone(learning, space):
    cells, accuracy = learning
    recipe = recipe_for("val_accuracy", accuracy, encoding="17x17")
    assert recipe.kernel is None
    model = fit(recipe, space.features(cells, recipe.encoding), accuracy[:, None])
    assert model.boosters[0].num_features() == 289
    assert model.clues(space.features(cells, recipe.encoding)) is None
    X = space.features(cells[:40], recipe.encoding)
    errors = model.errors(0, 500, seed=3)
    together = errors(X)
    np.testing.assert_array_equal(errors(X[7:9]), together[:, 7:9])
    assert np.abs(np.corrcoef(together.T) - np.eye(40)).max() < 0.25
    assert together.std() == pytest.approx(1.0, abs=0.02)
    assert errors(X[:0]).shape == (500, 0)
