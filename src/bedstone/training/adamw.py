"""AdamW over a model in fp32 or in bf16 with fp32 master copies.

A bf16 weight has eight bits of precision: most updates are smaller than its last bit and would
be lost. So the optimizer changes an fp32 copy, and the model computes with its rounded value.

Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.1 (master copies); Loshchilov and
Hutter 2019, arXiv:1711.05101 (AdamW).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.95)
"""Source: Touvron et al. 2023, arXiv:2307.09288, section 2.2."""


class Optimizer:
    """AdamW on a model's trainable weights; only matrices decay."""

    def __init__(
        self,
        model: nn.Module,
        weight_decay: float,
        rate_of: Callable[[str], float] = lambda name: 1.0,
    ) -> None:
        """Start with no moments.

        Args:
            model: whose weights are changed.
            weight_decay: of the matrices, by learning rate and step.
            rate_of: a parameter's learning rate over that of a step; it decays as if it were 1.
        """
        named = [(name, it) for name, it in model.named_parameters() if it.requires_grad]
        self._weights = [weight for _, weight in named]
        self._masters = [_master(weight) for weight in self._weights]
        alike = defaultdict[tuple[float, bool], list[nn.Parameter]](list)
        for (name, weight), master in zip(named, self._masters, strict=True):
            alike[rate_of(name), weight.dim() >= 2].append(master)
        groups = [
            {"params": params, "rate": rate, "weight_decay": weight_decay * decays / rate}
            for (rate, decays), params in alike.items()
        ]
        self._adamw = torch.optim.AdamW(groups, lr=0.0, betas=BETAS, fused=True)

    def gather(self) -> float:
        """Take over the gradients that the model has summed, and return their norm.

        Nothing is changed by it: look at the norm, then ``step``.
        """
        for weight, master in zip(self._weights, self._masters, strict=True):
            gradient = cast(Tensor, weight.grad)
            master.grad = gradient if master is weight else gradient.to(master.dtype)
        gradients = [cast(Tensor, master.grad) for master in self._masters]
        return float(torch.nn.utils.get_total_norm(gradients))

    def step(self, learning_rate: float, scale: float = 1.0) -> None:
        """Change the weights by the gradients, times ``scale``, that ``gather`` took over."""
        if scale != 1.0:
            torch._foreach_mul_([cast(Tensor, master.grad) for master in self._masters], scale)
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate * group["rate"]
        self._adamw.step()
        self._round()
        for weight, master in zip(self._weights, self._masters, strict=True):
            weight.grad = master.grad = None

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, the weights included."""
        return {"masters": [m.detach() for m in self._masters], "adamw": self._adamw.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``, with the weights that it had."""
        with torch.no_grad():
            for master, kept in zip(self._masters, state["masters"], strict=True):
                master.copy_(kept)
        self._adamw.load_state_dict(state["adamw"])
        self._round()

    @torch.no_grad()
    def unround(self) -> None:
        """Give the model its weights in fp32, for saving; no step may follow."""
        for weight, master in zip(self._weights, self._masters, strict=True):
            weight.data = master.data

    @torch.no_grad()
    def _round(self) -> None:
        for weight, master in zip(self._weights, self._masters, strict=True):
            if master is not weight:
                weight.copy_(master)


def _master(weight: nn.Parameter) -> nn.Parameter:
    """``weight`` itself if it is exact enough, else a copy that is."""
    return weight if weight.dtype == torch.float32 else nn.Parameter(weight.detach().float())


def clip_scale(norm: float, limit: float) -> float:
    """What brings gradients of this ``norm`` down to ``limit``; 1 if they are there.

    Source: Pascanu et al. 2013, arXiv:1211.5063.
    """
    return min(1.0, limit / norm) if norm > 0 else 1.0
