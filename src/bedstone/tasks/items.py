"""Items of a test, in one form whatever set they come from, and how they are stored.

An item is one of three kinds, told by its choices. With several it is a question of which one goes
on best; with one it is a text, whose bits are measured; with none it is a question to answer, and
where no answer is right, to abstain is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job

FILE = "items.parquet"
SCHEMA = pa.schema(
    {
        "suite": pa.string(),
        "id": pa.string(),
        "parallel_id": pa.string(),
        "language": pa.string(),
        "metric": pa.string(),
        "context": pa.large_string(),
        "question": pa.large_string(),
        "delimiter": pa.string(),
        "choices": pa.list_(pa.large_string()),
        "gold": pa.int32(),
        "answers": pa.list_(pa.large_string()),
        "passage_id": pa.string(),
        "domain": pa.string(),
    }
)
Metric = Literal["acc_bytes", "acc", "acc_chars", "acc_pmi", "bits", "exact_match", "chrf"]
"""What a suite is judged by. Of a choice: the log-probability over the bytes of the choice, whole,
over its code points, or less that of the choice alone; of a text its bits; of an answer whether it
is one of the right ones, or how much of its characters are."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question, a choice or a text of a test."""

    suite: str
    """Which test it is of."""
    id: str
    """No other item's, in no language and no suite."""
    language: str
    """As ``nob_Latn``."""
    metric: Metric
    """The suite's, fixed before anybody looks at a score."""
    context: str = ""
    """What is read before the question."""
    question: str = ""
    delimiter: str = " "
    """Between the question and a choice."""
    choices: tuple[str, ...] = ()
    gold: int | None = None
    """The number of the right choice."""
    answers: tuple[str, ...] = ()
    """All that are right, where there are no choices."""
    parallel_id: str | None = None
    """The same content has the same in every language. Several of a language are wordings of it."""
    passage_id: str | None = None
    """Items that share a passage are right or wrong together."""
    domain: str | None = None

    @property
    def prompt(self) -> str:
        """What stands before the delimiter and a choice, or the answer."""
        return "\n".join(part for part in (self.context, self.question) if part)


def write_items(job: Job, items: Sequence[Item]) -> None:
    """As the table ``FILE`` of a stage."""
    tables.write(job, FILE, pa.Table.from_pylist([asdict(item) for item in items], SCHEMA))


def items_of(shard: Shard) -> Iterator[Item]:
    """Those that a stage has written."""
    for row in pq.read_table(shard.file(FILE)).to_pylist():
        yield Item(**row | {name: tuple(row[name]) for name in ("choices", "answers")})
