"""Stage corpus.minhash: sign each document for the search for duplicates.

Reads   ``documents``
Writes  ``signatures.parquet``: ``id``, ``exact`` (bytes that are equal for equal texts),
        ``characters``, and the MinHash in bands ``band_00``, ``band_01`` ..., each a column of its
        own, so that corpus.dedup reads them one at a time: numbers of 64 bits, the lower byte
        first; null for a text shorter than a shingle
"""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.duplicates.signatures import BAND, signed
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.codes import batches


class MinhashConfig(Config):
    """The signature. Documents that agree in one band are candidates for near-duplicates.

    Those of Jaccard similarity J are found with probability ``1 - (1 - J^rows)^bands``, which is
    half or so at ``(1 / bands)^(1 / rows)``.
    """

    bands: int = Field(default=14, gt=0, le=1_000)
    """More of them find pairs that are less alike."""
    rows: int = Field(default=8, gt=0, le=1_000)
    """Positions of a band."""
    shingle_words: int = Field(default=5, gt=0, le=1_000)
    """In a row, compared as one."""
    seed: int = Field(default=1, ge=0, lt=1 << 32)


def run(config: MinhashConfig, job: Job) -> Result:
    """Sign the documents of one shard."""
    functions = config.bands * config.rows
    bands = {f"{BAND}{band:02}": band * config.rows for band in range(config.bands)}
    schema = pa.schema(
        [("id", pa.string()), ("exact", pa.binary(16)), ("characters", pa.int64())]
        + [(name, pa.binary(8 * config.rows)) for name in bands]
    )
    counts = Counter(input_documents=0, unsigned_documents=0)
    with tables.writing(job, "signatures.parquet", schema) as written:
        for group in row_groups(job.inputs["documents"], ("id", "text")):
            made = [
                signed(texts, functions, config.seed, config.shingle_words)
                for texts in batches(group["text"])
            ]
            least = np.concatenate([batch.least for batch in made])
            present = np.concatenate([batch.is_signed for batch in made])
            columns = {
                "id": group["id"].cast(pa.string()),
                "exact": tables.of_numbers(np.concatenate([batch.exact for batch in made])),
                "characters": pc.cast(pc.utf8_length(group["text"]), pa.int64()),
            }
            for name, first in bands.items():
                columns[name] = tables.of_numbers(least[:, first : first + config.rows], present)
            written.extend(pa.table(columns, schema))
            counts.update(input_documents=len(present), unsigned_documents=int(sum(~present)))
    return Result(dict(counts), (job.record("signatures.parquet"),))


STAGE = Stage(
    "corpus.minhash",
    version=2,
    config=MinhashConfig,
    inputs=("documents",),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents",),
)
