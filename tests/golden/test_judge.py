"""What posttrain.judge makes of given answers; see test_tokenizer_and_plan.py."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.posttrain.judge import STAGE, JudgeConfig
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local

TEXTS = (
    "The river was long and cold.",
    "The river was long and",
    "नदी लंबी और ठंडी थी, ऐसा कहते हैं।",
    "Cold.",
)


def test_output_is_that_of_this_version(store, tmp_path):
    pairs = [
        {"id": f"page {n // 2}", "language": "eng_Latn", "prompt": f"Heading {n}"}
        | {"completion": f"River {n}.", "split": "held_out" if n > 7 else "train"}
        for n in range(10)
    ]
    answers = [
        {"prompt": f"Heading {n}", "text": TEXTS[(n + sample) % len(TEXTS)]}
        | {"token_ids": list(range(3 + (5 * n + 7 * sample) % 11))}
        | {"finish_reason": "length" if (n + sample) % 5 == 0 else "stop"}
        for n in range(8)
        for sample in range(3)
    ]
    for name, rows in (("pairs", pairs), ("answers", answers)):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    inputs = {name: adopt([tmp_path / f"{name}.parquet"], store) for name in ("pairs", "answers")}
    made = build(STAGE, JudgeConfig(max_pairs=5, held_out_share=0.6), inputs, store, Local())
    rows = pq.read_table(made.file("preferences.parquet")).to_pylist()
    ours = {"metrics": made.manifest.metrics, "rows": rows}
    path = Path(__file__).with_name(f"{STAGE.name}.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
