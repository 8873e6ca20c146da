"""A training step of ours against nanoGPT's and transformers' Llama, interleaved.

    python benchmarks/train_step.py [--sizes 1M,3.4M,10M] [--threads N] [--rounds N]
    python benchmarks/train_step.py --device cuda --sizes 30M,124M,1B

Prints seconds a step (of the CPU, or on a GPU of the clock), tokens a second, and utilisation on a
GPU; ratios are of medians within this process.
"""

import argparse
from collections.abc import Callable

import nanogpt
import torch
from timing import seconds_on
from transformers import LlamaConfig, LlamaForCausalLM

from bedstone.counting.count import train_flop_per_token
from bedstone.counting.shape import ModelConfig
from bedstone.model.processor import converted, has_bf16_kernels
from bedstone.model.transformer import Transformer
from bedstone.training.optim import OptimizerConfig
from bedstone.training.optimizer import Optimizer, clip_scale
from bedstone.training.threads import matmul_peak


def shape(
    vocabulary: int, layers: int, width: int, heads: int, ff: int, length: int
) -> ModelConfig:
    return ModelConfig(
        vocab_size=vocabulary,
        n_layers=layers,
        d_model=width,
        n_heads=heads,
        n_kv_heads=heads,
        d_ff=ff,
        seq_len=length,
    )


SHAPES = {
    "1M": (shape(4096, 4, 96, 3, 256, 256), 16),
    "3.4M": (shape(4096, 6, 192, 3, 512, 256), 16),
    "10M": (shape(8192, 6, 320, 5, 864, 256), 16),
    "30M": (shape(16_384, 8, 512, 8, 1_376, 1_024), 32),
    "124M": (shape(50_304, 12, 768, 12, 2_048, 1_024), 16),
    "1B": (shape(50_304, 20, 2_048, 16, 5_504, 2_048), 4),
}
"""The feed-forward's three matrices have as many numbers as nanoGPT's two; sequences a step."""
Step = Callable[[], None]


def ours(
    config: ModelConfig, tokens: torch.Tensor, number_format: str, *, compiled: bool = False
) -> Step:
    rows, length = len(tokens), tokens.shape[1] - 1
    model = converted(Transformer(config), number_format, tokens.device)
    if compiled:
        model.compile_blocks()
    optimizer = Optimizer(model, OptimizerConfig())
    weights = torch.full((rows, length), 1 / (rows * length), device=tokens.device)

    def step() -> None:
        model.loss(tokens[:, :-1], tokens[:, 1:], weights).backward()
        optimizer.step(1e-3, clip_scale(optimizer.gather(), 1.0))

    return step


def hugging_face(
    config: ModelConfig, tokens: torch.Tensor, *, autocast: bool, compiled: bool = False
) -> Step:
    theirs = LlamaConfig(
        vocab_size=config.vocab_size,
        num_hidden_layers=config.n_layers,
        hidden_size=config.d_model,
        num_attention_heads=config.n_heads,
        num_key_value_heads=config.n_kv_heads,
        intermediate_size=config.d_ff,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(theirs).to(tokens.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    forward = torch.compile(model) if compiled else model
    device = tokens.device.type

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=autocast):
            loss = forward(input_ids=tokens[:, :-1], labels=tokens[:, :-1]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def sides(config: ModelConfig, tokens: torch.Tensor) -> dict[str, Step]:
    if tokens.device.type == "cuda":
        return {
            "ours, bf16": ours(config, tokens, "bf16"),
            "ours, bf16, compiled": ours(config, tokens, "bf16", compiled=True),
            "nanoGPT, autocast, compiled": nanogpt.step_of(
                config, tokens, bf16="autocast", compiled=True
            ),
            "transformers, autocast": hugging_face(config, tokens, autocast=True),
        }
    found = {
        "ours, fp32": ours(config, tokens, "fp32"),
        "nanoGPT, fp32": nanogpt.step_of(config, tokens),
        "transformers, fp32": hugging_face(config, tokens, autocast=False),
    }
    if has_bf16_kernels(tokens.device):
        found |= {
            "ours, bf16": ours(config, tokens, "bf16"),
            "nanoGPT, bf16 and masters": nanogpt.step_of(config, tokens, bf16="masters"),
            "transformers, bf16 autocast": hugging_face(config, tokens, autocast=True),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--sizes", default="1M,3.4M,10M")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    torch.manual_seed(0)
    device = torch.device(words.device)
    peak = matmul_peak("bf16", device) if words.device == "cuda" else None
    for name in words.sizes.split(","):
        config, rows = SHAPES[name]
        tokens = torch.randint(config.vocab_size, (rows, config.seq_len + 1)).to(device)
        steps = sides(config, tokens)
        seconds = seconds_on(device, steps, words.rounds)
        size, count = (
            rows * config.seq_len,
            sum(w.numel() for w in Transformer(config).parameters()),
        )
        print(f"{name}: {count:,} parameters, {size:,} tokens a step, {words.threads} threads")
        flop = size * train_flop_per_token(config.architecture, config.seq_len)
        for what, taken in seconds.items():
            of_peak = f"  {flop / taken / peak:5.1%} of the peak measured" if peak else ""
            best = seconds["ours, bf16" if "bf16" in what or peak else "ours, fp32"]
            print(
                f"  {what:28} {1e3 * taken:7.1f} ms  {size / taken:9,.0f} tokens/s  "
                f"{taken / best:5.2f}x{of_peak}"
            )


if __name__ == "__main__":
    main()
