"""Small documents of three languages in two shards, and the stages built on them once."""

from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tokenizer.encode import STAGE as ENCODE
from bedstone.tokenizer.encode import EncodeConfig
from bedstone.tokenizer.train import STAGE as TRAIN
from bedstone.tokenizer.train import TrainConfig

ENGLISH = "The patient scholar of page {} measured the silver river in the northern village."
HINDI = "पृष्ठ {} का शिक्षक उस गाँव के विद्यालय को जानता है।"
SHARDS = [
    {
        **{f"e{n:02}": ("eng_Latn", ENGLISH.format(n), True) for n in range(30)},
        "dropped": ("eng_Latn", "zzzzqq " * 400, False),
        "empty": ("und", "", True),
    },
    {
        **{f"h{n:02}": ("hin_Deva", HINDI.format(n), True) for n in range(20)},
        "e99": ("eng_Latn", "One more, of the second shard.", True),
        "n00": ("nob_Latn", "En stille elv i en liten by.", True),
    },
]


@pytest.fixture(scope="session")
def drawn(made, tmp_path_factory):
    """In the place of ``held_out``: where documents of English and Hindi are held out."""
    splits = {
        **{f"{letter}{n:02}": "held_out" for letter in "eh" for n in range(3)},
        **dict.fromkeys(("e03", "h03"), "near"),
        "e04": "yardstick",
        "dropped": "held_out",
    }
    tables = [
        {"id": list(shard), "split": [splits.get(name, "train") for name in shard]}
        for shard in SHARDS
    ]
    return adopted(tmp_path_factory.mktemp("drawn") / "held_out", made.store, tables)


def adopted(folder, store, tables):
    folder.mkdir()
    for number, table in enumerate(tables):
        pq.write_table(pa.table(table), folder / f"{number:05}.parquet")
    return adopt([folder], store)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The inputs by role, and of the stages on them ``tokenizer`` and ``tokens``."""
    top = tmp_path_factory.mktemp("tokenizer")
    store = top / "store"
    ids = [list(shard) for shard in SHARDS]
    languages, texts, kept = (
        [[row[column] for row in shard.values()] for shard in SHARDS] for column in range(3)
    )
    columns = {
        "documents": [
            {"id": i, "text": pa.array(t, pa.large_string())}
            for i, t in zip(ids, texts, strict=True)
        ],
        "language": [{"id": i, "language": v} for i, v in zip(ids, languages, strict=True)],
        "kept": [{"id": i, "keep": v} for i, v in zip(ids, kept, strict=True)],
        "held_out": [{"id": i, "split": ["train"] * len(i)} for i in ids],
    }
    inputs = {role: adopted(top / role, store, tables) for role, tables in columns.items()}
    tokenizer = build(TRAIN, TrainConfig(vocab_size=320), inputs, store, Local())
    to_encode = {role: inputs[role] for role in ("documents", "language", "kept")}
    to_encode["tokenizer"] = tokenizer
    tokens = build(ENCODE, EncodeConfig(), to_encode, store, Local())
    return SimpleNamespace(
        **inputs,
        tokenizer=tokenizer,
        tokens=tokens,
        inputs=inputs,
        to_encode=to_encode,
        store=store,
    )
