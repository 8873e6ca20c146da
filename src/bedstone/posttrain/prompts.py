"""What post-training and sampling read of the pairs: whom to train on, whom to measure on."""

from collections.abc import Iterable
from dataclasses import dataclass

from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard

COLUMNS = ("id", "language", "prompt", "completion", "split")


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and the completion that a real page has."""

    id: str
    """Of the document."""
    language: str
    prompt: str
    completion: str


def read_pairs(pairs: Shard) -> tuple[list[Pair], list[Pair]]:
    """Those to train on and those held out, in the order of the shards.

    A held-out pair whose prompt or completion is trained on too is left out of both: a page's
    headings are found on other pages.

    Raises:
        DataError: one of the two is empty.
    """
    rows = [row for shard in pairs.shards for row in tables.read(shard, COLUMNS).to_pylist()]
    train = [_pair(row) for row in rows if row["split"] == "train"]
    seen = {pair.prompt for pair in train} | {pair.completion for pair in train}
    held_out = [_pair(row) for row in rows if row["split"] == "held_out"]
    unseen = [pair for pair in held_out if not {pair.prompt, pair.completion} & seen]
    if not train or not unseen:
        raise DataError(
            f"{len(train)} pairs to train on, {len(unseen)} to measure on",
            hint="the documents need headings with paragraphs, or paragraphs of some sentences: "
            "see posttrain.pairs",
        )
    return train, unseen


def drawn(pairs: Iterable[Pair], count: int, seed: int) -> list[Pair]:
    """``count`` pairs with different prompts, or all there are, in an order by hash.

    Of pairs with one prompt the first counts. A smaller count gives the first of a larger.
    """
    by_prompt: dict[str, Pair] = {}
    for pair in pairs:
        by_prompt.setdefault(pair.prompt, pair)
    return sorted(by_prompt.values(), key=lambda pair: lot(pair.prompt, f"prompts {seed}"))[:count]


def _pair(row: dict[str, str]) -> Pair:
    return Pair(row["id"], row["language"], row["prompt"], row["completion"])
