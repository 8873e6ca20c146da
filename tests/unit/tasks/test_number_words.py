import re

import pytest

from bedstone.tasks.number_words import NumberWords, numerals, vocabulary
from bedstone.tasks.problems import Problem, paraphrases


def problem(content, answer=None):
    return Problem("x/1", ("?",), answer, content[:3], "", content=content)


@pytest.mark.parametrize(
    ("language", "value", "words"),
    [
        ("eng", 0, "zero"),
        ("eng", 1999, "one thousand nine hundred ninety-nine"),
        ("spa", 16, "dieciséis"),
        ("spa", 100, "cien"),
        ("spa", 101, "ciento uno"),
        ("spa", 5731, "cinco mil setecientos treinta y uno"),
        ("deu", 17, "siebzehn"),
        ("deu", 21, "einundzwanzig"),
        ("deu", 1101, "eintausendeinhunderteins"),
        ("deu", 2376, "zweitausenddreihundertsechsundsiebzig"),
        ("fra", 71, "soixante et onze"),
        ("fra", 79, "soixante-dix-neuf"),
        ("fra", 80, "quatre-vingts"),
        ("fra", 81, "quatre-vingt-un"),
        ("fra", 91, "quatre-vingt-onze"),
        ("fra", 200, "deux cents"),
        ("fra", 4280, "quatre mille deux cent quatre-vingts"),
        ("hin", 49, "उनचास"),
        ("hin", 2025, "दो हज़ार पच्चीस"),
        ("swa", 45, "arobaini na tano"),
        ("swa", 305, "mia tatu na tano"),
        ("tel", 18, "పద్దెనిమిది"),
        ("tel", 100, "వంద"),
        ("tel", 142, "నూట నలభై రెండు"),
        ("tel", 300, "మూడు వందలు"),
        ("tel", 967, "తొమ్మిది వందల అరవై ఏడు"),
    ],
)
def test_numbers_are_spelt_as_usual(language, value, words):
    assert numerals()[language].spell(value) == words


@pytest.mark.parametrize("language", ["eng", "spa", "deu", "fra", "hin", "swa", "tel"])
def test_no_two_numbers_are_spelt_alike(language):
    own = numerals()[language]
    spelt = [own.spell(value) for value in range(own.most + 1)]
    assert len(set(spelt)) == own.most + 1
    assert not any(re.search(r"[\d<>|\[\]]|  |^\W|\s$", words) for words in spelt)


@pytest.mark.parametrize("language", ["eng", "spa", "deu", "fra"])
def test_what_is_alike_is_the_same_number(language):
    own = numerals()[language]
    assert len({tuple(own.tokens(own.spell(value))) for value in range(own.most + 1)}) == 10_000


@pytest.mark.parametrize(
    ("content", "text", "same_as"),
    [
        ("eng words 142", "One hundred and forty-two.", 142),
        ("eng words 142", "142 in words: ONE HUNDRED FORTY TWO", 142),
        ("eng words 142", "The answer is one hundred forty-two, not forty", 142),
        ("spa words 31", "El número 31 se escribe «treinta y uno» y ya", 31),
        ("spa words 31", "es fácil y treinta y uno", 31),
        ("spa words 22", "veintido\u0301s", 22),
        ("deu words 121", "Hunderteinundzwanzig", 121),
        ("deu words 1001", "tausendundeins", 1001),
        ("deu words 30", "dreissig", 30),
        ("fra words 281", "deux-cent-quatre-vingt-un", 281),
        ("fra words 21", "Réponse : vingt-et-un", 21),
    ],
)
def test_usual_spellings_are_right(content, text, same_as):
    task, own = NumberWords(), numerals()[content[:3]]
    one = problem(content, " ".join(own.tokens(own.spell(same_as))))
    assert task.check(one, task.extract(one, text))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("eng words 40", "fourty"),
        ("eng words 42", "answer forty-three"),
        ("eng words 42", "42"),
        ("spa words 16", "dieciseis"),
        ("fra words 80", "quatre-vingt"),
        ("deu words 1", "ein"),
    ],
)
def test_misspelt_words_are_wrong(content, text):
    task, (language, _, value) = NumberWords(), content.split()
    one = problem(
        content, " ".join(numerals()[language].tokens(numerals()[language].spell(int(value))))
    )
    answer = task.extract(one, text)
    assert answer is None or not task.check(one, answer)


def test_digits_are_asked_for_in_every_language_and_words_where_their_spelling_is_one():
    problems = NumberWords().problems(400, 0, "test")
    asked = {tuple(one.content.split(" ")[:2]) for one in problems}
    assert asked == {
        *((language, "digits") for language in numerals()),
        *((language, "words") for language in ("eng", "spa", "deu", "fra")),
    }
    assert {one.language for one in problems} == set(numerals())
    assert all(len(paraphrases()[f"number-words-{a}-{b}"]) >= 3 for a, b in asked)


def test_a_language_is_asked_only_as_far_as_it_is_known():
    high = NumberWords(numbers=(1000, 9999)).problems(100, 0, "test")
    assert {one.language for one in high} == {"eng", "spa", "deu", "fra", "hin"}
    for one in NumberWords(numbers=(900, 1100)).problems(100, 0, "test"):
        assert 900 <= int(one.content.split(" ")[2]) <= numerals()[one.language].most


def test_words_that_are_no_numbers_are_in_no_vocabulary():
    assert {"forty", "hundred"} <= vocabulary("eng")
    assert not {"fourty", "and", ""} & vocabulary("eng")
