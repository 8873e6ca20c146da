"""Choices after their prompts, as an endpoint tells how likely it holds the texts it is given.

The prompt is given alone, and with each choice: a choice's tokens are those behind as many as the
prompt has, for what an endpoint says of where tokens stand is wrong where a character has several.
Where a token spans the border, the choice has that one too. Nothing can be cut: a text that is too
long is the endpoint's to refuse.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile

from bedstone.errors import ConfigError, DataError, printable
from bedstone.evaluation.likelihoods.continuations import Row, is_text, parted, row
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
    wanted = dict.fromkeys(text for each in asked for text in each.texts)
    with ThreadPoolExecutor(endpoint.concurrency) as pool:
        told = dict(zip(wanted, pool.map(endpoint.echo, wanted), strict=True))
    return [each.row(told) for each in asked]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One of an item's choices, in texts."""

    item: Item
    number: int
    head: str
    """The prompt; empty where nothing stands before the choice."""
    ending: str
    alone: str | None

    @property
    def texts(self) -> list[str]:
        """Those that are given to the endpoint."""
        return [each for each in (self.head, self.head + self.ending, self.alone) if each]

    def row(self, told: Mapping[str, tuple[Told, ...]]) -> Row:
        """By the tokens of each text."""
        whole = told[self.head + self.ending]
        before = told[self.head] if self.head else whole[:1]
        pairs = zip(before, whole, strict=False)
        start = len(list(takewhile(lambda pair: pair[0].text == pair[1].text, pairs)))
        logprob = self._sum(whole[start:])
        alone = None if self.alone is None else self._sum(told[self.alone][1:])
        tokens = {"tokens": len(whole) - start, "prompt_tokens": start}
        return row(self.item, self.number, logprob, alone, **tokens, is_split=start < len(before))

    def _sum(self, tokens: Sequence[Told]) -> float:
        found = [token.logprob for token in tokens if token.logprob is not None]
        if not tokens or len(found) < len(tokens) or max(found) > ROUNDING_NATS:
            where = f"item {printable(self.item.id)}: choice {self.number}"
            raise DataError(f"{where}: of its {len(tokens)} tokens {len(found)} are told, or badly")
        return math.fsum(found)


def _asked(item: Item, *, begins: bool) -> list[_Asked]:
    head, _ = parted(item.prompt)
    if not head and not begins:
        raise DataError(
            f"item {printable(item.id)} has no prompt, and the endpoint does not tell how likely "
            "a text begins as it does",
            hint="leave such items out, or evaluate the model's files",
        )
    delimiter = "" if is_text(item) else item.delimiter
    found = []
    for number, choice in enumerate(item.choices):
        alone = delimiter + choice if begins and not is_text(item) else None
        _, ending = parted(item.prompt, delimiter + choice)
        found.append(_Asked(item, number, head, ending, alone))
    return found
