import json

import pyarrow as pa

from bedstone.corpus.controls import STAGE

FERRY = "Where did the ferryman of the lower valley keep his lantern?"
EMPTY = pa.array([], pa.string())
HOST = "Some of the boats were painted last spring, and nobody has asked why. " * 5


def test_copies_are_planted_and_stretches_drawn(table_shard, run, rows, tmp_path):
    path = tmp_path / "items.jsonl"
    texts = (FERRY, "谁看见了灯笼？", "?")
    asked = [{"id": number, "question": text} for number, text in enumerate(texts, 1)]
    path.write_text("\n".join(map(json.dumps, asked)))
    items = type("Items", (), {"files": (path,)})()
    documents = table_shard("documents", {"id": ["a", "b"], "text": [HOST, HOST]})
    result, made = run(STAGE, documents=documents, items=items)
    assert result.metrics == {
        "input_items": 3,
        "empty_items": 1,
        "planted_copies": 2,
        "found_copies": 1,
        "control_texts": 1,
    }
    assert rows(made, "about/items.parquet") == [
        {"id": "1", "letters": 49, "width": 12, "length": 4, "ngrams": 38},
        {"id": "2", "letters": 6, "width": 8, "length": 0, "ngrams": 0},
        {"id": "3", "letters": 0, "width": 12, "length": 0, "ngrams": 0},
    ]
    (stretch,) = rows(made, "controls.parquet")
    assert (stretch["width"], stretch["length"]) == (12, 4)
    nothing = table_shard("nothing", {"id": EMPTY, "text": EMPTY})
    result, made = run(STAGE, documents=nothing, items=items)
    assert (result.metrics["planted_copies"], result.metrics["control_texts"]) == (0, 0)
