import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from bedstone.uncertainty import intervals
from bedstone.uncertainty.intervals import (
    RESAMPLES,
    bootstrap_mean,
    bootstrap_ratio,
    rank_correlation,
    wilson,
)


def test_wilson_is_the_published_interval():
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3: 81 of 263, and 0 of 20.
    estimate = wilson(81 / 263, 263)
    assert (estimate.low, estimate.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    none = wilson(0, 20)
    assert (none.low, none.high) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(1, 20).high == 1


def test_the_share_of_nothing_has_no_interval():
    with pytest.raises(ValueError, match="no trials"):
        wilson(0, 0)


def test_the_bootstrap_is_near_the_normal_interval():
    values = [0.0, 1.0] * 200
    estimate = bootstrap_mean(values, seed=1)
    assert estimate.value == 0.5
    assert (estimate.low, estimate.high) == pytest.approx((0.451, 0.549), abs=0.01)
    assert bootstrap_mean(values, seed=1) == estimate
    assert bootstrap_mean(values, seed=2) != estimate


def test_weights_make_it_the_mean_of_what_they_count():
    assert bootstrap_mean([1.0, 4.0], seed=0, weights=[2, 1]).value == 2
    assert bootstrap_mean([3.0], seed=0).low == 3


def test_an_estimate_as_metrics():
    metrics = bootstrap_mean([2.0, 2.0], seed=0).metrics("kl", "nats")
    assert metrics == {"kl_nats": 2, "kl_nats_low": 2, "kl_nats_high": 2, "kl_nats_n": 2}


def test_documents_are_drawn_again_with_all_their_values():
    values, documents = [1.0] * 50 + [0.0] * 50, ["a"] * 50 + ["b"] * 50
    alone = bootstrap_mean(values, seed=0)
    together = bootstrap_mean(values, seed=0, documents=documents)
    assert (together.value, together.n) == (0.5, 2)
    assert (together.low, together.high) == (0, 1)
    assert alone.high - alone.low < 0.25
    own = [str(number) for number in range(100)]
    assert bootstrap_mean(values, seed=0, documents=own).n == 100


def test_weights_count_within_documents():
    found = bootstrap_mean([1.0, 4.0, 2.0], seed=0, weights=[2, 1, 3], documents=["a", "a", "b"])
    assert found.value == 2


def test_a_ratio_is_of_sums_and_its_units_are_drawn_whole():
    estimate = bootstrap_ratio([30.0, 10.0], [10, 10], seed=0)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (2, 1, 3, 2)
    assert bootstrap_ratio([30.0, 1.0], [10, 1], seed=0).value == pytest.approx(31 / 11)


def test_the_resamples_are_those_of_one_table(monkeypatch):
    parts, wholes = np.random.default_rng(1).random((2, 11)) + 1
    units = np.random.default_rng(7).integers(11, size=(RESAMPLES, 11))
    ratios = parts[units].sum(axis=1) / wholes[units].sum(axis=1)
    whole = bootstrap_ratio(parts, wholes, seed=7)
    assert (whole.low, whole.high) == tuple(np.quantile(ratios, [0.025, 0.975]))
    monkeypatch.setattr(intervals, "PIECE_NUMBERS", 40)  # three rows at once
    assert bootstrap_ratio(parts, wholes, seed=7) == whole


def test_many_units_fit_in_memory():
    values = [0.0, 1.0] * 10_000
    tracemalloc.start()
    try:
        assert bootstrap_mean(values, seed=0).n == 20_000
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 50e6  # all the draws at once are 320 MB


def test_a_rank_correlation_takes_ties_at_their_mean_and_proves_nothing_of_few():
    # Ranks 1 2.5 2.5 4 5 6 7 8 against 1 to 8: by hand r = 41.5 / sqrt(41.5 * 42).
    found = rank_correlation([1, 2, 2, 3, 4, 5, 6, 7], range(8))
    assert found.value == pytest.approx((41.5 / 42) ** 0.5)
    assert 0.85 < found.low < found.value < found.high <= 1
    perfect = rank_correlation(range(8), [-(each**3) for each in range(8)])
    assert (perfect.value, perfect.low) == (-1, -1)
    assert -0.95 < perfect.high < -0.8
    assert rank_correlation(range(7), range(7)) is None
    assert rank_correlation(range(9), [1] * 9) is None


def test_unrelated_values_are_outside_the_interval_as_often_as_it_says():
    dice = np.random.default_rng(3)
    found = [rank_correlation(*dice.random((2, 12))) for _ in range(2_000)]
    assert 0.94 < np.mean([each.low <= 0 <= each.high for each in found]) < 0.98


def test_intervals_need_no_torch():
    code = "import sys, bedstone.uncertainty.intervals; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
