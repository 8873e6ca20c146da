import pytest

from bedstone.posttrain.checker import holds
from bedstone.text.sentences import ends_as_sentence, script, whole_sentences


@pytest.mark.parametrize(
    "text",
    [
        "It ends.",
        "Does it? ",
        'She said: "It ends."',
        "(It ends!)",
        "It goes on…",
        "文が終わる。",
        "「終わる。」",
        "हाँ, यह समाप्त है।",
        "یہ ختم ہوا۔",
        "هل انتهى؟",
        "Վերջ։",
        "አለቀ።",
        "ပြီးပြီ။",
        "ចប់ហើយ។",
        "« C'est fini. »",
        "Version 3.14.",
    ],
)
def test_sentences_of_many_scripts(text):
    assert ends_as_sentence(text)


@pytest.mark.parametrize(
    "text", ["", " ", ".", "…!", "It ends", "It ends,", "Version 3.1", "終わる", ":"]
)
def test_what_is_no_sentence(text):
    assert not ends_as_sentence(text)


def test_the_property_needs_both():
    assert holds("It ends as a sentence.", ended=True)
    assert not holds("It ends as a sentence.", ended=False)
    assert not holds("It ends as a sentence", ended=True)
    assert not holds("It ends.", ended=True)


@pytest.mark.parametrize(
    ("text", "limit", "sentences"),
    [
        ("One. Two. Three", None, "One. Two."),
        ("One. Two.", 8, "One."),
        ("One. Two.", 9, "One. Two."),
        ("One. Two.", 3, ""),
        ("At 3.14 it stops", None, ""),
        ("一。二。三", 5, "一。二。"),
        ("He (we think.) went", None, "He (we think.)"),
        (" . It", None, ""),
    ],
)
def test_cutting_after_the_last_whole_sentence(text, limit, sentences):
    assert whole_sentences(text, limit) == sentences


@pytest.mark.parametrize(
    ("text", "name"),
    [("abc я", "Latn"), ("ёж a", "Cyrl"), ("हाँ a", "Deva"), ("12 !", None), ("", None)],
)
def test_the_script_is_that_of_most_letters(text, name):
    assert script(text) == name


def test_the_scripts_of_japanese_are_one():
    assert script("ひらがな") == script("カタカナ") == script("漢字") == "Hani"
