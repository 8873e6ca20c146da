"""What `bedstone evaluate` asks a model, and the artifacts that hold what it answers.

A suite is items; what the model makes of them are scores, or answers; how much of them stands in
the training text is looked for where that is known. Each is an artifact: what is stored is never
asked again, and a run that was stopped goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from bedstone.errors import ConfigError, nearest
from bedstone.generation.writer import folder_of, loaded
from bedstone.model import Device, NumberFormat
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.source import Source
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.lineage import documents_behind
from bedstone.store.making import Making
from bedstone.store.provenance import core_count
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.scored import scores_of
from bedstone.tasks.stored import rows_of

MADE = {"rows": None, "facts": None, "titles": "gnome", "messages": "mediawiki", "udhr": "udhr"}
"""Suites that are made here, with the parallel text that each needs."""
ITEMS = ("evaluation.suite", "evaluation.made", "evaluation.translations")
"""Stages that write items."""
REQUESTS = 8
"""Of an endpoint, side by side."""


class Known(NamedTuple):
    """The text that a model learnt from, where it is known."""

    documents: Artifact
    kept: Artifact | None
    warnings: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which suites, and how they are asked."""

    suites: tuple[str, ...]
    """Names of ``MADE``, files, folders, or artifacts of items."""
    items: int
    """Of a suite and language."""
    languages: tuple[str, ...]
    samples: int
    max_tokens: int
    chain: str
    plain: bool
    prices: Prices
    number_format: NumberFormat
    device: Device
    seed: int

    @property
    def how(self) -> dict[str, Any]:
        """In which number format a model of this machine computes, and where."""
        return {"number_format": self.number_format, "device": self.device}


@dataclass(frozen=True)
class Suite:
    """Items, and what of a model is asked of them."""

    artifact: Artifact

    @cached_property
    def items(self) -> list[Item]:
        """All, in their order."""
        return list(items_of(self.artifact))

    @property
    def name(self) -> str:
        """Of the test; of several in a file all."""
        return ", ".join(dict.fromkeys(item.suite for item in self.items))


@dataclass(frozen=True, slots=True)
class Asking:
    """A model, what it is asked, and where the answers are stored."""

    source: Source
    asked: Asked
    making: Making

    @property
    def scores_choices(self) -> bool:
        """Whether the model tells how likely a given text is; else it is asked for letters."""
        probed = self.source.probed
        return probed is None or not probed["chat"]

    def requests(self, items: Artifact) -> dict[str, dict[str, Any]]:
        """Stage -> the config by which it is asked of these items."""
        asked, held = self.asked, Suite(items).items
        scored = self.scores_choices and any(item.choices for item in held)
        drawn = [item for item in held if self._is_answered(item)]
        found: dict[str, dict[str, Any]] = {}
        if scored:
            found["evaluation.scores"] = {**asked.how}
        if drawn:
            found["sampling.answers"] = {
                "chain": asked.chain,
                "problems": len(drawn),
                "samples": asked.samples,
                "max_tokens": asked.max_tokens,
                "chat": not asked.plain,
                **asked.how,
                "threads": core_count() if self.source.path else REQUESTS,
                "ends": self.source.ends,
                "seed": asked.seed,
            }
        return found

    def _is_answered(self, item: Item) -> bool:
        return not item.choices or (len(item.choices) > 1 and not self.scores_choices)

    def inputs(self, stage: str, items: Artifact) -> dict[str, Artifact]:
        """Of a stage of ``requests``."""
        role = "items" if stage == "evaluation.scores" else "questions"
        return {role: items, **self.source.inputs}

    def made(self, items: Artifact) -> dict[str, Artifact]:
        """Stage -> its artifact, asked now or before."""
        return {
            stage: self.making.build(stage, config, **self.inputs(stage, items))
            for stage, config in self.requests(items).items()
        }

    def tables(self, items: Artifact) -> list[pa.Table]:
        """The scores and the answers of items."""
        read = {"evaluation.scores": scores_of, "sampling.answers": rows_of}
        return [read[stage](made) for stage, made in self.made(items).items()]

    def standing(self, items: Artifact, known: Known | None) -> Artifact:
        """What the scores and answers to a suite say of the model."""
        made = self.made(items)
        return self.making.build(
            "evaluation.standing",
            {"seed": self.asked.seed},
            items=items,
            scores=made.get("evaluation.scores"),
            answers=made.get("sampling.answers"),
            **self._seen(items, known),
        )

    def _seen(self, items: Artifact, known: Known | None) -> dict[str, Artifact]:
        """What of the items the training text holds, and how surely that is found."""
        if known is None:
            return {}
        inputs = {"documents": known.documents, "items": items}
        controls = self.making.build("corpus.controls", {}, **inputs)
        found = self.making.build(
            "corpus.contamination", {}, kept=known.kept, controls=controls, **inputs
        )
        return {"controls": controls, "contamination": found}

    def pace(self) -> Pace | None:
        """Of a model of this machine, measured now or before."""
        if self.source.path is None:
            return None
        model = self.source.inputs["model"]
        return Pace.read(self.making.build("sampling.latency", self.asked.how, model=model))

    def cost(self, suites: Sequence[Suite]) -> dict[str, Any]:
        """What is stored, and what is still to be asked; nothing is."""
        counts = dict.fromkeys(("scores_stored", "scores_to_make"), 0)
        counts |= dict.fromkeys(("answers_stored", "answers_to_draw"), 0)
        texts: dict[bool, list[str]] = {False: [], True: []}
        for suite in suites:
            for stage, config in self.requests(suite.artifact).items():
                is_score = stage == "evaluation.scores"
                held = [it for it in suite.items if is_score != self._is_answered(it)]
                count = sum(len(it.choices) if is_score else self.asked.samples for it in held)
                there = self.making.stored(stage, config, **self.inputs(stage, suite.artifact))
                kind = "scores" if is_score else "answers"
                todo = {"scores": "to_make", "answers": "to_draw"}[kind]
                counts[f"{kind}_{todo if there is None else 'stored'}"] += count
                if there is None:
                    texts[not is_score] += list(self._texts(held, is_score=is_score))
        read = sum(self._lengths(texts[False], chat=False))
        read += sum(self._lengths(texts[True], chat=not self.asked.plain))
        drawn = counts["answers_to_draw"] * self.asked.max_tokens
        pace, prices = self.pace(), self.asked.prices
        return counts | {
            "prompt_tokens_at_most": read,
            "completion_tokens_at_most": drawn,
            "seconds_about": pace and pace.seconds(read, drawn),
            "usd_at_most": (read * prices.prompt_usd + drawn * prices.completion_usd) / 1e6,
        }

    def _texts(self, items: Sequence[Item], *, is_score: bool) -> Iterator[str]:
        """What the model reads: an endpoint a prompt with each of its choices."""
        for item in items:
            if not is_score:
                yield "\n".join((item.prompt, *item.choices))
            elif self.source.path is None:
                yield from (item.prompt + item.delimiter + choice for choice in item.choices)
            else:
                yield from (item.prompt, *(item.delimiter + choice for choice in item.choices))

    def _lengths(self, texts: Sequence[str], *, chat: bool) -> list[int]:
        """Tokens of each; to an endpoint, whose tokeniser is not known, of a byte each."""
        if self.source.path is None:
            return [len(text.encode()) for text in texts]
        if not texts:
            return []
        writer = loaded(folder_of(self.source.inputs["model"]), **self.asked.how)
        if chat:
            return list(map(len, writer.prompt_ids(texts, chat=True)))
        return [len(writer.texts.encode(text)) for text in texts]


def suites_of(asked: Asked, making: Making) -> list[Suite]:
    """Those that are named, made or read now or before.

    Raises:
        ConfigError: there is no set of that name.
        DataError: a file holds no items.
    """
    shared = {"items": asked.items, "languages": asked.languages, "seed": asked.seed}
    return [Suite(_suite(name, shared, making)) for name in dict.fromkeys(asked.suites)]


def _suite(name: str, shared: Mapping[str, Any], making: Making) -> Artifact:
    path = Path(name)
    if is_complete(path) and Artifact(path).manifest.stage in ITEMS:
        return Artifact(path)
    if path.exists():
        return making.build("evaluation.suite", shared, files=adopt([path], making.store))
    if name not in MADE:
        raise ConfigError(
            f"--suite {name}: no such file, and no set that is made here; {nearest(name, MADE)}"
        )
    text = MADE[name]
    parallel = None if text is None else making.build("corpus.parallel", {"sources": (text,)})
    return making.build("evaluation.made", {**shared, "sets": (name,)}, parallel=parallel)


def known_text(source: Source, corpus: Artifact | None) -> Known | None:
    """What the model learnt from: what is behind it, or behind the ``corpus`` that is said to be.

    Raises:
        ConfigError: there are no documents behind the ``corpus``.
    """
    of = corpus or source.inputs.get("model")
    behind = None if of is None else documents_behind(of)
    if corpus is not None and behind is None:
        raise ConfigError(f"--corpus {corpus.path}: behind it there are no documents in its store")
    return None if behind is None else Known(*behind)
