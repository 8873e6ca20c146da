"""A training step of ours against Hugging Face's Llama of the same shape, interleaved.

    python benchmarks/train_step.py [--threads N] [--rounds N]

Prints CPU seconds a step and tokens a CPU second; ratios are of medians within this process.
"""

import argparse
from collections.abc import Callable

import torch
from timing import cpu_seconds
from transformers import LlamaConfig, LlamaForCausalLM

from bedstone.counting.shape import ModelConfig
from bedstone.model.transformer import DTYPES, Transformer
from bedstone.training.optim import OptimizerConfig
from bedstone.training.optimizer import Optimizer, clip_scale

SHAPES = {
    "0.44 M": ModelConfig(
        vocab_size=4096, n_layers=4, d_model=64, n_heads=2, n_kv_heads=1, d_ff=160, seq_len=256
    ),
    "1.5 M": ModelConfig(
        vocab_size=4096, n_layers=5, d_model=128, n_heads=4, n_kv_heads=2, d_ff=352, seq_len=256
    ),
}
ROWS, LENGTH = 16, 256
Step = Callable[[], None]


def ours(shape: ModelConfig, tokens: torch.Tensor, number_format: str) -> Step:
    model = Transformer(shape).to(DTYPES[number_format])
    optimizer = Optimizer(model, OptimizerConfig())
    weights = torch.full((ROWS, LENGTH), 1 / (ROWS * LENGTH))

    def step() -> None:
        model.loss(tokens[:, :-1], tokens[:, 1:], weights).backward()
        optimizer.step(1e-3, clip_scale(optimizer.gather(), 1.0))

    return step


def hugging_face(shape: ModelConfig, tokens: torch.Tensor, *, autocast: bool) -> Step:
    config = LlamaConfig(
        vocab_size=shape.vocab_size,
        num_hidden_layers=shape.n_layers,
        hidden_size=shape.d_model,
        num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_kv_heads,
        intermediate_size=shape.d_ff,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = model(input_ids=tokens[:, :-1], labels=tokens[:, :-1]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    torch.manual_seed(0)
    for name, shape in SHAPES.items():
        tokens = torch.randint(shape.vocab_size, (ROWS, LENGTH + 1))
        steps = {
            "ours, bf16": ours(shape, tokens, "bf16"),
            "ours, fp32": ours(shape, tokens, "fp32"),
            "transformers, fp32": hugging_face(shape, tokens, autocast=False),
            "transformers, bf16 autocast": hugging_face(shape, tokens, autocast=True),
        }
        seconds = cpu_seconds(steps, words.rounds)
        best = seconds["ours, bf16"]
        print(f"{name} parameters, {ROWS * LENGTH} tokens a step, {words.threads} threads")
        for what, taken in seconds.items():
            rate = ROWS * LENGTH / taken
            print(f"  {what:28} {1e3 * taken:7.0f} ms  {rate:8,.0f} tokens/s  {taken / best:5.2f}x")


if __name__ == "__main__":
    main()
