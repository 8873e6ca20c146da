"""What a test costs by language, of counts that are known."""

import pyarrow as pa
import pytest

from bedstone.evaluation.inquiry.expense import expenses
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.tasks.items import Item
from bedstone.tasks.stored import ANSWERS, SCORES

PACE = Pace(fixed_seconds=1.0, prompt_token_seconds=0.1, token_seconds=0.5)


def item(language, number, **values):
    name = f"s/{language}/{number}"
    return Item("s", name, language, "acc", parallel_id=f"s/{number}", **values)


def scores(name, prompt, *choices):
    rows = [
        {"item": name, "choice": place, "tokens": tokens, "prompt_tokens": prompt}
        for place, tokens in enumerate(choices)
    ]
    return pa.Table.from_pylist(rows, SCORES)


def test_the_same_content_is_paired_and_an_endpoint_reads_a_prompt_with_each_choice():
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
    english, telugu = found["s", "eng_Latn"], found["s", "tel_Telu"]
    assert (english["tokens_over_english"], telugu["tokens_over_english"]) == (1, 3)
    assert english["tokens"] == 2 * 6 + 2 + 2
    assert english["usd_per_1000_items"] == pytest.approx(16 * 2.0 / 1e6 * 1_000)
    assert english["seconds_per_item"] is None
    own = expenses(items, [table], Prices(), PACE)["s", "eng_Latn"]
    assert (own["tokens"], own["usd_per_1000_items"]) == (10, None)
    assert own["seconds_per_item"] == pytest.approx(1 + 0.1 * 10)


def test_answers_cost_what_is_read_and_drawn_of_all_samples():
    items = [item("eng_Latn", 1), item("tel_Telu", 1)]
    rows = [
        {"problem": each.id, "sample": sample, "prompt_tokens": prompt, "completion_tokens": 4}
        | {"seconds": 0.25}
        for each, prompt in zip(items, (10, 25), strict=True)
        for sample in range(2)
    ]
    table = pa.Table.from_pylist(rows, ANSWERS)
    telugu = expenses(items, [table], Prices(1.0, 10.0), None)["s", "tel_Telu"]
    assert (telugu["tokens"], telugu["tokens_over_english"]) == (58, 2.5)
    assert telugu["usd_per_1000_items"] == pytest.approx((50 * 1 + 8 * 10) / 1e3)
    assert telugu["seconds_per_item"] == 0.5
    measured = expenses(items, [table], Prices(), PACE)["s", "tel_Telu"]
    assert measured["seconds_per_item"] == pytest.approx(2 * (1 + 0.1 * 25 + 0.5 * 4))
