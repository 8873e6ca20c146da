"""What a run would take, told before it: a rehearsal tells it of its corpus, a plan of training."""

import json
import logging
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bedstone.commands.rehearsal import (
    PLANNER,
    READER,
    Rehearsal,
    bytes_on_disk,
    parts,
    timed,
    trains,
)
from bedstone.counting.shape import SIZES, ModelConfig
from bedstone.errors import ConfigError
from bedstone.laws import shapes
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE as PLAN_FILE
from bedstone.store.decisions import ROLE as PLAN
from bedstone.store.payload import read_json
from bedstone.store.recipe import Node, Recipe
from bedstone.store.stages import DECIDING
from bedstone.text.encoder import FILES as TOKENIZER_FILES
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

ENCODING = ("tokenizer.encode",)
KIB_OR_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit in which the system tells a process's memory."""
SPEED_SECONDS = 1.5
"""Of the measurement of a training step, where no plan has measured one."""
WEIGHT_BYTES = 4
"""A stored weight is of fp32."""
HOW = {
    "documents": "{measured}, as if duplicates were as rare in all of them",
    "tokens": "{measured}, of those that are left",
    "flop": "of training steps alone, as planned for all of the text",
    "bytes_on_disk": f"{{measured}}; {WEIGHT_BYTES} bytes for each of a model's weights",
    "peak_memory_bytes": "at least: what the dry run itself held, a training step that a plan "
    "measured included; a stage holds the text of a whole shard, and answering takes more",
    "minutes": "{measured}; training at the speed that was measured or given",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a node takes; None where that is not known before, and why."""

    minutes: float | None = None
    bytes_on_disk: int | None = None
    flop: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """What an estimate tells of the whole run."""

    value: float | None
    left_out: str = ""
    """What is not in it, or why it is not known."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that will be trained."""

    shape: ModelConfig
    tokenizer_bytes: int

    @classmethod
    def planned(cls, config: Mapping[str, Any], tokenizer: Artifact) -> "Model":
        """As a training config has it, with the tokeniser's vocabulary."""
        files = [tokenizer.file(name) for name in TOKENIZER_FILES]
        sizes = {name: config[name] for name in SIZES if name in config}
        shape = ModelConfig(vocab_size=Encoder.load(files[0].parent).vocab_size, **sizes)
        return cls(shape, sum(file.stat().st_size for file in files))

    @property
    def bytes(self) -> int:
        """On disk."""
        return WEIGHT_BYTES * shapes.counted(self.shape).total + self.tokenizer_bytes


def estimate(
    recipe: Recipe,
    given: Mapping[str, Sequence[Path]],
    built: Mapping[str, Artifact | None],
    workers: int,
    progress: Progress,
) -> dict[str, Any] | None:
    """What is still to be built takes; None if nothing is.

    Args:
        recipe: its nodes up to the last that is wanted.
        given: its inputs.
        built: what there is, as ``recipe.built`` finds it.
        workers: as many processes as the run will have.
        progress: where it is said how far the rehearsal is.

    Returns:
        ``documents`` that are left and the ``tokens`` of their text, of the whole recipe; ``flop``
        of training, ``bytes_on_disk`` and ``minutes`` of what is to be built, in sum and by
        ``nodes``, with what is known of those alone; ``peak_memory_bytes``; ``how`` each was found.

    Raises:
        BedstoneError: a given file cannot be read.
    """
    missing = [node.name for node in recipe.nodes if not built[node.name]]
    if not missing:
        return None
    with TemporaryDirectory(prefix="bedstone-") as name, _without_warnings():
        folder = Path(name)
        tried = Rehearsal(recipe.nodes, parts(recipe, given, folder), built, folder)
        with progress.named("estimate").task("nodes") as task:
            tried.go(task)
        costs = _costs(tried, workers)
        told = {name: costs[name] for name in missing}
        found = {
            "documents": _documents(tried),
            "tokens": _count(tried, "encoded_tokens", ENCODING),
            "flop": _all(told, "flop"),
            "bytes_on_disk": _all(told, "bytes_on_disk"),
            "peak_memory_bytes": Quantity(_held_bytes()),
            "minutes": _all(told, "minutes"),
        }
    measured = (
        f"measured on {tried.share:.2%} of the documents and drawn out to all of them"
        if tried.share < 1
        else "measured on all documents"
    )
    return {
        **{name: quantity.value for name, quantity in found.items()},
        "how": {
            name: "; ".join(filter(None, [HOW[name].format(measured=measured), quantity.left_out]))
            for name, quantity in found.items()
        },
        "nodes": {name: asdict(each) for name, each in told.items()},
    }


def _costs(tried: Rehearsal, workers: int) -> dict[str, Cost]:
    """Of every node: of what waited for the plan too, which is made now."""
    costs: dict[str, Cost] = {}
    models: dict[str, Model] = {}
    for node in tried.nodes:
        if node.stage.name == PLANNER:
            costs[node.name] = _planned(node, tried)
        elif trains(node):
            costs[node.name] = _trained(node, tried, models)
        else:
            if node.name not in tried.high.artifacts:
                tried.make(node)
            costs[node.name] = _rehearsed(node, tried, workers)
    return costs


def _rehearsed(node: Node, tried: Rehearsal, workers: int) -> Cost:
    if node.name not in tried.high.artifacts:
        return Cost(why=tried.high.why[node.name])
    shards = len(tried.high.artifacts[node.name].shards) if node.stage.sharded else 1
    minutes = tried.seconds(node.name) / 60 / min(workers, shards)
    return Cost(minutes, round(tried.whole(node.name, bytes_on_disk)), flop=0.0)


def _planned(node: Node, tried: Rehearsal) -> Cost:
    """Plan for all of the text, and leave the plan to those that it decides for."""
    from bedstone.scaling import plan, speed

    if (built := tried.built[node.name]) is not None:
        tried.high.artifacts[node.name] = built
        return Cost()
    inputs = tried.inputs(node)
    if absent := sorted(set(node.inputs) - set(inputs)):
        return Cost(why=f"depends on {', '.join(node.inputs[role] for role in absent)}")
    tokens = tried.whole(node.inputs["mix"], lambda made: made.manifest.metrics["train_tokens"])
    mix = read_json(inputs["mix"], MIX_FILE) | {"train_tokens": round(tokens)}
    vocab_size = Encoder.load(inputs["tokenizer"].file(TOKENIZER_FILES[0]).parent).vocab_size
    assert isinstance(node.config, plan.PlanConfig)
    with timed() as seconds:
        fast = plan.known_speed(node.config, vocab_size, mix["train_tokens"], speed.flop_per_second)
    path = tried.folder / node.name / PLAN_FILE
    path.parent.mkdir()
    path.write_text(json.dumps(plan.plan(node.config, vocab_size, mix, fast)), "utf-8")
    tried.high.artifacts[node.name] = adopt([path], tried.folder)
    return Cost(sum(seconds) / 60, path.stat().st_size, flop=0.0)


def _trained(node: Node, tried: Rehearsal, models: dict[str, Model]) -> Cost:
    """Of a node that trains, whose model is noted in ``models``."""
    inputs = tried.inputs(node)
    plan = inputs.get(PLAN)
    try:
        config = dict(node.stage.resolve(node.config, {PLAN: plan} if plan else {}))
    except ConfigError as error:
        return Cost(why=str(error))
    if "tokenizer" in inputs:
        models[node.name] = Model.planned(config, inputs["tokenizer"])
    elif before := models.get(node.inputs.get("model", "")):
        models[node.name] = before
    else:
        return Cost(why=f"depends on {', '.join(node.inputs.values())}")
    model = models[node.name]
    if "train_tokens" not in config:
        return Cost(bytes_on_disk=model.bytes, why="what it trains on is drawn from a model")
    flop = shapes.train_flop(model.shape, config["train_tokens"])
    seconds = flop / _flop_per_second(model.shape, config, plan)
    return Cost(seconds / 60, model.bytes, flop=flop)


def _flop_per_second(shape: ModelConfig, config: Mapping[str, Any], plan: Artifact | None) -> float:
    """As the plan has it; where none has, measured."""
    from bedstone.scaling import speed

    if plan is not None and (known := read_json(plan, PLAN_FILE)["flop_per_second"]):
        return float(known)
    how = (config["batch_tokens"], config["threads"], config["number_format"])
    return speed.flop_per_second(shape, *how, SPEED_SECONDS)


def _held_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB_OR_BYTES


def _documents(tried: Rehearsal) -> Quantity:
    """Those that are left in the end; without a decision, all."""
    if any(node.stage.name in DECIDING for node in tried.nodes):
        return _count(tried, "kept_documents", DECIDING)
    return _count(tried, "documents", (READER,))


def _count(tried: Rehearsal, metric: str, stages: Sequence[str]) -> Quantity:
    """A metric of the last node of these stages, as the run will have it."""
    nodes = [node for node in tried.nodes if node.stage.name in stages]
    if not nodes:
        return Quantity(None, "no node counts them")
    name = nodes[-1].name
    if (built := tried.built[name]) is not None:
        return Quantity(round(built.manifest.metrics[metric]))
    if name not in tried.high.artifacts:
        return Quantity(None, f"not known before: {name}: {tried.high.why[name]}")
    return Quantity(round(tried.whole(name, lambda made: made.manifest.metrics[metric])))


def _all(told: Mapping[str, Cost], quantity: str) -> Quantity:
    """The sum over all nodes of which it is known; None where all that is known is zero."""
    known: dict[str, float | None] = {name: getattr(cost, quantity) for name, cost in told.items()}
    unknown = [name for name, value in known.items() if value is None]
    value = sum(value for value in known.values() if value is not None)
    without = f"without {', '.join(unknown)}" if unknown else ""
    return Quantity(value if value or not unknown else None, without)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """What stages say of a part of the text does not hold of the whole."""
    log = logging.getLogger("bedstone")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """An estimate, told to people."""
    documents = _told(found["documents"], ",", " documents")
    unknown = [name for name, node in found["nodes"].items() if node["why"]]
    least = "at least " if unknown else ""
    minutes = f"{least}{_told(found['minutes'], '.1f', ' minutes')}"
    yield f"about {documents}, {_told(found['tokens'], ',', ' tokens of their text')}"
    disk = None if found["bytes_on_disk"] is None else found["bytes_on_disk"] / 1e9
    yield (
        f"to be built: {_told(found['flop'], '.2g', ' FLOP')} of training, "
        f"{_told(disk, '.2g', ' GB')} on disk, {minutes}, "
        f"at least {found['peak_memory_bytes'] / 1e9:.2g} GB of memory"
    )
    if unknown:
        yield f"and what is not known before, --json says why: {', '.join(unknown)}"


def _told(number: float | None, form: str, unit: str) -> str:
    return f"an unknown number of{unit}" if number is None else f"{number:{form}}{unit}"
