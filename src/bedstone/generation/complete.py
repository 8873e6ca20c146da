"""`bedstone sample`: completions of a prompt, by a model that Bedstone made or another."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError
from bedstone.generation.chain import Chain, parse
from bedstone.generation.generate import Completion, Drawing, Guide
from bedstone.generation.stops import StopStrings, cut
from bedstone.generation.writer import Writer, faster_format
from bedstone.model import Device, NumberFormat
from bedstone.store.artifact import Artifact, is_complete


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
    number_format: NumberFormat | None
    """None: what is faster here."""
    device: Device

    def refuse_unusable(self) -> None:
        """Raises ConfigError where an option cannot be used."""
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
    chain = chain_of(asked.chain)
    number_format = asked.number_format or faster_format(path, asked.device)
    writer = Writer.load(path, number_format, asked.device)
    (ids,) = writer.prompt_ids([asked.prompt], chat=asked.chat)
    guide = _guide(writer, asked)
    drawing = Drawing(chain, asked.n, asked.max_tokens, writer.ends, asked.seed, guide)
    (completions,) = writer.complete([ids], drawing)
    return {
        "model": str(path),
        "chain": str(chain),
        "number_format": number_format,
        "device": writer.model.device.type,
        "prompt_tokens": len(ids),
        "completions": [_told(writer, each, asked) for each in completions],
    }


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
