"""What evaluation.standing makes of given scores and answers; see test_tokenizer_and_plan.py."""

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.suites import answers, facts, questions, scores, texts

from bedstone.evaluation.standing import STAGE, StandingConfig, told
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tasks.items import SCHEMA

SWAHILI = "swh_Latn"
DIGITS = 9


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def test_output_is_that_of_this_version(store, tmp_path):
    asked, read, known = questions(count=16), texts(), facts()

    def chosen(item):
        place = int(item.parallel_id)
        if len(item.choices) == 1:
            return 100 + 10 * place + 20 * (item.language == SWAHILI)
        return item.gold if place % 4 or item.language != SWAHILI else 1

    def said(item, sample):
        knows = item.answers and (sample == 0 or item.language != SWAHILI)
        return "It is 42." if knows else "I do not know what to say about it."

    items = pa.Table.from_pylist([asdict(item) for item in (*asked, *read, *known)], SCHEMA)
    tables = {
        "items": items,
        "scores": scores((*asked, *read), chosen, lambda item: 0),
        "answers": answers(known, said, samples=2),
    }
    inputs = {}
    for role, table in tables.items():
        path = tmp_path / role / f"{role}.parquet"
        path.parent.mkdir()
        pq.write_table(table, path)
        inputs[role] = adopt([path], store)
    made = build(STAGE, StandingConfig(), inputs, store, Local())
    ours = rounded({"metrics": made.manifest.metrics, "suites": told(made)})
    path = Path(__file__).with_name(f"{STAGE.name}.v{STAGE.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1, ensure_ascii=False) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    assert ours == json.loads(path.read_text("utf-8"))
