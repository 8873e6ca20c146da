import json
from contextlib import nullcontext

import numpy as np
import pytest
from tests.support.checkpoints import write

import bedstone
from bedstone.counting.count import parameters, train_flop_per_token
from bedstone.counting.memory import kv_bytes
from bedstone.counting.size_of import LENGTHS
from bedstone.errors import ConfigError, DataError

LLAMA_3_8B = {
    "model_type": "llama",
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
MIXTRAL = {
    "model_type": "mixtral",
    "vocab_size": 32_000,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "max_position_embeddings": 32_768,
    "sliding_window": None,
}
TINY = {
    "model_type": "llama",
    "vocab_size": 10,
    "hidden_size": 4,
    "intermediate_size": 6,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "tie_word_embeddings": True,
}
SHAPES = {
    "model.embed_tokens.weight": (10, 4),
    **{f"model.layers.0.self_attn.{each}_proj.weight": (4, 4) for each in "qkvo"},
    "model.layers.0.mlp.gate_proj.weight": (6, 4),
    "model.layers.0.mlp.up_proj.weight": (6, 4),
    "model.layers.0.mlp.down_proj.weight": (4, 6),
    "model.layers.0.input_layernorm.weight": (4,),
    "model.layers.0.post_attention_layernorm.weight": (4,),
    "model.norm.weight": (4,),
}
TABLE, DOWN = "model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight"


@pytest.fixture
def sized(tmp_path):
    def size(config, tensors=None, **options):
        (tmp_path / "config.json").write_text(json.dumps(config))
        if tensors is not None:
            packed = {
                name: ("F32", list(each.shape), each.astype("<f4").tobytes())
                for name, each in tensors.items()
            }
            options["checkpoint"] = write(tmp_path / "model.safetensors", packed)
        return bedstone.size(tmp_path, **options)

    return size


def tensors(**changed):
    """Those of TINY, all ones but for those changed."""
    return {name: np.ones(shape) for name, shape in SHAPES.items()} | changed


def test_a_model_by_its_published_figures(sized):
    found = sized(LLAMA_3_8B)
    assert found["family"] == "llama"
    assert found["parameters_total"] == found["parameters_active"] == 8_030_261_248
    assert found["parameters_embedding"] == 2 * 128_256 * 4096
    assert sum(found["components"].values()) == found["parameters_total"]
    assert found["weight_bytes"]["bf16"] == 2 * 8_030_261_248
    assert found["kv_bytes_per_token"] == 131_072
    assert found["kv_bytes"] == {str(it): 131_072 * it for it in (1024, 4096, 8192)}
    assert found["warnings"] == []
    assert not {"checkpoint", "utilisation"} & set(found)
    assert json.loads(json.dumps(found)) == found


def test_the_exact_count_beside_the_rule_of_thumb(sized):
    """Without its table of tokens: 7.5e9 in products, and attention of half the sequence."""
    found = sized(LLAMA_3_8B, lengths=[8192])
    products = 8_030_261_248 - 128_256 * 4096 - 65 * 4096
    forward = 2 * products + 4 * 32 * 4096 * 8193 / 2
    assert found["flop_per_token_forward"] == {"8192": forward}
    assert found["flop_per_token_train"] == {"8192": 3 * forward}
    assert found["exact_over_6nd"]["8192"] == pytest.approx(3 * forward / (6 * 8_030_261_248))


def test_of_experts_those_are_active_that_a_token_passes(sized):
    found = sized(MIXTRAL)
    assert found["parameters_total"] == 46_702_792_704
    assert found["parameters_active"] == 46_702_792_704 - 32 * 6 * 3 * 4096 * 14_336
    assert found["parameters_active_share"] == pytest.approx(0.2758, abs=1e-4)


def test_lengths_reach_as_far_as_the_model(sized):
    assert list(sized(MIXTRAL)["kv_bytes"]) == ["1024", "4096", "16384", "32768"]
    assert list(sized({"model_type": "gpt2"})["kv_bytes"]) == ["1024"]  # a default
    assert list(sized({"model_type": "bloom"})["kv_bytes"]) == list(map(str, LENGTHS))
    asked = sized(MIXTRAL, lengths=[40_000, 7, 7], batch=3)
    assert asked["kv_bytes"] == {"7": 3 * 7 * 131_072, "40000": 3 * 40_000 * 131_072}
    (warning,) = asked["warnings"]
    assert "32,768 tokens, fewer than 40,000" in warning


def test_a_training_longer_than_the_model_is_told(sized):
    measured = {"mfu": 9.0, "device": "H100-SXM", "seq_len": 1_000_000}
    (warning,) = sized(LLAMA_3_8B, **measured)["warnings"]
    assert "8,192 tokens, fewer than 1,000,000" in warning
    (longest,) = sized(LLAMA_3_8B, **measured, lengths=[2_000_000])["warnings"]
    assert "fewer than 2,000,000" in longest


def test_a_window_caps_what_is_kept(sized):
    found = sized(MIXTRAL | {"sliding_window": 4096})
    assert found["kv_bytes"]["32768"] == found["kv_bytes"]["4096"] == 4096 * 131_072


def test_what_is_not_counted_is_said(sized):
    text = {"model_type": "gemma3_text", "num_hidden_layers": 6, "max_position_embeddings": 2048}
    found = sized({"model_type": "gemma3", "text_config": text})
    assert found["family"] == "gemma3"
    assert found["longest_tokens"] == 2048
    assert "vision" in found["warnings"][0]


def test_a_checkpoint_that_is_the_configs(sized):
    found = sized(TINY, tensors())
    checkpoint = found["checkpoint"]
    assert checkpoint["parameters"] == found["parameters_total"] == 188
    assert checkpoint["parameters_too_many"] == checkpoint["zeros"] == 0
    assert checkpoint["tensors"] == len(SHAPES)
    assert checkpoint["bytes"] == checkpoint["storage"]["dense_bytes"] == 4 * 188
    assert checkpoint["flop_saved_per_token"] == 0
    assert found["warnings"] == []


def test_zeros_save_what_they_would_have_multiplied(sized):
    """A tied table multiplies as the head; norms and masks multiply nothing."""
    down = np.ones((4, 6))
    down[:, 0] = 0
    mask = {"model.layers.0.attn.bias": np.zeros((5, 5)), "rotary.inv_freq": np.zeros(2)}
    holes = {DOWN: down, TABLE: np.zeros((10, 4)), "model.norm.weight": np.zeros(4)}
    found = sized(TINY, tensors(**holes, **mask), lengths=[8])
    checkpoint = found["checkpoint"]
    assert (checkpoint["zeros"], checkpoint["buffers"]) == (4 + 40 + 4, 27)
    assert checkpoint["zeros_share"] == 48 / 188
    assert checkpoint["flop_saved_per_token"] == 2 * (4 + 40)
    forward = found["flop_per_token_forward"]["8"]
    assert checkpoint["flop_saved_share"] == {"8": 88 / forward}
    by_name = {each["name"]: (each["zeros"], each["values"]) for each in checkpoint["by_tensor"]}
    assert by_name[DOWN] == (4, 24)
    assert found["warnings"] == []


def test_a_table_that_is_looked_up_saves_nothing(sized):
    holes = {TABLE: np.zeros((10, 4)), "lm_head.weight": np.ones((10, 4))}
    for config, copied in ((TINY, 40), (TINY | {"tie_word_embeddings": False}, 0)):
        found = sized(config, tensors(**holes))
        assert found["checkpoint"]["flop_saved_per_token"] == 0
        assert found["checkpoint"]["tied_head_values"] == copied
        assert found["warnings"] == []


def test_zeros_of_experts_count_by_how_often_they_are_passed(sized):
    config = TINY | {
        "model_type": "mixtral",
        "num_key_value_heads": 2,
        "num_local_experts": 4,
        "num_experts_per_tok": 1,
        "sliding_window": None,
    }
    stacked = {
        "model.layers.0.mlp.experts.down_proj": np.zeros((4, 4, 6)),
        "model.layers.0.mlp.experts.down_proj_bias": np.zeros((4, 4)),
        "model.layers.0.mlp.experts.3.w1.weight": np.zeros((6, 4)),
        "model.layers.0.mlp.shared_experts.down_proj.weight": np.zeros((4, 6)),
        "model.layers.0.mlp.gate.weight": np.zeros((4, 4)),
    }
    found = sized(config, stacked)["checkpoint"]
    assert found["flop_saved_per_token"] == 2 * (96 / 4 + 24 / 4 + 24 + 16)


def test_a_checkpoint_of_another_model_is_told(sized):
    missing = {name: each for name, each in tensors().items() if name != DOWN}
    (warning,) = sized(TINY, missing)["warnings"]
    assert "24 parameters fewer than the config's 188" in warning
    (warning,) = sized(TINY, tensors(extra=np.ones((3, 3))))["warnings"]
    assert "9 parameters more than the config's 188" in warning


@pytest.mark.parametrize("held", [{}, {DOWN: np.ones((0, 4))}, {"inv_freq": np.ones(3)}])
def test_a_checkpoint_without_parameters_is_refused(sized, held):
    with pytest.raises(DataError, match=r"model\.safetensors: no tensor in it holds parameters"):
        sized(TINY, held)


def test_packed_weights_are_told(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    packed = {"model.layers.0.mlp.down_proj.qweight": ("I32", [3], bytes(12))}
    found = bedstone.size(tmp_path, checkpoint=write(tmp_path / "model.safetensors", packed))
    assert "whole numbers in 1 tensors" in found["warnings"][1]


FAMILIES = {
    "llama": {"tie_word_embeddings": True},
    "gpt2": {},
    "gpt_neox": {},
    "opt": {"ffn_dim": 12, "word_embed_proj_dim": 8},
    "bloom": {},
    "qwen3": {"head_dim": 4, "num_key_value_heads": 2},
    "mixtral": {"num_local_experts": 4, "num_key_value_heads": 2},
    "gpt_oss": {"num_local_experts": 4, "num_key_value_heads": 2, "head_dim": 4},
    "deepseek_v3": {
        "q_lora_rank": 4,
        "kv_lora_rank": 4,
        "qk_nope_head_dim": 4,
        "qk_rope_head_dim": 4,
        "v_head_dim": 4,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 6,
        "first_k_dense_replace": 1,
        "n_group": 2,
        "topk_group": 1,
    },
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_transformers_saves_is_what_is_counted(tmp_path, family):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    sizes = {
        "vocab_size": 40,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 16,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    config = transformers.AutoConfig.for_model(family, **sizes | FAMILIES[family])
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.fill_(1)
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear) and layer.out_features == 40:
                layer.weight[0] = 0
    model.save_pretrained(tmp_path)
    found = bedstone.size(tmp_path, checkpoint=tmp_path)
    checkpoint = found["checkpoint"]
    assert [warning for warning in found["warnings"] if "the checkpoint" in warning] == []
    assert checkpoint["buffers"] == found["parameters_buffers"]
    assert checkpoint["parameters"] == found["parameters_total"]
    assert checkpoint["flop_saved_per_token"] == 2 * 8  # of the head, stored or tied


@pytest.mark.torch
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"experts": {"n_experts": 6, "n_active_experts": 2}},
        {
            "qk_norm": True,
            "experts": {
                "n_experts": 6,
                "n_active_experts": 2,
                "d_expert": 12,
                "dense_layers": [0],
            },
        },
    ],
)
def test_our_own_models(tmp_path, more):
    from bedstone.counting.shape import ModelConfig
    from bedstone.model import hugging_face
    from bedstone.model.transformer import Transformer

    model = Transformer(
        ModelConfig(
            vocab_size=24,
            n_layers=2,
            d_model=16,
            n_heads=4,
            n_kv_heads=2,
            d_ff=20,
            seq_len=8,
            **more,
        )
    )
    hugging_face.save(model, lambda name: nullcontext(tmp_path / name), end_token=0)
    found = bedstone.size(tmp_path, checkpoint=tmp_path)
    assert found["parameters_total"] == sum(each.numel() for each in model.parameters())
    assert found["kv_bytes"]["8"] == kv_bytes(model.config.architecture, 8)
    assert found["parameters_active"] == parameters(model.config.architecture).active
    flop = train_flop_per_token(model.config.architecture, 8)
    assert found["flop_per_token_train"]["8"] == flop
    assert found["warnings"] == []


def test_utilisation_of_llama_3_8b(sized):
    """Products without the table of tokens; attention of 32 layers, 4,096 wide, keys and values."""
    measured = {"mfu": 9000.0, "device": "h100-sxm", "seq_len": 2048}
    found = sized(LLAMA_3_8B, **measured, recompute="full")["utilisation"]
    products, attention = 8_030_261_248 - (128_256 + 65) * 4096, 2 * 32 * 4096 * 2048
    assert found["flop_per_token"] == {
        "palm": 6 * (8_030_261_248 + attention),
        "palm_without_attention": 6 * 8_030_261_248,
        "korthikanti": 6 * (products + attention),
        "causal": 6 * products + 6 * 2 * 32 * 4096 * 2049 / 2,
    }
    assert found["mfu"]["palm_without_attention"] == pytest.approx(
        9000 * 6 * 8_030_261_248 / 989e12
    )
    again = 2 * (products - 128_256 * 4096 + attention)
    done = found["hardware_flop_per_token"]["korthikanti"]
    assert done == found["flop_per_token"]["korthikanti"] + again
    assert found["hfu"]["korthikanti"] == pytest.approx(9000 * done / 989e12)
    assert found["device"]["name"] == "H100-SXM"
    twice = sized(LLAMA_3_8B, **measured | {"mfu": 18_000.0}, devices=2)["utilisation"]
    assert twice["mfu"] == found["mfu"]
    assert twice["hfu"]["korthikanti"] == twice["mfu"]["korthikanti"]  # nothing is computed again


def test_a_training_of_unknown_length_is_of_the_longest(sized):
    measured = {"mfu": 9000.0, "device": "H100-SXM"}
    assert sized(LLAMA_3_8B, **measured)["utilisation"]["seq_len"] == 8192
    assert sized({"model_type": "gpt2"}, **measured)["utilisation"]["seq_len"] == 1024
    with pytest.raises(ConfigError, match="how long a sequence is"):
        sized({"model_type": "bloom"}, **measured)


GPT_3 = {"model_type": "gpt2", "n_embd": 12_288, "n_layer": 96, "n_head": 96, "n_positions": 2048}


def test_activations_of_gpt_3(sized):
    """34 and 34 + 80 bytes a value, 5 a s / h being 80: selective recompute saves 70 %."""
    kept = sized(GPT_3, mfu=9.0, device="H100-SXM")["utilisation"]["activation_bytes_per_layer"]
    values = 2048 * 12_288
    assert kept == {"none": 114 * values, "selective": 34 * values, "full": 2 * values}
    assert round(1 - kept["selective"] / kept["none"], 2) == 0.70


@pytest.mark.parametrize(
    "config",
    [
        GPT_3 | {"n_inner": 12_288},
        LLAMA_3_8B,
        MIXTRAL,
        {"model_type": "deepseek_v3"},
        {"model_type": "phi"},
        {"model_type": "gemma2"},
    ],
)
def test_activations_of_other_layers_are_not_guessed(sized, config):
    found = sized(config, mfu=9.0, device="H100-SXM")["utilisation"]
    assert found["activation_bytes_per_layer"] is None


def test_doubts_about_a_utilisation_are_said(sized):
    (warning,) = sized(LLAMA_3_8B, mfu=1e5, device="H100-SXM")["warnings"]
    assert "more than the devices can do" in warning
    (warning,) = sized(LLAMA_3_8B, mfu=100.0, device="L4")["warnings"]
    assert warning.startswith("L4: not all its figures were checked")


REFUSED = [
    ({"device": "L4"}, "no effect without mfu"),
    ({"devices": 2}, "no effect without mfu"),
    ({"seq_len": 2}, "no effect without mfu"),
    ({"recompute": "full"}, "no effect without mfu"),
    ({"mfu": 1.0}, "needs the device"),
    ({"mfu": 0.0, "device": "L4"}, "above 0"),
    ({"mfu": float("inf"), "device": "L4"}, "above 0"),
    ({"mfu": float("nan"), "device": "L4"}, "above 0"),
    ({"mfu": 1e300, "device": "L4"}, "at most 1e"),
    ({"mfu": 1.0, "device": "L4", "devices": 0}, "devices 0"),
    ({"mfu": 1.0, "device": "L4", "devices": 10**24}, "at most 2,147,483,648"),
    ({"mfu": 1.0, "device": "L4", "seq_len": 10**24}, "at most 2,147,483,648"),
    ({"batch": 10**24}, "at most 2,147,483,648"),
    ({"lengths": [10**24]}, "lengths 1000000000000000000000000: .* at most 2,147,483,648"),
    ({"mfu": 1.0, "device": "L4", "seq_len": 0}, "seq_len 0"),
    ({"mfu": 1.0, "device": "L4", "recompute": "ful"}, "did you mean 'full'"),
    ({"mfu": 1.0, "device": "L40"}, "did you mean 'L40S'"),
    ({"batch": 0}, "batch 0"),
    ({"lengths": [5, 0]}, "lengths 0"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_options_that_cannot_be_used(sized, options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        sized(TINY, **options)
    assert caught.value.hint or "did you mean" in message
