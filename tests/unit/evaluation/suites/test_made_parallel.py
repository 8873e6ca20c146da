import pytest

from bedstone.evaluation.suites.made_choices import Draw, Question
from bedstone.evaluation.suites.made_parallel import (
    article_texts,
    articles,
    messages,
    parted,
    titles,
)

LONG = "All that you have to know about {} stands in this paragraph."
SHARED = "Open the Activities overview and start typing Settings."


def test_a_title_is_asked_with_the_first_paragraph_that_says_something_of_its_own():
    english = {}
    for page in ("book/net-vpn", "book/net-wired"):
        texts = (f"Title of {page}", "Click here.", SHARED, LONG.format(page), "Much more of it.")
        english |= {f"{page}#{number}": text for number, text in enumerate(texts)}
    english |= {"book/index#0": "Contents", "book/index#1": "Click here."}
    telugu = {unit: f"te {text}" for unit, text in english.items()}
    # Half English: what is not translated is not there.
    del telugu["book/net-wired#3"]
    pieces = list(titles({"eng_Latn": english, "tel_Telu": telugu}))
    assert [(it.unit, it.topic, it.domain) for it in pieces] == [
        ("book/net-vpn", "book/net", "book"),
        ("book/net-wired", "book/net", "book"),
    ]
    vpn, wired = pieces
    assert vpn.english == "Title of book/net-vpn"
    told = Question(f"te {LONG.format('book/net-vpn')}", "\n", "te Title of book/net-vpn")
    assert vpn.questions["tel_Telu"] == told
    assert set(wired.questions) == {"eng_Latn"}


def test_a_message_is_asked_in_english_and_found_in_another_language():
    unit = "extensions/Math/i18n/math-warning#0"
    texts = {"eng_Latn": {unit: "It failed."}, "tel_Telu": {unit: "విఫలమైంది."}, "ell_Grek": {}}
    (piece,) = messages(texts)
    assert piece.questions == {"tel_Telu": Question("It failed.", "\n", "విఫలమైంది.")}
    assert (piece.topic, piece.domain, piece.english) == (*["extensions/Math"] * 2, "It failed.")


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("Everyone has the right to life.", ("Everyone has the", " ", "right to life.")),
        ("人人有权享有生命、自由和人身安全。", ("人人有权享有生命、", "", "自由和人身安全。")),
        ("他说过的话(人人自由)", None),
        ("Word", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_text_is_parted_where_words_end(text, halves):
    assert parted(text) == (halves and Question(*halves))
    if halves:
        assert "".join(halves) == text


def test_an_article_goes_on_and_the_preamble_is_not_asked():
    english = {"0": "Whereas all this is so", "1": "All are born free", "2": "Nobody"}
    chinese = {"1": "人人生而,自由平等", "2": "所有人"}
    (piece,) = articles({"eng_Latn": english, "zho_Hans": chinese})
    assert piece.questions == {
        "eng_Latn": Question("All are", " ", "born free"),
        "zho_Hans": Question("人人生而,", "", "自由平等"),
    }
    assert piece.english == "born free"


def test_articles_are_texts_with_bits():
    texts = {"eng_Latn": {"0": "Whereas", "1": "All"}, "tel_Telu": {"1": "అందరూ"}}
    items = {item.id: item for item in article_texts("udhr_text", texts, Draw(4, 0))}
    assert set(items) == {f"udhr_text/{it}" for it in ("eng_Latn/0", "eng_Latn/1", "tel_Telu/1")}
    item = items["udhr_text/tel_Telu/1"]
    assert (item.choices, item.metric, item.gold) == (("అందరూ",), "bits", None)
    assert (item.prompt, item.delimiter, item.parallel_id) == ("", "", "udhr_text/1")
    (one,) = {item.parallel_id for item in article_texts("udhr_text", texts, Draw(1, 0))}
    assert one in ("udhr_text/0", "udhr_text/1")
