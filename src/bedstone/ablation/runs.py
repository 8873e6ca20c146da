"""The runs of a comparison: what each arm is made from, and its models, seed by seed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bedstone import config as configs
from bedstone.ablation.recipes import TEXTS, Comparison, only
from bedstone.config import Config
from bedstone.counting.count import train_flop_per_token
from bedstone.counting.shape import ModelConfig
from bedstone.progress import Progress
from bedstone.store import recipe as recipes
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.store.payload import read_json
from bedstone.store.request import Request, ask
from bedstone.store.stages import find
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE
from bedstone.tokenizer.mixing.shares import language_of

Match = Literal["tokens", "bytes", "flop"]
BASELINE = 0
BITS = "evaluation.bits"


@dataclass(frozen=True, slots=True)
class Run:
    """A model to train and to measure."""

    tokens_share: float
    """Of those that its arm is trained on."""
    request: Request
    texts: Artifact
    """What it is measured on."""
    bits: Config


@dataclass(frozen=True, slots=True)
class Arms:
    """What each arm's models are made from, the baseline's first."""

    comparison: Comparison
    made: tuple[dict[str, Artifact], ...]
    """By node: all that is built before training, and what was given."""
    train_tokens: tuple[int, ...] = ()
    rate: float = 1.0
    """Of the planned learning rate."""

    def inputs(self, arm: int) -> dict[str, Artifact]:
        """Of the node that trains, by role."""
        node = self.comparison.recipe(arm).nodes[-1]
        return {role: self.made[arm][name] for role, name in node.inputs.items()}

    def nodes(self, arm: int) -> dict[str, Artifact]:
        """What was made before training, by node."""
        names = (node.name for node in self.comparison.recipe(arm).nodes)
        return {name: self.made[arm][name] for name in names if name in self.made[arm]}

    def is_shared(self, made: Artifact) -> bool:
        """Whether the baseline is made from it too."""
        return any(made.path == each.path for each in self.made[BASELINE].values())

    def node(self, arm: int, stage: str) -> Artifact:
        """What the arm's only node of a stage made."""
        return self.made[arm][only(self.comparison.recipe(arm), stage).name]

    def of_role(self, arm: int, stage: str, role: str) -> Artifact | None:
        """What plays a role in the arm's only node of a stage; None if nothing does."""
        name = only(self.comparison.recipe(arm), stage).inputs.get(role)
        return self.made[arm][name] if name else None

    def request(self, arm: int, seed: int, tokens_share: float = 1.0) -> Request:
        """Of the model of an arm and seed, trained on a share of the tokens."""
        node = self.comparison.recipe(arm).nodes[-1]
        chosen = self.resolved(arm)
        changed = {
            "init_seed": chosen["init_seed"] + seed,
            "order_seed": chosen["order_seed"] + seed,
            "learning_rate": chosen["learning_rate"] * self.rate,
            "train_tokens": round(self.train_tokens[arm] * tokens_share),
        }
        config = configs.checked(
            node.stage.config, node.config.model_dump(exclude_unset=True) | changed
        )
        return ask(node.stage, config, self.inputs(arm))

    def resolved(self, arm: int) -> dict[str, Any]:
        """The config of the node that trains, with what the plan decides."""
        node = self.comparison.recipe(arm).nodes[-1]
        return dict(node.stage.resolve(node.config, self.inputs(arm)))

    def is_baseline(self, arm: int) -> bool:
        """Whether nothing that its model is made from differs from the baseline's."""
        return self.request(arm, 0).digest == self.request(BASELINE, 0).digest


def prepare(
    comparison: Comparison,
    given: Mapping[str, Sequence[Path]],
    match: Match | None,
    rate: float,
    where: Making,
) -> Arms:
    """Build, arm by arm, all that comes before training; what arms share is built once."""
    outside = {name: adopt(paths, where.store) for name, paths in given.items()}
    made = list[dict[str, Artifact]]()
    for arm in range(len(comparison.arms) + 1):
        recipe = comparison.before_training(arm)
        own = {node.name for node in recipe.nodes}
        before = made[0] if arm else outside
        same = {name: each for name, each in before.items() if name not in own}
        built = recipes.run(recipe, given, where.store, where.engine, where.progress, same)
        made.append(same | built)
    arms = Arms(comparison, tuple(made))
    tokens = tuple(_tokens(arms, arm, match) for arm in range(len(made)))
    return replace(arms, train_tokens=tokens, rate=rate)


def _tokens(arms: Arms, arm: int, match: Match | None) -> int:
    """How many an arm's model is trained on: as planned, or as many as match the baseline's."""
    planned = int(arms.resolved(arm)["train_tokens"])
    if arm == BASELINE or arms.comparison.arms[arm - 1].key.endswith(".train_tokens"):
        return planned
    sought = match or ("tokens" if _same_tokeniser(arms, arm) else "bytes")
    if sought == "tokens":
        return planned
    worth = _bytes_per_token if sought == "bytes" else _flop_per_token
    return round(planned * worth(arms, BASELINE) / worth(arms, arm))


def _same_tokeniser(arms: Arms, arm: int) -> bool:
    roles = (arms.inputs(each)["tokenizer"].content for each in (BASELINE, arm))
    return len(set(roles)) == 1


def _bytes_per_token(arms: Arms, arm: int) -> float:
    """Of the text that is read, by the weights of its languages."""
    languages = read_json(arms.inputs(arm)["mix"], MIX_FILE)["languages"].values()
    return float(sum(it["weight"] * it["train_bytes"] / it["train_tokens"] for it in languages))


def _flop_per_token(arms: Arms, arm: int) -> float:
    shape = shape_of(arms, arm)
    return train_flop_per_token(shape.architecture, shape.seq_len)


def shape_of(arms: Arms, arm: int) -> ModelConfig:
    """Of the models of an arm."""
    resolved = arms.resolved(arm)
    sizes = {name: resolved[name] for name in ModelConfig.model_fields if name in resolved}
    vocab_size = Encoder.stored(arms.inputs(arm)["tokenizer"]).vocab_size
    return configs.checked(ModelConfig, {"vocab_size": vocab_size, **sizes})


def gathered(arms: Arms, where: Making) -> Artifact:
    """The text that all models are measured on: held out by the baseline, in its languages."""
    sources = arms.comparison.texts()
    inputs = {role: arms.made[BASELINE][name] for role, name in sources.items()}
    groups = read_json(arms.inputs(BASELINE)["mix"], MIX_FILE)["languages"]
    languages = list(dict.fromkeys(map(language_of, groups)))
    return where.build(TEXTS, {"languages": languages, **arms.comparison.measured}, **inputs)


def planned_runs(arms: Arms, texts: Artifact, seed: int) -> list[tuple[str, Run]]:
    """The runs of one seed, under the role that each plays in the comparison.

    Arms that are the baseline by construction have none; the baseline has one more, on half of
    its tokens, which tells what more tokens are worth.
    """
    plan = arms.resolved(BASELINE)
    bits = {name: plan[name] for name in ("number_format", "threads")}
    config = configs.checked(find(BITS).config, bits)
    differing = [it for it in range(1, len(arms.made)) if not arms.is_baseline(it)]
    if not differing:
        return []
    named = [(f"bits.{arm}-{seed}", arm, 1.0) for arm in (BASELINE, *differing)]
    named.append((f"half.{seed}", BASELINE, 0.5))
    return [
        (role, Run(share, arms.request(arm, seed, share), texts, config))
        for role, arm, share in named
    ]


def trained(
    runs: Iterable[tuple[str, Run]], where: Making, note: str = ""
) -> dict[str, tuple[Artifact, Artifact]]:
    """The model and the bits of each run, by role; as many at once as there are workers."""
    named = dict(runs)
    alone = where.engine.workers == 1 or len(named) == 1
    outer, inner = (Progress(), where.progress) if alone else (where.progress, Progress())
    work = partial(_train, store=where.store, progress=inner)
    found = {}
    with outer.named("train and measure").task("runs", len(named)) as task:
        for role, paths in zip(named, where.engine.map(work, list(named.values())), strict=True):
            model, bits = map(Artifact, paths)
            found[role] = (model, bits)
            task.advance(note=note)
    return found


def _train(run: Run, store: Path, progress: Progress) -> tuple[Path, Path]:
    request = run.request
    inputs = {**request.inputs, **request.deciders}
    given = {role: each for role, each in inputs.items() if isinstance(each, Artifact)}
    model = build(request.stage, request.config, given, store, Local(), progress)
    measured = {"model": model, "texts": run.texts}
    return model.path, build(find(BITS), run.bits, measured, store, Local(), progress).path
