import pytest

from bedstone.laws.hyperparameters import advice, all_advice


def test_the_step_law_is_that_of_its_authors():
    # Of the mean of 1,000 resamples that they published, for N = 1e9 and D = 1e11.
    found = advice("step-law", 1e9, 1e11, 6e20)
    assert found.learning_rate == pytest.approx(1.632e-3, rel=1e-3)
    assert found.batch_tokens == pytest.approx(1.108e6, rel=1e-3)
    assert found.in_range
    assert not advice("step-law", 1e10, 1e11, 6e21).in_range


def test_deepseek_s_law_asks_for_flop_alone():
    found = advice("deepseek", 1, 1, 6e20)
    assert found.learning_rate == pytest.approx(7.9e-4, rel=5e-3)
    assert found.batch_tokens == pytest.approx(1.83e6, rel=5e-3)
    assert found == advice("deepseek", 1e9, 1e9, 6e20)
    assert not found.in_range
    assert advice("deepseek", 1, 1, 1e18).in_range


def test_all_laws_are_told():
    assert [it.law for it in all_advice(1e9, 1e11, 6e20)] == ["step-law", "deepseek"]
