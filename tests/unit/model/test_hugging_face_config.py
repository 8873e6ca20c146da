import pytest

from bedstone.counting import families
from bedstone.counting.count import forward_flop_per_token, parameters
from bedstone.counting.memory import kv_bytes
from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.errors import ArtifactError
from bedstone.model.hugging_face_config import keys_of, model_config

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=50, n_layers=2, d_model=24, n_heads=6, n_kv_heads=2, d_ff=20, seq_len=16
)


EXPERTS = ExpertsConfig(n_experts=5, n_active_experts=2)
QWENS = ExpertsConfig(n_experts=5, n_active_experts=2, d_expert=12, normed=False, dense_layers=(1,))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tied": False, "head_width": 6, "rope_theta": 500.0, "norm_eps": 0.01},
        {"qk_norm": True},
        {"experts": EXPERTS},
        {"experts": EXPERTS, "qk_norm": True},
        {"experts": QWENS, "qk_norm": True},
    ],
)
def test_what_is_written_is_read_back(changes):
    shape = SHAPE.model_copy(update=changes)
    assert model_config(keys_of(shape), "config.json") == shape


FAMILIES = ["llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe"]
HUGGING_FACES = {
    "mixtral": ExpertsConfig(n_experts=8, n_active_experts=2),
    "qwen3_moe": ExpertsConfig(n_experts=128, n_active_experts=8, d_expert=768, normed=False),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_left_out_have_hugging_faces_values(family):
    transformers = pytest.importorskip("transformers")
    config = model_config({"model_type": family}, "config.json")
    full = transformers.AutoConfig.for_model(family)
    d_head = getattr(full, "head_dim", None) or full.hidden_size // full.num_attention_heads
    assert config == ModelConfig(
        vocab_size=full.vocab_size,
        n_layers=full.num_hidden_layers,
        d_model=full.hidden_size,
        n_heads=full.num_attention_heads,
        n_kv_heads=full.num_key_value_heads,
        d_ff=full.intermediate_size,
        seq_len=full.max_position_embeddings,
        rope_theta=full.rope_parameters["rope_theta"],
        norm_eps=full.rms_norm_eps,
        tied=full.tie_word_embeddings,
        head_width=None if d_head * full.num_attention_heads == full.hidden_size else d_head,
        qkv_bias=family == "qwen2",
        qk_norm=family in ("qwen3", "qwen3_moe"),
        window_tokens=getattr(full, "sliding_window", None),
        experts=HUGGING_FACES.get(family),
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "use_sliding_window": True,
            "num_hidden_layers": 40,
            "head_dim": 96,
            "num_key_value_heads": 4,
        },
    ],
)
def test_what_is_counted_of_the_shape_is_what_is_counted_of_the_config(family, changes):
    stored = {"model_type": family, **changes}
    ours = model_config(stored, "config.json").architecture
    theirs = families.architecture(stored, "config.json")
    assert parameters(ours) == parameters(theirs)
    for length in (100, 50_000):
        assert kv_bytes(ours, length) == kv_bytes(theirs, length)
        assert forward_flop_per_token(ours, length) == forward_flop_per_token(theirs, length)


def rope(**changes):
    return {"rope_parameters": {"rope_theta": 10_000.0, **changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gemma2"}, "model_type: 'gemma2' is not computed here"),
        ({"model_type": "qwen2_moe"}, "model_type: 'qwen2_moe'"),
        ({"model_type": None}, "model_type: None"),
        ({"model_type": ["llama"]}, r"model_type: \['llama'\]"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "architectures: .*Classification"),
        ({"hidden_act": "gelu"}, "hidden_act: 'gelu'"),
        ({"attention_bias": True}, "attention_bias: True"),
        ({"mlp_bias": True}, "mlp_bias: True"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor: 0.5"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantization_config: .*gptq"),
        (rope(rope_type="yarn", factor=4.0), "rope_parameters.rope_type: 'yarn'"),
        (rope(rope_type="dynamic", factor=4.0), "rope_parameters.rope_type: 'dynamic'"),
        (rope(partial_rotary_factor=0.5), "rope_parameters.partial_rotary_factor: 0.5"),
        (rope(mrope_section=[2, 2]), "rope_parameters: .*mrope_section"),
        (rope(full_attention={"rope_theta": 1e6}), "rope_parameters: .*full_attention"),
        (rope(rope_type="linear"), "rope_parameters: factor is missing"),
        (rope(rope_type="linear", factor=-1.0), "factor: Input should be greater than 0"),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling.rope_type: 'dynamic'"),
        ({"hidden_size": "24"}, "hidden_size: '24', where a whole number"),
        ({"num_key_value_heads": 4}, "num_key_value_heads: 4 does not divide 6"),
        ({"head_dim": 5}, "head_width: .*multiple of 2"),
        ({"rms_norm_eps": "small"}, "norm_eps: "),
    ],
)
def test_what_is_not_computed_is_refused(changes, message):
    with pytest.raises(ArtifactError, match=f"^config.json: {message}"):
        model_config(keys_of(SHAPE) | changes, "config.json")
