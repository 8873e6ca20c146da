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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


def reply_of(answer: Mapping[str, Any], seconds: float) -> Reply:
    """What an answer tells.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it lacks what an answer has.
    """
    choices = answer["choices"]
    if not choices:
        raise ValueError("no choices")
    if any("index" in choice for choice in choices):  # some servers number none
        choices = sorted(choices, key=lambda choice: int(choice["index"]))
    usage = answer["usage"]
    return Reply(
        tuple(map(_choice, choices)),
        int(usage["prompt_tokens"]),
        int(usage["completion_tokens"]),
        seconds,
    )


def _choice(choice: Mapping[str, Any]) -> Choice:
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    return Choice(text or "", str(choice["finish_reason"]), _tokens(choice.get("logprobs")))


def _tokens(logprobs: Mapping[str, Any] | None) -> tuple[Token, ...] | None:
    if not logprobs:
        return None
    if "content" in logprobs:  # as chat completions have it, and llama.cpp everywhere
        return tuple(
            Token(
                each["token"],
                float(each["logprob"]),
                _listed((one["token"], one["logprob"]) for one in each.get("top_logprobs") or ()),
            )
            for each in logprobs["content"] or ()
        )
    texts, values = logprobs["tokens"], logprobs["token_logprobs"]
    listed = logprobs.get("top_logprobs") or [{}] * len(texts)
    columns = zip(texts, values, listed, strict=True)
    return tuple(Token(text, float(value), _listed(each.items())) for text, value, each in columns)


def _listed(pairs: Iterable[tuple[str, Any]]) -> tuple[tuple[str, float], ...]:
    told = [(text, float(value)) for text, value in pairs]
    return tuple(sorted(told, key=lambda pair: -pair[1]))


def _order_obstacles(names: Sequence[str], *, last: bool) -> list[str]:
    if {"top_p", "min_p"} <= set(names):
        return ["whether it applies top_p or min_p first cannot be told"]
    order = [*PENALTIES, *CUTS, TEMPERED] if last else [*PENALTIES, TEMPERED, *CUTS]
    places = [next(place for place, each in enumerate(order) if name in each) for name in names]
    if places == sorted(places) and len({PARAMETERS[name] for name in names}) == len(names):
        return []
    applied = ", ".join(" or ".join(each) for each in order)
    return [f"it applies {applied}, each once, and the chain has another order"]
