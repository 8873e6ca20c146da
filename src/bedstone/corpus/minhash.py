"""Stage corpus.minhash: sign each document for the search for duplicates.

Reads   ``documents``
Writes  ``signatures.parquet``: ``id``, ``exact`` (bytes that are equal for equal texts),
        ``characters``, and the MinHash in bands ``band_00``, ``band_01`` ..., each a column of its
        own, so that corpus.dedup reads them one at a time: numbers of 64 bits, the lower byte
        first; null for a text shorter than a shingle
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus.duplicates.signatures import BAND, signed
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.store import tables
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import batches
from bedstone.text.composition import composed


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
    ids = tables.read(job.inputs["documents"], ["id"])["id"]
    characters = [np.empty(0, np.int64)]
    exact = [np.empty((0, 2), np.uint64)]
    least = [np.empty((0, functions), np.uint64)]
    is_signed = [np.empty(0, np.bool_)]
    for group in row_groups(job.inputs["documents"], ("text",)):
        characters.append(pc.cast(pc.utf8_length(group["text"]), pa.int64()).to_numpy())
        for texts in batches(composed(text.as_py()) for text in group["text"]):
            batch = signed(texts, functions, config.seed, config.shingle_words)
            exact.append(batch.exact)
            least.append(batch.least)
            is_signed.append(batch.is_signed)
    whole = np.concatenate(least)
    present = np.concatenate(is_signed)
    table = pa.table(
        {
            "id": ids,
            "exact": tables.of_numbers(np.concatenate(exact)),
            "characters": np.concatenate(characters),
        }
        | {
            f"{BAND}{band:02}": tables.of_numbers(whole[:, first : first + config.rows], present)
            for band, first in enumerate(range(0, functions, config.rows))
        }
    )
    file = tables.write(job, "signatures.parquet", table)
    metrics: Metrics = {
        "input_documents": len(present),
        "unsigned_documents": int((~present).sum()),
    }
    return Result(metrics, (file,))


STAGE = Stage(
    "corpus.minhash",
    version=2,
    config=MinhashConfig,
    inputs=("documents",),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents",),
)
