"""A model behind an address: it is asked, asked again where that may help, or gives up.

What is sent and what comes back has the forms of ``openai_api``. The key goes to this address only,
and is shown nowhere.
"""

import hashlib
import http.client
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bedstone.errors import BedstoneError, ConfigError, DataError, printable
from bedstone.sampling.endpoints.findings import Findings
from bedstone.sampling.endpoints.openai_api import (
    CHOICES,
    RemoteDrawing,
    Reply,
    Told,
    echo_of,
    json_of,
    obstacles,
    parameters,
    reply_of,
    request_body,
)
from bedstone.store.exchange import Answer, Limits, TooLargeError, asked_wait_seconds, post

KEY_VARIABLE = "OPENAI_API_KEY"
WAITS_SECONDS = (1, 2, 4, 8, 16)
"""Before each further try."""
LONGEST_WAIT_SECONDS = 120
"""A server that asks for more is not waited for."""
LONGEST_SECONDS = 600
"""Of a request with all its tries and the waits between them."""
ANSWER_BYTES = 2**20
"""Of an answer at most, and for each token that it tells of so many more:"""
TOKEN_BYTES = 2**10
ROUNDING_NATS = 1e-3
"""By which a server's log-probability may be above 0."""
ECHO = {"echo": True, "max_tokens": 1, "temperature": 0}
"""Not every engine takes 0 tokens."""
TIMED_OUT, TOO_MANY = 408, 429
SHOWN_CHARACTERS = 300
"""Of what a server says for itself."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of a prompt, as far as an endpoint tells of it."""

    text: str
    logprobs: tuple[float, ...] | None
    """Of each token under the model itself, natural; None where they are not told."""
    sampling_logprobs: tuple[float, ...] | None
    """Of each token under the distribution that it was drawn from."""
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """From the request to the answer, which all that came with it waited for; without the waits
    between tries."""


class Refused(BedstoneError):  # noqa: N818 (what it is called)
    """The server does not take a request as it stands."""


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
        if not _is_address(self.url):
            message = f"{printable(self.url)} is no address of an endpoint"
            raise ConfigError(message, hint="http://HOST/v1")

    @classmethod
    def with_key(cls, url: str, model: str, *, chat: bool) -> "Endpoint":
        """With the key that the environment holds under the usual name, if it does."""
        return cls(url, model, chat, KEY_VARIABLE if KEY_VARIABLE in os.environ else None)

    def complete(
        self, prompts: Sequence[str], drawing: RemoteDrawing, findings: Findings
    ) -> list[list[Sample]]:
        """The completions of each prompt, in the prompts' order.

        ``n`` is sent where it is honoured; else each sample is a request with a seed of its own.
        The seed is sent unless it is refused: where it is ignored, nothing can be drawn again.

        Raises:
            ConfigError: the endpoint cannot do what is asked, or the key is missing.
            BedstoneError: the server refuses, cannot be reached, or fails at every try.
            DataError: an answer that cannot be read, or that holds what no completion can.
        """
        self.refuse_hindered(drawing, findings)
        at_once = CHOICES if findings.honours("n") else 1
        starts = range(0, drawing.samples, at_once)
        groups = [min(at_once, drawing.samples - start) for start in starts]
        jobs = [(prompt, number) for prompt in prompts for number in range(len(groups))]

        def work(job: tuple[str, int]) -> list[Sample]:
            prompt, number = job
            sent = parameters(drawing, findings)
            if groups[number] > 1:
                sent["n"] = groups[number]
            if findings.features["seed"].verdict != "refused":
                sent["seed"] = derived_seed(drawing.seed, prompt, number)
            reply = self.ask(prompt, sent, listed=1 if drawing.logprobs else None)
            if fault := _fault(reply, groups[number], drawing):
                raise DataError(f"{self.url}: {fault}")
            return _samples(reply, findings)

        with ThreadPoolExecutor(self.concurrency) as pool:
            done = list(pool.map(work, jobs))
        places = range(0, len(jobs), len(groups))
        return [list(chain(*done[place : place + len(groups)])) for place in places]

    def refuse_hindered(self, drawing: RemoteDrawing, findings: Findings) -> None:
        """Raises ConfigError where it cannot draw so."""
        if hindered := obstacles(drawing, findings):
            raise ConfigError(f"{self.url} cannot do what is asked: {'; '.join(hindered)}")

    def ask(self, prompt: str, sent: Mapping[str, Any], listed: int | None = None) -> Reply:
        """One request's answer.

        Args:
            prompt: as ``chat`` says, a user's turn or a text that goes on.
            sent: parameters, by the API's names.
            listed: of how many tokens in each place the log-probability is asked; None for none.
        """
        body = request_body(self.model, prompt, sent, chat=self.chat, listed=listed)
        tokens = sent.get("n", 1) * sent.get("max_tokens", 0) * (1 + (listed or 0))
        answer = self._post(body, ANSWER_BYTES + TOKEN_BYTES * tokens)
        return self._read(answer, lambda found: reply_of(found, answer.seconds))

    def echo(self, text: str) -> tuple[Told, ...]:
        """What it says of the tokens of a text that it is given; one more is drawn, and dropped.

        Raises:
            BedstoneError: as ``complete``.
            DataError: the tokens do not come.
        """
        body = request_body(self.model, text, ECHO, chat=self.chat, listed=1)
        # A token has a byte of the text at least, but for some that stand before it.
        return self._read(
            self._post(body, ANSWER_BYTES + TOKEN_BYTES * len(text.encode())), echo_of
        )

    def _read(self, answer: Answer, form: Callable[[Any], T]) -> T:
        try:
            return form(json_of(answer.content))
        except ValueError as error:
            message = f"{self._address}: the answer is no completion: {self._shown(str(error))}"
            begun = self._shown(answer.content.decode(errors="replace"))
            raise DataError(message, hint=f"it begins: {begun}") from None

    @property
    def _address(self) -> str:
        return self.url.rstrip("/") + ("/chat/completions" if self.chat else "/completions")

    def _post(self, body: Mapping[str, Any], most_bytes: int) -> Answer:
        headers = {"Content-Type": "application/json"}
        if self.key_variable is not None:
            headers["Authorization"] = f"Bearer {self._key()}"
        data, until = json.dumps(body).encode(), time.monotonic() + LONGEST_SECONDS
        limits = Limits(self.timeout_seconds, until, most_bytes)
        for pause_seconds in (*WAITS_SECONDS, math.inf):
            asked_seconds = 0.0
            try:
                answer = post(self._address, data, headers, limits)
            except TooLargeError:
                message = f"{self._address}: the answer has more than {most_bytes:,} bytes"
                raise DataError(f"{message}, more than what was asked can take") from None
            except (OSError, http.client.HTTPException) as error:
                trouble = self._no_answer(error)
            else:
                if answer.succeeds:
                    return answer
                trouble = self._refusal(answer)
                asked_seconds = asked_wait_seconds(answer.headers)
            wait_seconds = max(pause_seconds, asked_seconds)
            in_time = time.monotonic() + wait_seconds < until
            if isinstance(trouble, Refused) or wait_seconds > LONGEST_WAIT_SECONDS or not in_time:
                raise trouble
            time.sleep(wait_seconds)
        raise AssertionError("the last try returns or raises")

    def _key(self) -> str:
        key = os.environ.get(self.key_variable or "", "").strip()
        if not (key and key.isascii() and key.isprintable()):  # a header's error would show it
            message = f"the environment variable {self.key_variable} holds no key for {self.url}"
            raise ConfigError(message, hint="set it to the key alone, or unset it")
        return key

    def _no_answer(self, error: OSError | http.client.HTTPException) -> BedstoneError:
        said = f"the answer is broken: {error!r}"
        if isinstance(error, OSError):
            said = str(getattr(error, "reason", error)) or type(error).__name__
        hint = (
            "look whether a server runs there, whether it begins to answer within "
            f"{self.timeout_seconds:g} s, and is done within {LONGEST_SECONDS:g} s"
        )
        return BedstoneError(f"{self._address}: {self._shown(said)}", hint=hint)

    def _refusal(self, answer: Answer) -> BedstoneError:
        status, said = answer.status, self._shown(_message(answer.content)) or "without a word"
        if 300 <= status < 400:
            place = self._shown(answer.headers.get("Location", "nowhere"))
            said = f"it points to {place}, which is not followed"
        passing = status in (TIMED_OUT, TOO_MANY) or status >= 500
        return (BedstoneError if passing else Refused)(f"{self._address}: status {status}: {said}")

    def _shown(self, said: str) -> str:
        if self.key_variable is not None:  # some servers repeat the key that they do not know
            said = said.replace(self._key(), "(the key)")
        return printable(said.strip()[:SHOWN_CHARACTERS])


def derived_seed(seed: int, prompt: str, number: int) -> int:
    """The seed of a prompt's request: 31 bits, which every engine takes."""
    digest = hashlib.sha256(f"{seed} {number} {prompt}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def _fault(reply: Reply, asked: int, drawing: RemoteDrawing) -> str | None:
    if len(reply.choices) != asked:
        return f"{len(reply.choices)} of {asked} completions"
    longest = max(len(choice.text) for choice in reply.choices)
    if longest > TOKEN_BYTES * drawing.max_tokens:  # to read it would take long, and for nothing
        return f"a text of {longest:,} characters came where {drawing.max_tokens} tokens were asked"
    tokens = chain.from_iterable(choice.tokens or () for choice in reply.choices)
    highest = max((token.logprob for token in tokens), default=0)
    if drawing.logprobs and highest > ROUNDING_NATS:
        return f"a log-probability is {highest:g}, above 0"
    return None


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


def _message(content: bytes) -> str:
    # The server's own words, in the form of OpenAI's errors if they are.
    with suppress(KeyError, TypeError, ValueError):
        said = json_of(content)["error"]["message"]
        if isinstance(said, str):
            return said
    return content.decode(errors="replace")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        return False
    readable = (parts.path + parts.query).isascii() and url.isprintable() and " " not in url
    return readable and bool(host) and parts.scheme in ("http", "https")
