import numpy as np
import pyarrow as pa
import pytest

from bedstone.errors import DataError
from bedstone.evaluation.verdicts.outcomes import outcomes, text_costs
from bedstone.tasks.items import Item


def item(name, choices, gold=0, metric="acc_bytes"):
    return Item("s", name, "eng_Latn", metric, choices=tuple(choices), gold=gold)


def scores(*rows):
    """A table of ``(item, choice, logprob, alone_logprob)``."""
    names = ("item", "choice", "logprob", "alone_logprob")
    return pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))


def one(of, metric, *logprobs, alone=None):
    rows = zip(logprobs, alone or [-1.0] * len(logprobs), strict=True)
    table = scores(*((of.id, number, *row) for number, row in enumerate(rows)))
    (found,) = outcomes([of], table, metric)
    return found


def test_each_accuracy_divides_by_its_own():
    # 2 bytes, 2 characters; 6 bytes, 2 characters; 3 bytes, 3 characters
    question = item("q", ["ab", "తె", "abc"])
    logprobs, alone = (-4.0, -6.0, -5.0), (-1.0, -9.0, -4.0)
    chosen = {
        metric: one(question, metric, *logprobs, alone=alone).chosen
        for metric in ("acc", "acc_bytes", "acc_chars", "acc_pmi")
    }
    assert chosen == {"acc": 0, "acc_bytes": 1, "acc_chars": 2, "acc_pmi": 1}


def test_equally_good_choices_share_what_is_right():
    assert one(item("q", "abc"), "acc", -1, -1, -2).right == 0.5
    assert one(item("q", "abc", gold=1), "acc", -1, -1, -2).right == 0.5
    assert one(item("q", "abc", gold=2), "acc", -1, -1, -2).right == 0
    assert one(item("q", "abc", gold=1), "acc", -1, -1, -2).chosen == 0


def test_the_confidence_is_the_share_of_the_chosen():
    found = one(item("q", "ab"), "acc", np.log(0.6), np.log(0.2))
    assert found.confidence == pytest.approx(0.75)
    # by bytes the longer one is taken, and stays as unlikely as it is
    longer = one(item("q", ["a", "b" * 9]), "acc_bytes", np.log(0.6), np.log(0.2))
    assert (longer.chosen, longer.confidence) == (1, pytest.approx(0.25))
    assert one(item("q", "ab"), "acc", -2000, -2001).confidence == pytest.approx(0.731, abs=1e-3)
    assert found.is_read
    assert not found.abstains


def test_items_of_fewer_choices_stand_beside_others_in_the_order_of_the_items():
    items = [item("b", "xyz", 2, "acc"), item("a", "xy", 1), item("c", ["text"], None, "bits")]
    rows = [("a", 1, -1, -1), ("a", 0, -2, -1), ("b", 0, -3, -1), ("b", 1, -3, -1)]
    found = outcomes(items, scores(*rows, ("b", 2, -1, -1), ("other", 7, -1, -1)))
    assert [(each.item.id, each.right, each.chosen) for each in found] == [
        ("b", 1, 2),
        ("a", 1, 1),
    ]


def test_a_lacking_choice_is_no_bad_choice():
    with pytest.raises(DataError, match="item q: a choice has no logprob"):
        outcomes([item("q", "ab")], scores(("q", 0, -1.0, -1.0)))
    with pytest.raises(DataError, match="item q: a choice has no text"):
        one(item("q", ["a", ""]), "acc", -1, -1)
    with pytest.raises(DataError, match="cannot be judged by bits"):
        one(item("q", "ab"), "bits", -1, -1)


def answers(*rows):
    names = ("problem", "sample", "text")
    return pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))


def test_answers_are_read_sample_by_sample_in_the_order_of_the_items():
    items = [
        Item("s", "number", "tel_Telu", "exact_match", answers=("42",)),
        Item("s", "open", "eng_Latn", "exact_match"),
        item("letter", ["x", "y"], 1),
        Item("s", "not asked", "eng_Latn", "exact_match", answers=("1",)),
    ]
    rows = [
        ("letter", 0, "B"),
        ("number", 1, "..."),
        ("number", 0, "సమాధానం ౪౨"),
        ("open", 0, "I don't know"),
    ]
    found = outcomes(items, answers(*rows, ("another", 0, "7")))
    assert [(it.item.id, it.sample, it.right, it.chosen, it.answer) for it in found] == [
        ("number", 0, 1, None, "42"),
        ("number", 1, 0, None, None),
        ("open", 0, 1, None, None),
        ("letter", 0, 1, 1, "B"),
    ]
    assert [it.is_read for it in found] == [True, False, True, True]
    assert [it.abstains for it in found] == [False, False, True, False]


def test_a_text_has_bits_of_what_stands_behind_its_prompt():
    alone = Item("s", "alone", "eng_Latn", "bits", choices=("aé",))
    behind = Item("s", "behind", "eng_Latn", "bits", question="q", choices=("ab",))
    table = scores(("alone", 0, -np.log(2) * 9, None), ("behind", 0, -np.log(2), None))
    found = text_costs([alone, item("q", "ab"), behind], table)
    assert [(it.item.id, it.part, it.whole) for it in found] == [
        ("alone", pytest.approx(9), 3),
        ("behind", pytest.approx(1), 3),
    ]


def test_where_nobody_tells_of_choices_alone_all_but_one_accuracy_is_there():
    table = scores(("q", 0, -1.0, None), ("q", 1, -2.0, None))
    assert outcomes([item("q", "ab")], table)[0].chosen == 0
    with pytest.raises(DataError, match="item q: no log-probability of the choices after nothing"):
        outcomes([item("q", "ab")], table, "acc_pmi")
