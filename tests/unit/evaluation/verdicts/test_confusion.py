import pytest

from bedstone.corpus.identification.identifiers import Found, Identifier, identifier
from bedstone.evaluation.verdicts.confusion import own_texts, passes
from bedstone.evaluation.verdicts.panels import panel_of
from bedstone.tasks.items import Item

TELUGU = "ఈ పుస్తకం చాలా బాగుంది, నేను రోజూ చదువుతాను."
HINDI = "यह किताब बहुत अच्छी है और मैं इसे रोज़ पढ़ता हूँ।"
GALICIAN = "Este libro é moi bo e leo un pouco del cada día, porque me gusta."
ENGLISH = "This book is very good, and I read some of it every day."


def item(language="tel_Telu", **fields):
    return Item("s", "1", language, "exact_match", **fields)


def parts(texts, find, language="tel_Telu"):
    made = passes([(item(language), text) for text in texts], find)
    return [[it.part for it in each] for each in made.values()]


def test_an_answer_passes_if_no_line_is_in_another_language():
    texts = [TELUGU, f"{TELUGU}\n{ENGLISH}", f"{TELUGU}\n42\nOK", "42", HINDI]
    lines, words, unknown = parts(texts, identifier("pycld2"))
    assert lines == [1, 0, 1, 0]
    assert words == [1, 0]  # "OK" is in Latin script
    assert unknown == [0, 0, 0, 1, 0]


def test_in_latin_script_no_word_intrudes():
    assert parts([ENGLISH], identifier("pycld2"), "eng_Latn") == [[1], [], [0]]


def test_what_an_identifier_gets_wrong_stands_beside_the_answers():
    """Of five Galician texts it takes one for Portuguese and one for none."""

    def find(pieces):
        language = "eng_Latn" if pieces[0] == ENGLISH else "glg_Latn"
        number = int(pieces[0].split()[0]) % 5 if language == "glg_Latn" else 2
        if number == 0:
            return Found({}, 0, reliable=True)
        return Found({"por_Latn" if number == 1 else language: 1.0}, 99, reliable=True)

    errs = Identifier(find, takes_whole=True)
    gold = [item("glg_Latn", context=f"{number} {GALICIAN}") for number in range(400)]
    clean, answers = (
        passes(spoken, errs)
        for spoken in (
            list(own_texts(gold)),
            [(it, it.context if place < 200 else ENGLISH) for place, it in enumerate(gold)],
        )
    )
    for made, lines, unknown in ((clean, 3 / 4, 1 / 5), (answers, 3 / 9, 1 / 10)):
        assert panel_of(made["lines_in_language"]).values == [pytest.approx(lines)]
        assert panel_of(made["language_unknown"]).values == [pytest.approx(unknown)]


def test_own_texts_come_once_with_what_is_right():
    made = [
        item(context="c", question="q", choices=("a", "b"), gold=1),
        item(context="c", question="r", answers=("x", "y")),
        item("hin_Deva", context="c"),
    ]
    assert [text for _, text in own_texts(made)] == ["c", "q", "b", "r", "x", "c"]
