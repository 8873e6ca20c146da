"""Whether experts pay: a model with experts against two dense ones, compared by `bedstone ablate`.

    python benchmarks/experts.py STORE [--tokens N] [--seeds N] [--workers N] [--rounds N]

On recipes/ablation.toml and the demo's crawl, in Qwen3's shape. The baseline is dense. One arm has
experts that are, those of a token together, as wide as its feed-forward: as many active parameters
but for the routers, and the same FLOP on as many tokens but for theirs. The other arm is dense and
as large in all as that with experts, and has the same FLOP on fewer tokens. Then steps of all three
take turns, for the time of a token. STORE keeps what is made: killed, the benchmark goes on.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ablation import scored
from timing import cpu_seconds
from train_step import ours

import bedstone
from bedstone.commands.desk import own_recipe
from bedstone.counting.count import parameters, train_flop_per_token
from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.evaluation.effects import WHOLE
from bedstone.store.artifact import Artifact
from bedstone.uncertainty.comparison import effects, verdict

N_EXPERTS, N_ACTIVE, D_EXPERT = 8, 2, 64
EXPERTS = ExpertsConfig(n_experts=N_EXPERTS, n_active_experts=N_ACTIVE, d_expert=D_EXPERT)
DENSE = ModelConfig(
    vocab_size=1024,
    n_layers=4,
    d_model=64,
    n_heads=2,
    n_kv_heads=1,
    d_ff=N_ACTIVE * D_EXPERT,
    seq_len=128,
    qk_norm=True,
)
ROWS, LENGTH = 16, 256
"""Of a timed step."""
SHAPES = {
    "dense": DENSE,
    "experts": DENSE.model_copy(update={"experts": EXPERTS}),
    "dense, as large in all": DENSE.model_copy(update={"d_ff": N_EXPERTS * D_EXPERT}),
}
GIVEN = ("n_layers", "d_model", "n_heads", "n_kv_heads", "d_ff", "qk_norm")


def compared(store: Path, tokens: int, seeds: int, workers: int) -> Mapping[str, Any]:
    """What the command says; the arms in the order of ``SHAPES``, after the baseline."""
    size = parameters(DENSE.architecture).total
    sizes = [f"base.{name}={str(getattr(DENSE, name)).lower()}" for name in GIVEN]
    crawl = Path(bedstone.build("corpus.crawl", store=store)["artifact"])
    experts = f"n_experts={N_EXPERTS},n_active_experts={N_ACTIVE},d_expert={D_EXPERT}"
    return bedstone.ablate(
        own_recipe("ablation"),
        {"crawl": [crawl]},
        vary=[f"base.experts={{{experts}}}", f"base.d_ff={N_EXPERTS * D_EXPERT}"],
        sets=[f"tokenizer.vocab_size={DENSE.vocab_size}", "base.number_format=bf16", *sizes],
        seeds=str(seeds),
        proxy=[f"parameters={size},tokens={tokens}"],
        match="flop",
        workers=workers,
        store=store,
    )


def told(answer: Mapping[str, Any]) -> None:
    """Each arm against the baseline, then experts against the dense model as large in all."""
    for name, arm in zip(SHAPES, [answer["baseline"], *answer["arms"]], strict=True):
        counted = parameters(SHAPES[name].architecture)
        flop = train_flop_per_token(SHAPES[name].architecture, DENSE.seq_len)
        print(
            f"{name}: {counted.total:,} parameters, {counted.active:,} active, {flop:,.0f} FLOP a "
            f"token; {arm['runs']} runs on {arm['train_tokens']:,} tokens, {arm['flop']:.3g} FLOP "
            f"and {arm['seconds']:.0f} s in all"
        )
    for name, row in zip(list(SHAPES)[1:], _whole(answer), strict=True):
        print(
            f"{name} against dense: {row['bits_per_byte']:.4f} bits a byte, "
            f"{row['difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f}), "
            f"{row['verdict']}; by seed {row['by_seed']}; tokens {row['worth_tokens']}"
        )
    yardstick, scores = scored(Artifact(Path(answer["artifact"])))
    rows = np.flatnonzero(yardstick.measured_H)
    found = yardstick.paired(scores.bits_KH[1] - scores.bits_KH[2], rows)
    effect = effects({WHOLE: found})[WHOLE]
    print(
        f"experts against dense, as large in all: {effect.difference:+.4f} "
        f"({effect.low:+.4f} to {effect.high:+.4f}), by seed {effect.by_seed}, "
        f"{verdict(effect, answer['margin_bits_per_byte'] or 0.0)}"
    )


def _whole(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in answer["effects"] if row["family"] == WHOLE]


def timed(rounds: int) -> None:
    """Tokens a CPU second of a step of each, on one thread."""
    torch.set_num_threads(1)
    tokens = torch.randint(DENSE.vocab_size, (ROWS, LENGTH + 1))
    for number_format in ("fp32", "bf16"):
        steps = {name: ours(shape, tokens, number_format) for name, shape in SHAPES.items()}
        seconds = cpu_seconds(steps, rounds)
        for name, taken in seconds.items():
            rate, ratio = ROWS * LENGTH / taken, taken / seconds["dense"]
            print(f"{number_format}, {name}: {rate:,.0f} tokens a CPU second, {ratio:.2f} x dense")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--tokens", type=int, default=1_500_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    words = parser.parse_args()
    told(compared(words.store, words.tokens, words.seeds, words.workers))
    timed(words.rounds)


if __name__ == "__main__":
    main()
