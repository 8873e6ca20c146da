"""What keeps a model's experts in use while it is trained, and how much each was.

Two losses are added to that of the text, each summed over the layers: the balance, which is least
where a batch comes to all experts alike, and the square of what the logits add up to, which keeps
them small. Both are of all that is computed at once. Evening out the load by biases instead (Wang
et al. 2024, arXiv:2408.15664) would need biases in the files that neither Mixtral's nor Qwen3's
shape has.
"""

import math
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from bedstone.model.experts import Routed
from bedstone.model.transformer import Block, Transformer
from bedstone.store.stage import Job, Metrics
from bedstone.training.curve import LAST_SHARE
from bedstone.training.optim import RoutingConfig

PHASES = round(1 / LAST_SHARE)
"""Of a run, counted apart; the last is that of the run's loss."""


class ExpertUse:
    """Looks at the routers of a model, step by step."""

    def __init__(self, model: Transformer, steps: int, config: RoutingConfig) -> None:
        """Counts in a run of so many ``steps``."""
        experts = [it.experts for it in cast("list[Block]", model.blocks)]
        self._layers = [number for number, each in enumerate(experts) if each]
        self._routed: list[Routed] = []
        for each in experts:
            if each:
                each.routed = self._routed
                self._config, router = each.config, each.router
        self._steps, self._weights = steps, config
        sizes = (PHASES, len(self._layers), self._config.n_experts)
        self.tokens_PLE = torch.zeros(sizes, dtype=torch.int64, device=router.device)
        """The tokens that came to each expert, by phase and layer; a checkpoint keeps them."""

    def balanced(self, loss: Tensor, step: int, part: float = 1.0) -> Tensor:
        """``loss``, computed just now in ``step``, with the gradients of both losses besides.

        Its value stays that of the text. It may be of a part of the step's sequences.
        """
        more = torch.zeros_like(loss)
        for routed in self._routed:
            more += self._weights.balance_weight * routed.balance
            more += self._weights.z_weight * routed.square
        phase = step * PHASES // self._steps
        self.tokens_PLE[phase] += torch.stack([routed.tokens_E for routed in self._routed])
        self._routed.clear()
        return loss + part * (more - more.detach())

    def metrics(self, tokens_PLE: Tensor, train_tokens: int) -> Metrics:
        """How even the last phase was, and what of all tokens' shares no expert got.

        Args:
            tokens_PLE: summed over the processes.
            train_tokens: of the run.
        """
        last_LE = tokens_PLE[self._phases()[-1]].double()
        shares_LE = last_LE / last_LE.sum(1, keepdim=True)
        nats_L = torch.special.entr(shares_LE).sum(1)
        pairs = train_tokens * self._config.n_active_experts * len(self._layers)
        n_experts = self._config.n_experts
        return {
            "expert_busiest_ratio": n_experts * shares_LE.max().item(),
            "expert_entropy_share": (nats_L.mean() / math.log(max(n_experts, 2))).item(),
            "expert_dropped_tokens": pairs - int(tokens_PLE.sum()),
        }

    def write(self, job: Job, tokens_PLE: Tensor) -> None:
        """As ``experts.parquet``: a row for each phase, layer and expert."""
        rows = [
            {
                "from_step": -(-phase * self._steps // PHASES),
                "layer": layer,
                "expert": expert,
                "tokens": tokens,
                "share": tokens / sum(of_layer),
            }
            for phase in self._phases()
            for layer, of_layer in zip(self._layers, tokens_PLE[phase].tolist(), strict=True)
            for expert, tokens in enumerate(of_layer)
        ]
        with job.part("experts.parquet") as path:
            pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")

    def _phases(self) -> list[int]:
        """Those with a step: of fewer steps than phases, some have none."""
        return sorted({step * PHASES // self._steps for step in range(self._steps)})
