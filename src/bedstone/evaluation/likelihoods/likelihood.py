"""How likely a model holds texts to go on as they do; what texts have in common is read once.

The texts are sorted by their tokens, so that those which begin alike are neighbours. They stand in
a row as the branches of a tree: a prompt once, and after it side by side each way to go on, which
looks at the prompt and at itself. Logits are computed where a token is asked for, and nowhere else.

Letters of the shapes: see ``model.transformer``; P the places whose logits are computed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from bedstone.model.transformer import Transformer

BATCH_TOKENS, GPU_BATCH_TOKENS = 1024, 2**15
"""Read at once, padding included, unless a single row has more; the first by measurement."""
ROW_TOKENS = 2048
"""Of several texts in a row, so that what they look at has room in memory."""
LOGITS = 2**24
"""In memory at once."""
PAIR_COST = 0.5
"""What it takes to look at a token in vain, as a share of 1 / d_model of what it takes to read one
more; by measurement."""


@dataclass(frozen=True, slots=True)
class Continued:
    """A text, of which the end is asked for."""

    ids: tuple[int, ...]
    start: int
    """Where the end begins, behind a token at least."""


@dataclass(slots=True)
class _Tree:
    """Texts in a row, each token that several begin with once."""

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    """Of each token in its texts."""
    path: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Where the tokens of the last text stand."""
    branches: list[tuple[int, NDArray[np.int64]]] = field(default_factory=list)
    """Of each text where its own tokens begin, and where all of them stand."""
    asked: list[tuple[int, NDArray[np.int64], tuple[int, ...]]] = field(default_factory=list)
    """Of each text its number, where its end is predicted, and the end."""

    def add(self, number: int, text: Continued, shared: int) -> None:
        """A text that begins with so many tokens of the one before. The last predicts nothing."""
        own = text.ids[shared:-1]
        begin = len(self.tokens)
        self.path = np.concatenate([self.path[:shared], np.arange(begin, begin + len(own))])
        self.tokens += own
        self.positions += range(shared, shared + len(own))
        self.branches.append((begin, self.path))
        self.asked.append((number, self.path[text.start - 1 :], text.ids[text.start :]))


def logprobs(model: "Transformer", texts: Sequence[Continued]) -> list[float]:
    """The natural log-probability of each text's end after what stands before it.

    Args:
        model: computes in its own number format.
        texts: each at most a token longer than the model's.
    """
    found = np.zeros(len(texts))
    most_tokens = BATCH_TOKENS if model.device.type == "cpu" else GPU_BATCH_TOKENS
    for trees in _batches(_trees(texts, model.config.d_model), most_tokens):
        numbers, told = _read(model, trees)
        found += np.bincount(numbers, told, len(texts))
    return [float(each) for each in found]


def _trees(texts: Sequence[Continued], d_model: int) -> Iterator[_Tree]:
    """A text joins those before it where that spares more than it costs.

    It spares what both begin with; it costs that every token is held against all in the row.
    """
    tree, before = _Tree(), np.zeros(0, np.int64)
    for number in sorted(range(len(texts)), key=lambda number: texts[number].ids):
        text = texts[number]
        read = np.array(text.ids[:-1])
        shared = _shared(before, read)
        new = len(read) - shared
        fits = len(tree.tokens) + new <= ROW_TOKENS
        if tree.tokens and not (fits and shared * d_model >= PAIR_COST * new * len(tree.tokens)):
            yield tree
            tree, shared = _Tree(), 0
        tree.add(number, text, shared)
        before = read
    if tree.tokens:
        yield tree


def _shared(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    shorter = min(len(one), len(other))
    differs = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(differs[0]) if len(differs) else shorter


def _batches(trees: Iterable[_Tree], most_tokens: int) -> Iterator[list[_Tree]]:
    ordered = sorted(trees, key=lambda tree: -len(tree.tokens))
    while ordered:
        rows = max(most_tokens // len(ordered[0].tokens), 1)
        yield ordered[:rows]
        ordered = ordered[rows:]


def _read(
    model: "Transformer", trees: Sequence[_Tree]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each token that is asked for, the number of its text, and its log-probability."""
    import torch

    from bedstone.model.cache import Branches

    width = len(trees[0].tokens)
    tokens_BT, positions_BT = np.zeros((2, len(trees), width), np.int64)
    for row, tree in enumerate(trees):
        tokens_BT[row, : len(tree.tokens)] = tree.tokens
        positions_BT[row, : len(tree.tokens)] = tree.positions
    asked = [(row, *each) for row, tree in enumerate(trees) for each in tree.asked]
    numbers = np.concatenate([np.full(len(ends), number) for _, number, _, ends in asked])
    places = np.concatenate([row * width + slots for row, _, slots, _ in asked])
    ends = np.concatenate([np.array(ends, np.int64) for *_, ends in asked])
    with torch.inference_mode():
        tokens, positions, seen, *at = (
            torch.from_numpy(each).to(model.device)
            for each in (tokens_BT, positions_BT, _seen(trees, width), places, ends)
        )
        hidden_RD = model.hidden(tokens, branches=Branches(positions, seen)).flatten(0, 1)
        return numbers, _logprobs_at(hidden_RD, model.output, *at).cpu().double().numpy()


def _seen(trees: Sequence[_Tree], width: int) -> NDArray[np.bool_]:
    """Which tokens each token looks at, BTS; padding looks at itself."""
    seen_BTS = np.repeat(np.eye(width, dtype=bool)[None], len(trees), 0)
    for seen_TS, tree in zip(seen_BTS, trees, strict=True):
        for begin, path in tree.branches:
            shared = int(np.searchsorted(path, begin))
            end = begin + len(path) - shared
            seen_TS[begin:end, path[:shared]] = True
            seen_TS[begin:end, begin:end] = np.tri(end - begin, dtype=bool)
    return seen_BTS


def _logprobs_at(
    hidden_RD: "Tensor", output_VD: "Tensor", places: "Tensor", ends: "Tensor"
) -> "Tensor":
    """The log-probability of each end at its place, of which several may be one."""
    import torch

    places_P, place_of = torch.unique(places, return_inverse=True)
    size = max(LOGITS // len(output_VD), 1)
    found = hidden_RD.new_zeros(len(ends), dtype=torch.float32)
    for start in range(0, len(places_P), size):
        logits_PV = (hidden_RD[places_P[start : start + size]] @ output_VD.T).float()
        sums_P = logits_PV.logsumexp(1)
        here = torch.nonzero((place_of >= start) & (place_of < start + size))[:, 0]
        rows = place_of[here] - start
        found[here] = logits_PV[rows, ends[here]] - sums_P[rows]
    return found
