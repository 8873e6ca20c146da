"""Completions of many prompts at once, with a cache of keys and values.

A row's random numbers depend on the seed, its prompt and its sample number alone, so it gets the
same completion in whatever batch it is drawn, but for the rounding of matrix products, which
may depend on a batch's size.

Shape letters: B rows of the batch, T positions, V tokens of the vocabulary, R rows of a call,
C blocks of the vocabulary, N tokens of a block, S tokens that may be drawn.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bedstone.model.transformer import KVCache, Transformer
from bedstone.pretrain.loop import using_threads
from bedstone.sampling.chain import BLOCK_TOKENS, Chain
from bedstone.sampling.samplers import NO_TOKEN, History

BATCH_ROWS = 128
"""Rows drawn together; by measurement on two cores."""
DROP_SHARE = 0.25
"""Finished rows are dropped when they are so large a share: to drop one copies all the others."""

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after a prompt."""

    token_ids: tuple[int, ...]
    """The closing token included, if there is one."""
    logprobs: tuple[float, ...]
    """Of each token under the model itself."""
    sampling_logprobs: tuple[float, ...]
    """Of each token under the distribution that the chain made, from which it was drawn."""
    finish_reason: Literal["stop", "length"]

    @property
    def text_ids(self) -> tuple[int, ...]:
        """The ids to decode: without the closing token."""
        return self.token_ids[:-1] if self.finish_reason == "stop" else self.token_ids


@dataclass(frozen=True, slots=True)
class Drawing:
    """How completions are drawn."""

    chain: Chain
    """What becomes of the logits before a token is drawn."""
    samples: int
    """Completions of each prompt, numbered from 0; of more samples the first are the same."""
    max_tokens: int
    """A completion is cut off after so many, the closing token included."""
    stop_id: int
    """The token that closes a completion."""
    seed: int


def generate(
    model: Transformer,
    prompts: Sequence[Ids],
    drawing: Drawing,
    threads: int = 1,
    advance: Callable[[int], None] = lambda prompts: None,
) -> list[list[Completion]]:
    """The completions of each prompt, in the prompts' order; equal prompts get equal ones.

    Args:
        model: sampled from in fp32, whatever it computes in.
        prompts: none of them empty.
        drawing: how.
        threads: change no result.
        advance: called with the number of prompts that were completed.
    """
    batches = _batches(prompts, max(BATCH_ROWS // drawing.samples, 1))
    done: dict[int, list[Completion]] = {}
    # A batch for each thread, not a matrix product for all: these are too small to be shared.
    with using_threads(1), ThreadPoolExecutor(threads) as pool:
        work = partial(_drawn, model, prompts, drawing)
        for batch, completions in zip(batches, pool.map(work, batches), strict=True):
            done |= dict(zip(batch, completions, strict=True))
            advance(len(batch))
    return [done[number] for number in range(len(prompts))]


def uniforms(prompt: Ids, sample: int, drawing: Drawing) -> np.ndarray:
    """The random numbers in [0, 1) of a row, one for each position.

    Where more tokens are allowed, the first numbers are the same.
    """
    name = f"{drawing.seed} {sample} {' '.join(map(str, prompt))}".encode()
    key = int.from_bytes(hashlib.sha256(name).digest()[:16])
    return np.random.Generator(np.random.Philox(key=key)).random(drawing.max_tokens)


def draw_tokens(logprobs_BV: Tensor, uniforms_B: Tensor) -> Tensor:
    """The token of each row at which the summed probabilities pass the row's random number.

    One number a row is all that is drawn, and a token of probability 0 is never chosen. Sums are
    made of blocks first, then within one block: a running sum over a vocabulary is slow.
    """
    probabilities_BV = logprobs_BV.exp()
    rows, tokens = probabilities_BV.shape
    missing = -tokens % BLOCK_TOKENS
    blocks_BCN = F.pad(probabilities_BV, (0, missing)).view(rows, -1, BLOCK_TOKENS)
    sums_BC = blocks_BCN.sum(dim=2).double().cumsum(dim=1)
    block_B1, points_B1 = _passed(sums_BC, uniforms_B[:, None] * sums_BC[:, -1:])
    before_B1 = F.pad(sums_BC, (1, 0)).gather(1, block_B1)
    block_BN = blocks_BCN.take_along_dim(block_B1[:, :, None], 1)[:, 0]
    within_BN = block_BN.cumsum(dim=1, dtype=torch.float64)
    place_B1, _ = _passed(within_BN, points_B1 - before_B1)
    return (block_B1 * BLOCK_TOKENS + place_B1)[:, 0]


def _passed(sums_BN: Tensor, points_B1: Tensor) -> tuple[Tensor, Tensor]:
    # The first sum above the point; by rounding the point may reach the last sum, never pass it.
    below_B1 = torch.nextafter(sums_BN[:, -1:], torch.zeros(1, dtype=sums_BN.dtype))
    points_B1 = torch.minimum(points_B1, below_B1)
    return torch.searchsorted(sums_BN, points_B1, right=True), points_B1


def _batches(prompts: Sequence[Ids], size: int) -> list[list[int]]:
    by_length = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    return [by_length[start : start + size] for start in range(0, len(by_length), size)]


@torch.no_grad()
def _drawn(
    model: Transformer, prompts: Sequence[Ids], drawing: Drawing, batch: list[int]
) -> list[list[Completion]]:
    rows = _Rows([prompts[number] for number in batch], drawing)
    rows.draw(model)
    return rows.completions()


class _Rows:
    """The completions of a batch, R of them; B of these are still being drawn."""

    def __init__(self, prompts: Sequence[Ids], drawing: Drawing) -> None:
        self._prompts, self._drawing = prompts, drawing
        numbers = [
            uniforms(prompt, sample, drawing)
            for prompt in prompts
            for sample in range(drawing.samples)
        ]
        self._uniforms_RT = torch.from_numpy(np.stack(numbers))
        shape = self._uniforms_RT.shape
        self._prompt_width = max(map(len, prompts))
        self._texts_RT = self._prompt_texts()
        self._tokens_RT = self._texts_RT[:, self._prompt_width :]
        self._logprobs_RT, self._sampling_logprobs_RT = torch.zeros(shape), torch.zeros(shape)

    def draw(self, model: Transformer) -> None:
        """Draw token by token. A row that has stopped goes on, unread, until it is dropped."""
        rows, max_tokens = self._tokens_RT.shape
        running_B, stopped_B = torch.arange(rows), torch.zeros(rows, dtype=torch.bool)
        cache, logits_BV = self._prefill(model)
        for position in range(max_tokens):
            tokens_B = self._draw_position(position, running_B, logits_BV)
            stopped_B |= tokens_B == self._drawing.stop_id
            if stopped_B.all() or position + 1 == max_tokens:
                return
            if stopped_B.float().mean() >= DROP_SHARE:
                going = (~stopped_B).nonzero()[:, 0]
                running_B, tokens_B = running_B[going], tokens_B[going]
                stopped_B, cache = stopped_B[going], cache.select(going)
            logits_BV = _last_logits(model, tokens_B[:, None], cache)

    def completions(self) -> list[list[Completion]]:
        """Of each prompt, its rows up to where they stopped."""
        columns = self._tokens_RT, self._logprobs_RT, self._sampling_logprobs_RT
        rows = zip(*(column.tolist() for column in columns), strict=True)
        each = [_completion(self._drawing.stop_id, *row) for row in rows]
        samples = self._drawing.samples
        return [each[start : start + samples] for start in range(0, len(each), samples)]

    def _prefill(self, model: Transformer) -> tuple[KVCache, Tensor]:
        # Once for each prompt: its samples begin with the same keys and values.
        firsts = self._texts_RT[:: self._drawing.samples, : self._prompt_width]
        padding_B = (firsts == NO_TOKEN).sum(dim=1)
        padded = firsts.where(firsts != NO_TOKEN, self._drawing.stop_id)
        cache = KVCache(model.config, padding_B, self._texts_RT.shape[1])
        logits_BV = _last_logits(model, padded, cache)
        rows = torch.arange(len(self._prompts)).repeat_interleave(self._drawing.samples)
        return cache.select(rows), logits_BV[rows]

    def _draw_position(self, position: int, rows: Tensor, logits_BV: Tensor) -> Tensor:
        texts_BT = self._texts_RT[rows, : self._prompt_width + position]
        history = History(texts_BT, self._prompt_width)
        candidates = self._drawing.chain.candidates(logits_BV, history)
        sampling_BS = candidates.logprobs
        places_B = draw_tokens(sampling_BS, self._uniforms_RT[rows, position])
        tokens_B = candidates.tokens(places_B)
        self._tokens_RT[rows, position] = tokens_B
        self._logprobs_RT[rows, position] = _at(logits_BV.log_softmax(1), tokens_B)
        self._sampling_logprobs_RT[rows, position] = _at(sampling_BS, places_B)
        return tokens_B

    def _prompt_texts(self) -> Tensor:
        # Each prompt once for each of its samples, and room for what they draw.
        width, room = self._prompt_width, [self._drawing.stop_id] * self._drawing.max_tokens
        texts = [[NO_TOKEN] * (width - len(each)) + [*each] + room for each in self._prompts]
        return torch.tensor(texts).repeat_interleave(self._drawing.samples, dim=0)


def _at(logprobs_BS: Tensor, places_B: Tensor) -> Tensor:
    return logprobs_BS.gather(1, places_B[:, None])[:, 0]


def _completion(
    stop_id: int, tokens: list[int], logprobs: list[float], sampling_logprobs: list[float]
) -> Completion:
    stops = stop_id in tokens
    end = tokens.index(stop_id) + 1 if stops else len(tokens)
    return Completion(
        tuple(tokens[:end]),
        tuple(logprobs[:end]),
        tuple(sampling_logprobs[:end]),
        "stop" if stops else "length",
    )


def _last_logits(model: Transformer, tokens_BT: Tensor, cache: KVCache) -> Tensor:
    # Of the last position only, and in fp32: the vocabulary is the dearest dimension.
    return (model.hidden(tokens_BT, cache)[:, -1] @ model.output.T).float()
