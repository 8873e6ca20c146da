import math

import pytest
from pydantic import ValidationError

from bedstone.corpus.filter import STAGE, FilterConfig, total
from bedstone.corpus.rules import measure

PROSE = "The patient scholars discussed that curious manuscript with the visitors. " * 6
NORWEGIAN = "Katten satt her og sov lenge i sola i dag " * 8
TEXTS = {"prose": PROSE, "short": "short of words", "norwegian": NORWEGIAN, "udhr": PROSE}


@pytest.fixture
def inputs(table_shard):
    ids = {"id": list(TEXTS)}
    statistics = measure(TEXTS.values()).add_column(0, "id", [list(TEXTS)])
    yardstick = table_shard("held_out", {"id": ["udhr", "elsewhere"]})
    return {
        "statistics": table_shard("statistics", statistics),
        "language": table_shard(
            "language", ids | {"language": ["eng_Latn", "und", "nob_Latn", "eng_Latn"]}
        ),
        "yardstick": yardstick,
    }


def test_decisions_and_what_each_rule_did(inputs, run, rows):
    result, made = run(STAGE, **inputs)
    assert {row["id"]: row["failed"] for row in rows(made, "decisions.parquet")} == {
        "prose": [],
        "short": ["word_count"],
        "norwegian": [],
        "udhr": ["yardstick"],
    }
    metrics = total(result.metrics)
    assert (metrics["kept_documents"], metrics["kept_share"]) == (2, 0.5)
    assert metrics["failed_alone.yardstick_documents"] == 1
    assert metrics["failed.word_count_share"] == 0.25
    assert metrics["kept_bytes"] == len(PROSE + NORWEGIAN)


def test_failing_alone_is_failing_no_other_rule(inputs, run):
    result, _ = run(STAGE, {"ranges": {"mean_word_length": {"low": 4.9}}}, **inputs)
    assert result.metrics["failed.mean_word_length_documents"] == 2
    assert result.metrics["failed_alone.mean_word_length_documents"] == 1
    assert result.metrics["failed_alone.word_count_documents"] == 0


def test_rules_left_out_fail_nothing(inputs, run):
    result, _ = run(STAGE, {"without": ["word_count"]}, **inputs)
    assert result.metrics["kept_documents"] == 3
    assert "failed.word_count_documents" not in result.metrics


def test_limits_left_out_stay():
    config = FilterConfig(ranges={"word_count": {"low": 7}})
    rules = {rule.name: (rule.low, rule.high) for rule in config.in_force()}
    assert rules["word_count"] == (7, 100_000)
    assert rules["stop_word_count"] == (2, math.inf)


def test_a_rule_in_two_sets_applies_once():
    config = FilterConfig(rules=("gopher-quality:datatrove", "gopher-quality:paper"))
    names = [rule.name for rule in config.in_force()]
    assert len(names) == len(set(names)) == 13


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rules": ["gopher"]}, "no rules 'gopher'"),
        ({"without": ["word_cuont"]}, "did you mean 'word_count'"),
        ({"ranges": {"spaced_word_count": {"low": 1}}}, "no rule 'spaced_word_count' in gopher"),
        ({"without": ["word_count"], "ranges": {"word_count": {"low": 1}}}, "has no effect"),
        ({"ranges": {"word_count": {"low": 9, "high": 8}}}, r"no value is in \[9, 8\]"),
    ],
)
def test_settings_without_effect_are_errors(settings, message):
    with pytest.raises(ValidationError, match=message):
        FilterConfig(**settings)
