"""`bedstone ladder`: what small models say of a larger one, registered before it is trained."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    STORE,
    WIDTH,
    Command,
    EngineName,
    Interval,
    NamedInputs,
    PathLike,
    Sets,
    Store,
    Workers,
)
from bedstone.commands.desk import RecipeName, given, making, words_of
from bedstone.commands.desk import recipe_of as file_of
from bedstone.commands.fit import Isoflop
from bedstone.commands.save import target as target_file
from bedstone.commands.save import write_chart
from bedstone.errors import ConfigError
from bedstone.progress import Progress


class LadderRun(TypedDict):
    """A small model."""

    parameters_total: int
    train_tokens: int
    seed: int
    """Of its first weights; the order of its text has its own."""
    loss_nats: float
    """A token of the held-out text, all documents together."""


class LadderLaw(TypedDict):
    """In the middle of those that the runs allow: L(N, D) = E + A / N^alpha + B / D^beta."""

    artifact: str
    """Its folder, with all laws that the runs allow."""
    E: float
    A: float
    B: float | None
    """Null where the runs have one number of tokens a parameter."""
    alpha: float
    beta: float | None
    tokens_per_parameter: float | None
    """Of which alone the law speaks; null where it tells parameters from tokens."""
    intervals: dict[str, Interval]
    """95 %, of each number by itself: they go together."""


class LadderHoldOut(TypedDict):
    """The largest of the small sizes, by the others."""

    parameters: float
    train_tokens: float
    loss_nats: float
    predicted: float
    low: float
    high: float


class LadderPrediction(TypedDict):
    """Of the target's loss."""

    artifact: str
    """Its folder."""
    loss_nats: float
    low: float
    """95 %, for one new run: seeds, what the law misses, and its numbers are in it."""
    high: float
    registered_before_the_run: bool


class LadderTarget(TypedDict):
    """The target as it came out."""

    parameters_total: int
    train_tokens: int
    seed: int
    loss_nats: float


class LadderCost(TypedDict):
    """Of training and measuring all models."""

    flop: float
    seconds: float
    """Of one worker."""


class Ladder(TypedDict):
    """A prediction and its score."""

    artifact: str
    """The score's folder, which a page can be made of."""
    runs: list[LadderRun]
    law: LadderLaw
    seed_deviation_nats: float | None
    """Of a run's loss; null of one seed."""
    hold_out: LadderHoldOut | None
    """Null where the other sizes are too few."""
    isoflop: Isoflop | None
    """Null where the runs make no budget."""
    prediction: LadderPrediction
    target: LadderTarget
    held: bool
    """Whether the target's loss lies in the interval."""
    error_nats: float
    """Predicted less measured."""
    cost: LadderCost
    warnings: list[str]


class LadderPrice(TypedDict):
    """What a ladder would take."""

    models: int
    """The target too."""
    nodes_to_build: list[str]
    """Before training."""
    flop: float
    """Of training."""
    seconds: float | None
    """With one worker; null where the store has not trained the like."""
    unknown: list[str]
    """Nodes whose seconds are not in it: the store has not built their like."""
    warnings: list[str]


def ladder(
    recipe: RecipeName,
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    *,
    sizes: Annotated[str, typer.Option(help="parameters of the small models: .1M,.2M,.4M,.8M")],
    target: Annotated[str, typer.Option(help="parameters of the model that is predicted: 1.6M")],
    seeds: Annotated[
        int, typer.Option(min=1, max=100, help="of each small model; the target has one")
    ] = 2,
    tokens_per_parameter: Annotated[
        str, typer.Option(help="for all; several tell parameters from tokens, the target's first")
    ] = "20",
    grid: Annotated[
        str | None,
        typer.Option(help="FLOP: at each of these budgets every size, on the tokens that it buys"),
    ] = None,
    sets: Sets = (),
    dry_run: Annotated[bool, typer.Option(help="only say what it would take")] = False,
    chart: Annotated[PathLike | None, typer.Option(help="draw it, as SVG")] = None,
    store: Store = STORE,
    workers: Workers = None,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Ladder | LadderPrice:
    """Train small models, register what they say of a larger one, train it, and compare.

    All are of one recipe and measured on its held-out text; their shapes are wide and deep alike,
    or with plan.shapes any the nearest to each size. The interval holds the luck of seeds,
    the law's numbers, and what sizes miss the law by.

    Raises:
        ConfigError: the recipe, a size or an option cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next call goes on.
    """
    from bedstone.ablation import recipes, rungs

    picture = target_file("--chart", chart, ".svg")
    if picture and dry_run:
        raise ConfigError("--chart: a dry run has nothing to draw", hint="leave it out")
    asked = rungs.Rungs.read(sizes, target, tokens_per_parameter, grid, seeds)
    found = {name: given(each, store) for name, each in inputs.items()}
    comparison = rungs.evenly(recipes.load(file_of(recipe), words_of(sets), (), asked.aim, None))
    rungs.refuse_decided(words_of(sets), comparison)
    where = making(store, progress, workers, engine)
    if dry_run:
        return rungs.priced(asked, comparison, found, where.store)  # type: ignore[return-value]
    answer = rungs.climb(asked, comparison, found, where)
    if picture:
        write_chart(_figure(answer), picture, progress)
    return answer  # type: ignore[return-value]


def _figure(answer: Any) -> Any:
    from bedstone.evaluation.prediction import FILE
    from bedstone.reporting.sections.ladder import chart
    from bedstone.store.artifact import Artifact
    from bedstone.store.payload import read_json

    law, score = (Artifact(Path(it)) for it in (answer["law"]["artifact"], answer["artifact"]))
    return chart(law, read_json(score, FILE))


def _lines(found: Any) -> Iterator[str]:
    yield from _told(found) if "held" in found else _price_lines(found)
    for warning in found["warnings"]:
        yield from wrap(f"note: {warning}", WIDTH, subsequent_indent="  ")


def _price_lines(found: LadderPrice) -> Iterator[str]:
    built = ", ".join(found["nodes_to_build"]) or "nothing: all is built"
    yield from wrap(f"before training: {built}", WIDTH, subsequent_indent="  ")
    seconds = found["seconds"]
    time = "an unknown time" if seconds is None else f"{seconds / 60:.1f} minutes"
    yield f"{found['models']} models, {found['flop']:.2g} FLOP of training, {time} of one worker"


def _told(found: Ladder) -> Iterator[str]:
    yield f"{'parameters':>12} {'tokens':>13} {'seed':>5} {'nats a token':>13}"
    for row in (*found["runs"], found["target"]):
        yield (
            f"{row['parameters_total']:>12,} {row['train_tokens']:>13,} {row['seed']:>5} "
            f"{row['loss_nats']:>13.4f}"
        )
    law, expected, measured = found["law"], found["prediction"], found["target"]
    tokens = "" if law["B"] is None else f" + {law['B']:.4g} / D^{law['beta']:.3f}"
    yield f"law in the middle: {law['E']:.3f} + {law['A']:.4g} / N^{law['alpha']:.3f}{tokens}"
    if deviation := found["seed_deviation_nats"]:
        yield f"seeds differ by {deviation:.4f} nats"
    if held := found["hold_out"]:
        yield (
            f"the largest small size by the others: {held['predicted']:.3f} "
            f"({held['low']:.3f} to {held['high']:.3f}), measured {held['loss_nats']:.3f}"
        )
    yield (
        f"the target: {expected['loss_nats']:.3f} ({expected['low']:.3f} to {expected['high']:.3f})"
        f" was predicted, {measured['loss_nats']:.3f} came: "
        f"{'held' if found['held'] else 'missed'}"
    )
    names = [Path(each["artifact"]).name for each in (expected, law)]
    yield f"registered as {names[0]}, by {names[1]}"
    yield f"page: bedstone report {found['artifact']}"


COMMANDS = (Command(ladder, _lines),)
