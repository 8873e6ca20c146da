"""Chains: samplers in an explicit order.

A chain is written as ``"temperature=0.8,top_p=0.9"`` and applied in this order: the same
samplers in another order give another distribution. Lists are written with semicolons:
``logit_bias=7:-1.5;9:2`` is two tokens' biases, ``bad_words=7+9;4`` a word of two tokens and one
of one.

A preset, as in ``"hf:temperature=0.8,top_p=0.95"``, takes an engine's own parameters and stands for
the explicit chain that the engine would apply; ``str`` of it prints that chain.

Shape letters: B rows of the batch, V tokens of the vocabulary, C groups of it, N tokens of a
group, G groups that are searched, S candidates.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import AfterValidator
from torch import Tensor

from bedstone.errors import nearest
from bedstone.generation import samplers
from bedstone.generation.boundary import Doubt
from bedstone.generation.presets import ENGINES, Engine
from bedstone.generation.samplers import RULED_OUT, History

WHITE_SPACE = re.compile(r"\s+")
Step = tuple[str, Any]
"""A sampler's name and its value: a number; pairs of token and bias; words; None for greedy."""

ALONE: Mapping[str, Callable[[Tensor, float], Tensor]] = {
    "temperature": samplers.temperature,
    "top_k": samplers.top_k,
    "top_p": samplers.top_p,
    "min_p": samplers.min_p,
    "typical": samplers.typical,
    "epsilon": samplers.epsilon,
    "eta": samplers.eta,
    "top_n_sigma": samplers.top_n_sigma,
}
"""Those of a number, which look at nothing but the logits."""
WITH_HISTORY: Mapping[str, Callable[[Tensor, History, float], Tensor]] = {
    "repetition": samplers.repetition,
    "frequency": samplers.frequency,
    "presence": samplers.presence,
    "no_repeat_ngram": samplers.no_repeat_ngram,
}
"""Those of a number, which look at the text so far."""
NARROW = ("top_k", "greedy")
"""Those that leave a known number of tokens."""
NAMES = (*ALONE, *WITH_HISTORY, "logit_bias", "bad_words", "greedy")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The distribution that the next token is drawn from, over tokens that hold all it may be."""

    logprobs: Tensor
    """(B, S), in the order of the tokens' ids; -inf for those ruled out."""
    ids: Tensor | None
    """(B, S), which tokens these are; None if S is the vocabulary."""
    doubt: Doubt
    """What rounding may have changed."""

    def tokens(self, places_B: Tensor) -> Tensor:
        """The ids of the tokens at some places of S, one a row."""
        if self.ids is None:
            return places_B
        return self.ids.gather(1, places_B[:, None])[:, 0]


@dataclass(frozen=True, slots=True)
class Chain:
    """Samplers in the order in which they apply, each with its value; greedy has none."""

    steps: tuple[Step, ...]

    def __call__(self, logits_BV: Tensor, history: History | None = None) -> Tensor:
        """The log-probabilities that the next token is drawn from.

        Raises:
            ValueError: a sampler reads the text so far and is given no ``history``, names a token
                that the vocabulary has not, or rules out all that was left of a row.
        """
        return _apply(self.steps, logits_BV, history).log_softmax(dim=-1)

    def candidates(self, logits_BV: Tensor, history: History | None = None) -> Candidates:
        """The same distribution, where it can be computed of a part of the vocabulary alone.

        After ``top_k`` the samplers look at the tokens that it kept and no others, and ``greedy``
        leaves one. Nothing but the rounding of sums may differ from the whole.

        Raises:
            ValueError: as a call does.
        """
        doubt = Doubt(len(logits_BV))
        names = [name for name, _ in self.steps]
        first = min([names.index(name) for name in NARROW if name in names], default=len(names))
        rest, ids_BS = self.steps[first:], None
        logits_BV = _apply(self.steps[:first], logits_BV, history, doubt)
        if rest and all(name in (*ALONE, "greedy") for name, _ in rest):
            logits_BV, ids_BS = _narrow(logits_BV, int(rest[0][1] or 1))
        logits_BS = _apply(rest, logits_BV, history, doubt)
        return Candidates(logits_BS.log_softmax(dim=-1), ids_BS, doubt)

    def __str__(self) -> str:
        """The text that it is read from, without a preset."""
        return ",".join(_text(*step) for step in self.steps)


def _narrow(logits_BV: Tensor, k: int) -> tuple[Tensor, Tensor | None]:
    """The logits (B, S) of tokens that hold the ``k`` likeliest, all ties of these and one more.

    With them their ids, in whose order they stand; None where S is the vocabulary.
    """
    count = k + 1
    while count < logits_BV.shape[1]:
        values_BS, ids_BS = _likeliest(logits_BV, count)
        least_B, last_B = values_BS[:, k - 1], values_BS[:, -1]
        if ((last_B < least_B) | (least_B == RULED_OUT)).all():
            ids_BS, order_BS = ids_BS.sort(dim=1)
            return values_BS.gather(1, order_BS), ids_BS
        count *= 2
    return logits_BV, None


def _likeliest(logits_BV: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The logits and ids of so many likeliest tokens, likeliest first.

    They stand in as many groups, those of the highest maxima, so that two small searches do.
    """
    rows, tokens = logits_BV.shape
    length = math.isqrt(tokens // count)
    if tokens % length:
        logits_BV = F.pad(logits_BV, (0, -tokens % length), value=RULED_OUT)
    groups_BNC = logits_BV.view(rows, length, -1)  # a group is every C-th token
    group_BG = groups_BNC.amax(dim=1).topk(count, dim=1, sorted=False).indices
    found = groups_BNC.gather(2, group_BG[:, None].expand(-1, length, -1)).flatten(1).topk(count)
    row_BS, place_BS = found.indices // count, found.indices % count
    return found.values, row_BS * groups_BNC.shape[2] + group_BG.gather(1, place_BS)


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
    if name in ALONE or name in WITH_HISTORY:  # they complain of a value out of range
        nothing = History(torch.zeros(1, 0, dtype=torch.int64), prompt_width=0)
        _apply(((name, value),), torch.zeros(1, 1), nothing)
    return name, value


def _apply(
    steps: Iterable[Step],
    logits_BV: Tensor,
    history: History | None,
    doubt: Doubt | None = None,
) -> Tensor:
    for name, value in steps:
        made_BV = _applied(name, value, logits_BV, history)
        if doubt is not None:
            doubt.follow(name, value, logits_BV, made_BV)
        logits_BV = made_BV
    return logits_BV


def _applied(name: str, value: Any, logits_BV: Tensor, history: History | None) -> Tensor:
    if name in ALONE:
        return ALONE[name](logits_BV, value)
    if name == "greedy":
        return samplers.greedy(logits_BV)
    if name == "logit_bias":
        return samplers.logit_bias(logits_BV, dict(value))
    if history is None:
        raise ValueError(f"{name} reads the text so far, and is given none")
    if name == "bad_words":
        return samplers.bad_words(logits_BV, history, value)
    return WITH_HISTORY[name](logits_BV, history, value)


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
