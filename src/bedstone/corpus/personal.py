"""Stage corpus.personal: find identifiers of persons: email, IP, phone, accounts, national numbers.

Reads   ``documents``; ``language``, which with the host says whose national phone numbers to seek
Writes  ``personal.parquet``: ``id``; ``characters`` of the text; ``spans``, each with ``start`` and
        ``end`` in characters, ``kind``, and the ``country`` of a phone number; ``personal``, how
        many there are. The values are nowhere: who has the text has them.
        ``about/hits.parquet``: for each language and kind, and for ``any`` kind, the ``characters``
        of the language, the ``documents`` with a hit, the ``hits``, and ``examples`` of their
        shape: digits as 0, letters as x
        ``about/planted.parquet``: for each language and kind what was ``planted`` in some of the
        texts, ``found`` of it, and ``taken`` for it: look-alikes and other kinds

What is found is no judgement: the usual limit is corpus.filter's
``limits.personal.personal = { high = 20 }``, above which a document is a directory of persons or
firms; corpus.redact takes the spans out. Names and addresses are not found.

``corpus.personal_data.spans`` says what counts as each kind, ``planting`` how recall is measured.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain, islice, repeat, zip_longest

import pyarrow as pa
from pydantic import field_validator

from bedstone.config import Config
from bedstone.corpus.personal_data.countries import country_of
from bedstone.corpus.personal_data.national_numbers import KINDS, Kind
from bedstone.corpus.personal_data.planting import Count, Document, tried
from bedstone.corpus.personal_data.spans import Span, found
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.languages import UNKNOWN
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import ABOUT
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.uncertainty.intervals import wilson

SPAN = pa.struct(
    [("start", pa.int32()), ("end", pa.int32()), ("kind", pa.string()), ("country", pa.string())]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("characters", pa.int32()),
        ("spans", pa.list_(SPAN)),
        ("personal", pa.int32()),
    ]
)
WHOSE = [("language", pa.string()), ("kind", pa.string())]
NUMBERS = ("characters", "documents", "hits")
HITS = pa.schema(
    [*WHOSE, *((name, pa.int64()) for name in NUMBERS), ("examples", pa.list_(pa.string()))]
)
PLANTED = pa.schema([*WHOSE, *((name, pa.int64()) for name in ("planted", "found", "taken"))])
EXAMPLES = 3
"""Shapes of each language and kind: the first."""
TRIED = 32
"""Documents of a shard in which identifiers are planted."""
TRIED_CHARACTERS = 2_000
"""Of each, from its beginning."""
ANY = "any"
"""The kind that stands for all of them in the table of hits."""
Key = tuple[str, str]
Drawn = tuple[float, Document]


class PersonalConfig(Config):
    """What is sought."""

    kinds: tuple[Kind, ...] = KINDS
    """Those left out are neither found nor planted."""

    @field_validator("kinds")
    @classmethod
    def _each_once(cls, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if not kinds or len(set(kinds)) < len(kinds):
            raise ValueError("name one kind at least, and each once")
        return kinds


@dataclass
class Hits:
    """What was found so far, by language and kind, and documents drawn to plant in."""

    texts: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)
    documents: Counter[Key] = field(default_factory=Counter)
    spans: Counter[Key] = field(default_factory=Counter)
    examples: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    drawn: dict[str, list[Drawn]] = field(default_factory=lambda: defaultdict(list))

    def add(self, document: Document, spans: Sequence[Span]) -> None:
        """Count what one document has."""
        name, _, language, text = document
        self.texts[language] += 1
        self.characters[language] += len(text)
        self.documents.update({(language, kind) for it in spans for kind in (it.kind, ANY)})
        self.spans[language, ANY] += len(spans)
        for span in spans:
            self.spans[language, span.kind] += 1
            examples = self.examples[language, span.kind]
            shape = masked(text[span.start : span.end])
            if len(examples) < EXAMPLES and shape not in examples:
                examples.append(shape)
        drawn = self.drawn[language]
        drawn.append((lot(name, "planted"), document._replace(text=text[:TRIED_CHARACTERS])))
        if len(drawn) > 2 * TRIED:
            self.drawn[language] = nsmallest(TRIED, drawn)

    def of(self, counts: Counter[Key], wanted: str) -> int:
        """How many of a kind, in all languages."""
        return sum(number for (_, kind), number in counts.items() if kind == wanted)

    def to_try(self) -> list[Document]:
        """``TRIED`` documents with the least lots, of each language one in turn, largest first."""
        ordered = sorted(self.texts, key=lambda it: (-self.texts[it], it))
        columns = ([document for _, document in sorted(self.drawn[it])] for it in ordered)
        in_turns = chain.from_iterable(zip_longest(*columns))
        return list(islice(filter(None, in_turns), TRIED))

    def table(self) -> pa.Table:
        """A row for each language, and for each kind that it has a hit of."""
        rows = (
            (*key, self.characters[key[0]], self.documents[key], number, self.examples[key])
            for key, number in sorted(self.spans.items())
        )
        return _table(rows, HITS)


def _table(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, it, strict=True)) for it in rows], schema)


def run(config: PersonalConfig, job: Job) -> Result:
    """Find those of one shard."""
    documents, hits = job.inputs["documents"], Hits()
    languages = _languages(job)
    with tables.writing(job, "personal.parquet", SCHEMA) as written:
        for group in row_groups(documents, ("id", "url", "text")):
            columns = [group[name].to_pylist() for name in ("id", "url", "text")]
            for name, url, text in zip(*columns, strict=True):
                document = Document(name, url or "", next(languages), text)
                country = country_of(document.url, document.language)
                spans = found(text, country, config.kinds)
                hits.add(document, spans)
                told = [span._asdict() for span in spans]
                written.append((name, len(text), told, len(told)))
    planted = tried(hits.to_try(), config.kinds)
    table = _table(((*key, *counts) for key, counts in sorted(planted.items())), PLANTED)
    return Result(
        _metrics(config, hits, planted.values()),
        (
            job.record("personal.parquet"),
            tables.write(job, f"{ABOUT}/hits.parquet", hits.table()),
            tables.write(job, f"{ABOUT}/planted.parquet", table),
        ),
    )


def _languages(job: Job) -> Iterator[str]:
    """Each document's."""
    if "language" not in job.inputs:
        return repeat(UNKNOWN)
    ids = tables.read(job.inputs["documents"], ["id"])
    return iter(tables.beside(job.inputs["language"], ids, ["language"])["language"].to_pylist())


def masked(text: str) -> str:
    """The shape of an identifier: digits as 0, letters as x, and what parts them."""
    return "".join("0" if it.isdigit() else "x" if it.isalpha() else it for it in text)


def _metrics(config: PersonalConfig, hits: Hits, planted: Iterable[Count]) -> Metrics:
    sums = [sum(column) for column in zip(*planted, strict=True)] or [0, 0, 0]
    return {
        "input_documents": hits.texts.total(),
        "personal_documents": hits.of(hits.documents, ANY),
        "personal_spans": hits.of(hits.spans, ANY),
        **{f"found.{kind}_spans": hits.of(hits.spans, kind) for kind in config.kinds},
        **dict(zip(("planted_spans", "planted_found_spans", "taken_spans"), sums, strict=True)),
    }


def total(sums: Metrics) -> Metrics:
    """The shards' counts; the share of documents; recall and precision of what was planted."""
    planted, right, wrong = (
        int(sums[name]) for name in ("planted_spans", "planted_found_spans", "taken_spans")
    )
    shares = {"personal_share": sums["personal_documents"] / max(sums["input_documents"], 1)}
    if planted:
        shares |= wilson(right / planted, planted).metrics("planted_recall", "share")
    if right + wrong:
        precision = wilson(right / (right + wrong), right + wrong)
        shares |= precision.metrics("planted_precision", "share")
    return sums | shares


STAGE = Stage(
    "corpus.personal",
    version=1,
    config=PersonalConfig,
    inputs=("documents",),
    optional=("language",),
    run=run,
    libraries=("numpy", "phonenumbers", "pyarrow"),
    sharded=("documents", "language"),
    total=total,
)
