"""OpenAI-compatible endpoints: what is sent, what comes back, and what goes wrong on the way.

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

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from bedstone.errors import BedstoneError, ConfigError, DataError
from bedstone.sampling.findings import Findings
from bedstone.sampling.samples import Sample

if TYPE_CHECKING:  # a chain needs torch, an endpoint does not
    from bedstone.sampling.chain import Chain

KEY_VARIABLE = "OPENAI_API_KEY"
WAITS_SECONDS = (1, 2, 4, 8, 16)
"""Before each further try."""
LONGEST_WAIT_SECONDS = 120
"""A server that asks for more is not waited for."""
TIMED_OUT, TOO_MANY = 408, 429
SHOWN_CHARACTERS = 300
"""Of what a server says for itself."""
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
class Asked:
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


class Refused(BedstoneError):  # noqa: N818 (what it is called)
    """The server does not take a request as it stands."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirect)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model behind an address."""

    url: str
    """Up to the version, as in ``http://127.0.0.1:8080/v1``."""
    model: str
    chat: bool
    """Whether prompts are a user's turns (``/chat/completions``) or texts (``/completions``)."""
    key_variable: str | None = None
    """The environment variable that holds the key. The key itself is read for each request."""
    timeout_seconds: float = 120
    """Without a byte from the server."""
    concurrency: int = 4
    """Requests at once."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError(f"{self.url} is no address of an endpoint", hint="http://HOST/v1")

    @classmethod
    def with_key(cls, url: str, model: str, *, chat: bool) -> "Endpoint":
        """With the key that the environment holds under the usual name, if it does."""
        return cls(url, model, chat, KEY_VARIABLE if KEY_VARIABLE in os.environ else None)

    def complete(
        self, prompts: Sequence[str], asked: Asked, findings: Findings
    ) -> list[list[Sample]]:
        """The completions of each prompt, in the prompts' order.

        ``n`` is sent where it is honoured; else each sample is a request with a seed of its own.
        The seed is sent unless it is refused: where it is ignored, nothing can be drawn again.

        Raises:
            ConfigError: the endpoint cannot do what is asked, or the key is missing.
            BedstoneError: the server refuses, cannot be reached, or fails at every try.
            DataError: an answer that cannot be read, or that does not tell its tokens.
        """
        hindered = obstacles(asked, findings)
        if hindered:
            raise ConfigError(f"{self.url} cannot do what is asked: {'; '.join(hindered)}")
        at_once = CHOICES if findings.honours("n") else 1
        starts = range(0, asked.samples, at_once)
        groups = [min(at_once, asked.samples - start) for start in starts]
        jobs = [(prompt, number) for prompt in prompts for number in range(len(groups))]

        def work(job: tuple[str, int]) -> list[Sample]:
            prompt, number = job
            sent = parameters(asked, findings)
            if groups[number] > 1:
                sent["n"] = groups[number]
            if findings.features["seed"].verdict != "refused":
                sent["seed"] = derived_seed(asked.seed, prompt, number)
            reply = self.ask(prompt, sent, listed=1 if asked.logprobs else None)
            if len(reply.choices) != groups[number]:
                raise DataError(f"{self.url}: {len(reply.choices)} of {groups[number]} completions")
            return _samples(reply, findings)

        with ThreadPoolExecutor(self.concurrency) as pool:
            done = list(pool.map(work, jobs))
        places = range(0, len(jobs), len(groups))
        return [list(chain(*done[place : place + len(groups)])) for place in places]

    def ask(self, prompt: str, sent: Mapping[str, Any], listed: int | None = None) -> Reply:
        """One request's answer.

        Args:
            prompt: as ``chat`` says, a user's turn or a text that goes on.
            sent: parameters, by the API's names.
            listed: of how many tokens in each place the log-probability is asked; None for none.
        """
        body = {"model": self.model, **sent}
        if self.chat:
            body["messages"] = [{"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
        if listed is not None:
            body |= (
                {"logprobs": True, "top_logprobs": listed} if self.chat else {"logprobs": listed}
            )
        answer, seconds = self._post(body)
        try:
            return _reply(answer, seconds)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            message = f"{self._address}: the answer lacks what a completion has: {error!r}"
            raise DataError(message, hint=json.dumps(answer)[:SHOWN_CHARACTERS]) from error

    @property
    def _address(self) -> str:
        return self.url.rstrip("/") + ("/chat/completions" if self.chat else "/completions")

    def _post(self, body: Mapping[str, Any]) -> tuple[Any, float]:
        for number in range(len(WAITS_SECONDS) + 1):
            last = number == len(WAITS_SECONDS)
            try:
                return self._posted(body)
            except urllib.error.HTTPError as error:
                wait_seconds = _asked_wait_seconds(error.headers.get("Retry-After"))
                passing = error.code in (TIMED_OUT, TOO_MANY) or error.code >= 500
                if last or not passing or wait_seconds > LONGEST_WAIT_SECONDS:
                    raise self._refusal(error, passing=passing) from None
            except (OSError, http.client.HTTPException) as error:  # not reached, or dropped
                wait_seconds = 0
                if last:
                    reason = getattr(error, "reason", error)
                    message = f"{self._address}: {reason or type(error).__name__}"
                    hint = "look whether the server runs, and at timeout_seconds"
                    raise BedstoneError(message, hint=hint) from None
            time.sleep(max(wait_seconds, WAITS_SECONDS[number]))
        raise AssertionError("the last try returns or raises")

    def _posted(self, body: Mapping[str, Any]) -> tuple[Any, float]:
        # The answer, and the seconds of this try alone.
        headers = {"Content-Type": "application/json"}
        if self.key_variable is not None:
            headers["Authorization"] = f"Bearer {self._key()}"
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._address, data, headers)
        start = time.perf_counter()
        with OPENER.open(request, timeout=self.timeout_seconds) as response:
            content = response.read()
        seconds = time.perf_counter() - start
        try:
            return json.loads(content), seconds
        except ValueError as error:
            shown = content[:SHOWN_CHARACTERS].decode(errors="replace")
            raise DataError(f"{self._address}: the answer is not JSON: {shown!r}") from error

    def _key(self) -> str:
        key = os.environ.get(self.key_variable or "", "").strip()
        if not (key and key.isascii() and key.isprintable()):  # a header's error would show it
            message = f"the environment variable {self.key_variable} holds no key for {self.url}"
            raise ConfigError(message, hint="set it, or name another")
        return key

    def _refusal(self, error: urllib.error.HTTPError, *, passing: bool) -> BedstoneError:
        said = _message(error.read())
        if self.key_variable is not None:  # some servers repeat the key that they do not know
            said = said.replace(self._key(), "(the key)")
        kind = BedstoneError if passing else Refused
        return kind(f"{self._address}: status {error.code}: {said[:SHOWN_CHARACTERS]}")


def obstacles(asked: Asked, findings: Findings) -> list[str]:
    """Why an endpoint cannot draw so, each reason in words; none where it can."""
    names = [name for name, _ in asked.chain.steps]
    reasons = [
        f"it takes no {name}, or none that means the same"
        for name in names
        if name not in PARAMETERS
    ]
    needed = ["temperature", *(PARAMETERS[name] for name in names if name in PARAMETERS)]
    needed += ["max_tokens", *["stop"] * bool(asked.stop), *["logprobs"] * asked.logprobs]
    for feature in dict.fromkeys(needed):
        found = findings.features[feature]
        if found.verdict != "honoured":
            reasons.append(f"{feature} is not honoured ({found.verdict}: {found.seen})")
    if asked.logprobs and findings.honours("logprobs") and findings.logprobs_of is None:
        reasons.append("whether its log-probabilities are the model's cannot be told")
    several = findings.honours("n") and asked.samples <= CHOICES
    if asked.samples > 1 and not several and not findings.honours("redraw"):
        reasons.append(f"it writes no second text: {findings.features['redraw'].seen}")
    if not reasons:
        reasons += _order_obstacles(names, last=findings.temperature_last)
    return reasons


def parameters(asked: Asked, findings: Findings) -> dict[str, Any]:
    """What is sent for a chain that ``obstacles`` has nothing against."""
    neutral = {name: value for name, value in WITHOUT_EFFECT.items() if findings.honours(name)}
    given = {
        PARAMETERS[name]: 0.0 if name == "greedy" else value for name, value in asked.chain.steps
    }
    if "top_k" in given:
        given["top_k"] = int(given["top_k"])
    rest = {"stop": list(asked.stop)} if asked.stop else {}
    return {**neutral, **given, **rest, "max_tokens": asked.max_tokens}


def derived_seed(seed: int, prompt: str, number: int) -> int:
    """The seed of a prompt's request: 31 bits, which every engine takes."""
    digest = hashlib.sha256(f"{seed} {number} {prompt}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def _order_obstacles(names: Sequence[str], *, last: bool) -> list[str]:
    if {"top_p", "min_p"} <= set(names):
        return ["whether it applies top_p or min_p first cannot be told"]
    order = [*PENALTIES, *CUTS, TEMPERED] if last else [*PENALTIES, TEMPERED, *CUTS]
    places = [next(place for place, each in enumerate(order) if name in each) for name in names]
    if places == sorted(places) and len({PARAMETERS[name] for name in names}) == len(names):
        return []
    applied = ", ".join(" or ".join(each) for each in order)
    return [f"it applies {applied}, each once, and the chain has another order"]


def _samples(reply: Reply, findings: Findings) -> list[Sample]:
    counts = _shared_out(reply)
    samples = []
    for choice, completion_tokens in zip(reply.choices, counts, strict=True):
        told = None
        if choice.tokens is not None:
            told = tuple(token.logprob for token in choice.tokens)
        samples.append(
            Sample(
                text=choice.text,
                token_ids=None,
                logprobs=told if findings.logprobs_of == "model" else None,
                sampling_logprobs=told if findings.logprobs_of == "chain" else None,
                finish_reason=choice.finish_reason,
                prompt_tokens=reply.prompt_tokens,
                completion_tokens=completion_tokens,
                seconds=reply.seconds,
            )
        )
    return samples


def _shared_out(reply: Reply) -> list[int]:
    # An endpoint counts the tokens of all choices together. They are shared out by the tokens
    # listed, where these are, which is exact where they add up; else by the bytes of the texts.
    weights = [
        len(choice.text.encode()) if choice.tokens is None else len(choice.tokens)
        for choice in reply.choices
    ]
    total, shared, before = sum(weights) or 1, [], 0
    for number in range(len(weights)):
        upto = round(reply.completion_tokens * sum(weights[: number + 1]) / total)
        shared.append(upto - before)
        before = upto
    shared[-1] += reply.completion_tokens - before  # all texts are empty
    return shared


def _reply(answer: Mapping[str, Any], seconds: float) -> Reply:
    choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
    if not choices:
        raise ValueError("no choices")
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


def _message(content: bytes) -> str:
    # The server's own words, in the form of OpenAI's errors if they are.
    said = content.decode(errors="replace").strip()
    try:
        return str(json.loads(said)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return said or "without a word"


def _asked_wait_seconds(retry_after: str | None) -> float:
    # A number of seconds, or a date.
    if retry_after is None:
        return 0
    try:
        return float(retry_after)
    except ValueError:
        try:
            return (
                parsedate_to_datetime(retry_after).astimezone(UTC) - datetime.now(UTC)
            ).total_seconds()
        except ValueError:
            return 0
