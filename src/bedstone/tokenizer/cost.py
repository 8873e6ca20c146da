"""Stage tokenizer.cost: what each language pays for the same content, on the yardstick's texts.

Reads   ``tokenizer``, ``yardstick``: one text of the same content a language
Writes  ``languages.parquet``: ``language``, ``tokens``, ``bytes``, ``characters``, and
        ``premium``, the tokens over those of English

Without an English text there is nothing to compare with: the table is empty then, and the metric
``yardstick_languages`` is 0. A crawl need not hold a yardstick.
"""

from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus import columns
from bedstone.languages import ENGLISH
from bedstone.stage import Job, Metrics, Result, Stage
from bedstone.tokenizer.encoding import FILE, Encoder

SCHEMA = pa.schema(
    {
        "language": pa.string(),
        "tokens": pa.int64(),
        "bytes": pa.int64(),
        "characters": pa.int64(),
        "premium": pa.float64(),
    }
)


class CostConfig(Config):
    """Which texts count as the same content."""

    max_line_ratio: float = Field(1.25, ge=1)
    """A text with so many times the English text's lines, or so many times fewer, is not
    compared: it is partial or set otherwise. Characters tell less: a complete Chinese text has a
    quarter of the English ones."""


def run(config: CostConfig, job: Job) -> Result:
    """Encode the comparable texts and relate each to English."""
    encoder = Encoder.load(job.inputs["tokenizer"].file(FILE).parent)
    table = pq.read_table(job.inputs["yardstick"].file("yardstick.parquet"))
    texts = dict(zip(table["language"].to_pylist(), table["text"].to_pylist(), strict=True))
    compared = comparable(texts, config.max_line_ratio)
    tokens = {name: len(encoder.encode(text)) for name, text in sorted(compared.items())}
    premiums = {name: count / tokens[ENGLISH] for name, count in tokens.items()}
    rows = {
        "language": list(tokens),
        "tokens": list(tokens.values()),
        "bytes": [len(compared[name].encode()) for name in tokens],
        "characters": [len(compared[name]) for name in tokens],
        "premium": list(premiums.values()),
    }
    columns.write(job, "languages.parquet", pa.table(rows, SCHEMA))
    others = [premium for name, premium in premiums.items() if name != ENGLISH]
    counts = {
        "yardstick_languages": len(tokens),
        "incomparable_languages": len(texts) - len(tokens),
    }
    return Result({**counts, **_summary(others)})


def comparable(texts: dict[str, str], max_line_ratio: float) -> dict[str, str]:
    """The texts with about as many lines as the English one; none without it."""
    if ENGLISH not in texts:
        return {}
    english_lines = _line_count(texts[ENGLISH])
    return {
        name: text
        for name, text in texts.items()
        if 1 / max_line_ratio <= _line_count(text) / english_lines <= max_line_ratio
    }


def _line_count(text: str) -> int:
    return sum(map(bool, map(str.strip, text.splitlines()))) or 1


def _summary(premiums: list[float]) -> Metrics:
    if not premiums:
        return {}
    return {"premium_median": median(premiums), "premium_max": max(premiums)}


STAGE = Stage(
    "tokenizer.cost",
    version=1,
    config=CostConfig,
    inputs=("tokenizer", "yardstick"),
    run=run,
    libraries=("pyarrow", "tiktoken"),
)
