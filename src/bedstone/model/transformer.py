"""A transformer of the Llama type.

RMSNorm before each sublayer, rotary positions, grouped queries, SwiGLU, no bias, and by default
the embedding is the output projection too. Models made elsewhere may add what Mistral, Qwen2 and
Qwen3 do: a window, biases of queries, keys and values, norms of queries and keys.
Where eager autograd is slow on a CPU, a ``Function`` below writes the gradient out by hand;
each is the plain formula otherwise, and holds in every number format.
The projections that read the same input are one matrix here (``qkv``, ``gate_up``); in the files,
see ``hugging_face``, they are separate.

Shape letters: B rows of the batch, T positions, S positions of keys, V vocabulary, D model,
H heads of queries, N heads of keys (and of values), G heads of queries that share a head of keys
(H = N G), K head, F feed-forward, R rows of positions (B T), L layers.

Source: Touvron et al. 2023 (Llama 2), arXiv:2307.09288; RMSNorm: Zhang and Sennrich 2019,
arXiv:1910.07467; rotary positions: Su et al. 2021, arXiv:2104.09864; SwiGLU: Shazeer 2020,
arXiv:2002.05202; grouped queries: Ainslie et al. 2023, arXiv:2305.13245; window: Jiang et al. 2023
(Mistral), arXiv:2310.06825; biases: Yang et al. 2024 (Qwen2), arXiv:2407.10671; norms of queries
and keys: Yang et al. 2025 (Qwen3), arXiv:2505.09388.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from bedstone.config import Config

NumberFormat = Literal["bf16", "fp32"]
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}

CHUNK_ROWS = 512
"""Rows whose logits are in memory at once while a loss is computed; by measurement."""
QUERY_BLOCK = 64
"""Positions whose scores are computed at once; by measurement."""


class RopeScaling(Config):
    """How the rates of the rotary positions are slowed down, for texts longer than the first ones.

    Source: linear: Chen et al. 2023, arXiv:2306.15595; llama3: the reference code of Llama 3.1
    (Grattafiori et al. 2024, arXiv:2407.21783, tell its effect in section 3.4.2).
    """

    kind: Literal["linear", "llama3"]
    factor: float = Field(gt=0)
    low_frequency_factor: float = Field(1.0, gt=0)
    high_frequency_factor: float = Field(4.0, gt=0)
    original_positions: int = Field(8_192, gt=0)
    """Those of the first training; with these factors they say which rates ``llama3`` slows."""

    def rates(self, rates: Tensor) -> Tensor:
        """The rates, in radians a position, as they are after scaling."""
        slow = rates / self.factor
        if self.kind == "linear":
            return slow
        turns = self.original_positions * rates / (2 * math.pi)
        low, high = self.low_frequency_factor, self.high_frequency_factor
        kept_share = ((turns - low) / (high - low)).clamp(0, 1)
        return kept_share * rates + (1 - kept_share) * slow


class ModelConfig(Config):
    """The shape of a transformer."""

    vocab_size: int = Field(gt=0)
    n_layers: int = Field(gt=0)
    d_model: int = Field(gt=0)
    n_heads: int = Field(gt=0)
    n_kv_heads: int = Field(gt=0)
    d_ff: int = Field(gt=0)
    seq_len: int = Field(gt=0)
    """The positions that it is trained on; it computes more, but has not learnt them."""
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-5
    tied: bool = True
    """Whether the embedding is the output projection too."""
    head_width: int | None = Field(None, gt=0, multiple_of=2)
    """Absent: d_model shared out among the heads."""
    qkv_bias: bool = False
    qk_norm: bool = False
    """Whether each head's queries and keys are normed before they are turned."""
    window_tokens: int | None = Field(None, gt=0)
    """A position sees itself and those before it, so many in all; absent: all of them."""
    full_layers: tuple[int, ...] = ()
    """Layers without the window, by number from 0."""
    rope_scaling: RopeScaling | None = None

    @model_validator(mode="after")
    def _heads_divide(self) -> "ModelConfig":
        if self.head_width is None and self.d_model % (2 * self.n_heads):
            raise ValueError(f"d_model {self.d_model} is no even number for each of n_heads")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(f"n_heads {self.n_heads} is no multiple of n_kv_heads")
        return self

    @property
    def d_head(self) -> int:
        """The width of a head."""
        return self.head_width or self.d_model // self.n_heads

    @property
    def windows(self) -> tuple[int | None, ...]:
        """Of each layer, how many positions one sees; None for all."""
        layers = range(self.n_layers)
        return tuple(None if n in self.full_layers else self.window_tokens for n in layers)

    @property
    def rotary_rates(self) -> Tensor:
        """Radians a position of each pair of a head's dimensions, [K / 2]."""
        half = self.d_head // 2
        rates = self.rope_theta ** -(torch.arange(half) / half)
        return self.rope_scaling.rates(rates) if self.rope_scaling else rates

    @property
    def initial_deviation(self) -> float:
        """Of a new weight; see ``Transformer``."""
        return math.sqrt(2 / (5 * self.d_model))

    def kv_bytes(self, positions: int, number_bytes: int) -> int:
        """Keys and values of so many positions, in every layer."""
        return 2 * self.n_layers * self.n_kv_heads * self.d_head * number_bytes * positions


class KVCache:
    """The keys and values of the positions that a batch of texts has behind it.

    Texts of different length are padded on the left, so that all rows grow at the same slot.
    A padded slot is never looked at, and a row's positions count from its first real token.
    """

    def __init__(
        self,
        config: ModelConfig,
        padding_B: Tensor,
        slots: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Room for ``slots`` positions, padding included.

        Args:
            config: the model's.
            padding_B: how many tokens stand before each row's first real one, int64.
            slots: as many as will be decoded in all.
            dtype: the model's number format.
        """
        c = self._config = config
        self.filled = 0
        self.padding_B = padding_B
        self.padded = bool(padding_B.any())
        shape = (c.n_layers, 2, len(padding_B) * c.n_kv_heads, slots, c.d_head)
        self.held = torch.empty(shape, dtype=dtype)
        """Keys and values of each layer, [L, 2, B N, S, K]."""
        starts_B = padding_B if self.padded else padding_B[:1]
        self._cos, self._sin = _rotations(c, torch.arange(slots) - starts_B[:, None], dtype)
        hidden_BS = torch.arange(slots) < starts_B[:, None]
        mask = _additive(~hidden_BS[:, None], dtype)
        self._mask = mask.repeat_interleave(c.n_kv_heads, 0) if self.padded else mask

    def repeated(self, times: int, slots: int) -> "KVCache":
        """A cache with each row so many times, side by side, and room for ``slots`` positions."""
        c, rows = self._config, len(self.padding_B)
        more = KVCache(c, self.padding_B.repeat_interleave(times), slots, self.held.dtype)
        more.filled = self.filled
        held = self.held.view(c.n_layers, 2, rows, 1, c.n_kv_heads, -1, c.d_head)
        room = more.held.view(c.n_layers, 2, rows, times, c.n_kv_heads, slots, c.d_head)
        room[..., : self.filled, :] = held[..., : self.filled, :]
        return more

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but these, which are in rising order; no other memory is taken."""
        heads = torch.arange(self.held.shape[2]).view(len(self.padding_B), -1)[rows].flatten()
        for held in self.held.flatten(0, 1):
            held[: len(heads), : self.filled] = held[heads, : self.filled]
        self.held = self.held[:, :, : len(heads)]
        self.padding_B = self.padding_B[rows]
        if self.padded:
            self._cos, self._sin, self._mask = self._cos[rows], self._sin[rows], self._mask[heads]

    def view(self, tokens: int, window_tokens: int | None) -> "View":
        """Where the next ``tokens`` of each row stand, and what they may look at."""
        c, start, end = self._config, self.filled, self.filled + tokens
        cos, sin = self._cos[:, :, start:end], self._sin[:, :, start:end]
        first = max(end - window_tokens, 0) if window_tokens and tokens == 1 else 0
        mask = self._mask[:, :, first:end]
        if tokens > 1:
            seen = _seen(torch.arange(start, end), torch.arange(end), window_tokens)
            mask = torch.minimum(mask, _additive(seen, mask.dtype))
            mask = mask.repeat_interleave(c.n_heads // c.n_kv_heads, 1)
        return View(cos, sin, mask, slice(start, end), slice(first, end))


class Transformer(nn.Module):
    """Token ids to the next token's logits."""

    def __init__(self, config: ModelConfig) -> None:
        """New weights, normal, drawn from torch's global random state.

        Source: Nguyen and Salazar 2019, arXiv:1910.05895 (SmallInit): the deviation falls with
        the width, and is near the usual 0.02 at a width of 1024. Radford et al. 2019 (GPT-2):
        what is added to the residual stream is smaller by the root of the number of additions.
        """
        super().__init__()
        c = self.config = config
        self.embedding = _drawn(c.vocab_size, c.d_model, c.initial_deviation)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.n_layers))
        self.norm = nn.Parameter(torch.ones(c.d_model))
        if not c.tied:
            self.head = _drawn(c.vocab_size, c.d_model, c.initial_deviation)

    def forward(self, tokens_BT: Tensor, cache: KVCache | None = None) -> Tensor:
        """The logits BTV after each token.

        With a ``cache``, which takes no gradients, ``tokens_BT`` follow what it holds, and are
        added to it. Without, every row starts at position 0, and padding belongs on the right.
        """
        return self.hidden(tokens_BT, cache) @ self.output.T

    def hidden(self, tokens_BT: Tensor, cache: KVCache | None = None) -> Tensor:
        """What the output projection reads, BTD; see ``forward``."""
        h_BTD = _applied(_Lookup, tokens_BT, self.embedding)
        tokens, windows = tokens_BT.shape[1], self.config.windows
        if cache is None:
            views = {each: _view(self.config, tokens, h_BTD.dtype, each) for each in set(windows)}
        else:
            views = {each: cache.view(tokens, each) for each in set(windows)}
        for index, block in enumerate(self.blocks):
            past = None if cache is None else cache.held[index]
            h_BTD = block(h_BTD, views[windows[index]], past)
        if cache is not None:
            cache.filled += tokens
        normed: Tensor = _applied(_RMSNorm, h_BTD, self.norm, self.config.norm_eps)
        return normed

    def loss(self, tokens_BT: Tensor, targets_BT: Tensor, weights_BT: Tensor) -> Tensor:
        """The sum of each target's cross-entropy in nats times its weight; fp32.

        Never holds the logits of more than a few hundred positions. No gradient goes to the
        weights, and where a weight is 0 the target may be any token.
        """
        if not torch.is_grad_enabled():
            return (self.nats(tokens_BT, targets_BT) * weights_BT).sum()
        rows = (self.hidden(tokens_BT).flatten(0, 1), self.output)
        loss: Tensor = _applied(_CrossEntropy, *rows, targets_BT.flatten(), weights_BT.flatten())
        return loss

    @torch.no_grad()
    def nats(self, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
        """The cross-entropy of each target, BT, fp32, without gradients."""
        hidden_RD = self.hidden(tokens_BT).flatten(0, 1)
        chunks = zip(
            torch.split(hidden_RD, CHUNK_ROWS),
            torch.split(targets_BT.flatten(), CHUNK_ROWS),
            strict=True,
        )
        nats = [
            F.cross_entropy((rows_RD @ self.output.T).float(), targets_R, reduction="none")
            for rows_RD, targets_R in chunks
        ]
        return torch.cat(nats).view_as(targets_BT)

    @property
    def output(self) -> Tensor:
        """The output projection, VD."""
        return self.embedding if self.config.tied else self.head


class Block(nn.Module):
    """Attention, then the feed-forward network, each added to what it reads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c = self.config = config
        normal = c.initial_deviation
        small = normal / math.sqrt(2 * c.n_layers)
        self.attention_norm = nn.Parameter(torch.ones(c.d_model))
        self.qkv = _drawn((c.n_heads + 2 * c.n_kv_heads) * c.d_head, c.d_model, normal)
        self.qkv_bias = nn.Parameter(torch.zeros(len(self.qkv))) if c.qkv_bias else None
        if c.qk_norm:
            self.q_norm = nn.Parameter(torch.ones(c.d_head))
            self.k_norm = nn.Parameter(torch.ones(c.d_head))
        self.attention_out = _drawn(c.d_model, c.n_heads * c.d_head, small)
        self.ff_norm = nn.Parameter(torch.ones(c.d_model))
        self.gate_up = _drawn(2 * c.d_ff, c.d_model, normal)
        self.ff_out = _drawn(c.d_model, c.d_ff, small)

    def forward(self, h_BTD: Tensor, view: "View", past: Tensor | None) -> Tensor:
        """``h_BTD`` with what this layer has to add; ``past`` is its part of a cache."""
        c = self.config
        normed = _applied(_RMSNorm, h_BTD, self.attention_norm, c.norm_eps)
        qkv = linear(normed, self.qkv, self.qkv_bias)
        if c.qk_norm:
            qkv = self._normed_heads(qkv)
        if past is None:
            attended = _applied(_Attention, qkv, view, c)
        else:
            attended = _attend_to_cache(qkv, view, c, past)
        h_BTD = h_BTD + linear(attended, self.attention_out)
        normed = _applied(_RMSNorm, h_BTD, self.ff_norm, c.norm_eps)
        return h_BTD + linear(_applied(_SwiGLU, linear(normed, self.gate_up)), self.ff_out)

    def _normed_heads(self, qkv_BTE: Tensor) -> Tensor:
        c = self.config
        heads = qkv_BTE.view(*qkv_BTE.shape[:2], -1, c.d_head)
        q, k, v = torch.split(heads, [c.n_heads, c.n_kv_heads, c.n_kv_heads], dim=2)
        q = _applied(_RMSNorm, q, self.q_norm, c.norm_eps)
        k = _applied(_RMSNorm, k, self.k_norm, c.norm_eps)
        return torch.cat([q, k, v], dim=2).flatten(2)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` times the transpose of ``weight``, which may be laid out in oneDNN's blocks."""
    if weight.is_mkldnn:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return F.linear(x, weight, bias)


class View(NamedTuple):
    """Where the tokens of a call stand, and which keys each of them may look at."""

    cos: Tensor
    sin: Tensor
    """Of each position's angles, [1 or B, 1, T, K]; the sine is negative in the first half."""
    mask: Tensor
    """To add to the scores, [1 or B N, 1 or T G, S]: 0, or as good as minus infinity."""
    new: slice
    """The slots of the tokens."""
    seen: slice
    """The slots of the keys, S."""


def _view(
    config: ModelConfig, tokens: int, dtype: torch.dtype, window_tokens: int | None = None
) -> View:
    """That of whole texts, which begin at slot 0."""
    slots = torch.arange(tokens)
    mask = _additive(_seen(slots, slots, window_tokens)[None], dtype)
    mask = mask.repeat_interleave(config.n_heads // config.n_kv_heads, 1)
    whole = slice(0, tokens)
    return View(*_rotations(config, slots[None], dtype), mask, whole, whole)


def _rotations(config: ModelConfig, positions_BT: Tensor, dtype: Any) -> tuple[Tensor, Tensor]:
    angles = positions_BT.clamp(min=0)[:, None, :, None] * config.rotary_rates
    cos = torch.cat([angles.cos(), angles.cos()], -1).to(dtype)
    return cos, torch.cat([-angles.sin(), angles.sin()], -1).to(dtype)


def _seen(slots_T: Tensor, keys_S: Tensor, window_tokens: int | None) -> Tensor:
    seen_TS = keys_S <= slots_T[:, None]
    if window_tokens is not None:
        seen_TS &= keys_S > slots_T[:, None] - window_tokens
    return seen_TS


def _additive(seen: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)


def _heads(qkv_BTE: Tensor, view: View, config: ModelConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Queries [B N, T G, K] and keys [B N, T, K] at their positions, and values [B N, T, K].

    The queries that share a head of keys are rows of one matrix, so that no key is copied.
    """
    c = config
    heads = qkv_BTE.view(*qkv_BTE.shape[:2], -1, c.d_head).transpose(1, 2)
    b, _, t, width = heads.shape
    turned = _turned(heads[:, : -c.n_kv_heads].contiguous(), view.cos, view.sin)
    queries = turned[:, : c.n_heads].view(b, c.n_kv_heads, -1, t, width).transpose(2, 3)
    rows = (b * c.n_kv_heads, -1, width)
    keys, values = turned[:, c.n_heads :], heads[:, -c.n_kv_heads :]
    return queries.reshape(rows), keys.reshape(rows), values.reshape(rows)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``x`` with each pair of its last dimension turned; the pairs are half a head apart."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


def _probabilities(q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
    """What each query gives to each key."""
    scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return torch.softmax(scores, -1)


class _Attention(torch.autograd.Function):
    """Causal attention with rotary positions, from the fused projection to the heads' outputs.

    It keeps the probabilities: on a CPU, at sequences of some hundred tokens, that is faster
    than the backward pass of ``scaled_dot_product_attention``, which computes them again.
    Blocks of queries look only at the keys up to their end.
    """

    @staticmethod
    def forward(ctx: Any, qkv_BTE: Tensor, view: View, config: ModelConfig) -> Tensor:
        q, k, v = _heads(qkv_BTE, view, config)
        out, kept = torch.empty_like(q), []
        for rows, end in _blocks(k.shape[1], config):
            p = _probabilities(q[:, rows], k[:, :end], view.mask[:, rows, :end])
            out[:, rows] = torch.bmm(p, v[:, :end])
            kept.append(p)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.view, ctx.config = view, config
        return _side_by_side(out, len(qkv_BTE), config)

    @staticmethod
    def backward(ctx: Any, dout_BTE: Tensor) -> tuple[Tensor, None, None]:
        q, k, v, *kept = ctx.saved_tensors
        c, view = ctx.config, ctx.view
        b, t, _ = dout_BTE.shape
        dout = dout_BTE.view(b, t, c.n_kv_heads, -1).transpose(1, 2).reshape(q.shape)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for p, (rows, end) in zip(kept, _blocks(t, c), strict=True):
            dv[:, :end] += torch.bmm(p.transpose(1, 2), dout[:, rows])
            dp = torch.bmm(dout[:, rows], v[:, :end].transpose(1, 2))
            dscores = torch._softmax_backward_data(dp, p, -1, p.dtype)
            dq[:, rows] = torch.bmm(dscores, k[:, :end])
            dk[:, :end] += torch.bmm(dscores.transpose(1, 2), q[:, rows])
        dq = dq.view(b, c.n_kv_heads, t, -1, c.d_head).transpose(2, 3).flatten(1, 2)
        turned = torch.cat([dq, dk.view(b, -1, t, c.d_head)], 1) * c.d_head**-0.5
        heads = [_turned(turned, view.cos, -view.sin), dv.view(b, -1, t, c.d_head)]
        return torch.cat([x.transpose(1, 2) for x in heads], 2).flatten(2), None, None


def _blocks(positions: int, config: ModelConfig) -> Iterator[tuple[slice, int]]:
    """The rows of each block of queries, and where the keys that it may look at end."""
    groups = config.n_heads // config.n_kv_heads
    for start in range(0, positions, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, positions)
        yield slice(start * groups, end * groups), end


def _attend_to_cache(qkv_BTE: Tensor, view: View, config: ModelConfig, past: Tensor) -> Tensor:
    q, *new = _heads(qkv_BTE, view, config)
    held = past.unbind()
    for kept, fresh in zip(held, new, strict=True):
        kept[:, view.new] = fresh
    keys, values = (kept[:, view.seen] for kept in held)
    out = torch.bmm(_probabilities(q, keys, view.mask), values)
    return _side_by_side(out, len(qkv_BTE), config)


def _side_by_side(out: Tensor, batch: int, config: ModelConfig) -> Tensor:
    """The heads' outputs [B N, T G, K] as [B, T, H K]."""
    n = config.n_kv_heads
    positions = out.shape[1] * n // config.n_heads
    return out.view(batch, n, positions, -1).transpose(1, 2).flatten(2)


class _RMSNorm(torch.autograd.Function):
    """``x`` over its root mean square, times a gain for each dimension."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain_D: Tensor, eps: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=_wide(x))
        inverse = torch.rsqrt(length.square() / x.shape[-1] + eps).to(x.dtype)
        normed = x * inverse
        ctx.save_for_backward(normed, inverse, gain_D)
        return normed * gain_D

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor, None]:
        normed, inverse, gain_D = ctx.saved_tensors
        dgain = (dy * normed).flatten(0, -2).sum(0, dtype=_wide(dy)).to(dy.dtype)
        dnormed = dy * gain_D
        along = (dnormed * normed).mean(-1, keepdim=True, dtype=_wide(dy)).to(dy.dtype)
        return torch.addcmul(dnormed, normed, along, value=-1).mul_(inverse), dgain, None


class _SwiGLU(torch.autograd.Function):
    """The swish of the first half of the last dimension, times the second half."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        gate, up = gate_up.chunk(2, -1)
        dgate = torch.ops.aten.silu_backward(dy * up, gate)
        return torch.cat([dgate, F.silu(gate).mul_(dy)], -1)


class _Lookup(torch.autograd.Function):
    """Rows of the embedding; a token's gradients are summed in fp32 also in a bf16 model."""

    @staticmethod
    def forward(ctx: Any, tokens_BT: Tensor, weight_VD: Tensor) -> Tensor:
        ctx.save_for_backward(tokens_BT)
        ctx.rows = len(weight_VD)
        return weight_VD[tokens_BT]

    @staticmethod
    def backward(ctx: Any, dy_BTD: Tensor) -> tuple[None, Tensor]:
        (tokens_BT,) = ctx.saved_tensors
        dweight = dy_BTD.new_zeros(ctx.rows, dy_BTD.shape[-1], dtype=_wide(dy_BTD))
        dweight.index_add_(0, tokens_BT.flatten(), dy_BTD.flatten(0, 1).to(dweight.dtype))
        return None, dweight.to(dy_BTD.dtype)


class _CrossEntropy(torch.autograd.Function):
    """The weighted sum of the targets' nats.

    The gradients are made on the way forward, while a chunk's probabilities are at hand: they
    then only wait for the factor of the sum. A target's probability is rounded to the model's
    number format, in bf16 by at most 0.4 %, so a single target's nats are right to 0.004. One that
    underflows counts as the smallest normal number, some 87 nats; its gradients are exact.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_RD: Tensor, output_VD: Tensor, targets_R: Tensor, weights_R: Tensor
    ) -> Tensor:
        loss = hidden_RD.new_zeros((), dtype=_wide(hidden_RD))
        dhidden_RD = torch.empty_like(hidden_RD)
        doutput_VD = torch.zeros_like(output_VD, dtype=loss.dtype)
        for start in range(0, len(hidden_RD), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            p_RV = torch.softmax(hidden_RD[rows] @ output_VD.T, -1)
            at_target = torch.arange(len(p_RV)), targets_R[rows]
            p_R = p_RV[at_target].clamp(min=torch.finfo(p_RV.dtype).tiny)
            loss -= p_R.to(loss.dtype).log() @ weights_R[rows].to(loss.dtype)
            p_RV[at_target] -= 1
            scale_R1 = weights_R[rows, None].to(p_RV.dtype)
            dhidden_RD[rows] = (p_RV @ output_VD) * scale_R1
            doutput_VD += p_RV.T @ (hidden_RD[rows] * scale_R1)
        ctx.save_for_backward(dhidden_RD, doutput_VD.to(output_VD.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor, Tensor, None, None]:
        dhidden, doutput = ctx.saved_tensors
        return dhidden * dloss.to(dhidden.dtype), doutput * dloss.to(doutput.dtype), None, None


class _NoContext:
    """What a ``Function`` is given to keep for its gradient where none is wanted."""

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep nothing."""


def _applied(function: Any, *arguments: Any) -> Any:
    """The function's value; without gradients by its formula alone: ``apply`` takes its time."""
    if torch.is_grad_enabled():
        return function.apply(*arguments)
    return function.forward(_NoContext(), *arguments)


def _wide(x: Tensor) -> torch.dtype:
    """The number format in which sums over ``x`` are made."""
    return torch.promote_types(x.dtype, torch.float32)


def _drawn(rows: int, columns: int, deviation: float) -> nn.Parameter:
    weight = torch.empty(rows, columns)
    if not weight.is_meta:  # whose kernels take a second or two to import
        torch.randn(rows, columns, out=weight).mul_(deviation)
    return nn.Parameter(weight)
