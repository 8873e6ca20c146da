"""What scaling.ladder and evaluation.prediction write; see test_tokenizer_and_plan.py."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.support.ladders import TARGET, Bench

from bedstone.evaluation.prediction import STAGE as SCORE
from bedstone.scaling.ladder import SAME
from bedstone.scaling.ladder import STAGE as LADDER
from bedstone.store.payload import read_json

SHOWN = 5
"""Of the laws drawn."""


@pytest.fixture
def written(store):
    """By stage."""
    bench = Bench(store)
    ladder = bench.ladder(bench.usual())
    scored = bench.scored(bench.predicted(ladder), *bench.trained(TARGET, 3.8))
    law = read_json(ladder, "law.json")
    draws = pq.read_table(ladder.file("draws.parquet"))
    return {
        LADDER: {
            "metrics": ladder.manifest.metrics,
            "law": {name: value for name, value in law.items() if name not in SAME},
            "draws": len(draws),
            "first": draws.slice(0, SHOWN).to_pylist(),
        },
        SCORE: {"metrics": scored.manifest.metrics, "score": read_json(scored, "score.json")},
    }


@pytest.mark.parametrize("stage", [LADDER, SCORE], ids=lambda stage: stage.name)
def test_output_is_that_of_this_version(written, stage):
    ours = json.loads(json.dumps(written[stage]))
    path = Path(__file__).with_name(f"{stage.name}.v{stage.version}.json")
    if not path.exists():
        path.write_text(json.dumps(ours, indent=1) + "\n", "utf-8")
        pytest.fail(f"{path} was absent and is written: review it")
    nearly = json.loads(
        path.read_text("utf-8"), parse_float=lambda it: pytest.approx(float(it), rel=1e-6)
    )
    assert ours == nearly
