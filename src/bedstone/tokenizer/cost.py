"""Stage tokenizer.cost: count what each language pays for the same content.

Reads   ``tokenizer``: any; ``yardstick``: what corpus.yardstick made, one text a language, or what
        corpus.parallel made, pieces of content beside their English, from one text or several
Writes  ``languages.parquet``: of each language, by the first ``text`` that it is in, ``tokens``,
        ``unknown_tokens`` (that stand for what the tokeniser cannot spell), ``bytes``,
        ``characters`` and ``words`` of its text;
        ``english_tokens`` of the same content; ``premium``, the tokens over those; ``lost_share``
        of the text's characters that its tokens do not give back, unknown ones nothing, where
        white space, case and Unicode's compatible forms do not matter; ``spelt``: whether that is
        next to nothing; ``premium_low`` and ``premium_high``, the range over all texts
        ``texts/languages.parquet``: the same without the range, of each language in each text

A text is its paragraphs joined by one space, without what breaks its lines; each piece of content
is encoded by itself. One text is one style: another may say the same in a third fewer tokens, so
the range is over the texts that there are. Of all but the first, pieces are taken by lot.

The metrics are of the first text. ``tokens_mean`` and ``tokens_max`` are of all its content, in
English times the premium. ``gini`` is that of the premiums, English included: 0 if all languages
pay the same. What is lost costs no token: languages that are not ``spelt`` look cheap, and are in
none of these.

Without an English text there is nothing to compare with: the table is empty then, and the metric
``yardstick_languages`` is 0. A crawl need not hold a yardstick. Where English itself is not
``spelt``, there is a table, and nothing in sum.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from statistics import fmean, median
from unicodedata import normalize

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.sources.catalogue import SOURCES
from bedstone.corpus.sources.parallel_texts import NAMES
from bedstone.errors import DataError
from bedstone.languages import ENGLISH
from bedstone.lots import lot
from bedstone.store import tables
from bedstone.store.artifact import Shard
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text import any_encoder
from bedstone.text.codes import texts_of
from bedstone.text.encoder import Tokeniser
from bedstone.text.words import spaced_words_of

PARALLEL = "parallel.parquet"
YARDSTICK = "yardstick"
"""What a text of corpus.yardstick is called that no source is known of."""
BY_TEXT = pa.schema(
    {
        "text": pa.string(),
        "language": pa.string(),
        "tokens": pa.int64(),
        "unknown_tokens": pa.int64(),
        "bytes": pa.int64(),
        "characters": pa.int64(),
        "words": pa.float64(),
        "english_tokens": pa.int64(),
        "premium": pa.float64(),
        "lost_share": pa.float64(),
        "spelt": pa.bool_(),
    }
)
SCHEMA = pa.unify_schemas(
    [BY_TEXT, pa.schema({"premium_low": pa.float64(), "premium_high": pa.float64()})]
)
LOST_SHARE = 0.001
"""A text of which less is lost is spelt: a rare sign that a tokeniser lacks changes no count. Our
choice."""

Pairs = list[tuple[str, str]]
"""The pieces of content in a language, each with its English."""
Contents = dict[str, dict[str, Pairs]]
"""By text and language."""


class CostConfig(Config):
    """Which texts count as the same content."""

    max_line_ratio: float = Field(1.25, ge=1)
    """A text of corpus.yardstick with so many times the English text's lines, or so many times
    fewer, is not compared: it is partial or set otherwise. Characters tell less: a complete
    Chinese text has a quarter of the English ones."""
    min_content_share: float = Field(0.05, ge=0, le=1)
    """Of a text of corpus.parallel, in bytes of its English: a language that has less of it is not
    compared."""
    other_texts_bytes: int = Field(65_536, ge=0, le=2**30)
    """Of English, that are taken of each text but the first."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a language pays."""

    text: str
    language: str
    tokens: int
    unknown_tokens: int
    bytes: int
    characters: int
    words: float
    english_tokens: int
    premium: float
    lost_share: float
    spelt: bool


@dataclass(frozen=True, slots=True)
class Count:
    """What texts are in tokens."""

    tokens: int
    unknown: int
    lost_share: float


def run(config: CostConfig, job: Job) -> Result:
    """Encode the comparable texts and relate each to its English.

    Raises:
        DataError: the tokeniser gives no token for English.
    """
    encoder = any_encoder.load(job.inputs["tokenizer"])
    contents, left_out = _contents(job.inputs["yardstick"], config)
    english_tokens = cache(lambda text: len(encoder.encode(text)))
    counted: dict[str, dict[str, Row]] = {}
    with job.progress.task("languages", sum(map(len, contents.values()))) as task:
        for name, text in contents.items():
            counted[name] = {}
            for language, pairs in sorted(text.items()):
                english = sum(english_tokens(ours) for _, ours in pairs)
                if not english:
                    raise DataError(
                        f"{job.inputs['tokenizer'].location} gives no token for English text: "
                        "there is nothing to compare with"
                    )
                texts = [each for each, _ in pairs]
                counted[name][language] = _row(name, language, texts, english, encoder)
                task.advance()
    rows = [row for text in counted.values() for row in text.values()]
    tables.write(
        job, "texts/languages.parquet", pa.Table.from_pylist([asdict(row) for row in rows], BY_TEXT)
    )
    tables.write(job, "languages.parquet", pa.Table.from_pylist(_ranges(rows), SCHEMA))
    first = next(iter(counted.values()), {})
    counts = {
        "yardstick_languages": len(first),
        "incomparable_languages": left_out,
        "texts": len(counted),
        "unspelt_languages": sum(not row.spelt for row in first.values()),
        "vocabulary_tokens": encoder.vocab_size,
    }
    return Result({**counts, **_summary(first)})


def _ranges(rows: Sequence[Row]) -> list[dict[str, str | float]]:
    """Each language's first row, with the range of the premiums of all; those that lose, alone."""
    of_language: dict[str, list[Row]] = {}
    for row in rows:
        of_language.setdefault(row.language, []).append(row)
    found = []
    for _, (first, *others) in sorted(of_language.items()):
        premiums = [first.premium, *(row.premium for row in others if row.spelt)]
        limits = {"premium_low": min(premiums), "premium_high": max(premiums)}
        found.append(asdict(first) | limits)
    return found


def comparable(texts: dict[str, str], max_line_ratio: float) -> dict[str, str]:
    """The texts with about as many lines as the English one; none without it."""
    if ENGLISH not in texts:
        return {}
    english_lines = len(_lines(texts[ENGLISH])) or 1
    return {
        name: text
        for name, text in texts.items()
        if 1 / max_line_ratio <= (len(_lines(text)) or 1) / english_lines <= max_line_ratio
    }


def gini(values: Sequence[float]) -> float:
    """How unevenly ``values`` are spread: 0 if they are equal, towards 1 if one has all.

    Half the mean difference of all pairs, over the mean.
    """
    ordered = sorted(values)
    ranks = range(1, len(ordered) + 1)
    weighted = sum(rank * value for rank, value in zip(ranks, ordered, strict=True))
    return 2 * weighted / (len(ordered) * sum(ordered)) - (len(ordered) + 1) / len(ordered)


def _contents(yardstick: Shard, config: CostConfig) -> tuple[Contents, int]:
    """What is compared; and how many languages of the first text are not."""
    if any(path.name == PARALLEL for path in yardstick.files):
        return _of_parallel(yardstick, config)
    table = pq.read_table(yardstick.file("yardstick.parquet"))
    texts = dict(zip(table["language"].to_pylist(), table["text"].to_pylist(), strict=True))
    compared = {
        name: " ".join(_lines(text))
        for name, text in comparable(texts, config.max_line_ratio).items()
    }
    pairs = {name: [(text, compared[ENGLISH])] for name, text in compared.items()}
    return ({_name(table): pairs} if pairs else {}), len(texts) - len(compared)


def _name(yardstick: pa.Table) -> str:
    """What corpus.parallel calls the text that lies below the URLs of a yardstick."""
    urls = yardstick["url"].to_pylist()
    below = (name for name in NAMES if all(url.startswith(SOURCES[name].urls) for url in urls))
    return next(below, YARDSTICK)


def _of_parallel(parallel: Shard, config: CostConfig) -> tuple[Contents, int]:
    columns = tables.read(parallel, ["source", "language", "unit", "text", "english"]).columns
    rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
    taken: dict[str, set[str]] = {}
    for source in dict.fromkeys(row[0] for row in rows):
        english = {
            unit: text for name, key, unit, text, _ in rows if (name, key) == (source, ENGLISH)
        }
        taken[source] = _by_lot(english, config.other_texts_bytes) if taken else set(english)
    contents: Contents = {}
    for source, language, unit, *pair in rows:
        if unit in taken[source]:
            contents.setdefault(source, {}).setdefault(language, []).append((pair[0], pair[1]))
    compared, left_out = {}, []
    for name, text in contents.items():
        sizes = {
            language: sum(len(english.encode()) for _, english in pairs)
            for language, pairs in text.items()
        }
        least = config.min_content_share * sizes.get(ENGLISH, 0)
        compared[name] = {each: pairs for each, pairs in text.items() if sizes[each] >= least}
        left_out.append(len(text) - len(compared[name]))
    return compared, left_out[0] if left_out else 0


def _by_lot(units: Mapping[str, str], limit_bytes: int) -> set[str]:
    """Units of ``limit_bytes`` of text, or all."""
    taken, size = set(), 0
    for unit in sorted(units, key=lambda name: lot(name, "tokenizer.cost")):
        if size >= limit_bytes:
            break
        taken.add(unit)
        size += len(units[unit].encode())
    return taken


def _row(
    name: str, language: str, texts: Sequence[str], english_tokens: int, encoder: Tokeniser
) -> Row:
    found = _count(encoder, texts)
    return Row(
        text=name,
        language=language,
        tokens=found.tokens,
        unknown_tokens=found.unknown,
        bytes=sum(len(text.encode()) for text in texts),
        characters=sum(map(len, texts)),
        words=float(spaced_words_of(texts_of(texts)).weights.sum()),
        english_tokens=english_tokens,
        premium=found.tokens / english_tokens,
        lost_share=found.lost_share,
        spelt=found.lost_share < LOST_SHARE,
    )


def _count(encoder: Tokeniser, texts: Sequence[str]) -> Count:
    tokens = unknown = 0
    characters, given_back = Counter[str](), Counter[str]()
    for text in texts:
        ids = encoder.encode(text)
        known = [number for number in ids if number != encoder.unknown]
        tokens += len(ids)
        unknown += len(ids) - len(known)
        characters.update(_alike(text))
        given_back.update(_alike(encoder.decode(known)))
    lost = (characters - given_back).total()
    return Count(tokens, unknown, lost / max(characters.total(), 1))


def _alike(text: str) -> str:
    """The same for texts that differ in white space, case and compatible forms only."""
    return "".join(normalize("NFKC", text).casefold().split())


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _summary(rows: dict[str, Row]) -> Metrics:
    spelt = {name: row.premium for name, row in rows.items() if row.spelt}
    if ENGLISH not in spelt:
        return {}
    premiums = list(spelt.values())
    content = rows[ENGLISH].tokens
    others = [premium for name, premium in spelt.items() if name != ENGLISH]
    of_others = {"premium_median": median(others), "premium_max": max(others)} if others else {}
    return {
        **of_others,
        "tokens_mean": content * fmean(premiums),
        "tokens_max": content * max(premiums),
        "gini": gini(premiums),
    }


STAGE = Stage(
    "tokenizer.cost",
    version=4,
    config=CostConfig,
    inputs=("tokenizer", "yardstick"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "tokenizers"),
)
