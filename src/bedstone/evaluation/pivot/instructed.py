"""Translation by a model that is asked for it: one of this machine, or an endpoint's.

There is one instruction, in English, without examples. A model that knows no turns goes on behind
a line and the target's name.
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
from bedstone.training.threads import using_threads

if TYPE_CHECKING:
    from bedstone.generation.writer import Writer

TURN = "Translate this from {source} into {target}. Answer with the translation alone.\n\n{line}"
BEGINNING = "{source}: {line}\n{target}:"
CUT_OFF = {"length": "cut off"}
Complete = Callable[[Sequence[str]], list[Translated]]
"""What a model writes behind each prompt; ``why`` tells where it is no whole text."""


def prompts_of(lines: Sequence[str], source: str, target: str, *, chat: bool) -> list[str]:
    """What a model is asked of each line."""
    form, names = TURN if chat else BEGINNING, [name(split(key)[0]) for key in (source, target)]
    return [form.format(source=names[0], target=names[1], line=line) for line in lines]


@dataclass(frozen=True, slots=True)
class Instructed:
    """A model that is asked to translate."""

    complete: Complete
    chat: bool
    source: str
    target: str
    """Languages, as ``spa_Latn``."""

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """Of each line; what a model without turns writes behind its first line is left out."""
        prompts = prompts_of(lines, self.source, self.target, chat=self.chat)
        translated = []
        for line, given in zip(lines, self.complete(prompts), strict=True):
            text, why = given.text, given.why
            if not self.chat:
                text, end, _ = text.lstrip().partition("\n")
                why = "" if end else why
            text, why = ("", why) if why else checked(line, text)
            translated.append(replace(given, text=text, why=why))
        return translated


def by_writer(writer: "Writer", max_tokens: int, threads: int, *, chat: bool) -> Complete:
    """A model of this machine, greedily."""
    from bedstone.generation.generate import Drawing

    newline = writer.texts.encode("\n")
    # A model without turns would go on with another line.
    ends = writer.ends if chat or len(newline) > 1 else writer.ends | set(newline)
    drawing = Drawing(parse("greedy"), 1, max_tokens, ends, seed=0)
    room = writer.model.config.seq_len - max_tokens

    def complete(prompts: Sequence[str]) -> list[Translated]:
        begun = time.monotonic()
        ids = writer.prompt_ids(prompts, chat=chat)
        fitting = {at: each for at, each in enumerate(ids) if len(each) <= room}
        with using_threads(threads):
            drawn = writer.complete([*fitting.values()], drawing) if fitting else ()
        share = (time.monotonic() - begun) / len(prompts)
        found = [Translated("", "longer than the model's texts", share)] * len(prompts)
        for (at, each), (one,) in zip(fitting.items(), drawn, strict=True):
            text, why = writer.texts.decode(one.text_ids), CUT_OFF.get(one.finish_reason, "")
            found[at] = Translated(text, why, share, len(each), len(one.token_ids))
        return found

    return complete


def by_endpoint(probed: Shard, max_tokens: int) -> tuple[Complete, bool]:
    """An endpoint's, greedily; and whether it is asked in turns."""
    about = read_json(probed, FILE)
    findings = Findings.read(about)
    endpoint = Endpoint.with_key(about["url"], about["model"], chat=about["chat"])
    drawing = RemoteDrawing(parse("greedy"), 1, max_tokens, seed=0)

    def complete(prompts: Sequence[str]) -> list[Translated]:
        found = []
        for (one,) in endpoint.complete(prompts, drawing, findings):
            costs = one.seconds, one.prompt_tokens, one.completion_tokens
            found.append(Translated(one.text, CUT_OFF.get(one.finish_reason, ""), *costs))
        return found

    return complete, about["chat"]
