"""Trials: how many copies of items are found, and how much that nobody asked for.

Copies are planted in documents of the corpus. What nobody asked for are stretches of documents, as
long as the items. Found in another document among other words, such a stretch is a phrase that
recurs by chance, which an item could be as well; found among the same words it is a copy of the
document, and says nothing. Stretches of pages hold menus and notices too, which few items are like:
they rather tell of too many false alarms than of too few.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import NamedTuple
from unicodedata import category

from bedstone.corpus.overlap.items import Items, width_of
from bedstone.corpus.overlap.search import Search
from bedstone.lots import lot
from bedstone.text.codes import texts_of

HOST_CHARACTERS = 4_000
"""Of a document that something is planted in."""
MARGIN = 2
"""N-grams' letters before and behind a stretch, at least; or as many letters as it has."""
SLACK_CHARACTERS = 100

Kind = tuple[int, int]
"""Letters of an n-gram, and the length class."""


class Document(NamedTuple):
    """One of the corpus."""

    id: str
    text: str


class Stretch(NamedTuple):
    """A text that nobody asked for."""

    document: str
    text: str
    around: str
    """The same with what stands before and behind it."""
    width: int
    length: int


class Trial(NamedTuple):
    """How many copies were found."""

    width: int
    length: int
    planted: int
    found: int


def kind_of(items: Items, item: int) -> Kind:
    """The kind of an item."""
    return int(items.widths[item]), int(items.lengths[item])


def drawn(items: Items, count: int) -> list[int]:
    """Some items of each kind, by lot; none without a letter."""
    lots = [lot(name, "corpus.controls") for name in items.table["id"].to_pylist()]
    taken, found = Counter[Kind](), []
    for item in sorted(range(len(items)), key=lots.__getitem__):
        if taken[kind := kind_of(items, item)] < count and items.letters[item]:
            taken[kind] += 1
            found.append(item)
    return found


def planted(
    items: Items, chosen: Sequence[int], documents: Sequence[Document], seen_share: float
) -> list[Trial]:
    """Of each kind, how many items were planted, each in a document, and found."""
    counts, found = Counter[Kind](), Counter[Kind]()
    hosts, texts = cycle(documents), []
    for item in chosen:
        question, answer = (items.table[name][item].as_py() for name in ("question", "answer"))
        host = next(hosts).text[:HOST_CHARACTERS]
        cut = host.rfind(" ", 0, len(host) // 2) + 1
        texts.append(f"{host[:cut]}\n{question}\n{answer or ''}\n{host[cut:]}")
        counts[kind_of(items, item)] += 1
    for place in Search(items.index, 0.0).places(texts_of(texts)):
        item = chosen[place.row]
        if place.text == items.texts[item]:
            shares = items.met(item, place, texts[place.row])
            found[kind_of(items, item)] += items.is_seen(item, *shares, seen_share)
    return [Trial(*kind, number, found[kind]) for kind, number in sorted(counts.items())]


def stretches(
    items: Items, chosen: Sequence[int], documents: Sequence[Document]
) -> Iterator[Stretch]:
    """A stretch for each of the items, as far as there are documents of its kind of script."""
    wanted: dict[int, list[int]] = {}
    for item in chosen:
        if items.lengths[item]:
            wanted.setdefault(int(items.widths[item]), []).append(item)
    for document in documents:
        for width in [width for width, left in wanted.items() if left]:
            item = wanted[width][-1]
            if found := _stretch(document, width, int(items.letters[item])):
                wanted[width].pop()
                yield Stretch(document.id, *found, width, int(items.lengths[item]))
                break


def _stretch(document: Document, width: int, letters: int) -> tuple[str, str] | None:
    """So many letters of a document, from somewhere in it; and with what is around them."""
    margin = max(MARGIN * width, letters)
    room = 2 * (letters + 2 * margin) + SLACK_CHARACTERS
    start = int(lot(document.id, "stretch") * max(len(document.text) - room, 0))
    piece = document.text[start : start + room]
    places = [place for place, each in enumerate(piece) if category(each)[0] in "LMN"]
    if len(places) < letters + 2 * margin or width_of(piece) != width:
        return None
    text = piece[places[margin] : places[margin + letters - 1] + 1]
    return text, piece[: places[letters + 2 * margin - 1] + 1]
