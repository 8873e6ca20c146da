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
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bedstone.errors import BedstoneError
from bedstone.generation.boundary import at_boundary
from bedstone.generation.chain import Chain
from bedstone.generation.distribution import candidates
from bedstone.generation.samplers import NO_TOKEN, RULED_OUT, History
from bedstone.model import NumberFormat, processor
from bedstone.model.cache import KVCache
from bedstone.model.transformer import Transformer, linear
from bedstone.training.threads import using_threads

BATCH_ROWS = 128
"""Rows drawn together; by measurement on two cores."""
BLOCK_TOKENS = 64
"""Probabilities summed up before the sums are; the root of a usual vocabulary."""
ONE_SUM_TOKENS = 1024
"""Up to so many, one running sum is faster."""
SMALL_NUMBERS = 100_000
"""Of an fp32 matrix: up to so many no other layout is faster; by measurement."""
BF16_PARAMETERS = 8_000_000
"""From there bf16 is faster, where the processor multiplies it; by measurement."""
DROP_SHARE = 0.25
"""Finished rows are dropped when they are so large a share: to drop one copies all the others."""

Ids = Sequence[int]


class Guide(Protocol):
    """What a row may write next, and when it is done."""

    def allowed(self) -> Tensor | None:
        """(V,) bool, or None where every token is."""

    def advance(self, token_id: int) -> bool:
        """Take the drawn token; whether the row is done with it."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote after a prompt."""

    token_ids: tuple[int, ...]
    """The closing token included, if there is one."""
    logprobs: tuple[float, ...]
    """Of each token under the model itself."""
    sampling_logprobs: tuple[float, ...]
    """Of each token under the distribution from which it was drawn: that of guide and chain."""
    finish_reason: Literal["stop", "length"]
    closed: bool
    """Whether its last token is one that closes; a guide may end it without."""
    boundary_draws: int
    """Tokens which the rounding of another batch might turn; see ``boundary``."""

    @property
    def text_ids(self) -> tuple[int, ...]:
        """The ids to decode: without the closing token."""
        return self.token_ids[:-1] if self.closed else self.token_ids


@dataclass(frozen=True, slots=True)
class Drawing:
    """How completions are drawn."""

    chain: Chain
    """What becomes of the logits before a token is drawn."""
    samples: int
    """Completions of each prompt, numbered from ``first``; of more the first are the same."""
    max_tokens: int
    """A completion is cut off after so many, the closing token included."""
    stop_ids: frozenset[int]
    """The tokens that close a completion."""
    seed: int
    guide: Callable[[], Guide] | None = None
    """Makes the guide of a row, which is not told of a closing token."""
    first: int = 0
    """The number of the first sample: more of a prompt are drawn without those there are."""


def generate(
    model: "Transformer | LaidOut",
    prompts: Sequence[Ids],
    drawing: Drawing,
    threads: int = 1,
    advance: Callable[[int], None] = lambda prompts: None,
) -> list[list[Completion]]:
    """The completions of each prompt, in the prompts' order; equal prompts get equal ones.

    Args:
        model: sampled from in fp32, whatever it computes in. One whose weights change no more is
            laid out once for many calls.
        prompts: none of them empty.
        drawing: how.
        threads: change no result.
        advance: called with the number of prompts that were completed.
    """
    size = max(BATCH_ROWS // drawing.samples, 1)
    batches = _batches(prompts, size)
    if isinstance(model, Transformer):
        model = LaidOut(model, one_row=len(prompts) == drawing.samples == 1)
    done: dict[int, list[Completion]] = {}
    # A batch for each thread, not a matrix product for all: these are too small to be shared.
    with using_threads(1), ThreadPoolExecutor(threads) as pool:
        work = partial(_drawn, model, prompts, drawing)
        for batch, completions in zip(batches, pool.map(work, batches), strict=True):
            done |= dict(zip(batch, completions, strict=True))
            advance(len(batch))
    return [done[number] for number in range(len(prompts))]


class LaidOut:
    """A model whose matrices are laid out for the processor: to draw one row, or several."""

    def __init__(self, model: Transformer, *, one_row: bool) -> None:
        with torch.device("meta"):
            self.model = Transformer(model.config)
        weights = {
            name: _laid_out(weight, one_row=one_row) if _is_for_all(name) else weight
            for name, weight in model.state_dict().items()
        }
        self.model.load_state_dict(weights, assign=True)
        self._output = _laid_out(model.output.detach(), one_row=one_row)

    def logits(self, tokens_BT: Tensor, cache: KVCache) -> Tensor:
        """Of the last position only, BV, in fp32."""
        return linear(self.model.hidden(tokens_BT, cache)[:, -1], self._output).float()


def _is_for_all(name: str) -> bool:
    """Whether it is a layer's weight that every row is multiplied with."""
    return name.startswith("blocks.") and ".experts." not in name


def _laid_out(weight: Tensor, *, one_row: bool) -> Tensor:
    """The same weight as one row, or several, are multiplied with it fastest, by measurement.

    In oneDNN's blocks a product takes up to two thirds less time, but in fp32 its call is dear for
    small weights, and one row goes through the memory twice as fast along the longer side.
    """
    if weight.dim() < 2 or weight.device.type != "cpu":
        return weight
    if weight.dtype == torch.float32:
        outputs, inputs = weight.shape
        if outputs * inputs < SMALL_NUMBERS:
            return weight
        if one_row:
            return weight.T.contiguous().T if outputs > inputs else weight
        has_blocks = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    else:
        has_blocks = processor.has_bf16_kernels()
    return torch.ops.mkldnn._reorder_linear_weight(weight) if has_blocks else weight


def fastest_format(parameters: int) -> NumberFormat:
    """The number format in which a model of so many parameters writes faster on this machine."""
    if parameters < BF16_PARAMETERS or not processor.has_bf16_kernels():
        return "fp32"
    # On AVX-512 alone the kernels compute what these instructions would, no faster than in fp32.
    multiplies = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if multiplies else "fp32"


def uniforms(prompt: Ids, sample: int, drawing: Drawing) -> np.ndarray:
    """The random numbers in [0, 1) of a row, one for each position.

    Where more tokens are allowed, the first numbers are the same.
    """
    name = f"{drawing.seed} {sample} {' '.join(map(str, prompt))}".encode()
    key = int.from_bytes(hashlib.sha256(name).digest()[:16])
    return np.random.Generator(np.random.Philox(key=key)).random(drawing.max_tokens)


class Draw(NamedTuple):
    """A token of each row, and where it stands among the probabilities summed up in order."""

    places: Tensor
    """(B,)"""
    below: Tensor
    """(B,): the probability of all tokens before it, fp64."""
    up_to: Tensor
    """(B,): the same and its own."""


def draw(logprobs_BV: Tensor, uniforms_B: Tensor) -> Draw:
    """The token of each row at which the summed probabilities pass the row's random number.

    One number a row is all that is drawn, and a token of probability 0 is never chosen. Sums are
    made of blocks first, then within one block: a running sum over a vocabulary is slow.
    """
    p_BN, numbers_B1 = logprobs_BV.exp(), uniforms_B[:, None]
    if p_BN.shape[1] <= ONE_SUM_TOKENS:
        sums_BN = p_BN.cumsum(dim=1, dtype=torch.float64)
        total_B1 = sums_BN[:, -1:]
        place_B1, _ = _passed(sums_BN, numbers_B1 * total_B1)
        up_to_B1, token_B1 = sums_BN.gather(1, place_B1), place_B1
    else:
        padded_BN = F.pad(p_BN, (0, -p_BN.shape[1] % BLOCK_TOKENS))
        blocks_BCN = padded_BN.view(len(p_BN), -1, BLOCK_TOKENS)
        sums_BC = blocks_BCN.sum(dim=2).double().cumsum(dim=1)
        total_B1 = sums_BC[:, -1:]
        block_B1, points_B1 = _passed(sums_BC, numbers_B1 * total_B1)
        before_B1 = F.pad(sums_BC, (1, 0)).gather(1, block_B1)
        p_BN = blocks_BCN.take_along_dim(block_B1[:, :, None], 1)[:, 0]
        sums_BN = p_BN.cumsum(dim=1, dtype=torch.float64)
        place_B1, _ = _passed(sums_BN, points_B1 - before_B1)
        up_to_B1 = before_B1 + sums_BN.gather(1, place_B1)
        token_B1 = block_B1 * BLOCK_TOKENS + place_B1
    below_B1 = up_to_B1 - p_BN.gather(1, place_B1)
    return Draw(token_B1[:, 0], (below_B1 / total_B1)[:, 0], (up_to_B1 / total_B1)[:, 0])


def _passed(sums_BN: Tensor, points_B1: Tensor) -> tuple[Tensor, Tensor]:
    # The first sum above the point; by rounding the point may reach the last sum, never pass it.
    below_B1 = torch.nextafter(sums_BN[:, -1:], sums_BN.new_zeros(1))
    points_B1 = torch.minimum(points_B1, below_B1)
    return torch.searchsorted(sums_BN, points_B1, right=True), points_B1


def _batches(prompts: Sequence[Ids], size: int) -> list[list[int]]:
    by_length = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    return [by_length[start : start + size] for start in range(0, len(by_length), size)]


@torch.inference_mode()
def _drawn(
    model: LaidOut, prompts: Sequence[Ids], drawing: Drawing, batch: list[int]
) -> list[list[Completion]]:
    rows = _Rows([prompts[number] for number in batch], drawing, model.model.device)
    rows.draw(model)
    return rows.completions()


class _Rows:
    """The completions of a batch, R of them; B of these are still being drawn."""

    def __init__(self, prompts: Sequence[Ids], drawing: Drawing, device: torch.device) -> None:
        self._drawing, self._device = drawing, device
        samples = range(drawing.first, drawing.first + drawing.samples)
        numbers = [uniforms(prompt, sample, drawing) for prompt in prompts for sample in samples]
        self._uniforms_RT = torch.from_numpy(np.stack(numbers)).to(device)
        self._guides = [drawing.guide() for _ in numbers] if drawing.guide else []
        width = self._prompt_width = max(map(len, prompts))
        padded = [[NO_TOKEN] * (width - len(ids)) + [*ids] for ids in prompts]
        self._prompts = torch.tensor(padded, device=device)
        self._texts_RT = F.pad(
            self._prompts.repeat_interleave(drawing.samples, 0), (0, drawing.max_tokens)
        )
        shape, exact = self._uniforms_RT.shape, torch.float64
        self._told = [
            torch.zeros(shape, dtype=each, device=device)
            for each in (None, None, exact, exact, torch.bool)
        ]
        """RT: of each token log-probability, that of sampling, its draw's interval, its doubt."""
        self._ends = [0] * len(numbers)
        """Of each row how many tokens it took; 0 while it goes on."""
        self._closed = [False] * len(numbers)
        self._nats = 0.0
        """By how much the logits that are drawn from may be off."""

    def draw(self, model: LaidOut) -> None:
        """Draw token by token. A row that has ended goes on, unread, until it is dropped."""
        cache, logits_BV = self._prefill(model)
        rows = list(range(len(self._ends)))
        for position in range(self._drawing.max_tokens):
            tokens_B = self._draw_position(position, rows, logits_BV)
            self._end(position, rows, tokens_B.tolist())
            going = [place for place, row in enumerate(rows) if not self._ends[row]]
            if not going or position + 1 == self._drawing.max_tokens:
                return
            if len(going) <= (1 - DROP_SHARE) * len(rows):
                rows = [rows[place] for place in going]
                places = torch.tensor(going, device=self._device)
                tokens_B = tokens_B[places]
                cache.keep(places)
            logits_BV = model.logits(tokens_B[:, None], cache)

    def completions(self) -> list[list[Completion]]:
        """Of each prompt, its rows up to where they ended."""
        *_, below_RT, up_to_RT, doubt_RT = self._told
        near_RT = doubt_RT | at_boundary(self._uniforms_RT, below_RT, up_to_RT, self._nats)
        near_RT, self._texts_RT = near_RT.cpu(), self._texts_RT.cpu()
        self._told = [each.cpu() for each in self._told]
        each = [self._completion(row, near_RT[row]) for row in range(len(self._ends))]
        samples = self._drawing.samples
        return [each[start : start + samples] for start in range(0, len(each), samples)]

    def _completion(self, row: int, near_T: Tensor) -> Completion:
        end = self._ends[row] or self._drawing.max_tokens
        logprobs_RT, sampling_logprobs_RT, *_ = self._told
        return Completion(
            tuple(self._texts_RT[row, self._prompt_width :][:end].tolist()),
            tuple(logprobs_RT[row, :end].tolist()),
            tuple(sampling_logprobs_RT[row, :end].tolist()),
            "stop" if self._ends[row] else "length",
            closed=self._closed[row],
            boundary_draws=int(near_T[:end].sum()),
        )

    def _prefill(self, laid_out: LaidOut) -> tuple[KVCache, Tensor]:
        # Once for each prompt: its samples begin with the same keys and values.
        padding_B = (self._prompts == NO_TOKEN).sum(dim=1)
        model = laid_out.model
        cache = KVCache(model.config, padding_B, self._prompt_width, model.embedding.dtype)
        logits_BV = laid_out.logits(self._prompts.clamp(min=0), cache)
        samples, slots = self._drawing.samples, self._texts_RT.shape[1]
        return cache.repeated(samples, slots), logits_BV.repeat_interleave(samples, 0)

    def _draw_position(self, position: int, rows: list[int], logits_BV: Tensor) -> Tensor:
        is_all = len(rows) == len(self._ends)
        at: Any = slice(None) if is_all else torch.tensor(rows, device=self._device)
        column = self._prompt_width + position
        history = History(self._texts_RT[at, :column], self._prompt_width)
        found = candidates(self._drawing.chain, self._guided(rows, logits_BV), history)
        drawn = draw(found.logprobs, self._uniforms_RT[at, position])
        tokens_B = found.tokens(drawn.places)
        told = (
            _at(logits_BV.log_softmax(1), tokens_B),
            _at(found.logprobs, drawn.places),
            drawn.below,
            drawn.up_to,
            found.doubt.rows(),
        )
        self._texts_RT[at, column] = tokens_B
        for told_RT, told_B in zip(self._told, told, strict=True):
            told_RT[at, position] = told_B
        self._nats = found.doubt.nats
        return tokens_B

    def _guided(self, rows: list[int], logits_BV: Tensor) -> Tensor:
        # Before the chain, so that no truncation leaves only what a guide rules out.
        if not self._guides:
            return logits_BV
        logits_BV = logits_BV.clone()
        for logits_V, row in zip(logits_BV, rows, strict=True):
            allowed_V = None if self._ends[row] else self._guides[row].allowed()
            if allowed_V is not None:
                logits_V.masked_fill_(~allowed_V.to(self._device), RULED_OUT)
                if not allowed_V.any():
                    name = type(self._guides[row]).__name__
                    raise BedstoneError(f"{name} allows no token in sample {row}")
        return logits_BV

    def _end(self, position: int, rows: list[int], tokens: list[int]) -> None:
        for row, token in zip(rows, tokens, strict=True):
            if self._ends[row]:
                continue
            self._closed[row] = token in self._drawing.stop_ids
            if self._closed[row] or (self._guides and self._guides[row].advance(token)):
                self._ends[row] = position + 1


def _at(logprobs_BS: Tensor, places_B: Tensor) -> Tensor:
    return logprobs_BS.gather(1, places_B[:, None])[:, 0]
