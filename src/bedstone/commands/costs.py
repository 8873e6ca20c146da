"""What each node of a recipe takes, found in a rehearsal of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bedstone.commands.rehearsal import PLANNER, Rehearsal, bytes_on_disk, timed, trains
from bedstone.counting.shape import ModelConfig
from bedstone.errors import BedstoneError, ConfigError
from bedstone.evaluation import bits, change, scores, standing
from bedstone.generation.foresight import Foreseen, Known
from bedstone.laws import shapes
from bedstone.posttrain import judge, prefer
from bedstone.sampling import answers, compare
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.decisions import FILE as PLAN_FILE
from bedstone.store.decisions import ROLE as PLAN
from bedstone.store.payload import read_json
from bedstone.store.recipe import Node
from bedstone.text.encoder import FILES as TOKENIZER_FILES
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

SPEED_SECONDS = 1.5
"""Of the measurement of a training step, where no plan has measured one."""
READ_SHARE = 1 / 3
"""Of a training step: a token that is only read."""
WEIGHT_BYTES = 4
"""A stored weight is of fp32."""
FORESEE = {
    stage.STAGE.name: stage.foresee
    for stage in (bits, judge, prefer, change, answers, compare, scores, standing)
}
"""Of the stages that ask a model, or read its answers."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a node takes; None where that is not known before, and why."""

    minutes: float | None = None
    bytes_on_disk: int | None = None
    flop: float | None = None
    model_tokens: float | None = None
    """That a model draws, reads and learns from."""
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A model that will be trained."""

    shape: ModelConfig
    tokenizer: Artifact
    flop_per_second: float
    """Of the training that it comes from."""

    @property
    def bytes(self) -> int:
        """On disk."""
        files = [self.tokenizer.file(name) for name in TOKENIZER_FILES]
        weights = WEIGHT_BYTES * shapes.counted(self.shape).total
        return weights + sum(file.stat().st_size for file in files)


@dataclass(slots=True)
class Costs:
    """Of all nodes, one after another: of what waited for the plan too, which is made now."""

    tried: Rehearsal
    workers: int
    models: dict[str, Model] = field(default_factory=dict)
    """By node: the one that it makes, or asks."""
    foreseen: dict[str, Foreseen] = field(default_factory=dict)
    """By node: what it has a model do."""

    def found(self) -> dict[str, Cost]:
        """By node."""
        return {node.name: self._of(node) for node in self.tried.nodes}

    def _of(self, node: Node) -> Cost:
        if node.stage.name == PLANNER:
            return self._planned(node)
        if trains(node):
            return self._trained(node)
        if node.name not in self.tried.high.artifacts:
            self.tried.make(node)
        if node.name not in self.tried.high.artifacts and node.stage.name in FORESEE:
            return self._asked(node)
        return self._rehearsed(node)

    def _rehearsed(self, node: Node) -> Cost:
        tried = self.tried
        if node.name not in tried.high.artifacts:
            return Cost(why=tried.high.why[node.name])
        shards = len(tried.high.artifacts[node.name].shards) if node.stage.sharded else 1
        minutes = tried.seconds(node.name) / 60 / min(self.workers, shards)
        return Cost(minutes, round(tried.whole(node.name, bytes_on_disk)), flop=0.0)

    def _planned(self, node: Node) -> Cost:
        """Plan for all of the text, and leave the plan to those that it decides for."""
        from bedstone.scaling import plan, speed

        tried = self.tried
        if (built := tried.built[node.name]) is not None:
            tried.high.artifacts[node.name] = built
            return Cost()
        inputs = tried.inputs(node)
        if absent := set(node.inputs) - set(inputs):
            return _without(node, absent)
        tokens = tried.whole(node.inputs["mix"], lambda made: made.manifest.metrics["train_tokens"])
        mix = read_json(inputs["mix"], MIX_FILE) | {"train_tokens": round(tokens)}
        vocab_size = Encoder.stored(inputs["tokenizer"]).vocab_size
        assert isinstance(node.config, plan.PlanConfig)
        measure = speed.flop_per_second
        with timed() as seconds:
            fast = plan.known_speed(node.config, vocab_size, mix["train_tokens"], measure)
        path = tried.folder / node.name / PLAN_FILE
        path.parent.mkdir()
        path.write_text(json.dumps(plan.plan(node.config, vocab_size, mix, fast)), "utf-8")
        tried.high.artifacts[node.name] = adopt([path], tried.folder)
        return Cost(sum(seconds) / 60, path.stat().st_size, flop=0.0)

    def _trained(self, node: Node) -> Cost:
        inputs = self.tried.inputs(node)
        try:
            config = self._resolved(node)
        except ConfigError as error:
            return Cost(why=str(error))
        if "tokenizer" in inputs:
            sizes = {name: config[name] for name in ModelConfig.model_fields if name in config}
            vocab_size = Encoder.stored(inputs["tokenizer"]).vocab_size
            model = Model(ModelConfig(vocab_size=vocab_size, **sizes), inputs["tokenizer"], 0.0)
        elif before := self.models.get(node.inputs.get("model", "")):
            model = before
        else:
            return _without(node, set(node.inputs))
        speed = _flop_per_second(model.shape, config, inputs.get(PLAN))
        self.models[node.name] = model = replace(model, flop_per_second=speed)
        if "train_tokens" not in config:
            return replace(self._asked(node), bytes_on_disk=model.bytes)
        flop = shapes.train_flop(model.shape, config["train_tokens"])
        return Cost(flop / speed / 60, model.bytes, flop, config["train_tokens"])

    def _asked(self, node: Node) -> Cost:
        """Of a stage that says what it will have a model do."""
        tried, inputs = self.tried, self.tried.inputs(node)
        before = {
            role: self.foreseen[name] for role, name in node.inputs.items() if name in self.foreseen
        }
        asked = {role for role, name in node.inputs.items() if name in self.models}
        if absent := set(node.inputs) - {*inputs, *before, *asked}:
            return _without(node, absent)
        if not asked:  # a given model, which was asked in vain
            return Cost(why=tried.high.why[node.name])
        model = self.models[node.inputs[min(asked)]]
        known = Known(
            inputs=inputs,
            growth={role: tried.growth(name) for role, name in node.inputs.items()},
            before=before,
            shape=model.shape,
            encoder=Encoder.stored(model.tokenizer),
        )
        try:
            config = self._resolved(node)
            will = FORESEE[node.stage.name](node.config, known)
        except BedstoneError as error:
            return Cost(why=f"of {tried.share:.2%} of the text it fails: {error}")
        self.foreseen[node.name], self.models[node.name] = will, model
        if tried.built[node.name]:
            return Cost()
        at_once = config.get("threads", self.workers)
        form, device = config.get("number_format", "fp32"), config.get("device", "auto")
        flop = shapes.train_flop(model.shape, will.trained_tokens)
        read_flop = shapes.train_flop(model.shape, will.read_tokens) * READ_SHARE
        seconds = (flop + read_flop) / model.flop_per_second
        seconds += sum(each.seconds(model.shape, form, device, at_once) for each in will.draws)
        return Cost(seconds / 60, flop=flop, model_tokens=round(will.tokens))

    def _resolved(self, node: Node) -> dict[str, Any]:
        """Its config, with what the plan decides."""
        plan = self.tried.inputs(node).get(PLAN)
        return dict(node.stage.resolve(node.config, {PLAN: plan} if plan else {}))


def _without(node: Node, roles: set[str]) -> Cost:
    return Cost(why=f"depends on {', '.join(node.inputs[role] for role in sorted(roles))}")


def _flop_per_second(shape: ModelConfig, config: Mapping[str, Any], plan: Artifact | None) -> float:
    """As the plan has it; where none has, measured."""
    from bedstone.scaling import speed

    if plan is not None and (known := read_json(plan, PLAN_FILE)["flop_per_second"]):
        return float(known)
    way = speed.way_of({"compiled": "off", **config})
    return speed.flop_per_second(shape, config["batch_tokens"], way, SPEED_SECONDS)
