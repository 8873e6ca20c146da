"""What `bedstone evaluate` asks a model, and the artifacts that hold what it answers.

A suite is items; what the model makes of them are scores, or answers; how much of them stands in
the training text is looked for where that is known. Each is an artifact: what is stored is never
asked again, and a run that was stopped goes on.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from bedstone.corpus.overlap import grades
from bedstone.errors import ConfigError, nearest, number_of
from bedstone.evaluation.likelihoods.echoes import FEATURE
from bedstone.evaluation.made import PIECES, SETS
from bedstone.evaluation.suites.descriptions import ENDINGS
from bedstone.evaluation.suites.naming import key_of
from bedstone.generation.writer import folder_of, loaded
from bedstone.languages import ENGLISH
from bedstone.model import Device, NumberFormat
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.endpoints.findings import Findings
from bedstone.sampling.source import Source
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.lineage import documents_behind
from bedstone.store.making import Making
from bedstone.store.provenance import core_count
from bedstone.tasks.asked import BY_LETTER, AskedItems
from bedstone.tasks.items import Item, items_of
from bedstone.tasks.stored import rows_of

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
    """Names of ``evaluation.made``, files, folders, or artifacts of items."""
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

    stage: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Artifact]
    items: Sequence[Item]

    def made(self, making: Making) -> Artifact:
        """Asked now, or before."""
        return making.build(self.stage, self.config, **self.inputs)

    def is_made(self, making: Making) -> bool:
        """Whether it is stored."""
        return making.stored(self.stage, self.config, **self.inputs) is not None


@dataclass(frozen=True, slots=True)
class Asking:
    """A model, what it is asked, and where the answers are stored."""

    source: Source
    asked: Asked
    making: Making

    @property
    def scores_texts(self) -> bool:
        """Whether the model tells how likely a given text is; else it is asked for letters."""
        if self.source.probed is None:
            return True
        found = Findings.read(self.source.probed)
        return FEATURE in found.features and found.honours(FEATURE)  # of a chat it is not asked

    def requests(self, suite: Suite) -> dict[str, Request]:
        """What the model is asked of a suite: ``scores``, or ``letters``; and ``answers``.

        Raises:
            ConfigError: it can be asked nothing.
        """
        choices = [item for item in suite.items if len(item.choices) > 1]
        found = {"answers": self._drawn(suite, [it for it in suite.items if not it.choices], "")}
        if self.scores_texts:
            given = [item for item in suite.items if item.choices]
            inputs = {"items": suite.artifact, **self.source.inputs}
            found["scores"] = Request("evaluation.scores", self.asked.how, inputs, given)
        else:
            found["letters"] = self._drawn(suite, choices, BY_LETTER)
        if not any(each.items for each in found.values()):
            raise ConfigError(
                f"{suite.name} has nothing but texts, and the endpoint tells no bits of one",
                hint="ask one that echoes a text with its log-probabilities, without turns",
            )
        return {kind: each for kind, each in found.items() if each.items}

    def left_out(self, suites: Sequence[Suite]) -> Iterator[str]:
        """What cannot be asked of this model, in words."""
        texts = sum(len(item.choices) == 1 for suite in suites for item in suite.items)
        if texts and not self.scores_texts:
            yield f"{number_of(texts, 'text')} left out: the endpoint tells no bits of one"

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
        return Request("sampling.answers", config, inputs, items)

    def made(self, suite: Suite) -> dict[str, Artifact]:
        """The scores and answers of a suite, asked now or before."""
        return {kind: each.made(self.making) for kind, each in self.requests(suite).items()}

    def tables(self, suite: Suite) -> list[pa.Table]:
        """The same, as tables."""
        return [rows_of(made) for made in self.made(suite).values()]

    def standing(self, suite: Suite) -> Artifact:
        """What the scores and answers to a suite say of the model."""
        config = {"seed": self.asked.seed}
        inputs = {"items": suite.artifact, **self.made(suite)}
        return self.making.build("evaluation.standing", config, **inputs)

    def grades(self, suite: Suite, known: Known) -> dict[str, dict[str, Any]]:
        """What of each item the training text holds."""
        inputs = {"documents": known.documents, "items": suite.artifact}
        controls = self.making.build("corpus.controls", {}, **inputs)
        found = self.making.build(
            "corpus.contamination", {}, kept=known.kept, controls=controls, **inputs
        )
        kinds = grades.calibration(controls, found)["kinds"]
        return {each["id"]: dict(each) for each in grades.graded(controls, found, kinds)}

    def pace(self) -> Pace | None:
        """Of a model of this machine, measured now or before."""
        if self.source.path is None:
            return None
        model = self.source.inputs["model"]
        return Pace.read(self.making.build("sampling.latency", self.asked.how, model=model))

    def cost(self, suites: Sequence[Suite]) -> dict[str, Any]:
        """What is stored, and what is still to be asked; nothing is."""
        counts, read = Counter[tuple[str, bool]](), 0
        for suite in suites:
            for kind, request in self.requests(suite).items():
                is_score, is_made = kind == "scores", request.is_made(self.making)
                choices = sum(len(item.choices) for item in request.items)
                count = choices if is_score else len(request.items) * self.asked.samples
                counts["scores" if is_score else "answers", is_made] += count
                if not is_made:
                    read += self._read_tokens(request, is_score=is_score)
        drawn = counts["answers", False] * self.asked.max_tokens
        pace, prices = self.pace(), self.asked.prices
        return {
            "scores_stored": counts["scores", True],
            "scores_to_make": counts["scores", False],
            "answers_stored": counts["answers", True],
            "answers_to_draw": counts["answers", False],
            "prompt_tokens_at_most": read,
            "completion_tokens_at_most": drawn,
            "seconds_about": pace and pace.seconds(read, drawn) * bool(read),
            "usd_at_most": (read * prices.prompt_usd + drawn * prices.completion_usd) / 1e6,
        }

    def _read_tokens(self, request: Request, *, is_score: bool) -> int:
        """At most; to an endpoint, whose tokeniser is not known, a byte is one."""
        is_remote, texts = self.source.path is None, list[str]()
        if not is_score:
            task = AskedItems.among(request.items, by_letter=bool(request.config["task"]))
            problems = task.problems(len(request.items), self.asked.seed, "test")
            texts = [each.prompts[0] for each in problems] * self.asked.samples
        for item in request.items if is_score else ():
            choices = [item.delimiter + choice for choice in item.choices]  # after nothing, too
            behind = [item.prompt + each for each in choices] if is_remote else choices
            texts += [item.prompt, *behind, *choices]
        if is_remote:
            return sum(len(text.encode()) for text in texts)
        writer = loaded(folder_of(self.source.inputs["model"]), **self.asked.how)
        if is_score or self.asked.plain:
            return sum(len(writer.texts.encode(text)) for text in texts)
        return sum(map(len, writer.prompt_ids(texts, chat=True)))


def suites_of(asked: Asked, making: Making) -> list[Suite]:
    """Those that are named, made or read now or before.

    Raises:
        ConfigError: there is no set of that name.
        DataError: a file holds no items.
    """
    languages = tuple(key_of(each) or each for each in asked.languages)
    if languages:
        languages = tuple(dict.fromkeys((ENGLISH, *languages)))
    shared = {"items": asked.items, "languages": languages, "seed": asked.seed}
    return [Suite(_suite(name, shared, making)) for name in dict.fromkeys(asked.suites)]


def _suite(name: str, shared: Mapping[str, Any], making: Making) -> Artifact:
    path = Path(name)
    if is_complete(path) and Artifact(path).manifest.stage in ITEMS:
        return Artifact(path)
    if path.exists():
        # What describes a test of lm-evaluation-harness has its data beside it.
        files = path.parent if path.suffix in ENDINGS else path
        return making.build("evaluation.suite", shared, files=adopt([files], making.store))
    if name not in SETS:
        raise ConfigError(
            f"--suite {name}: no such file, and no set that is made here; {nearest(name, SETS)}"
        )
    parallel = None
    if name in PIECES:
        parallel = making.build("corpus.parallel", {"sources": (PIECES[name][0],)})
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
