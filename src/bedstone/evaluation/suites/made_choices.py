"""Questions of four choices that cannot be told without the question, the same in each language.

Four pieces of content are the choices of four questions, and each is the right one of one of them.
So whoever looks at the choices alone, for the longest or for the likeliest, is right in one of the
four, in each language. The four are of one topic and about as long in English; they are asked in
the languages that have all of them and in which no two are the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bedstone.lots import lot
from bedstone.tasks.items import Item

CHOICES = 4
WIDE_SHARE = 0.5
"""Of the languages that the widest spread piece is in: pieces in fewer are not asked."""
TIERS = 8
"""Of how widely pieces are spread: the choices of a question are of one tier where they can be, so
that one that is seldom translated costs no language the three beside it; and what is most widely
spread is asked first, by lot within a tier."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What is asked in which languages; by lot, and so the same in each."""

    items: int
    """At most, of a set in a language."""
    seed: int
    languages: tuple[str, ...] = ()
    """The only ones; all, if none is named."""

    def has(self, language: str) -> bool:
        """Whether it is asked in the language."""
        return not self.languages or language in self.languages

    def shuffled(self, names: Iterable[str], purpose: str) -> list[str]:
        """In the order of lots drawn for the purpose."""
        return sorted(names, key=lambda name: lot(name, f"{purpose} {self.seed}"))


@dataclass(frozen=True, slots=True)
class Question:
    """A question in a language, and what goes on from it."""

    prompt: str
    delimiter: str
    right: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of content that a question is made of."""

    unit: str
    """No other piece's of the set."""
    topic: str
    """The wrong choices are of the same."""
    english: str
    questions: Mapping[str, Question]
    """By language."""
    domain: str | None = None


def questions(suite: str, pieces: Iterable[Piece], draw: Draw) -> Iterator[Item]:
    """The items of a set, in each language that has them."""
    wanted = [
        replace(piece, questions={key: it for key, it in piece.questions.items() if draw.has(key)})
        for piece in pieces
    ]
    fours = {four[0].unit: four for four in _fours(wanted)}
    common = {name: _common(four) for name, four in fours.items()}
    widest = max(map(len, common.values()), default=0)
    drawn = sorted(
        draw.shuffled(filter(common.get, fours), suite),
        key=lambda name: -(TIERS * len(common[name]) // widest),
    )
    for name in drawn[: draw.items // CHOICES]:
        for language in common[name]:
            choices = {piece.unit: piece.questions[language].right for piece in fours[name]}
            for piece in fours[name]:
                question = piece.questions[language]
                order = draw.shuffled(choices, f"{suite}/{piece.unit}")
                yield asked(
                    *(suite, language, piece.unit),
                    question=question.prompt,
                    delimiter=question.delimiter,
                    choices=tuple(choices[unit] for unit in order),
                    gold=order.index(piece.unit),
                    passage_id=f"{suite}/{name}",
                    domain=piece.domain,
                )


def _common(four: list[Piece]) -> list[str]:
    """The languages that have all four, no two of which are the same."""
    having = set.intersection(*(set(piece.questions) for piece in four))
    return sorted(key for key in having if are_distinct(it.questions[key].right for it in four))


def are_distinct(texts: Iterable[str]) -> bool:
    """Whether no two are the same to a reader who does not mind capitals."""
    folded = [text.casefold() for text in texts]
    return len(set(folded)) == len(folded)


def _fours(pieces: list[Piece]) -> Iterator[list[Piece]]:
    widest = max((len(piece.questions) for piece in pieces), default=0)
    topics: dict[str, dict[str, Piece]] = defaultdict(dict)
    for piece in pieces:
        if widest and len(piece.questions) >= WIDE_SHARE * widest:
            topics[piece.topic].setdefault(piece.english.casefold(), piece)
    for topic in topics.values():
        ordered = sorted(
            topic.values(),
            key=lambda it: (-(TIERS * len(it.questions) // widest), len(it.english), it.unit),
        )
        for start in range(0, len(ordered) - CHOICES + 1, CHOICES):
            yield ordered[start : start + CHOICES]


def asked(suite: str, language: str, unit: str, **fields: Any) -> Item:
    """A unit of a set in a language; the unit's is parallel to it in every other."""
    usual = {"metric": "acc_bytes", "parallel_id": f"{suite}/{unit}"}
    return Item(suite, f"{suite}/{language}/{unit}", language, **usual | fields)
