"""What posttrain.tasks writes of every task; see test_tokenizer_and_plan.py."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bedstone.posttrain.tasks import STAGE, TasksConfig
from bedstone.store.build import build
from bedstone.store.engine import Local

TASKS = (
    *("sums", "factoring", "countdown", "reversing", "sorting", "brackets"),
    *("json", "dates", "number-words", "unanswerable"),
)


def test_output_is_that_of_this_version(store):
    config = TasksConfig(tasks=TASKS, problems=5, held_out_share=0.3)
    made = build(STAGE, config, {}, store, Local())
    rows = pq.read_table(made.file("problems.parquet")).to_pylist()
    ours = {"metrics": made.manifest.metrics, "rows": rows}
    path = Path(__file__).with_name(f"{STAGE.name}.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
