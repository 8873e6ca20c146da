import json

import pytest

from bedstone.corpus.sources.parallel_texts import (
    folder_versions,
    gnome_versions,
    mediawiki_versions,
    udhr_versions,
)
from bedstone.errors import DataError

PAGE = '<page xmlns="http://projectmallard.org/1.0/"><title>{}</title>{}</page>'


def declaration(language, articles, preamble="Whereas", heading="h2"):
    sections = "".join(
        f'<article data-number="{number}"><{heading}>Article {number}</{heading}>'
        f"{''.join(f'<p>{text}</p>' for text in texts)}</article>"
        for number, texts in articles.items()
    )
    return (
        f'<html data-iso6393="{language}"><head><title>No text</title></head><body><h1>Title</h1>'
        f"<header><p>{preamble}</p></header>{sections}</body></html>"
    ).encode()


def declarations(**files):
    return udhr_versions({f"package/declaration/{name}.html": it for name, it in files.items()})


ENGLISH = {1: ["All are\n  born &amp; free."], 2: ["Everyone has them.", "No distinction is made."]}


def test_headings_and_paragraphs_are_joined_by_one_space():
    assert declarations(eng=declaration("eng", ENGLISH))["en"] == {
        "0": "Title Whereas",
        "1": "Article 1 All are born & free.",
        "2": "Article 2 Everyone has them. No distinction is made.",
    }


def test_an_article_is_the_same_piece_whatever_comes_before_it():
    found = declarations(
        eng=declaration("eng", ENGLISH), aka_asante=declaration("twi", {2: ENGLISH[2]})
    )
    assert found["twi-aka-asante"]["2"] == found["en"]["2"]


@pytest.mark.parametrize(
    "articles",
    [
        {1: ["Wote."], 2: ["Kila mtu."]},  # a line in four is missing, and most of the bytes
        {1: ["Wote wamezaliwa."], 2: ["Moja.", "Mbili.", "Tatu.", "Nne.", "Tano.", "Sita."]},
        {1: ["W"], 2: ["K", "H"]},
    ],
)
def test_a_partial_declaration_is_left_out(articles):
    whole = {name: declaration(name, ENGLISH) for name in ("eng", "deu", "fra")}
    swahili = declaration("swh", articles, preamble="K")
    assert set(declarations(**whole, swh=swahili)) == {"en", "deu", "fra"}


def test_a_declaration_of_some_articles_stays_as_it_is_compared_with_those():
    some = declaration("swh", {2: ["Kila mtu anazo haki.", "Hakuna ubaguzi utakaofanywa."]})
    assert set(declarations(eng=declaration("eng", ENGLISH), swh=some)["swh"]) == {"0", "2"}


def test_paragraphs_of_help_where_a_page_has_as_many():
    pages = {
        "usr/share/help/C/book/a.page": PAGE.format("Keys", "<p>Press <em>both</em>\n keys.</p>"),
        "usr/share/help/te/book/a.page": PAGE.format("మీటలు", "<p>రెండూ</p>"),
        "usr/share/help/te/book/b.page": PAGE.format("వేరు", ""),
        "usr/share/help/C/book/b.page": PAGE.format("Other", "<p>More.</p>"),
        "usr/share/help/te/book/c.page": "<page>",
    }
    found = gnome_versions({name: page.encode() for name, page in pages.items()})
    assert found["te"] == {"book/a#0": "మీటలు", "book/a#1": "రెండూ"}
    assert found["en"]["book/a#1"] == "Press both keys."


def test_sentences_of_messages_by_key_and_line():
    english = {
        "@metadata": {"authors": ["X"]},
        "long": "You may not do this '''here'''.\nAsk someone who may do it.",
        "label": "Edit",
        "parameter": "There are $1 pages in this category.",
        "other": "This one has a single line of text.",
    }
    telugu = {
        "@metadata": {"authors": ["Y"]},
        "long": "ఇక్కడ చేయరాదు.\nఅడగండి.",
        "label": "మార్చు",
        "parameter": "$1 పేజీలు",
        "other": "ఒకటి\nరెండు",
        "own": "ఆంగ్లంలో లేదు",
    }
    files = {"en": english, "te": telugu}
    found = mediawiki_versions(
        {f"usr/share/mediawiki/a/i18n/{k}.json": json.dumps(v).encode() for k, v in files.items()}
    )
    assert found["te"] == {"a/i18n/long#0": "ఇక్కడ చేయరాదు.", "a/i18n/long#1": "అడగండి."}
    assert found["en"]["a/i18n/long#0"] == "You may not do this here."
    assert "a/i18n/label#0" not in found["en"]


def test_lines_of_a_folder():
    files = {
        "eng_Latn.txt": b"\xef\xbb\xbfAll are free.\r\nThey have rights.\r\n",
        "te.txt": "అందరూ\n\n".encode(),
        "notes.md": b"no text",
    }
    assert folder_versions(files) == {
        "en": {"1": "All are free.", "2": "They have rights."},
        "te": {"1": "అందరూ"},
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"sw.txt": "Wote.\n"}, r"no English text among sw.txt"),
        ({}, "no English text among no files"),
        ({"en.txt": "All.\n", "sw.txt": "Wote.\nWana.\n"}, "sw.txt has 2 lines and en.txt 1"),
        ({"en.txt": "All.\n\n", "sw.txt": "Wote.\nWana.\n"}, "sw.txt:2 has no English counterpart"),
        ({"en.txt": "All.\n", "words.txt": "Wote.\n"}, "words.txt: 'words' is no language"),
        ({"en.txt": "All.\n", "eng.txt": "All.\n"}, "en.txt and eng.txt are both eng_Latn"),
        ({"en.txt": "All.\n", "sw.txt": b"\xff\n"}, "sw.txt is no UTF-8"),
    ],
)
def test_texts_that_cannot_be_compared_are_refused(files, message):
    given = {name: it if isinstance(it, bytes) else it.encode() for name, it in files.items()}
    with pytest.raises(DataError, match=message):
        folder_versions(given)


def test_a_list_of_letters_is_no_sentence():
    letters = " ".join(f"{a}{b}" for a in "abc" for b in "defghij")
    files = {"en": {"k": letters, "s": "This is a sentence in plain English."}}
    found = mediawiki_versions(
        {f"usr/share/mediawiki/a/i18n/{k}.json": json.dumps(v).encode() for k, v in files.items()}
    )
    assert list(found["en"]) == ["a/i18n/s#0"]
