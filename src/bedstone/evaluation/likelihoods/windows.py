"""Bits that a model takes to write a text: nats of its tokens over ln 2.

The unit does not depend on the tokeniser: bits over the bytes of the text compare models, and
bits for the same content compare languages.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bedstone.model.transformer import Transformer

BATCH_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a text that a model reads at once."""

    text: int
    """The number of the text."""
    tokens: tuple[int, ...]
    """What is read; each but the last predicts the next, and the last one predicts nothing."""
    context: int
    """How many predictions at the start another window has counted."""


def text_bits(
    model: "Transformer", texts: Sequence[Sequence[int]], end: int, advance: Callable[[int], None]
) -> list[float]:
    """The bits of all tokens of each text.

    A model that has seen documents ended by ``end`` expects a new one after it, so each text is
    read after one.

    Args:
        model: computes in its own number format.
        texts: the tokens of each, a closing one only where it is to be counted.
        end: the id of the end-of-text token.
        advance: called with the number of tokens that were measured.
    """
    import torch

    totals = [0.0] * len(texts)
    windows = [
        window
        for number, text in enumerate(texts)
        for window in cut(number, [end, *text], model.config.seq_len)
    ]
    for batch in batches(windows):
        longest = len(batch[0].tokens)
        padded = [[*window.tokens, *[end] * (longest - len(window.tokens))] for window in batch]
        tokens_BT = torch.tensor(padded, device=model.device)
        nats_BT = model.nats(tokens_BT[:, :-1], tokens_BT[:, 1:]).double().cpu().numpy()
        for window, nats in zip(batch, nats_BT, strict=True):
            counted = nats[window.context : len(window.tokens) - 1]
            totals[window.text] += math.fsum(counted) / math.log(2)
            advance(len(counted))
    return totals


def cut(number: int, tokens: Sequence[int], seq_len: int) -> Iterator[Window]:
    """Windows of at most ``seq_len`` predictions; each token but the first is counted once.

    A window begins a quarter of its length before the previous one's end: a token is predicted
    from the whole text before it, or from ``seq_len`` // 4 tokens at least.
    """
    overlap = seq_len // 4
    stride = seq_len - overlap
    beyond = max(len(tokens) - 1 - seq_len, 0)
    for start in range(0, beyond + stride, stride):
        piece = tuple(tokens[start : start + seq_len + 1])
        yield Window(number, piece, overlap if start else 0)


def batches(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """The windows, the longest first, in batches that padding keeps within ``BATCH_TOKENS``."""
    ordered = sorted(windows, key=lambda window: -len(window.tokens))
    while ordered:
        rows = max(BATCH_TOKENS // len(ordered[0].tokens), 1)
        yield ordered[:rows]
        ordered = ordered[rows:]
