"""Counts of any config against Hugging Face's own model of it, built without weights."""

import re
from collections import Counter
from functools import partial

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from bedstone.counting.count import forward_flop_per_token, matmul_parameters, parameters
from bedstone.counting.families import FAMILIES, SPELLINGS, architecture, defaults
from bedstone.counting.memory import kv_bytes, kv_bytes_per_token, weight_bytes

pytestmark = pytest.mark.torch

CONFIG_MAPPING = transformers.CONFIG_MAPPING

COMPONENTS = (  # the first whose pattern a parameter's name has
    ("output_head", r"lm_head"),
    ("position_embedding", r"wpe|embed_positions"),
    ("embedding_projections", r"project_(in|out)"),
    ("attention_norms", r"\b[qk]_(layer)?norm|_a_layernorm"),
    ("norms", r"norm|ln_"),
    ("token_embedding", r"embed_tokens|wte|embed_in|word_embeddings"),
    ("shared_experts", r"shared_expert"),
    ("experts", r"experts\."),
    ("router", r"router|mlp\.gate\."),
    ("attention", r"attn|attention"),
    ("feed_forward", r"mlp|fc[12]|feed_forward"),
)
SMALL = st.integers(1, 9)
FLAG = st.booleans()
VALUES = {
    "vocab_size": st.integers(1, 50),
    "intermediate_size": SMALL,
    "n_inner": st.none() | SMALL,
    "ffn_dim": SMALL,
    "intermediate_size_mlp": SMALL,
    "moe_intermediate_size": SMALL,
    "max_position_embeddings": SMALL,
    "head_dim": st.sampled_from([2, 4, 6]),
    "word_embed_proj_dim": SMALL,
    "sliding_window": SMALL,
    "max_window_layers": st.integers(0, 5),
    "sliding_window_pattern": st.integers(1, 4),
    "attention_chunk_size": SMALL,
    "no_rope_layer_interval": st.integers(1, 4),
    "interleave_moe_layer_step": st.integers(1, 3),
    "decoder_sparse_step": st.integers(1, 3),
    "num_local_experts": st.integers(2, 8),
    "num_experts_per_tok": st.integers(1, 2),
    "n_shared_experts": st.integers(1, 3),
    "q_lora_rank": st.none() | SMALL,
    "kv_lora_rank": SMALL,
    "qk_nope_head_dim": SMALL,
    "qk_rope_head_dim": st.sampled_from([2, 4]),
    "v_head_dim": SMALL,
    "first_k_dense_replace": st.integers(0, 4),
}
FOREIGN = {"head_dim", "num_key_value_heads", "sliding_window_pattern"}
"""Read by Hugging Face's models also where their config class does not list them."""
LEFT_OUT = {"moe_layer_freq", "add_cross_attention"}
"""The first is unknown to Hugging Face; with the second, a model is no decoder alone."""
OPTIONAL = {"head_dim", "sliding_window", "attention_chunk_size", "word_embed_proj_dim"}


@st.composite
def configs(draw, family):
    """With keys in any spelling; those whose default is small may be absent."""
    n_layers, n_heads = draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 4, 6]))
    layers = st.lists(st.integers(0, n_layers - 1), unique=True)
    of_each = partial(st.lists, min_size=n_layers, max_size=n_layers)
    limited = "chunked_attention" if family == "llama4_text" else "sliding_attention"
    values = {
        **VALUES,
        "num_hidden_layers": st.just(n_layers),
        "num_attention_heads": st.just(n_heads),
        "hidden_size": st.sampled_from([n_heads * width for width in (2, 4, 8)]),
        "num_key_value_heads": st.sampled_from([n for n in range(1, 7) if n_heads % n == 0]),
        "mlp_only_layers": layers,
        "moe_layers": layers,
        "no_rope_layers": of_each(st.integers(0, 1)),
        "layer_types": of_each(st.sampled_from(["full_attention", limited])),
    }
    config = {"model_type": family}
    for key in sorted(defaults()[family].keys() - LEFT_OUT):
        if key in VALUES.keys() - OPTIONAL or key.startswith(("num_", "hidden_")) or draw(FLAG):
            config[spelling(draw, family, key)] = draw(values.get(key, FLAG))
    if config.get("use_sliding_window") is not True and "use_sliding_window" in defaults()[family]:
        config.pop("layer_types", None)
    return config


def spelling(draw, family, key):
    """One of those that Hugging Face's class reads."""
    kind = CONFIG_MAPPING[family]
    known = kind.__dataclass_fields__.keys() | kind.attribute_map.keys() | FOREIGN
    return draw(st.sampled_from(sorted(known & {key, *SPELLINGS.get(key, ())})))


def build(config):
    wanted = transformers.AutoConfig.for_model(**config, pad_token_id=0)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(wanted)


def components(model):
    found = Counter()
    for name, parameter in model.named_parameters():
        kind = next(kind for kind, pattern in COMPONENTS if re.search(pattern, name))
        found[kind] += parameter.numel()
    return {kind: count for kind, count in found.items() if count}


def persistent_buffers(model):
    kept = model.state_dict().keys()
    return sum(each.numel() for name, each in model.named_buffers() if name in kept)


@pytest.mark.parametrize("family", sorted(FAMILIES))
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_counts_are_those_of_hugging_face(family, data):
    config = data.draw(configs(family))
    counted, model = parameters(architecture(config, "config")), build(config)
    assert counted.components == components(model)
    assert counted.total == model.num_parameters()
    assert counted.buffers == persistent_buffers(model)


@pytest.mark.parametrize("family", sorted(FAMILIES))
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_windows_and_chunks_are_those_of_hugging_face(family, data):
    config = data.draw(configs(family))
    theirs = transformers.AutoConfig.for_model(**config)
    everywhere = "sliding_attention" if getattr(theirs, "sliding_window", 0) else "full_attention"
    wanted = Counter()
    for kind in getattr(theirs, "layer_types", None) or [everywhere] * theirs.num_hidden_layers:
        window = theirs.sliding_window if kind == "sliding_attention" else None
        wanted[window, theirs.attention_chunk_size if kind == "chunked_attention" else None] += 1
    found = Counter()
    for layer, count in architecture(config, "config").layers:
        found[layer.window, layer.chunk] += count
    assert found == wanted


@given(st.sampled_from(sorted(FAMILIES)).flatmap(configs), st.integers(1, 30), st.integers(1, 5))
def test_longer_costs_no_less_and_nothing_is_more_than_the_whole(config, length, batch):
    decoder = architecture(config, "config")
    shorter, longer = (forward_flop_per_token(decoder, positions) for positions in (1, length))
    assert 2 * matmul_parameters(decoder) < shorter <= longer * (1 + 1e-12)
    assert kv_bytes(decoder, length) <= length * kv_bytes_per_token(decoder)
    assert kv_bytes(decoder, length) <= kv_bytes(decoder, length + 1)
    assert kv_bytes(decoder, length, batch) == batch * kv_bytes(decoder, length)
    counted, stored = parameters(decoder), weight_bytes(decoder)
    assert 0 < counted.active <= counted.total == sum(counted.components.values())
    assert stored["int4"] < stored["int8"] < stored["bf16"] < stored["fp32"]
    assert stored["int4"] <= stored["int4_linear"] <= stored["bf16"] + 1
