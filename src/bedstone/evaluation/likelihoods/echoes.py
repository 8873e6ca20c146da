"""Choices after their prompts, as an endpoint tells how likely it holds the texts it is given.

The prompt is given alone, and with each choice: a choice's tokens are those behind as many as the
prompt has, for what an endpoint says of where tokens stand is wrong where a character has several.
Where a token spans the border, the choice has that one too. Nothing can be cut: a text that is too
long is the endpoint's to refuse.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from bedstone.errors import ConfigError, DataError, printable
from bedstone.evaluation.likelihoods.continuations import Row, is_text, parted, place_of, row
from bedstone.sampling.endpoints.client import ROUNDING_NATS, Endpoint
from bedstone.sampling.endpoints.findings import FILE, Findings
from bedstone.sampling.endpoints.openai_api import Told
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json
from bedstone.tasks.items import Item

FEATURE = "echo"
"""As a probe names what this takes."""
PLAIN = "one two"
"""A text whose tokens are characters."""


def probed(probe: Shard) -> Endpoint:
    """The endpoint of an artifact of sampling.probe.

    Raises:
        ConfigError: it does not tell how likely a given text is.
    """
    about = read_json(probe, FILE)
    found = Findings.read(about).features.get(FEATURE)
    if found is None or found.verdict != "honoured":
        seen = f"{found.verdict}: {found.seen}" if found else "of a chat, or of an older probe"
        raise ConfigError(
            f"{printable(about['url'])} does not tell how likely a given text is ({seen})",
            hint="such an endpoint can be asked for the letter of a choice: sampling.answers does",
        )
    return Endpoint.with_key(about["url"], about["model"], chat=about["chat"])


def scored(endpoint: Endpoint, items: Sequence[Item]) -> list[Row]:
    """A row for each choice of each item, as ``tasks.stored.SCORES``.

    Raises:
        DataError: an answer cannot be read, or does not tell of all tokens of a choice.
        BedstoneError: as ``Endpoint.complete``.
    """
    # Only a token that is put before every text gives a text's first one a probability.
    begins = "".join(token.text for token in endpoint.echo(PLAIN)[1:]) == PLAIN
    asked = [each for item in items for each in _asked(item, begins=begins)]
    wanted = dict.fromkeys(text for *_, texts in asked for text in texts if text)
    with ThreadPoolExecutor(endpoint.concurrency) as pool:
        told = dict(zip(wanted, pool.map(endpoint.echo, wanted), strict=True))
    return [
        _row(item, number, *(told[text] if text else None for text in texts))
        for item, number, texts in asked
    ]


def _asked(item: Item, *, begins: bool) -> Iterator[tuple[Item, int, tuple[str, str, str]]]:
    """Of each choice the texts to give: what stands before it, both, and the choice alone."""
    if not parted(item.prompt)[0] and not begins:
        raise DataError(
            f"item {printable(item.id)} has no prompt, and the endpoint does not tell how likely "
            "a text begins as it does",
            hint="leave such items out, or evaluate the model's files",
        )
    for number, choice in enumerate(item.choices):
        own = choice if is_text(item) else item.delimiter + choice
        head, ending = parted(item.prompt, own)
        yield item, number, (head, head + ending, own if begins and not is_text(item) else "")


def _row(
    item: Item,
    number: int,
    head: Sequence[Told] | None,
    whole: Sequence[Told] | None,
    alone: Sequence[Told] | None,
) -> Row:
    assert whole is not None
    before = whole[:1] if head is None else head
    pairs = zip(before, whole, strict=False)
    start = len(list(takewhile(lambda pair: pair[0].text == pair[1].text, pairs)))
    return row(
        item,
        number,
        len(whole) - start,
        start,
        logprob=_sum(whole[start:], item, number),
        alone_logprob=None if alone is None else _sum(alone[1:], item, number),
        is_split=start < len(before),
    )


def _sum(tokens: Sequence[Told], item: Item, number: int) -> float:
    found = [token.logprob for token in tokens if token.logprob is not None]
    if not tokens or len(found) < len(tokens) or max(found) > ROUNDING_NATS:
        told = f"of its {len(tokens)} tokens {len(found)} are told, or badly"
        raise DataError(f"{place_of(item, number)}: {told}")
    return math.fsum(found)
