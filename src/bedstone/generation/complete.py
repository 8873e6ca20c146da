"""`bedstone sample`: completions of a prompt, by a model that Bedstone made or another."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bedstone.config import nearest
from bedstone.errors import ConfigError
from bedstone.generation.chain import Chain, parse
from bedstone.generation.generate import Completion, Drawing, Guide
from bedstone.generation.stops import StopStrings, cut
from bedstone.generation.writer import Writer, faster_format
from bedstone.model import NumberFormat
from bedstone.store.artifact import Artifact, is_complete

MAX_SAMPLES = 4_096


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be completed, and how."""

    prompt: str
    chat: bool
    """Whether the prompt is a user's turn; else the text goes on from it."""
    chain: str
    n: int
    seed: int
    max_tokens: int
    stop: tuple[str, ...]
    json_schema: Path | None
    regex: str | None
    number_format: str | None
    """None: what is faster here."""

    def refuse_unusable(self) -> None:
        """Raises ConfigError where an option cannot be used."""
        for name, least in (("n", 1), ("max_tokens", 1), ("seed", 0)):
            if (value := getattr(self, name)) < least:
                raise ConfigError(f"--{name.replace('_', '-')} {value}: {least} is the least")
        if self.n > MAX_SAMPLES:
            raise ConfigError(f"--n {self.n}: {MAX_SAMPLES} is the most that are held at once")
        if self.json_schema is not None and self.regex is not None:
            raise ConfigError(
                "--json-schema and --regex each say what a whole completion is", hint="give one"
            )
        if "" in self.stop:
            raise ConfigError("--stop: the text is empty", hint="it would end every completion")


def sample(path: Path, asked: Asked) -> dict[str, Any]:
    """What ``bedstone.sample`` returns.

    Raises:
        ArtifactError: there is no model that could be loaded.
        ConfigError: an option cannot be used, or prompt and completion are longer than the texts
            that the model was trained on.
    """
    asked.refuse_unusable()
    if is_complete(path):
        Artifact(path).verify()
    chain, number_format = chain_of(asked.chain), format_of(asked.number_format, path)
    writer = Writer.load(path, number_format)
    (ids,) = writer.prompt_ids([asked.prompt], chat=asked.chat)
    guide = _guide(writer, asked)
    drawing = Drawing(chain, asked.n, asked.max_tokens, writer.ends, asked.seed, guide)
    (completions,) = writer.complete([ids], drawing)
    return {
        "model": str(path),
        "chain": str(chain),
        "number_format": number_format,
        "prompt_tokens": len(ids),
        "completions": [_told(writer, each, asked) for each in completions],
    }


def format_of(name: str | None, path: Path) -> NumberFormat:
    """The number format called ``name``; of None, what is faster for the model of ``path``.

    Raises:
        ArtifactError: there is no model that could be loaded.
        ConfigError: there is no such format.
    """
    if name is None:
        return faster_format(path)
    known: tuple[NumberFormat, ...] = get_args(NumberFormat)
    for each in known:
        if each == name:
            return each
    raise ConfigError(f"no number format {name!r}; {nearest(name, known)}")


def chain_of(text: str) -> Chain:
    """The chain that ``--chain`` writes.

    Raises:
        ConfigError: it writes none.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"--chain {text}: {error}") from error


def _guide(writer: Writer, asked: Asked) -> Callable[[], Guide] | None:
    held = _constraint(writer, asked)
    if not asked.stop:
        return held
    return lambda: StopStrings(writer.texts.token_bytes, asked.stop, held and held())


def _constraint(writer: Writer, asked: Asked) -> Callable[[], Guide] | None:
    if asked.json_schema is None and asked.regex is None:
        return None
    from bedstone.generation import constraint

    if asked.regex is not None:
        return constraint.regex(asked.regex, writer.texts, writer.ends)
    assert asked.json_schema is not None
    return constraint.json_schema(_schema(asked.json_schema), writer.texts, writer.ends)


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--json-schema {path} cannot be read: {error}") from error
    if not isinstance(schema, dict):
        raise ConfigError(f"--json-schema {path}: a schema is a JSON object")
    return schema


def _told(writer: Writer, completion: Completion, asked: Asked) -> dict[str, Any]:
    return {
        "text": cut(writer.texts.decode(completion.text_ids), asked.stop),
        "token_ids": list(completion.token_ids),
        "logprobs": list(completion.logprobs),
        "sampling_logprobs": list(completion.sampling_logprobs),
        "boundary_draws": completion.boundary_draws,
        "finish_reason": completion.finish_reason,
        "seed": asked.seed,
    }
