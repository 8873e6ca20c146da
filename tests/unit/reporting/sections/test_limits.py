"""What the page says of limits on votes, refusals, words and items: how much, and whom it costs."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.config import Config
from bedstone.corpus import contamination, permissions, votes, words
from bedstone.corpus.web.documents import DOCUMENTS
from bedstone.reporting.family import family
from bedstone.reporting.sections.limits import BY_LANGUAGE, _is_apart, limits
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage

ITEM = "Where did the ferryman of the lower valley keep his lantern\u202e?"
SHARDS = (("eng_Latn", 30), ("eng_Latn", 10), ("tel_Telu", 20), ("und", 3))
"""Language and documents."""
TEXTS = {"eng_Latn": "A fool and a boat", "tel_Telu": "పడవ", "und": "fool"}
BOTH = Stage(
    "a.both", version=1, config=Config, inputs=("documents", "language"),
    run=lambda config, job: Result({}),
)  # fmt: skip


def page(number, language):
    """A document; the first holds the item, and the Telugu ones are of a host that refuses."""
    host = "b.example" if language == "tel_Telu" else "a.example"
    return {
        "id": f"{language} {number}",
        "url": "page" if language == "und" else f"https://{host}/{number}",
        "text": f"{ITEM}\n{TEXTS[language]}" if number == 0 else TEXTS[language],
        "headings": [],
        "date": "2024-06-01T00:00:00Z",
        "signals": ["meta robots: noai"] if language == "tel_Telu" else [],
    }


def table(path, rows, schema=None):
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return path


@pytest.fixture
def made(store, tmp_path):
    """What all four stages found is in the store; what the documents and languages are behind."""
    documents, languages, known = [], [], 0
    for shard, (language, count) in enumerate(SHARDS):
        pages = [page(known + number, language) for number in range(count)]
        known += count
        rows = [{"id": it["id"], "language": language} for it in pages]
        documents.append(table(tmp_path / f"documents-{shard}.parquet", pages, DOCUMENTS))
        languages.append(table(tmp_path / f"languages-{shard}.parquet", rows))
    roles = {"documents": adopt(documents, store), "language": adopt(languages, store)}
    found = "".join(f"https://a.example/{number},1\n" for number in range(40))
    (tmp_path / "votes.csv").write_text(f"url,votes\n{found}")
    (tmp_path / "en").write_text("fool\n")
    half = f"{ITEM[:40]} and who among the sisters painted those boats?"  # not enough of it is seen
    items = [{"id": "f\u202e", "question": ITEM}, {"id": "half", "question": half}]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, items)))
    given = {"votes": "votes.csv", "lists": "en", "items": "items.jsonl"}
    inputs = roles | {role: adopt([tmp_path / name], store) for role, name in given.items()}

    def build_one(stage, without=()):
        own = {it: inputs[it] for it in (*stage.inputs, *stage.optional) if it in inputs}
        own = {role: it for role, it in own.items() if role not in without}
        return build(stage, stage.config(), own, store, Local())

    return build(BOTH, Config(), roles, store, Local()), build_one


def told(subject):
    section = limits(family(subject))
    return section, section.answer.replace("\u00a0", " ").split(". ")


def test_how_much_and_of_whom(made):
    subject, build_one = made
    for module in (votes, permissions, words, contamination):
        build_one(module.STAGE)
    section, answers = told(subject)
    assert answers == [
        "Votes match 67 % of the documents with an address, of Telugu none",
        "Sites or pages refuse 32 % of the documents, of Telugu 100 %",
        "A limit of no listed word drops 63 % of the documents, of English 100 %",
        "1.6 % of the documents hold items of a test, 1 item in all",
    ]
    assert [it.manifest.stage for it in section.measured_by] == [
        *("corpus.votes", "corpus.permissions", "corpus.words", "corpus.contamination")
    ]
    rows = [
        [tuple(it.replace("\u00a0", " ") for it in row) for row in t.rows] for t in section.tables
    ]
    assert rows[0] == [
        ("English", "40", "40", "40", "100 %"),
        ("Telugu", "20", "20", "0", "0 %"),
        ("unknown", "3", "0", "0", "–"),
    ]
    assert rows[1][1] == ("Telugu", "20", "100 %", "0 %")
    assert rows[1][0] == ("English", "40", "0 %", "100 %")
    assert [row[0] for row in rows[2]] == ["English", "Telugu", "unknown"]
    assert rows[2][0][3:] == ("40", "100 %")
    assert rows[2][1][2:] == ("–", "0", "0 %")  # it has no list
    assert rows[3] == [("f\\u202e", "https://a.example/0", "100 %")]
    assert rows[4] == [("b.example", "meta robots: noai", "20", str(20 * len("పడవ".encode())))]


def test_the_largest_languages_are_shown(made, monkeypatch):
    subject, build_one = made
    build_one(votes.STAGE)
    monkeypatch.setattr("bedstone.reporting.sections.limits.SHOWN", 1)
    section, answers = told(subject)
    assert [row[0] for row in section.tables[0].rows] == ["English"]
    assert answers == ["Votes match 67 % of the documents with an address"]


def test_a_language_of_few_documents_or_none_is_not_named():
    sums, how = {"matched": 40, "with_url": 60}, BY_LANGUAGE["corpus.votes"]
    row = {"language": "tel_Telu", "matched": 0, "with_url": 20}
    assert _is_apart(row, sums, how)
    assert not _is_apart(row | {"with_url": 1}, sums, how)
    assert not _is_apart(row | {"with_url": 0}, sums, how)
    assert not _is_apart(row | {"language": "und"}, sums, how)
    assert not _is_apart(row | {"matched": 20}, sums, how)


def test_votes_without_languages(made):
    _, build_one = made
    section, answers = told(build_one(votes.STAGE, without=["language"]))
    assert answers == ["Votes match 67 % of the documents with an address"]
    assert section.tables[0].rows[0][:4] == ("unknown", "63", "60", "40")


def test_no_section_without_such_a_stage(made):
    assert limits(family(made[0])) is None
