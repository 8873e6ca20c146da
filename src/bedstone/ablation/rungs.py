"""A ladder from its options to its answer: small models, a law, a prediction, and its score.

All models are of one recipe, one mix and one tokeniser, and are measured on one held-out text. The
target's loss is registered before its training begins: an artifact that nothing changes again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from bedstone import config as configs
from bedstone.ablation.price import TRAIN_FLOP, manifests, price, run_seconds
from bedstone.ablation.recipes import (
    PLANNER,
    SIZED,
    TOKENISER,
    Comparison,
    Proxy,
    number,
    only,
    sized,
)
from bedstone.ablation.runs import BASELINE, BITS, Arms, Run, gathered, prepare, trained
from bedstone.errors import ConfigError
from bedstone.evaluation.prediction import FILE
from bedstone.laws import shapes
from bedstone.laws.known import LAW_FILE, PREDICTION_FILE
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN
from bedstone.laws.repeated_text import NEARLY_FRESH_PASSES
from bedstone.scaling.score import came_first
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE as PLAN_FILE
from bedstone.store.decisions import ROLE as PLAN
from bedstone.store.making import Making
from bedstone.store.payload import read_json
from bedstone.store.stages import find
from bedstone.text.encoder import Encoder

LEAST_SIZES, LEAST_OF_SEVERAL = 3, 2
"""For the numbers of a law; of each with several numbers of tokens."""
PARAMETERS = ("--sizes", "--target")
EVEN, SHOWN = "even", 6
"""Shapes that are wide and deep alike; sizes that are told where two come to one."""
LAW = ("E", "A", "B", "alpha", "beta", "tokens_per_parameter", "intervals")
TOLD = ("seed_deviation_nats", "hold_out", "isoflop")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rungs:
    """What is to be trained."""

    sizes: tuple[int, ...]
    """In parameters, the smallest first."""
    target: int
    ratios: tuple[float, ...]
    """Tokens a parameter; the target's is the first."""
    budgets: tuple[float, ...]
    """FLOP, in place of the ratios of the sizes."""
    seeds: int

    @classmethod
    def read(cls, sizes: str, target: str, ratios: str, grid: str | None, seeds: int) -> "Rungs":
        """Of words as they are typed.

        Raises:
            ConfigError: one is no number, or together they tell no law or no larger model.
        """
        largest, given = _numbers("--target", target), _numbers("--sizes", sizes)
        found = cls(
            sizes=tuple(sorted(map(round, given))),
            target=round(largest[0]),
            ratios=_numbers("--tokens-per-parameter", ratios),
            budgets=() if grid is None else _numbers("--grid", grid),
            seeds=seeds,
        )
        if len(largest) > 1:
            raise ConfigError(f"--target {target}: one model is predicted, not {len(largest)}")
        if len(found.budgets) == 1:
            raise ConfigError(f"--grid {grid}: one budget does not tell what more of it would do")
        if found.budgets and len(found.ratios) > 1:
            raise ConfigError(
                "--tokens-per-parameter: with --grid it is the target's alone, one number"
            )
        least = LEAST_OF_SEVERAL if len(found.ratios) > 1 else LEAST_SIZES
        if len(found.sizes) < least:
            raise ConfigError(
                f"--sizes {sizes}: a law wants {least} sizes or more",
                hint="give four, each twice the one before: --sizes .1M,.2M,.4M,.8M",
            )
        if found.sizes[-1] >= found.target:
            raise ConfigError(
                f"--target {target}: it must be larger than each of --sizes {sizes}",
                hint="twice the largest size, say",
            )
        return found

    @property
    def aim(self) -> Proxy:
        """The target."""
        return Proxy(self.target, None, self.ratios[0], threads=None)

    def models(self, size_of: Mapping[int, int]) -> list[Proxy]:
        """The models that are trained before; those asked for have so many parameters."""
        if self.budgets:
            products = [flop / FLOP_PER_PARAMETER_AND_TOKEN for flop in self.budgets]
            return [Proxy(n, round(it / size_of[n])) for it in products for n in self.sizes]
        return [Proxy(n, None, ratio) for ratio in self.ratios for n in self.sizes]


def _numbers(option: str, words: str) -> tuple[float, ...]:
    """``.1M,.2M`` as numbers above 0, each another."""
    found = [number(word.strip()) for word in words.split(",")]
    known = tuple(each for each in found if each is not None)
    if len(known) < len(found) or (option in PARAMETERS and min(known) < 1):
        raise ConfigError(
            f"{option} {words!r}: these must be numbers above 0 and below 9e18",
            hint="write 100000 or .1M, and a comma between two",
        )
    if len(set(known)) < len(known):
        raise ConfigError(f"{option} {words}: a number is given twice")
    return known


def refuse_decided(sets: Sequence[str], comparison: Comparison) -> None:
    """Raises ConfigError where a setting of the plan is given that the ladder decides."""
    planner = comparison.baseline.nodes[-1].inputs.get(PLAN)
    for change in sets:
        node, _, key = change.partition("=")[0].partition(".")
        if node == planner and key.rpartition(".")[2] in SIZED:
            raise ConfigError(f"--set {change}: a ladder decides it, for each of its models")


def evenly(comparison: Comparison) -> Comparison:
    """The same with shapes that are wide and deep alike, unless the recipe says which."""
    recipe = comparison.baseline
    planner = only(recipe, PLANNER)
    if "shapes" in planner.config.model_fields_set:
        return comparison
    even = replace(planner, config=planner.config.model_copy(update={"shapes": EVEN}))
    nodes = tuple(even if node is planner else node for node in recipe.nodes)
    return replace(comparison, baseline=replace(recipe, nodes=nodes))


def climb(
    asked: Rungs, comparison: Comparison, given: Mapping[str, Sequence[Path]], where: Making
) -> Row:
    """Train the small ones, register what they say of the target, train it, and compare.

    Raises:
        ConfigError: sizes come to the same model.
        BedstoneError: a stage failed; what was finished stays, and the next call goes on.
    """
    foreseen(asked, comparison)
    arms = prepare(comparison, given, None, 1.0, where)
    vocab_size = Encoder.stored(arms.inputs(BASELINE)["tokenizer"]).vocab_size
    size_of = _size_of(asked, comparison, vocab_size)
    rungs = [_planned(arms, size, where) for size in asked.models(size_of)]
    texts = gathered(arms, where)
    runs = [
        (f"{number}-{seed}", _run(rung, seed, texts))
        for number, rung in reversed(list(enumerate(rungs)))  # the longest first
        for seed in range(asked.seeds)
    ]
    made = trained(runs, where, note="small models")
    models = {f"model.{name}": model for name, (model, _) in made.items()}
    bits = {f"bits.{name}": measured for name, (_, measured) in made.items()}
    law = where.build("scaling.ladder", {}, **models, **bits)
    plan = arms.node(BASELINE, PLANNER)
    prediction = where.build("scaling.predict", {}, ladder=law, plan=plan)
    ((model, measured),) = trained([("target", _run(arms, 0, texts))], where).values()
    inputs = {"model": model, "bits": measured, "prediction": prediction}
    score = where.build("evaluation.prediction", {}, **inputs)
    return _answer(score, law, prediction, model, [*made.values(), (model, measured)], plan)


def foreseen(asked: Rungs, comparison: Comparison) -> dict[int, int]:
    """Of each size asked for, the parameters of its model; the size, of a tokeniser that is given.

    Raises:
        ConfigError: two come to the same.
    """
    trained = [node for node in comparison.baseline.nodes if node.stage.name == TOKENISER]
    if not trained:
        return {size: size for size in (*asked.sizes, asked.target)}
    return _size_of(asked, comparison, dict(trained[0].config)["vocab_size"])


def _size_of(asked: Rungs, comparison: Comparison, vocab_size: int) -> dict[int, int]:
    plan = dict(only(comparison.baseline, PLANNER).config)
    sizes, words = (*asked.sizes, asked.target), (vocab_size, plan["seq_len"])
    even = plan["shapes"] == EVEN
    found = {it: shapes.counted(shapes.nearest(it, *words, even=even)).total for it in sizes}
    if len(set(found.values())) == len(found):
        return found
    smaller, larger = next((a, b) for a, b in pairwise(sizes) if found[a] == found[b])
    known = sorted({shapes.counted(each).total for each in shapes.given(*words, even=even)})
    at = max(known.index(found[larger]) - 1, 0)
    raise ConfigError(
        f"--sizes: {smaller:,} and {larger:,} come to the same model, of {found[larger]:,} "
        f"parameters, with a vocabulary of {vocab_size:,}",
        hint=f"there are {', '.join(f'{it:,}' for it in known[at : at + SHOWN])} and larger ones; "
        "with shapes any of scaling.plan there are more, or give a smaller vocab_size",
    )


def _planned(arms: Arms, size: Proxy, where: Making) -> Arms:
    """The same with another plan."""
    planner = only(arms.comparison.baseline, PLANNER)
    config = sized(planner, size.planned).config.model_dump(exclude_unset=True)
    inputs = {role: arms.made[BASELINE][name] for role, name in planner.inputs.items()}
    plan = where.build(PLANNER, config, **inputs)
    planned = replace(arms, made=({**arms.made[BASELINE], planner.name: plan},))
    return replace(planned, train_tokens=(planned.resolved(BASELINE)["train_tokens"],))


def _run(arms: Arms, seed: int, texts: Artifact) -> Run:
    plan = arms.resolved(BASELINE)
    bits = {name: plan[name] for name in ("number_format", "threads")}
    return Run(1.0, arms.request(BASELINE, seed), texts, configs.checked(find(BITS).config, bits))


def _answer(
    score: Artifact,
    law: Artifact,
    prediction: Artifact,
    target: Artifact,
    made: Sequence[tuple[Artifact, Artifact]],
    plan: Artifact,
) -> Row:
    fitted, scored = read_json(law, LAW_FILE), read_json(score, FILE)
    is_registered = came_first(prediction.manifest, target.manifest)
    answer = {
        "artifact": str(score.path),
        "runs": fitted["runs"],
        "law": {"artifact": str(law.path), **{name: fitted[name] for name in LAW}},
        **{name: fitted[name] for name in TOLD},
        "prediction": {
            **scored["predicted"],
            "artifact": str(prediction.path),
            "registered_before_the_run": is_registered,
        },
        "target": {
            name: scored[name] for name in ("parameters_total", "train_tokens", "seed", "loss_nats")
        },
        "held": scored["held"],
        "error_nats": scored["error_nats"],
        "cost": {
            "flop": sum(model.manifest.metrics["train_flop"] for model, _ in made),
            "seconds": sum(each.manifest.seconds for pair in made for each in pair),
        },
    }
    warnings = [*fitted["warnings"], *read_json(prediction, PREDICTION_FILE)["warnings"]]
    return {
        **answer,
        "warnings": [*warnings, *_doubts(read_json(plan, PLAN_FILE), is_registered=is_registered)],
    }


def _doubts(plan: Row, *, is_registered: bool) -> Iterator[str]:
    if not is_registered:
        yield "the target was trained before its loss was predicted: nothing was foretold"
    if plan["passes"] > NEARLY_FRESH_PASSES:
        yield (
            f"the target reads its text {plan['passes']:.1f} times, the smaller ones less often: "
            "what is read again teaches less, and the law does not reckon with that"
        )


def priced(
    asked: Rungs, comparison: Comparison, given: Mapping[str, Sequence[Path]], store: Path
) -> Row:
    """What all of it would take, by what the store's manifests say of the like."""
    found = price(comparison, given, asked.aim, store)
    past = list(manifests(store))
    size_of = foreseen(asked, comparison)
    rungs = [*asked.models(size_of), asked.aim]
    sizes = [replace(rung, parameters=size_of[rung.parameters]) for rung in rungs]
    times = [*[asked.seeds] * (len(sizes) - 1), 1]
    flop = [
        TRAIN_FLOP * size.parameters * size.tokens
        for size, count in zip(sizes, times, strict=True)
        for _ in range(count)
    ]
    seconds = [run_seconds(each, past) for each in flop]
    known = [each for each in seconds if each is not None]
    warnings = []
    if found.unknown:
        warnings.append(
            f"without the time of {', '.join(found.unknown)}: this store has not built their like"
        )
    if len(known) < len(seconds):
        warnings.append("without the time of training: this store has trained no models like these")
    return {
        "models": len(flop),
        "nodes_to_build": list(found.to_build["baseline"]),
        "flop": sum(flop),
        "seconds": found.corpus_seconds + sum(known) if len(known) == len(seconds) else None,
        "unknown": list(found.unknown),
        "warnings": warnings,
    }
