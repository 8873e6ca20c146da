import math
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.comparisons import REGIMES, alone, lending, looked, together
from scipy import stats

from bedstone.uncertainty.comparison import (
    BORROWED_DF,
    LENT_DF,
    LOOKS,
    Noise,
    Paired,
    borrowed,
    effects,
    is_within,
    lent,
    limited_by,
    more_documents,
    more_seeds,
    seeds_needed,
    verdict,
    worth,
)
from bedstone.uncertainty.intervals import MIN_DOCUMENTS


def drawn(random, seeds=5, documents=100, effect=0.0, of_seeds=0.02, of_documents=0.3, rest=0.1):
    """Crossed normal luck, in bits per byte, on documents of unequal bytes."""
    bytes_H = random.lognormal(7, 0.8, documents)
    luck = of_seeds * random.normal(size=(seeds, 1)) + of_documents * random.normal(size=documents)
    luck = luck + rest * random.normal(size=(seeds, documents))
    return Paired((effect + luck) * bytes_H, bytes_H)


def one(unit, **options):
    return effects({"it": unit}, **options)["it"]


def seen(difference, seed_error, document_error, seeds=3, documents=100):
    """What was measured of one unit, as if its errors were these."""
    effect = one(drawn(np.random.default_rng(0), seeds, documents))
    errors = {"seed_error": seed_error, "document_error": document_error}
    return replace(effect, difference=difference, **errors)


def test_the_interval_is_the_formulas():
    unit = drawn(np.random.default_rng(1), seeds=4, documents=30, effect=0.05)
    d_kh, w_h, (k, h) = unit.difference_KH, unit.bytes_H, unit.difference_KH.shape
    total = w_h.sum()
    difference = d_kh.sum() / (k * total)
    of_seeds = np.var(d_kh.sum(axis=1) / total, ddof=1) / k
    e_h = d_kh.mean(axis=0) - difference * w_h
    parts = e_h**2 / (1 - w_h / total) / total**2
    of_documents = parts.sum()
    documents_df = 3 * of_documents**2 / (parts**2).sum()
    assert documents_df < h - 1
    variance = of_seeds + of_documents
    df = variance**2 / (of_seeds**2 / (k - 1) + of_documents**2 / documents_df)
    half = stats.t.ppf(0.975, df) * math.sqrt(variance)

    found = one(unit)
    assert found.difference == pytest.approx(difference)
    assert np.mean(found.by_seed) == pytest.approx(difference)
    assert (found.low, found.high) == pytest.approx((difference - half, difference + half))
    assert found.df == pytest.approx(df)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(difference) / math.sqrt(variance), df))
    assert found.seed_deviation == pytest.approx(math.sqrt(of_seeds * k))
    assert found.document_error == pytest.approx(math.sqrt(of_documents))
    assert (found.seeds, found.documents) == (4, 30)


def test_documents_of_equal_bytes_have_the_error_of_a_mean():
    unit = drawn(np.random.default_rng(2), seeds=2, documents=50)
    unit = Paired(unit.difference_KH / unit.bytes_H, np.ones(50))
    found = one(unit)
    assert found.document_error == pytest.approx(stats.sem(unit.difference_KH.mean(axis=0)))


def test_no_interval_is_narrower_than_the_seeds_alone():
    unit = drawn(np.random.default_rng(12), seeds=3, of_seeds=0.04, of_documents=0.05)
    found = one(unit)
    alone = stats.t.ppf(0.975, 2) * found.seed_deviation / math.sqrt(3)
    assert found.high - found.difference == pytest.approx(alone)
    assert found.df == 2
    both = stats.ttest_1samp(found.by_seed, 0)
    assert found.p == pytest.approx(both.pvalue)


def test_p_is_below_the_level_exactly_if_the_interval_leaves_out_0():
    random = np.random.default_rng(4)
    for _ in range(300):
        found = one(drawn(random, seeds=3, documents=20, effect=0.15), level=0.1)
        assert (found.p < 0.1) == (found.low > 0 or found.high < 0)


def test_in_a_family_p_is_holms_and_the_intervals_are_bonferronis():
    random = np.random.default_rng(5)
    family = {name: drawn(random, effect=it) for name, it in (("a", 0.0), ("b", 0.4), ("c", 0.1))}
    family["few"] = drawn(random, documents=MIN_DOCUMENTS - 1, effect=9.0)
    found = effects(family)
    assert list(found) == list(family)
    p = {name: found[name].p for name in "abc"}
    assert found["b"].p_adjusted == pytest.approx(3 * p["b"])
    assert all(found[name].p_adjusted >= p[name] for name in "abc")
    single = one(family["b"], level=0.05 / 3)
    assert (found["b"].low, found["b"].high) == (single.low, single.high)
    few = found["few"]
    assert (few.low, few.high, few.p, few.p_adjusted, few.document_error) == (None,) * 5
    assert few.difference == pytest.approx(9, abs=0.5)
    assert verdict(few, 0.01) == "cannot tell"
    assert limited_by(few) == "documents"


def test_of_one_seed_nothing_can_be_told():
    found = one(drawn(np.random.default_rng(6), seeds=1, effect=5.0), noise=Noise(0.01, 8, "known"))
    assert (found.low, found.high, found.p, found.seed_deviation) == (None,) * 4
    assert (verdict(found, 1.0), limited_by(found)) == ("cannot tell", "seeds")
    assert more_seeds(found, 1.0) is more_documents(found, 1.0) is None


def test_seeds_that_all_found_the_same_are_one_run():
    unit = drawn(np.random.default_rng(6), seeds=1, effect=5.0)
    found = one(Paired(np.repeat(unit.difference_KH, 3, axis=0), unit.bytes_H))
    assert (found.seed_deviation, found.low, found.p) == (0, None, None)
    assert limited_by(found) == "seeds"


def test_arms_that_are_equal_to_the_last_bit_are_the_same():
    found = one(Paired(np.zeros((3, 20)), np.ones(20)))
    assert (found.low, found.high, found.p, found.df) == (0, 0, 1, None)
    assert verdict(found, 0.0) == "same"


def test_a_sure_difference_is_one_however_small():
    random = np.random.default_rng(7)
    worse, better = (one(drawn(random, effect=it, of_documents=0.05)) for it in (0.1, -0.1))
    assert (verdict(worse, 0.01), verdict(better, 0.01)) == ("worse", "better")
    assert (verdict(worse, 0.5), verdict(better, 0.5)) == ("worse", "better")
    assert is_within(worse, 0.5)
    assert not is_within(worse, 0.01)
    nothing = one(drawn(random, of_seeds=0.1))
    assert verdict(nothing, 0.01) == "cannot tell"


def test_borrowed_noise_is_smyths_moderated_variance():
    random = np.random.default_rng(8)
    family = {str(it): drawn(random, seeds=3, of_documents=0, rest=0) for it in range(5)}
    noise = borrowed(family)
    own = [it.seed_deviation**2 for it in effects(family).values()]
    # the median of a variance of 2 degrees of freedom is ln 2 of its mean
    assert noise.deviation**2 == pytest.approx(np.median(own) / math.log(2), rel=0.02)
    assert noise.df == BORROWED_DF
    found = effects(family, noise=noise)
    for each, variance in zip(found.values(), own, strict=True):
        moderated = (BORROWED_DF * noise.deviation**2 + 2 * variance) / (BORROWED_DF + 2)
        assert each.seed_error == pytest.approx(math.sqrt(moderated / 3))
        assert each.df == pytest.approx(BORROWED_DF + 2)
        assert each.seed_deviation == pytest.approx(math.sqrt(variance))


def test_nothing_is_borrowed_from_one_unit_or_one_seed():
    random = np.random.default_rng(9)
    assert borrowed({}) is borrowed({"a": drawn(random)}) is None
    assert borrowed({name: drawn(random, seeds=1) for name in "ab"}) is None


def test_earlier_comparisons_lend_the_median_of_what_they_saw():
    twice = [np.array([0.0, 0.02, 0.01]), np.array([0.0, 0.04, 0.02])]
    noise = lent([twice, [np.array([0.0, 0.06, 0.0, 0.06, 0.03])]])
    variances = [0.01**2 * math.log(2) ** -1, 0.02**2 * math.log(2) ** -1, 0.0009]
    assert noise.deviation**2 == pytest.approx(np.median(variances), rel=0.02)
    assert noise.df == LENT_DF
    assert lent([[np.array([0.0, 0.01])]]).df == 1  # of two seeds


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
def test_what_is_lent_counts_the_less_the_less_alike_it_is(times):
    unit = drawn(np.random.default_rng(8), seeds=3, of_documents=0, rest=0)
    own = one(unit).seed_deviation
    found = effects({"it": unit}, known={"it": Noise(times * own, LENT_DF, "a")})["it"]
    ratio = times**2
    df = LENT_DF * min(ratio, 1 / ratio) ** 2
    variance = (df * ratio + 2) / (df + 2) * own**2
    assert found.lent_df == found.borrowed_df == pytest.approx(df)
    assert found.seed_error == pytest.approx(math.sqrt(variance / 3))
    assert found.df == pytest.approx(df + 2)


def test_what_is_lent_counts_beside_what_a_family_borrows():
    random = np.random.default_rng(8)
    family = {name: drawn(random, seeds=3, of_documents=0, rest=0) for name in "ab"}
    noise = borrowed(family)
    before = effects(family, noise=noise)["a"]
    known = {"a": Noise(before.seed_error * math.sqrt(3), LENT_DF, "c")}
    after = effects(family, noise=noise, known=known)
    assert after["a"].seed_error == pytest.approx(before.seed_error)
    assert after["a"].df == pytest.approx(before.df + LENT_DF)
    assert (after["b"].borrowed_df, after["b"].lent_df) == (BORROWED_DF, 0)


def test_nothing_is_lent_to_or_by_runs_that_do_not_differ():
    same, noisy = Paired(np.zeros((3, 20)), np.ones(20)), drawn(np.random.default_rng(8), seeds=3)
    known = {"it": Noise(0.01, LENT_DF, "a")}
    assert effects({"it": same}, known=known)["it"].lent_df == 0
    assert effects({"it": noisy}, known={"it": Noise(0.0, LENT_DF, "a")})["it"].lent_df == 0


def test_what_limits_is_the_larger_part():
    assert limited_by(seen(0.01, 0.02, 0.01)) == "seeds"
    assert limited_by(seen(0.01, 0.01, 0.02)) == "documents"


def test_how_many_more_would_settle_it():
    effect = seen(0.02, 0.02, 0.001)
    # as of an effect that is 1 / sqrt(3) times the deviation, the documents' error being small
    assert more_seeds(effect, 0.001) == pytest.approx(seeds_needed(1 / math.sqrt(3)), abs=1)
    assert more_documents(effect, 0.001) is None
    effect = seen(0.02, 0.001, 0.02)
    assert more_seeds(effect, 0.001) is None
    normal = 100 * (1.96 + 0.8416) ** 2
    assert more_documents(effect, 0.001) == pytest.approx(normal, rel=0.05)


def test_one_of_many_units_needs_more():
    effect = seen(0.02, 0.02, 0.001)
    of_8 = replace(effect, family=8)
    assert more_seeds(of_8, 0.001) == more_seeds(effect, 0.001, 0.05 / 8)
    assert more_seeds(of_8, 0.001) > more_seeds(effect, 0.001)


def test_an_effect_within_the_margin_is_settled_as_the_same():
    nothing = seen(0.0, 0.02, 0.001)
    found = more_seeds(nothing, 0.02)
    # 80 % of the time on both sides: 90 % on each
    assert found == pytest.approx(3 * (1.96 + 1.2816) ** 2, abs=4)
    assert more_seeds(nothing, 0.04) < found
    assert more_seeds(nothing, 0.0) is None


@pytest.mark.parametrize(("noise_df", "expected"), [(0, [3, 4, 5, 6, 10]), (8, [2, 2, 3, 5, 9])])
def test_seeds_needed(noise_df, expected):
    found = [seeds_needed(ratio, noise_df) for ratio in (4, 3, 2, 1.5, 1)]
    assert found == expected
    for ratio, seeds in zip((4, 3, 2, 1.5, 1), found, strict=True):
        for tried in {seeds, max(2, seeds - 1)}:
            df = noise_df + tried - 1
            share = stats.nct.sf(stats.t.isf(0.025, df), df, ratio * math.sqrt(tried))
            assert (share >= 0.8) == (tried >= seeds)


def test_what_a_difference_is_worth_in_tokens():
    assert worth(-0.1 * math.log(1.05), 0.1) == pytest.approx(0.05)
    assert worth(0.0, 0.1) == 0


@pytest.mark.parametrize("seeds", [3, 5, 8])
@pytest.mark.parametrize("regime", REGIMES)
def test_of_no_effects_5_in_100_are_found(regime, seeds):
    assert 0.02 <= alone(400, seeds, regime) <= 0.08


@pytest.mark.parametrize("regime", REGIMES)
def test_looks_spend_the_level_once(regime):
    assert looked(300, regime, LOOKS) <= 0.07


def test_looks_at_the_full_level_spend_it_twice():
    assert looked(300, "seeds", dict.fromkeys(LOOKS, 0.05)) > 0.08


@pytest.mark.parametrize("variance", [0.1, 0.5, 1.0, 2.0])
def test_of_no_effects_5_in_100_are_found_whoever_lends(variance):
    assert 0.02 <= lending(400, 3, 1, "seeds", 1, variance, 0.0) <= 0.1


@pytest.mark.parametrize("regime", REGIMES)
def test_a_family_has_a_false_effect_5_times_in_100(regime):
    assert together(200, 3, 8, regime, borrow=True) <= 0.09
