"""How many seeds, and whether sizes agree."""

import pytest

from bedstone.ablation.compare import Seeds, signs
from bedstone.errors import ConfigError
from bedstone.uncertainty.comparison import LOOKS


@pytest.mark.parametrize(
    ("text", "looks"),
    [("1", (1,)), ("12", (12,)), ("3..8", (3, 5, 8)), ("3..5", (3, 5)), ("5..8", (5, 8))],
)
def test_seeds_are_a_number_or_looks(text, looks):
    assert Seeds.read(text).looks == looks


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "two", "3.5", "8..3", "3..3", "1..8", "3..9", "3..", "..8", "3..5..8"]
)
def test_what_is_no_number_of_seeds_is_refused(text):
    with pytest.raises(ConfigError, match="is no number of seeds") as error:
        Seeds.read(text)
    assert "--seeds 3..8" in error.value.hint


def test_a_look_has_a_level_of_its_own_where_there_are_several():
    assert [Seeds.read("3..8").level(look) for look in (3, 5, 8)] == list(LOOKS.values())
    # A bound on the cost may end it between two of them.
    assert [Seeds.read("3..8").level(seeds) for seeds in (2, 4, 7)] == [0.05, 0.005, 0.015]
    assert Seeds.read("3").level(3) == 0.05


def answer(**differences):
    rows = [
        {"value": value, "family": "whole", "unit": "whole", "difference": difference}
        for value, difference in differences.items()
    ]
    sure = {value for value, difference in differences.items() if abs(difference) > 0.15}
    return {
        "effects": [
            {
                **row,
                "by_construction": row["difference"] == 0,
                "verdict": "worse" if row["value"] in sure else "cannot tell",
            }
            for row in rows
        ]
    }


def test_sizes_agree_where_all_are_on_one_side():
    first = answer(a=0.1, b=-0.1, unsure=0.1, same=0.0, only=0.3)
    found = signs([first, answer(a=0.2, b=0.2, unsure=0.1, same=0.0)])
    told = {row["value"]: (row["agree"], row["differences"]) for row in found}
    assert told == {
        "a": (True, [0.1, 0.2]),
        "b": (False, [-0.1, 0.2]),
        "unsure": (None, [0.1, 0.1]),
    }
