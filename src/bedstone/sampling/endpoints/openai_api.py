"""OpenAI's API of completions, as engines offer it: what is sent for a chain, and what comes back.

No setting of a chain is sent that ``probe`` did not find to be honoured, and none is left out in
silence: what an endpoint cannot do is an error, and ``obstacles`` names it beforehand.

Engines apply unasked what a request does not name. So of temperature, top_k, top_p and min_p all
are sent that are honoured, the value that does nothing where a chain has none. Engines differ in
their order too: the chain's must be the endpoint's, penalties first, then temperature, top_k and
one of top_p and min_p; or temperature last, where the probe found this. The order in which top_p
and min_p apply cannot be told from outside, so they are not sent together.

Source: OpenAI, API reference, create chat completion and create completion; vLLM, extra parameters
of its server (``top_k``, ``min_p``, ``repetition_penalty``).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

from bedstone.sampling.endpoints.findings import Findings

if TYPE_CHECKING:  # a chain needs torch, an endpoint does not
    from bedstone.generation.chain import Chain

CHOICES = 4
"""Completions of one request: so many did the probe see come out right."""
PARAMETERS = {
    "repetition": "repetition_penalty",
    "frequency": "frequency_penalty",
    "presence": "presence_penalty",
    "temperature": "temperature",
    "greedy": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
}
"""Of each sampler."""
WITHOUT_EFFECT = {"temperature": 1.0, "top_k": -1, "top_p": 1.0, "min_p": 0.0}
PENALTIES = (("repetition",), ("frequency",), ("presence",))
TEMPERED = ("temperature", "greedy")
CUTS = (("top_k", "min_p"), ("top_p",))
"""Of the first two it does not matter which acts first: both keep the likeliest tokens."""
MOST_TOKENS = 2**31 - 1
"""What is stored of a count."""
LARGEST_FP32 = 3.4028234663852886e38
"""Its negative stands for the logarithm of 0 in some engines' answers."""
HALF = re.compile("[\ud800-\udfff]")
"""Of a surrogate pair: no text of its own, and nothing that can be stored."""
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "missing",
}
"""Of JSON's values."""


@dataclass(frozen=True, slots=True)
class RemoteDrawing:
    """How an endpoint's completions are drawn."""

    chain: "Chain"
    samples: int
    """Completions of each prompt."""
    max_tokens: int
    seed: int
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    """Whether each token's is wanted."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a completion, with what the endpoint says of it."""

    text: str
    logprob: float
    listed: tuple[tuple[str, float], ...]
    """The likeliest tokens in its place with their log-probabilities, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a request's completions."""

    text: str
    finish_reason: str
    tokens: tuple[Token, ...] | None
    """None where the endpoint gives no log-probabilities."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one request."""

    choices: tuple[Choice, ...]
    prompt_tokens: int
    completion_tokens: int
    """Of all choices together."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """A token of a text that was given, with what the endpoint says of it."""

    text: str
    logprob: float | None
    """None of one that nothing stands before."""


def obstacles(drawing: RemoteDrawing, findings: Findings) -> list[str]:
    """Why an endpoint cannot draw so, each reason in words; none where it can."""
    names = [name for name, _ in drawing.chain.steps]
    reasons = [
        f"it takes no {name}, or none that means the same"
        for name in names
        if name not in PARAMETERS
    ]
    needed = ["temperature", *(PARAMETERS[name] for name in names if name in PARAMETERS)]
    needed += ["max_tokens", *["stop"] * bool(drawing.stop), *["logprobs"] * drawing.logprobs]
    for feature in dict.fromkeys(needed):
        found = findings.features[feature]
        if found.verdict != "honoured":
            reasons.append(f"{feature} is not honoured ({found.verdict}: {found.seen})")
    if drawing.logprobs and findings.honours("logprobs") and findings.logprobs_of is None:
        reasons.append("whether its log-probabilities are the model's cannot be told")
    several = findings.honours("n") and drawing.samples <= CHOICES
    if drawing.samples > 1 and not several and not findings.honours("redraw"):
        reasons.append(f"it writes no second text: {findings.features['redraw'].seen}")
    if not reasons:
        reasons += _order_obstacles(names, last=findings.temperature_last)
    return reasons


def parameters(drawing: RemoteDrawing, findings: Findings) -> dict[str, Any]:
    """What is sent for a chain that ``obstacles`` has nothing against."""
    neutral = {name: value for name, value in WITHOUT_EFFECT.items() if findings.honours(name)}
    given = {
        PARAMETERS[name]: 0.0 if name == "greedy" else value for name, value in drawing.chain.steps
    }
    if "top_k" in given:
        given["top_k"] = int(given["top_k"])
    rest = {"stop": list(drawing.stop)} if drawing.stop else {}
    return {**neutral, **given, **rest, "max_tokens": drawing.max_tokens}


def request_body(
    model: str, prompt: str, sent: Mapping[str, Any], *, chat: bool, listed: int | None
) -> dict[str, Any]:
    """One request's JSON.

    Args:
        model: its name at the endpoint.
        prompt: a user's turn where it is a ``chat``, else a text that goes on.
        sent: parameters, by the API's names.
        chat: whether it is for ``/chat/completions``.
        listed: of how many tokens in each place the log-probability is asked; None for none.
    """
    prompted = {"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt}
    asked: dict[str, Any] = {}
    if listed is not None:
        asked = {"logprobs": True, "top_logprobs": listed} if chat else {"logprobs": listed}
    return {"model": model, **sent, **prompted, **asked}


def json_of(content: bytes) -> Any:
    """What the JSON of an answer holds.

    Raises:
        ValueError: it is none; in words.
    """
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None


def reply_of(answer: Any, seconds: float) -> Reply:
    """What an answer tells; half a surrogate pair becomes U+FFFD.

    Raises:
        ValueError: it lacks what a completion has, or holds what none can; in words.
    """
    choices = _held(answer, "choices", list)
    if not choices:
        raise ValueError("'choices' are none")
    if any(_held(choice, "index", int, NoneType) is not None for choice in choices):
        choices = sorted(choices, key=lambda choice: int(_held(choice, "index", int)))
    usage = _held(answer, "usage", dict)
    return Reply(
        tuple(map(_choice, choices)),
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        seconds,
    )


def echo_of(answer: Any) -> tuple[Told, ...]:
    """The tokens of the prompt, where an answer repeats it.

    Raises:
        ValueError: it has not so many as it counts, or holds what no text can; in words.
    """
    choice = _held(answer, "choices", list)[:1]
    logprobs = _held(choice[0] if choice else None, "logprobs", dict)
    texts, values = (_held(logprobs, key, list) for key in ("tokens", "token_logprobs"))
    count = _count(_held(answer, "usage", dict), "prompt_tokens")
    if not len(texts) == len(values) >= count:
        message = f"{len(texts)} tokens with {len(values)} log-probabilities came of {count}"
        raise ValueError(message)
    return tuple(
        Told(
            _whole(_checked(text, "tokens", str)),
            None if value is None else _logprob({"logprob": value}),
        )
        for text, value in zip(texts[:count], values[:count], strict=True)
    )


def _held(holder: Any, key: str, *kinds: type) -> Any:
    # What an object has at a key; what it has not is of NoneType.
    if not isinstance(holder, dict):
        raise ValueError(f"no object holds {key!r}: what should is {KINDS[type(holder)]}")
    return _checked(holder.get(key), key, *kinds)


def _checked(value: Any, key: str, *kinds: type) -> Any:
    if type(value) not in kinds:  # true is an instance of int
        raise ValueError(f"{key!r} is {KINDS[type(value)]}")
    return value


def _count(usage: Any, key: str) -> int:
    count = int(_held(usage, key, int))
    if not 0 <= count <= MOST_TOKENS:
        raise ValueError(f"{key!r} is {count}")
    return count


def _logprob(holder: Any) -> float:
    logprob = _held(holder, "logprob", int, float)
    if not abs(logprob) <= LARGEST_FP32:
        raise ValueError(f"'logprob' is {logprob}")
    return float(logprob)


def _choice(choice: Any) -> Choice:
    ended = _held(choice, "finish_reason", str, NoneType)
    return Choice(_whole(_text(choice)), _whole(str(ended)), _tokens(choice))


def _text(choice: Any) -> str:
    # The API has a content in parts as well, of which those that are no text are no answer.
    if "message" not in choice:
        return str(_held(choice, "text", str))
    content = _held(choice["message"], "content", str, list, NoneType)
    if not isinstance(content, list):
        return content or ""
    texts = [part for part in content if _held(part, "type", str) == "text"]
    return "".join(_held(part, "text", str) for part in texts)


def _whole(text: str) -> str:
    return HALF.sub("\N{REPLACEMENT CHARACTER}", text)


def _tokens(choice: Any) -> tuple[Token, ...] | None:
    logprobs = _held(choice, "logprobs", dict, NoneType)
    if not logprobs:
        return None
    if "content" in logprobs:  # as chat completions have it, and llama.cpp everywhere
        return tuple(map(_token, _held(logprobs, "content", list, NoneType) or ()))
    return tuple(map(_token, _rows(logprobs)))


def _rows(logprobs: Any) -> list[dict[str, Any]]:
    # The columns of completions as chat completions have them.
    texts, values = (_held(logprobs, key, list) for key in ("tokens", "token_logprobs"))
    tops = _held(logprobs, "top_logprobs", list, NoneType) or [None] * len(texts)
    if not len(texts) == len(values) == len(tops):
        raise ValueError("'tokens' and their log-probabilities are not equally many")
    tops = [_checked(top, "top_logprobs", dict, NoneType) or {} for top in tops]
    listed = [[{"token": text, "logprob": top[text]} for text in top] for top in tops]
    columns = zip(texts, values, listed, strict=True)
    return [dict(zip(("token", "logprob", "top_logprobs"), row, strict=True)) for row in columns]


def _token(row: Any) -> Token:
    listed = [
        (_held(top, "token", str), _logprob(top))
        for top in _held(row, "top_logprobs", list, NoneType) or ()
    ]
    listed.sort(key=lambda pair: -pair[1])
    return Token(_held(row, "token", str), _logprob(row), tuple(listed))


def _order_obstacles(names: Sequence[str], *, last: bool) -> list[str]:
    if {"top_p", "min_p"} <= set(names):
        return ["whether it applies top_p or min_p first cannot be told"]
    order = [*PENALTIES, *CUTS, TEMPERED] if last else [*PENALTIES, TEMPERED, *CUTS]
    places = [next(place for place, each in enumerate(order) if name in each) for name in names]
    if places == sorted(places) and len({PARAMETERS[name] for name in names}) == len(names):
        return []
    applied = ", ".join(" or ".join(each) for each in order)
    return [f"it applies {applied}, each once, and the chain has another order"]
