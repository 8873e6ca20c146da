"""What the models of an arm are."""

from types import SimpleNamespace

from bedstone.ablation.runs import shape_of
from bedstone.counting.shape import ExpertsConfig
from bedstone.pretrain.train import TrainConfig

SIZES = {
    "n_layers": 1,
    "d_model": 16,
    "n_heads": 2,
    "n_kv_heads": 1,
    "d_ff": 24,
    "seq_len": 8,
}


def test_their_shape_is_that_of_the_config_and_of_the_tokeniser(tokenizer):
    experts = ExpertsConfig(n_experts=4, n_active_experts=2)
    config = TrainConfig(**SIZES, qk_norm=True, experts=experts)
    arms = SimpleNamespace(
        resolved=lambda arm: dict(config), inputs=lambda arm: {"tokenizer": tokenizer}
    )
    shape = shape_of(arms, 1)
    assert shape.experts == experts
    assert shape.qk_norm
    assert (shape.d_ff, shape.vocab_size) == (24, 259)
