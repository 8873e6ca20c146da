"""AdamW or Muon over a model in fp32 or in bf16 with fp32 master copies.

A bf16 weight has eight bits of precision: most updates are smaller than its last bit and would
be lost. So the optimizer changes an fp32 copy, and the model computes with its rounded value.
Weights that are shared out among processes are fp32 already, and are rounded when they are used.

Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.1 (master copies); Loshchilov and
Hutter 2019, arXiv:1711.05101 (AdamW).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from bedstone.training.optim import OptimizerConfig
from bedstone.training.processes import all_of

BETAS = (0.9, 0.95)
"""Source: Touvron et al. 2023, arXiv:2307.09288, section 2.2."""
OF_LAYERS = "blocks."

RateOf = Callable[[str], float]


def unscaled(name: str) -> float:
    """The same rate for all parameters."""
    return 1.0


class Optimizer:
    """Follows the gradients of a model's trainable weights; only matrices decay."""

    def __init__(
        self, model: nn.Module, config: OptimizerConfig, rate_of: RateOf = unscaled
    ) -> None:
        """Start with no moments.

        Args:
            model: whose weights are changed.
            config: how.
            rate_of: a parameter's learning rate over that of a step; it decays as if it were 1.
        """
        named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
        self._weights = [weight for _, weight in named]
        self._masters = {name: _master(weight) for name, weight in named}
        self._rules = _rules(self._masters, config, rate_of)
        self._begin()

    def gather(self) -> float:
        """Take over the gradients that the model has summed, and return their norm.

        Nothing is changed by it: look at the norm, then ``step`` or ``skip``.
        """
        for weight, master in self._pairs():
            gradient = cast(Tensor, weight.grad)
            master.grad = gradient if master is weight else gradient.to(master.dtype)
        return float(all_of(torch.nn.utils.get_total_norm(self._gradients())))

    def step(self, learning_rate: float, scale: float = 1.0) -> None:
        """Change the weights by the gradients, times ``scale``, that ``gather`` took over."""
        if scale != 1.0:
            torch._foreach_mul_(self._gradients(), scale)
        for rule in self._rules:
            for group in rule.param_groups:
                group["lr"] = learning_rate * group["rate"]
            rule.step()
        self._round()
        self.skip()

    def skip(self) -> None:
        """Forget the gradients."""
        for weight, master in self._pairs():
            weight.grad = master.grad = None

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, the weights included: by a weight's name."""
        names = {id(master): name for name, master in self._masters.items()}
        return {
            "masters": {name: master.detach() for name, master in self._masters.items()},
            "moments": {
                names[id(master)]: dict(moments)
                for rule in self._rules
                for master, moments in rule.state.items()
            },
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``, with the weights that it had."""
        own = self.state()
        for kind, by_name in own.items():
            for name, kept in by_name.items():
                found = state[kind][name]
                if isinstance(kept, Tensor):
                    kept.copy_(found)
                else:
                    for moment, value in kept.items():
                        value.copy_(found[moment])
        self._round()

    @torch.no_grad()
    def unround(self) -> None:
        """Give the model its weights in fp32, for saving; no step may follow."""
        for weight, master in self._pairs():
            weight.data = master.data

    def _begin(self) -> None:
        # A step at rate 0 changes nothing, and makes the moments that a checkpoint is read into.
        for master in self._masters.values():
            master.grad = torch.zeros_like(master)
        for rule in self._rules:
            rule.step()
            for moments in rule.state.values():
                for moment in moments.values():
                    moment.zero_()
        self.skip()

    def _pairs(self) -> "zip[tuple[nn.Parameter, nn.Parameter]]":
        return zip(self._weights, self._masters.values(), strict=True)

    def _gradients(self) -> list[Tensor]:
        return [cast(Tensor, master.grad) for master in self._masters.values()]

    @torch.no_grad()
    def _round(self) -> None:
        for weight, master in self._pairs():
            if master is not weight:
                weight.copy_(master)


def _rules(
    masters: Mapping[str, nn.Parameter], config: OptimizerConfig, rate_of: RateOf
) -> list[torch.optim.Optimizer]:
    groups: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    alike = defaultdict[tuple[bool, float, bool], list[nn.Parameter]](list)
    for name, master in masters.items():
        is_of_layers = name.startswith(OF_LAYERS) and master.dim() == 2
        by_muon = config.method == "muon" and is_of_layers
        alike[by_muon, rate_of(name), master.dim() >= 2].append(master)
    for (by_muon, rate, decays), params in alike.items():
        decay = config.weight_decay * decays / rate
        groups[by_muon].append({"params": params, "rate": rate, "weight_decay": decay})
    rules: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups[False], lr=0.0, betas=BETAS, fused=True)
    ]
    if groups[True]:
        rules.append(torch.optim.Muon(groups[True], lr=0.0, adjust_lr_fn="match_rms_adamw"))
    return rules


def _master(weight: nn.Parameter) -> nn.Parameter:
    """``weight`` itself if it is exact enough, else a copy that is."""
    return weight if weight.dtype == torch.float32 else nn.Parameter(weight.detach().float())


def clip_scale(norm: float, limit: float) -> float:
    """What brings gradients of this ``norm`` down to ``limit``; 1 if they are there.

    Source: Pascanu et al. 2013, arXiv:1211.5063.
    """
    return min(1.0, limit / norm) if norm > 0 else 1.0
