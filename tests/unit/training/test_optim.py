import pytest

from bedstone.training.optim import OptimizerConfig, Schedule


def test_rate_rises_to_its_peak_and_falls_to_nothing():
    schedule = Schedule(1.0, 10, OptimizerConfig(warmup_share=0.2))
    rates = [schedule.at(step) for step in range(10)]
    assert rates == pytest.approx(
        [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    )
    assert Schedule(1.0, 1, OptimizerConfig(warmup_share=0.0)).at(0) == 1
