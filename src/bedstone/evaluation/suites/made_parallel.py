"""Questions made of parallel text: whoever translated it has translated them.

* ``titles``: which title is that of a page of GNOME's help that begins so. Asked with the first
  paragraph that is of some length and stands on no other page; the titles are of the page's topic,
  the word that its name begins with (``net-vpn-connect``).
* ``messages``: which of four lines of MediaWiki's messages in a language says what the English one
  says. It is not asked in English, where it would be copying.
* ``udhr``: how an article of the Universal Declaration of Human Rights goes on from its middle.
* ``udhr_text``: the articles, as texts whose bits are compared between languages.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping

from bedstone.corpus.sources.parallel_texts import PREAMBLE
from bedstone.evaluation.suites.made_choices import Draw, Piece, Question, asked
from bedstone.languages import ENGLISH
from bedstone.tasks.items import Item

Texts = Mapping[str, Mapping[str, str]]
"""Language -> unit -> text, of one source; English has all units."""
PARAGRAPH_MIN_CHARACTERS = 40
"""In English: shorter ones tell the reader where to click."""
CLOSING = ("Pe", "Pf", "Po")
"""Categories of the punctuation that stands behind words."""


def titles(texts: Texts) -> Iterator[Piece]:
    """A piece for each page."""
    english = texts[ENGLISH]
    pages = Counter(english.values())
    paragraphs: dict[str, str] = {}
    for unit, text in english.items():
        page, _, number = unit.partition("#")
        if number != "0" and len(text) >= PARAGRAPH_MIN_CHARACTERS and pages[text] == 1:
            paragraphs.setdefault(page, unit)
    for page, paragraph in paragraphs.items():
        title, (book, _, name) = f"{page}#0", page.partition("/")
        questions = {
            language: Question(theirs[paragraph], "\n", theirs[title])
            for language, theirs in texts.items()
            if paragraph in theirs and title in theirs
        }
        if ENGLISH in questions:
            topic = f"{book}/{name.partition('-')[0]}"
            yield Piece(page, topic, english[title], questions, book)


def messages(texts: Texts) -> Iterator[Piece]:
    """A piece for each line; its topic and domain is the part of MediaWiki that it is of."""
    for unit, text in texts[ENGLISH].items():
        questions = {
            language: Question(text, "\n", theirs[unit])
            for language, theirs in texts.items()
            if language != ENGLISH and unit in theirs
        }
        part = unit.partition("/i18n/")[0]
        yield Piece(unit, part, text, questions, part)


def articles(texts: Texts) -> Iterator[Piece]:
    """A piece for each article; the preamble is four times as long as they are."""
    for unit in texts[ENGLISH]:
        halves = {key: parted(theirs[unit]) for key, theirs in texts.items() if unit in theirs}
        questions = {language: question for language, question in halves.items() if question}
        if unit != PREAMBLE and ENGLISH in questions:
            yield Piece(unit, "articles", questions[ENGLISH].right, questions)


def article_texts(suite: str, texts: Texts, draw: Draw) -> Iterator[Item]:
    """Each article and the preamble as a text."""
    for unit in draw.shuffled(texts[ENGLISH], suite)[: draw.items]:
        for language, theirs in sorted(texts.items()):
            if draw.has(language) and unit in theirs:
                text = {"metric": "bits", "delimiter": "", "choices": (theirs[unit],)}
                yield asked(suite, language, unit, **text)


def parted(text: str) -> Question | None:
    """The two halves of a text, parted at the blank nearest to its middle.

    Where there is none in the middle third, as in scripts without spaces, it is parted after a
    mark of punctuation; None where there is none of these either.
    """
    middle = range(max(len(text) // 3, 1), 2 * len(text) // 3)
    blanks = [place for place in middle if text[place] == " "]
    marks = [place for place in middle if unicodedata.category(text[place - 1]) in CLOSING]
    place = min(blanks or marks, key=lambda it: abs(2 * it - len(text)), default=None)
    if place is None:
        return None
    delimiter = " " if blanks else ""
    return Question(text[:place], delimiter, text[place + len(delimiter) :])
