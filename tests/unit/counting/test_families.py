"""What is read of configs; that the counts are right for any, a property test shows."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.shapes import shape

from bedstone.counting.count import matmul_parameters, parameters
from bedstone.counting.families import FAMILIES, SPELLINGS, TEXT_PART, architecture, defaults, read
from bedstone.errors import ConfigError

TABLE = Path(__file__).parents[2] / "data" / "scaling" / "param_counts.csv"
PUBLISHED = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))
QWEN3_30B = {"model_type": "qwen3_moe", "num_hidden_layers": 48, "head_dim": 128}
PRINTED = [  # billions in all and active, and whether the active have the input's table among them
    ({"model_type": "mixtral"}, "46.7", "12.9", True),
    (QWEN3_30B, "30.5", "3.4", True),  # printed as 3.3
    ({"model_type": "deepseek_v3"}, "671.0", "36.6", False),  # printed as 37
    ({"model_type": "gpt_oss"}, "116.8", "5.1", False),
]
SMALL = {"vocab_size": 61, "num_hidden_layers": 3, "hidden_size": 16, "num_attention_heads": 4}
GROUPED = {"intermediate_size": 24, "num_key_value_heads": 2}
ROUTED = {**GROUPED, "num_experts": 8, "num_experts_per_tok": 3}
DEEPSEEK = {
    "intermediate_size": 24,
    "num_key_value_heads": 4,
    "q_lora_rank": 6,
    "kv_lora_rank": 7,
    "qk_nope_head_dim": 4,
    "qk_rope_head_dim": 2,
    "v_head_dim": 6,
    "first_k_dense_replace": 1,
    "moe_intermediate_size": 5,
    "n_routed_experts": 8,
    "num_experts_per_tok": 3,
    "n_group": 2,
    "topk_group": 1,
}
RUN = [
    ("gpt2", {}),
    ("opt", {"ffn_dim": 24, "word_embed_proj_dim": 8}),
    ("bloom", {}),
    ("llama", GROUPED),
    ("gemma2", {**GROUPED, "head_dim": 8}),
    ("mixtral", ROUTED),
    ("qwen3_moe", {**ROUTED, "moe_intermediate_size": 5}),
    ("gpt_oss", {**ROUTED, "head_dim": 8}),
    ("deepseek_v3", DEEPSEEK),
]
"""Small enough to run."""


def counted(**config):
    return parameters(architecture(config, "config.json"))


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row["model"])
def test_published_models_come_out_exactly(row):
    found = parameters(architecture(json.loads(row["config"]), row["model"]))
    assert found.total == int(row["params_meta_transformers"])
    assert found.components["token_embedding"] == int(row["input_embedding_params"])
    assert ("output_head" in found.components) == (row["tied"] == "False")


def test_deepseek_v3_with_and_without_its_router_s_buffers():
    found = counted(model_type="deepseek_v3")
    assert found.total == 671_026_404_352
    assert found.total + found.buffers == 671_026_419_200


@pytest.mark.parametrize(("config", "total", "active", "has_table"), PRINTED)
def test_active_parameters_are_those_printed(config, total, active, has_table):
    found = counted(**config)
    looked_up = 0 if has_table else found.components["token_embedding"]
    assert f"{found.total / 1e9:.1f}" == total
    assert f"{(found.active - looked_up) / 1e9:.1f}" == active


def test_defaults_are_those_of_hugging_face():
    transformers = pytest.importorskip("transformers")
    unknown = {"moe_layer_freq": {1}, "sliding_window_pattern": {6}}
    unknown |= {"head_dim": {None}, "num_key_value_heads": {None}}
    assert defaults().keys() == FAMILIES.keys()
    for family, values in defaults().items():
        kind = transformers.CONFIG_MAPPING[family]
        theirs = {name: field.default for name, field in kind.__dataclass_fields__.items()}
        for key, value in values.items():
            known = {name for name in (key, *SPELLINGS.get(key, ())) if name in theirs}
            wanted = {theirs[name] for name in known} or unknown[key]
            assert {value} == wanted, f"{family}: {key}"
            assert type(value) is type(next(iter(wanted))), f"{family}: {key}"


@pytest.mark.parametrize(("family", "sizes"), RUN)
def test_flop_are_those_that_torch_counts(family, sizes):
    """Torch counts what eager attention computes: all keys for each position."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from torch.utils.flop_counter import FlopCounterMode

    config, length = {"model_type": family, **SMALL, **sizes}, 9
    eager = {"attn_implementation": "eager", "experts_implementation": "eager"}
    theirs = transformers.AutoConfig.for_model(**config, **eager, pad_token_id=0)
    model = transformers.AutoModelForCausalLM.from_config(theirs)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.arange(length)[None])
    by_module = counter.get_flop_counts().items()
    angles = sum(sum(flop.values()) for name, flop in by_module if name.endswith("rotary_emb"))
    ours = architecture(config, "config.json")
    attention = sum(count * layer.attention.flop_per_key for layer, count in ours.layers)
    wanted = 2 * matmul_parameters(ours) * length + attention * length * length
    assert counter.get_total_flops() - angles == wanted


def test_our_own_models_are_of_the_llama_type():
    config = {
        "model_type": "llama",
        "vocab_size": 300,
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 160,
        "tie_word_embeddings": True,
        "max_position_embeddings": 256,
    }
    assert architecture(config, "config.json") == shape(300, 2, 64, 4, 2, 160, 256).architecture


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"model_type": "gpt2", "n_embd": 24, "n_layer": 3, "n_head": 2, "n_positions": 7},
            {"model_type": "gpt2", "hidden_size": 24, "num_hidden_layers": 3}
            | {"num_attention_heads": 2, "max_position_embeddings": 7},
        ),
        (
            {"model_type": "bloom", "n_embed": 24, "hidden_size": None},
            {"model_type": "bloom", "hidden_size": 24, "n_inner": 7},
        ),
        (
            {"model_type": "mixtral", "num_local_experts": 4},
            {"model_type": "mixtral", "num_experts": 4, "num_local_experts": 4},
        ),
        (
            {"model_type": "gemma3_text", "sliding_window_pattern": 2, "num_hidden_layers": 2},
            {"model_type": "gemma3_text", "num_hidden_layers": 2}
            | {"layer_types": ["sliding_attention", "full_attention"]},
        ),
        (
            {"model_type": "qwen2", "sliding_window": 5},
            {"model_type": "qwen2", "use_sliding_window": False, "sliding_window": None},
        ),
    ],
)
def test_spellings_that_mean_the_same(one, other):
    assert architecture(one, "one") == architecture(other, "other")


@pytest.mark.parametrize(
    ("config", "limited"),
    [
        ({"model_type": "llama"}, 0),
        ({"model_type": "mistral"}, 7),
        ({"model_type": "gpt_oss"}, 4),  # layers 1, 3, 5, 7
        ({"model_type": "gemma2"}, 4),
        ({"model_type": "gemma3_text"}, 6),  # all but the sixth
        ({"model_type": "llama4_text"}, 6),  # all but the fourth
        ({"model_type": "llama4_text", "attention_chunk_size": None}, 0),
        ({"model_type": "llama4_text", "no_rope_layers": [0, 1, 0, 0, 1, 0, 0]}, 2),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 5}, 2),
    ],
)
def test_so_many_layers_of_seven_do_not_see_all(config, limited):
    layers = architecture({**config, "num_hidden_layers": 7}, "config").layers
    assert sum(count for layer, count in layers if layer.window or layer.chunk) == limited


def test_norms_that_a_switch_adds_or_takes_away():
    plain, normed = (counted(model_type="phi", qk_layernorm=flag) for flag in (False, True))
    assert normed.total - plain.total == 24 * 2 * 2 * 64  # layers, two norms of scale and bias
    assert "norms" not in counted(model_type="opt", layer_norm_elementwise_affine=False).components
    last = (
        counted(model_type="opt").total
        - counted(model_type="opt", do_layer_norm_before=False).total
    )
    assert last == 2 * 768


def test_null_and_absent_are_two_things():
    """Mistral has a window unless it says null; without grouped heads, each has its own keys."""
    windows = [
        architecture({"model_type": "mistral", **said}, "config").layers[0][0].window
        for said in ({}, {"sliding_window": None}, {"sliding_window": 7})
    ]
    assert windows == [4096, None, 7]
    assert counted(model_type="llama", num_key_value_heads=None) == counted(model_type="llama")


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        ({"model_type": "gpt2"}, 1024),
        ({"model_type": "gpt2", "n_positions": 7}, 7),
        ({"model_type": "opt"}, 2048),
        ({"model_type": "qwen3"}, 32_768),
        ({"model_type": "llama", "max_position_embeddings": None}, None),
        ({"model_type": "llama", "text_config": {"max_position_embeddings": 7}}, 2048),
        ({"model_type": "llama", "text_config": 5}, 2048),
        ({"model_type": "llama", "text_config": [1]}, 2048),
        ({"model_type": "llama", "seq_length": 7}, 2048),
        ({"model_type": "bloom"}, None),
        ({"model_type": "bloom", "seq_length": 7}, 7),
        ({"model_type": "gemma3", "text_config": {"max_position_embeddings": 7}}, 7),
    ],
)
def test_the_longest_sequence_is_what_the_family_reads(config, longest):
    assert architecture(config, "config.json").max_length == longest


def test_deepseek_s_own_keys():
    def kinds(**config):
        config = {"model_type": "deepseek_v3", "num_hidden_layers": 6, **config}
        return {
            type(layer.feed_forward).__name__: count
            for layer, count in architecture(config, "config").layers
        }

    assert kinds(first_k_dense_replace=1, moe_layer_freq=2) == {"FeedForward": 4, "Experts": 2}
    assert kinds(first_k_dense_replace=0) == {"Experts": 6}
    assert "shared_experts" not in counted(model_type="deepseek_v3", n_shared_experts=0).components


@pytest.mark.parametrize(("whole", "part"), TEXT_PART.items())
def test_of_text_and_images_the_language_model_is_counted_and_that_is_said(whole, part):
    text = {"num_hidden_layers": 4, "vocab_size": 50}
    config = {"model_type": whole, "text_config": {**text, "model_type": part}, "vision_config": {}}
    found = architecture(config, "config.json")
    assert found.warnings == (f"{whole}: the vision tower and the projector are not counted",)
    alone = architecture({**text, "model_type": part}, "config")
    assert replace(found, warnings=(), family=part) == alone
    assert (found.family, found.max_length) == (whole, 131_072)
    tied = architecture({**config, "tie_word_embeddings": True}, "config").is_tied
    assert tied > architecture({**config, "tie_word_embeddings": False}, "config").is_tied


def test_layers_that_predict_ahead_are_said_to_be_left_out():
    one = {"model_type": "deepseek_v3", "num_nextn_predict_layers": 1}
    assert "several tokens ahead are not counted" in architecture(one, "config").warnings[0]
    assert not architecture({"model_type": "deepseek_v3"}, "config").warnings


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "model_type: missing"),
        ({"model_type": "mamba"}, "model_type: 'mamba' is no family"),
        ({"model_type": ["llama"]}, r"model_type: \['llama'\] is no family"),
        ({"model_type": "gemma3"}, "text_config: missing"),
        ({"model_type": "gemma3", "text_config": {"vocab_size": 0}}, "text_config: vocab_size: 0"),
        ({"model_type": "llama", "vocab_size": "32000"}, "vocab_size: '32000', where a whole"),
        ({"model_type": "llama", "vocab_size": True}, "vocab_size: True, where a whole"),
        ({"model_type": "llama", "vocab_size": 3.0}, "vocab_size: 3.0, where a whole"),
        ({"model_type": "llama", "hidden_size": None}, "hidden_size: None, where a whole"),
        ({"model_type": "llama", "hidden_size": -1}, "hidden_size: -1, where a whole"),
        ({"model_type": "llama", "hidden_size": 10**400}, "hidden_size: 1000"),
        ({"model_type": "llama", "max_position_embeddings": 10**400}, "max_.*to 2,147,483,648 is"),
        ({"model_type": "llama", "max_position_embeddings": 0}, "max_position_embeddings: 0, "),
        ({"model_type": "bloom", "seq_length": -1}, "seq_length: -1, where a whole"),
        ({"model_type": "llama", "num_hidden_layers": 10**9}, "num_hidden_layers: 1000000000"),
        ({"model_type": "llama", "num_key_value_heads": 5}, "num_key_value_heads: 5 does not"),
        ({"model_type": "llama", "num_key_value_heads": 0}, "num_key_value_heads: 0, where"),
        ({"model_type": "llama", "num_attention_heads": 3}, "num_attention_heads: 3 does not"),
        ({"model_type": "llama", "attention_bias": 1}, "attention_bias: 1, where true or false"),
        ({"model_type": "gpt2", "n_embd": 4, "hidden_size": 8}, "hidden_size and n_embd: are one"),
        ({"model_type": "gpt2", "add_cross_attention": True}, "only a decoder alone"),
        ({"model_type": "mixtral", "num_experts_per_tok": 9}, "9, but there are 8 experts"),
        ({"model_type": "gemma2", "layer_types": []} | {"sliding_window": None}, "not set, but"),
        ({"model_type": "gemma2", "layer_types": ["full_attention"]}, "a list of 26 values"),
        ({"model_type": "gemma2", "layer_types": "full"}, "a list of 26 values"),
        (
            {"model_type": "gemma2", "num_hidden_layers": 1, "layer_types": ["linear_attention"]},
            "layer_types: 'linear_attention' is none of full_attention",
        ),
        ({"model_type": "llama4_text", "moe_layers": [True]}, "a list of layers' numbers"),
        ({"model_type": "llama4_text", "interleave_moe_layer_step": 0}, "interleave_moe_layer_s"),
        ({"model_type": "llama4_text", "no_rope_layers": [2] * 48}, "2 is neither 0 nor 1"),
        ({"model_type": "qwen3_moe", "mlp_only_layers": 3}, "a list of layers' numbers"),
    ],
)
def test_what_cannot_be_counted_is_named(config, problem):
    with pytest.raises(ConfigError, match=f"^some.json: .*{problem}") as caught:
        architecture(config, "some.json")
    assert caught.value.hint


def test_a_file_or_its_folder_is_read(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "gpt2"}))
    assert read(file) == read(tmp_path) == architecture({"model_type": "gpt2"}, "config")


@pytest.mark.parametrize(
    ("text", "problem"),
    [(b"{", "cannot be read"), (b"\xff", "cannot be read"), (b"3", "no JSON o")],
)
def test_a_file_that_is_no_config_is_named(tmp_path, text, problem):
    file = tmp_path / "config.json"
    with pytest.raises(ConfigError, match=r"config\.json cannot be read"):
        read(file)
    file.write_bytes(text)
    with pytest.raises(ConfigError, match=f"config.json .*{problem}"):
        read(tmp_path)
