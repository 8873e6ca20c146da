import json
from dataclasses import asdict, replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import run, shard  # noqa: F401
from tests.support.suites import answers, facts, questions, scores, texts

from bedstone.errors import ArtifactError, DataError
from bedstone.evaluation.standing import STAGE, told
from bedstone.tasks.items import FILE, SCHEMA

SWAHILI, GERMAN, ENGLISH = "swh_Latn", "deu_Latn", "eng_Latn"


@pytest.fixture
def judged(run, tmp_path):  # noqa: F811
    """What the stage and ``told`` say of items, by suite."""

    def go(items, grades=None, config=None, **given):
        folders = {}
        for role, table in {"items": _table(items), **given}.items():
            folder = tmp_path / f"{role} {len(list(tmp_path.iterdir()))}"
            path = folder / (FILE if role == "items" else "parts/000000.parquet")
            path.parent.mkdir(parents=True)
            pq.write_table(table, path)
            folders[role] = shard(folder)
        result, made = run(STAGE, config, **folders)
        said = told(made, grades)
        json.dumps(said, allow_nan=False)
        return result.metrics, {suite["name"]: suite for suite in said}

    return go


def _table(items):
    return pa.Table.from_pylist([asdict(item) for item in items], SCHEMA)


def by_language(suite):
    return {row["language"]: row for row in suite["languages"]}


def number_of(item):
    return int(item.parallel_id.split()[0])


def right_of(shares):
    """Right of the first items: a share by language."""

    def chosen(item):
        return item.gold if number_of(item) < 40 * shares[item.language] else 1

    return chosen


SHARES = {ENGLISH: 0.9, GERMAN: 0.85, SWAHILI: 0.4}


def test_a_planted_gap_is_told_with_what_chance_gives(judged):
    items = questions()
    metrics, suites = judged(items, scores=scores(items, right_of(SHARES), lambda item: 1))
    suite, rows = suites["rivers"], by_language(suites["rivers"])
    assert metrics == {"suites": 1, "languages": 3, "judged_items": 120, "unread_share": 0}
    assert {name: row["score"] for name, row in rows.items()} == SHARES
    assert all(row["low"] < row["score"] < row["high"] for row in rows.values())
    gap = rows[SWAHILI]["gap_to_english"]
    assert gap["value"] == pytest.approx(-0.5)
    assert gap["high"] < 0
    assert (gap["gains"], gap["losses"], gap["n"]) == (0, 20, 20)
    assert gap["p_adjusted"] < 0.05 < rows[GERMAN]["gap_to_english"]["p_adjusted"]
    assert rows[ENGLISH]["gap_to_english"] is None
    assert {name: row["rank"] for name, row in rows.items()} == {
        ENGLISH: (1, 2),
        GERMAN: (1, 2),
        SWAHILI: (3, 3),
    }
    assert suite["worst"]["language"] == SWAHILI
    assert suite["worst"]["value"] < suite["worst"]["low"] < suite["worst"]["expected"]
    assert (suite["metric"], suite["judged_from"]) == ("acc_bytes", "scores")


def test_the_baselines_stand_beside_and_are_exceeded_or_not(judged):
    items = questions()
    _, suites = judged(items, scores=scores(items, right_of(SHARES), lambda item: item.gold))
    row = by_language(suites["rivers"])[ENGLISH]
    assert (row["chance"], row["answer_only"]) == (0.25, 1)
    assert row["measures"]["longest_choice"]["value"] == 0
    assert row["measures"]["over_chance"]["low"] > 0
    assert row["exceeds_baselines"] is False
    assert {"acc", "acc_bytes", "acc_chars", "acc_pmi"} < set(row["measures"])
    assert row["measures"]["acc_bytes"]["value"] == row["score"]
    assert "unread" not in row["measures"]  # nothing was read
    _, suites = judged(items, scores=scores(items, right_of(SHARES), lambda item: 1))
    assert by_language(suites["rivers"])[ENGLISH]["exceeds_baselines"] is True


def test_a_model_that_prefers_long_choices_does_not_exceed_the_longest_choice(judged):
    items = questions()
    for place, item in enumerate(items):  # the longest is right in 6 of 10
        if place % 5 < 3:
            items[place] = type(item)(**asdict(item) | {"gold": 1, "choices": item.choices})
    _, suites = judged(items, scores=scores(items, lambda item: 1))
    row = by_language(suites["rivers"])[GERMAN]
    assert row["score"] == row["measures"]["longest_choice"]["value"] == pytest.approx(0.6)
    assert row["measures"]["over_chance"]["low"] > 0
    assert row["measures"]["over_longest_choice"]["value"] == 0
    assert row["exceeds_baselines"] is False


def test_domains_are_told_of_all_languages_and_of_each(judged):
    items = questions()
    _, suites = judged(items, scores=scores(items, right_of(SHARES)))
    told_of = {(row["domain"], row["language"]): row for row in suites["rivers"]["domains"]}
    assert {domain for domain, _ in told_of} == {"law", "medicine"}
    assert told_of["law", None]["score"] == pytest.approx(sum(SHARES.values()) / 3, abs=0.02)
    assert told_of["law", SWAHILI]["gap_to_english"]["value"] == pytest.approx(-0.5)
    assert told_of["law", SWAHILI]["n"] == 20


def test_few_items_have_a_score_and_no_interval(judged):
    items = questions(count=7)
    _, suites = judged(items, scores=scores(items, lambda item: item.gold))
    row = by_language(suites["rivers"])[SWAHILI]
    assert (row["score"], row["low"], row["gap_to_english"]["low"]) == (1, None, None)
    assert row["exceeds_baselines"] is None
    assert {(each["language"], each["low"]) for each in suites["rivers"]["domains"]} == {
        (None, None)
    }


def test_texts_have_bits_per_byte_and_are_compared_by_content(judged):
    items = texts()
    cost = {ENGLISH: 100, GERMAN: 120, SWAHILI: 150}
    table = scores(items, lambda item: cost[item.language] * (1 + number_of(item)))
    _, suites = judged(items, scores=table)
    rows = by_language(suites["udhr"])
    assert rows[ENGLISH]["score"] == pytest.approx(5.5)
    ratio = rows[SWAHILI]["bits_over_english"]
    assert (ratio["value"], ratio["low"]) == (pytest.approx(1.5), None)  # nothing varies
    assert rows[SWAHILI]["gap_to_english"] is None
    assert (suites["udhr"]["worst"], rows[SWAHILI]["rank"]) == (None, None)


def test_languages_are_ordered_by_what_compares_them(judged):
    cost = {ENGLISH: 300, GERMAN: 150, SWAHILI: 600}
    items = [
        replace(it, choices=("x" * (1000 if it.language == SWAHILI else 100),)) for it in texts()
    ]
    alone = replace(items[0], id="alone", language="fra_Latn", parallel_id="alone")
    table = scores([*items, alone], lambda item: cost.get(item.language, 1))
    _, suites = judged([*items, alone], scores=table)
    # Swahili has the fewest bits a byte, and the most for the same content
    assert [*by_language(suites["udhr"])] == [GERMAN, ENGLISH, SWAHILI, "fra_Latn"]
    items = [replace(item, metric="chrf", answers=("It is 42.",)) for item in facts()]
    said = {ENGLISH: "It was 42.", GERMAN: "7", SWAHILI: "It is 42."}
    _, suites = judged(items, answers=answers(items, lambda item, _: said[item.language]))
    assert [*by_language(suites["facts"])] == [GERMAN, ENGLISH, SWAHILI]
    items = questions()
    _, suites = judged(items, scores=scores(items, right_of(SHARES)))
    assert [*by_language(suites["rivers"])] == [ENGLISH, GERMAN, SWAHILI]


def test_answers_without_a_fact_are_told_in_each_language(judged):
    items = facts()

    def said(item, sample):
        if item.language == SWAHILI:
            return "42"
        return "42" if item.answers else "I don't know"

    _, suites = judged(items, answers=answers(items, said, samples=2))
    rows = by_language(suites["facts"])
    for language, without, scored in ((ENGLISH, 0, 0.5), (SWAHILI, 1, 0)):
        measures = rows[language]["measures"]
        assert measures["answered"]["value"] == measures["right_of_answered"]["value"] == 1
        assert measures["answered_without_fact"]["value"] == without
        assert measures["scored"]["value"] == scored
        assert measures["agreement_of_samples"]["value"] == 1
    assert rows[SWAHILI]["measures"]["agreement_of_samples_by_chance"]["value"] == 1
    assert rows[ENGLISH]["measures"]["agreement_of_samples_by_chance"]["value"] == 0.5
    assert rows[ENGLISH]["measures"]["language_unknown"]["value"] == 1  # "42" is no sentence
    assert suites["facts"]["judged_from"] == "answers"


def test_letters_count_where_there_are_no_scores(judged):
    items = questions()
    table = answers(items, lambda item, _: "ABCD"[item.gold] if number_of(item) < 30 else "...")
    metrics, suites = judged(items, answers=table)
    row = by_language(suites["rivers"])[ENGLISH]
    assert metrics["unread_share"] == row["measures"]["unread"]["value"] == 0.25
    assert (row["score"], row["chance"], row["answer_only"]) == (0.75, 0.25, None)


def test_what_was_seen_in_training_stands_beside_the_score_of_what_was_not(judged):
    items = questions()
    table = scores(items, right_of(SHARES))
    _, suites = judged(items, scores=table)
    assert by_language(suites["rivers"])[ENGLISH]["seen_share"] == "unknown"
    grades = {
        item.id: {
            "grade": ("too short to tell" if number_of(item) % 5 == 0 else "seen")
            if number_of(item) < 20
            else "clean",
            "answer_seen_share": 1.0 if number_of(item) < 10 else None,
        }
        for item in items
    }
    _, suites = judged(items, grades, scores=table)
    row = by_language(suites["rivers"])[SWAHILI]
    assert row["seen_share"] == pytest.approx(16 / 36)
    assert row["seen_answer_share"] == pytest.approx(8 / 36)
    assert row["too_short_share"] == pytest.approx(0.1)
    assert (row["score"], row["accuracy_clean"]["value"], row["accuracy_clean"]["n"]) == (
        0.4,
        0,
        10,
    )


def test_what_is_lacking_is_said(judged):
    items = questions(count=2)
    with pytest.raises(ArtifactError, match="neither scores nor answers"):
        judged(items)
    with pytest.raises(DataError, match="rivers/swh_Latn/1: a choice has no logprob"):
        judged(items, scores=scores(items[:-1], lambda item: 0))


def test_always_wrong_costs_more_than_nothing(judged):
    items = facts()
    _, suites = judged(items, answers=answers(items, lambda *_: "7"), config={"threshold": 0.75})
    scored = by_language(suites["facts"])[GERMAN]["measures"]["scored"]
    assert (scored["value"], scored["low"]) == (-3, -3)
