"""What it costs to draw a token of every row: ours against Hugging Face's processors.

    python benchmarks/sampling.py [--rows 32] [--vocabulary 32000] [--rounds 15]

Both sides take the same logits, Gaussian, and temperature, top-k and top-p; theirs are the three
processors and ``multinomial`` of the softmax, as ``generate`` has them. Times are CPU seconds on
one thread, the sides taking turns. ``whole`` is our chain on all the vocabulary.
"""

import argparse
from collections.abc import Callable

import torch
from timing import cpu_seconds
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from bedstone.generation.chain import parse
from bedstone.generation.distribution import candidates, logprobs
from bedstone.generation.generate import draw

SPREAD = 2.5
SETTINGS = ((0.8, 50, 0.95), (1.0, 200, 0.9), (0.6, 20, 0.95))
"""Temperature, top-k and top-p."""


def sides(
    logits_BV: Tensor, numbers_B: Tensor, value: float, k: int, p: float
) -> dict[str, Callable[[], Tensor]]:
    """Each draws one token a row."""
    processors = (TemperatureLogitsWarper(value), TopKLogitsWarper(k), TopPLogitsWarper(p))
    chain = parse(f"temperature={value},top_k={k},top_p={p}")
    no_text = torch.zeros(len(logits_BV), 0, dtype=torch.int64)

    def hugging_face() -> Tensor:
        scores_BV = logits_BV
        for processor in processors:
            scores_BV = processor(no_text, scores_BV)
        return torch.multinomial(scores_BV.softmax(dim=1), 1)[:, 0]

    def whole() -> Tensor:
        return draw(logprobs(chain, logits_BV), numbers_B).places

    def narrowed() -> Tensor:
        found = candidates(chain, logits_BV)
        return found.tokens(draw(found.logprobs, numbers_B).places)

    assert torch.equal(whole(), narrowed())
    return {"hugging face": hugging_face, "whole": whole, "candidates": narrowed}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=32)
    arguments.add_argument("--vocabulary", type=int, default=32_000)
    arguments.add_argument("--rounds", type=int, default=15)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    logits_BV = torch.randn(given.rows, given.vocabulary, generator=generator) * SPREAD
    numbers_B = torch.rand(given.rows, dtype=torch.float64, generator=generator)
    print(f"{given.rows} x {given.vocabulary} logits, median of {given.rounds}, one thread")
    for value, k, p in SETTINGS:
        found = cpu_seconds(sides(logits_BV, numbers_B, value, k, p), given.rounds)
        theirs = found["hugging face"]
        print(f"temperature {value}, top-k {k}, top-p {p}")
        for name, each in found.items():
            print(f"    {name:12}  {each * 1e3:7.2f} ms  {theirs / each:5.1f}x")


if __name__ == "__main__":
    main()
