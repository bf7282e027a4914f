"""A device's latency of all cells from few timed ones, on devices whose law is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from eomoo.errors import SettingError
from eomoo.models.device import fit_device
from eomoo.models.recipes import device_recipe
from eomoo.space import SO2SAT, Skeleton
from eomoo.space.features import feature_names

SMALL = Skeleton(in_channels=4, n_classes=8, stem_channels=16, n_stacks=3, cells_per_stack=1, image_size=16)
NAMES = list(feature_names())


def stratified(space, n, seed, skeleton=SO2SAT):
    """Cells (n,), one from each of as many equal parts of a sample by multiply-accumulates."""
    rng = np.random.default_rng([n, seed])
    some = rng.choice(len(space), 4_000, replace=False)
    parts = np.array_split(some[np.argsort(space.macs(some, skeleton), kind="stable")], n)
    return np.array([rng.choice(part) for part in parts])


def took(space, cells, *, skeleton=SO2SAT, odd=0.0, pools=0.0, noise=0.0, seed=0):
    """Milliseconds (n,) by a law: multiply-accumulates, activations, and what one device is worse at."""
    features = space.features(cells).astype(np.float64)
    activations, channels, maxpool = (features[:, NAMES.index(n)] for n in ("activations", "channels", "maxpool"))
    macs = space.macs(cells, skeleton) / space.macs(np.arange(0, len(space), 997), skeleton).max()
    value = 1.0 + 20.0 * macs + 0.5 * activations
    value = value * (1.0 + odd * np.isin(np.rint(1 / channels), (3, 5))) * (1.0 + pools * maxpool)
    return value * np.exp(noise * np.random.default_rng(seed).standard_normal(len(space))[cells])


def fitted(space, cells, skeleton=SO2SAT, **law):
    law = {"skeleton": skeleton, **law}
    return fit_device(device_recipe(skeleton), space.features(cells), took(space, cells, **law))


def told(model, space, cells):
    return (part[:, 0] for part in model.predict(space.features(cells)))


@pytest.fixture(scope="module")
def others():
    return np.random.default_rng(1).choice(423_624, 1_000, replace=False)


# Of few channels the remainder of a division, which the models leave out, is a larger share.
@pytest.mark.parametrize(("skeleton", "off"), [(SO2SAT, 0.02), (SMALL, 0.06)])
def test_five_cells_are_enough_where_work_alone_takes_time(space, others, skeleton, off):
    mean, _ = told(fitted(space, stratified(space, 5, 0, skeleton), skeleton), space, others)
    np.testing.assert_allclose(mean, took(space, others, skeleton=skeleton), rtol=off)


def test_the_share_of_projections_is_the_skeletons(space, others):
    # A stack's first cell has a narrower input: with one cell a stack, projections cost less beside the rest.
    deep, flat = fit_base(space, SO2SAT), fit_base(space, SMALL)
    assert deep < 2e-3
    assert flat < 2e-3
    assert fit_base(space, SMALL, told_of=SO2SAT) > 2 * flat


def fit_base(space, skeleton, told_of=None):
    """Largest relative error of the base alone on cells that take time by their multiply-accumulates."""
    cells = np.flatnonzero(
        np.isin(np.rint(1 / space.features(np.arange(4_000))[:, NAMES.index("channels")]), (1, 2, 4))
    )
    macs = space.macs(cells, skeleton).astype(np.float64)
    model = fit_device(device_recipe(told_of or skeleton), space.features(cells[:50]), macs[:50])
    return np.abs(model._base_of(space.features(cells)) / macs - 1).max()


def test_what_a_device_is_worse_at_is_learnt_from_twenty_cells(space, others):
    law = {"odd": 0.3, "pools": 0.1, "noise": 0.02}
    found = []
    for seed in range(6):
        mean, _ = told(fitted(space, stratified(space, 20, seed), **law), space, others)
        truth = took(space, others, **law)
        found.append((spearmanr(mean, truth).statistic, np.median(np.abs(mean / truth - 1))))
    rho, error = np.median(found, axis=0)
    assert rho > 0.98
    assert error < 0.04


# Five cells tell little of the intervals themselves, which are then rather too wide.
@pytest.mark.parametrize(("n", "most"), [(5, 1.0), (20, 0.97)])
def test_intervals_of_ninety_per_cent_hold_about_as_much(space, others, n, most):
    law = {"odd": 0.15, "pools": 0.05, "noise": 0.03}
    inside = []
    for seed in range(12):
        mean, std = told(fitted(space, stratified(space, n, seed), **law), space, others)
        inside.append(np.mean(np.abs(mean - took(space, others, **law)) < 1.645 * std))
    assert 0.83 < np.mean(inside) <= most


def test_deviations_are_smaller_with_more_cells_and_at_timed_ones(space, others):
    cells = stratified(space, 40, 0)
    few, many = (fitted(space, cells[::step], noise=0.03) for step in (4, 1))
    assert np.median(list(told(many, space, others))[1]) < np.median(list(told(few, space, others))[1])
    relative = [std / mean for mean, std in (told(many, space, here) for here in (cells, others))]
    assert np.median(relative[0]) < np.median(relative[1])


def test_an_operation_may_take_its_time_however_small_it_is(space, others):
    """As on a GPU with one image, where only few cells need be timed to know it."""
    each = {"conv3x3": 0.02, "conv1x1": 0.01, "maxpool": 0.01, "input_degree": 0.01}

    def took(cells):
        return 0.05 + space.features(cells)[:, [NAMES.index(n) for n in each]] @ np.array([*each.values()])

    def off(recipe):
        mean, _ = told(fit_device(recipe, space.features(cells), took(cells)), space, others)
        return np.median(np.abs(mean / took(others) - 1.0))

    cells, recipe = stratified(space, 10, 0), device_recipe(SO2SAT)
    assert off(recipe) < 0.01
    assert off(replace(recipe, each_operation=False)) > 0.03


def test_the_unit_of_time_changes_nothing_else(space, others):
    cells = stratified(space, 20, 0)
    features, values = space.features(cells), took(space, cells, odd=0.2, noise=0.02)
    by_ms, by_s = (fit_device(device_recipe(SO2SAT), features, values * unit) for unit in (1.0, 1e-3))
    for a, b in zip(by_ms.predict(space.features(others)), by_s.predict(space.features(others)), strict=True):
        np.testing.assert_allclose(a, 1e3 * b, rtol=1e-5)


def test_a_cell_is_predicted_and_drawn_alike_in_whatever_company(space, others):
    model = fitted(space, stratified(space, 20, 0), noise=0.05)
    features = space.features(others)
    errors = model.errors(0, 7, seed=3)
    for whole, some in zip(model.predict(features), model.predict(features[100:130]), strict=True):
        np.testing.assert_allclose(some, whole[100:130], rtol=1e-12)
    np.testing.assert_array_equal(model.predict(features)[0][100:130], model.predict(features[100:130])[0])
    np.testing.assert_allclose(errors(features[100:130]), errors(features)[:, 100:130], atol=2e-4)


def test_draws_have_the_predicted_middle_and_deviation(space, others):
    model = fitted(space, stratified(space, 20, 0), pools=0.1, noise=0.02)
    features = space.features(others[:200])
    mean, std = model.predict(features)
    drawn = model.draw(features, 2_000, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.15 * std.max())
    np.testing.assert_allclose(np.median(drawn.std(axis=0) / std), 1.0, rtol=0.05)
    np.testing.assert_array_equal(drawn, model.draw(features, 2_000, seed=0))
    assert not np.array_equal(drawn, model.draw(features, 2_000, seed=1))


def test_cells_that_are_alike_err_alike(space, others):
    model = fitted(space, stratified(space, 20, 0), pools=0.3, noise=0.02)
    errors = model.errors(0, 600, seed=0)(space.features(others))
    pools = space.features(others)[:, NAMES.index("maxpool")]
    across = np.corrcoef(errors.T)
    many, none = np.flatnonzero(pools >= 4), np.flatnonzero(pools == 0)
    same = across[np.ix_(many, many)][~np.eye(len(many), dtype=bool)]
    assert same.mean() > across[np.ix_(many, none)].mean() + 0.1
    # What each has by itself stays its own.
    assert same.max() < 0.999


def test_too_few_cells_or_no_time_at_all_are_refused(space):
    features = space.features(np.arange(5))
    with pytest.raises(SettingError, match="at least 5 timed cells; there are 4"):
        fit_device(device_recipe(SO2SAT), features[:4], np.ones(4))
    with pytest.raises(SettingError, match="positive; got 0"):
        fit_device(device_recipe(SO2SAT), features, np.arange(5.0))


def test_deviations_grow_with_how_far_a_prediction_lies_beyond_what_was_timed(space):
    """As when none of the fastest cells was timed."""
    cells = stratified(space, 60, 0)
    values = took(space, cells, pools=-0.1, odd=0.1)
    slow = values > np.quantile(values, 0.3)
    model = fit_device(device_recipe(SO2SAT), space.features(cells[slow]), values[slow])
    mean, std = told(model, space, np.concatenate((cells[~slow], [359_998])))
    timed, _ = told(model, space, cells[slow])
    beyond = timed.min() - mean
    assert (beyond > 0.1 * timed.min()).sum() > 5
    far = beyond > 0
    assert (std[far] >= 0.5 * beyond[far]).all()
    inside, _ = told(model, space, cells[slow])
    assert (inside >= timed.min()).all()


def test_no_draw_of_what_a_device_takes_is_negative_however_little_is_known(space, others):
    model = fitted(space, stratified(space, 5, 0), odd=0.5, noise=0.5)
    mean, std = model.predict(space.features(others[:100]))
    assert (std > 0.3 * mean).any()
    drawn = model.draw(space.features(others[:100]), 500, seed=0)
    assert drawn.min() > 0
    np.testing.assert_allclose(np.median(drawn.std(axis=0) / std), 1.0, rtol=0.15)


def test_predictions_stay_positive_however_far_beyond_what_was_timed(space):
    """Where time falls with every pool as steeply as between the timed cells, some cells would take less than none."""
    every = np.arange(0, len(space), 300)
    features = space.features(every)
    pools = features[:, NAMES.index("maxpool")]
    few = every[pools <= 2][:40]
    values = np.exp(-1.5 * space.features(few)[:, NAMES.index("maxpool")].astype(np.float64))
    mean, std = fit_device(device_recipe(SO2SAT), space.features(few), values).predict(features)
    assert mean.min() > 0
    assert np.isfinite(std).all()
