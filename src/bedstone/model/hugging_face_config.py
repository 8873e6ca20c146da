"""Hugging Face's ``config.json``: the shape of a model in the keys of several model types.

Read are the shapes of Llama, Mistral, Mixtral, Qwen2, Qwen3 and its experts; those without window,
biases and scaled positions are written too. Whatever a config asks for that ``transformer`` does
not compute is refused: no model is computed that is another one.

Source: configuration_*.py of llama, mistral, mixtral, qwen2, qwen3 and qwen3_moe in transformers;
for rotary positions, modeling_rope_utils.py.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bedstone.counting import families
from bedstone.counting.shape import ExpertsConfig, ModelConfig, RopeScaling
from bedstone.errors import ArtifactError, ConfigError

COMPUTED = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}
"""Model type -> the class whose logits are computed."""
ONLY = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "partial_rotary_factor": 1,
    "quantization_config": None,
}
"""Keys of which one value is computed, which is also that of a config without the key."""
LEFT_OUT = {"mixtral": {"rms_norm_eps": 1e-5, "rope_theta": 1_000_000.0}}
"""Values of keys that are left out, of those families that have others than the rest."""
ORIGINAL_POSITIONS = "original_max_position_embeddings"
ROPE_KEYS = {
    "rope_type",
    "type",
    "rope_theta",
    "partial_rotary_factor",
    "factor",
    "low_freq_factor",
    "high_freq_factor",
    ORIGINAL_POSITIONS,
}
HINT = (
    "the shapes of Llama, Mistral, Mixtral, Qwen2, Qwen3 and Qwen3-MoE are computed, unquantised "
    "or, without experts, from GGUF"
)


def model_config(stored: Mapping[str, Any], where: str) -> ModelConfig:
    """The shape that a ``config.json`` tells, with Hugging Face's values for the keys left out.

    Raises:
        ArtifactError: a key or value that is not computed here, or that is no such thing.
    """
    family = stored.get("model_type")
    if not isinstance(family, str) or family not in COMPUTED:
        raise refusal(where, "model_type", family)
    if stored.get("architectures") not in (None, [COMPUTED[family]]):
        raise refusal(where, "architectures", stored["architectures"])
    for key, value in ONLY.items():
        if stored.get(key) not in (value, None):
            raise refusal(where, key, stored[key])
    try:
        families.architecture(stored, where)  # refuses sizes that do not go together
        keys = families.Keys(stored, families.defaults()[family], where)
        return _of_keys(keys, family)
    except ConfigError as error:
        raise ArtifactError(str(error), hint=error.hint) from error
    except ValidationError as error:
        detail = error.errors()[0]
        name = ".".join(map(str, detail["loc"]))
        raise ArtifactError(f"{where}: {name}: {detail['msg']}") from error


def keys_of(config: ModelConfig) -> dict[str, Any]:
    """The keys of a model of the shapes that are written.

    Raises:
        ValueError: a model with what they do not have.
    """
    c = config
    if c.qkv_bias or c.window_tokens or c.rope_scaling:
        raise ValueError("only Llama's shape, with experts and norms of heads, is written")
    family = family_of(c)
    keys = {
        "architectures": [COMPUTED[family]],
        "model_type": family,
        "dtype": "float32",
        "vocab_size": c.vocab_size,
        "num_hidden_layers": c.n_layers,
        "hidden_size": c.d_model,
        "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_kv_heads,
        "head_dim": c.d_head,
        "intermediate_size": c.d_ff,
        "max_position_embeddings": c.seq_len,
        "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_theta},
        "rms_norm_eps": c.norm_eps,
        "tie_word_embeddings": c.tied,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "initializer_range": c.initial_deviation,
    }
    return keys | _keys_of_experts(c)


def family_of(config: ModelConfig) -> str:
    """The model type of the shapes that are written."""
    if config.experts:
        return "qwen3_moe" if config.qk_norm else "mixtral"
    return "qwen3" if config.qk_norm else "llama"


def _keys_of_experts(config: ModelConfig) -> dict[str, Any]:
    its = config.experts
    if its is None:
        return {}
    if not config.qk_norm:
        return {"num_local_experts": its.n_experts, "num_experts_per_tok": its.n_active_experts}
    return {
        "num_experts": its.n_experts,
        "num_experts_per_tok": its.n_active_experts,
        "moe_intermediate_size": its.d_expert or config.d_ff,
        "norm_topk_prob": its.normed,
        "mlp_only_layers": list(its.dense_layers),
        "decoder_sparse_step": 1,
    }


def refusal(where: str, key: str, value: object) -> ArtifactError:
    """The error that names what is not computed."""
    return ArtifactError(f"{where}: {key}: {value!r} is not computed here", hint=HINT)


def _of_keys(keys: families.Keys, family: str) -> ModelConfig:
    d_model, n_heads = keys.size("hidden_size"), keys.size("num_attention_heads")
    d_head = keys.optional("head_dim")
    seq_len = keys.size("max_position_embeddings")
    values = LEFT_OUT.get(family, {}) | dict(keys.values)
    rope_theta, rope_scaling = _rope(values, seq_len, keys.where)
    return ModelConfig(
        vocab_size=keys.size("vocab_size"),
        n_layers=keys.n_layers,
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=keys.optional("num_key_value_heads") or n_heads,
        d_ff=keys.size("intermediate_size"),
        seq_len=seq_len,
        rope_theta=rope_theta,
        norm_eps=values.get("rms_norm_eps", 1e-6),
        tied=keys.flag("tie_word_embeddings"),
        head_width=None if d_head is None or d_head * n_heads == d_model else d_head,
        qkv_bias=family == "qwen2",
        qk_norm=family in ("qwen3", "qwen3_moe"),
        window_tokens=keys.window,
        full_layers=_full_layers(keys),
        rope_scaling=rope_scaling,
        experts=_experts(keys),
    )


def _experts(keys: families.Keys) -> ExpertsConfig | None:
    if "num_local_experts" not in keys.defaults:
        return None
    sizes = {
        "n_experts": keys.size("num_local_experts"),
        "n_active_experts": keys.size("num_experts_per_tok"),
    }
    if "moe_intermediate_size" not in keys.defaults:
        return ExpertsConfig(**sizes)
    d_expert = keys.size("moe_intermediate_size")
    dense, step = keys.indices("mlp_only_layers") or (), keys.size("decoder_sparse_step")
    return ExpertsConfig(
        **sizes,
        d_expert=None if d_expert == keys.size("intermediate_size") else d_expert,
        normed=keys.values.get("norm_topk_prob", False),
        dense_layers=tuple(n for n in range(keys.n_layers) if n in dense or (n + 1) % step),
    )


def _full_layers(keys: families.Keys) -> tuple[int, ...]:
    if keys.window is None or "max_window_layers" not in keys.defaults:
        return ()
    first = keys.size("max_window_layers", low=0)
    by_number = [families.FULL] * first + [families.SLIDING] * keys.n_layers
    kinds = keys.per_layer("layer_types") or by_number[: keys.n_layers]
    return tuple(number for number, kind in enumerate(kinds) if kind == families.FULL)


def _rope(stored: Mapping[str, Any], seq_len: int, where: str) -> tuple[Any, RopeScaling | None]:
    """The base of the rates, and how they are scaled; in the old spelling or in the new one."""
    name = "rope_scaling" if stored.get("rope_scaling") else "rope_parameters"
    told = stored.get(name) or {}
    if not isinstance(told, dict) or told.keys() - ROPE_KEYS:
        raise refusal(where, name, told)
    if told.get("partial_rotary_factor", 1) != 1:
        raise refusal(where, f"{name}.partial_rotary_factor", told["partial_rotary_factor"])
    theta = told.get("rope_theta", stored.get("rope_theta", 10_000.0))
    kind = told.get("rope_type", told.get("type", "default"))
    if kind == "default":
        return theta, None
    try:
        if kind == "linear":
            return theta, RopeScaling(kind="linear", factor=told["factor"])
        if kind == "llama3":
            scaling = RopeScaling(
                kind="llama3",
                factor=told["factor"],
                low_frequency_factor=told["low_freq_factor"],
                high_frequency_factor=told["high_freq_factor"],
                original_positions=stored.get(
                    ORIGINAL_POSITIONS, told.get(ORIGINAL_POSITIONS, seq_len)
                ),
            )
            return theta, scaling
    except KeyError as error:
        raise ArtifactError(f"{where}: {name}: {error.args[0]} is missing") from error
    raise refusal(where, f"{name}.rope_type", kind)
