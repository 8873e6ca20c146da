import pytest

from bedstone.corpus.personal_data import planting
from bedstone.corpus.personal_data.national_numbers import KINDS
from bedstone.corpus.personal_data.planting import Document, tried

TEXT = "The old harbour lies where the river meets the sea. " * 8
DOCUMENTS = [
    Document(str(number), "https://a.example.co.ke/", "hin_Deva", TEXT) for number in range(8)
]


def test_each_kind_is_planted_once_in_each_document_and_found():
    counts = tried(DOCUMENTS)
    assert {kind for _, kind in counts} == set(KINDS)
    for (language, kind), (planted, right, _) in counts.items():
        assert (language, planted) == ("hin_Deva", 8)
        assert right >= 7, kind
    assert tried(DOCUMENTS) == counts
    assert tried(DOCUMENTS[:4]) != counts


def test_what_is_not_sought_is_not_planted():
    counts = tried(DOCUMENTS, ("email", "card"))
    assert {kind for _, kind in counts} == {"email", "card"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [(lambda *_: [], (8, 0, 0)), (lambda text, *_: [(0, len(text), "email")], (8, 8, 8))],
)
def test_recall_and_precision_are_of_the_places_of_what_was_planted(monkeypatch, found, expected):
    spans = lambda *given: [planting.Span(*it) for it in found(*given)]  # noqa: E731
    monkeypatch.setattr(planting, "found", spans)
    assert tried(DOCUMENTS, ("email",)) == {("hin_Deva", "email"): expected}


@pytest.mark.parametrize("text", ["", "一" * 50, "x" * 5_000])
def test_a_text_without_words_is_planted_in_too(text):
    counts = tried([Document("a", "", "und", text)])
    assert sum(planted for planted, *_ in counts.values()) == len(KINDS)
