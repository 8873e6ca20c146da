"""What a run would take, told before it: a rehearsal tells it of its corpus, a plan of training."""

import json
import logging
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bedstone.commands import rehearsal
from bedstone.commands.audit import DECIDING
from bedstone.commands.rehearsal import PLANNER, Rehearsal, bytes_on_disk, trains
from bedstone.counting.shape import SIZES, ModelConfig
from bedstone.errors import ConfigError
from bedstone.laws import shapes
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE as PLAN_FILE
from bedstone.store.decisions import ROLE as PLAN
from bedstone.store.recipe import Node, Recipe
from bedstone.text.encoder import FILES as TOKENIZER_FILES
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

SPEED_SECONDS = 1.5
"""Of the measurement of a training step, where no plan has measured one."""
WEIGHT_BYTES = 4
"""A stored weight is of fp32."""
KIB_OR_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit in which the system tells a process's memory."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a node takes; None where that is not known before, and why."""

    minutes: float | None = None
    bytes_on_disk: float | None = None
    flop: float | None = None
    why: str | None = None


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
    def bytes(self) -> float:
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
        parts = rehearsal.parts(recipe, given, folder)
        tried = Rehearsal(recipe.nodes, parts, built, folder)
        with progress.named("estimate").task("nodes") as task:
            tried.go(task)
        costs = _costs(tried, workers)
        documents = _count(tried, "kept_documents", DECIDING)
        if not any(node.stage.name in DECIDING for node in recipe.nodes):
            documents = _count(tried, "documents", (rehearsal.READER,))
        tokens = _count(tried, "encoded_tokens", ("tokenizer.encode",))
    told = {name: costs[name] for name in missing}
    return {
        "documents": documents,
        "tokens": tokens,
        "flop": _sum([each.flop for each in told.values()]),
        "bytes_on_disk": _sum([each.bytes_on_disk for each in told.values()]),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB_OR_BYTES,
        "minutes": _sum([each.minutes for each in told.values()]),
        "nodes": {name: asdict(each) for name, each in told.items()},
        "how": _how(tried, told),
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
    return Cost(
        tried.seconds(node.name) / 60 / min(workers, shards),
        tried.whole(node.name, bytes_on_disk),
        flop=0.0,
    )


def _planned(node: Node, tried: Rehearsal) -> Cost:
    """Plan for all of the text, and leave the plan to those that it decides for."""
    from bedstone.scaling import plan, speed

    if (built := tried.built[node.name]) is not None:
        tried.high.artifacts[node.name] = built
        return Cost()
    inputs = tried.inputs(node)
    if absent := sorted(set(node.inputs) - set(inputs)):
        return Cost(why=f"depends on {', '.join(node.inputs[role] for role in absent)}")
    started = time.monotonic()
    tokens = tried.whole(node.inputs["mix"], lambda made: made.manifest.metrics["train_tokens"])
    mix = json.loads(inputs["mix"].file(MIX_FILE).read_text("utf-8")) | {
        "train_tokens": round(tokens)
    }
    vocab_size = Encoder.load(inputs["tokenizer"].file(TOKENIZER_FILES[0]).parent).vocab_size
    assert isinstance(node.config, plan.PlanConfig)
    found = plan.known_speed(node.config, vocab_size, mix["train_tokens"], speed.flop_per_second)
    path = tried.folder / node.name / PLAN_FILE
    path.parent.mkdir()
    path.write_text(json.dumps(plan.plan(node.config, vocab_size, mix, found)), "utf-8")
    tried.high.artifacts[node.name] = adopt([path], tried.folder)
    return Cost((time.monotonic() - started) / 60, path.stat().st_size, flop=0.0)


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
        return Cost(None, model.bytes, None, "how much it trains on is drawn from a model")
    flop = shapes.train_flop(model.shape, config["train_tokens"])
    return Cost(flop / _flop_per_second(model.shape, config, plan) / 60, model.bytes, flop)


def _flop_per_second(shape: ModelConfig, config: Mapping[str, Any], plan: Artifact | None) -> float:
    """As the plan has it; without one, measured."""
    from bedstone.scaling import speed

    if plan is not None:
        return float(json.loads(plan.file(PLAN_FILE).read_text("utf-8"))["flop_per_second"])
    how = (config["batch_tokens"], config["threads"], config["number_format"])
    return speed.flop_per_second(shape, *how, SPEED_SECONDS)


def _count(tried: Rehearsal, metric: str, stages: Sequence[str]) -> int | None:
    """A metric of the last node of these stages, as the run will have it."""
    nodes = [node for node in tried.nodes if node.stage.name in stages]
    if nodes and (built := tried.built[nodes[-1].name]) is not None:
        return round(built.manifest.metrics[metric])
    if not nodes or nodes[-1].name not in tried.high.artifacts:
        return None
    return round(tried.whole(nodes[-1].name, lambda made: made.manifest.metrics[metric]))


def _sum(known: Iterable[float | None]) -> float | None:
    """Of what is known; None if nothing is."""
    numbers = [number for number in known if number is not None]
    return sum(numbers) if numbers else None


def _how(tried: Rehearsal, told: Mapping[str, Cost]) -> dict[str, str]:
    """How each quantity was found, and what is not in it."""
    reading = (
        f"measured on {tried.share:.2%} of the documents and drawn out to all of them, "
        "as if duplicates were no rarer in a part"
        if tried.share < 1
        else "measured on all documents"
    )
    training = "of training steps, planned or measured at this machine's speed"
    return {
        "documents": reading,
        "tokens": reading,
        "flop": f"{training}{_without(told, 'flop')}",
        "bytes_on_disk": f"{reading}; a weight is {WEIGHT_BYTES} bytes"
        f"{_without(told, 'bytes_on_disk')}",
        "peak_memory_bytes": "the most that this process has held, a training step of the planned "
        "size included where the speed was measured; memory that grows with the number of "
        "documents, as corpus.dedup's does, is not",
        "minutes": f"{reading}; {training}{_without(told, 'minutes')}",
    }


def _without(told: Mapping[str, Cost], name: str) -> str:
    left_out = [node for node, cost in told.items() if getattr(cost, name) is None]
    return f"; without {', '.join(left_out)}" if left_out else ""


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
    yield f"about {documents}, {_told(found['tokens'], ',', ' tokens of their text')}"
    flop, memory = _told(found["flop"], ".2g", " FLOP"), found["peak_memory_bytes"] / 1e9
    disk = None if found["bytes_on_disk"] is None else found["bytes_on_disk"] / 1e9
    yield (
        f"to be built: {flop} of training, {_told(disk, '.3g', ' GB')} on disk, "
        f"{memory:.2g} GB of memory, {_told(found['minutes'], '.1f', ' minutes')}"
    )
    unknown = [name for name, node in found["nodes"].items() if node["why"]]
    if unknown:
        yield f"and what is not known before, --json says why: {', '.join(unknown)}"


def _told(number: float | None, form: str, unit: str) -> str:
    return f"an unknown number of{unit}" if number is None else f"{number:{form}}{unit}"
