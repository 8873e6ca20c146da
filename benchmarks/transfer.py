"""Whether the best learning rate of a small model is that of a large one, by parametrisation.

    python benchmarks/transfer.py check
    python benchmarks/transfer.py sweep RUNS.jsonl TOKENS MIX [--only NAME]
    python benchmarks/transfer.py compare RUNS.jsonl TOKENS MIX
    python benchmarks/transfer.py tell RUNS.jsonl [--chart FILE.svg]

`check` prints how the change of each activation in the first steps grows with the width, and with
the depth. `sweep` trains on the tokens and the mix that the demo's recipe makes, and keeps each run
in a file: what is in it is not run again, so a sweep that was killed goes on. `compare` trains
longer, with the batches of the plan, at one rate for all and at the rates of DeepSeek's law. `tell`
prints the best rate of each shape, what another shape's best rate costs, and what was compared.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from bedstone.counting.shape import ModelConfig
from bedstone.laws import shapes
from bedstone.laws.hyperparameters import advice
from bedstone.model.parametrisation import BASE_DEPTH, BASE_WIDTH, Parametrisation, scale
from bedstone.model.processor import converted
from bedstone.model.transformer import Transformer
from bedstone.pretrain import loader
from bedstone.reporting import charts
from bedstone.reporting.axes import Axis
from bedstone.reporting.charts import Chart, Line
from bedstone.store.artifact import Artifact, Shard
from bedstone.training.optim import OptimizerConfig, Schedule
from bedstone.training.optimizer import Optimizer, clip_scale

PARAMETRISATIONS: tuple[Parametrisation, ...] = get_args(Parametrisation)
VOCABULARY = 4_096
"""The demo's."""
STEPS = 4
"""Of a coordinate check. Source: Yang et al. 2022, arXiv:2203.03466, appendix D.1."""
LAST_SHARE = 0.1
"""Of a run's steps: their mean loss, on text not yet seen, is the run's."""


def shape_of(width: int, depth: int, vocab_size: int, head: int = 32) -> ModelConfig:
    """As the plan would have it, but for the depth."""
    n_heads = width // head
    return ModelConfig(
        vocab_size=vocab_size,
        n_layers=depth,
        d_model=width,
        n_heads=n_heads,
        n_kv_heads=max(n_heads // 2, 1),
        d_ff=round(8 / 3 * width / 32) * 32,
        seq_len=256,
    )


def optimizer_of(model: Transformer, parametrisation: Parametrisation) -> Optimizer:
    decay = OptimizerConfig().weight_decay
    return Optimizer(
        model,
        OptimizerConfig(weight_decay=decay),
        lambda name: scale(model.config, name, parametrisation).rate,
    )


@torch.no_grad()
def activations(model: Transformer, tokens_BT: Tensor, targets_BT: Tensor) -> dict[str, Tensor]:
    """The residual stream after each part, what the output reads, the logits, those of targets.

    What the output reads is told without the gain that stands for the output's factor.
    """
    seen = {"embedding": model.embedding[tokens_BT]}
    hooks = [
        block.register_forward_hook(
            lambda _, __, out, name=f"block {number}": seen.update({name: out})
        )
        for number, block in enumerate(model.blocks)
    ]
    hidden = model.hidden(tokens_BT)
    for hook in hooks:
        hook.remove()
    logits = hidden @ model.output.T
    seen |= {"hidden": hidden / model.norm.mean(), "logits": logits}
    return seen | {"target's logit": logits.gather(-1, targets_BT[..., None])}


def changes(shape: ModelConfig, parametrisation: Parametrisation) -> dict[str, float]:
    """The root mean square of what a few steps change in each activation."""
    dice = torch.Generator().manual_seed(0)
    tokens_BT = torch.randint(shape.vocab_size, (4, 33), generator=dice)
    batch, targets = tokens_BT[:, :-1], tokens_BT[:, 1:]
    model = Transformer(shape, 0, parametrisation)
    before = activations(model, batch, targets)
    optimizer = optimizer_of(model, parametrisation)
    for _ in range(STEPS):
        model.loss(batch, targets, torch.full(targets.shape, 1 / targets.numel())).backward()
        optimizer.gather()
        optimizer.step(0.003)
    after = activations(model, batch, targets)
    return {name: float((after[name] - it).square().mean().sqrt()) for name, it in before.items()}


def slopes(by_size: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """Of the logarithm of each change against that of the size."""
    sizes = np.log(list(by_size))
    names = list(by_size[min(by_size)])
    return {
        name: float(np.polyfit(sizes, np.log([it[name] for it in by_size.values()]), 1)[0])
        for name in names
    }


def check() -> Iterator[str]:
    """The coordinate check in a table for each parametrisation."""
    sizes = {"width": (64, 128, 256, 512), "depth": (2, 4, 8, 16)}
    for parametrisation, (axis, values) in product(PARAMETRISATIONS, sizes.items()):
        by_size = {}
        for size in values:
            width, depth = (size, BASE_DEPTH) if axis == "width" else (BASE_WIDTH, size)
            found = changes(shape_of(width, depth, 64, head=16), parametrisation)
            if axis == "depth":  # of the blocks, the last
                last = found[f"block {depth - 1}"]
                found = {it: found[it] for it in found if not it.startswith("block")}
                found["last block"] = last
            by_size[size] = found
        yield f"{parametrisation}, {axis} {', '.join(map(str, values))}: change after {STEPS} steps"
        for name, slope in slopes(by_size).items():
            told = "  ".join(f"{it[name]:8.4f}" for it in by_size.values())
            yield f"  {name:14} {told}   slope {slope:+.2f}"


@dataclass(frozen=True)
class Setting:
    """What is trained, but for the rate and the seed."""

    width: int = BASE_WIDTH
    depth: int = BASE_DEPTH
    parametrisation: Parametrisation = "mup"
    batch_tokens: int = 1_024
    train_tokens: int = 307_200
    head: int = 32

    def __str__(self) -> str:
        shape = f"width {self.width}, depth {self.depth}, heads of {self.head}"
        tokens = f"{self.train_tokens:,} tokens by {self.batch_tokens:,}"
        return f"{self.parametrisation}, {shape}, {tokens}"


BASE = Setting()
LONG = 2 * BASE.train_tokens
SWEEPS = {
    "widths": [
        Setting(width, parametrisation=it) for width in (128, 256) for it in PARAMETRISATIONS
    ],
    "depths": [Setting(depth=n, parametrisation=it) for n in (4, 8) for it in PARAMETRISATIONS],
    "heads": [Setting(256, head=64)],
    "batches": [
        Setting(batch_tokens=2**power, train_tokens=LONG) for power in (10, 11, 12, 13, 14)
    ],
}
"""What is compared with ``BASE``, where both parametrisations are one."""
SEEDS = {"widths": 3, "depths": 2, "heads": 1, "batches": 1}
FIRST_RATE = -7
"""Where the search begins: rates are powers of 2."""


COMPARED = [(64, 4, 1_024_000), (32, 2, 1_024_000), (128, 5, 512_000)]
"""Width, depth, tokens."""
ONE_RATE = 0.011
COMPARED_SEEDS = (10, 11)
"""None that a rate was sought with."""


def arms(width: int, depth: int, tokens: int) -> dict[str, tuple[Setting, float]]:
    """What is compared at a size: each arm's setting and rate."""
    shape = shape_of(width, depth, VOCABULARY)
    flop = shapes.train_flop(shape, tokens)
    batch = shapes.batch_tokens(flop, shape.seq_len)
    law = advice("deepseek", 1.0, 1.0, flop).learning_rate
    mup = Setting(width, depth, "mup", batch, tokens)
    return {
        "mup at one rate": (mup, ONE_RATE),
        "standard at the law's rate": (replace(mup, parametrisation="standard"), law),
    }


class Runs:
    """The loss of each run, kept in a file."""

    def __init__(self, path: Path, data: tuple[dict[str, loader.Stream], Shard] | None) -> None:
        self._path, self._data = path, data
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.losses: dict[tuple[Setting, float, int], float] = {}
        for row in map(json.loads, lines):
            loss, rate, seed = row.pop("loss_nats"), row.pop("rate"), row.pop("seed")
            self.losses[Setting(**row), rate, seed] = loss

    def loss(self, setting: Setting, rate: float, seed: int) -> float:
        """Of a run with this learning rate; trained unless it was before."""
        key = setting, rate, seed
        if key not in self.losses:
            self.losses[key] = self._trained(*key)
            row = asdict(setting) | {"rate": rate, "seed": seed, "loss_nats": self.losses[key]}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
        return self.losses[key]

    def _trained(self, setting: Setting, rate: float, seed: int) -> float:
        assert self._data is not None
        streams, mix = self._data
        shape = shape_of(setting.width, setting.depth, VOCABULARY, setting.head)
        rows = setting.batch_tokens // shape.seq_len
        steps = setting.train_tokens // setting.batch_tokens
        order = loader.read_order(mix, rows * steps, seed)
        batches = loader.Loader(streams, order, rows, shape.seq_len)
        model = converted(Transformer(shape, seed, setting.parametrisation), "bf16")
        optimizer = optimizer_of(model, setting.parametrisation)
        schedule, losses = Schedule(rate, steps, OptimizerConfig()), []
        weights = torch.full((rows, shape.seq_len), 1 / (rows * shape.seq_len))
        for step in range(steps):
            tokens = torch.from_numpy(batches.batch(step))
            loss = model.loss(tokens[:, :-1], tokens[:, 1:], weights)
            losses.append(loss.item())
            loss.backward()
            optimizer.step(schedule.at(step), clip_scale(optimizer.gather(), 1.0))
        return mean(losses[-math.ceil(LAST_SHARE * steps) :])

    def search(self, setting: Setting, seed: int, first: int) -> int:
        """The power of 2 of least loss, with a worse one on each side."""
        powers = first - 1, first, first + 1
        near = {power: self.loss(setting, 2.0**power, seed) for power in powers}
        best = min(near, key=near.__getitem__)
        return best if best == first else self.search(setting, seed, best)

    def known(self, setting: Setting) -> dict[int, dict[float, float]]:
        """By seed the loss by the logarithm, base 2, of the rate, once the search has ended."""
        found = defaultdict[int, dict[float, float]](dict)
        for (other, rate, seed), loss in self.losses.items():
            if other == setting:
                found[seed][math.log2(rate)] = loss
        return {
            seed: it
            for seed, it in sorted(found.items())
            if min(it) < min(it, key=it.__getitem__) < max(it)
        }


def sweep(runs: Runs, only: str | None) -> None:
    """Search the best rate of each setting, seed by seed."""
    for seed, (name, settings) in product(range(max(SEEDS.values())), SWEEPS.items()):
        if seed < SEEDS[name] and only in (name, None):
            for setting in (BASE, *settings):
                runs.search(setting, seed, FIRST_RATE)


def parabola(losses: Mapping[float, float], near: float) -> np.polynomial.Polynomial:
    """Through the losses of the three rates that are nearest to one."""
    powers = sorted(losses, key=lambda power: abs(power - near))[:3]
    return np.polynomial.Polynomial.fit(powers, [losses[it] for it in powers], 2)


def best(losses: Mapping[float, float]) -> tuple[float, float]:
    """The logarithm of the best rate, and its loss."""
    fitted = parabola(losses, min(losses, key=losses.__getitem__))
    power = float(fitted.deriv().roots()[0])
    return power, float(fitted(power))


def told(values: Sequence[float], digits: int = 2) -> str:
    """Their mean, and the lowest and the highest."""
    return f"{mean(values):+.{digits}f} ({min(values):+.{digits}f} to {max(values):+.{digits}f})"


def tell(runs: Runs) -> Iterator[str]:
    """What the best rate is, how far from that of the base, and what the base's would cost."""
    bases = {seed: best(it)[0] for seed, it in runs.known(BASE).items()}
    yield f"base: {BASE}, log2 of the best rate {told([*bases.values()])}, {len(bases)} seeds"
    for name, settings in SWEEPS.items():
        for setting in settings:
            known = {seed: it for seed, it in runs.known(setting).items() if seed in bases}
            if not known:
                continue
            bests = {seed: best(it) for seed, it in known.items()}
            shifts = [bests[seed][0] - bases[seed] for seed in known]
            lost = [
                float(parabola(it, bases[seed])(bases[seed])) - bests[seed][1]
                for seed, it in known.items()
            ]
            yield (
                f"{name}: {setting}, {len(known)} seeds: log2 of the best rate "
                f"{told([it[0] for it in bests.values()])}, from the base's {told(shifts)}, loss "
                f"{mean(it[1] for it in bests.values()):.3f}, lost by the base's rate "
                f"{told(lost, 3)}"
            )

    for size in COMPARED:
        for name, (setting, rate) in arms(*size).items():
            losses = [loss for (*arm, _), loss in runs.losses.items() if arm == [setting, rate]]
            if losses:
                yield f"{setting}, {name} ({rate:.4f}): loss {told(losses, 3)}, {len(losses)} seeds"


def compare(runs: Runs) -> None:
    """Train each arm at each size."""
    for seed, size in product(COMPARED_SEEDS, COMPARED):
        for setting, rate in arms(*size).values():
            runs.loss(setting, rate, seed)


def chart(runs: Runs) -> Chart:
    """The loss by the rate at each width, of the first seed."""
    lines = []
    for setting in [BASE, *SWEEPS["widths"]]:
        kind = "made" if setting.parametrisation == "mup" else "before"
        powers, losses = zip(*sorted(runs.known(setting)[0].items()), strict=True)
        lines.append(Line([2**it for it in powers], losses, kind, f"width {setting.width}"))
    return charts.lines(
        lines,
        [],
        Axis("learning rate", log=True),
        Axis("loss in nats", "{:.2f}".format),
        "Loss by learning rate at three widths, with and without muP",
        [("made", "muP (width 64: both)"), ("before", "standard")],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("check", "sweep", "compare", "tell"))
    parser.add_argument("runs", nargs="?", type=Path)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--only", choices=SWEEPS)
    parser.add_argument("--chart", type=Path)
    words = parser.parse_args()
    torch.set_num_threads(1)
    if words.what == "check":
        print(*check(), sep="\n")
    elif words.what == "tell":
        runs = Runs(words.runs, None)
        print(*tell(runs), sep="\n")
        if words.chart:
            words.chart.write_text(charts.standalone(chart(runs)), "utf-8")
    else:
        tokens, mix = map(Artifact, words.data)
        runs = Runs(words.runs, (loader.read_streams(tokens, mix), mix))
        sweep(runs, words.only) if words.what == "sweep" else compare(runs)


if __name__ == "__main__":
    main()
