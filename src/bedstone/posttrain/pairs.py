"""Stage posttrain.pairs: cut prompts and completions from real text: a heading, its paragraph.

Reads   ``documents`` (id, url, text, headings), ``language`` (language), ``held_out`` (split) and
        ``kept`` (keep; without it all are kept), shard by shard, rows in the same order
Writes  ``pairs.parquet``: id of the document, language, url, prompt, completion, and split,
        ``train`` or ``held_out``

A pair is cut where all of this holds:

* the document is kept, and its language is known and one;
* the heading is no longer than a limit and has a letter;
* between it and the next heading stands a line that is long enough; the first such is taken;
* that line has a whole sentence within a limit; it is cut after the last such;
* both are in the same script: a page that is half translated has headings of another language.

Where no document of a shard has a heading, as tables tell of none, sentences are in their place:
of a paragraph between blank lines, one within the limit of a heading, and those that follow
within the other.

A document gives so many pairs at most, its first; of equal pairs of a shard the first stays.
All pairs of a document are in its split; one that is neither learnt from nor held out gives none.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import pyarrow as pa
from pydantic import Field

from bedstone.config import Config
from bedstone.languages import MIXED, UNKNOWN
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.sentences import script, sentence_ends, whole_sentences


class PairsConfig(Config):
    """Which headings and paragraphs make a pair."""

    prompt_max_characters: int = Field(default=80, ge=1)
    completion_min_characters: int = Field(default=20, ge=1)
    """Of the line that it is cut from, and of the completion itself."""
    completion_max_characters: int = Field(default=200, ge=1)
    document_max_pairs: int = Field(default=8, ge=1)
    """So that no long page is most of what is learnt."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a document gives at one of its headings."""

    prompt: str
    completion: str


def run(config: PairsConfig, job: Job) -> Result:
    """Cut one shard's pairs."""
    documents = tables.read(job.inputs["documents"], ["id", "url", "text", "headings"])
    languages = tables.beside(job.inputs["language"], documents, ["language"])["language"]
    splits = tables.beside(job.inputs["held_out"], documents, ["split"])["split"]
    kept = job.inputs.get("kept")
    keeps = (
        tables.beside(kept, documents, ["keep"])["keep"].to_pylist()
        if kept
        else [True] * documents.num_rows
    )
    by_heading = any(map(len, documents["headings"].to_pylist()))
    rows, seen, used, duplicates = [], set[Cut](), 0, 0
    columns = (documents, languages, splits)
    beside = zip(*(column.to_pylist() for column in columns), keeps, strict=True)
    for document, language, split, keep in beside:
        if not keep or language in (UNKNOWN, MIXED) or split not in ("train", "held_out"):
            continue
        used += 1
        headings = document["headings"] if by_heading else None
        for cut in cuts(document["text"], headings, config):
            if cut in seen:
                duplicates += 1
                continue
            seen.add(cut)
            rows.append(_row(document, language, cut, split))
    tables.write(job, "pairs.parquet", pa.Table.from_pylist(rows, _SCHEMA))
    held_out = sum(row["split"] == "held_out" for row in rows)
    return Result(
        {
            "input_documents": documents.num_rows,
            "used_documents": used,
            "duplicate_pairs": duplicates,
            "train_pairs": len(rows) - held_out,
            "held_out_pairs": held_out,
        }
    )


def cuts(text: str, headings: Sequence[int] | None, config: PairsConfig) -> list[Cut]:
    """The pairs of a document, in their order.

    Args:
        text: lines parted by a line feed.
        headings: the numbers of the lines that are headings, from 0, ascending; None where nobody
            knows of headings.
        config: the limits.
    """
    paragraphs = (" ".join(lines.split()) for lines in text.split("\n\n"))
    found = (
        chain.from_iterable(_of_sentences(each, config) for each in paragraphs)
        if headings is None
        else _of_headings(text.split("\n"), headings, config)
    )
    return list(islice(found, config.document_max_pairs))


def _of_headings(lines: list[str], headings: Sequence[int], config: PairsConfig) -> Iterator[Cut]:
    for heading, end in pairwise([*headings, len(lines)]):
        prompt = lines[heading].strip()
        if len(prompt) > config.prompt_max_characters or script(prompt) is None:
            continue
        completion = _completion(lines[heading + 1 : end], config)
        if completion and script(completion) == script(prompt):
            yield Cut(prompt, completion)


def _completion(lines: list[str], config: PairsConfig) -> str:
    enough = config.completion_min_characters
    long = (line.strip() for line in lines if len(line.strip()) >= enough)
    sentences = whole_sentences(next(long, ""), config.completion_max_characters)
    return sentences if len(sentences) >= enough else ""


def _of_sentences(text: str, config: PairsConfig) -> Iterator[Cut]:
    ends = sentence_ends(text)
    start = number = 0  # of a sentence, and of its end
    while number < len(ends):
        end = ends[number]
        last = bisect_right(ends, end + config.completion_max_characters) - 1
        cut = Cut(text[start:end].strip(), text[end : ends[last]].strip())
        if len(cut.prompt) <= config.prompt_max_characters and _is_whole(cut, config):
            yield cut
            number = last
        start, number = ends[number], number + 1


def _is_whole(cut: Cut, config: PairsConfig) -> bool:
    is_long = len(cut.completion) >= config.completion_min_characters
    return (
        is_long and script(cut.prompt) is not None and script(cut.prompt) == script(cut.completion)
    )


def _row(document: dict[str, str], language: str, cut: Cut, split: str) -> dict[str, str]:
    return {
        "id": document["id"],
        "language": language,
        "url": document["url"],
        "prompt": cut.prompt,
        "completion": cut.completion,
        "split": split,
    }


_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "language": pa.string(),
        "url": pa.string(),
        "prompt": pa.large_string(),
        "completion": pa.large_string(),
        "split": pa.string(),
    }
)


def _total(sums: dict[str, float]) -> dict[str, float]:
    pairs = sums["train_pairs"] + sums["held_out_pairs"]
    return {**sums, "pairs_per_document": pairs / max(sums["used_documents"], 1)}


STAGE = Stage(
    "posttrain.pairs",
    version=3,
    config=PairsConfig,
    inputs=("documents", "language", "held_out"),
    optional=("kept",),
    sharded=("documents", "language", "held_out", "kept"),
    run=run,
    libraries=("pyarrow",),
    total=_total,
)
