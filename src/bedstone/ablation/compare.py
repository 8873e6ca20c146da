"""A comparison from its options to its answer."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from bedstone import config as configs
from bedstone.ablation.decisions import decision
from bedstone.ablation.lenders import borrowed
from bedstone.ablation.price import HALF, SCORING_SHARE, price
from bedstone.ablation.recipes import ENCODER, HOLDER, Comparison, Proxy
from bedstone.ablation.runs import (
    BASELINE,
    Arms,
    Match,
    Run,
    gathered,
    planned_runs,
    prepare,
    shape_of,
    trained,
)
from bedstone.errors import ConfigError, nearest
from bedstone.evaluation.ablation import FILE, AblationConfig
from bedstone.evaluation.effects import DOMAIN, LANGUAGE, WHOLE, same
from bedstone.laws import shapes
from bedstone.scaling.speed import flop_per_second, way_of
from bedstone.store import tables
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.making import Making
from bedstone.store.payload import read_json
from bedstone.uncertainty.comparison import LOOKS
from bedstone.uncertainty.intervals import MIN_DOCUMENTS
from bedstone.uncertainty.paired import LEVEL

STAGE = "evaluation.ablation"
PACE_SECONDS = 1.5
"""Of measuring how fast a model trains, where the store has trained none like it."""
WORTH_TELLING_SECONDS = 60.0
"""What takes less is mostly what each run takes whatever it trains."""
TOLERANCE = 0.25
"""Predicted seconds are off by no more, or it is said."""
FILTER = "corpus.filter"
NOT_FROM_PROXIES = ("learning_rate", "vocab_size")
"""Keys whose best value in a small model is not that in a large one."""
SURE = ("better", "worse")
SHOWN = 8
"""Of what is untold, named in a warning."""
Row = dict[str, Any]
Trained = dict[str, tuple[Artifact, Artifact]]


@dataclass(frozen=True, slots=True)
class Seeds:
    """How many there are: so many, or looks after which it ends once every answer is in."""

    looks: tuple[int, ...]

    @classmethod
    def read(cls, text: str) -> "Seeds":
        """``3``, or ``3..8``: after 3, 5 and 8.

        Raises:
            ConfigError: it is neither.
        """
        first, dots, last = text.partition("..")
        known = first.isdecimal() and (last.isdecimal() if dots else not last)
        if known and not dots and int(first) >= 1:
            return cls((int(first),))
        looks = tuple(look for look in LOOKS if known and int(first) <= look <= int(last or first))
        if not dots or len(looks) < 2 or (looks[0], looks[-1]) != (int(first), int(last)):
            raise ConfigError(
                f"--seeds {text!r} is no number of seeds",
                hint=f"write --seeds 3, or --seeds 3..8: looks after {', '.join(map(str, LOOKS))}",
            )
        return cls(looks)

    def level(self, seeds: int) -> float:
        """Of the tests after so many: so that all looks together stay at the usual one."""
        past = [LOOKS[look] for look in self.looks if len(self.looks) > 1 and look <= seeds]
        return past[-1] if past else LEVEL


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted, besides the arms."""

    seeds: Seeds
    by: tuple[str, ...]
    margin: Mapping[str, float]
    """As a config of evaluation.ablation has it."""
    match: Match | None
    most_seconds: float | None
    rate: float = 1.0
    """Of the planned learning rate."""


def compare(
    comparison: Comparison,
    given: Mapping[str, Sequence[Path]],
    proxy: Proxy | None,
    asked: Asked,
    where: Making,
) -> Row:
    """Build the arms, train them seed by seed, and tell what differs.

    Raises:
        ConfigError: the documents have no such column, or the bound on the cost is too low for the
            first seed.
        BedstoneError: a stage failed; what was finished stays, and the next call goes on.
    """
    begun = time.monotonic()
    arms = prepare(comparison, given, asked.match, asked.rate, where)
    _refuse_unknown(asked.by, arms)
    differing = [it for it in range(1, len(arms.made)) if not arms.is_baseline(it)]
    if not differing:
        return _answer(arms, proxy, {}, None, None)
    run_seconds = price(comparison, given, proxy, where.store).run_seconds or _measured_pace(arms)
    texts, made = gathered(arms, where), Trained()
    artifact, done, models = None, 0, 0.0
    for look in asked.seeds.looks:
        for seeds in _rounds(range(done, look), asked.most_seconds):
            runs = [run for seed in seeds for run in planned_runs(arms, texts, seed)]
            missing = _missing(runs, where.store)
            if _is_too_much(asked, missing * run_seconds, begun, done, where):
                break
            models += missing
            made |= trained(runs, where, note=f"seeds {seeds[0]} to {seeds[-1]}")
            done = seeds[-1] + 1
        artifact = _measured(arms, made, texts, done, asked, where)
        found = read_json(artifact, FILE)
        if done < look or _is_told(found):
            break
    is_first = models == done * (len(differing) + 1 + HALF)
    return _answer(arms, proxy, made, artifact, models * run_seconds if is_first else None)


def _refuse_unknown(by: Sequence[str], arms: Arms) -> None:
    """Raises ConfigError where documents cannot be told apart by that."""
    documents = arms.made[BASELINE][arms.comparison.texts()["documents"]]
    columns = tables.schema(tables.table_path(documents.shards[0]))
    flat = [field.name for field in columns if not pa.types.is_nested(field.type)]
    for name in by:
        if name not in (known := [LANGUAGE, DOMAIN, *flat]):
            raise ConfigError(f"--by {name}: no such column; {nearest(name, known)}")


def _missing(runs: Iterable[tuple[str, Run]], store: Path) -> float:
    """How many models the store lacks; one that is trained on half of the tokens is half a one."""
    return sum(run.tokens_share for _, run in runs if not is_complete(run.request.folder(store)))


def _rounds(seeds: range, most_seconds: float | None) -> Iterator[range]:
    """All at once, so that no worker waits; with a bound, one by one."""
    if most_seconds is None:
        yield seeds
    else:
        yield from (range(seed, seed + 1) for seed in seeds)


def _measured_pace(arms: Arms) -> float:
    """Seconds of training and measuring a model of the baseline, by a few steps of it."""
    config, shape = arms.resolved(BASELINE), shape_of(arms, BASELINE)
    seconds = shapes.train_flop(shape, config["train_tokens"])
    speed = flop_per_second(shape, config["batch_tokens"], way_of(config), PACE_SECONDS)
    return (1 + SCORING_SHARE) * seconds / speed


def _is_too_much(asked: Asked, needed: float, begun: float, done: int, where: Making) -> bool:
    """Whether the next seeds would go beyond the bound.

    Raises:
        ConfigError: the first would.
    """
    if asked.most_seconds is None or not needed:
        return False
    spent = time.monotonic() - begun
    needed /= where.engine.workers
    if spent + needed <= asked.most_seconds:
        return False
    if not done:
        raise ConfigError(
            f"--until-cost: the first seed takes {needed / 60:.1f} minutes more, after "
            f"{spent / 60:.1f}, and {asked.most_seconds / 60:.1f} are allowed",
            hint="allow more, vary less, or compare smaller models",
        )
    where.progress.named("ablate").say(f"ends, seeds: {done}; the next would cost too much")
    return True


def _measured(
    arms: Arms, made: Trained, texts: Artifact, seeds: int, asked: Asked, where: Making
) -> Artifact:
    """The comparison's artifact, of so many seeds."""
    inputs: dict[str, Artifact | None] = {role: bits for role, (_, bits) in made.items()}
    for arm in range(len(arms.made)):
        inputs[f"mix.{arm}"] = arms.inputs(arm)["mix"]
        inputs[f"held_out.{arm}"] = arms.node(arm, HOLDER)
        inputs[f"kept.{arm}"] = arms.of_role(arm, ENCODER, "kept")
    inputs["texts"] = texts
    if set(asked.by) - {LANGUAGE, DOMAIN}:
        inputs["documents"] = arms.made[BASELINE][arms.comparison.texts()["documents"]]
    config = {
        "arms": [arm.label for arm in arms.comparison.arms],
        "parameters": shapes.counted(shape_of(arms, BASELINE)).total,
        "train_tokens": list(arms.train_tokens),
        "by": list(asked.by),
        "level": asked.seeds.level(seeds),
        **asked.margin,
    }
    given = {role: each for role, each in inputs.items() if each is not None}
    config |= borrowed(configs.checked(AblationConfig, config), given, where.store)
    return replace(where, progress=where.progress.named("compare")).build(STAGE, config, **given)


def _is_told(found: Row) -> bool:
    """Whether each arm's effect on the whole is."""
    whole = (row for row in found["effects"] if row["family"] == WHOLE)
    return all(row["verdict"] != "cannot tell" for row in whole)


def _answer(
    arms: Arms,
    proxy: Proxy | None,
    made: Trained,
    artifact: Artifact | None,
    predicted: float | None,
) -> Row:
    labels = [arm.label for arm in arms.comparison.arms]
    found: Row = (
        read_json(artifact, FILE)
        if artifact
        else {
            "yardstick": None,
            "parameters": shapes.counted(shape_of(arms, BASELINE)).total,
            "train_tokens": arms.train_tokens[BASELINE],
            "seeds": 0,
            "level": LEVEL,
            "margin_bits_per_byte": None,
            "slope_bits_per_byte": None,
            "arms": [{"value": label} for label in ("baseline", *labels)],
            "effects": [same(label) for label in labels],
            "noise": None,
            "untold": {},
        }
    )
    baseline, *others = found.pop("arms")
    rows = [_arm(arms, number, row, made) for number, row in enumerate(others, start=1)]
    cost = _cost(arms, made, predicted)
    answer = {
        "artifact": str(artifact.path) if artifact else None,
        "decision": decision(arms.comparison.arms),
        "baseline": _arm(arms, BASELINE, baseline, made),
        "proxy": {
            "planned": proxy is not None,
            "parameters": found.pop("parameters"),
            "train_tokens": found.pop("train_tokens"),
        },
        **{name: found[name] for name in ("seeds", "level", "yardstick")},
        "margin_bits_per_byte": found["margin_bits_per_byte"],
        "slope_bits_per_byte": found["slope_bits_per_byte"],
        "arms": rows,
        "effects": found["effects"],
        "noise": found["noise"] and {**found["noise"], "placebo": _placebo(arms, found["effects"])},
        "cost": cost,
    }
    return {**answer, "warnings": list(_warnings(arms, answer, found["untold"]))}


def _arm(arms: Arms, arm: int, row: Row, made: Trained) -> Row:
    """What was built for an arm, and what it took."""
    runs = [each for role, each in made.items() if role.startswith(f"bits.{arm}-")]
    nodes = arms.nodes(arm)
    shared = [name for name, each in nodes.items() if arm and arms.is_shared(each)]
    built = [name for name in nodes if name not in shared]
    own = [nodes[name] for name in built]
    return {
        **row,
        "nodes_shared": shared,
        "nodes_built": built,
        "runs": len(runs),
        "flop": sum(model.manifest.metrics["train_flop"] for model, _ in runs),
        "seconds": _seconds([*own, *(each for run in runs for each in run)]),
    }


def _seconds(artifacts: Sequence[Artifact]) -> float:
    return sum({it.path: it.manifest.seconds for it in artifacts}.values())


def _cost(arms: Arms, made: Trained, predicted: float | None) -> Row:
    runs = [each for run in made.values() for each in run]
    nodes = [each for arm in range(1, len(arms.made)) for each in arms.nodes(arm).values()]
    own = [each for each in nodes if not arms.is_shared(each)]
    return {
        "predicted_seconds": predicted,
        "seconds": _seconds(runs),
        "corpus_seconds": _seconds(own),
        "flop": sum(model.manifest.metrics["train_flop"] for model, _ in made.values()),
        "shared_seconds_saved": sum(it.manifest.seconds for it in nodes if arms.is_shared(it)),
    }


def _placebo(arms: Arms, effects: Sequence[Row]) -> Row | None:
    """An arm that only leaves documents out at random: what is said of nothing."""
    filters = [it.name for it in arms.comparison.baseline.nodes if it.stage.name == FILTER]
    keys = {f"{name}.share" for name in filters}
    values = {arm.label for arm in arms.comparison.arms if arm.key in keys}
    names = ("value", "difference", "low", "high", "verdict")
    for row in effects:
        if row["family"] == WHOLE and row["value"] in values:
            return {name: row[name] for name in names}
    return None


def _warnings(arms: Arms, answer: Row, untold: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What a reader must know before he believes it."""
    if answer["seeds"] == 1:
        yield "one seed tells no interval: models of one recipe differ by their seed alone"
    if answer["seeds"] == 2:
        yield "two seeds hardly tell how much seeds differ: intervals are wide, give --seeds 3"
    if answer["artifact"] and answer["slope_bits_per_byte"] is None:
        yield "twice the tokens made no better model, so no effect is told in tokens"
    told = [row for row in answer["effects"] if row["family"] == WHOLE]
    if any(row["counted"] == "documents" for row in told if not row["by_construction"]):
        yield (
            f"the held-out documents are of fewer than {MIN_DOCUMENTS} sites: intervals tell of "
            "further documents of these, and of no other site"
        )
    for family, units in untold.items():
        if units:
            yield (
                f"{family}: {len(units)} have fewer than {MIN_DOCUMENTS} held-out documents, so "
                f"nothing is told of them: {', '.join(units[:SHOWN])}"
                f"{' ...' if len(units) > SHOWN else ''}"
            )
    yardstick = answer["yardstick"]
    if yardstick and yardstick["left_out_by_an_arm"]:
        yield (
            f"{yardstick['left_out_by_an_arm']} held-out documents are not held out in each arm, "
            "and are measured in none"
        )
    for arm in arms.comparison.arms:
        if answer["proxy"]["planned"] and arm.key.rpartition(".")[2] in NOT_FROM_PROXIES:
            yield f"{arm.label}: the best value of a small model is not that of a large one"
    predicted, seconds = (answer["cost"][name] for name in ("predicted_seconds", "seconds"))
    if predicted and seconds > WORTH_TELLING_SECONDS and abs(seconds / predicted - 1) > TOLERANCE:
        yield f"it took {seconds:.0f} s where {predicted:.0f} s were predicted"


def signs(answers: Sequence[Row]) -> list[Row]:
    """Whether models of several sizes agree on which side of the baseline each arm is."""
    found = []
    for row in answers[0]["effects"]:
        key = (row["value"], row["family"], row["unit"])
        others = [
            each
            for answer in answers[1:]
            for each in answer["effects"]
            if (each["value"], each["family"], each["unit"]) == key
        ]
        if len(others) == len(answers) - 1 and not row["by_construction"]:
            differences = [row["difference"], *(each["difference"] for each in others)]
            is_told = any(each["verdict"] in SURE for each in (row, *others))
            agree = len({each > 0 for each in differences}) == 1 if is_told else None
            names = ("value", "family", "unit")
            found.append({**{n: row[n] for n in names}, "differences": differences, "agree": agree})
    return found
