"""`bedstone strategies`: what each way to sample a model is worth, and what it costs."""

import math
from collections.abc import Iterator
from textwrap import wrap
from typing import Annotated, Any, Literal, NotRequired

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import (
    MOST_SEED,
    STORE,
    WIDTH,
    Command,
    Found,
    MadeOf,
    PathLike,
    Paths,
    Store,
    Words,
    Workers,
)
from bedstone.commands.desk import given, is_url, making, paths_of, words_of
from bedstone.commands.save import target, write_chart
from bedstone.model import Device, NumberFormat
from bedstone.progress import Progress

NAME_WIDTH = 48
"""Of a strategy in a table; a longer one has a line of its own."""
FORMS = {"tokens": ".0f", "seconds": ".3f", "usd": ".6f"}
"""Of what a problem costs."""


class Estimate(TypedDict):
    """A measured share with its interval of 95 %."""

    value: float
    low: float
    high: float


class Calibration(TypedDict):
    """How far a confidence tells right answers from wrong ones."""

    calibration_error: float
    """Expected difference of confidence and accuracy."""
    brier: float
    auroc: float | None
    """Null where all are right, or none."""


class ChainMeasures(TypedDict):
    """What a chain's answers to a task say of the model."""

    accuracy: float
    """Share of the samples."""
    format_validity: Estimate
    """Share of the samples in which an answer was found."""
    distinct_1: float
    """Share of different words."""
    distinct_2: float
    """Share of different pairs of words."""
    completion_tokens: float
    seconds_p50: float
    seconds_p95: float
    wrongly_answered: NotRequired[Estimate]
    """Of problems without an answer, the share of samples that give one all the same."""
    logprob: NotRequired[Calibration]
    """Of the probability of a sample's tokens, where it is told."""
    vote_share: NotRequired[Calibration]
    """Of the share of the samples that agree with the majority."""
    agreement: NotRequired[float]
    """Share of the pairs of samples that give the same answer."""
    pass_at: NotRequired[dict[str, float]]
    """Number of samples -> accuracy if a checker takes one."""
    majority_at: NotRequired[dict[str, float]]
    """Number of samples -> accuracy if the majority does."""


class Measures(TypedDict, total=False):
    """What the answers to a task say of the model; of all tasks together nothing."""

    paraphrases: int
    paraphrase_agreement: Estimate
    """Share of the problems to which all wordings get the same answer."""
    all_paraphrases_right: Estimate
    paraphrase_accuracy: list[float]
    chains: dict[str, ChainMeasures]


class ComparedStrategy(TypedDict):
    """A way to get one answer, on the half of the problems that reports."""

    strategy: str
    family: str
    """Of chains that differ in one parameter."""
    chain: str
    samples: int
    selector: Literal["first", "majority", "weighted", "likeliest", "checked", "rewarded", "mbr"]
    """Which of the samples is taken."""
    stop: Literal["all", "settled"]
    """Whether all samples are drawn, or as many as settle it."""
    development_accuracy: float
    """On the half that chooses."""
    accuracy_share: float
    accuracy_share_low: float
    """95 %."""
    accuracy_share_high: float
    accuracy_share_n: int
    """Problems."""
    gain_share: float
    """Over greedy, paired."""
    gain_share_low: float
    gain_share_high: float
    gain_share_n: int
    p_value: float
    """Of no gain."""
    adjusted_p: float
    """Holm's, over all strategies."""
    tokens: float
    """Of a problem: its prompt once, and all samples."""
    tokens_unshared: float
    """The same with the prompt once for each sample."""
    usd: float
    seconds: float
    seconds_p50: float
    seconds_p95: float
    on_frontier: bool
    """Nothing is as accurate for fewer tokens."""


class StrategyChoice(TypedDict):
    """Which strategy to take."""

    strategy: str | None
    """Null: none beats greedy here."""
    sentence: str
    alike: list[str]
    """Those within the budget that cannot be told apart from it."""
    cheapest: str
    """Of these and the best."""


class ComparedTask(TypedDict):
    """What a task, or all of them together, say of the strategies."""

    task: str
    problems: int
    """Of the half that reports."""
    strategies: list[ComparedStrategy]
    measures: Measures
    recommendation: StrategyChoice


class Probe(TypedDict):
    """What an endpoint does of what it is asked."""

    url: str
    model: str
    chat: bool
    logprobs_of: Literal["model", "chain"] | None
    """Whose log-probabilities it tells; null where it tells none, or it is not known."""
    features: dict[str, Annotated[Found, MadeOf("sampling.endpoints.findings", "Finding")]]


class Strategies(TypedDict):
    """What each way to sample a model is worth, and what it costs."""

    model: str
    budget_unit: Literal["tokens", "seconds", "usd"]
    unavailable: dict[str, list[str]]
    """Chain -> why the endpoint cannot apply it."""
    probe: Probe | None
    """Of an endpoint."""
    tasks: list[ComparedTask]
    """With several, the last is all of them together."""
    written: NotRequired[str]
    """The file that holds the recommendation now."""


class StrategiesCost(TypedDict):
    """What a comparison would draw."""

    model: str
    budget_unit: Literal["tokens", "seconds", "usd"]
    unavailable: dict[str, list[str]]
    """Chain -> why the endpoint cannot apply it."""
    probe: Probe | None
    """Of an endpoint."""
    completions_stored: int
    completions_to_draw: int
    completion_tokens_at_most: int
    seconds_about: float | None
    """At the pace measured here; null for an endpoint."""
    usd_at_most: float
    """Without the prompts."""


def strategies(
    model: Annotated[
        PathLike,
        typer.Argument(
            metavar="MODEL",
            help="a folder, a GGUF file, an artifact; or the URL of an OpenAI-compatible endpoint,"
            " whose key stands in OPENAI_API_KEY",
        ),
    ],
    *,
    task: Annotated[
        Words,
        typer.Option(help="by name, as sums:terms=3-5; may be repeated; three unless told"),
    ] = (),
    data: Annotated[
        Paths, typer.Option(help="JSONL of prompts and answers: a task of your own")
    ] = (),
    chain: Annotated[
        Words, typer.Option(help="a chain to try beside greedy; equally many of each sampler")
    ] = (),
    samples: Annotated[
        int, typer.Option(min=2, max=4_096, help="most completions of a problem")
    ] = 16,
    problems: Annotated[
        int, typer.Option(min=20, max=1_000_000, help="of a task; one half chooses, one reports")
    ] = 200,
    paraphrases: Annotated[
        int, typer.Option(min=1, max=4_096, help="wordings of a problem, for agreement")
    ] = 3,
    max_tokens: Annotated[int, typer.Option(min=1, max=1_048_576, help="of a completion")] = 128,
    seed: Annotated[
        int, typer.Option(min=0, max=MOST_SEED, help="of problems and of what is drawn")
    ] = 0,
    plain: Annotated[
        bool, typer.Option(help="the model goes on from the prompt, without turns")
    ] = False,
    constrain: Annotated[
        bool, typer.Option(help="where a task has a schema, answers are held to it")
    ] = False,
    budget_tokens: Annotated[
        float | None, typer.Option(help="a problem, prompt and completions; one budget at most")
    ] = None,
    budget_seconds: Annotated[float | None, typer.Option(help="a problem")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="a problem; needs the prices")] = None,
    prompt_price: Annotated[float, typer.Option(help="USD a million prompt tokens")] = 0.0,
    completion_price: Annotated[float, typer.Option(help="USD a million tokens drawn")] = 0.0,
    checker: Annotated[
        bool, typer.Option(help="answers can be checked where the model is used")
    ] = False,
    reward: Annotated[
        PathLike | None,
        typer.Option(help="a model aligned from this one: its log-probability over this one's"),
    ] = None,
    endpoint_model: Annotated[str | None, typer.Option(help="its name at the endpoint")] = None,
    number_format: Annotated[
        NumberFormat | None, typer.Option(help="unless told, what is faster here")
    ] = None,
    device: Annotated[
        Device, typer.Option(help="where it computes; auto: a GPU if there is one")
    ] = "auto",
    chart: Annotated[
        PathLike | None,
        typer.Option(help="draw accuracy over tokens, of the last task, in this SVG file"),
    ] = None,
    write: Annotated[
        bool, typer.Option(help="put the recommendation into generation_config.json")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option(help="only say what it costs; an endpoint is probed")
    ] = False,
    store: Store = STORE,
    workers: Workers = 1,
    progress: Progress | None = None,
) -> Strategies | StrategiesCost:
    """Compare ways to sample a model: what each is worth, and what it costs.

    Answers are stored, and every smaller number of samples, selector and budget is computed from
    them: nothing is drawn twice, and a run that was stopped goes on. Half of the problems chooses
    each sampler's setting, the other half reports.

    Raises:
        ArtifactError: it is no such model.
        ConfigError: an option cannot be used.
        DataError: a file holds no problems.
        BedstoneError: torch is not installed, or the endpoint fails.
    """
    from bedstone.store.stages import imported

    questions = imported("sampling.contest.questions", "bedstone strategies")
    verdicts = imported("sampling.contest.verdicts", "bedstone strategies")
    writer = imported("generation.writer", "bedstone strategies")
    picture = target("--chart", chart, ".svg")
    path = None if is_url(model) else given(model, store)[0]
    if write:
        verdicts.refuse_unwritable(path)
    asked = questions.Asked(
        tasks=tuple(words_of(task)),
        data=tuple(paths_of(data)),
        chains=tuple(words_of(chain)),
        samples=samples,
        problems=problems,
        paraphrases=paraphrases,
        max_tokens=max_tokens,
        seed=seed,
        plain=plain,
        constrain=constrain,
        budget=questions.budget_of(budget_tokens, budget_seconds, budget_usd),
        prices=questions.Prices(prompt_price, completion_price),
        checker=checker,
        reward=None if reward is None else given(reward, store)[0],
        number_format=number_format
        or ("fp32" if path is None else writer.faster_format(path, device)),
        device=device,
    )
    found: Strategies | StrategiesCost
    found, rows = verdicts.compare(
        str(model),
        path,
        endpoint_model,
        asked,
        making(store, progress, workers),
        verdicts.Wanted(write=write, dry_run=dry_run),
    )
    if picture and not dry_run:
        from bedstone.reporting.sections.strategies import accuracy_chart

        write_chart(accuracy_chart(rows), picture, progress)
    return found


def _lines(found: Any) -> Iterator[str]:
    return _compared(found) if "tasks" in found else _cost(found)


def _cost(found: StrategiesCost) -> Iterator[str]:
    yield f"{found['completions_stored']:,} completions are stored"
    yield (
        f"{found['completions_to_draw']:,} would be drawn, of "
        f"{found['completion_tokens_at_most']:,} tokens at most"
    )
    if found["seconds_about"]:
        minutes, seconds = divmod(math.ceil(found["seconds_about"]), 60)
        yield f"about {minutes}:{seconds:02} minutes to draw them, at the pace measured here"
    if found["usd_at_most"]:
        yield f"{found['usd_at_most']:,.2f} USD at most, without the prompts"


def _compared(found: Strategies) -> Iterator[str]:
    if found["probe"]:
        yield from _probed(found["probe"])
    for chain, reasons in found["unavailable"].items():
        yield from wrap(f"not compared: {chain}: {'; '.join(reasons)}", WIDTH)
    for task in found["tasks"]:
        yield from _task(task, found["budget_unit"])
    if "written" in found:
        yield f"written: {found['written']}"
        recommended = found["tasks"][-1]["recommendation"]["strategy"]
        for row in found["tasks"][-1]["strategies"]:
            if row["strategy"] == recommended and row["samples"] > 1:
                yield f"  the chain alone: to draw {row['samples']} and choose is the caller's part"


def _probed(probe: Probe) -> Iterator[str]:
    for name, each in probe["features"].items():
        if each["verdict"] != "honoured":
            yield from wrap(
                f"{name}: {each['verdict']}: {each['seen']}", WIDTH, subsequent_indent="  "
            )


def _task(task: ComparedTask, unit: Literal["tokens", "seconds", "usd"]) -> Iterator[str]:
    yield f"{task['task']}, {task['problems']} problems to report on"
    named = ("greedy", task["recommendation"]["strategy"])
    shown = [row for row in task["strategies"] if row["on_frontier"] or row["strategy"] in named]
    shown.sort(key=lambda row: float(row[unit]))
    names = [row["strategy"] for row in shown]
    width = max(len("strategy"), *(len(name) for name in names if len(name) <= NAME_WIDTH), 0)
    yield (
        f"  {'strategy':{width}} {'accuracy (95 %)':>20} {'over greedy':>12} {'adj. p':>7} "
        f"{unit:>9}"
    )
    for row in shown:
        interval = f"[{row['accuracy_share_low']:.3f}, {row['accuracy_share_high']:.3f}]"
        name = row["strategy"]
        if len(name) > width:
            yield from wrap(name, WIDTH, initial_indent="  ", subsequent_indent="    ")
            name = ""
        yield (
            f"  {name:{width}} {row['accuracy_share']:.3f} {interval:>14} "
            f"{row['gain_share']:+12.3f} {row['adjusted_p']:7.4f} {row[unit]:9{FORMS[unit]}}"
        )
    if any(row["selector"] == "checked" for row in shown):
        yield "  checked: of use only where a checker is at hand (--checker)"
    yield from wrap(
        f"recommended: {task['recommendation']['sentence']}", WIDTH, subsequent_indent="  "
    )
    yield ""


COMMANDS = (Command(strategies, _lines),)
