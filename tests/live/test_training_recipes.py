import math

import pytest

from eomoo.live.recipes import RECIPES, Recipe, format_epochs, get_recipe, parse_epochs


def test_the_published_recipe_is_as_published():
    recipe = get_recipe("published")
    assert (recipe.learning_rate, recipe.momentum, recipe.weight_decay) == (1e-4, 0, 5e-4)
    assert (recipe.batch_size, recipe.epochs, recipe.measure_every) == (256, 108, 2)
    steps = 352_366 // 256 + 1
    total = 108 * steps * recipe.rate(5, steps, (108,))
    assert total == pytest.approx(14.9, abs=0.05)


def test_the_rate_warms_up_and_falls_to_zero():
    recipe = get_recipe("nasbench", warmup=0.1, batch_size=128)
    rates = [recipe.rate(step, 10, (10,)) for step in range(100)]
    assert max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) == 10
    assert rates[0] == pytest.approx(0.1 / 11)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3 * max(rates)
    assert rates[55] == pytest.approx(0.05)


def test_a_second_stretch_begins_anew_without_warm_up():
    recipe = get_recipe("nasbench", warmup=0.5)
    first = [recipe.rate(step, 5, (4,)) for step in range(20)]
    both = [recipe.rate(step, 5, (4, 8)) for step in range(60)]
    assert both[:20] == first
    assert both[20] == pytest.approx(0.2)
    assert both[40] == pytest.approx(0.2 * 0.5 * (1 + math.cos(math.pi * 0.5)))


def test_a_constant_schedule_has_no_stretches():
    assert get_recipe("published").stretches("4+8") == (12,)
    assert get_recipe("nasbench").stretches("4+8") == (4, 8)
    assert get_recipe("published").stretches(None) == (108,)


@pytest.mark.parametrize(
    ("given", "expected"), [(12, (12,)), ("12", (12,)), ("4+8", (4, 8)), ((4, 8), (4, 8)), ([3], (3,))]
)
def test_epochs_are_read(given, expected):
    assert parse_epochs(given) == expected
    assert parse_epochs(format_epochs(expected)) == expected


@pytest.mark.parametrize("given", [0, -1, "", "4+", "x", (), (4, 0), None, True, 2.5])
def test_impossible_epochs_are_refused(given):
    with pytest.raises(ValueError, match="epochs must be a whole number from 1 to 100,000"):
        parse_epochs(given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": 1}, "recipe: unknown key 'learning_rat'; known are augment"),
        ({"schedule": "step"}, "schedule must be one of constant, cosine; got 'step'"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2; got 1"),
        ({"momentum": "a"}, "momentum must be a finite number from 0 to 1.0; got 'a'"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        get_recipe("nasbench", **changes)


def test_an_unknown_recipe_is_named():
    with pytest.raises(KeyError, match=r"no recipe 'nasbensh'; known are published, nasbench"):
        get_recipe("nasbensh")
    own = Recipe(name="own", learning_rate=0.1)
    assert get_recipe(own) is own
    assert set(RECIPES) == {"published", "nasbench"}
