import math
import subprocess
import sys

import pyarrow as pa
import pytest

from bedstone.corpus import measure
from bedstone.corpus.rules.ngrams import spaced_repetition
from bedstone.corpus.rules.sets import RULES
from bedstone.text import codes
from bedstone.text.words import given_words

TEXTS = ["The cat, that sat.\nIt sat.", "", "我们在这里学习中文", "#tag … ... end", "a\r\nb\u2028c"]


def test_a_row_a_text_and_a_number_a_column():
    table = measure(TEXTS)
    assert table.num_rows == len(TEXTS)
    assert set(table.schema.types) == {pa.float64()}
    assert table["text_bytes"].to_pylist() == [len(text.encode()) for text in TEXTS]


def test_texts_are_measured_alike_alone_together_and_as_columns(monkeypatch):
    table = measure(TEXTS)
    assert pa.concat_tables([measure([text]) for text in TEXTS]).equals(table)
    assert measure(pa.array(TEXTS, pa.large_string())).equals(table)
    assert measure(pa.chunked_array([TEXTS[:2], TEXTS[2:]])).equals(table)
    monkeypatch.setattr(codes, "CHARACTERS_AT_ONCE", 1)
    assert measure(TEXTS).equals(table)


def test_without_a_text_there_are_columns():
    assert measure([]).schema == measure(["a"]).schema


def test_an_empty_text_has_values():
    assert set(measure([""]).to_pylist()[0].values()) == {0}


def test_a_lone_surrogate_counts_as_the_replacement_character():
    assert measure(["a \ud800 b"]).equals(measure(["a \ufffd b"]))


def test_words_may_be_given(monkeypatch):
    tokens = [["The", "cat", "sat"], [], ["我们", "在"], [",", "end"], ["a"]]
    monkeypatch.setattr(codes, "CHARACTERS_AT_ONCE", 20)
    rows = measure(TEXTS, tokens=tokens).to_pylist()
    assert [row["word_count"] for row in rows] == [3, 0, 2, 1, 1]
    assert [row["mean_word_length"] for row in rows] == [3, 0, 1.5, 3, 1]
    assert rows[0]["top_2_gram_character_ratio"] == len("The cat") / len(TEXTS[0])
    others = measure(TEXTS)
    for name in measure([]).column_names:
        if "spaced" in name or name.startswith(("c4", "paper", "dolma")):
            assert [row[name] for row in rows] == others[name].to_pylist()


def test_sentences_may_be_given():
    table = measure(TEXTS, sentences=range(5))
    for variant in ("tfds", "datatrove", "fineweb"):
        assert table[f"c4_{variant}_sentences"].to_pylist() == [0, 1, 2, 3, 4]


def test_stop_words_are_those_of_the_language():
    text = "The og the i og med the The and"
    languages = ["eng_Latn", "nob_Latn", "und"]
    lists = {"eng_Latn": ["the", "and"], "nob_Latn": ["og", "i"]}
    table = measure([text] * 3, languages=pa.array(languages), stop_words=lists)
    assert table["stop_word_count"].to_pylist() == [2, 2, None]
    assert table["spaced_stop_word_occurrences"].to_pylist() == [3, 3, None]
    assert measure([text])["stop_word_count"].to_pylist() == [2]


def test_what_words_without_spaces_leave_no_meaning_to():
    row = measure([TEXTS[2] * 3]).to_pylist()[0]
    absent = {name for name, value in row.items() if value is None}
    repeated = spaced_repetition(given_words([[]])[1])
    assert absent == {
        "mean_word_length",
        "mean_spaced_word_length",
        "median_spaced_word_length",
        *repeated,
    }


@pytest.mark.parametrize("name", ["tokens", "sentences", "languages"])
def test_what_is_given_is_given_for_every_text(name):
    with pytest.raises(ValueError, match=f"1 {name} for 2 texts"):
        measure(["a", "b"], **{name: [[]]})


@pytest.mark.parametrize(
    "text",
    ["", "\0", "\ud800", "\r\n\r\n", "\u2028", "\n" * 1000, "x" * 1000, "\0" * 1000, "\u0301", " "],
)
def test_odd_texts(text):
    row = measure([text]).to_pylist()[0]
    assert all(value is None or math.isfinite(value) for value in row.values())


def test_columns_are_taken_like_lists():
    words, counts = [["a", "b"], ["c"]], [3, 4]
    lists = measure(["a b", "c"], words, counts)
    columns = measure(pa.array(["a b", "c"]), pa.array(words), pa.chunked_array([counts]))
    assert columns.equals(lists)
    assert measure(iter(["a b", "c"]), iter(words), iter(counts)).equals(lists)


def test_only_what_the_rules_ask_for_is_measured():
    table = measure(["a b"], rules="fineweb:datatrove")
    assert table.column_names == ["text_bytes", *(it.name for it in RULES["fineweb:datatrove"])]
    assert table.equals(measure(["a b"]).select(table.column_names))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", None], "text 1 is no string but None"),
        (pa.array(["a", None]), "1 texts are null"),
        ("a", "give a list"),
    ],
)
def test_what_is_no_text_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        measure(texts)


def test_measuring_needs_no_stage():
    code = (
        "import sys, bedstone.corpus.rules.measures\nprint('bedstone.store.stage' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout == "False\n"
