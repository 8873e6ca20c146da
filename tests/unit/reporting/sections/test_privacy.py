"""What the page says of personal data: how much, of which kinds, how sure, what became of it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus import personal, redact
from bedstone.reporting.family import family
from bedstone.reporting.sections.privacy import privacy
from bedstone.reporting.wording import short
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local

TEXTS = ("Write to li.na@mail.co.ke or o@mail.co.ke.", "Call +254 712 345 678.", "Nobody.", "No.")


@pytest.fixture
def documents(store, tmp_path):
    table = {
        "id": [str(number) for number in range(len(TEXTS))],
        "url": ["https://a.example.org/"] * len(TEXTS),
        "text": pa.array(TEXTS, pa.large_string()),
        "headings": pa.array([[]] * len(TEXTS), pa.list_(pa.int32())),
    }
    path = tmp_path / "documents.parquet"
    pq.write_table(pa.table(table), path)
    return adopt([path], store)


@pytest.fixture
def found(store, documents):
    config = personal.PersonalConfig(kinds=("email", "phone", "card"))
    return build(personal.STAGE, config, {"documents": documents}, store, Local())


def test_hits_by_kind_and_language_and_what_is_found_of_what_was_planted(found):
    section = privacy(family(found))
    assert section.answer.replace("\u00a0", " ") == (
        "50 % of the documents hold identifiers of persons or firms: 2 email and 1 phone"
    )
    assert "Names, addresses" in section.text[0]
    assert section.text[1] == "They stand in the texts as they were written."
    hits, planted = section.tables
    characters = sum(map(len, TEXTS))
    assert hits.head == ("kind", "shapes", "found", "unknown")
    rate = short(2e6 / characters)
    assert hits.rows[0] == ("email", "xx.xx@xxxx.xx.xx, x@xxxx.xx.xx", "2", rate)
    assert [row[:2] for row in planted.rows] == [("card", "4"), ("email", "4"), ("phone", "4")]
    assert "100" in planted.rows[1][2]
    assert "li.na" not in str(section)


def test_what_became_of_them(found, documents, store):
    config = redact.RedactConfig(policies={"phone": "surrogate", "card": "keep"})
    inputs = {"documents": documents, "personal": found}
    section = privacy(family(build(redact.STAGE, config, inputs, store, Local())))
    assert section.text[1] == "In the texts there stands a tag for 2, a surrogate for 1."


def test_nothing_that_is_kept_became_anything(found, documents, store):
    config = redact.RedactConfig(policies=dict.fromkeys(("phone", "card", "email"), "keep"))
    inputs = {"documents": documents, "personal": found}
    section = privacy(family(build(redact.STAGE, config, inputs, store, Local())))
    assert section.text[1].startswith("Nothing of it was replaced")


def test_no_section_without_the_stage(documents):
    assert privacy(family(documents)) is None
