"""What a transformer computes besides matrix products.

Where eager autograd is slow on a CPU, a ``Function`` below writes the gradient out by hand; each
is the plain formula otherwise, and holds in every number format and on every device. On a GPU
attention and norm are torch's fused kernels.
The letters of the shapes stand in ``transformer``.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bedstone.counting.shape import ModelConfig
from bedstone.model.cache import View

CHUNK_ROWS = 512
"""Rows whose logits are in memory at once while a loss is computed; by measurement on a CPU."""
CHUNK_NUMBERS = 2**27
"""Logits in memory at once on a GPU, where a product of few rows leaves it idle."""


QUERY_BLOCK = 64
"""Positions whose scores are computed at once; by measurement."""


def heads_of(qkv_BTE: Tensor, view: View, config: ModelConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Queries [B N, T G, K] and keys [B N, T, K] at their positions, and values [B N, T, K].

    The queries that share a head of keys are rows of one matrix, so that no key is copied.
    """
    c = config
    heads = qkv_BTE.view(*qkv_BTE.shape[:2], -1, c.d_head).transpose(1, 2)
    b, _, t, width = heads.shape
    *both, values = torch.split(heads, [c.n_heads, c.n_kv_heads, c.n_kv_heads], 1)
    queries, keys = (_turned(x.contiguous(), view.cos, view.sin) for x in both)
    queries = queries.view(b, c.n_kv_heads, -1, t, width).transpose(2, 3)
    rows = (b * c.n_kv_heads, -1, width)
    return queries.reshape(rows), keys.view(rows), values.reshape(rows)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``x`` with each pair of its last dimension turned; the pairs are half a head apart."""
    return torch.mul(x, cos, out=out).addcmul_(x.roll(x.shape[-1] // 2, -1), sin)


def probabilities(q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
    """What each query gives to each key."""
    scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return torch.softmax(scores, -1)


def attention(qkv_BTE: Tensor, view: View, config: ModelConfig) -> Tensor:
    """Causal attention of whole texts, from the fused projection to the heads' outputs."""
    if qkv_BTE.device.type != "cpu":
        return fused_attention(qkv_BTE, view, config)
    out: Tensor = _applied(_Attention, qkv_BTE, view, config)
    return out


def fused_attention(qkv_BTE: Tensor, view: View, config: ModelConfig) -> Tensor:
    """As ``attention``, by torch's kernels for GPUs, which keep no probabilities."""
    heads = qkv_BTE.view(*qkv_BTE.shape[:2], -1, config.d_head).transpose(1, 2)
    sizes = [config.n_heads, config.n_kv_heads, config.n_kv_heads]
    queries, keys, values = torch.split(heads, sizes, 1)
    queries, keys = (_turned(each, view.cos, view.sin) for each in (queries, keys))
    grouped = config.n_heads != config.n_kv_heads
    if view.blocks is None:
        out = F.scaled_dot_product_attention(
            queries, keys, values, is_causal=True, enable_gqa=grouped
        )
    else:
        flex = _flex_attention(compiled=qkv_BTE.is_cuda)
        out = flex(queries, keys, values, block_mask=view.blocks, enable_gqa=grouped)
    return out.transpose(1, 2).flatten(2)


@cache
def _flex_attention(*, compiled: bool) -> Any:
    """Compiled it skips the blocks that are masked; else it is a formula."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention) if compiled else flex_attention


def rms_norm(x: Tensor, gain_D: Tensor, eps: float) -> Tensor:
    """``x`` over its root mean square, times a gain for each dimension."""
    if x.device.type != "cpu":
        return F.rms_norm(x, gain_D.shape, gain_D, eps)
    normed: Tensor = _applied(_RMSNorm, x, gain_D, eps)
    return normed


def swiglu(gate_up: Tensor) -> Tensor:
    """The swish of the first half of the last dimension, times the second half."""
    product: Tensor = _applied(_SwiGLU, gate_up)
    return product


def lookup(tokens_BT: Tensor, weight_VD: Tensor) -> Tensor:
    """Each token's row, BTD."""
    rows: Tensor = _applied(_Lookup, tokens_BT, weight_VD)
    return rows


def cross_entropy(
    hidden_RD: Tensor, output_VD: Tensor, targets_R: Tensor, weights_R: Tensor
) -> Tensor:
    """The sum of the targets' nats, each times its weight."""
    nats: Tensor = _applied(_CrossEntropy, hidden_RD, output_VD, targets_R, weights_R)
    return nats


def chunk_rows(output_VD: Tensor) -> int:
    """Rows whose logits are computed at once."""
    if output_VD.device.type == "cpu":
        return CHUNK_ROWS
    return max(CHUNK_NUMBERS // len(output_VD), CHUNK_ROWS)


class _Attention(torch.autograd.Function):
    """Causal attention with rotary positions, from the fused projection to the heads' outputs.

    It keeps the probabilities: on a CPU, at sequences of some hundred tokens, that is faster
    than the backward pass of ``scaled_dot_product_attention``, which computes them again.
    Blocks of queries look only at the keys up to their end.
    """

    @staticmethod
    def forward(ctx: Any, qkv_BTE: Tensor, view: View, config: ModelConfig) -> Tensor:
        q, k, v = heads_of(qkv_BTE, view, config)
        assert view.mask is not None
        out, kept = torch.empty_like(q), []
        for rows, end in _blocks(k.shape[1], config):
            p = probabilities(q[:, rows], k[:, :end], view.mask[:, rows, :end])
            out[:, rows] = torch.bmm(p, v[:, :end])
            kept.append(p)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.view, ctx.config = view, config
        return side_by_side(out, len(qkv_BTE), config)

    @staticmethod
    def backward(ctx: Any, dout_BTE: Tensor) -> tuple[Tensor, None, None]:
        q, k, v, *kept = ctx.saved_tensors
        c, view = ctx.config, ctx.view
        b, t, _ = dout_BTE.shape
        dout = dout_BTE.view(b, t, c.n_kv_heads, -1).transpose(1, 2).reshape(q.shape)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for p, (rows, end) in zip(kept, _blocks(t, c), strict=True):
            dv[:, :end].baddbmm_(p.transpose(1, 2), dout[:, rows])
            dp = torch.bmm(dout[:, rows], v[:, :end].transpose(1, 2))
            dscores = torch._softmax_backward_data(dp, p, -1, p.dtype)
            dq[:, rows] = torch.bmm(dscores, k[:, :end])
            dk[:, :end].baddbmm_(dscores.transpose(1, 2), q[:, rows])
        dqkv = dout.new_empty(b, t, c.n_heads + 2 * c.n_kv_heads, c.d_head)
        made = torch.split(dqkv.transpose(1, 2), [c.n_heads, c.n_kv_heads, c.n_kv_heads], 1)
        dq = dq.view(b, c.n_kv_heads, t, -1, c.d_head).transpose(2, 3).reshape(made[0].shape)
        for x, out in zip((dq, dk.view(made[1].shape)), made, strict=False):
            _turned(x.mul_(c.d_head**-0.5), view.cos, -view.sin, out=out)
        made[2].copy_(dv.view(made[2].shape))
        return dqkv.flatten(2), None, None


def _blocks(positions: int, config: ModelConfig) -> Iterator[tuple[slice, int]]:
    """The rows of each block of queries, and where the keys that it may look at end."""
    groups = config.n_heads // config.n_kv_heads
    for start in range(0, positions, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, positions)
        yield slice(start * groups, end * groups), end


def side_by_side(out: Tensor, batch: int, config: ModelConfig) -> Tensor:
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
        dgate_up = torch.empty_like(gate_up)
        dgate, dup = dgate_up.chunk(2, -1)
        torch.mul(dy, up, out=dgate)
        torch.ops.aten.silu_backward.grad_input(dgate, gate, grad_input=dgate)
        torch.ops.aten.silu.out(gate, out=dup).mul_(dy)
        return dgate_up


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
        size = chunk_rows(output_VD)
        for start in range(0, len(hidden_RD), size):
            rows = slice(start, start + size)
            p_RV = torch.softmax(hidden_RD[rows] @ output_VD.T, -1)
            at_target = torch.arange(len(p_RV), device=p_RV.device), targets_R[rows]
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
