from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from bedstone.evaluation.verdicts.outcomes import Outcome, Scored
from bedstone.evaluation.verdicts.panels import panel_of
from bedstone.evaluation.verdicts.trust import agreements, calibration, knowing, penalised
from bedstone.tasks.items import Item


@pytest.mark.parametrize(("items", "mean", "high"), [(250, 0.068, 0.097), (900, 0.035, 0.051)])
def test_a_calibrated_model_shows_an_error_and_is_seldom_blamed(items, mean, high):
    random = np.random.default_rng(31)
    confidence_RI = random.uniform(0.25, 1, (200, items))
    found = [calibration(each, random.random(items) < each, 0) for each in confidence_RI]
    assert np.mean([each["calibration_error_by_chance"] for each in found]) == pytest.approx(
        mean, abs=0.002
    )
    assert np.mean([each["calibration_error_by_chance_high"] for each in found]) == pytest.approx(
        high, abs=0.004
    )
    assert np.mean([each["calibration_error"] for each in found]) == pytest.approx(mean, abs=0.004)
    assert 0.01 <= np.mean([each["is_miscalibrated"] for each in found]) <= 0.09


def test_a_model_that_is_calibrated_is_so_however_long_the_choices_are_and_however_taken():
    random = np.random.default_rng(7)
    shares_I4 = random.dirichlet(np.ones(4), 900)
    gold_I = [int(random.choice(4, p=each)) for each in shares_I4]
    choices = tuple(letter * size for letter, size in zip("abcd", (60, 60, 90, 30), strict=True))
    made = [
        Scored(Item("s", "q", "eng", "acc", choices=choices, gold=gold), [*np.log(each) - 80], None)
        for gold, each in zip(gold_I, shares_I4, strict=True)
    ]
    for metric in ("acc", "acc_bytes"):
        outcomes = [each.outcome(metric) for each in made]
        found = calibration([it.confidence for it in outcomes], [it.right for it in outcomes], 0)
        assert not found["is_miscalibrated"]


def test_who_is_too_sure_is_blamed():
    random = np.random.default_rng(0)
    confidence_I = random.uniform(0.5, 1, 900)
    found = calibration(confidence_I, random.random(900) < confidence_I - 0.2, 0)
    assert found["is_miscalibrated"]
    assert found["calibration_error"] == pytest.approx(0.2, abs=0.04)
    assert 0.5 < found["auroc"] < 0.8
    assert calibration([0.5, 0.9], [1, 1], 0)["auroc"] is None
    assert calibration([0.5, 0.9, 0.8], [0, 1, 1], 0)["calibration_error"] == pytest.approx(
        (0.5 + 0.1 + 0.2) / 3
    )


def outcome(name, chosen=None, sample=0, *, answer=None, is_read=True, answers=(), language="eng"):
    item = Item("s", name, language, "acc", parallel_id=name.split()[0], answers=answers)
    right = answer in answers if answers else answer is None and is_read
    right = float(right if chosen is None else chosen == 2)
    return Outcome(item, right, chosen, answer, is_read, None, sample)


def grouped(outcomes):
    return [[*its] for _, its in groupby(outcomes, lambda it: it.item.id)]


def test_agreement_computed_by_hand():
    # of 3 pairs 1 agrees; of 3 all; of an answer that is not read none
    said = {"a": [0, 0, 1], "b": [2, 2, 2]}
    made = [outcome(name, it, n) for name, its in said.items() for n, it in enumerate(its)]
    made += [outcome("c", is_read=False, sample=n) for n in range(2)] + [outcome("single", 1)]
    measured, all_right, by_chance = agreements(grouped(made))
    assert [each.part for each in measured] == [pytest.approx(1 / 3), 1, 0]
    assert [each.part for each in all_right] == [0, 1, 0]
    assert by_chance == {"eng": pytest.approx((2**2 + 1 + 3**2) / 8**2)}


def test_wordings_that_order_their_choices_otherwise_agree_by_what_is_chosen():
    def asked(name, chosen, choices):
        made = outcome(name, chosen)
        return replace(made, item=replace(made.item, choices=tuple(choices)))

    groups = [
        [asked("a 1", 0, "xyz"), asked("a 2", 2, "yzx")],
        [asked("b 1", 0, "xyz"), asked("b 2", 0, "yzx")],
        [asked("c 1", 1, "xyz"), asked("c 2", 1, ("ex", "why", "zed"))],
        [asked("d 1", 2, "xyz"), asked("d 2", 2, "xyz")],
    ]
    agreeing, _, by_chance = agreements(groups)
    assert [each.part for each in agreeing] == [1, 0, 1, 1]
    assert by_chance["eng"] == pytest.approx((3**2 + 3**2 + 2**2) / 8**2)


def test_samples_that_have_nothing_to_do_with_the_item_agree_by_chance():
    random = np.random.default_rng(4)
    shares = [0.7, 0.2, 0.1]
    made = [
        outcome(str(name), int(chosen), sample)
        for name, row in enumerate(random.choice(3, (2000, 4), p=shares))
        for sample, chosen in enumerate(row)
    ]
    measured, _, by_chance = agreements(grouped(made))
    assert by_chance["eng"] == pytest.approx(np.square(shares).sum(), abs=0.01)
    assert panel_of(measured).values == [pytest.approx(by_chance["eng"], abs=0.01)]


def test_who_abstains_where_nothing_can_be_known_loses_nothing():
    made = [
        outcome("a with", answer="x", answers=("x",)),
        outcome("b with", answer="y", answers=("x",)),
        outcome("c with", answers=("x",)),
        outcome("d with", is_read=False, answers=("x",)),
        outcome("a without", answer="x"),
        outcome("b without"),
        outcome("c without"),
        outcome("d without"),
    ]
    found = {name: [it.part for it in rows] for name, rows in knowing(made).items()}
    assert found == {
        "answered": [1, 1, 0, 0],
        "right_of_answered": [1, 0],
        "answered_without_fact": [1, 0, 0, 0],
        "abstained": [0, 0, 1, 0, 0, 1, 1, 1],
    }
    assert [it.part for it in penalised(made, 0.75)] == [1, -3, 0, 0, -3, 0, 0, 0]
