"""Chains: samplers in an explicit order.

A chain is written as ``"temperature=0.8,top_p=0.9"`` and applied in this order: the same
samplers in another order give another distribution. Lists are written with semicolons:
``logit_bias=7:-1.5;9:2`` is two tokens' biases, ``bad_words=7+9;4`` a word of two tokens and one
of one.

A preset, as in ``"hf:temperature=0.8,top_p=0.95"``, takes an engine's own parameters and stands for
the explicit chain that the engine would apply; ``str`` of it prints that chain.

A config holds chains, so nothing here needs torch.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator

from bedstone.errors import nearest
from bedstone.generation.presets import ENGINES, Engine
from bedstone.generation.values import ALONE, WITH_HISTORY, refuse_wrong

WHITE_SPACE = re.compile(r"\s+")
Step = tuple[str, Any]
"""A sampler's name and its value: a number; pairs of token and bias; words; None for greedy."""

NAMES = (*ALONE, *WITH_HISTORY, "logit_bias", "bad_words", "greedy")


@dataclass(frozen=True, slots=True)
class Chain:
    """Samplers in the order in which they apply, each with its value; greedy has none."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """The text that it is read from, without a preset."""
        return ",".join(_text(*step) for step in self.steps)


def parse(text: str) -> Chain:
    """The chain that ``text`` writes or a preset stands for, with white space left aside.

    Raises:
        ValueError: an unknown sampler or engine, a parameter that the engine has not or that is
            given twice, a value missing, too many or out of range, none at all.
    """
    text = WHITE_SPACE.sub("", text)
    name, colon, given = text.partition(":")
    if not colon or "=" in name:
        return Chain(tuple(_step(part) for part in text.split(",")))
    if name not in ENGINES:
        raise ValueError(f"no engine {name!r}; {nearest(name, ENGINES)}")
    return Chain(tuple(_preset(name, ENGINES[name], given)))


def _preset(name: str, engine: Engine, given: str) -> list[Step]:
    written: dict[str, str] = {}
    known = [parameter.name for parameter in engine.parameters]
    for part in given.split(",") if given else []:
        key, _, _ = part.partition("=")
        if key not in known:
            raise ValueError(f"{name} takes no {key!r} here; it takes {', '.join(known)}")
        if key in written:
            raise ValueError(f"{name} is given {key!r} twice")
        written[key] = part
    steps = []
    for parameter in engine.parameters:
        value: Any = parameter.default
        if parameter.name in written:
            value = _read(parameter.sampler, written[parameter.name])
        if value is not None and value not in parameter.off:
            steps.append(_engine_step(engine, parameter.sampler, value))
    return steps


def _engine_step(engine: Engine, sampler: str, value: Any) -> Step:
    if sampler == "temperature":
        if value == 0 and engine.greedy_at_0:
            return "greedy", None
        if value > 0:
            value = max(value, engine.least_temperature)
    return _checked(sampler, value)


def _step(part: str) -> Step:
    name, equals, _ = part.partition("=")
    if name == "greedy":
        if equals:
            raise ValueError(f"greedy takes no value, got {part!r}")
        return name, None
    if name not in NAMES:
        raise ValueError(f"no sampler {name!r}; {nearest(name, NAMES)}")
    return _checked(name, _read(name, part))


def _checked(name: str, value: Any) -> Step:
    if name in ALONE or name in WITH_HISTORY:
        refuse_wrong(name, value)
    return name, value


EXAMPLES = {
    "logit_bias": ("tokens with their biases", "7:-1.5;9:2"),
    "bad_words": ("words of tokens", "7+9;4"),
}


def _read(sampler: str, part: str) -> Any:
    name, _, written = part.partition("=")
    try:
        if sampler == "logit_bias":
            return _biases(written)
        if sampler == "bad_words":
            return tuple(tuple(map(_token, word.split("+"))) for word in written.split(";"))
        return float(written)
    except ValueError:
        takes, example = EXAMPLES.get(sampler, ("a number", "1"))
        message = f"{name} takes {takes}, as in {name}={example}, got {part!r}"
        raise ValueError(message) from None


def _biases(written: str) -> tuple[tuple[int, float], ...]:
    pairs = [pair.split(":") for pair in written.split(";")]
    biases = {_token(token): float(bias) for token, bias in pairs}
    if len(biases) < len(pairs) or not all(bias < float("inf") for bias in biases.values()):
        raise ValueError("a token twice, or a bias that is no number or has no bound")
    return tuple(biases.items())


def _token(written: str) -> int:
    if not (written.isascii() and written.isdecimal()):
        raise ValueError("a token's id is a whole number from 0")
    return int(written)


def _text(name: str, value: Any) -> str:
    if value is None:
        return name
    if name == "logit_bias":
        return f"{name}=" + ";".join(f"{token}:{_number(bias)}" for token, bias in value)
    if name == "bad_words":
        return f"{name}=" + ";".join("+".join(map(str, word)) for word in value)
    return f"{name}={_number(value)}"


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _readable(text: str) -> str:
    parse(text)
    return text


ChainText = Annotated[str, AfterValidator(_readable)]
"""A chain as a config writes it; a wrong one is an error of the config."""
