from itertools import pairwise

import pytest

from bedstone.training.optim import SPIKE_STEPS, OptimizerConfig, Schedule, is_spike


def test_rate_rises_to_its_peak_and_falls_to_nothing():
    schedule = Schedule(1.0, 10, OptimizerConfig(warmup_share=0.2))
    rates = [schedule.at(step) for step in range(10)]
    assert rates == pytest.approx(
        [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    )
    assert Schedule(1.0, 1, OptimizerConfig(warmup_share=0.0)).at(0) == 1


def rates(steps=10, **settings):
    schedule = Schedule(1.0, steps, OptimizerConfig(**settings))
    return [schedule.at(step) for step in range(steps)]


def test_a_cosine_falls_slowly_then_fast_then_slowly():
    found = rates(schedule="cosine", warmup_steps=2)
    assert found[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert found[6] == pytest.approx(0.5)
    falls = [before - after for before, after in pairwise(found[2:])]
    assert falls[0] < falls[3] > falls[-1] > 0


def test_wsd_is_level_and_falls_at_the_end_whatever_the_length():
    found = rates(20, schedule="wsd", warmup_steps=2, decay_share=0.25)
    assert found[2:16] == [1.0] * 14
    assert found[15:] == pytest.approx([1 - (n / 5) ** 0.5 for n in range(5)])
    assert rates(40, schedule="wsd", warmup_steps=2)[:15] == found[:15]


def test_a_share_of_the_peak_may_be_left():
    assert rates(warmup_steps=0, final_share=0.1)[-1] == pytest.approx(0.1 + 0.9 / 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay_share": 0.3}, "decay_share: only schedule wsd has one, not linear"),
        ({"warmup_steps": 3, "warmup_share": 0.2}, "warmup_share: warmup_steps are given"),
    ],
)
def test_a_setting_without_effect_is_an_error(settings, message):
    with pytest.raises(ValueError, match=message):
        OptimizerConfig(**settings)


def test_a_spike_stands_out_of_the_steps_before_it():
    usual = [1.0, 1.2] * SPIKE_STEPS
    assert is_spike(2.0, usual, 6)
    assert not is_spike(1.5, usual, 6)
    assert is_spike(1.5, usual, 3)
    assert not is_spike(99.0, usual[: SPIKE_STEPS // 2 - 1], 6)
