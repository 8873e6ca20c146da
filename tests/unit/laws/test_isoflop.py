import numpy as np
import pytest

from bedstone.laws import isoflop
from bedstone.laws.fitting import Runs
from bedstone.laws.law import Law

LAW = Law(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
BUDGETS = [1e18, 1e19, 1e20, 1e21]


def ladder(centres=(1, 1, 1, 1), width=4.0, sizes=7, noise=0.0, jitter=0.0, law=LAW):
    """Of each budget so many sizes about the optimum times its centre, in shuffled order."""
    dice = np.random.default_rng(0)
    steps = np.geomspace(1 / width, width, sizes)
    parameters = np.concatenate(
        [
            law.optimum(flop).parameters * at * steps
            for flop, at in zip(BUDGETS, centres, strict=True)
        ]
    )
    flop = np.repeat(BUDGETS, sizes) * (1 + jitter * dice.uniform(-1, 1, len(parameters)))
    tokens = flop / (6 * parameters)
    loss = law.loss(parameters, tokens) * np.exp(noise * dice.normal(size=len(flop)))
    order = dice.permutation(len(flop))
    return Runs(parameters[order], tokens[order], loss[order])


def optima(runs):
    """Found over true N*."""
    return np.array(
        [each.parameters / LAW.optimum(each.flop).parameters for each in isoflop.budgets(runs)]
    )


def test_a_centred_grid_recovers_the_optimum():
    runs = ladder(width=2)
    found = isoflop.budgets(runs)
    assert [each.flop for each in found] == pytest.approx(BUDGETS)
    assert [len(each.index) for each in found] == [7] * 4
    assert optima(runs) == pytest.approx(np.ones(4), rel=0.005)
    for each in found:
        best = LAW.optimum(each.flop)
        assert each.loss_nats == pytest.approx(LAW.loss(*best), rel=1e-5)
        assert 6 * each.parameters * each.train_tokens == pytest.approx(each.flop)
        assert not each.off_centre
    line = isoflop.power_law(found)
    assert line.exponent == pytest.approx(LAW.beta / (LAW.alpha + LAW.beta), abs=1e-6)
    assert line.coefficient * 1e20**line.exponent == pytest.approx(
        LAW.optimum(1e20).parameters, rel=0.005
    )
    assert isoflop.warnings(found) == []


def test_the_parabola_is_the_one_through_the_runs():
    (first, *_) = isoflop.budgets(runs := ladder(centres=(1.5, 1, 1, 1), width=2))
    c0, c1, c2 = first.parabola
    size = np.log10(runs.parameters[first.index])
    np.testing.assert_allclose(
        c0 + c1 * size + c2 * size**2, runs.loss_nats[first.index], rtol=1e-4
    )
    best = np.log10(first.parameters)
    assert best == pytest.approx(-c1 / (2 * c2))
    assert first.loss_nats == pytest.approx(c0 + c1 * best + c2 * best**2, rel=1e-9)


def test_a_grid_off_centre_is_biased_and_said_to_be():
    runs = ladder(centres=(1, 1.5, 2.2, 3.3), width=4)
    bias = isoflop.power_law(isoflop.budgets(runs)).exponent - LAW.beta / (LAW.alpha + LAW.beta)
    centred = isoflop.power_law(isoflop.budgets(ladder(width=4))).exponent
    assert abs(bias) > 100 * abs(centred - LAW.beta / (LAW.alpha + LAW.beta))
    assert [each.off_centre for each in isoflop.budgets(runs)] == [False, False, True, True]
    (said,) = isoflop.warnings(isoflop.budgets(runs))
    assert said.startswith("isoFLOP at 1.00e+20, 1.00e+21 FLOP: off centre")
    assert said.endswith("it is biased")


@pytest.mark.parametrize("bend", [0, 1e-14, -1e-14])
@pytest.mark.parametrize("slope", [0, 0.3])
def test_a_line_has_no_minimum_however_rounding_bends_it(bend, slope):
    sizes = np.geomspace(1e7, 1e9, 5)
    x = np.log10(sizes) - 8
    (found,) = isoflop.budgets(Runs(sizes, 1e19 / sizes, 3 + slope * x + bend * x**2))
    assert found.parameters is None
    assert not found.usable
    (said,) = isoflop.warnings([found])
    assert "no minimum" in said


def test_a_minimum_beyond_all_numbers_is_none():
    sizes = np.geomspace(1e7, 1e9, 5)
    x = np.log10(sizes) - 8
    (found,) = isoflop.budgets(Runs(sizes, 1e19 / sizes, 3 - 0.3 * x + 1e-6 * x**2))
    assert found.parameters is None


def test_sizes_that_differ_by_rounding_are_one():
    sizes = np.array([1e7, 1e7 * (1 + 4e-14), 1e9, 1e9 * (1 + 4e-14)])
    assert len(set(np.log10(sizes).tolist())) > 2
    assert isoflop.budgets(Runs(sizes, 1e19 / sizes, np.array([3.0, 3.0, 2.5, 2.5]))) == ()


def test_an_optimum_outside_the_sizes_is_not_in_the_power_law():
    found = isoflop.budgets(ladder(centres=(1, 1, 1, 9), width=4))
    assert not found[-1].usable
    assert found[-1].position < 0
    assert isoflop.power_law(found) == isoflop.power_law(found[:-1])
    (said,) = isoflop.warnings(found)
    assert "outside the sizes: not in the power law" in said


def test_a_curve_that_bends_the_wrong_way_has_no_optimum():
    runs = ladder(width=2)
    wrong = np.where(runs.flop > 5e20, 9 - runs.loss_nats, runs.loss_nats)
    found = isoflop.budgets(Runs(runs.parameters, runs.train_tokens, wrong))
    last = found[-1]
    assert (last.parameters, last.train_tokens, last.loss_nats) == (None, None, None)
    assert last.off_centre
    assert "no minimum" in isoflop.warnings(found)[0]
    assert isoflop.power_law(found) == isoflop.power_law(found[:-1])


def test_three_sizes_are_shown_and_not_trusted():
    found = isoflop.budgets(ladder(sizes=3))
    assert [each.sizes for each in found] == [3] * 4
    assert isoflop.power_law(found) is None
    assert isoflop.warnings(found) == [
        "isoFLOP at 1.00e+18, 1.00e+19, 1.00e+20 and 1 more budgets: fewer than 4 sizes: not in "
        "the power law"
    ]


def test_runs_of_other_designs_make_no_budget():
    sizes, ratios = np.meshgrid([1e7, 1e8, 1e9], [20.0, 40.0, 80.0])
    parameters, tokens = sizes.ravel(), (sizes * ratios).ravel()
    runs = Runs(parameters, tokens, LAW.loss(parameters, tokens))
    assert isoflop.budgets(runs) == ()


def test_one_size_many_times_makes_no_budget():
    runs = Runs(np.full(5, 1e8), np.full(5, 2e9), np.linspace(3.0, 3.1, 5))
    assert isoflop.budgets(runs) == ()


def test_budgets_that_were_nearly_met_are_one():
    found = isoflop.budgets(ladder(jitter=0.04))
    assert [len(each.index) for each in found] == [7] * 4
    assert [each.flop for each in found] == pytest.approx(BUDGETS, rel=0.04)


def test_intervals_hold_the_truth_and_widen_with_noise():
    widths = []
    for noise in (0.001, 0.004):
        runs = ladder(width=4, sizes=9, noise=noise)
        found = isoflop.intervals(runs, isoflop.budgets(runs), resamples=400, seed=0)
        low, high = found["parameters_exponent"]
        assert low < LAW.beta / (LAW.alpha + LAW.beta) < high
        assert set(found) == {"parameters_exponent", "coefficient"}
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_no_resample_has_an_optimum_where_nothing_was_run():
    runs = ladder(width=4, sizes=9, noise=0.03)
    found = isoflop.budgets(runs)
    low, high = isoflop.intervals(runs, found, resamples=2000, seed=0)["parameters_exponent"]
    # The steepest line from the smallest size of the first budget to the largest of the last.
    steepest = LAW.beta / (LAW.alpha + LAW.beta) + 2 * np.log10(4) / 3
    assert low < high < steepest


def test_intervals_are_of_their_seed_and_absent_without_resamples():
    runs = ladder(noise=0.002)
    found = isoflop.budgets(runs)
    assert isoflop.intervals(runs, found, 100, 1) == isoflop.intervals(runs, found, 100, 1)
    assert isoflop.intervals(runs, found, 100, 1) != isoflop.intervals(runs, found, 100, 2)
    assert isoflop.intervals(runs, found, 0, 1) == {}
    assert isoflop.intervals(runs, found[:1], 100, 1) == {}
