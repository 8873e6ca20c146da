"""A step of fine-tuning and one of preferences: tokens a second, here and now.

    python benchmarks/post_training.py [--device cuda] [--rounds 5]

Completions of 64 to 192 tokens, 4,096 tokens a step with padding, a model of 30 M parameters; CPU
seconds of one thread, or on a GPU those of the clock. A preference's reference is not computed:
that is done once, before the first step.
"""

import argparse
from collections.abc import Callable

import torch
from timing import seconds_on
from train_step import SHAPES

from bedstone.model.processor import converted, has_bf16_kernels
from bedstone.model.transformer import Transformer
from bedstone.posttrain.chat import Dialogue
from bedstone.posttrain.losses import dpo_loss, sequence_logprobs, sft_weights
from bedstone.posttrain.scoring import completion_logprobs, padded
from bedstone.training.optim import OptimizerConfig
from bedstone.training.optimizer import Optimizer, clip_scale

PROMPT_TOKENS = 32
ROWS = 20


def dialogues(vocabulary: int) -> list[Dialogue]:
    dice = torch.Generator().manual_seed(0)
    sizes = torch.randint(64, 193, (ROWS,), generator=dice).tolist()
    drawn = [torch.randint(vocabulary, (PROMPT_TOKENS + size,), generator=dice) for size in sizes]
    rows = [each.tolist() for each in drawn]
    return [Dialogue(tuple(ids[:PROMPT_TOKENS]), tuple(ids[PROMPT_TOKENS:])) for ids in rows]


def steps(number_format: str, device: torch.device) -> dict[str, Callable[[], None]]:
    shape, _ = SHAPES["30M"]
    model = converted(Transformer(shape), number_format, device)
    optimizer = Optimizer(model, OptimizerConfig())
    batch = dialogues(shape.vocab_size)

    def fine_tuning() -> torch.Tensor:
        tokens_BT, mask_BT = padded(batch, device)
        return model.loss(tokens_BT[:, :-1], tokens_BT[:, 1:], sft_weights(mask_BT))

    def preferences() -> torch.Tensor:
        sums_B = sequence_logprobs(*completion_logprobs(model, batch), ROWS)
        return dpo_loss(*(0.1 * sums_B).chunk(2))

    def step(loss: Callable[[], torch.Tensor]) -> None:
        loss().backward()
        optimizer.step(1e-5, clip_scale(optimizer.gather(), 1.0))

    return {
        f"fine-tuning, {number_format}": lambda: step(fine_tuning),
        f"preferences, {number_format}": lambda: step(preferences),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(words.device)
    formats = ("fp32", "bf16") if has_bf16_kernels(device) else ("fp32",)
    calls = {name: call for each in formats for name, call in steps(each, device).items()}
    tokens = sum(map(len, dialogues(SHAPES["30M"][0].vocab_size)))
    for name, taken in seconds_on(device, calls, words.rounds).items():
        print(f"{name:20} {1e3 * taken:8.1f} ms a step  {tokens / taken:9,.0f} tokens/s")


if __name__ == "__main__":
    main()
