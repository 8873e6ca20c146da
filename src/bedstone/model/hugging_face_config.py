"""Hugging Face's ``config.json``: the shape of a model in the keys of several model types.

Read are the shapes of Llama, Mistral, Qwen2 and Qwen3; Llama's is written. Whatever a config asks
for that ``transformer`` does not compute is refused: no model is computed that is another one.

Source: configuration_*.py of llama, mistral, qwen2 and qwen3 in transformers; for rotary
positions, modeling_rope_utils.py.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bedstone.counting import families
from bedstone.counting.shape import ModelConfig, RopeScaling
from bedstone.errors import ArtifactError, ConfigError

COMPUTED = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
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
HINT = "the shapes of Llama, Mistral, Qwen2 and Qwen3 are computed, unquantised or from GGUF"


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
    """The keys of a model of Llama's shape.

    Raises:
        ValueError: a model with what Llama's first shape does not have.
    """
    c = config
    if c.qkv_bias or c.qk_norm or c.window_tokens or c.rope_scaling:
        raise ValueError("only models of Llama's shape are written")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
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


def refusal(where: str, key: str, value: object) -> ArtifactError:
    """The error that names what is not computed."""
    return ArtifactError(f"{where}: {key}: {value!r} is not computed here", hint=HINT)


def _of_keys(keys: families.Keys, family: str) -> ModelConfig:
    d_model, n_heads = keys.size("hidden_size"), keys.size("num_attention_heads")
    d_head = keys.optional("head_dim")
    seq_len = keys.size("max_position_embeddings")
    rope_theta, rope_scaling = _rope(keys.values, seq_len, keys.where)
    return ModelConfig(
        vocab_size=keys.size("vocab_size"),
        n_layers=keys.n_layers,
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=keys.optional("num_key_value_heads") or n_heads,
        d_ff=keys.size("intermediate_size"),
        seq_len=seq_len,
        rope_theta=rope_theta,
        norm_eps=keys.values.get("rms_norm_eps", 1e-6),
        tied=keys.flag("tie_word_embeddings"),
        head_width=None if d_head is None or d_head * n_heads == d_model else d_head,
        qkv_bias=family == "qwen2",
        qk_norm=family == "qwen3",
        window_tokens=keys.window,
        full_layers=_full_layers(keys),
        rope_scaling=rope_scaling,
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
