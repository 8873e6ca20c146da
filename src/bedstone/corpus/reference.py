"""Stage corpus.reference: learn how each language is written, from texts that are good.

Reads   ``documents``: good texts of any number of languages, your own or a Wikipedia's, as
        corpus.extract has taken them out; ``language``
Writes  ``counts.npy`` and ``model.json``, which corpus.perplexity reads
        ``about/held_out.parquet``: for each language the ``documents`` and ``characters`` that were
        learnt from, the ``held_out_documents``, how many ``bits_per_character`` those take, and
        ``filled_share``, of the table

A language with fewer characters than ``min_characters`` has no model; of one with more than
``max_characters`` documents are drawn by lot. Copies of a held out document that are learnt from
make its bits too few: give texts without near-duplicates.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.corpus.surprise.next_characters import KEY, bits_of, learn, rows_for
from bedstone.corpus.surprise.references import COUNTS, Group, by_language, writing_counts
from bedstone.errors import DataError
from bedstone.languages import MIXED, UNKNOWN
from bedstone.lots import is_held_out, lot
from bedstone.store import tables
from bedstone.store.artifact import ABOUT
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import Texts, batches

HELD_OUT_SHARE = 0.05
PURPOSE = "reference"
"""Of the lots."""
DIGITS = 3


class ReferenceConfig(Config):
    """How much a language has to have, and how much of it is learnt."""

    min_characters: int = Field(default=100_000, ge=1_000, le=1_000_000_000)
    """Of a language that has a model. Our choice: a model of 20,000 in Japanese could not tell text
    from word salad."""
    max_characters: int = Field(default=20_000_000, ge=1_000, le=1_000_000_000)
    """Of a language, about: more takes time and says little."""
    table_bits: int = Field(default=22, ge=10, le=26)
    """A language has at most 2 to the power of so many n-grams, of 16 bytes each on disk; one with
    less text has a smaller table."""

    @model_validator(mode="after")
    def _can_be(self) -> "ReferenceConfig":
        if self.min_characters > self.max_characters:
            raise ValueError("min_characters is above max_characters")
        return self


def run(config: ReferenceConfig, job: Job) -> Result:
    """Count the characters, learn from most documents, and measure on the others.

    Raises:
        DataError: no language has enough text, or the inputs are of other documents.
    """
    known = _known(config, job)
    rows = {
        name: rows_for(min(characters, config.max_characters), config.table_bits)
        for name, characters in known.items()
    }
    shares = {name: config.max_characters / characters for name, characters in known.items()}
    counts, bits = Counter[tuple[str, str]](), dict.fromkeys(known, 0.0)
    with writing_counts(job, rows) as models:
        for name, texts in _drawn(job, shares, held_out=False):
            learn(texts, models[name])
            counts[name, "documents"] += len(texts)
            counts[name, "characters"] += len(texts.codes)
        for name, texts in _drawn(job, shares, held_out=True):
            bits[name] += float(bits_of(texts, models[name]).sum())
            counts[name, "held_out_documents"] += len(texts)
            counts[name, "held_out_characters"] += len(texts.codes)
        filled = [float(np.mean(models[name][:-1, KEY] > 0)) for name in known]
    told = {
        name: round(bits[name] / characters, DIGITS)
        for name in known
        if (characters := counts[name, "held_out_characters"])
    }
    kinds = ("documents", "characters", "held_out_documents", "held_out_characters")
    columns = {kind: pa.array([counts[name, kind] for name in known], pa.int64()) for kind in kinds}
    columns |= {"bits_per_character": pa.array([told.get(name) for name in known], pa.float64())}
    columns |= {"filled_share": pa.array(np.round(filled, DIGITS))}
    table = pa.table({"language": pa.array(list(known)), **columns})
    metrics: Metrics = {"known_languages": len(known)}
    metrics |= {f"learnt_{kind}": float(pc.sum(table[kind]).as_py()) for kind in kinds[:2]}
    metrics |= {f"held_out.{name}_bits_per_character": each for name, each in told.items()}
    file = tables.write(job, f"{ABOUT}/held_out.parquet", table)
    return Result(metrics, (job.record(COUNTS), file))


def _known(config: ReferenceConfig, job: Job) -> dict[str, int]:
    """The languages with enough text, and their characters."""
    found = Counter[str]()
    for group in _groups(job):
        found[group.language] += pc.sum(pc.utf8_length(group.table["text"])).as_py()
    known = {
        name: characters
        for name, characters in sorted(found.items())
        if characters >= config.min_characters and name not in (UNKNOWN, MIXED)
    }
    if not known:
        raise DataError(
            f"no language has {config.min_characters:,} characters of text to learn from",
            hint="give more texts, or set min_characters lower",
        )
    return known


def _drawn(job: Job, shares: dict[str, float], *, held_out: bool) -> Iterator[tuple[str, Texts]]:
    """Of each language the share of its texts that is learnt from, or what is held out of it."""
    for group in _groups(job):
        share = shares.get(group.language, 0.0)
        taken = [
            lot(each, PURPOSE) < share
            and is_held_out(each, HELD_OUT_SHARE, f"{PURPOSE} held out") == held_out
            for each in group.table["id"].to_pylist()
        ]
        for texts in batches(group.table["text"].filter(pa.array(taken, pa.bool_()))):
            yield group.language, texts


def _groups(job: Job) -> Iterator[Group]:
    for shards in tables.together(job.inputs["documents"], job.inputs["language"]):
        yield from by_language(*shards)


STAGE = Stage(
    "corpus.reference",
    version=1,
    config=ReferenceConfig,
    inputs=("documents", "language"),
    run=run,
    libraries=("numpy", "pyarrow"),
    instead="",
)
