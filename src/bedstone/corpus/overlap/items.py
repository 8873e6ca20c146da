"""Items: questions, with their answers or without, that a model is to be asked.

Of each, the question is looked for, and the answer near it. A question too short for an n-gram is
looked for by its answer, and then has to be near that; one that is too short together with its
answer is looked for as a whole. A question that many items share is looked for once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bedstone.corpus.overlap.index import N_SPACELESS, Index, N, indexed
from bedstone.corpus.overlap.letters import letters_of, words_of
from bedstone.corpus.overlap.search import Place
from bedstone.errors import DataError
from bedstone.store import tables
from bedstone.store.lines import numbered_lines, object_of
from bedstone.text.characters import LETTERS_PER_WORD, script_of
from bedstone.text.codes import Indices
from bedstone.text.hashing import Bools, Slots

LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
TABLE = ".parquet"
SEEN_SHARE, CLEAN_SHARE = 0.8, 0.2
"""Of a question's n-grams: from here on it is seen; below, clean."""
MOST_DOCUMENTS = 10
"""Of an item, that are told of."""
NEAR_CHARACTERS = 200
"""Between a question and its answer."""
HELD_CHARACTERS = 1 << 12
"""Of a text whose words are held: what is around a place is asked about by all items there."""
LENGTHS = (0, 1, 2, 4)
"""Least lengths of questions that are told apart, in n-grams' letters."""
ROWS = 1 << 14
TEXT = pa.large_string()
SCHEMA = pa.schema([("id", TEXT), ("question", TEXT), ("answer", TEXT)])
BRIEF_CHARACTERS = 64
"""A question of so many has letters for an n-gram, or says nothing in letters."""
EXAMPLE = '{"id": "1", "question": "...", "answer": "..."}'
Row = dict[str, str | None]
"""An item's values by the columns of ``SCHEMA``."""


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a table, and the index of what is looked for."""

    table: pa.Table
    """``id``, ``question``, ``answer`` (null without)."""
    texts: Indices
    """Of each item, the number of the text that is looked for."""
    by_answer: Bools
    """Whether that is its answer."""
    whole: Bools
    """Whether that is the question with its answer behind it."""
    letters: Slots
    """Of its question."""
    widths: Slots
    """Letters of an n-gram of its question."""
    lengths: Slots
    """How many n-grams' letters it has at least."""
    index: Index

    def __len__(self) -> int:
        return len(self.texts)

    def met(self, item: int, place: Place, document: str) -> tuple[float, float | None]:
        """How much of its question, and of its answer near it, is at a place where its text is.

        Of what is too short for an n-gram: 1 if it stands there as words of its own, else 0. None
        of an item without an answer.
        """
        if self.whole[item]:
            return place.share, place.share
        wanted = self.table["question" if self.by_answer[item] else "answer"][item].as_py()
        if wanted is None or not _spelled(wanted):
            return place.share, None
        around = NEAR_CHARACTERS + len(wanted)
        before = document[max(place.begin - around, 0) : place.begin]
        near = max(share_in(wanted, before), share_in(wanted, document[place.end :][:around]))
        return (near, place.share) if self.by_answer[item] else (place.share, near)

    def is_seen(self, item: int, question: float, answer: float | None, seen_share: float) -> bool:
        """Whether such shares of its question and its answer say that it was there.

        Of fewer letters than two n-grams all have to be there, and of fewer than one the answer
        too.
        """
        size = self.lengths[item]
        if size == 0:
            least = 1.0 if self.whole[item] else seen_share
            return answer is not None and min(question, answer) >= least
        return question >= (1.0 if size == 1 else seen_share)


def rank(question: float, answer: float | None, *, is_seen: bool) -> float:
    """More for a document that says more about an item."""
    return 2 * is_seen + question + (answer or 0.0)


def share_in(wanted: str, text: str) -> float:
    """The share of the n-grams of ``wanted`` in ``text``; without any, 1 if it stands there."""
    asked, spelled = _spelled(wanted), _spelled(text)
    ours, theirs = asked.replace(" ", ""), spelled.replace(" ", "")
    size = width_of(wanted)
    if len(ours) < size == N:
        return float(f" {asked} " in f" {spelled} ")
    if len(ours) < size:
        return float(ours in theirs)
    grams = [ours[first : first + size] for first in range(len(ours) - size + 1)]
    return sum(gram in theirs for gram in grams) / len(grams)


def _spelled(text: str) -> str:
    """The words of a text; those of a short one are held."""
    return _held(text) if len(text) <= HELD_CHARACTERS else " ".join(words_of(text))


@lru_cache(1 << 10)
def _held(text: str) -> str:
    return " ".join(words_of(text))


def read_items(files: Sequence[Path], more: pa.ChunkedArray | None = None) -> Items:
    """The items of files, indexed; behind them ``more`` texts are.

    Raises:
        DataError: a line is no item, two have one id, or there is none.
    """
    table = pa.concat_tables([_read(path) for path in files])
    if not table.num_rows:
        raise DataError(f"{files[0].resolve()} holds no item", hint=f"a line for each: {EXAMPLE}")
    _refuse_repeated(table, files)
    return items_of(table, more)


def items_of(table: pa.Table, more: pa.ChunkedArray | None = None) -> Items:
    """The items of a table of ``SCHEMA``."""
    wanted, by_answer, whole = table["question"], *np.zeros((2, table.num_rows), np.bool_)
    brief = {}
    is_brief = pc.less(pc.utf8_length(wanted), BRIEF_CHARACTERS).to_numpy()
    for row in np.flatnonzero(is_brief).tolist():
        question, answer = (table[name][row].as_py() for name in ("question", "answer"))
        if (count := len(letters_of(question))) < (width := width_of(question)):
            brief[row] = count, width
            by_answer[row] = answer is not None and len(letters_of(answer)) >= width_of(answer)
            whole[row] = answer is not None and not by_answer[row]
    if whole.any():
        together = pc.binary_join_element_wise(wanted, table["answer"], pa.scalar(" ", TEXT))
        wanted = pc.if_else(pa.array(whole), together, wanted)
    if by_answer.any():
        wanted = pc.if_else(pa.array(by_answer), table["answer"], wanted)
    encoded = pc.dictionary_encode(wanted).unify_dictionaries().combine_chunks()
    texts = encoded.indices.to_numpy().astype(np.int64)
    is_distinct = len(encoded.dictionary) == len(wanted)
    chunks = wanted.chunks if is_distinct else [encoded.dictionary]
    del encoded
    pa.default_memory_pool().release_unused()
    index = indexed(pa.chunked_array([*chunks, *(more.chunks if more else ())], TEXT))
    letters, widths = index.letters[texts], index.widths[texts]
    for row, known in brief.items():
        letters[row], widths[row] = known
    classes = np.array(LENGTHS, np.int32)
    lengths = classes[np.searchsorted(classes, letters // widths, side="right") - 1]
    return Items(table, texts, by_answer, whole, letters, widths, lengths, index)


def width_of(text: str) -> int:
    """How many letters an n-gram of the text has, by most of its letters."""
    return N_SPACELESS if script_of(text) in LETTERS_PER_WORD else N


def _read(path: Path) -> pa.Table:
    rows = (row for _, row in _rows(path))
    batches = [pa.RecordBatch.from_pylist([], SCHEMA)]
    while some := list(islice(rows, ROWS)):
        batches.append(pa.RecordBatch.from_pylist(some, SCHEMA))
    return pa.Table.from_batches(batches)


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Each item of a file, and where it is."""
    location = path.resolve()
    if path.suffix == TABLE:
        yield from _of_table(path)
    elif path.name.lower().endswith(LINES):
        for number, line in numbered_lines(path):
            if not line.isspace():
                yield (where := f"{location}:{number}"), _item(line, where)
    else:
        raise DataError(f"{location} is no file of items", hint=f"lines of JSON: {EXAMPLE}")


def _of_table(path: Path) -> Iterator[tuple[str, Row]]:
    """The items of a test that a stage wrote, each as ``_asked_of`` has it."""
    columns = ("id", "context", "question", "choices", "gold", "answers")
    tables.require(path, columns)
    with tables.reading(path), pq.ParquetFile(path) as file:
        batches = file.iter_batches(ROWS, columns=columns)
        for number, row in enumerate(row for batch in batches for row in batch.to_pylist()):
            try:
                yield f"{path.resolve()}, row {number}", {"id": row["id"]} | _asked_of(**row)
            except (TypeError, LookupError) as error:
                raise DataError(f"{path.resolve()}: {row['id']!r} is no item") from error


def _asked_of(choices: list[str], gold: int | None, answers: list[str], **asked: str) -> Row:
    """What is asked with what is read before it, and what is right; else a text, or what is right.

    Of one choice, which is a text, that is looked for; so is what is right where nothing is asked.
    """
    right = choices[gold or 0] if choices else next(iter(answers), None)
    question = "\n".join(filter(None, (asked["context"], asked["question"])))
    if len(choices) == 1 or not question:
        return {"question": right or "", "answer": None}
    return {"question": question, "answer": right or None}


def _item(line: str, where: str) -> Row:
    hint = f"a line is an item: {EXAMPLE}; or has text in place of both"
    values = object_of(line, where, hint)
    question = values.get("question", values.get("text"))
    name, answer = _word(values.get("id")), values.get("answer")
    if name is None or not isinstance(question, str):
        missing = "id" if name is None else "question or text"
        raise DataError(f"{where}: no {missing}", hint=hint)
    if answer == "":
        answer = None
    if answer is not None and (answer := _word(answer)) is None:
        raise DataError(f"{where}: the answer is neither text nor a number", hint=hint)
    found: Row = {"id": name, "question": question, "answer": answer}
    try:
        "".join(each or "" for each in found.values()).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{where}: half a character, a lone surrogate", hint=hint) from error
    return found


def _word(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value if isinstance(value, str) and value else None


def _refuse_repeated(table: pa.Table, files: Sequence[Path]) -> None:
    encoded = pc.dictionary_encode(table["id"]).unify_dictionaries().combine_chunks()
    if len(encoded.dictionary) == table.num_rows:
        return
    numbers = encoded.indices.to_numpy()
    _, firsts = np.unique(numbers, return_index=True)
    again = int(np.setdiff1d(np.arange(len(numbers)), firsts)[0])
    before = int(np.flatnonzero(numbers == numbers[again])[0])
    places = [where for path in files for where, _ in _rows(path)]
    raise DataError(
        f"{places[again]}: the id {table['id'][again].as_py()!r} is that of {places[before]}",
        hint="give each item an id of its own",
    )
