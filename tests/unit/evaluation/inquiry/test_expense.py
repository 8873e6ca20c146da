"""What a test costs by language, of counts that are known."""

import pyarrow as pa
import pytest

from bedstone.evaluation.inquiry.expense import expenses, uses_of
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.tasks.items import Item
from bedstone.tasks.stored import ANSWERS, SCORES, WAITS

PACE = Pace(fixed_seconds=1.0, prompt_token_seconds=0.1, token_seconds=0.5)


def item(language, number, metric="acc", **values):
    name = f"s/{language}/{number}"
    return Item("s", name, language, metric, parallel_id=f"s/{number}", **values)


def scores(name, prompt, *choices, alone=None):
    rows = [
        {"item": name, "choice": place, "tokens": tokens, "prompt_tokens": prompt}
        | {"alone_logprob": alone}
        for place, tokens in enumerate(choices)
    ]
    return pa.Table.from_pylist(rows, SCORES)


def test_the_same_content_is_paired_and_an_endpoint_is_paid_for_all_that_it_is_sent():
    both = ("a", "b")
    items = [item("eng_Latn", 1, choices=both), item("tel_Telu", 1, choices=both)]
    items.append(item("tel_Telu", 2, choices=both))  # without its English it is not compared
    table = pa.concat_tables(
        [
            scores("s/eng_Latn/1", 6, 2, 2),
            scores("s/tel_Telu/1", 20, 4, 6),
            scores("s/tel_Telu/2", 900, 1, 1),
        ]
    )
    found = expenses(items, [table], Prices(2.0, 9.0), None)
    english, telugu = found["s", "acc", "eng_Latn"], found["s", "acc", "tel_Telu"]
    assert (english["tokens_over_english"], telugu["tokens_over_english"]) == (1, 3)
    # The prompt, and with each choice; a token is drawn each time.
    assert english["tokens"] == 6 + 2 * (6 + 2) + 3
    assert english["usd_per_1000_items"] == pytest.approx((22 * 2.0 + 3 * 9.0) / 1e6 * 1_000)
    assert english["seconds_per_item"] is None
    own = expenses(items, [table], Prices(), PACE)["s", "acc", "eng_Latn"]
    assert (own["tokens"], own["usd_per_1000_items"]) == (10, None)
    assert own["seconds_per_item"] == pytest.approx(1 + 0.1 * 10)


@pytest.mark.parametrize(
    ("prompt", "calls", "read"),
    [(6, 1 + 2 + 2, 6 + 2 * (6 + 3) + 2 * (1 + 3)), (1, 2, 2 * (1 + 3))],
    ids=["each choice alone, too", "without a prompt each is alone already"],
)
def test_an_endpoint_whose_texts_begin_with_a_token_is_given_the_choices_alone(prompt, calls, read):
    table = scores("s/eng_Latn/1", prompt, 3, 3, alone=-1.0)
    use = uses_of([table], None)["s/eng_Latn/1"]
    assert (use.calls, use.drawn, use.read) == (calls, calls, read)


def test_two_kinds_of_a_suite_have_each_their_own_expenses():
    items = [item("eng_Latn", 1, choices=("a", "b")), item("eng_Latn", 2, "exact_match")]
    row = {"problem": items[1].id, "sample": 0, "prompt_tokens": 90, "completion_tokens": 10}
    tables = [scores(items[0].id, 6, 2, 2), pa.Table.from_pylist([row], ANSWERS)]
    found = expenses(items, tables, Prices(), PACE)
    assert found["s", "acc", "eng_Latn"]["tokens"] == 10
    assert found["s", "exact_match", "eng_Latn"]["tokens"] == 100


def test_content_is_the_prompt_without_what_a_template_puts_around_it():
    items = [item("eng_Latn", 1), item("tel_Telu", 1)]
    rows = [
        {"problem": each.id, "sample": 0, "prompt": "word " * words, "completion_tokens": 1}
        | {"prompt_tokens": 100 + words}
        for each, words in zip(items, (10, 30), strict=True)
    ]
    table = pa.Table.from_pylist(rows, ANSWERS)
    found = expenses(items, [table], Prices(), PACE, str.split)
    assert found["s", "acc", "tel_Telu"]["tokens_over_english"] == 3
    assert found["s", "acc", "tel_Telu"]["tokens"] == 131


def test_answers_cost_what_is_read_and_drawn_of_all_samples():
    items = [item("eng_Latn", 1), item("tel_Telu", 1)]
    rows = [
        {"problem": each.id, "sample": sample, "prompt_tokens": prompt, "completion_tokens": 4}
        | {"seconds": 0.25}
        for each, prompt in zip(items, (10, 25), strict=True)
        for sample in range(2)
    ]
    table = pa.Table.from_pylist(rows, pa.unify_schemas([ANSWERS, WAITS]))
    telugu = expenses(items, [table], Prices(1.0, 10.0), None)["s", "acc", "tel_Telu"]
    assert (telugu["tokens"], telugu["tokens_over_english"]) == (58, 2.5)
    assert telugu["usd_per_1000_items"] == pytest.approx((50 * 1 + 8 * 10) / 1e3)
    assert telugu["seconds_per_item"] == 0.5
    measured = expenses(items, [table], Prices(), PACE)["s", "acc", "tel_Telu"]
    assert measured["seconds_per_item"] == pytest.approx(2 * (1 + 0.1 * 25 + 0.5 * 4))
