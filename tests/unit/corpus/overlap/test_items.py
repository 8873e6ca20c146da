import gzip
import json
from dataclasses import replace

import pyarrow as pa
import pytest

from bedstone.corpus.overlap import items as items_module
from bedstone.corpus.overlap.items import SCHEMA, items_of, read_items, share_in
from bedstone.corpus.overlap.letters import words_of
from bedstone.corpus.overlap.search import Search
from bedstone.errors import DataError
from bedstone.store.lines import MOST_BYTES
from bedstone.tasks.items import Item, write_items
from bedstone.text.codes import texts_of

LONG = "Where did the ferryman of the lower valley keep his lantern?"


def items_from(*rows: tuple[str, str | None]):
    columns = {
        "id": [str(number) for number in range(len(rows))],
        "question": [question for question, _ in rows],
        "answer": [answer for _, answer in rows],
    }
    return items_of(pa.table(columns).cast(SCHEMA))


def met(row, document):
    items = items_from(row)
    search = Search(items.index, 0.2)
    found = [items.met(0, place, document) for place in search.places(texts_of([document]))]
    return [(*shares, items.is_seen(0, *shares, 0.8)) for shares in found]


def written(tmp_path, *lines: object, name="items.jsonl"):
    path = tmp_path / name
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_what_is_around_a_place_is_folded_once(monkeypatch):
    texts = []
    monkeypatch.setattr(items_module, "words_of", lambda text: texts.append(text) or words_of(text))
    document = f"Nobody asked. {LONG} In a box, of course."
    items = items_from(*((LONG, f"answer {number:03}") for number in range(50)))
    (place,) = Search(items.index, 0.2).places(texts_of([document]))
    assert {items.met(item, place, document) for item in range(50)} == {(1.0, 0.0)}
    assert len(texts) == len(set(texts)) == 52


@pytest.mark.parametrize("name", ["items.jsonl", "items.ndjson.gz"])
def test_items_are_read(tmp_path, name):
    none = {"id": "b", "text": "Why?", "answer": ""}
    lines = [{"id": 7, "question": LONG, "answer": 0}, "", none]
    items = read_items([written(tmp_path, *lines, name=name)])
    assert items.table.to_pylist() == [
        {"id": "7", "question": LONG, "answer": "0"},
        {"id": "b", "question": "Why?", "answer": None},
    ]
    assert (items.letters.tolist(), items.widths.tolist()) == ([49, 3], [12, 12])


def test_items_of_a_test_are_read_as_they_are_asked(job):
    base = {"suite": "s", "language": "eng_Latn", "metric": "acc"}
    given = [
        Item(id="a", context="Page.", question="Who?", choices=("x", "y"), gold=1, **base),
        Item(id="b", question="How many?", answers=("42", "forty-two"), **base),
        Item(id="c", question="Who else?", **base),
        Item(id="d", choices=("A whole text.",), **base),
        Item(id="e", choices=("it is", "it are"), gold=0, **base),
    ]
    made = job("items")
    write_items(made, given)
    path = made.folder / "items.parquet"
    assert read_items([path]).table.to_pylist() == [
        {"id": "a", "question": "Page.\nWho?", "answer": "y"},
        {"id": "b", "question": "How many?", "answer": "42"},
        {"id": "c", "question": "Who else?", "answer": None},
        {"id": "d", "question": "A whole text.", "answer": None},
        {"id": "e", "question": "it is", "answer": None},
    ]
    with pytest.raises(DataError, match=r"row 0: the id 'a' is that of .*row 0"):
        read_items([path, path])
    write_items(made, [replace(given[0], gold=7)])
    with pytest.raises(DataError, match=r"items\.parquet: 'a' is no item"):
        read_items([path])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "no JSON in UTF-8"),
        ("[" * 100_000, "no JSON in UTF-8"),
        ([1], "no table of names and values"),
        ({"question": "a"}, "no id"),
        ({"id": True, "question": "a"}, "no id"),
        ({"id": "x"}, "no question or text"),
        ({"id": "x", "question": ["a"]}, "no question or text"),
        ({"id": "x", "question": "a", "answer": ["b"]}, "the answer is neither text nor a number"),
        ({"id": "x", "question": "\ud800"}, "half a character"),
        ("x" * (MOST_BYTES + 1), "more than 1,048,576 bytes in a line"),
    ],
)
def test_what_is_no_item_is_told_with_its_line(tmp_path, line, told):
    path = written(tmp_path, {"id": "a", "text": "b"}, "", line)
    with pytest.raises(DataError, match=told) as caught:
        read_items([path])
    assert str(caught.value).startswith(f"{path}:3: ")


def test_ids_are_told_twice_items_are_not(tmp_path):
    one = written(tmp_path, {"id": "a", "text": "b"}, {"id": 1, "text": "b"}, name="1.jsonl")
    two = written(tmp_path, "", {"id": "1", "text": "c"}, name="2.jsonl")
    with pytest.raises(DataError) as caught:
        read_items([one, two])
    assert str(caught.value) == f"{two}:2: the id '1' is that of {one}:2"


def test_files_that_hold_no_item(tmp_path):
    with pytest.raises(DataError, match="holds no item"):
        read_items([written(tmp_path, "")])
    with pytest.raises(DataError, match="is no file of items"):
        read_items([written(tmp_path, name="items.csv")])
    damaged = tmp_path / "x.jsonl.gz"
    damaged.write_bytes(gzip.compress(b'{"id": 1, "text": "a"}')[:-9])
    with pytest.raises(DataError, match="cannot be read to its end"):
        read_items([damaged])


@pytest.mark.parametrize(
    ("wanted", "text", "share"),
    [
        ("Lima", "that is LIMA.", 1.0),
        ("Lima", "limabean", 0.0),
        ("New York", "in new  york", 1.0),
        ("दिल्ली", "नई दिल्ली में", 1.0),
        ("दिल", "नई दिल्ली में", 0.0),
        ("东京", "首都是东京都", 1.0),
        ("the lantern of copper", "the lantern of brass", pytest.approx(1 / 7)),
    ],
)
def test_answers(wanted, text, share):
    assert share_in(wanted, text) == share


def test_an_answer_counts_only_near_its_question():
    row = (LONG, "Lima")
    assert met(row, f"{LONG} Lima") == [(1.0, 1.0, True)]
    assert met(row, f"Lima! {LONG}") == [(1.0, 1.0, True)]
    assert met(row, f"{LONG} {'x ' * 150} Lima") == [(1.0, 0.0, True)]
    assert met((LONG, None), f"{LONG} Lima") == [(1.0, None, True)]
    assert met((LONG, "ferryman"), LONG) == [(1.0, 0.0, True)]  # within the question is not near it


def test_a_short_question_is_found_by_its_answer():
    row = ("Why?", "because the moon is full")
    assert met(row, f"Why? {row[1]}") == [(1.0, 1.0, True)]
    assert met(row, row[1]) == [(0.0, 1.0, False)]
    assert met(row, "Why?") == []


def test_a_short_question_with_a_short_answer_is_one_text():
    assert met(("The capital?", "Lima"), "The capital? – Lima!") == [(1.0, 1.0, True)]
    assert met(("The capital?", "Lima"), "The capital of Peru is Lima") == []
    assert met(("2 + 2?", "4"), "2 + 2? 4") == []


def test_of_few_letters_all_have_to_be_there():
    question = "Who kept the lantern"
    assert met((question, None), question) == [(1.0, None, True)]
    assert met((question, None), question[:-1]) == [(pytest.approx(5 / 6), None, False)]
    assert met((LONG, None), LONG[:-2]) == [(pytest.approx(37 / 38), None, True)]


def test_equal_questions_are_one_text():
    items = items_from((LONG, "a"), ("Who kept the lantern", None), (LONG, "b"))
    assert items.texts.tolist() == [0, 1, 0]
    assert len(items.index.valid) == 2
