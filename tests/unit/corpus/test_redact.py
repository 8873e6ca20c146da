import pyarrow as pa
import pytest
from pydantic import ValidationError

from bedstone.corpus import personal
from bedstone.corpus.redact import STAGE, RedactConfig, total
from bedstone.errors import DataError

TEXTS = {
    "one": "Contact\n\nli.na@mail.example.co.ke\nWrite to li.na@mail.example.co.ke now,\n"
    "or 41.90.64.7.",
    "two": "NIN 12345678901 and\n+254 712 345 678\n\nEnd",
    "same": "Nobody.\n\nNo.",
    "empty": "",
}
HEADINGS = {"one": [0, 2, 4], "two": [1, 3], "same": [0], "empty": []}


@pytest.fixture
def documents(table_shard):
    return table_shard("documents", table(TEXTS))


def table(texts):
    return {
        "id": list(texts),
        "url": ["https://a.example.org/"] * len(texts),
        "text": pa.array(texts.values(), pa.large_string()),
        "headings": pa.array([HEADINGS[name] for name in texts], pa.list_(pa.int32())),
    }


@pytest.fixture
def redacted(documents, run, rows):
    """Texts and headings by id, and the metrics."""

    def go(config=None, **others):
        inputs = {"documents": documents} | others
        _, spans = run(personal.STAGE, documents=documents)
        result, made = run(STAGE, config, **{"personal": spans} | inputs)
        left = {
            row["id"]: (row["text"], row["headings"]) for row in rows(made, "documents.parquet")
        }
        return left, total(result.metrics)

    return go


def test_a_tag_in_plain_text_stands_for_each(redacted):
    left, metrics = redacted()
    assert left == {
        "one": ("Contact\n\n[email]\nWrite to [email] now,\nor [ip].", [0, 2, 4]),
        "two": ("NIN [nigeria id] and\n[phone]\n\nEnd", [1, 3]),
        "same": (TEXTS["same"], [0]),
        "empty": ("", []),
    }
    assert metrics["tag_spans"] == 5
    assert metrics["surrogate_spans"] == metrics["drop_spans"] == 0
    assert metrics["redacted.email_spans"] == 2
    assert metrics["redacted.card_spans"] == 0
    assert metrics["changed_documents"] == 2


def test_what_is_cut_takes_a_space_and_a_line_that_it_leaves_blank_along(redacted):
    left, metrics = redacted({"policy": "drop"})
    assert left["one"] == ("Contact\n\nWrite to now,\nor .", [0, 3])
    assert left["two"] == ("NIN and\n\nEnd", [2])
    assert metrics["drop_spans"] == 5


def test_each_kind_has_its_policy(redacted):
    policies = {"email": "keep", "ip": "surrogate", "phone": "drop"}
    left, metrics = redacted({"policies": policies})
    text = left["one"][0]
    assert text.startswith(TEXTS["one"].partition("41.90")[0])
    assert "41.90.64.7" not in text
    assert left["two"][0] == "NIN [nigeria id] and\n\nEnd"
    assert metrics["redacted.email_spans"] == 0
    assert (metrics["tag_spans"], metrics["surrogate_spans"], metrics["drop_spans"]) == (1, 1, 1)


def test_a_value_has_one_surrogate_and_what_has_none_a_tag(redacted, table_shard, run, rows):
    left, _ = redacted({"policy": "surrogate"})
    _, _, first, second, *_ = left["one"][0].split("\n")
    assert first in second
    assert "li.na" not in first
    assert left["two"][0].startswith("NIN [nigeria id] and\n+")
    again = table_shard("again", table({name: text for name, (text, _) in left.items()}))
    _, spans = run(personal.STAGE, documents=again)
    kinds = [[it["kind"] for it in row["spans"]] for row in rows(spans, "personal.parquet")]
    assert kinds == [["email", "email"], [], [], []]


def test_nothing_is_left_of_what_was_dropped_before(redacted, table_shard):
    keep = [False, True, True, True]
    before = table_shard("before", {"id": list(TEXTS), "keep": keep})
    left, metrics = redacted(before=before)
    assert left["one"] == ("", [])
    assert metrics["tag_spans"] == 2
    assert metrics["input_documents"] == 3


def test_spans_of_another_version_are_refused(redacted, table_shard):
    other = table_shard("other", table(TEXTS | {"one": TEXTS["one"][1:]}))
    with pytest.raises(DataError, match="spans are of other texts") as caught:
        redacted(documents=other)
    assert "corpus.redact" in caught.value.hint


def test_row_groups_make_no_difference(redacted, monkeypatch):
    whole = redacted({"policy": "surrogate"})
    monkeypatch.setattr("bedstone.store.tables.ROW_GROUP_ROWS", 3)
    monkeypatch.setattr("bedstone.text.codes.CHARACTERS_AT_ONCE", 5)
    assert redacted({"policy": "surrogate"}) == whole


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"policy": "keep"}, "all kinds are kept"),
        ({"policies": {"email": "tag"}}, "policies.email: tag is the policy of all"),
        ({"policies": {"kenya_id": "surrogate"}}, "only a word tells its numbers"),
        ({"policies": {"name": "drop"}}, "name"),
    ],
)
def test_a_policy_without_effect_is_refused(config, message):
    with pytest.raises(ValidationError, match=message):
        RedactConfig(**config)
