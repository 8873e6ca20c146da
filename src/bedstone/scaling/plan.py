"""Stage scaling.plan: choose the model's size and its tokens for the time there is, or as given.

Reads   ``mix`` (how much text there is), ``tokenizer`` (the vocabulary)
Writes  ``plan.json``. What later stages are configured with: ``vocab_size``, ``n_layers``,
        ``d_model``, ``n_heads``, ``n_kv_heads``, ``d_ff``, ``seq_len``, ``batch_tokens``,
        ``train_tokens``, ``n_steps``, ``learning_rate``, ``sft_tokens``, ``device``,
        ``number_format``, ``threads``, ``compiled``. Why: ``parameters_total``,
        ``parameters_non_embedding``, ``tokens_per_parameter``, ``flop``, ``flop_per_second``,
        ``expected_seconds``, ``text_tokens`` (in the mix, each seen once), ``passes`` (over them),
        ``effective_tokens`` (what they are worth in fresh ones), ``laws`` [{``law``,
        ``parameters``, ``train_tokens``, ``loss_nats``, ``in_range``}] (what each published law
        would do with the same FLOP and text),
        ``most_repeated_language``, ``most_repeated_passes``, ``limit`` (``time``, ``text`` or
        ``given``), ``speed_source`` (``given`` or ``measured``), ``measured``
        [{``device``, ``number_format``, ``threads``, ``compiled``, ``parameters_total``,
        ``flop_per_second``}], ``sentences`` (the same in words)

The speed is that of the real training step on this machine. Given ``device``, ``threads``,
``number_format`` and either ``speed`` or the size, the plan is a pure function of config and
inputs; a size whose speed nobody gave has null for ``flop_per_second``, ``expected_seconds`` and
``speed_source``. A speed that was measured is content, as it decides the size: children take no
more of the plan than what they are configured with, so that equal decisions share the run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from bedstone.config import MOST_THREADS, Config
from bedstone.counting.shape import SIZES, ModelConfig
from bedstone.laws import shapes
from bedstone.laws.allocation import Question, answer, outside
from bedstone.laws.conclusions import short
from bedstone.laws.known import LAW_NAMES, published
from bedstone.laws.repeated_text import NEARLY_FRESH_PASSES, effective_tokens
from bedstone.laws.shapes import Budget, Choice
from bedstone.model import Compiled, Device, NumberFormat
from bedstone.scaling.speed import Way, flop_per_second, physical_cores, ways
from bedstone.store.decisions import FILE
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.encoder import Encoder
from bedstone.tokenizer.mixing.shares import FILE as MIX_FILE

TOKENS_PER_PARAMETER = published("twenty").values()["tokens_per_parameter"]
FIRST_GUESS = {"cpu": 5e10, "cuda": 5e13}
"""FLOP/s: at the shape that it leads to, the speed is measured first. It decides nothing else."""
MEASURE_SECONDS = 1.5
"""For each measurement, about."""


class PlanConfig(Config):
    """The time and the proportions, or the size. What is absent is measured on this machine."""

    minutes: float = Field(4.0, gt=0)
    """Of pre-training alone."""
    tokens_per_parameter: float = Field(TOKENS_PER_PARAMETER, gt=0)
    """Of the size that the minutes allow, or that is given. Source: the law ``twenty``."""
    max_passes: float = Field(NEARLY_FRESH_PASSES, gt=0)
    """Over the text. Source: see ``laws.repeated_text``."""
    parameters: int | None = Field(None, ge=1, le=10**12)
    """The model's size, in the place of the time: the nearest shape is taken, and from it follow
    tokens, batch, learning rate and course."""
    train_tokens: int | None = Field(None, ge=1, le=10**15)
    """On which a model of the given size is trained, in whole steps; absent, by
    ``tokens_per_parameter``."""
    shapes: Literal["any", "even"] = "any"
    """Of a given size: the nearest of all, or of those with a layer for each 32 of the width, of
    which a larger one is wider and deeper alike."""
    seq_len: int = Field(256, ge=2, le=2**20)
    sft_share: float = Field(0.12, ge=0)
    """Tokens of supervised fine-tuning over those of pre-training."""
    speed: float | None = Field(None, gt=0)
    """FLOP/s of training."""
    threads: int | None = Field(None, ge=1, le=MOST_THREADS)
    """Absent: one, or as many as physical cores, with which training is faster."""
    number_format: NumberFormat | None = None
    """Absent: the one in which training is faster; bf16 is tried where torch has kernels for it."""
    device: Device = "auto"
    """``auto``: a GPU if there is one."""
    compiled: Compiled = "auto"
    """``auto``: on a GPU, if it is faster, for runs of 10 minutes or more."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "PlanConfig":
        if self.parameters is None and self.train_tokens is not None:
            raise ValueError("train_tokens: they are of a given size; give parameters too")
        if self.parameters is None and self.shapes == "even":
            raise ValueError("shapes: they are of a given size; give parameters too")
        idle = {
            "parameters": ("minutes", "max_passes") if self.parameters else (),
            "train_tokens": ("tokens_per_parameter",) if self.train_tokens else (),
        }
        for given, names in idle.items():
            for name in names:
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name}: {given} are given, so it has no effect")
        return self


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the machine trains, and by what one knows."""

    flop_per_second: float | None
    """None: nobody asked, and the size does not depend on it."""
    way: Way
    measured: tuple[dict[str, Any], ...] = ()


Meter = Callable[[ModelConfig, int, Way, float], float]
"""``speed.flop_per_second``, or what a test has in its place."""


def run(config: PlanConfig, job: Job) -> Result:
    """Find the speed, then the plan."""
    mix = read_json(job.inputs["mix"], MIX_FILE)
    vocab_size = Encoder.stored(job.inputs["tokenizer"]).vocab_size
    speed = known_speed(config, vocab_size, mix["train_tokens"], flop_per_second)
    values = plan(config, vocab_size, mix, speed)
    write_json(job, FILE, values)
    for sentence in values["sentences"]:
        job.progress.say(sentence)
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return Result(numbers)


def needs(config: PlanConfig) -> tuple[str, ...]:
    """What measures the speed, and finds the devices, where something is to be found."""
    one_way = config.number_format and (config.threads or physical_cores() == 1)
    is_known = one_way and (config.speed or config.parameters) and config.device != "cuda"
    return () if is_known else ("torch",)


def known_speed(config: PlanConfig, vocab_size: int, text_tokens: int, measure: Meter) -> Speed:
    """The speed given, or else measured: at a guessed shape, then at that which follows.

    Small models train at fewer FLOP/s than large ones: a speed holds near its shape only. What
    ``threads`` and ``number_format`` leave open is decided by the first measurement: a small
    model, or a machine that has other work, may be faster on one core than on all. A given size
    needs no second one, and none where nothing is left open.
    """
    settings = (config.device, config.number_format, config.threads, config.compiled)
    options = ways(*settings, config.minutes)
    if (config.speed or config.parameters) and len(options) == 1:
        return Speed(config.speed, options[0])
    measured: list[dict[str, Any]] = []

    def at(speed: float, way: Way) -> float:
        choice = chosen(config, vocab_size, text_tokens, speed)
        shape, flop = choice.shape, speed * config.minutes * 60
        if config.parameters:
            flop = shapes.train_flop(shape, choice.train_tokens)
        batch = shapes.batch_tokens(flop, config.seq_len)
        found = measure(shape, batch, way, MEASURE_SECONDS)
        parameters = shapes.counted(shape).total
        what = {**way._asdict(), "parameters_total": parameters, "flop_per_second": found}
        measured.append(what)
        return found

    speeds = {option: at(config.speed or FIRST_GUESS[option.device], option) for option in options}
    best = max(options, key=speeds.__getitem__)
    is_at_shape = config.parameters is not None
    speed = config.speed or (speeds[best] if is_at_shape else at(speeds[best], best))
    return Speed(speed, best, measured=tuple(measured))


def chosen(config: PlanConfig, vocab_size: int, text_tokens: int, speed: float | None) -> Choice:
    """The shape and tokens for the minutes at ``speed``, or of the size given."""
    if config.parameters is not None:
        even = config.shapes == "even"
        shape = shapes.nearest(config.parameters, vocab_size, config.seq_len, even=even)
        by_ratio = config.tokens_per_parameter * shapes.counted(shape).total
        return Choice(shape, config.train_tokens or by_ratio, limit="given")
    assert speed is not None
    budget = Budget(
        flop=speed * config.minutes * 60,
        text_tokens=config.max_passes * text_tokens,
        tokens_per_parameter=config.tokens_per_parameter,
    )
    return shapes.choose(list(shapes.shapes(vocab_size, config.seq_len)), budget)


def plan(config: PlanConfig, vocab_size: int, mix: dict[str, Any], speed: Speed) -> dict[str, Any]:
    """All that ``plan.json`` says. Tokens are rounded to whole steps."""
    choice = chosen(config, vocab_size, mix["train_tokens"], speed.flop_per_second)
    wanted_flop = shapes.train_flop(choice.shape, choice.train_tokens)
    batch_tokens = shapes.batch_tokens(wanted_flop, config.seq_len)
    n_steps = max(1, round(choice.train_tokens / batch_tokens))
    train_tokens = n_steps * batch_tokens
    flop = shapes.train_flop(choice.shape, train_tokens)
    passes = train_tokens / mix["train_tokens"]
    repeated, most = max(mix["languages"].items(), key=lambda item: item[1]["repetition"])
    parameters = shapes.counted(choice.shape)
    per_second = speed.flop_per_second
    source = "given" if config.speed else "measured"
    values = {
        **choice.shape.model_dump(include=set(SIZES)),
        "batch_tokens": batch_tokens,
        "train_tokens": train_tokens,
        "n_steps": n_steps,
        "learning_rate": shapes.LEARNING_RATE,
        "sft_tokens": round(config.sft_share * train_tokens),
        **speed.way._asdict(),
        "parameters_total": parameters.total,
        "parameters_non_embedding": parameters.non_embedding,
        "tokens_per_parameter": train_tokens / parameters.total,
        "flop": flop,
        "flop_per_second": per_second,
        "expected_seconds": flop / per_second if per_second else None,
        "text_tokens": mix["train_tokens"],
        "passes": passes,
        "effective_tokens": effective_tokens(mix["train_tokens"], passes),
        "laws": laws(flop, mix["train_tokens"]),
        "most_repeated_language": repeated,
        "most_repeated_passes": passes * most["repetition"],
        "limit": choice.limit,
        "speed_source": source if per_second else None,
        "measured": speed.measured,
    }
    return {**values, "sentences": sentences(config, values)}


def laws(flop: float, text_tokens: int) -> list[dict[str, Any]]:
    """What each published law would do with ``flop`` and the text that there is."""
    question = Question(flop, text_tokens)
    rows = []
    for law in map(published, LAW_NAMES):
        found = answer(law, question)
        sizes = {"parameters": found.parameters, "train_tokens": found.train_tokens}
        row = {"law": law.name, **sizes, "loss_nats": found.loss_nats}
        rows.append({**row, "in_range": not outside(law, **sizes)})
    return rows


def sentences(config: PlanConfig, values: dict[str, Any]) -> list[str]:
    """The plan in words."""
    shape = (
        f"{values['n_layers']} layers of width {values['d_model']}, "
        f"{values['parameters_total']:,} parameters "
        f"({values['parameters_non_embedding']:,} without the embedding)"
    )
    training = (
        f"{values['train_tokens']:,} tokens, {values['tokens_per_parameter']:.3g} a parameter: "
        f"{values['passes']:.2f} passes over the text, "
        f"{values['most_repeated_passes']:.1f} over that in {values['most_repeated_language']}"
    )
    place = "on a GPU" if values["device"] == "cuda" else f"threads: {values['threads']}"
    compiled = ", compiled" if values["compiled"] == "on" else ""
    time = f"{_time(config, values)}{place}, {values['number_format']}{compiled}"
    parameters = [row["parameters"] for row in values["laws"]]
    known = "some fitted" if any(row["in_range"] for row in values["laws"]) else "none fitted"
    published_laws = (
        f"for this compute and text, published laws ask for {short(min(parameters))} to "
        f"{short(max(parameters))} parameters, {known} on models of this size"
    )
    even = "even " if config.shapes == "even" else ""
    limit = {
        "time": "time is the limit: more minutes would train a larger model on more tokens",
        "text": f"text is the limit: more than {config.max_passes:g} passes over it would be "
        "needed; more minutes would change nothing, more text would",
        "given": f"the size was given: of the {even}shapes there are this is the nearest to "
        f"{config.parameters or 0:,} parameters, trained on {_tokens(config)} in whole steps",
    }
    return [shape, training, time, published_laws, limit[values["limit"]]]


def _tokens(config: PlanConfig) -> str:
    if config.train_tokens:
        return f"{config.train_tokens:,} tokens"
    return f"{config.tokens_per_parameter:g} tokens a parameter"


def _time(config: PlanConfig, values: dict[str, Any]) -> str:
    if values["expected_seconds"] is None:
        return "how long that takes was not measured; "
    of = "" if config.parameters else f" of {config.minutes:g}"
    return (
        f"about {values['expected_seconds'] / 60:.1f}{of} minutes at "
        f"{values['flop_per_second'] / 1e9:.0f} GFLOP/s ({values['speed_source']}), "
    )


STAGE = Stage(
    "scaling.plan",
    version=3,
    config=PlanConfig,
    inputs=("mix", "tokenizer"),
    run=run,
    needs=needs,
    reproducible="request",
)
