"""What is said of effects, word by word."""

import pytest

from bedstone.ablation.words import arranged, claim, lent, sentence, settled
from bedstone.evaluation.effects import same


def effect(verdict, difference, low, high, **others):
    more = {"worth_tokens": -difference / 2, "by_construction": False, "verdict": verdict}
    numbers = {"difference": difference, "low": low, "high": high}
    return {**same("kept=off"), "within_margin": False, **numbers, **more, **others}


def worth(value, low, high):
    return {"worth_tokens": value, "worth_tokens_low": low, "worth_tokens_high": high}


def language(name, verdict, difference):
    return effect(verdict, difference, -1, 1, family="language", unit=name)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            effect("worse", 0.02, 0.01, 0.03, **worth(-0.05, -0.075, -0.025)),
            "costs 0.0200 [0.0100, 0.0300] bits a byte, as 5.0% [2.5%, 7.5%] fewer tokens would",
        ),
        (
            effect("better", -0.02, -0.03, -0.01, **worth(0.05, 0.025, 0.075)),
            "gains 0.0200 [0.0100, 0.0300] bits a byte, as 5.0% [2.5%, 7.5%] more tokens would",
        ),
        (
            effect("better", -0.02, -0.03, -0.01, worth_tokens=None),
            "gains 0.0200 [0.0100, 0.0300] bits a byte",
        ),
        (
            effect("worse", 0.02, 0.01, 0.03, worth_tokens=None, within_margin=True),
            "costs 0.0200 [0.0100, 0.0300] bits a byte, less than the margin",
        ),
        (
            effect("same", -0.001, -0.002, 0.001),
            "makes no difference that counts: -0.0010 [-0.0020, 0.0010] bits a byte",
        ),
        (
            effect("cannot tell", 0.001, -0.2, 0.202, more_seeds=9, more_documents=1200),
            "cannot be told: +0.0010 [-0.2000, 0.2020] bits a byte; "
            "9 seeds or 1,200 held-out documents would tell",
        ),
        (
            effect("cannot tell", -0.001, None, None),
            "cannot be told: -0.0010 bits a byte, without an interval",
        ),
        (
            same("kept=off"),
            "is the same by construction: nothing that the model is made from differs",
        ),
    ],
)
def test_each_verdict_has_its_sentence(told, expected):
    assert sentence(told, ()) == f"kept=off {expected}"


def test_languages_are_named_the_largest_first():
    parts = [
        language("a", "worse", 0.1), language("b", "better", -0.2), language("c", "worse", 0.3),
        language("d", "worse", 0.2), language("e", "worse", 0.4), language("f", "cannot tell", 9),
        language("g", "same", 0), effect("worse", 9, 8, 10, family="domain", unit="site"),
    ]  # fmt: skip
    told = sentence(effect("same", 0, 0, 0), parts)
    assert told.endswith(
        "; worse for e (+0.400), c (+0.300), d (+0.200) and 1 more; better for b (-0.200); "
        "cannot be told for 1 of 7 languages"
    )


@pytest.mark.parametrize(
    ("seeds", "documents", "told"),
    [
        (None, None, ""),
        (9, None, "; 9 seeds would tell"),
        (None, 1200, "; 1,200 held-out documents would tell"),
    ],
)
def test_what_would_settle_it(seeds, documents, told):
    row = {"more_seeds": seeds, "more_documents": documents, "counted": "documents"}
    assert settled(row) == told
    assert settled(row | {"counted": "sites"}) == told.replace("documents", "sites")


def test_of_what_it_is_said():
    found = {"proxy": {"parameters": 29000, "train_tokens": 40000}, "seeds": 3, "yardstick": None}
    assert claim(found).endswith("40,000 tokens were to be trained; none was")
    found["yardstick"] = {"documents": 1234, "sites": 56, "left_out_near_duplicates": 7}
    assert claim(found) == (
        "said of models of 29,000 parameters, 40,000 tokens; 3 seeds, 1,234 held-out documents of "
        "56 sites; 7 near-duplicates of held-out documents are learnt from in no arm"
    )


def test_who_lends_is_called_by_name():
    noise = {"lenders": ["evaluation.ablation-a", "evaluation.ablation-b"], "lent_df": 1.26}
    names = "evaluation.ablation-a, evaluation.ablation-b"
    assert lent(noise) == (
        f"how much seeds differ is known from {names} too, as if up to 1.3 seeds more had been seen"
    )
    assert lent(noise | {"lent_df": 0.01}) == (
        f"seeds differ here by another amount than in {names}, which lend nothing"
    )
    assert lent(None) == lent({"lenders": [], "lent_df": 0.0}) == ""


def test_the_weightiest_arm_stands_first_and_of_it_the_whole():
    small = {**effect("same", 0.1, 0, 1), "value": "small"}
    large = {**effect("better", -0.3, -1, 0), "value": "large"}
    parts = [language("a", "worse", 0.1), language("b", "worse", 0.9)]
    rows = [small, large, *({**part, "value": "large"} for part in parts)]
    assert [(row["value"], row["unit"]) for row in arranged(rows)] == [
        ("large", "whole"), ("large", "b"), ("large", "a"), ("small", "whole"),
    ]  # fmt: skip
