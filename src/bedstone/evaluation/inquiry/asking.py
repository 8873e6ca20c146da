"""What `bedstone evaluate` asks a model, and the artifacts that hold what it answers.

A suite is items; what the model makes of them are scores, or answers; how much of them stands in
the training text is looked for where that is known. Each is an artifact: what is stored is never
asked again, and a run that was stopped goes on.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.corpus.overlap import grades
from bedstone.errors import ConfigError, nearest
from bedstone.evaluation.likelihoods.echoes import FEATURE
from bedstone.evaluation.made import PIECES, SETS
from bedstone.evaluation.suites.descriptions import ENDINGS
from bedstone.evaluation.suites.naming import key_of
from bedstone.generation.chain import parse
from bedstone.generation.complete import chain_of
from bedstone.generation.writer import folder_of, loaded
from bedstone.languages import ENGLISH
from bedstone.model import Device, NumberFormat
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.endpoints.client import Endpoint
from bedstone.sampling.endpoints.findings import Findings
from bedstone.sampling.endpoints.openai_api import RemoteDrawing
from bedstone.sampling.source import Source, refuse_unnamed
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.making import Making
from bedstone.store.provenance import core_count
from bedstone.tasks.asked import BY_LETTER, AskedItems
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.reading import LETTERS
from bedstone.tasks.waits import timed

ITEMS = ("evaluation.suite", "evaluation.made", "evaluation.translations")
"""Stages that write items."""
REQUESTS = 8
"""Of an endpoint, side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is asked which suites, how, and what besides."""

    path: Path | None
    """Of a model on this machine; None of an endpoint."""
    endpoint_model: str | None
    suites: tuple[str | Path, ...]
    """Names of ``evaluation.made``; files, folders, or artifacts of items."""
    items: int
    """Of a suite and language."""
    languages: tuple[str, ...]
    samples: int
    max_tokens: int
    chain: str
    plain: bool
    prices: Prices
    corpus: Artifact | None
    against: Path | None
    pivot: str | None
    translator: str | None
    number_format: NumberFormat
    device: Device
    seed: int
    dry_run: bool

    @property
    def how(self) -> dict[str, Any]:
        """In which number format a model of this machine computes, and where."""
        return {"number_format": self.number_format, "device": self.device}

    def refuse_unusable(self) -> None:
        """Raises ConfigError where an option cannot be used."""
        refuse_unnamed(self.endpoint_model, is_url=self.path is None)
        if (self.pivot is None) != (self.translator is None):
            missing = "--translator self" if self.translator is None else "--pivot eng"
            raise ConfigError("a detour needs a language and a translator", hint=f"give {missing}")
        self.prices.refuse_unusable()
        chain_of(self.chain)
        if self.samples > 1 and self.chain == "greedy":
            raise ConfigError(
                f"--samples {self.samples} of greedy are all the same",
                hint="--chain temperature=1",
            )


@dataclass(frozen=True)
class Suite:
    """Items, and the artifact that holds them."""

    artifact: Artifact

    @cached_property
    def items(self) -> list[Item]:
        """All, in their order."""
        return list(items_of(self.artifact))

    @property
    def name(self) -> str:
        """Of the test; of several in a file all."""
        return ", ".join(dict.fromkeys(item.suite for item in self.items))


class Request(NamedTuple):
    """What is asked of some of a suite's items."""

    items: Sequence[Item]
    stage: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Artifact]


@dataclass(frozen=True, slots=True)
class Asking:
    """A model, what it is asked, and where the answers are stored."""

    source: Source
    asked: Asked
    making: Making

    @property
    def scores_texts(self) -> bool:
        """Whether the model tells how likely a given text is; else it is asked for letters."""
        probed = self.source.probed
        return probed is None or Findings.read(probed).honours(FEATURE)

    def requests(self, suite: Suite) -> dict[str, Request]:
        """What the model is asked of a suite: ``scores``, or ``letters``; and ``answers``.

        Raises:
            ConfigError: it can be asked nothing.
        """
        choices = [item for item in suite.items if item.choices]
        found = {"answers": self._drawn(suite, [it for it in suite.items if not it.choices], "")}
        if self.scores_texts:
            inputs = {"items": suite.artifact, **self.source.inputs}
            found["scores"] = Request(choices, "evaluation.scores", self.asked.how, inputs)
        else:
            several = [item for item in choices if 1 < len(item.choices) <= len(LETTERS)]
            found["letters"] = self._drawn(suite, several, BY_LETTER)
        if not any(each.items for each in found.values()):
            raise ConfigError(
                f"{suite.name} has nothing but texts, and the endpoint tells no bits of one",
                hint="ask one that echoes a text with its log-probabilities, without turns",
            )
        return {kind: each for kind, each in found.items() if each.items}

    def _drawn(self, suite: Suite, items: Sequence[Item], task: str) -> Request:
        asked = self.asked
        config = {
            "task": task,
            "chain": asked.chain,
            "problems": max(len(items), 1),
            "samples": asked.samples,
            "max_tokens": asked.max_tokens,
            "chat": not asked.plain,
            **asked.how,
            "threads": REQUESTS if self.source.path is None else core_count(),
            "ends": self.source.ends,
            "seed": asked.seed,
        }
        inputs = {"questions": suite.artifact, **self.source.inputs}
        return Request(items, "sampling.answers", config, inputs)

    def made(self, suite: Suite) -> dict[str, Artifact]:
        """The scores and answers of a suite, asked now or before."""
        return {
            kind: self.making.build(stage, config, **inputs)
            for kind, (_, stage, config, inputs) in self.requests(suite).items()
        }

    def tables(self, suite: Suite) -> list[pa.Table]:
        """The same, as tables."""
        return [timed(made) for made in self.made(suite).values()]

    def standing(self, suite: Suite) -> Artifact:
        """What the scores and answers to a suite say of the model."""
        config = {"seed": self.asked.seed}
        inputs = {"items": suite.artifact, **self.made(suite)}
        return self.making.build("evaluation.standing", config, **inputs)

    def grades(
        self, suite: Suite, documents: Artifact, kept: Artifact | None
    ) -> tuple[dict[str, dict[str, Any]], Mapping[str, object]]:
        """What of each item the training text holds, and how well that is found."""
        inputs = {"documents": documents, "items": suite.artifact}
        controls = self.making.build("corpus.controls", {}, **inputs)
        found = self.making.build(
            "corpus.contamination", {}, kept=kept, controls=controls, **inputs
        )
        known = grades.calibration(controls, found)
        graded = grades.graded(controls, found, known["kinds"])
        detector = {name: count for name, count in known.items() if name != "kinds"}
        return {each["id"]: dict(each) for each in graded}, detector

    def pace(self) -> Pace | None:
        """Of a model of this machine, measured now or before."""
        if self.source.path is None:
            return None
        model = self.source.inputs["model"]
        return Pace.read(self.making.build("sampling.latency", self.asked.how, model=model))

    def cost(self, suites: Sequence[Suite]) -> dict[str, Any]:
        """What is stored, and what is still to be asked; nothing is."""
        counts, read, echoed = Counter[tuple[bool, bool]](), 0, 0
        for request in (each for suite in suites for each in self.requests(suite).values()):
            is_score, stored = request.stage == "evaluation.scores", self._stored(request)
            for item in request.items:
                several = len(item.choices) if is_score else self.asked.samples
                counts[is_score, item.id in stored] += several
            left = [item for item in request.items if item.id not in stored]
            if not left:
                continue
            if not is_score:
                self._refuse_hindered()
            texts = (self._scored_texts if is_score else self._asked_texts)(left)
            read += self._tokens(texts, chat=not (is_score or self.asked.plain))
            # An endpoint draws a token behind each text that it echoes.
            echoed += len(texts) if is_score and self.source.path is None else 0
        drawn = counts[False, False] * self.asked.max_tokens + echoed
        pace, prices = self.pace(), self.asked.prices
        return {
            "scores_stored": counts[True, True],
            "scores_to_make": counts[True, False],
            "answers_stored": counts[False, True],
            "answers_to_draw": counts[False, False],
            "prompt_tokens_at_most": read,
            "completion_tokens_at_most": drawn,
            "seconds_about": pace and pace.seconds(read, drawn) * bool(read),
            "usd_at_most": (read * prices.prompt_usd + drawn * prices.completion_usd) / 1e6,
        }

    def _stored(self, request: Request) -> set[str]:
        """The items that are done, by a run that was stopped, too."""
        folder = self.making.folder(request.stage, request.config, **request.inputs)
        name = "item" if request.stage == "evaluation.scores" else "problem"
        parts = [pq.read_table(path, columns=[name]) for path in folder.glob("parts/*.parquet")]
        return {item for part in parts for item in part[name].to_pylist()}

    def _refuse_hindered(self) -> None:
        """Raises ConfigError where an endpoint cannot draw answers so."""
        if (probed := self.source.probed) is not None:
            asked = self.asked
            wanted = RemoteDrawing(parse(asked.chain), asked.samples, asked.max_tokens, asked.seed)
            endpoint = Endpoint(probed["url"], probed["model"], probed["chat"])
            endpoint.refuse_hindered(wanted, Findings.read(probed))

    def _scored_texts(self, items: Sequence[Item]) -> list[str]:
        """Of prompts, choices behind them and alone; an endpoint gets a prompt with each, too."""
        texts = []
        for item in items:
            choices = [item.delimiter + choice for choice in item.choices]
            again = item.prompt if self.source.path is None else ""
            texts += [item.prompt, *choices, *(again + each for each in choices)]
        return texts

    def _asked_texts(self, items: Sequence[Item]) -> list[str]:
        task = AskedItems.among(items, by_letter=bool(items[0].choices))
        problems = task.problems(len(items), self.asked.seed, "test")
        return [each.prompts[0] for each in problems] * self.asked.samples

    def _tokens(self, texts: Sequence[str], *, chat: bool) -> int:
        """At most; to an endpoint, whose tokeniser is not known, a byte is one."""
        if self.source.path is None:
            return sum(len(text.encode()) for text in texts)
        writer = loaded(folder_of(self.source.inputs["model"]), **self.asked.how)
        ids = writer.prompt_ids(texts, chat=True) if chat else map(writer.texts.encode, texts)
        return sum(map(len, ids))

    @property
    def encode(self) -> Callable[[str], Sequence[int]] | None:
        """By the tokeniser of a model of this machine; None of an endpoint, which has not told."""
        if self.source.path is None:
            return None
        return loaded(folder_of(self.source.inputs["model"]), **self.asked.how).texts.encode


def suites_of(asked: Asked, making: Making) -> list[Suite]:
    """Those that are named, made or read now or before.

    Raises:
        ConfigError: there is no set of that name.
        DataError: a file holds no items.
    """
    languages = tuple(key_of(each) or each for each in asked.languages)
    shared = {"items": asked.items, "languages": languages, "seed": asked.seed}
    return [Suite(_suite(name, shared, making)) for name in dict.fromkeys(asked.suites)]


def _suite(path: str | Path, shared: Mapping[str, Any], making: Making) -> Artifact:
    if isinstance(path, str):
        return _made(path, shared, making)
    if is_complete(path) and Artifact(path).manifest.stage in ITEMS:
        return Artifact(path)
    if path.exists():
        # What describes a test of lm-evaluation-harness has its data beside it.
        files = path.parent if path.suffix in ENDINGS else path
        config = {**shared, "reference": ENGLISH}
        return making.build("evaluation.suite", config, files=adopt([files], making.store))
    raise ConfigError(
        f"--suite {path}: no such file, and no set that is made here; {nearest(str(path), SETS)}"
    )


def _made(name: str, shared: Mapping[str, Any], making: Making) -> Artifact:
    if languages := shared["languages"]:
        shared = {**shared, "languages": tuple(dict.fromkeys((ENGLISH, *languages)))}
    parallel = None
    if name in PIECES:
        parallel = making.build("corpus.parallel", {"sources": (PIECES[name][0],)})
    return making.build("evaluation.made", {**shared, "sets": (name,)}, parallel=parallel)
