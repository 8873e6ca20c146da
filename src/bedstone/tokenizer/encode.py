"""Stage tokenizer.encode: encode the kept documents, language by language. No mix is decided.

Reads   ``documents``, ``language``, ``kept``: a shard of the same documents; without the last, all
        are kept; ``tokenizer``
Writes  for each language that the shard has, its documents one after the other:
        ``<language>.tokens.npy`` (uint16, or uint32 for a vocabulary that needs it) and
        ``<language>.offsets.npy`` (int64, one more than documents: where each begins, and the
        end). Each document ends in the end-of-text token.
        ``documents.parquet``: ``id``, ``language``, ``bytes``, ``tokens``, in the arrays' order,
        language by language.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bedstone.config import Config
from bedstone.store import tables
from bedstone.store.artifact import File
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, Encoder
from bedstone.tokenizer.stored.kept import read_kept, text_bytes


class EncodeConfig(Config):
    """Nothing to choose: the tokeniser decides."""


def run(config: EncodeConfig, job: Job) -> Result:
    """Encode one shard, language by language, going on after those that are there."""
    encoder = Encoder.stored(job.inputs["tokenizer"])
    table = read_kept(job.inputs["documents"], job.inputs["language"], job.inputs.get("kept"))
    table = table.append_column("bytes", pa.array(text_bytes(table), pa.int64()))
    names = sorted(pc.unique(table["language"]).to_pylist())
    files: list[File] = []
    done = [table.schema.empty_table().append_column("tokens", pa.array([], pa.int64()))]
    with job.progress.task("documents", table.num_rows) as task:
        for name in names:
            part = table.filter(pc.equal(table["language"], name))
            files += encode_language(name, part, encoder, job)
            done.append(part.append_column("tokens", _lengths(job.folder / files[-1].path)))
            task.advance(part.num_rows)
    encoded = pa.concat_tables(done).select(["id", "language", "bytes", "tokens"])
    files.append(tables.write(job, "documents.parquet", encoded))
    return Result(_counts(encoded), tuple(files))


def encode_language(name: str, part: pa.Table, encoder: Encoder, job: Job) -> list[File]:
    """Write one language's tokens, then its offsets, unless both are there; their records."""
    tokens_file, offsets_file = f"{name}.tokens.npy", f"{name}.offsets.npy"
    if not job.has(offsets_file):
        dtype, end = token_type(encoder.vocab_size), encoder.special[END]
        texts = part["text"].to_pylist()
        documents = [np.array([*encoder.encode(text), end], dtype) for text in texts]
        with job.part(tokens_file) as path:
            _save(path, np.concatenate(documents))
        with job.part(offsets_file) as path:
            _save(path, np.cumsum([0, *map(len, documents)], dtype=np.int64))
    return [job.record(tokens_file), job.record(offsets_file)]


def token_type(vocab_size: int) -> type[np.unsignedinteger[Any]]:
    """The smaller of the two integer types that ids are stored in, if it can hold them all."""
    return np.uint16 if vocab_size <= 2**16 else np.uint32


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:  # numpy would change the name
        np.save(file, array)


def _lengths(offsets: Path) -> pa.Array:
    return pa.array(np.diff(np.load(offsets)))


def _counts(encoded: pa.Table) -> Metrics:
    totals = {name: pc.sum(encoded[name], min_count=0).as_py() for name in ("bytes", "tokens")}
    return {
        "encoded_documents": encoded.num_rows,
        "encoded_bytes": totals["bytes"],
        "encoded_tokens": totals["tokens"],
    }


def with_rates(sums: Metrics) -> Metrics:
    """The sums, and how many bytes a token stands for; 0 without tokens."""
    return {**sums, "bytes_per_token": sums["encoded_bytes"] / max(sums["encoded_tokens"], 1)}


STAGE = Stage(
    "tokenizer.encode",
    version=1,
    config=EncodeConfig,
    inputs=("documents", "language", "tokenizer"),
    optional=("kept",),
    run=run,
    libraries=("pyarrow", "tiktoken"),
    sharded=("documents", "language", "kept"),
    total=with_rates,
)
