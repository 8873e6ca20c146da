"""nanoGPT's training step, of a model of about the same size: GPT-2's shape, and its choices.

Learnt positions, LayerNorm without biases, GELU over 4 d_model, torch's attention, one matrix for
queries, keys and values, a tied output; logits of all positions at once. On a CPU fp32 and AdamW
unfused; on a GPU bf16 autocast, AdamW fused, and compiled if asked. Source: Karpathy,
github.com/karpathy/nanoGPT, model.py and train.py at 3adf61e (2025-11).
"""

import math
from collections.abc import Callable
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bedstone.counting.shape import ModelConfig


class Block(nn.Module):
    """A layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = (nn.LayerNorm(width, bias=False) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` with what the layer adds."""
        b, t, width = x.shape
        parts = self.qkv(self.first(x)).split(width, dim=2)
        q, k, v = (each.view(b, t, self.heads, -1).transpose(1, 2) for each in parts)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(b, t, width))
        return x + self.down(F.gelu(self.up(self.second(x))))


class NanoGPT(nn.Module):
    """The whole model."""

    def __init__(self, shape: ModelConfig) -> None:
        super().__init__()
        width = shape.d_model
        self.tokens = nn.Embedding(shape.vocab_size, width)
        self.positions = nn.Embedding(shape.seq_len, width)
        self.blocks = nn.ModuleList(Block(width, shape.n_heads) for _ in range(shape.n_layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for weight in self.parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * shape.n_layers))

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of the targets."""
        places = torch.arange(inputs.shape[1], device=inputs.device)
        x = self.tokens(inputs) + self.positions(places)
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def step_of(
    shape: ModelConfig, tokens: Tensor, *, bf16: str = "", compiled: bool = False
) -> Callable[[], None]:
    """A step on these tokens.

    Args:
        shape: its width, depth, heads, vocabulary and length.
        tokens: of each sequence, and one more.
        bf16: ``autocast``; ``masters``: bf16 weights with fp32 copies, as ours; else fp32.
        compiled: as nanoGPT does on a GPU.
    """
    device = tokens.device.type
    model = NanoGPT(shape).to(tokens.device)
    masters = [weight.detach().clone() for weight in model.parameters()]
    if bf16 == "masters":
        model.bfloat16()
    followed = [nn.Parameter(each) for each in masters] if bf16 == "masters" else None
    fused = device == "cuda" or bf16 == "masters"
    optimizer = torch.optim.AdamW(
        followed or model.parameters(), lr=6e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=fused
    )
    forward = torch.compile(model) if compiled else model
    context = torch.autocast(device, torch.bfloat16) if bf16 == "autocast" else nullcontext()

    def step() -> None:
        with context:
            loss = forward(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        if followed:
            for master, weight in zip(followed, model.parameters(), strict=True):
                assert weight.grad is not None
                master.grad, weight.grad = weight.grad.float(), None
        torch.nn.utils.clip_grad_norm_(followed or model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if followed:
            with torch.no_grad():
                for master, weight in zip(followed, model.parameters(), strict=True):
                    weight.copy_(master)

    return step
