import pytest
from scipy import stats

from bedstone.uncertainty.student import quantile, share_found, tail

DF = (1.0, 1.3, 2.0, 3.0, 7.7, 30.0, 999.5, 1e6)


@pytest.mark.parametrize("df", DF)
def test_tails_and_quantiles_are_the_oracles(df):
    for t in (0.0, 1e-3, 0.3, 1.0, 2.0, 4.0, 30.0):
        assert tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-11, abs=1e-300)
    for probability in (0.49, 0.3, 0.025, 0.005, 1e-4, 1e-9):
        found = quantile(probability, df)
        assert found == pytest.approx(stats.t.isf(probability, df), rel=1e-11)
    assert quantile(0.5, df) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("df", DF[2:-1])
def test_how_often_an_effect_is_found_is_the_noncentral_tail(df):
    for ratio in (0.0, 0.5, 2.0, 6.0):
        limit = stats.t.isf(0.025, df)
        expected = stats.nct.sf(limit, df, ratio)
        assert share_found(ratio, df, 0.05) == pytest.approx(expected, abs=1e-7)
