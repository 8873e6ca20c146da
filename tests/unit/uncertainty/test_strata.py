import numpy as np
import pytest

from bedstone.uncertainty.strata import Stratum, stratified_share

DOCUMENTS, SIMULATIONS = 100_000, 400


def simulated(truth, sensitivity, specificity, labels, random):
    """One draw of labels, 30 % of them among what a classifier says yes to."""
    positives = round(truth * DOCUMENTS)
    hits = random.binomial(positives, sensitivity)
    alarms = random.binomial(DOCUMENTS - positives, 1 - specificity)
    above = round(0.3 * labels)
    sides = (
        (hits, alarms, above),
        (positives - hits, DOCUMENTS - positives - alarms, labels - above),
    )
    return [Stratum(yes + no, n, random.hypergeometric(yes, no, n)) for yes, no, n in sides]


@pytest.mark.parametrize("labels", [100, 500])
@pytest.mark.parametrize("truth", [(0.01, 0.9, 0.98), (0.2, 0.8, 0.9)])
def test_the_interval_holds_the_truth_as_often_as_it_says(truth, labels):
    # All of selection's rows, with more simulations: benchmarks/prevalence.py.
    random = np.random.default_rng(2)
    found = [
        stratified_share(simulated(*truth, labels, random), seed) for seed in range(SIMULATIONS)
    ]
    held = np.mean([it.low <= truth[0] <= it.high for it in found])
    assert 0.92 < held < 0.98
    assert np.mean([it.value for it in found]) == pytest.approx(truth[0], rel=0.1)


def test_what_is_labelled_is_known():
    found = stratified_share([Stratum(40, 40, 10), Stratum(60, 60, 0)])
    assert (found.value, found.low, found.high, found.n) == (0.1, 0.1, 0.1, 100)


def test_a_stratum_without_labels_may_be_anything():
    found = stratified_share([Stratum(500, 0, 0), Stratum(500, 200, 0)])
    assert found.low < 0.01
    assert found.high > 0.49
    assert stratified_share([Stratum(0, 0, 0), Stratum(500, 0, 0)]).n == 0


def test_the_value_is_inside_where_nothing_was_found():
    found = stratified_share([Stratum(100, 30, 0), Stratum(9_900, 70, 0)])
    assert found.value == found.low == 0
    assert 0.01 < found.high < 0.05


def test_equal_seeds_give_equal_intervals():
    strata = [Stratum(1_000, 50, 20), Stratum(9_000, 100, 1)]
    assert stratified_share(strata, 1) == stratified_share(strata, 1)
    assert stratified_share(strata, 1) != stratified_share(strata, 2)


def test_no_document():
    with pytest.raises(ValueError, match="no documents"):
        stratified_share([])
