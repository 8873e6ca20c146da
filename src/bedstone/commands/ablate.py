"""`bedstone ablate`: what one decision did to the model, or that it cannot be told."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from textwrap import wrap
from typing import Annotated, Any, Literal

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    STORE,
    WIDTH,
    Command,
    EngineName,
    NamedInputs,
    Sets,
    Store,
    Words,
    Workers,
)
from bedstone.commands.desk import RecipeName, given, making, recipe_of, words_of
from bedstone.errors import ConfigError, number_of
from bedstone.progress import Progress

PROXY = "parameters=0.25M,tokens=2M"
MARGIN = "5%tokens"
RATE = 0.3
"""Of small models' learning rate: at the whole of it seeds differ by five times as much, and arms
lose what they share. Source: Wang et al. 2025, arXiv:2512.24503; measured in docs/lab/LOG.md."""
SHOWN = 12
"""Effects on languages and sites of one arm, the largest first."""
INDENT: Mapping[str, Any] = {"subsequent_indent": "  "}
Verdict = Literal["better", "worse", "same", "cannot tell"]


class AblatedArm(TypedDict, total=False):
    """What an arm's models were made from, and what that took."""

    value: str
    """As ``--set`` takes it; of the baseline, that word."""
    documents: int
    """That are trained on."""
    train_bytes: int
    """Of their text, each read once."""
    train_tokens: int
    max_repetition: float
    """Of the language that is read most often, how often."""
    most_repeated_language: str
    nodes_shared: list[str]
    """With the baseline."""
    nodes_built: list[str]
    """That are its own."""
    runs: int
    """Models trained; none where nothing differs."""
    flop: float
    seconds: float


class AblationEffect(TypedDict):
    """What an arm did, to the whole or to a part of the text that all models are measured on."""

    value: str
    family: str
    """``whole``, ``language``, ``domain``, ``group``, or a column: tests of one are adjusted."""
    unit: str
    documents: int | None
    counted: Literal["sites", "documents"]
    """What the interval counts; documents, where they are of fewer than 8 sites: it tells of
    further documents of these sites."""
    seeds: int
    by_construction: bool
    """Nothing that the model is made from differs: nothing was trained."""
    bits_per_byte: float | None
    difference: float
    """Bits a byte over the baseline: below 0 is better."""
    low: float | None
    """Of the difference, at 1 - ``level`` for the family together; null without an interval."""
    high: float | None
    by_seed: list[float]
    seed_deviation: float | None
    """Of the difference, over seeds."""
    document_error: float | None
    """The standard error that the choice of documents brings."""
    borrowed_df: float
    """Degrees of freedom that are lent to the deviation over seeds, by the family and others."""
    lent_df: float
    """Of these, what earlier comparisons lend: the less, the less alike their deviation is."""
    borrowed_from: str | None
    """By whom they are lent."""
    worth_tokens: float | None
    """The share of training tokens, more or fewer, that would do as much to the baseline."""
    worth_tokens_low: float | None
    worth_tokens_high: float | None
    p_adjusted: float | None
    verdict: Verdict
    within_margin: bool
    """However sure, it is less than the margin."""
    limited_by: Literal["seeds", "documents"] | None
    """What keeps it from being told."""
    more_seeds: int | None
    """In all, that would tell it; null where seeds alone never would."""
    more_documents: int | None
    train_share_before: float | None
    """Of a language: its share of the baseline's training tokens."""
    train_share: float | None


class AblationYardstick(TypedDict):
    """What all models are measured on."""

    documents: int
    bytes: int
    languages: int
    sites: int
    left_out_near_duplicates: int
    """Documents that nothing learns from, for they nearly are held-out ones."""
    left_out_by_an_arm: int
    """Held-out documents that an arm does not hold out, measured in none: it trains on them, or
    lacks them and may train on what is near them."""


class AblationPlacebo(TypedDict):
    """An arm that only leaves documents out at random."""

    value: str
    difference: float
    low: float | None
    high: float | None
    verdict: Verdict


class AblationNoise(TypedDict):
    """What a model's luck is, and how much of it a pair shares."""

    unpaired_deviation: float | None
    """Bits a byte, of the difference of two models of one recipe and two seeds."""
    paired_deviation: float | None
    """Of an arm and the baseline of one seed."""
    variance_removed: float | None
    borrowed_df: float
    """The most that is lent to an effect."""
    lent_df: float
    """The most that earlier comparisons lend."""
    lenders: list[str]
    """These, by the names of their folders."""
    placebo: AblationPlacebo | None


class AblationSize(TypedDict):
    """Of the models."""

    planned: bool
    """For the comparison, and not by the recipe."""
    parameters: int
    train_tokens: int


class AblationCost(TypedDict):
    """Of all arms, in seconds of one worker."""

    predicted_seconds: float | None
    """Of training and measuring, before the first run; null where the store had any of it."""
    seconds: float
    """That training and measuring took."""
    corpus_seconds: float
    """That the arms took before training, where they share nothing with the baseline."""
    flop: float
    shared_seconds_saved: float
    """That would have been spent anew if arms shared nothing with the baseline."""


class AblationSign(TypedDict):
    """Whether models of several sizes are on one side of their baselines."""

    value: str
    family: str
    unit: str
    differences: list[float]
    agree: bool | None
    """Null where no size is sure of a side."""


class Ablation(TypedDict):
    """What decisions did to the model."""

    artifact: str | None
    """The comparison's folder; null where nothing differs."""
    decision: str
    baseline: AblatedArm
    proxy: AblationSize
    seeds: int
    level: float
    """Of a family's tests together; intervals leave so much out. Less than .05 after a look."""
    yardstick: AblationYardstick | None
    margin_bits_per_byte: float | None
    slope_bits_per_byte: float | None
    """For each unit of the logarithm of training tokens."""
    arms: list[AblatedArm]
    effects: list[AblationEffect]
    noise: AblationNoise | None
    cost: AblationCost
    warnings: list[str]


class Ablate(Ablation, total=False):
    """What decisions did to the model, at one size or several."""

    further: list[Ablation]
    """At each further size."""
    signs: list[AblationSign]
    """Whether the sizes agree."""


class AblatePrice(TypedDict):
    """What a comparison would take."""

    decision: str
    runs: int
    nodes_to_build: dict[str, list[str]]
    """By arm, before training."""
    flop: float | None
    """Of training; null before a plan is known."""
    seconds: float | None
    """With one worker; null where the store has not trained the like."""
    unknown: list[str]
    """Nodes whose seconds are not in it: the store has not built their like."""
    warnings: list[str]


def ablate(
    recipe: RecipeName,
    inputs: NamedInputs = {},  # noqa: B006 (never changed)
    *,
    vary: Annotated[
        Words,
        typer.Option(
            help="NODE.KEY=V1,V2: values against the recipe's own; NODE=off; NODE.ROLE=SOURCE; "
            "may be repeated, each by itself"
        ),
    ] = (),
    sets: Sets = (),
    seeds: Annotated[
        str, typer.Option(help="3, or 3..8: after 3, 5 and 8 it ends if all is told")
    ] = "3",
    proxy: Annotated[
        Words,
        typer.Option(
            help=f"size of the models, or recipe: as it plans; repeated, sizes are compared; "
            f"unless told, {PROXY}"
        ),
    ] = (),
    match: Annotated[
        Literal["tokens", "bytes", "flop"] | None,
        typer.Option(
            help="what arms train on as much as the baseline; unless told, tokens, and bytes where "
            "the tokeniser differs"
        ),
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(
            help="nodes that stay the baseline's; unless told, the tokeniser and the plan"
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(help="what is told apart: language, domain, or a column of the documents"),
    ] = "language,domain",
    margin: Annotated[
        str,
        typer.Option(help="no difference: what so many more tokens are worth, or bits a byte"),
    ] = MARGIN,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=10,
            help=f"times the planned learning rate; unless told, {RATE}, and 1 of --proxy recipe",
        ),
    ] = None,
    until_cost: Annotated[
        str | None, typer.Option(help="no seed is begun that would end later: 90s, 30m, 2h")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="only say what it would take")] = False,
    store: Store = STORE,
    workers: Workers = None,
    engine: EngineName = "local",
    progress: Progress | None = None,
) -> Ablate | AblatePrice:
    """Tell what one decision did to the model, with an interval, or that it cannot be told.

    For each value the recipe is run up to its base model with that one thing changed, seed by seed,
    on the same random numbers; what arms share is built once. All models are measured on documents
    that were held out before anything was decided.

    Raises:
        ConfigError: the recipe, what is varied, or an option cannot be used.
        BedstoneError: a stage failed; what was finished stays, and the next call goes on.
    """
    from bedstone.ablation import recipes as ablation_recipes
    from bedstone.ablation.compare import Asked, Seeds, compare, signs
    from bedstone.ablation.decisions import arms
    from bedstone.ablation.price import price, seconds_of

    varied = arms(words_of(vary))
    sizes = [ablation_recipes.Proxy.read(each) for each in words_of(proxy) or (PROXY,)]
    asked = Asked(
        seeds=Seeds.read(seeds),
        by=tuple(word.strip() for word in by.split(",") if word.strip()),
        margin=_margin(margin),
        match=match,
        most_seconds=None if until_cost is None else seconds_of(until_cost),
    )
    path, found = recipe_of(recipe), {name: given(each, store) for name, each in inputs.items()}
    held = None if hold is None else [word.strip() for word in hold.split(",") if word.strip()]
    compared = [ablation_recipes.load(path, words_of(sets), varied, size, held) for size in sizes]
    where = making(store, progress, workers, engine)
    priced = [(each, found, size) for each, size in zip(compared, sizes, strict=True)]
    rates = [rate or (RATE if size else 1.0) for size in sizes]
    if dry_run:
        return _priced(compared, [price(*each, where.store) for each in priced], asked)
    answers = [
        compare(*each, replace(asked, rate=own), where)
        for each, own in zip(priced, rates, strict=True)
    ]
    planned = [(each["proxy"]["parameters"], each["proxy"]["train_tokens"]) for each in answers]
    if len(set(planned)) < len(planned):
        answers[0]["warnings"].append("two of the sizes are the same model: they tell nothing new")
    further = {"further": answers[1:], "signs": signs(answers)} if answers[1:] else {}
    return {**answers[0], **further}  # type: ignore[return-value]


def _margin(text: str) -> dict[str, float]:
    """``5%tokens`` or ``0.01``, as a config of evaluation.ablation has it."""
    share, percent, unit = text.partition("%")
    try:
        value = float(share)
    except ValueError:
        value = math.nan
    is_share = unit == "tokens" and value < 100
    if not 0 < value < math.inf or (percent and not is_share):
        raise ConfigError(
            f"--margin {text!r} is no margin",
            hint="write --margin 5%tokens, or --margin 0.01 for bits a byte",
        )
    return {"margin_tokens_share": value / 100} if percent else {"margin_bits_per_byte": value}


def _priced(compared: Sequence[Any], prices: Sequence[Any], asked: Any) -> AblatePrice:
    from bedstone.ablation.decisions import decision

    arms, seeds = len(compared[0].arms), asked.seeds.looks[-1]
    runs = seeds * (arms + 2)
    seconds = [each.seconds(arms, seeds) for each in prices]
    flop = [each.flop(arms, seeds) for each in prices]
    unknown = list(dict.fromkeys(name for each in prices for name in each.unknown))
    warnings = []
    if unknown:
        warnings.append(
            f"without the time of {', '.join(unknown)}: this store has not built their like"
        )
    languages = prices[0].languages
    if poor := [name for name, is_told in languages.items() if not is_told]:
        warnings.append(
            f"of {len(languages)} languages {len(poor)} have too little weight or too few held-out "
            "documents for an answer of their own. What would give it: fewer languages "
            "(languages of corpus.filter, without of tokenizer.mix), more tokens (--proxy), a "
            "larger share of corpus.held_out"
        )
    if None in seconds:
        warnings.append("without the time of training: this store has trained no model like it")
    return {
        "decision": decision(compared[0].arms),
        "runs": runs * len(prices),
        "nodes_to_build": {name: list(nodes) for name, nodes in prices[0].to_build.items()},
        "flop": None if None in flop else sum(flop),
        "seconds": None if None in seconds else sum(seconds),
        "unknown": unknown,
        "warnings": warnings,
    }


def _lines(found: Any) -> Iterator[str]:
    return _told(found) if "effects" in found else _price_lines(found)


def _price_lines(found: AblatePrice) -> Iterator[str]:
    for arm, nodes in found["nodes_to_build"].items():
        yield from wrap(f"{arm}: {', '.join(nodes) or 'all is built'}", WIDTH, **INDENT)
    known = (
        "an unknown time" if found["seconds"] is None else f"{found['seconds'] / 60:.1f} minutes"
    )
    flop = "" if found["flop"] is None else f", {found['flop']:.2g} FLOP of training"
    yield f"at most {number_of(found['runs'], 'model')}{flop}, {known} of one worker"
    yield from _warned(found["warnings"])


def _warned(warnings: Sequence[str]) -> Iterator[str]:
    for warning in warnings:
        yield from wrap(f"note: {warning}", WIDTH, **INDENT)


def _told(found: Ablate) -> Iterator[str]:
    """A sentence for each arm, the weightiest first; then the parts of the text."""
    from bedstone.ablation.words import arranged, claim, lent, sentence

    effects = arranged(found["effects"])
    for row in (each for each in effects if each["family"] == "whole"):
        parts = [
            each for each in effects if each["value"] == row["value"] and each["family"] != "whole"
        ]
        yield from wrap(sentence(row, parts), WIDTH, **INDENT)
    yield from wrap(claim(found), WIDTH)
    yield from wrap(lent(found["noise"]), WIDTH)
    if rows := [row for row in effects if row["low"] is not None and not row["by_construction"]]:
        yield ""
        yield from _table(rows, found["level"])
    for sign in found.get("signs", ()):
        said = {True: "agree", False: "do not agree", None: "are all unsure"}[sign["agree"]]
        if sign["family"] == "whole":
            yield f"{sign['value']}: models of {len(sign['differences'])} sizes {said} on the sign"
    yield from _warned(found["warnings"])
    if found["artifact"]:
        yield f"page: bedstone report {found['artifact']}"


def _table(rows: Sequence[Mapping[str, Any]], level: float) -> Iterator[str]:
    """Of each arm the whole, and of each family what changed most."""
    interval = f"{100 * (1 - level):g} %"
    yield f"{'':28} {'bits a byte':>11} {interval:>19} {'tokens':>8}  verdict"
    shown: dict[tuple[str, str], int] = {}
    for row in rows:
        arm, family = row["value"], row["family"]
        shown[arm, family] = shown.get((arm, family), 0) + 1
        if family == "whole":
            yield arm
        if shown[arm, family] > SHOWN:
            continue
        worth = "" if row["worth_tokens"] is None else f"{row['worth_tokens']:+.1%}"
        interval = f"[{row['low']:+.4f}, {row['high']:+.4f}]"
        yield (
            f"  {row['unit'][:26]:26} {row['difference']:+11.4f} {interval:>19} {worth:>8}  "
            f"{row['verdict']}"
        )


COMMANDS = (Command(ablate, _lines),)
