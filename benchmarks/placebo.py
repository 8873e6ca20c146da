"""What is left of a difference that is none: 1 % of the documents left out, over seeds.

    python benchmarks/placebo.py STORE [--seeds K] [--layers N] [--tokens D]

Tiny models are trained on the demo's crawl in the eight languages with most text, with all
documents and without a lot of them, each seed once with either; and measured on the same held-out
text. Prints how the difference varies over seeds where both have the same seed, and what it would
where they had others. STORE keeps the artifacts; the first time, text and tokens take a minute.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

import bedstone
from bedstone.lots import lot
from bedstone.model import hugging_face
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find
from bedstone.tokenizer.mixing.shares import shares_of, temperature_demands
from bedstone.tokenizer.stored.tokens import numbers_in, read_arrays

LANGUAGES, LEFT_OUT_SHARE, VOCABULARY = 8, 0.01, 512
LENGTH, ROWS, MEASURED_TOKENS = 128, 8, 60_000
SHAPE = {"d_model": 32, "n_heads": 2, "n_kv_heads": 1, "d_ff": 96, "seq_len": LENGTH}
COURSE = {
    "batch_tokens": ROWS * LENGTH,
    "learning_rate": 0.01,
    "number_format": "fp32",
    "threads": 1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=150_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    made = inputs(options.store)
    arms = [arm(made, options.store, share) for share in (0, LEFT_OUT_SHARE)]
    held_out, held_out_bytes = yardstick(made, arms[0])

    def bits(seed: int, mix: Artifact) -> float:
        config = SHAPE | COURSE | {"n_layers": options.layers, "train_tokens": options.tokens}
        seeds = {"init_seed": seed, "order_seed": seed}
        stage = find("pretrain.train")
        parents = {"tokens": made["tokens"], "mix": mix, "tokenizer": made["tokenizer"]}
        model = build(stage, stage.config(**config, **seeds), parents, options.store, Local())
        return measured(model, held_out) / held_out_bytes

    report(options.seeds, lambda seed: [bits(seed, mix) for mix in arms])


def inputs(store: Path) -> dict[str, Artifact]:
    """The recipe's nodes up to the mix."""
    crawl = Path(bedstone.build("corpus.crawl", store=store)["artifact"])
    sets = [f"tokenizer.vocab_size={VOCABULARY}"]
    nodes = bedstone.run("demo", {"crawl": [crawl]}, sets=sets, until="mix", store=store)["nodes"]
    return {name: Artifact(Path(path)) for name, path in nodes.items()}


def arm(made: dict[str, Artifact], store: Path, left_out_share: float) -> Artifact:
    """A mix of the documents without a share of those to train on, its weights by what is left."""
    texts = json.loads(made["mix"].file("mix.json").read_text())["languages"]
    largest = sorted(texts, key=lambda name: texts[name]["train_tokens"])[-LANGUAGES:]
    sizes = {}
    for shard in made["tokens"].shards:
        columns = pq.read_table(shard.file("documents.parquet"), columns=["id", "tokens"])
        sizes |= dict(zip(*columns.to_pydict().values(), strict=True))
    tokens, rows = dict.fromkeys(largest, 0), []
    for row in pq.read_table(made["mix"].file("documents.parquet")).to_pylist():
        is_left_out = row["split"] == "train" and lot(row["id"], "placebo") < left_out_share
        if row["language"] in largest and not is_left_out:
            rows.append(row)
            tokens[row["language"]] += sizes[row["id"]] if row["split"] == "train" else 0
    documents = sum(row["split"] == "train" for row in rows)
    print(f"{documents:,} documents, {sum(tokens.values()):,} tokens", flush=True)
    weights = shares_of(temperature_demands(tokens, 2))
    folder = store / f"placebo-{left_out_share}"
    folder.mkdir(exist_ok=True)
    languages = {name: {"weight": weight} for name, weight in weights.items()}
    (folder / "mix.json").write_text(json.dumps({"languages": languages}))
    pq.write_table(pa.Table.from_pylist(rows), folder / "documents.parquet")
    return adopt([folder], store)


def yardstick(made: dict[str, Artifact], mix: Artifact) -> tuple[torch.Tensor, float]:
    """Held-out text in rows of a length and one more token, and the bytes that these stand for."""
    texts = []
    documents = pq.read_table(mix.file("documents.parquet"))
    for (name, shard), numbers in numbers_in(documents, "held_out").items():
        tokens, offsets = read_arrays(made["tokens"], shard, name)
        texts += [tokens[offsets[number] : offsets[number + 1]] for number in numbers]
    whole: NDArray[np.int64] = np.concatenate(texts).astype(np.int64)
    rows = np.lib.stride_tricks.sliding_window_view(whole, LENGTH + 1)[::LENGTH]
    shown = rows[:: -(-rows.size // MEASURED_TOKENS)]
    counted = json.loads(made["mix"].file("mix.json").read_text())["languages"]
    held = [counted[name] for name in json.loads(mix.file("mix.json").read_text())["languages"]]
    bytes_per_token = sum(it["held_out_bytes"] for it in held) / len(whole)
    return torch.from_numpy(shown.copy()), shown[:, 1:].size * bytes_per_token


def measured(made: Artifact, rows: torch.Tensor) -> float:
    """The bits that a model takes to write the rows."""
    model = hugging_face.load(made.path)
    nats = sum(model.nats(it[:, :-1], it[:, 1:]).double().sum().item() for it in rows.split(64))
    return float(nats / np.log(2))


def report(seeds: int, bits_of: Callable[[int], list[float]]) -> None:
    both = []
    for seed in range(seeds):
        whole, less = bits_of(seed)
        both.append((whole, less))
        print(f"seed {seed}: {whole:.4f} bits a byte with all, {less:.4f} without some", flush=True)
    differences = [less - whole for whole, less in both]
    apart = sum(stdev(each) ** 2 for each in zip(*both, strict=True)) ** 0.5
    print(f"difference {mean(differences):+.4f} bits a byte, of {seeds} seeds; its deviation:")
    print(f"  with the same seed   {stdev(differences):.4f}")
    print(f"  with another seed    {apart:.4f}")


if __name__ == "__main__":
    main()
