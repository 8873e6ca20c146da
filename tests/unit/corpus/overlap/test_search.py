import random

import pyarrow as pa
import pytest

from bedstone.corpus.overlap import search as searching
from bedstone.corpus.overlap.index import MOST_TEXTS, N_SPACELESS, N, indexed
from bedstone.corpus.overlap.letters import letters_of
from bedstone.corpus.overlap.search import Search
from bedstone.text.codes import texts_of

QUESTION = "Where did the ferryman of the lower valley keep his lantern?"


def index_of(*texts: str):
    return indexed(pa.chunked_array([texts], pa.large_string()))


def places(texts, documents, least=0.2):
    index = index_of(*texts)
    return index, list(Search(index, least).places(texts_of(documents)))


def grams(text: str, unspaced: str = "中国学校历史") -> list[str]:
    """The n-grams of a text, the slow way."""
    letters = letters_of(text)
    sizes = [N_SPACELESS if letter in unspaced else N for letter in letters]
    return [
        letters[last + 1 - size : last + 1] for last, size in enumerate(sizes) if last + 1 >= size
    ]


def test_a_text_is_found_however_it_looks():
    document = "«WHERE DID the ferryman\nof the lower valley – keep his lantern»"
    _, (place,) = places([QUESTION], ["nothing here", f"a b c. {document} d"])
    assert (place.row, place.share) == (1, 1.0)
    assert f"a b c. {document} d"[place.begin : place.end] == document[1:-1]


def test_shares_are_those_of_a_slow_search():
    dice = random.Random(3)
    for alphabet in ("ab c", "中国 学校", "a中 国b", "ﬁß éA"):
        texts = ["".join(dice.choices(alphabet, k=dice.randint(8, 60))) for _ in range(40)]
        documents = ["".join(dice.choices(alphabet, k=150)) for _ in range(30)]
        documents += [f"{dice.choice(texts)[3:]} {dice.choice(documents)}" for _ in range(20)]
        index, found = places(texts, documents, least=1e-9)
        shares = {(place.text, place.row): place.share for place in found}
        for number, text in enumerate(texts):
            ours = grams(text)  # none has so many that some are left out
            for row, document in enumerate(documents):
                theirs = set(grams(document))
                share = sum(gram in theirs for gram in ours) / max(len(ours), 1)
                assert shares.get((number, row), 0.0) == pytest.approx(share), (text, document)
        assert [len(grams(text)) for text in texts] == index.windows.tolist()


def test_what_is_far_apart_is_not_one_place():
    half = len(QUESTION) // 2
    far = QUESTION[:half] + " x" * 400 + QUESTION[half:]
    index, (place,) = places([QUESTION], [far])
    assert 0.3 < place.share < 0.6
    assert index.longest(0, place.met) < len(letters_of(QUESTION)) * 0.6
    near = QUESTION[:half] + " x" * 20 + QUESTION[half:]
    assert places([QUESTION], [near])[1][0].share > 0.7


def test_the_best_place_of_a_document_is_told():
    document = f"{QUESTION[:30]} {'z' * 500} {QUESTION} {'z' * 500} {QUESTION[:40]}"
    _, (place,) = places([QUESTION], [document])
    assert (place.share, document[place.begin : place.end]) == (1.0, QUESTION[:-1])


def test_the_longest_run():
    index, (place,) = places([QUESTION], [QUESTION[:35]])
    assert index.longest(0, place.met) == len(letters_of(QUESTION[:35]))
    assert index.longest(0, 0) == 0
    text = " ".join(map(str, random.Random(1).sample(range(10_000, 100_000), 400)))
    index, (place,) = places([text], [text[: len(text) // 2]])
    assert index.longest(0, place.met) == pytest.approx(len(letters_of(text)) / 2, rel=0.05)


def test_what_many_share_tells_nothing():
    frame = "Which of the following is the name of the person called {}?"
    names = random.Random(2).sample(range(100_000, 1_000_000), MOST_TEXTS + 10)
    texts = [frame.format(name) for name in names]
    _, found = places(texts, [frame.format("somebody"), texts[7]])
    assert [(it.text, it.row) for it in found if it.share > 0.5] == [(7, 1)]
    assert {it.row for it in found} == {1}
    few = texts[:MOST_TEXTS]
    assert len(places(few, [frame.format("somebody")])[1]) == MOST_TEXTS


def test_short_texts_and_none():
    assert places(["abc", "", "de fghij klmn"], ["abc de fghij klmn", ""])[1] == []
    assert places([], ["abc"])[1] == []
    assert (
        places(["abcdefghijkl", "中国学校历史中国"], ["x abcdefghijklm 中国学校历史中国"])[1] != []
    )


def test_more_is_found_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(searching, "LEAST_ROOM", 1)
    texts = [f"{QUESTION} {number:012}" for number in range(5)]
    documents = [" ".join(texts)] * 7
    found = places(texts, documents)[1]
    assert [(place.row, place.text) for place in found] == [
        (row, text) for row in range(7) for text in range(5)
    ]
