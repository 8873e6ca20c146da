"""The languages of a mix against their speakers and against what their text is worth.

Shares are of tokens. A ratio is a share of the speakers over a share of the tokens: above 1 a
language has less text than speakers, as in ``corpus.representation``, which counts documents.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bedstone.languages import WORLD_POPULATION, Source, is_divided, speakers, split
from bedstone.tokenizer.mixing.shares import Shares, Sizes, language_of, shares_of


@dataclass(frozen=True, slots=True)
class Balance:
    """A language before and after mixing; None where its speakers are not known."""

    language: str
    share_before: float
    """Of the tokens to train on."""
    share_after: float
    """Of those trained on."""
    speakers: int | None
    """Of the language; of one in several scripts, a part as large as that of its tokens."""
    speakers_share: float | None
    """Of those of all languages in the mix."""
    speakers_ratio_before: float | None
    speakers_ratio_after: float | None
    """Against the speakers of the mix's languages: 1 for each language is a fair mix."""
    world_to_corpus_ratio_before: float | None
    world_to_corpus_ratio_after: float | None
    """Against the world's population, as ``corpus.audit`` has it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of ``table``."""

    balance: Balance
    passes: float
    next_pass_worth: float
    effective_tokens: float


def speakers_by_key(tokens: Sizes, source: Source) -> dict[str, int]:
    """The speakers of each language that the source knows.

    Those of a language in several scripts are parted by its tokens, unless the source tells who
    writes which; so are those of one in several groups.
    """
    readable = Counter[str]()
    for key, count in tokens.items():
        readable[_readers(key)] += count
    found = {key: speakers(*split(language_of(key)), source) for key in tokens}
    return {
        key: round(people * tokens[key] / readable[_readers(key)])
        for key, people in found.items()
        if people is not None
    }


def balances(tokens: Sizes, weights: Shares, people: Sizes) -> list[Balance]:
    """The languages, the one that had least text for its speakers first, unknown ones last.

    Args:
        tokens: to train on.
        weights: of the same languages.
        people: who speaks them, where it is known.
    """
    before, among = shares_of(tokens), shares_of(people)

    def balance(name: str) -> Balance:
        shares = before[name], weights[name]
        if name not in people:
            return Balance(name, *shares, None, None, None, None, None, None)
        ratios = [
            part / share
            for part in (among[name], people[name] / WORLD_POPULATION)
            for share in shares
        ]
        return Balance(name, *shares, people[name], among[name], *ratios)

    return sorted(
        map(balance, tokens), key=lambda it: (-(it.speakers_ratio_before or 0), it.language)
    )


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of equal length, the most repeated language first."""
    width = max(9, *(len(row.balance.language) + 1 for row in rows)) if rows else 9
    head = (
        f"{'language':<{width}}{'text':>8}{'mix':>8}{'passes':>8}{'next worth':>12}"
        f"{'effective tokens':>18}{'speakers/text':>15}{'/mix':>7}"
    )
    ordered = sorted(rows, key=lambda row: (-row.passes, row.balance.language))
    return [head, *(_line(row, width) for row in ordered)]


def _line(row: Row, width: int) -> str:
    it = row.balance
    return (
        f"{it.language:<{width}}{it.share_before:>8.2%}{it.share_after:>8.2%}{row.passes:>8.2f}"
        f"{row.next_pass_worth:>12.2f}{row.effective_tokens:>18,.0f}"
        f"{_ratio(it.speakers_ratio_before):>15}{_ratio(it.speakers_ratio_after):>7}"
    )


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _readers(key: str) -> str:
    language = language_of(key)
    code, _ = split(language)
    return language if is_divided(code) else code
