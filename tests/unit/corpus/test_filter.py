import math
from types import SimpleNamespace

import pyarrow as pa
import pytest
from pydantic import ValidationError

from bedstone.corpus import measure
from bedstone.corpus.filter import STAGE, FilterConfig, resolve, total
from bedstone.corpus.rules.sets import DEFAULT_RULES
from bedstone.errors import ConfigError
from bedstone.store.artifact import Artifact

PROSE = "The patient scholars discussed that curious manuscript with the visitors. " * 6
NORWEGIAN = "Katten satt her og sov lenge i sola i dag " * 8
TEXTS = {"prose": PROSE, "short": "short of words", "norwegian": NORWEGIAN, "udhr": PROSE}


MEASURED = SimpleNamespace(manifest=SimpleNamespace(config={"rules": [DEFAULT_RULES]}, parents={}))
"""Statistics, as far as a config can ask about them."""


@pytest.fixture
def inputs(table_shard):
    ids = {"id": list(TEXTS)}
    languages = ["eng_Latn", "und", "nob_Latn", "eng_Latn"]
    statistics = measure(list(TEXTS.values()), languages=languages)
    statistics = statistics.add_column(0, "id", [list(TEXTS)])
    yardstick = table_shard("held_out", {"id": ["udhr", "elsewhere"]})
    return {
        "statistics": table_shard("statistics", statistics),
        "language": table_shard("language", ids | {"language": languages}),
        "yardstick": yardstick,
    }


def test_decisions_and_what_each_rule_did(inputs, run, rows):
    result, made = run(STAGE, **inputs)
    assert {row["id"]: row["failed"] for row in rows(made, "about/failed.parquet")} == {
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


def test_without_rules_what_else_is_given_decides(inputs, run, rows):
    result, made = run(STAGE, {"rules": [], "languages": ["eng_Latn", "und"]}, **inputs)
    failed = {row["id"]: row["failed"] for row in rows(made, "about/failed.parquet")}
    assert failed == {"prose": [], "short": [], "norwegian": ["language"], "udhr": ["yardstick"]}
    assert result.metrics["kept_documents"] == 2
    result, made = run(STAGE, {"rules": []}, statistics=inputs["statistics"])
    assert result.metrics["kept_documents"] == len(TEXTS)
    assert [row["rule"] for row in rows(made, "about/effects.parquet")] == ["any"]


def test_the_statistics_alone_are_enough(inputs, run, rows):
    result, made = run(STAGE, statistics=inputs["statistics"])
    failed = {row["id"]: row["failed"] for row in rows(made, "about/failed.parquet")}
    assert failed == {"prose": [], "short": ["word_count"], "norwegian": [], "udhr": []}
    assert {row["language"] for row in rows(made, "about/effects.parquet")} == {"und"}
    assert "failed.yardstick_documents" not in result.metrics


def test_what_was_dropped_before_stays_dropped_and_is_not_counted(inputs, run, rows, table_shard):
    keep = {"id": list(TEXTS), "keep": [True, False, False, True]}
    result, made = run(STAGE, **inputs, before=table_shard("before", keep))
    assert [row["keep"] for row in rows(made, "decisions.parquet")] == [True, False, False, False]
    assert result.metrics["input_documents"] == 2
    assert result.metrics["input_bytes"] == 2 * len(PROSE)
    assert result.metrics["failed.word_count_documents"] == 0
    counted = [row["documents"] for row in rows(made, "about/effects.parquet")]
    assert set(counted) == {2}


def test_effects_are_told_by_language_with_examples(inputs, run, rows):
    _, made = run(STAGE, **inputs)
    effects = {(it["language"], it["rule"]): it for it in rows(made, "about/effects.parquet")}
    assert effects["und", "word_count"] == {
        "language": "und",
        "rule": "word_count",
        "documents": 1,
        "failed": 1,
        "failed_alone": 1,
        "examples": ["short"],
    }
    assert effects["eng_Latn", "any"]["failed"] == 1
    assert effects["eng_Latn", "yardstick"]["examples"] == ["udhr"]
    assert effects["nob_Latn", "any"]["failed"] == 0


def test_examples_are_few_and_do_not_depend_on_the_order(run, rows, table_shard):
    ids = [f"d{number}" for number in range(9)]
    statistics = measure(["short"] * len(ids)).add_column(0, "id", [ids])
    drawn = []
    for name, order in (("a", list(range(9))), ("b", list(range(8, -1, -1)))):
        _, made = run(STAGE, statistics=table_shard(name, statistics.take(order)))
        drawn.append([row["examples"] for row in rows(made, "about/effects.parquet")])
    assert drawn[0] == drawn[1]
    assert {len(each) for each in drawn[0]} == {0, 3}


def test_a_language_may_have_limits_of_its_own(inputs, run, rows):
    own = {"nob_Latn": {"mean_word_length": {"high": 3}}, "fra_Latn": {"word_count": {"low": 9e4}}}
    _, made = run(STAGE, {"ranges_by_language": own}, **inputs)
    failed = {row["id"]: row["failed"] for row in rows(made, "about/failed.parquet")}
    assert failed["norwegian"] == ["mean_word_length"]
    assert failed["prose"] == []


def test_other_languages_than_those_named_fail(inputs, run, rows):
    result, made = run(STAGE, {"languages": ["nob_Latn"]}, **inputs)
    failed = {row["id"]: row["failed"] for row in rows(made, "about/failed.parquet")}
    assert failed["prose"] == ["language"]
    assert failed["norwegian"] == []
    assert result.metrics["failed.language_documents"] == 3


def test_thresholds_of_another_artifact_become_the_configs(monkeypatch):
    ranges = {"tel_Telu": {"word_count": {"low": 20.0}}}
    monkeypatch.setattr("bedstone.corpus.filter.read_ranges", lambda artifact, rules: ranges)
    decided = {"statistics": MEASURED, "thresholds": Artifact, "language": Artifact}
    assert resolve(FilterConfig(), decided) == FilterConfig(ranges_by_language=ranges)
    own = FilterConfig(ranges_by_language={"tel_Telu": {"word_count": {"low": 9}}})
    with pytest.raises(ConfigError, match="the input 'thresholds' has others"):
        resolve(own, decided)
    assert own.in_force("tel_Telu")[0].low == 9
    assert own.in_force("tel_Telu")[0].high == own.in_force()[0].high


@pytest.mark.parametrize(
    "config",
    [
        FilterConfig(languages=("tel_Telu",)),
        FilterConfig(ranges_by_language={"tel_Telu": {"word_count": {"low": 9}}}),
    ],
)
def test_a_config_that_names_languages_needs_to_know_them(config):
    assert resolve(config, {"statistics": MEASURED, "language": Artifact}) == config
    with pytest.raises(ConfigError, match="no input tells"):
        resolve(config, {"statistics": MEASURED})


def test_rules_that_were_not_measured_are_named():
    config = FilterConfig(rules=("gopher-quality:datatrove", "c4:tfds"))
    with pytest.raises(ConfigError, match="the statistics are without c4:tfds"):
        resolve(config, {"statistics": MEASURED})


def test_what_was_not_measured_is_not_judged():
    before, other = (SimpleNamespace(content=content) for content in ("a", "b"))
    manifest = SimpleNamespace(config=MEASURED.manifest.config, parents={"before": before})
    given = {"statistics": SimpleNamespace(manifest=manifest)}
    assert resolve(FilterConfig(), given | {"before": before}) == FilterConfig()
    for inputs in (given, given | {"before": other}):
        with pytest.raises(ConfigError, match="pass over what an input 'before' drops"):
            resolve(FilterConfig(), inputs)


def test_limits_left_out_stay():
    config = FilterConfig(ranges={"word_count": {"low": 7}})
    rules = {rule.name: (rule.low, rule.high) for rule in config.in_force()}
    assert rules["word_count"] == (7, 100_000)
    assert rules["stop_word_count"] == (2, math.inf)


def test_a_languages_limit_leaves_the_others_own_side():
    own = {"tel_Telu": {"mean_word_length": {"high": 20}}}
    config = FilterConfig(ranges={"mean_word_length": {"low": 1}}, ranges_by_language=own)
    limits = {rule.name: (rule.low, rule.high) for rule in config.in_force("tel_Telu")}
    assert limits["mean_word_length"] == (1, 20)


def test_a_rule_in_two_sets_applies_once():
    config = FilterConfig(rules=("gopher-quality:datatrove", "gopher-quality:paper"))
    names = [rule.name for rule in config.in_force()]
    assert len(names) == len(set(names)) == 14


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rules": ["gopher"]}, "no rules 'gopher'"),
        ({"without": ["word_cuont"]}, "did you mean 'word_count'"),
        ({"ranges": {"spaced_word_count": {"low": 1}}}, "no rule 'spaced_word_count' in gopher"),
        ({"without": ["word_count"], "ranges": {"word_count": {"low": 1}}}, "has no effect"),
        ({"ranges": {"word_count": {}}}, "neither low nor high is given"),
        ({"without": [rule.name for rule in FilterConfig().in_force()]}, "no rule is in force"),
        ({"rules": [], "without": ["word_count"]}, r"no rule 'word_count' in \[\]"),
        ({"rules": [], "ranges": {"word_count": {"low": 1}}}, r"no rule 'word_count' in \[\]"),
        ({"languages": ["englsh"]}, "no language 'englsh'"),
        ({"ranges": {"word_count": {"low": 9, "high": 8}}}, r"no value is in \[9, 8\]"),
        (
            {"ranges_by_language": {"tel_Telu": {"word_count": {"low": 9, "high": 8}}}},
            r"tel_Telu: word_count: no value is in \[9, 8\]",
        ),
        (
            {"ranges_by_language": {"tel_Telu": {"wordcount": {"low": 9}}}},
            "tel_Telu: wordcount: no rule in force",
        ),
    ],
)
def test_settings_without_effect_are_errors(settings, message):
    with pytest.raises(ValidationError, match=message):
        FilterConfig(**settings)


def test_a_share_of_documents_passes_drawn_anew_by_each_seed(table_shard, run, rows):
    names = [f"d{number}" for number in range(400)]
    columns = {"id": names, "text_bytes": pa.array([1] * len(names), pa.int64())}
    statistics = table_shard("many", columns)

    def kept(**config):
        _, made = run(STAGE, {"rules": [], **config}, statistics=statistics)
        return {row["id"] for row in rows(made, "decisions.parquet") if row["keep"]}

    most, few, others = kept(share=0.9), kept(share=0.5), kept(share=0.5, share_seed=1)
    assert 340 < len(most) < 380
    assert few < most
    assert len(few & others) < 150
    with pytest.raises(ValidationError, match="share_seed: all pass"):
        FilterConfig(share_seed=1)


VOTES = {"votes": [7, 2, None, 3], "listed": [["a", "b"], [], None, ["a"]]}
VOTES |= {"allowed": [True, False, None, True], "host": list("abcd")}


@pytest.mark.parametrize(
    ("limits", "failing"),
    [
        ({"votes": {"low": 3}}, {"short"}),
        ({"votes": {"low": 3, "missing": "drop"}}, {"short", "norwegian"}),
        ({"votes": {"high": 6}}, {"prose"}),
        ({"listed": {"high": 0}}, {"prose", "udhr"}),
        ({"allowed": {"low": 1}}, {"short"}),
        ({"allowed": {"low": 1}, "votes": {"high": 2}}, {"prose", "short", "udhr"}),
    ],
)
def test_limits_on_other_columns(inputs, run, rows, table_shard, limits, failing):
    columns = table_shard("votes", {"id": list(TEXTS)} | VOTES)
    config = {"rules": [], "limits": {"votes": limits}}
    statistics = {"statistics": inputs["statistics"], "columns.votes": columns}
    result, made = run(STAGE, config, **statistics)
    failed = {row["id"]: row["failed"] for row in rows(made, "about/failed.parquet")}
    assert {name for name, reasons in failed.items() if reasons} == failing
    assert set().union(*failed.values()) == {f"votes.{name}" for name in limits}
    for name in limits:
        alone = sum(reasons == [f"votes.{name}"] for reasons in failed.values())
        assert result.metrics[f"failed_alone.votes.{name}_documents"] == alone


@pytest.mark.parametrize("name", ["host", "id", "text"])
def test_a_column_of_texts_has_no_limits(inputs, run, table_shard, name):
    text = {"text": pa.array(list("abcd"), pa.large_string())}
    columns = table_shard("votes", {"id": list(TEXTS)} | VOTES | text)
    config = {"limits": {"votes": {name: {"low": 1}}}}
    with pytest.raises(ConfigError, match=rf"limits.votes.{name}: the column is of texts"):
        run(STAGE, config, statistics=inputs["statistics"], **{"columns.votes": columns})


def test_limits_that_nothing_passes_are_refused():
    with pytest.raises(ValidationError, match=r"no value is in \[5, 0\]"):
        FilterConfig.model_validate({"limits": {"votes": {"votes": {"low": 5, "high": 0}}}})


@pytest.mark.parametrize(
    ("limits", "given", "message"),
    [
        ({"votes": {"votes": {"low": 3}}}, [], "votes has limits, and no columns"),
        ({}, ["columns.votes"], "votes has columns, and no limit"),
    ],
)
def test_limits_and_columns_come_together(limits, given, message):
    with pytest.raises(ConfigError, match=message):
        resolve(
            FilterConfig.model_validate({"limits": limits}),
            {"statistics": MEASURED} | dict.fromkeys(given),
        )
