"""A model behind an address: it is asked, asked again where that may help, or gives up.

What is sent and what comes back has the forms of ``openai_api``. The key goes to this address only,
and is shown nowhere.
"""

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Any

from bedstone.errors import BedstoneError, ConfigError, DataError
from bedstone.sampling.endpoints.findings import Findings
from bedstone.sampling.endpoints.openai_api import (
    CHOICES,
    RemoteDrawing,
    Reply,
    obstacles,
    parameters,
    reply_of,
    request_body,
)

KEY_VARIABLE = "OPENAI_API_KEY"
WAITS_SECONDS = (1, 2, 4, 8, 16)
"""Before each further try."""
LONGEST_WAIT_SECONDS = 120
"""A server that asks for more is not waited for."""
TIMED_OUT, TOO_MANY = 408, 429
SHOWN_CHARACTERS = 300
"""Of what a server says for itself."""


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
        self, prompts: Sequence[str], drawing: RemoteDrawing, findings: Findings
    ) -> list[list[Sample]]:
        """The completions of each prompt, in the prompts' order.

        ``n`` is sent where it is honoured; else each sample is a request with a seed of its own.
        The seed is sent unless it is refused: where it is ignored, nothing can be drawn again.

        Raises:
            ConfigError: the endpoint cannot do what is asked, or the key is missing.
            BedstoneError: the server refuses, cannot be reached, or fails at every try.
            DataError: an answer that cannot be read, or that does not tell its tokens.
        """
        hindered = obstacles(drawing, findings)
        if hindered:
            raise ConfigError(f"{self.url} cannot do what is asked: {'; '.join(hindered)}")
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
        body = request_body(self.model, prompt, sent, chat=self.chat, listed=listed)
        answer, seconds = self._post(body)
        try:
            return reply_of(answer, seconds)
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
                    hint = (
                        "look whether a server runs there, and whether it answers within "
                        f"{self.timeout_seconds:g} s"
                    )
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
            raise ConfigError(message, hint="set it to the key alone, or unset it")
        return key

    def _refusal(self, error: urllib.error.HTTPError, *, passing: bool) -> BedstoneError:
        said = _message(error.read())
        if self.key_variable is not None:  # some servers repeat the key that they do not know
            said = said.replace(self._key(), "(the key)")
        kind = BedstoneError if passing else Refused
        return kind(f"{self._address}: status {error.code}: {said[:SHOWN_CHARACTERS]}")


def derived_seed(seed: int, prompt: str, number: int) -> int:
    """The seed of a prompt's request: 31 bits, which every engine takes."""
    digest = hashlib.sha256(f"{seed} {number} {prompt}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


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
