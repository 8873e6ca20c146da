"""Questions made of words that are known in hundreds of languages: days, months and countries.

The table ``made_words.tsv`` gives, by language, what stands between the members of a list, the days
of the week, the months and the names of some countries: of each kind all, no two the same, or none
where a language has no words of its own. Source: CLDR, by the package ``babel``: wide names of days
and months as they stand alone, names of territories, the middle of the standard list pattern.

* ``rows``: what comes next, ``Monday, Tuesday,``. A row has no end: January follows December. Any
  other member may be a wrong choice. If those shown could not, the right one would often be the
  longest where long names are neighbours, as from September to December.
* ``facts``: a list of countries, each with a name that nobody has, and one of the countries again:
  its name is to be given; or it is not on the list, and nobody can know. Each is asked with the
  list in one order and in the other. The names are in Latin letters in all languages: copying one
  is as hard in each, up to what the tokeniser makes of it.
"""

import csv
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bedstone.evaluation.suites.made_choices import CHOICES, Draw, asked
from bedstone.tasks.items import Item

ROWS = {
    "days": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    "months": tuple(map(str, range(1, 13))),
}
COUNTRIES = (
    *("AR", "AU", "BD", "BR", "CA", "CN", "CU", "DE", "EG", "ES", "ET", "FR"),
    *("GR", "IN", "IT", "JP", "KE", "MX", "NG", "NP", "RU", "TH", "TR", "VN"),
)
"""By ISO 3166."""
SHOWN = (2, 3)
"""Members of a row that are shown."""
LISTED = 6
"""Countries in a list."""
SYLLABLES = tuple(f"{consonant}{vowel}" for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
NAME_SYLLABLES = 3


@cache
def words() -> dict[str, dict[str, str]]:
    """By language, the table's columns that are not empty."""
    table = Path(__file__).with_name("made_words.tsv").read_text("utf-8").splitlines()
    rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["language"]: {key: text for key, text in row.items() if text} for row in rows}


def rows(suite: str, draw: Draw) -> Iterator[Item]:
    """Each member of each row is the next one as often as any other."""
    places = {
        f"{kind}/{members[next_]}/{shown}": (members, next_, shown)
        for kind, members in ROWS.items()
        for next_ in range(len(members))
        for shown in SHOWN
    }
    for unit in draw.shuffled(places, suite)[: draw.items]:
        members, next_, shown = places[unit]
        *given, right = [members[next_ - shown + place] for place in range(shown + 1)]
        rest = draw.shuffled(set(members) - {right}, f"{suite}/{unit} wrong")
        order = draw.shuffled([right, *rest[: CHOICES - 1]], f"{suite}/{unit}")
        for language, theirs in _knowing(members, draw):
            begun = "".join(theirs[each] + theirs["separator"] for each in given)
            yield asked(
                *(suite, language, unit),
                question=begun.rstrip(),
                delimiter=begun[len(begun.rstrip()) :],
                choices=tuple(theirs[each] for each in order),
                gold=order.index(right),
                passage_id=f"{suite}/{unit.rpartition('/')[0]}",
                domain=unit.partition("/")[0],
            )


def facts(suite: str, draw: Draw) -> Iterator[Item]:
    """Four items of each list: with the fact and without, each in two orders."""
    for number in range(draw.items // 4):
        purpose = f"{suite}/{number}"
        one, *others = draw.shuffled(COUNTRIES, purpose)[: LISTED + 1]
        names = _names([one, *others], draw, purpose)
        for kind, listed in (("with", [one, *others[1:]]), ("without", others)):
            order = draw.shuffled(listed, f"{purpose} {kind}")
            for language, theirs in _knowing([one, *others], draw):
                for wording, those in enumerate((order, order[::-1])):
                    yield asked(
                        *(suite, language, f"{number}/{kind}/{wording}"),
                        metric="exact_match",
                        context="\n".join(f"{theirs[each]}: {names[each]}" for each in those),
                        question=f"{theirs[one]}:",
                        answers=(names[one],) if one in those else (),
                        parallel_id=f"{purpose}/{kind}",
                        passage_id=purpose,
                        domain=f"{kind} fact",
                    )


def _knowing(wanted: Sequence[str], draw: Draw) -> Iterator[tuple[str, dict[str, str]]]:
    """The languages that have each word."""
    for language, theirs in words().items():
        if draw.has(language) and theirs.keys() >= {*wanted}:
            yield language, theirs


def _names(countries: Sequence[str], draw: Draw, purpose: str) -> dict[str, str]:
    """An invented name for each; no two have a syllable in common."""
    syllables = draw.shuffled(SYLLABLES, f"{purpose} names")
    return {
        country: "".join(syllables[place :: len(countries)][:NAME_SYLLABLES]).title()
        for place, country in enumerate(countries)
    }
