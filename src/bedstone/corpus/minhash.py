"""Stage corpus.minhash: sign each document for the search for duplicates.

Reads   ``documents``
Writes  ``signatures.parquet``: ``id``, ``exact`` (16 bytes, equal for equal texts),
        ``signature`` (the MinHash; null for a text of fewer words than a shingle), ``characters``
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from bedstone.config import Config
from bedstone.corpus import columns
from bedstone.corpus.signatures import exact_digest, signature_of
from bedstone.corpus.words import Hashes
from bedstone.stage import Job, Result, Stage


class MinhashConfig(Config):
    """The signature: what counts as similar is for corpus.dedup to say."""

    functions: int = Field(default=112, gt=0)
    """Positions of a signature; more estimate the similarity better."""
    shingle_words: int = Field(default=5, gt=0)
    seed: int = Field(default=1, ge=0, lt=1 << 32)


def run(config: MinhashConfig, job: Job) -> Result:
    """Sign the documents of one shard."""
    documents = columns.read(job.inputs["documents"], ["id", "text"])
    texts = [text.as_py() for text in documents["text"]]
    signed = [
        signature_of(text, config.functions, config.seed, config.shingle_words) for text in texts
    ]
    table = pa.table(
        {
            "id": documents["id"],
            "exact": pa.array([exact_digest(text) for text in texts], pa.binary(16)),
            "signature": _signatures(signed, config.functions),
            "characters": pc.cast(pc.utf8_length(documents["text"]), pa.int64()),
        }
    )
    file = columns.write(job, "signatures.parquet", table)
    short = sum(signature is None for signature in signed)
    return Result({"input_documents": len(texts), "unsigned_documents": short}, (file,))


def _signatures(signed: list[Hashes | None], functions: int) -> pa.FixedSizeListArray:
    empty = np.zeros(functions, np.uint64)
    rows = [empty if signature is None else signature for signature in signed]
    values = np.concatenate(rows) if rows else empty[:0]
    absent = pa.array([signature is None for signature in signed], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(values), functions, mask=absent)


STAGE = Stage(
    "corpus.minhash",
    version=1,
    config=MinhashConfig,
    inputs=("documents",),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents",),
)
