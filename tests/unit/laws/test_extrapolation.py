"""What small runs say of a larger one: how near, how sure, and when nothing."""

import numpy as np
import pytest

from bedstone.errors import DataError
from bedstone.laws.extrapolation import COLUMNS, extrapolated
from bedstone.laws.fitting import Runs

SIZES = np.array([1e5, 2e5, 4e5, 8e5])
TARGET = 1.6e6


def loss(parameters, train_tokens):
    """Chinchilla's exponents, at the height of small models."""
    return 1.8 + 1.5 * (parameters / 1e5) ** -0.348 + 3.2 * (train_tokens / 3e5) ** -0.366


def runs(seeds=2, noise=0.005, ratios=(3.0,), dice=None):
    dice = dice or np.random.default_rng(0)
    parameters = np.tile(np.repeat(SIZES, seeds), len(ratios))
    tokens = parameters * np.repeat(ratios, seeds * len(SIZES))
    luck = dice.normal(0, noise, len(parameters))
    return Runs(parameters, tokens, loss(parameters, tokens) + luck)


def ends(found, parameters, ratio=3.0):
    return np.percentile(found.run(parameters, ratio * parameters, seed=1), [2.5, 50, 97.5])


def test_runs_of_one_ratio_tell_the_loss_along_it_and_no_more():
    found = extrapolated(runs(), seed=0)
    low, middle, high = ends(found, TARGET)
    assert low < loss(TARGET, 3 * TARGET) < high
    assert middle == pytest.approx(loss(TARGET, 3 * TARGET), abs=0.03)
    assert found.draws.shape[1] == len(COLUMNS)
    assert not found.draws[:, [2, 4]].any()
    assert (found.middle[[2, 4]] == 0).all()
    assert (found.draws[:, [0, 1, 3, 5]] > 0).all()


def test_several_ratios_tell_tokens_from_parameters():
    found = extrapolated(runs(ratios=(3.0, 12.0)), seed=0)
    assert (found.draws[:, :5] > 0).all()
    for ratio in 3.0, 12.0:
        low, _, high = ends(found, TARGET, ratio)
        assert low < loss(TARGET, ratio * TARGET) < high


def test_the_middle_law_says_what_most_say():
    found = extrapolated(runs(), seed=0)
    e, a, _, alpha, _ = found.middle
    assert e + a * TARGET**-alpha == pytest.approx(ends(found, TARGET)[1], abs=0.02)


def test_it_is_less_sure_with_more_noise_and_farther_away():
    def width(noise, parameters):
        low, _, high = ends(extrapolated(runs(noise=noise), seed=0), parameters)
        return high - low

    assert width(0.005, TARGET) < width(0.02, TARGET)
    assert width(0.005, TARGET) < width(0.005, 8 * TARGET)


def test_a_size_that_misses_the_law_makes_it_less_sure_than_seeds_do():
    """Two seeds that agree to a hair do not tell that a third size will."""
    bent = runs(noise=1e-4)
    bent.loss_nats[4:6] += 0.05
    low, _, high = ends(extrapolated(bent, seed=0), TARGET)
    assert high - low > 0.1


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say():
    held = 0
    for trial in range(60):
        dice = np.random.default_rng(trial)
        low, _, high = ends(extrapolated(runs(noise=0.02, dice=dice), seed=0), TARGET)
        held += low <= loss(TARGET, 3 * TARGET) + dice.normal(0, 0.02) <= high
    assert 54 <= held <= 60


def test_the_same_runs_say_the_same():
    ours, theirs = (extrapolated(runs(), seed=3).draws for _ in range(2))
    assert (ours == theirs).all()


def test_too_few_sizes_say_nothing():
    few = runs().take(np.arange(4))
    with pytest.raises(DataError, match="2 sizes for the law's 3 numbers") as error:
        extrapolated(few, seed=0)
    assert error.value.hint == "give 3 sizes or more"


def test_losses_that_rise_have_no_law():
    rising = runs()
    with pytest.raises(DataError, match="do not fall with size"):
        extrapolated(Runs(rising.parameters, rising.train_tokens, 9 - rising.loss_nats), seed=0)
