"""Whether answers are in the language that was asked in, as far as an identifier can tell.

An identifier errs too: the same rates of the test's own text, which is in that language, stand
beside those of the answers. What it does not know is no failure, and told apart.

Source: Marchisio et al. 2024, arXiv:2406.20052, line-level and word-level pass rates.
"""

import re
from collections.abc import Iterator, Sequence

from bedstone.corpus.identification.identifiers import Identifier
from bedstone.corpus.identification.identify import identify
from bedstone.evaluation.verdicts.panels import Measured
from bedstone.languages import UNKNOWN, split
from bedstone.tasks.items import Item

MIN_WORDS, MIN_CHARACTERS = 5, 15
"""A line with fewer of both is too short to tell."""
MIN_BYTES, MIN_SHARE = 1, 0.7
"""For the identifier: of a line, and of it in one language."""
LATIN_WORD = re.compile("[A-Za-zÀ-ɏ]{2,}")
LATIN = "Latn"


def passes(spoken: Sequence[tuple[Item, str]], identifier: Identifier) -> dict[str, list[Measured]]:
    """How texts to items pass, in the items' languages.

    ``lines_in_language`` of texts with a line that is known: whether none is in another language.
    ``words_in_script`` of those that pass, in other scripts than Latin: whether no word is in Latin
    script. ``language_unknown`` of all: whether no line is known.
    """
    told = [[line for line in text.splitlines() if _is_long(line)] for _, text in spoken]
    lines = [line for each in told for line in each]
    found = iter(each.language for each in identify(lines, identifier, MIN_BYTES, MIN_SHARE))
    in_language, in_script, unknown = list[Measured](), list[Measured](), list[Measured]()
    for (item, text), its in zip(spoken, told, strict=True):
        known = {next(found) for _ in its} - {UNKNOWN}
        unknown.append(Measured(item, float(not known)))
        if known:
            in_language.append(Measured(item, float(known == {item.language})))
        if known == {item.language} and split(item.language)[1] != LATIN:
            in_script.append(Measured(item, float(not LATIN_WORD.search(text))))
    return {
        "lines_in_language": in_language,
        "words_in_script": in_script,
        "language_unknown": unknown,
    }


def own_texts(items: Sequence[Item]) -> Iterator[tuple[Item, str]]:
    """What each language's items are made of, each text once, with its right choice or answer."""
    told = set[tuple[str, str]]()
    for item in items:
        right = item.choices[item.gold or 0 : (item.gold or 0) + 1] or item.answers[:1]
        for text in (item.context, item.question, *right):
            if text and (item.language, text) not in told:
                told.add((item.language, text))
                yield item, text


def _is_long(line: str) -> bool:
    return len(line.strip()) >= MIN_CHARACTERS or len(line.split()) >= MIN_WORDS
