"""`bedstone plan`: what each law would do with a budget, how sure it is, and what it costs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typing_extensions import TypedDict

from bedstone import languages
from bedstone.commands.declare import (
    NOT_KNOWN,
    STORE,
    WIDTH,
    Command,
    Found,
    Interval,
    MadeOf,
    PathLike,
    Store,
    Words,
)
from bedstone.commands.desk import artifact_of, given, store_of, words_of
from bedstone.commands.save import target, write_chart
from bedstone.errors import ArtifactError, ConfigError, number_of
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.laws.budget import Corpus
    from bedstone.store.artifact import Artifact

MUCH = 1e6
EVEN_SHARE = 0.005
"""Of the budget: what is left of less is nothing."""


class PlannedRun(TypedDict):
    """How large, on how many tokens, by which law, and what that takes."""

    law: str
    parameters: float
    train_tokens: float
    train_flop: float
    serving_flop: float
    """Of the tokens that will be served."""
    device_hours: float | None
    """Of training; null without a device."""
    hours: float | None
    """On all devices."""
    usd: float | None
    """Null without a price."""
    train_bytes: float
    """Weights, gradients and moments of Adam; activations come on top."""
    weight_bytes: float
    """In 16 bit."""
    passes: float | None
    """Over the corpus; null without one."""
    effective_tokens: float | None
    """Fresh tokens that so many passes are worth."""
    loss_nats_on_corpus: float | None
    """By the law ``repeated``."""


class PlannedLaw(PlannedRun):
    """What one law would do with the budget."""

    title: str
    loss_nats: float | None
    """A token of the law's own text; null where it says nothing of loss."""
    loss_interval: Interval | None
    """95 %, of the law's mean: a single run varies about it."""
    parameters_interval: Interval | None
    """95 %, over the surfaces that the law's runs allow."""
    parameters_within_rounding: Interval | None
    """What the printed digits of its constants leave open."""
    tokens_per_parameter: float
    in_range: bool
    """Whether the law was fitted on runs of this size."""
    parameters_counted: str
    """Which parameters the law counts."""
    embedding_share: float
    """Of the parameters, those that the vocabulary takes."""
    hyperparameters: list[Annotated[Found, MadeOf("laws.hyperparameters", "Advice")]]
    source: str
    warnings: list[str]


class PlannedAnswer(PlannedRun):
    """One answer of all laws together, and what it leaves of the budget."""

    why: str
    left_share: float
    """Of the budget of training; below 0, it takes more."""
    left_flop: float
    left_usd: float | None


class Plan(TypedDict):
    """What each law would do with a budget."""

    answer: PlannedAnswer
    flop: float
    """Of training."""
    pf_days: float
    """The same in days of 1e15 FLOP a second."""
    budget: Annotated[Found, MadeOf("laws.budget", "Budget")]
    unique_tokens: float | None
    """Of the corpus."""
    unique_tokens_by_language: dict[str, float] | None
    served_tokens: float
    laws: list[PlannedLaw]
    sentences: list[str]
    """What follows: what the budget buys, where the laws disagree, and why."""


class PlanOfOneLaw(Plan, PlannedLaw):
    """What one law would do with a budget: its fields stand at the top too."""


class CheckedRow(TypedDict):
    """A row of a table of models."""

    line: int
    parameters: float
    train_tokens: float
    flop: float
    flop_6nd: float
    """6 FLOP for each parameter and token."""
    difference_share: float
    """Of ``flop`` from that, over that."""
    rounding_share: float
    """By how much they may differ by rounding alone."""
    consistent: bool


class Check(TypedDict):
    """Which rows of a table of models can be true."""

    table: str
    rows: list[CheckedRow]
    inconsistent: list[CheckedRow]
    """Those that cannot."""


def plan(
    *,
    flop: Annotated[float | None, typer.Option(help="of training: the budget")] = None,
    device_hours: Annotated[
        float | None, typer.Option(help="the budget in hours of one device")
    ] = None,
    usd: Annotated[
        float | None, typer.Option(help="the budget in money; needs --usd-per-device-hour")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="H100-SXM, A100-80GB, ...: for time and money")
    ] = None,
    devices: Annotated[int, typer.Option(help="how many there are: for the time")] = 1,
    utilisation: Annotated[
        float | None, typer.Option(help="share of the device's dense rate; .4 unless told")
    ] = None,
    usd_per_device_hour: Annotated[float | None, typer.Option(help="your price")] = None,
    corpus: Annotated[
        Words,
        typer.Option(help="an artifact, or unique tokens: 1.2e9, or by language swh=1.2e9"),
    ] = (),
    served_tokens: Annotated[float, typer.Option(help="that the model will read and write")] = 0.0,
    law: Annotated[
        str | None, typer.Option(help="one law's answer: its name, a file of fit, its artifact")
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(min=1, help="for the embedding's share; 32,000 unless told")
    ] = None,
    check: Annotated[
        PathLike | None,
        typer.Option(help="CSV of parameters, train_tokens, flop: can it be true?"),
    ] = None,
    chart: Annotated[
        PathLike | None, typer.Option(help="draw loss over size at this budget in this SVG file")
    ] = None,
    store: Store = STORE,
    progress: Progress | None = None,
) -> Plan | PlanOfOneLaw | Check:
    """Show what each law would do with a budget, how sure it is, and what it costs.

    Raises:
        ConfigError: the budget cannot be used, or there is no such law or device.
        DataError: a file cannot be read.
    """
    from bedstone.laws import budget as budgets

    budget = budgets.Budget(
        flop, device_hours, usd, device, devices, utilisation, usd_per_device_hour
    )
    if check:
        told = budget != budgets.Budget()
        if any((told, words_of(corpus), served_tokens, law, vocab_size, chart)):
            raise ConfigError("--check reads a table and takes no other option")
        return cast(Check, budgets.check(Path(check)))
    picture = target("--chart", chart, ".svg")
    unique = read_corpus(words_of(corpus), store_of(store))
    asked = str(given(law, store)[0]) if law else None
    vocab_size = vocab_size or budgets.VOCAB_SIZE
    found = cast(Plan, budgets.plan(budget, unique, served_tokens, asked, vocab_size))
    if picture:
        write_chart(_isoflop(found), picture, progress)
    return found


def _isoflop(found: Plan) -> Any:
    """Loss over size at the plan's budget, with what each law would do."""
    from bedstone.laws.allocation import WITHOUT_LOSS
    from bedstone.laws.budget import known_law
    from bedstone.laws.known import published
    from bedstone.reporting.sections import scaling

    rows = found["laws"]
    drawn = known_law(rows[0]["law"]) if len(rows) == 1 else published(scaling.REFERENCE)
    if drawn.form in WITHOUT_LOSS:
        raise ConfigError(f"--chart: {drawn.name} says nothing of loss, so there is no curve")
    chosen = [(it["law"], "law", it["parameters"], it["train_tokens"]) for it in rows]
    return scaling.isoflop_chart(drawn, found["flop"], chosen)


def read_corpus(words: Sequence[str], store: Path) -> "Corpus | None":
    """The tokens that ``1.2e9``, ``swh=1.2e9`` or an artifact tell of; None without a word.

    Raises:
        ConfigError: a word is none of these, or they tell of one language twice.
        ArtifactError: the artifact counted no tokens.
    """
    from bedstone.laws.budget import MAX_TOKENS, Corpus

    tokens: dict[str, float] = {}
    for word in words:
        for name, number in _tokens_of(word, store).items():
            if name in tokens:
                raise ConfigError(f"--corpus {word}: {name or 'the corpus'} is given twice")
            tokens[name] = number
    if sum(tokens.values()) > MAX_TOKENS:
        raise ConfigError(f"--corpus: more than {MAX_TOKENS:g} tokens are no corpus")
    return Corpus(tokens) if tokens else None


def _tokens_of(word: str, store: Path) -> dict[str, float]:
    name, _, number = word.rpartition("=")
    try:
        count = float(number)
    except ValueError:
        return _counted(artifact_of(word, store))
    if not 0 < count < float("inf"):
        raise ConfigError(f"--corpus {word}: tokens must be a number above 0")
    code, script = languages.split(name)
    if name and (known := languages.by_code(code)) is None:
        raise ConfigError(f"--corpus {word}: no language {code!r}", hint="write ISO 639-3: swh")
    return {languages.join(known.code, script) if name and known else "": count}


def _counted(artifact: "Artifact") -> dict[str, float]:
    """Of the nearest mix behind it, else of the tokens, else of the audit."""
    from bedstone.store.lineage import ancestors
    from bedstone.store.payload import read_json
    from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE
    from bedstone.tokenizer.mixing.shares import language_of

    behind = {it.manifest.stage: it for it in reversed(ancestors(artifact).values())}
    if mix := behind.get("tokenizer.mix"):
        found = Counter[str]()
        for name, row in read_json(mix, MIX_FILE)["languages"].items():
            found[language_of(name)] += row["train_tokens"]
        return {name: float(tokens) for name, tokens in found.items()}
    if tokens := behind.get("tokenizer.encode"):
        return {"": tokens.manifest.metrics["encoded_tokens"]}
    if audit := behind.get("corpus.audit"):
        rows = read_json(audit, "audit.json")["languages"]
        counts = {languages.join(it["language"], it["script"]): it["tokens"] for it in rows}
        if counts and None not in counts.values():
            return counts
    raise ArtifactError(
        f"{artifact.path}: no tokens were counted for it",
        hint="give a mix, encoded tokens, or an audit with a tokeniser",
    )


def _lines(found: Any) -> Iterator[str]:
    return _checked(found) if "rows" in found else _planned(found)


def _checked(found: Check) -> Iterator[str]:
    yield f"{len(found['inconsistent'])} of {number_of(len(found['rows']), 'row')} cannot be true"
    for row in found["inconsistent"]:
        yield (
            f"line {row['line']}: {row['flop']:.4g} FLOP, but 6 x {row['parameters']:.4g} x "
            f"{row['train_tokens']:.4g} = {row['flop_6nd']:.4g}: "
            f"{100 * row['difference_share']:+.1f} %, where rounding explains "
            f"{100 * row['rounding_share']:.1f} %"
        )


def _planned(found: Plan) -> Iterator[str]:
    from bedstone.laws.repeated_text import NEARLY_FRESH_PASSES

    yield from _answer(found)
    rows = sorted(found["laws"], key=_is_starved)
    width = max(len("law"), *(len(_name(row)) for row in rows))
    yield f"{found['flop']:.4g} FLOP of training, {found['pf_days']:,.4g} petaFLOP/s-days"
    yield ""
    yield (
        f"{'law':{width}} {'parameters':>11} {'tokens':>9} {'tok/par':>8} "
        f"{'loss, nats (95 %)':>22} {'passes':>8} {'on corpus':>9}"
    )
    for row in rows:
        if _is_starved(row) and not any(map(_is_starved, rows[: rows.index(row)])):
            yield f"read more than {NEARLY_FRESH_PASSES:g} times by:"
        yield (
            f"{_name(row):{width}} {_short(row['parameters']):>10}{_mark(row)} "
            f"{_short(row['train_tokens']):>9} {row['tokens_per_parameter']:8.3g} "
            f"{_loss(row):>22} {_amount(row['passes'], '.1f'):>8} "
            f"{_number(row['loss_nats_on_corpus'], '.3f'):>9}"
        )
    yield "*: outside the runs that the law was fitted on"
    yield "loss: of the law's own text and tokens; on corpus: by the law repeated"
    yield ""
    yield from _warnings(rows)
    yield ""
    for sentence in found["sentences"]:
        yield from wrap(f"{sentence[0].upper()}{sentence[1:]}.", WIDTH, subsequent_indent="  ")
    yield ""
    yield from _costs(found, width)


def _answer(found: Plan) -> Iterator[str]:
    """How large, on what, at what cost, what is left, and why."""
    answer = found["answer"]
    text = "tokens"
    if found["unique_tokens"] is not None and answer["passes"] is not None:
        times = f"{answer['passes']:.2g} times"
        whole = _short(found["unique_tokens"])
        part = f"the corpus of {whole} tokens, read {times}" if answer["passes"] > 1 else ""
        text = f"tokens: {part or f'a part of the corpus of {whole} tokens'}"
    sizes = f"{_short(answer['parameters'])} parameters on {_short(answer['train_tokens'])}"
    yield from _wrapped(f"Train {sizes} {text}.")
    cost = [f"{answer['train_flop']:.3g} FLOP"]
    if answer["hours"] is not None:
        devices = found["budget"]["devices"]
        on = f" on {devices} devices" if devices > 1 else ""
        cost.append(f"{_amount(answer['hours'], ',.1f')} hours{on}")
    if answer["usd"] is not None:
        cost.append(f"{_amount(answer['usd'], ',.0f')} USD")
    yield from _wrapped(f"It takes {', '.join(cost)}{_left(answer)}.")
    yield from _wrapped(f"Why: {answer['why']}.")
    yield ""


def _left(answer: PlannedAnswer) -> str:
    share = answer["left_share"]
    if abs(share) < EVEN_SHARE:
        return ": the whole budget"
    if share < 0:
        return f": {1 - share:.3g} times the budget of training, for less in serving"
    money = f", {_amount(answer['left_usd'], ',.0f')} USD," if answer["left_usd"] else ""
    return f"; {100 * share:.3g} % of the budget{money} is left"


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ")


def _is_starved(row: PlannedLaw) -> bool:
    """Whether the corpus cannot feed what the law asks for."""
    from bedstone.laws.repeated_text import NEARLY_FRESH_PASSES

    return row["passes"] is not None and row["passes"] > NEARLY_FRESH_PASSES


def _name(row: PlannedLaw) -> str:
    """Of a law, or of its file without the folder."""
    return Path(row["law"]).name


def _mark(row: Mapping[str, Any]) -> str:
    return " " if row["in_range"] else "*"


def _loss(row: PlannedLaw) -> str:
    if row["loss_nats"] is None:
        return NOT_KNOWN
    if row["loss_interval"] is None:
        return f"{row['loss_nats']:.3f}"
    low, high = row["loss_interval"]
    return f"{row['loss_nats']:.3f} [{low:.3f}, {high:.3f}]"


def _warnings(rows: list[PlannedLaw]) -> Iterator[str]:
    """Each once, after the laws that it is about."""
    laws: dict[str, list[str]] = {}
    for row in rows:
        for warning in row["warnings"]:
            laws.setdefault(warning, []).append(_name(row))
    for warning, names in laws.items():
        yield from wrap(f"{', '.join(names)}: {warning}", WIDTH, subsequent_indent="  ")


def _costs(found: Plan, width: int) -> Iterator[str]:
    rows, devices = found["laws"], found["budget"]["devices"]
    names = [it["law"] for it in rows[0]["hyperparameters"]]
    head = " ".join(f"{f'{name} LR, batch':>18}" for name in names)
    hours = "hours" if devices == 1 else f"hours on {devices}"
    yield f"{'law':{width}} {hours:>10} {'USD':>9} {'train GB':>8} {'serve GB':>8} {head}"
    for row in rows:
        told = (
            f"{it['learning_rate']:8.2e} {_short(it['batch_tokens']):>8}{_mark(it)}"
            for it in row["hyperparameters"]
        )
        yield (
            f"{_name(row):{width}} {_amount(row['hours'], ',.1f'):>10} "
            f"{_amount(row['usd'], ',.0f'):>9} {row['train_bytes'] / 1e9:8,.3g} "
            f"{row['weight_bytes'] / 1e9:8,.3g} {' '.join(told)}"
        ).rstrip()
    yield "train GB: weights, gradients, Adam's moments, no activations; serve GB: weights in bf16"
    yield "LR: at its peak; batch: tokens a step; *: outside the runs that this law was fitted on"


def _amount(value: float | None, form: str) -> str:
    """Of what may be little or very much."""
    return _short(value) if value and value >= MUCH else _number(value, form)


def _number(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _short(value: float) -> str:
    from bedstone.laws.conclusions import short

    return short(value)


COMMANDS = (Command(plan, _lines),)
