import json

import pytest

from bedstone.errors import ConfigError
from bedstone.posttrain.sft import SftConfig
from bedstone.store.decisions import decide

PLAN = {"threads": 2, "number_format": "bf16", "sft_tokens": 123, "train_tokens": 999}


@pytest.fixture
def plan(tmp_path, tokenizer):
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    return type(tokenizer)(tmp_path)


def test_the_plan_fills_what_is_absent(plan):
    decided = decide(SftConfig(threads=1), {"plan": plan}, train_tokens="sft_tokens")
    assert decided == SftConfig(threads=1, number_format="bf16", train_tokens=123)


def test_what_is_given_needs_no_plan():
    config = SftConfig(threads=1, number_format="fp32", train_tokens=5)
    assert decide(config, {}) == config


def test_without_plan_or_value_it_is_an_error():
    with pytest.raises(ConfigError, match="train_tokens: given neither"):
        decide(SftConfig(threads=1, number_format="fp32"), {})


def test_what_is_auto_stands_without_a_plan_and_gives_way_to_one(plan):
    given = {"threads": 1, "number_format": "fp32", "train_tokens": 5}
    assert decide(SftConfig(**given), {}).device == "auto"
    assert decide(SftConfig(**given), {"plan": plan}).device == "auto"
    plan.file("plan.json").write_text(json.dumps(PLAN | {"device": "cuda"}))
    assert decide(SftConfig(**given), {"plan": plan}).device == "cuda"
    assert decide(SftConfig(**given, device="cpu"), {"plan": plan}).device == "cpu"
