"""Stage corpus.thresholds: derive limits and stop words of each language from reference text.

Reads   ``documents``, ``language``: text worth keeping, in English and in other languages
Writes  ``thresholds.json``: language -> ``documents``; ``stop_words``, the most frequent first;
        ``ranges``, of each adapted rule ``low`` and ``high``

corpus.statistics takes its stop words from here, corpus.filter its limits. English has no entry:
its limits are the published ones, its words the paper's. Nor has a language with too few documents
here: it keeps English's limits, and a rule that needs a list of words does not apply to it. What is
in no language, or in several, is left out.

The reference must be of one kind in all languages, articles say: of messages in one and articles in
English the limits would tell the kinds apart, not the languages.

A script without spaces between words gives no stop words, nor does a language of few frequent ones;
the rule on them does not apply then.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from bedstone.config import Config
from bedstone.corpus.rules import transfer
from bedstone.corpus.rules.frequencies import Counts, Frequencies, frequencies_of, merged
from bedstone.corpus.rules.measures import STOP_WORDS, measure
from bedstone.corpus.rules.sets import RULES
from bedstone.errors import DataError, nearest
from bedstone.languages import ENGLISH, MIXED, UNKNOWN
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.parts import made_parts
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import batches, texts_of

log = logging.getLogger("bedstone")

SETS = ("gopher-quality:datatrove", "gopher-repetition:datatrove", "fineweb:datatrove")
"""Whose limits are English's."""
ADAPTED = (
    "mean_word_length",
    "alphabetic_word_share",
    "duplicate_line_share",
    *(f"top_{n}_gram_character_ratio" for n in (2, 3, 4)),
    *(f"duplicate_{n}_gram_character_share" for n in (5, 6, 7, 8, 9, 10)),
    "terminal_line_share",
    "newlines_per_word",
)
"""Those that FineWeb2 adapts. Source: the keys of its files, https://github.com/huggingface/fineweb-2."""
LIMITS = {rule.name: rule for name in SETS for rule in RULES[name]}
COUNTED = ("words", "lengths", "letters")
STOP_WORD_COUNT = LIMITS["stop_word_count"]


class ThresholdsConfig(Config):
    """How limits are carried over, of which rules, and from how much text."""

    method: transfer.Method = "mean-std"
    """How a limit is carried over; see ``corpus.rules.transfer``."""
    rules: tuple[str, ...] = Field(ADAPTED, min_length=1)
    """Those whose limits are adapted."""
    min_documents: int = Field(default=50, ge=2)
    """Of a language, English too: with fewer it keeps English's limits."""

    @field_validator("rules")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in LIMITS:
                raise ValueError(f"no rule {name!r} in {', '.join(SETS)}; {nearest(name, LIMITS)}")
        return names


@dataclass(slots=True)
class Tally:
    """What is known of a language from some of its documents."""

    documents: int = 0
    values: dict[str, list[transfer.Values]] = field(default_factory=dict)
    frequencies: Frequencies = field(default_factory=lambda: frequencies_of(texts_of(())))

    def add(self, other: "Tally") -> None:
        """Add other documents."""
        self.documents += other.documents
        self.frequencies = merged([self.frequencies, other.frequencies])
        for name, values in other.values.items():
            self.values.setdefault(name, []).extend(values)

    def arrays(self, language: str) -> dict[str, NDArray[Any]]:
        """What ``of`` reads, by names that are the language's alone."""
        found = self.frequencies
        arrays: dict[str, NDArray[Any]] = {
            "documents": np.array(self.documents),
            "hashes": np.array(list(found.names), np.uint64),
            "names": np.array(list(found.names.values()), np.str_),
            **self.by_rule(),
        }
        for name in COUNTED:
            counts: Counts = getattr(found, name)
            arrays |= {f"{name}.keys": counts.keys, f"{name}.counts": counts.counts}
        return {f"{language}.{name}": values for name, values in arrays.items()}

    @classmethod
    def of(cls, language: str, rules: Sequence[str], stored: Mapping[str, NDArray[Any]]) -> "Tally":
        """What was stored of a language."""
        own = {name: stored[f"{language}.{name}"] for name in ("documents", "hashes", "names")}
        words, lengths, letters = (
            Counts(stored[f"{language}.{name}.keys"], stored[f"{language}.{name}.counts"])
            for name in COUNTED
        )
        names = dict(zip(own["hashes"].tolist(), own["names"].tolist(), strict=True))
        values = {rule: [stored[f"{language}.{rule}"]] for rule in rules}
        frequencies = Frequencies(words, lengths, letters, names)
        return cls(int(own["documents"]), values, frequencies)

    def by_rule(self) -> dict[str, transfer.Values]:
        """The values of each rule, in no order that means anything."""
        return {name: np.concatenate(values) for name, values in self.values.items()}


def run(config: ThresholdsConfig, job: Job) -> Result:
    """Measure the reference, shard by shard, and compare each language with English.

    Raises:
        ArtifactError: the inputs have not equally many shards.
        DataError: there are too few documents in English.
    """
    tallies = _tallies(config, job)
    english = tallies.pop(ENGLISH, Tally())
    if english.documents < config.min_documents:
        raise DataError(
            f"the reference has {english.documents} documents in English, "
            f"fewer than {config.min_documents}",
            hint="limits were set on English: the reference must have it too",
        )
    enough = {name: it for name, it in tallies.items() if it.documents >= config.min_documents}
    entries = thresholds(config, english, enough)
    write_json(job, transfer.NAME, entries)
    few = {name: it.documents for name, it in sorted(tallies.items()) if name not in enough}
    if few:
        log.warning("too few documents for limits of their own, so English's: %s", ", ".join(few))
    metrics: Metrics = {
        "languages": len(entries),
        "languages_with_too_few": len(few),
        f"documents.{ENGLISH}": english.documents,
        **{f"documents.{name}": enough[name].documents for name in entries},
        **{f"too_few_documents.{name}": count for name, count in few.items()},
    }
    return Result(metrics, (job.record(transfer.NAME),))


def thresholds(
    config: ThresholdsConfig, english: Tally, others: dict[str, Tally]
) -> dict[str, dict[str, Any]]:
    """Each language's entry, in the languages' order."""
    rules = [LIMITS[name] for name in config.rules]
    values = english.by_rule()
    barred, chances = english.frequencies.frequent(), english.frequencies.chances(STOP_WORDS)
    entries = {}
    for name, other in sorted(others.items()):
        found = other.frequencies
        stop_words = transfer.frequent(found.frequent(), found.words.total, barred)
        ranges = transfer.transferred(rules, values, other.by_rule(), config.method)
        if stop_words:
            low = transfer.stop_word_limit(found.chances(stop_words), chances, STOP_WORD_COUNT.low)
            ranges[STOP_WORD_COUNT.name] = {"low": low}
        entries[name] = {
            "documents": other.documents,
            "stop_words": stop_words,
            "ranges": ranges,
        }
    return entries


def tallied(language: str, texts: pa.ChunkedArray | pa.Array, rules: Sequence[str]) -> Tally:
    """What ``texts``, all in one language, say of it."""
    measured = measure(texts, languages=[language] * len(texts), rules=",".join(SETS))
    values = {name: [_values(measured[name])] for name in rules}
    return Tally(len(texts), values, merged([frequencies_of(batch) for batch in batches(texts)]))


def _tallies(config: ThresholdsConfig, job: Job) -> dict[str, Tally]:
    pairs = tables.together(job.inputs["documents"], job.inputs["language"])
    tallies: dict[str, Tally] = {}
    for path in made_parts(job, "tallies", partial(_write_tallies, config.rules), pairs):
        with np.load(path) as arrays:
            for name in arrays["languages"].tolist():
                tallies.setdefault(name, Tally()).add(Tally.of(name, config.rules, arrays))
    return tallies


def _write_tallies(rules: Sequence[str], pair: tuple[Shard, ...], path: Path) -> None:
    documents, language = pair
    texts = tables.read(documents, ["id", "text"])
    names = tables.beside(language, texts, ["language"])["language"]
    languages = sorted(set(names.to_pylist()) - {UNKNOWN, MIXED})
    arrays: dict[str, NDArray[Any]] = {"languages": np.array(languages, np.str_)}
    for name in languages:
        arrays |= tallied(name, texts["text"].filter(pc.equal(names, name)), rules).arrays(name)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _values(column: pa.ChunkedArray) -> transfer.Values:
    values: transfer.Values = column.drop_null().to_numpy().astype(np.float64)
    return values


STAGE = Stage(
    "corpus.thresholds",
    version=1,
    config=ThresholdsConfig,
    inputs=("documents", "language"),
    run=run,
    libraries=("numpy",),
)
