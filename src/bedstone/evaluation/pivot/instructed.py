"""Translation by a model that is asked for it: one of this machine, or an endpoint's.

There is one instruction, in English, without examples. A model that knows no turns goes on from a
line and the target's name.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bedstone.evaluation.pivot.translators import Translated, checked
from bedstone.generation.chain import parse
from bedstone.languages import name, split
from bedstone.sampling.endpoints.client import Endpoint
from bedstone.sampling.endpoints.findings import FILE, Findings
from bedstone.sampling.endpoints.openai_api import RemoteDrawing
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json

if TYPE_CHECKING:
    from bedstone.generation.writer import Writer

TURN = "Translate this from {source} into {target}. Answer with the translation alone.\n\n{line}"
BEGINNING = "{source}: {line}\n{target}:"
Complete = Callable[[Sequence[str]], list[Translated]]
"""What a model writes behind each prompt; ``why`` says where it was cut off."""
CUT_OFF = "cut off"


@dataclass(frozen=True, slots=True)
class Instructed:
    """A model that is asked to translate."""

    complete: Complete
    form: str
    source: str
    target: str
    """The languages' names."""

    @classmethod
    def between(cls, source: str, target: str, complete: Complete, *, chat: bool) -> "Instructed":
        """From one language into another, both as ``spa_Latn``."""
        names = (name(split(key)[0]) for key in (source, target))
        return cls(complete, TURN if chat else BEGINNING, *names)

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """Of each line; a model without turns goes on behind its translation, which is left out."""
        asked = [
            self.form.format(source=self.source, target=self.target, line=line) for line in lines
        ]
        translated = []
        for line, given in zip(lines, self.complete(asked), strict=True):
            text, why = given.text, given.why
            if self.form == BEGINNING:
                text, rest, _ = text.lstrip().partition("\n")
                why = "" if rest and why == CUT_OFF else why
            text, fault = ("", why) if why else checked(line, text)
            translated.append(replace(given, text=text, why=why or fault))
        return translated


def by_writer(writer: "Writer", max_tokens: int, *, chat: bool) -> Complete:
    """A model of this machine, greedily."""
    from bedstone.generation.generate import Drawing

    drawing = Drawing(parse("greedy"), 1, max_tokens, writer.ends, seed=0)

    def complete(prompts: Sequence[str]) -> list[Translated]:
        begun = time.monotonic()
        ids = writer.prompt_ids(prompts, chat=chat)
        room = writer.model.config.seq_len - max_tokens
        fitting = [each for each in ids if len(each) <= room]
        drawn = iter(writer.complete(fitting, drawing) if fitting else ())
        share = (time.monotonic() - begun) / len(prompts)
        found = []
        for each in ids:
            if len(each) > room:
                found.append(Translated("", "longer than the model's texts", share))
                continue
            (one,) = next(drawn)
            why = CUT_OFF if one.finish_reason == "length" else ""
            text = writer.texts.decode(one.text_ids)
            found.append(Translated(text, why, share, len(each), len(one.token_ids)))
        return found

    return complete


def by_endpoint(probed: Shard, max_tokens: int) -> tuple[Complete, bool]:
    """An endpoint's, greedily; and whether it is asked in turns."""
    about = read_json(probed, FILE)
    findings = Findings.read(about)
    endpoint = Endpoint.with_key(about["url"], about["model"], chat=about["chat"])
    drawing = RemoteDrawing(parse("greedy"), 1, max_tokens, seed=0)

    def complete(prompts: Sequence[str]) -> list[Translated]:
        samples = [each for (each,) in endpoint.complete(prompts, drawing, findings)]
        return [
            Translated(
                it.text,
                CUT_OFF if it.finish_reason == "length" else "",
                it.seconds,
                it.prompt_tokens,
                it.completion_tokens,
            )
            for it in samples
        ]

    return complete, about["chat"]
