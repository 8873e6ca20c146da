from collections import Counter, defaultdict
from statistics import mean

import pytest

from bedstone.evaluation.suites.made_choices import Draw, Piece, Question, questions

ENGLISH, TELUGU, GREEK = "eng_Latn", "tel_Telu", "ell_Grek"


def piece(number, languages=(ENGLISH, TELUGU), topic="all", **changed):
    """Its text has a length that tells nothing but its number."""
    text = f"{number:03} " + "x" * (number * 37 % 101)
    right = {language: changed.get(language, f"{text} {language}") for language in languages}
    asked = {language: Question(f"what is {number}?", "\n", it) for language, it in right.items()}
    return Piece(f"{number:03}", topic, changed.get("english", text), asked)


def by_language(pieces, draw=None):
    found = defaultdict(dict)
    for item in questions("set", pieces, draw or Draw(10_000, 0)):
        found[item.language][item.parallel_id] = item
    return found


def test_each_is_asked_of_four_that_are_each_right_once():
    items = by_language([piece(number) for number in range(10)])[TELUGU]
    assert len(items) == 8
    passages = defaultdict(list)
    for name, item in items.items():
        assert item.id == name.replace("set/", f"set/{TELUGU}/")
        assert item.prompt == f"what is {int(name[4:])}?"
        assert item.choices[item.gold].startswith(name[4:])
        passages[item.passage_id].append(item)
    for four in passages.values():
        assert len(four) == 4
        assert {item.choices[item.gold] for item in four} == set(four[0].choices)
        assert {frozenset(item.choices) for item in four} == {frozenset(four[0].choices)}


@pytest.mark.parametrize("prefers", [len, lambda choice: -len(choice), hash, lambda choice: choice])
def test_who_looks_at_choices_alone_is_right_in_one_of_four(prefers):
    pieces = [piece(number, topic=f"{number % 3}") for number in range(100)]
    pieces[17] = piece(17, languages=(ENGLISH,), topic="2")
    for items in by_language(pieces).values():
        taken = [max(item.choices, key=prefers) for item in items.values()]
        right = [item.choices[item.gold] for item in items.values()]
        assert mean(one == other for one, other in zip(taken, right, strict=True)) == 0.25


def test_wrong_ones_are_of_the_topic_and_about_as_long():
    pieces = {f"{number:03}": piece(number, topic=f"{number % 3}") for number in range(300)}
    spread, apart = [], []
    for item in by_language(pieces.values())[ENGLISH].values():
        assert len({pieces[choice[:3]].topic for choice in item.choices}) == 1
        lengths = [len(choice) for choice in item.choices]
        spread.append(max(lengths) - min(lengths))
        apart.append(lengths[item.gold] - mean(lengths))
    assert max(spread) < 10
    assert mean(apart) == pytest.approx(0)


def test_the_right_one_has_the_same_place_in_each_language_and_each_place_as_often():
    found = by_language([piece(number) for number in range(1200)])
    golds = {name: item.gold for name, item in found[ENGLISH].items()}
    assert golds == {name: item.gold for name, item in found[TELUGU].items()}
    counts = Counter(golds.values())
    assert all(abs(counts[place] - 300) < 4 * (1200 * 0.25 * 0.75) ** 0.5 for place in range(4))


def test_a_language_is_not_asked_where_it_lacks_one_of_the_four_or_has_one_twice():
    pieces = [piece(number, topic=f"{number // 4}") for number in range(12)]
    pieces[1] = piece(1, languages=(ENGLISH,), topic="0")
    pieces[5] = piece(5, topic="1", **{TELUGU: "the SAME"})
    pieces[6] = piece(6, topic="1", **{TELUGU: "the same"})
    found = by_language(pieces)
    assert set(found[ENGLISH]) == {f"set/{number:03}" for number in range(12)}
    assert set(found[TELUGU]) == {f"set/{number:03}" for number in range(8, 12)}


def test_what_is_the_same_in_english_is_there_once():
    pieces = [piece(number) for number in range(5)] + [piece(9, english=piece(0).english.upper())]
    assert {name[4:] for name in by_language(pieces)[ENGLISH]} <= {
        "000",
        "001",
        "002",
        "003",
        "004",
    }


def test_what_few_languages_have_is_left_out_unless_they_alone_are_asked():
    every = (ENGLISH, TELUGU, GREEK)
    pieces = [piece(number, languages=every) for number in range(4)]
    pieces += [piece(number, languages=(GREEK,)) for number in range(4, 8)]
    assert len(by_language(pieces)[GREEK]) == 4
    greek = by_language(pieces, Draw(10_000, 0, (GREEK,)))
    assert {language: len(items) for language, items in greek.items()} == {GREEK: 8}


def test_one_that_is_seldom_translated_stands_beside_its_like():
    many = [f"{letter}xx_Latn" for letter in "abcdefghijklmnop"]
    pieces = [piece(number, languages=many[: 8 if number % 4 else 12]) for number in range(16)]
    found = by_language([*pieces, piece(16, languages=many, topic="other")])
    assert [len(found[language]) for language in (many[7], many[11])] == [16, 4]


def test_what_all_languages_have_is_asked_first():
    pieces = [
        piece(number, languages=(ENGLISH, TELUGU) if number % 5 else (ENGLISH,))
        for number in range(200)
    ]
    found = by_language(pieces, Draw(120, 0))
    assert len(found[TELUGU]) == len(found[ENGLISH]) == 120


def test_as_many_as_asked_for_drawn_by_the_seed():
    pieces = [piece(number) for number in range(100)]
    drawn = [by_language(pieces, Draw(11, seed)) for seed in (0, 0, 1)]
    assert all(len(items) == 8 for found in drawn for items in found.values())
    assert drawn[0] == drawn[1]
    assert set(drawn[0][TELUGU]) == set(drawn[0][ENGLISH]) != set(drawn[2][ENGLISH])
    assert not by_language([])
