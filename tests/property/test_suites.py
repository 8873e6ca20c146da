"""Whatever stands in the fields of a set, a record becomes an item or is refused by its line."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedstone.errors import UNPRINTABLE, DataError
from bedstone.evaluation.suites.files import SetReader
from bedstone.evaluation.suites.others import samples_of
from bedstone.evaluation.suites.sets import SETS
from bedstone.tasks.items import Item
from bedstone.tasks.reading import reading_of

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
PLAIN = st.sampled_from(["A", "1", "౧", "cause", "travel", "eng", "", "N/A", 0, 1, 1.0, -1, None])
VALUES = PLAIN | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
MORE = ("id", "language", "choices", "gold", "answer", "answers", "context", "domain", "split")


def refusal(read, *arguments):
    """What is said where it is refused."""
    try:
        read(*arguments)
    except DataError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sets")


@pytest.mark.parametrize("number", range(len(SETS)))
@settings(max_examples=60)
@given(data=st.data())
def test_records_of_each_set(folder, number, data):
    names = st.sampled_from((*SETS[number].fields.split(), *MORE))
    values = dict.fromkeys(SETS[number].fields.split(), "x")
    values |= data.draw(st.dictionaries(names, VALUES))
    path = folder / f"{number}.en.jsonl"
    path.write_text(json.dumps(values))
    reader = SetReader()
    if told := refusal(reader.read, path.name, path):
        assert told.startswith(f"{path}:1: ")
        return
    (item,) = reader.items
    assert isinstance(item, Item)
    assert not UNPRINTABLE.search(item.id)
    assert len(item.choices) < 2 or item.choices[item.gold]
    reading_of(item, data.draw(TEXTS))


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(("target", "arguments", "resps", "acc", "doc_id")), VALUES))
def test_samples(folder, values):
    path = folder / "samples_quiz_en.jsonl"
    told = {"doc_id": 0, "target": 0, "acc": 1.0, "arguments": [["q", "a"], ["q", "b"]]}
    path.write_text(json.dumps(told | {"filtered_resps": [-1.0, -2.0]} | values))
    if told := refusal(samples_of, path):
        assert told.startswith(str(path))
    else:
        assert len(samples_of(path).items) == 1


@given(TEXTS | st.text(max_size=30), st.sampled_from(["eng", "tel", "fra", "ara", "zho", "gsw"]))
def test_readings(text, language):
    for answers, choices in (((), ()), (("42",), ()), (("x",), ()), ((), ("a", "b"))):
        item = Item("s", "1", language, "acc", choices=choices, gold=0, answers=answers)
        found = reading_of(item, text)
        assert 0 <= found.right <= 1
        assert found.is_read or found.right == 0
