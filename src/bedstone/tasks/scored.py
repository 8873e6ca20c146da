"""How likely a model holds each choice of a test's items, as it is stored."""

import pyarrow as pa
import pyarrow.parquet as pq

from bedstone.store.artifact import Shard

SCORES = pa.schema(
    {
        "item": pa.string(),
        "choice": pa.int32(),
        "logprob": pa.float64(),
        "alone_logprob": pa.float64(),
        "tokens": pa.int32(),
        "prompt_tokens": pa.int32(),
        "is_split": pa.bool_(),
        "is_cut": pa.bool_(),
    }
)
"""A row for each choice of an item, and one for a text. ``logprob``, natural, is of delimiter and
choice after the prompt, or of a text after nothing. ``alone_logprob`` is of delimiter and choice
after nothing; null for a text, and where an endpoint does not tell it. ``tokens`` are those of the
choice. ``is_split``: a token would span the border to the prompt. ``is_cut``: the prompt has lost
its first tokens, for the model's texts are shorter."""


def scores_of(scores: Shard) -> pa.Table:
    """All rows, in the order of the items and, of each, of the choices."""
    paths = [path for path in scores.files if path.suffix == ".parquet"]
    return pa.concat_tables(pq.read_table(path) for path in sorted(paths))
