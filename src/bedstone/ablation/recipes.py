"""The recipes of a comparison: one baseline, and for each arm the same with one thing changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bedstone import config as configs
from bedstone.ablation.decisions import Arm
from bedstone.errors import ConfigError, nearest
from bedstone.store import recipe as recipes
from bedstone.store.decisions import ROLE as PLAN
from bedstone.store.recipe import OFF, Node, Recipe

TRAINER, PLANNER, HOLDER = "pretrain.train", "scaling.plan", "corpus.held_out"
TEXTS = "evaluation.texts"
TOKENISER, ENCODER = "tokenizer.train", "tokenizer.encode"
HELD = (TOKENISER, PLANNER)
"""Stages whose nodes stay the baseline's unless told otherwise."""
RECIPE = "recipe"
"""As a proxy: the model that the recipe itself plans."""
SIZED = (
    *("minutes", "tokens_per_parameter", "speed", "max_passes"),
    *("parameters", "train_tokens", "threads", "number_format"),
)
"""Keys of a plan that a proxy decides."""
UNITS = {"k": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}


@dataclass(frozen=True, slots=True)
class Proxy:
    """The size of models, and on what they are trained: so many tokens, or so many a parameter."""

    parameters: int
    train_tokens: int | None
    tokens_per_parameter: float | None = None
    threads: int | None = 1
    """Small models train as fast on one; None: as the planner measures it."""

    @property
    def planned(self) -> dict[str, Any]:
        """As a planner's config has it."""
        values = {
            "parameters": self.parameters,
            "train_tokens": self.train_tokens,
            "tokens_per_parameter": self.tokens_per_parameter,
            "threads": self.threads,
            "number_format": "fp32",
        }
        return {name: value for name, value in values.items() if value is not None}

    @property
    def tokens(self) -> float:
        """About how many, where shapes are not known yet."""
        return self.train_tokens or self.parameters * (self.tokens_per_parameter or 0.0)

    @classmethod
    def read(cls, text: str) -> "Proxy | None":
        """``parameters=0.25M,tokens=2M``; None of ``recipe``.

        Raises:
            ConfigError: it is neither.
        """
        if text == RECIPE:
            return None
        words = dict(word.partition("=")[::2] for word in text.split(","))
        numbers = {name.strip(): number(value.strip()) for name, value in words.items()}
        parameters, tokens = (round(numbers.get(it) or 0) for it in ("parameters", "tokens"))
        if set(numbers) != {"parameters", "tokens"} or not parameters or not tokens:
            raise ConfigError(
                f"--proxy {text!r} is no size of a model",
                hint=f"write --proxy parameters=0.25M,tokens=2M, or --proxy {RECIPE}",
            )
        return cls(parameters, tokens)


def number(text: str) -> float | None:
    """``1.6M`` as a number above 0; None if it is none."""
    factor = UNITS.get(text[-1:], 1.0)
    try:
        found = float(text.removesuffix(text[-1:]) if factor > 1 else text) * factor
    except ValueError:
        return None
    return found if 0 < found < 2**63 else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be made: the baseline's nodes up to the model, and each arm's."""

    arms: tuple[Arm, ...]
    baseline: Recipe
    recipes: tuple[Recipe, ...]
    """Of each arm."""
    hold: frozenset[str]
    """Nodes that an arm takes from the baseline, unless it changes them itself."""
    measured: Mapping[str, int]
    """How much of the held-out text is, as the recipe's node of evaluation.texts has it."""

    @property
    def trainer(self) -> Node:
        """The baseline's node that trains."""
        return self.baseline.nodes[-1]

    @property
    def holder(self) -> Node:
        """The baseline's node that holds documents out."""
        return only(self.baseline, HOLDER)

    def held(self, arm: int) -> frozenset[str]:
        """What arm ``arm``, counted from 1, takes from the baseline."""
        return self.hold - {self.arms[arm - 1].node}

    def before_training(self, arm: int) -> Recipe:
        """The nodes that the baseline's model (0) is made from; of an arm, those that are its own.

        Its own are other than the baseline's, or made from such; what it holds is not.
        """
        recipe = self.recipe(arm)
        if not arm:
            return replace(recipe, nodes=recipe.nodes[:-1])
        ours = {node.name: node for node in self.baseline.nodes}
        own = dict[str, Node]()
        for node in recipe.nodes[:-1]:
            same = ours.get(node.name)
            is_changed = same is None or (same.config, same.inputs) != (node.config, node.inputs)
            is_made_anew = is_changed or any(source in own for source in node.inputs.values())
            if is_made_anew and node.name not in self.held(arm):
                own[node.name] = node
        return replace(recipe, nodes=tuple(own.values()))

    def recipe(self, arm: int) -> Recipe:
        """Of an arm, or of the baseline (0)."""
        return self.recipes[arm - 1] if arm else self.baseline

    def texts(self) -> Mapping[str, str]:
        """The nodes or inputs that held-out texts are read from, by role of evaluation.texts.

        Raises:
            ConfigError: the documents behind them are not known.
        """
        by_name = {node.name: node for node in self.baseline.nodes}
        signatures = self.holder.inputs["signatures"]
        if signatures not in by_name:
            raise ConfigError(
                f"{self.holder.name} reads {signatures}, which is given: of which documents?",
                hint="make it a node of the recipe, of corpus.minhash",
            )
        return {
            "documents": by_name[signatures].inputs["documents"],
            "language": self.holder.inputs["language"],
            "held_out": self.holder.name,
        }


def load(
    path: Path,
    sets: Sequence[str],
    arms: Sequence[Arm],
    proxy: Proxy | None,
    hold: Sequence[str] | None,
) -> Comparison:
    """The baseline and the arms, all checked before anything is built.

    Args:
        path: of the recipe.
        sets: changes to baseline and arms alike.
        arms: what is compared.
        proxy: the size of the models; None, as the recipe plans it.
        hold: nodes; None, those that train a tokeniser or plan.

    Raises:
        ConfigError: the recipe, a change or a node to hold cannot be used, or an arm changes what
            the model is not made from.
    """
    whole = recipes.load(path, sets)
    trainer = only(whole, TRAINER).name
    baseline = recipes.load(path, sets, until=trainer)
    for stage in (HOLDER, ENCODER):
        only(baseline, stage)
    names = [node.name for node in baseline.nodes]
    if hold is None:
        hold = [node.name for node in baseline.nodes if node.stage.name in HELD]
    if unknown := [name for name in hold if name not in names]:
        raise ConfigError(f"--hold {unknown[0]}: no such node; {nearest(unknown[0], names)}")
    changed = []
    planner = baseline.nodes[-1].inputs.get(PLAN)
    for arm in arms:
        if proxy is not None and arm.node == planner and arm.key.rpartition(".")[2] in SIZED:
            raise ConfigError(
                f"--vary {arm.label}: --proxy decides it", hint=f"compare with --proxy {RECIPE}"
            )
        if arm.label == f"{trainer}={OFF}":
            raise ConfigError(f"--vary {arm.label}: no model is left to compare")
        try:
            recipe = recipes.load(path, [*sets, arm.label], until=trainer)
        except ConfigError as error:
            lines = (line.replace("--set", "--vary") for line in error.args)
            hint = error.hint and error.hint.replace("--set", "--vary")
            raise ConfigError(*lines, hint=hint) from error
        if arm.node not in {*names, *(node.name for node in recipe.nodes)}:
            raise ConfigError(
                f"--vary {arm.label}: {trainer} is not made from {arm.node}",
                hint=f"it is made from {', '.join(names)}",
            )
        changed.append(recipe)
    inputs = tuple(dict.fromkeys(name for it in (baseline, *changed) for name in it.inputs))
    sized = [replace(_sized(it, proxy), inputs=inputs) for it in (baseline, *changed)]
    comparison = Comparison(
        tuple(arms), sized[0], tuple(sized[1:]), frozenset(hold), _measured(whole)
    )
    comparison.texts()
    return comparison


def _measured(recipe: Recipe) -> dict[str, int]:
    nodes = [node for node in recipe.nodes if node.stage.name == TEXTS]
    limits = ("max_bytes", "document_max_bytes")
    return {name: dict(nodes[-1].config)[name] for name in limits} if nodes else {}


def only(recipe: Recipe, stage: str) -> Node:
    """The one node of that stage.

    Raises:
        ConfigError: there is none, or more than one.
    """
    found = [node for node in recipe.nodes if node.stage.name == stage]
    if len(found) != 1:
        raise ConfigError(
            f"the recipe has {len(found)} nodes of {stage} where a comparison needs one",
            hint="bedstone init ablation writes a recipe to compare with",
        )
    return found[0]


def _sized(recipe: Recipe, proxy: Proxy | None) -> Recipe:
    """The recipe with a plan for models of that size."""
    if proxy is None:
        return recipe
    name = recipe.nodes[-1].inputs.get(PLAN)
    planner = next((node for node in recipe.nodes if node.name == name), None)
    if planner is None or planner.stage.name != PLANNER:
        raise ConfigError(
            f"{recipe.nodes[-1].name} has no input {PLAN} of {PLANNER}, so no proxy is planned",
            hint=f"give it one; ablate can compare with --proxy {RECIPE} too",
        )
    planned = sized(planner, proxy.planned)
    nodes = [planned if node.name == planner.name else node for node in recipe.nodes]
    return replace(recipe, nodes=tuple(nodes))


def sized(planner: Node, size: Mapping[str, Any]) -> Node:
    """The node that plans, for a model of that size."""
    config = planner.config.model_dump(exclude_unset=True)
    kept = {name: value for name, value in config.items() if name not in SIZED}
    return replace(planner, config=configs.checked(planner.stage.config, {**kept, **size}))
