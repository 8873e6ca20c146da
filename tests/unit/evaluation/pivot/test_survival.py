"""What survives of texts of which it is known what was lost."""

import pytest

from bedstone.evaluation.pivot.survival import survival
from bedstone.tasks.items import Item

SPANISH = [
    "El 12 de mayo de 1999 llegaron a Madrid 1.250,5 toneladas de trigo de la ciudad de Sevilla.",
    "No sabemos nada de Juan, pero su hermana María nunca dejó de escribir a http://casa.es/x?y=1.",
    "Toda persona tiene derecho a la vida, a la libertad y a la seguridad de su persona.",
]
ENGLISH = [
    "On 12 May 1999, 1,250.5 tonnes of wheat arrived in Madrid from the city of Seville.",
    "We don't know anything of Juan, yet his sister María never ceased to write to "
    "http://casa.es/x?y=1.",
    "Everyone has the right to life, liberty and the security of person.",
]
GERMAN = [
    "Am Tag kamen viele Tonnen Weizen aus der großen Stadt in die Hauptstadt des Landes.",
    "Wir wissen viel von dem Bruder, und seine Schwester schrieb immer wieder einen Brief.",
    "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person.",
]


def items(texts, language):
    return [
        Item("s", f"{language}/{place}", language, "acc", question=text)
        for place, text in enumerate(texts)
    ]


def pairs(texts, others, source="spa_Latn", target="eng_Latn"):
    return list(zip(items(texts, source), items(others, target), strict=True))


def counts(found):
    kinds = ("numbers", "addresses", "names", "negations")
    return {
        kind: found[kind] and (round(found[kind]["value"] * found[kind]["n"]), found[kind]["n"])
        for kind in kinds
    }


def test_what_a_person_translates_survives_but_for_names_that_have_two_forms():
    found = survival(pairs(SPANISH, ENGLISH), pairs(SPANISH, ENGLISH))
    assert counts(found) == {
        "numbers": (3, 3),
        "addresses": (1, 1),
        "names": (4, 4),  # Sevilla is near enough to Seville
        "negations": (1, 1),
    }
    assert found["chrf"] == pytest.approx(100)
    assert found["in_language"]["value"] == found["in_language"]["by_people"] == 1


def test_a_translation_in_another_language_is_found_out():
    found = survival(pairs(SPANISH, GERMAN), pairs(SPANISH, ENGLISH))
    assert counts(found) == {
        "numbers": (0, 3),
        "addresses": (0, 1),
        "names": (0, 4),
        "negations": (0, 1),
    }
    assert found["in_language"]["value"] == 0
    assert found["in_language"]["by_people"] == 1
    assert found["chrf"] < 30


def test_a_text_that_stayed_as_it_was_is_in_the_wrong_language():
    found = survival(pairs(SPANISH, SPANISH), [])
    assert counts(found)["numbers"] == (3, 3)
    assert found["in_language"]["value"] == 0
    assert found["in_language"]["by_people"] is None
    assert found["chrf"] is None


def test_a_number_is_the_same_in_any_digits():
    found = survival(pairs(["१२ और ४५"], ["12 and 46"], "hin_Deva"), [])
    assert counts(found)["numbers"] == (1, 2)
    assert found["names"] is None  # another script


def test_a_negation_is_a_word_whatever_signs_it_has():
    telugu = ["అతను అక్కడ లేదు", "అతను అక్కడ ఉన్నాడు", "నాకు తెలియదు లేదు."]
    found = survival(pairs(telugu, ["He isn’t there", "He is not", "I know"], "tel_Telu"), [])
    assert counts(found)["negations"] == (1, 2)
    assert survival(pairs(["a"], ["b"], "swh_Latn"), [])["negations"] is None


def test_german_nouns_are_no_names():
    assert survival(pairs(["Das große Haus"], ["The house"], "deu_Latn"), [])["names"] is None
