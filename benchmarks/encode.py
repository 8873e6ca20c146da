"""Bulk encoding by tiktoken against Hugging Face tokenizers, from one ``tokenizer.json``.

    python benchmarks/encode.py TOKENIZER_FOLDER DOCUMENTS.parquet [--rounds N]

One thread each, interleaved; every document's ids are compared first.
"""

import argparse
import os
from pathlib import Path

import pyarrow.parquet as pq
from timing import cpu_seconds
from tokenizers import Tokenizer

from bedstone.text.encoder import Encoder


def main() -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=3000)
    words = parser.parse_args()
    table = pq.read_table(words.documents, columns=["text"])
    texts = table["text"].slice(0, words.texts).to_pylist()
    ours, theirs = (
        Encoder.load(words.tokenizer),
        Tokenizer.from_file(str(words.tokenizer / "tokenizer.json")),
    )
    encoded = theirs.encode_batch_fast(texts, add_special_tokens=False)
    differing = sum(
        ours.encode(text) != each.ids for text, each in zip(texts, encoded, strict=True)
    )
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents, {megabytes:.1f} MB, {differing} with other ids")
    ways = {
        "tiktoken": lambda: [ours.encode(text) for text in texts],
        "tokenizers": lambda: theirs.encode_batch_fast(texts, add_special_tokens=False),
    }
    seconds = cpu_seconds(ways, words.rounds)
    for name, taken in seconds.items():
        print(f"  {name:12} {megabytes / taken:6.1f} MB a CPU second")
    print(f"  ratio        {seconds['tokenizers'] / seconds['tiktoken']:6.1f}x")


if __name__ == "__main__":
    main()
