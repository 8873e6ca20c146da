"""What a node takes."""

from types import SimpleNamespace

import pytest

from bedstone.commands import costs
from bedstone.counting.count import train_flop_per_token
from bedstone.counting.shape import ModelConfig
from bedstone.pretrain.train import STAGE, TrainConfig

SIZES = {
    "n_layers": 1,
    "d_model": 16,
    "n_heads": 2,
    "n_kv_heads": 1,
    "d_ff": 24,
    "seq_len": 8,
}
RUN = {
    "batch_tokens": 64,
    "train_tokens": 6400,
    "learning_rate": 0.1,
    "number_format": "fp32",
    "threads": 1,
}


@pytest.mark.parametrize("experts", [None, {"n_experts": 4, "n_active_experts": 2}])
def test_training_takes_the_flop_of_what_is_active(tokenizer, monkeypatch, experts):
    monkeypatch.setattr(costs, "_flop_per_second", lambda *_: 1e6)
    node = SimpleNamespace(
        name="base", stage=STAGE, config=TrainConfig(**SIZES, **RUN, experts=experts), inputs={}
    )
    tried = SimpleNamespace(nodes=[node], inputs=lambda _: {"tokenizer": tokenizer})
    cost = costs.Costs(tried, workers=1).found()["base"]
    shape = ModelConfig(vocab_size=259, **SIZES, experts=experts)
    assert cost.flop == 6400 * train_flop_per_token(shape.architecture, 8)
    assert cost.minutes == pytest.approx(cost.flop / 1e6 / 60)
