"""What it costs to write: Bedstone's ``generate`` against that of transformers.

    python benchmarks/generation.py [--shapes 3M,10M] [--batches 1,8,32] [--rounds 5] [--device cpu]

Both sides hold the same random weights of a Llama in fp32 and in bf16, read the same prompts and
apply the same chain; no token ends a text. Times are CPU seconds of one thread, on a GPU those of
the clock, the sides taking turns; the median of the rounds. Ratios are over transformers in fp32
and in the side's own format.
The greedy tokens of the two in fp32 are equal, or the run stops.
"""

import argparse
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from timing import seconds_on
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel
from transformers.utils import logging

from bedstone.counting.shape import ModelConfig
from bedstone.generation.chain import parse
from bedstone.generation.generate import Drawing, generate
from bedstone.model import Device, NumberFormat, hugging_face
from bedstone.model.transformer import DTYPES, Transformer

SHAPES = {
    "3M": ModelConfig(
        vocab_size=8_192, n_layers=4, d_model=192, n_heads=6, n_kv_heads=3, d_ff=512, seq_len=512
    ),
    "10M": ModelConfig(
        vocab_size=16_384, n_layers=4, d_model=320, n_heads=10, n_kv_heads=5, d_ff=864, seq_len=512
    ),
    "135M": ModelConfig(
        vocab_size=49_152,
        n_layers=30,
        d_model=576,
        n_heads=9,
        n_kv_heads=3,
        d_ff=1_536,
        seq_len=512,
    ),
}
"""The last is the shape of SmolLM2-135M."""
PROMPT_TOKENS, NEW_TOKENS = 32, 96
CHAINS = {
    "greedy": {"do_sample": False},
    "temperature=0.8,top_k=50,top_p=0.95": {
        "do_sample": True,
        "temperature": 0.8,
        "top_k": 50,
        "top_p": 0.95,
    },
}
"""Ours, and how theirs is asked for."""

FORMATS: tuple[NumberFormat, ...] = ("fp32", "bf16")
Call = Callable[[], list[list[int]]]


def models(
    shape: ModelConfig, device: Device
) -> tuple[dict[str, Transformer], dict[str, PreTrainedModel]]:
    """Random weights in both number formats, as our models and as those of transformers.

    They are larger than new ones, so that the likeliest token stands out.
    """
    torch.manual_seed(0)
    model = Transformer(shape)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3 if weight.dim() > 1 else 1)
    with tempfile.TemporaryDirectory() as folder:
        hugging_face.save(model, lambda name: nullcontext(Path(folder, name)), end_token=0)
        ours = {each: hugging_face.load(Path(folder), each, device) for each in FORMATS}
        load = partial(AutoModelForCausalLM.from_pretrained, folder)
        return ours, {each: load(dtype=DTYPES[each]).to(device) for each in FORMATS}


def sides(
    ours: dict[str, Transformer],
    theirs: dict[str, PreTrainedModel],
    chain: str,
    prompts_BT: torch.Tensor,
) -> dict[str, Call]:
    """Each returns the new tokens of every prompt."""
    drawing = Drawing(parse(chain), 1, NEW_TOKENS, stop_ids=frozenset(), seed=0)
    config = GenerationConfig(
        max_new_tokens=NEW_TOKENS, min_new_tokens=None, pad_token_id=0, **CHAINS[chain]
    )
    config.eos_token_id = None

    def transformers(model: PreTrainedModel) -> list[list[int]]:
        mask = torch.ones_like(prompts_BT)
        written = model.generate(prompts_BT, attention_mask=mask, generation_config=config)
        return written[:, PROMPT_TOKENS:].tolist()

    def bedstone(model: Transformer) -> list[list[int]]:
        found = generate(model, prompts_BT.tolist(), drawing)
        return [list(completion.token_ids) for (completion,) in found]

    calls = {f"transformers {each}": partial(transformers, theirs[each]) for each in FORMATS}
    return calls | {f"bedstone {each}": partial(bedstone, ours[each]) for each in FORMATS}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--shapes", default="3M,10M")
    arguments.add_argument("--batches", default="1,8,32")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    given = arguments.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    print(f"prompt {PROMPT_TOKENS}, {NEW_TOKENS} new tokens, median of {given.rounds}")
    for name in given.shapes.split(","):
        ours, theirs = models(SHAPES[name], given.device)
        size = sum(weight.numel() for weight in ours["fp32"].parameters())
        print(f"{name}: {size / 1e6:.1f} M parameters, vocabulary {SHAPES[name].vocab_size}")
        for batch in map(int, given.batches.split(",")):
            prompts_BT = torch.randint(SHAPES[name].vocab_size, (batch, PROMPT_TOKENS))
            prompts_BT = prompts_BT.to(given.device)
            for chain in CHAINS:
                calls = sides(ours, theirs, chain, prompts_BT)
                if chain == "greedy":
                    assert calls["transformers fp32"]() == calls["bedstone fp32"]()
                found = seconds_on(torch.device(given.device), calls, given.rounds)
                print(f"  batch {batch}, {chain}")
                for side, each in found.items():
                    over_own = found[f"transformers {side.split()[1]}"] / each
                    over_fp32 = found["transformers fp32"] / each
                    print(f"    {side:17}  {each:7.3f} s  {over_fp32:5.2f}x  {over_own:5.2f}x")


if __name__ == "__main__":
    main()
