"""What a comparison takes, told before it and held to while it runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bedstone.ablation.recipes import TRAINER, Comparison, Proxy
from bedstone.ablation.runs import BITS
from bedstone.errors import ArtifactError, ConfigError
from bedstone.store import recipe as recipes
from bedstone.store.artifact import Artifact, Manifest, folders
from bedstone.store.decisions import FILE
from bedstone.store.decisions import ROLE as PLAN
from bedstone.store.payload import read_json
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE
from bedstone.uncertainty.intervals import MIN_DOCUMENTS

TRAIN_FLOP = 6.0
"""For each parameter and token, where no plan has counted them. Source: Kaplan et al. 2020,
arXiv:2001.08361, section 2.1."""
SCORING_SHARE = 0.1
"""Of a run's training: what measuring takes at most, where none was measured yet."""
NEAR = 3.0
"""Runs of so many times less or more FLOP are another machine's, as far as speed goes."""
TOLD_TOKENS = 20_000
"""Of a language, in the run: effects on languages were seen with so many; assumption: with much
fewer none is."""
HALF = 0.5
"""Of a run: the baseline's second one."""
CLOCK = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Price:
    """What is still to be done; None where that cannot be known before."""

    to_build: Mapping[str, tuple[str, ...]]
    """By arm, the nodes before training that are not built; those of the baseline count once."""
    unknown: tuple[str, ...]
    """Nodes of which nobody knows how long they take: the store has not built their like."""
    corpus_seconds: float
    """Of the other nodes."""
    run_flop: float | None
    """Of training one model."""
    run_seconds: float | None
    """Of training and measuring one model."""
    languages: Mapping[str, bool]
    """Of the mix, whether each has text enough for an answer of its own; empty before there is a
    mix and a plan."""

    def flop(self, arms: int, seeds: int) -> float | None:
        """Of as many models as ``seconds`` is told of."""
        return None if self.run_flop is None else seeds * (arms + 1 + HALF) * self.run_flop

    def seconds(self, arms: int, seeds: int) -> float | None:
        """Of ``seeds`` models of the baseline, half as many again, and of each arm."""
        if self.run_seconds is None:
            return None
        return self.corpus_seconds + seeds * (arms + 1 + HALF) * self.run_seconds


def price(
    comparison: Comparison,
    given: Mapping[str, Sequence[Path]],
    proxy: Proxy | None,
    store: Path,
) -> Price:
    """By what the store's manifests say of the like; nothing is built or measured."""
    recipe = comparison.before_training(0)
    baseline = recipes.built(recipe, given, store)
    to_build = {"baseline": tuple(it.name for it in recipe.nodes if baseline[it.name] is None)}
    for number, arm in enumerate(comparison.arms, start=1):
        own = comparison.before_training(number)
        names = [node.name for node in own.nodes]
        same = {name: made for name, made in baseline.items() if name not in names}
        found = recipes.built(own, given, store, held=same)
        to_build[arm.label] = tuple(name for name in names if found[name] is None)
    known = {name: it.manifest.seconds for name, it in baseline.items() if it is not None}
    named = [name for names in to_build.values() for name in names]
    plan, mix = (baseline.get(comparison.trainer.inputs.get(role, "")) for role in (PLAN, "mix"))
    flop = _run_flop(plan, proxy)
    past = list(manifests(store))
    return Price(
        to_build=to_build,
        unknown=tuple(dict.fromkeys(name for name in named if name not in known)),
        corpus_seconds=sum(known.get(name, 0.0) for name in named),
        run_flop=flop,
        run_seconds=run_seconds(flop, past),
        languages=_languages(mix, plan),
    )


def _run_flop(plan: Artifact | None, proxy: Proxy | None) -> float | None:
    if plan is not None:
        return float(read_json(plan, FILE)["flop"])
    return TRAIN_FLOP * proxy.parameters * proxy.tokens if proxy else None


def _languages(mix: Artifact | None, plan: Artifact | None) -> dict[str, bool]:
    """Whether each has held-out documents enough, and is read for tokens enough."""
    if mix is None or plan is None:
        return {}
    tokens = read_json(plan, FILE)["train_tokens"]
    return {
        name: each["held_out_documents"] >= MIN_DOCUMENTS and each["weight"] * tokens >= TOLD_TOKENS
        for name, each in read_json(mix, MIX_FILE)["languages"].items()
    }


def manifests(store: Path) -> list[Manifest]:
    """Of models and of what was measured on them."""
    found = []
    for folder in (it for stage in (TRAINER, BITS) for it in folders(store, f"{stage}-*")):
        try:
            found.append(Artifact(folder).manifest)
        except ArtifactError:  # another program's
            continue
    return found


def run_seconds(flop: float | None, past: Sequence[Manifest]) -> float | None:
    """At the speed of the runs near in FLOP, and with what measuring took."""
    near = [
        it.seconds / it.metrics["train_flop"]
        for it in past
        if flop and it.stage == TRAINER and 1 / NEAR <= it.metrics["train_flop"] / flop <= NEAR
    ]
    if flop is None or not near:
        return None
    seconds = flop * median(near)
    scored = [it.seconds for it in past if it.stage == BITS]
    return seconds + (sum(scored) / len(scored) if scored else SCORING_SHARE * seconds)


def seconds_of(text: str) -> float:
    """``90s``, ``30m`` or ``1.5h`` in seconds.

    Raises:
        ConfigError: it is no time.
    """
    try:
        value = float(text[:-1]) * CLOCK[text[-1:]]
    except (KeyError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        raise ConfigError(f"--until-cost {text!r} is no time", hint="write 90s, 30m or 2h")
    return value
