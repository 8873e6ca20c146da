"""What ``--vary`` says."""

import pytest

from bedstone.ablation.decisions import Arm, arms, decision
from bedstone.errors import ConfigError


def test_commas_part_values_but_not_within_brackets_and_quotes() -> None:
    found = arms(['filtered.rules=[],["a", "b"],"c,d"', "kept=off", "mix.weights={temperature=1}"])
    assert found == (
        Arm("filtered.rules", "[]"),
        Arm("filtered.rules", '["a", "b"]'),
        Arm("filtered.rules", '"c,d"'),
        Arm("kept", "off"),
        Arm("mix.weights", "{temperature=1}"),
    )
    assert [arm.node for arm in found] == ["filtered", "filtered", "filtered", "kept", "mix"]
    assert found[3].label == "kept=off"
    assert decision(found) == "filtered.rules, kept, mix.weights"


@pytest.mark.parametrize("word", ["kept", "=off", "kept=", "mix.x= "])
def test_a_word_without_key_or_value_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match="names no value"):
        arms([word])


def test_nothing_and_the_same_twice_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing is varied"):
        arms([])
    with pytest.raises(ConfigError, match="kept=off is given twice"):
        arms(["kept=off", "kept=off"])
