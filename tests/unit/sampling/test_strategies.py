import dataclasses
import math

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.counting.shape import ModelConfig
from bedstone.generation.generate import Completion
from bedstone.posttrain.judged import Judged
from bedstone.sampling.strategies import (
    StrategiesConfig,
    best_of_row,
    chain_row,
    run,
)
from bedstone.store.engine import Local

SHAPE = ModelConfig(
    vocab_size=9, n_layers=3, d_model=16, n_heads=4, n_kv_heads=2, d_ff=8, seq_len=8
)
POSITION_BYTES = 2 * 3 * 2 * 4 * 4
"""Keys and values, layers, heads, width, bytes of a number."""


def judged(length, *, holds, own=0.0, sampling=0.0):
    ids, reason = tuple(range(length)), "stop" if holds else "length"
    logprobs = ((own,) * length, (sampling,) * length)
    completion = Completion(ids, *logprobs, reason, closed=holds, boundary_draws=0)
    return Judged(completion, "", holds)


def test_a_chain_costs_what_it_draws():
    rows = [judged(4, holds=True, own=-2.0, sampling=-1.0), judged(6, holds=False, own=-1.0)]
    row = chain_row("top_k=2", rows, [10, 20], SHAPE)
    assert row["property_rate"] == 0.5
    assert row["property_rate_n"] == 2
    assert row["tokens_per_prompt"] == 5
    assert row["kv_bytes"] == POSITION_BYTES * (14 + 26) / 2
    assert row["kl_nats"] == (4 + 6) / 2
    assert not row["kl_is_bound"]


def test_best_of_n_pays_for_all_it_draws():
    rows = [
        [judged(4, holds=True), judged(6, holds=False)],
        [judged(2, holds=False), judged(2, holds=False)],
    ]
    both = best_of_row(2, rows, [10, 20], SHAPE)
    assert both["property_rate"] == 0.5
    assert both["tokens_per_prompt"] == (10 + 4) / 2
    assert both["kv_bytes"] == POSITION_BYTES * (30 + 44) / 2
    assert both["kl_nats"] == pytest.approx(math.log(2) - 1 / 2)
    assert both["kl_is_bound"]
    one = best_of_row(1, rows, [10, 20], SHAPE)
    assert one["property_rate"] == 0.25
    assert one["tokens_per_prompt"] == (5 + 2) / 2
    assert one["kl_nats"] == 0
    assert not one["kl_is_bound"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"chains": ["top_q=1"]}, "did you mean 'top_p'"),
        ({"best_of": [2, 0]}, "best_of.1\n  Input should be greater than or equal to 1"),
        ({"chains": [], "best_of": []}, "no strategy"),
    ],
)
def test_configs_that_cannot_be_used(values, message):
    with pytest.raises(ValidationError, match=message):
        StrategiesConfig.model_validate(values)


CONFIG = StrategiesConfig(
    chains=("greedy", "temperature=1", "top_k=3"), best_of=(1, 3), max_tokens=6, examples=2
)


def test_each_strategy_has_a_row_and_examples(job, inputs):
    made = job("strategies", **inputs)
    metrics = run(CONFIG, made).metrics
    rows = pq.read_table(made.folder / "strategies.parquet").to_pylist()
    names = ["greedy", "temperature=1", "best-of-1", "best-of-3", "top_k=3"]
    by_name = {row["strategy"]: row for row in rows}
    assert list(by_name) == names
    assert by_name["temperature=1"]["kl_nats"] == pytest.approx(0, abs=1e-5)
    assert by_name["greedy"]["kl_nats"] > by_name["top_k=3"]["kl_nats"] > 1
    assert by_name["best-of-3"]["tokens_per_prompt"] == pytest.approx(
        3 * by_name["best-of-1"]["tokens_per_prompt"]
    )
    examples = pq.read_table(made.folder / "completions.parquet").to_pylist()
    assert [row["strategy"] for row in examples] == [n for n in CONFIG.chains for _ in range(2)]
    assert metrics["prompts"] == 6
    assert metrics["strategies"] == 5


def test_best_of_n_needs_no_chain_of_its_own(job, inputs):
    made = job("strategies", **inputs)
    run(CONFIG.model_copy(update={"chains": ()}), made)
    rows = pq.read_table(made.folder / "strategies.parquet").to_pylist()
    assert [row["strategy"] for row in rows] == ["best-of-1", "best-of-3"]


def test_workers_change_no_byte(job, inputs):
    one, two = job("one", **inputs), dataclasses.replace(job("two", **inputs), engine=Local(2))
    for made in (one, two):
        run(CONFIG, made)
    for name in ("strategies.parquet", "completions.parquet"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
