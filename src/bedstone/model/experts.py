"""Several feed-forwards in one layer, of which a router chooses some for each token.

The rows are sorted by expert, so that each expert multiplies its own at once; no expert has a
limit, so no token is dropped, and what one gets depends on no other but for rounding.

Shape letters, besides those of ``transformer``: E experts, A those that are active for a row,
P pairs of a row and an expert that is active for it (R A).

Source: Shazeer et al. 2017, arXiv:1701.06538; Jiang et al. 2024 (Mixtral), arXiv:2401.04088;
Yang et al. 2025 (Qwen3), arXiv:2505.09388.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bedstone.counting.shape import ExpertsConfig
from bedstone.model.functions import swiglu

ROW_GRAIN = 32
"""In bf16 an expert's rows are filled up to a multiple of so many: for each other number of rows
oneDNN prepares itself anew, which takes longer than a small product; by measurement."""
ALIGNED = 8
"""A row of CUDA's grouped product is a multiple of so many numbers in bf16, 16 bytes."""


class Routed(NamedTuple):
    """What a router did with the rows of a call."""

    tokens_E: Tensor
    """Rows that came to each expert, int64; each row comes to A."""
    balance: Tensor
    """E times the sum of each expert's share of the pairs times its mean probability: 1 if all
    are alike, E / A if one has all of the probability. Source: Fedus et al. 2021,
    arXiv:2101.03961, equation 4. Differs: with several active, the share is of the pairs."""
    square: Tensor
    """The mean square of the logarithm of the summed exponentials of the logits.
    Source: Zoph et al. 2022, arXiv:2202.08906, equation 5."""


class Experts(nn.Module):
    """The feed-forward network of a layer, in ``n_experts`` parts."""

    def __init__(self, config: ExpertsConfig, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.config = config
        n_experts, d_expert = config.n_experts, config.d_expert or d_ff
        self.router = nn.Parameter(torch.empty(n_experts, d_model))
        self.gate_up = nn.Parameter(torch.empty(n_experts, 2 * d_expert, d_model))
        self.ff_out = nn.Parameter(torch.empty(n_experts, d_model, d_expert))
        self.routed: list[Routed] | None = None
        """Where a call with gradients leaves what it did; None: nobody looks."""

    def forward(self, x_BTD: Tensor) -> Tensor:
        """What the active experts make of each row, weighted by the router's probabilities."""
        x_RD, n_active = x_BTD.flatten(0, 1), self.config.n_active_experts
        logits_RE = F.linear(x_RD, self.router)
        wide = torch.promote_types(x_RD.dtype, torch.float32)
        p_RE = torch.softmax(logits_RE, -1, dtype=wide)
        weights_RA, active_RA = torch.topk(p_RE, n_active, -1)
        if self.config.normed:
            weights_RA = weights_RA / weights_RA.sum(-1, keepdim=True)
        expert_P, order_P = active_RA.flatten().sort(stable=True)
        places_P = torch.empty_like(order_P)
        places_P[order_P] = torch.arange(len(order_P), device=order_P.device)
        numbers_E = torch.arange(self.config.n_experts, device=expert_P.device)
        ends_E = torch.searchsorted(expert_P, numbers_E, right=True)
        if self.routed is not None and torch.is_grad_enabled():
            self.routed.append(_routed(logits_RE.to(wide), p_RE, ends_E, n_active))
        each_PD = x_RD[:, None].expand(-1, n_active, -1).flatten(0, 1)
        sorted_PD = permuted(each_PD, order_P, places_P)
        ff_PF = swiglu(grouped(sorted_PD, self.gate_up, ends_E))
        out_PD = permuted(grouped(ff_PF, self.ff_out, ends_E), places_P, order_P)
        out_RAD = out_PD.view(*active_RA.shape, -1) * weights_RA[..., None].to(x_BTD.dtype)
        return out_RAD.sum(1).view_as(x_BTD)


def grouped(x_PD: Tensor, weight_EFD: Tensor, ends_E: Tensor) -> Tensor:
    """Each row times the transpose of its expert's matrix.

    Args:
        x_PD: sorted by expert.
        weight_EFD: a matrix for each expert.
        ends_E: the number of rows of each expert and of those before it.
    """
    is_aligned = not (weight_EFD.shape[1] % ALIGNED or weight_EFD.shape[2] % ALIGNED)
    if x_PD.is_cuda and x_PD.dtype == torch.bfloat16 and is_aligned:
        return torch._grouped_mm(x_PD, weight_EFD.transpose(1, 2), offs=ends_E.int())
    sizes = ends_E.diff(prepend=ends_E.new_zeros(1)).tolist()
    parts = zip(torch.split(x_PD, sizes), weight_EFD.unbind(), strict=True)
    return torch.cat([_product(rows, matrix) for rows, matrix in parts if len(rows)])


def permuted(x_PD: Tensor, order_P: Tensor, back_P: Tensor) -> Tensor:
    """The rows in this order; ``back_P`` is the order that undoes it."""
    function: Any = _Permuted
    rows_PD: Tensor = function.apply(x_PD, order_P, back_P)
    return rows_PD


def _product(x_PD: Tensor, weight_FD: Tensor) -> Tensor:
    if x_PD.dtype != torch.bfloat16:
        return F.linear(x_PD, weight_FD)
    filled_PD = F.pad(x_PD, (0, 0, 0, -len(x_PD) % ROW_GRAIN))
    return F.linear(filled_PD, weight_FD)[: len(x_PD)]


def _routed(logits_RE: Tensor, p_RE: Tensor, ends_E: Tensor, n_active: int) -> Routed:
    tokens_E = ends_E.diff(prepend=ends_E.new_zeros(1))
    shares_E = tokens_E.to(p_RE.dtype) / (len(p_RE) * n_active)
    balance = len(shares_E) * (shares_E @ p_RE.mean(0))
    return Routed(tokens_E, balance, logits_RE.logsumexp(-1).square().mean())


class _Permuted(torch.autograd.Function):
    """Rows in another order; eager autograd would add each gradient to zeros, one by one."""

    @staticmethod
    def forward(ctx: Any, x_PD: Tensor, order_P: Tensor, back_P: Tensor) -> Tensor:
        ctx.save_for_backward(back_P)
        return x_PD.index_select(0, order_P)

    @staticmethod
    def backward(ctx: Any, dy_PD: Tensor) -> tuple[Tensor, None, None]:
        (back_P,) = ctx.saved_tensors
        return dy_PD.index_select(0, back_P), None, None
