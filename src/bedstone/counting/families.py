"""From a Hugging Face ``config.json`` to what the decoder is made of.

``families.tsv`` says which keys a family has that decide its sizes, and what Hugging Face takes
where a key is left out (as JSON; an empty cell: the family has no such key). Old and new spellings
of a key are both read. Three keys are read that Hugging Face's own class does not have:
``sliding_window_pattern``, ``moe_layer_freq`` and BLOOM's ``seq_length``, which files on the hub
have.

Source: the configuration and modelling files of transformers, of each family; ``moe_layer_freq``:
the modelling file that is published with DeepSeek-V3.
"""

import csv
import json
import reprlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from bedstone.counting.architecture import (
    Architecture,
    Attention,
    Experts,
    FeedForward,
    LatentAttention,
    Layer,
)
from bedstone.errors import ConfigError, reason

SPELLINGS: dict[str, tuple[str, ...]] = {
    "hidden_size": ("n_embd", "n_embed"),
    "max_position_embeddings": ("n_positions",),
    "num_attention_heads": ("n_head",),
    "num_hidden_layers": ("n_layer",),
    "num_local_experts": ("num_experts", "n_routed_experts"),
}
TEXT_PART = {"gemma3": "gemma3_text", "llama4": "llama4_text"}
"""Models of text and images, and the family of their ``text_config``."""
MAX_SIZE = 2**31
MAX_LAYERS = 100_000
"""Sizes above are mistakes; with those below, FLOP stay finite and layers in memory."""
OPT_OFFSET = 2
"""Rows that OPT's table of positions has before the first position."""
FULL, SLIDING, CHUNKED = KINDS = ("full_attention", "sliding_attention", "chunked_attention")


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of a config, and of those that it leaves out, the family's defaults."""

    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    where: str

    def value(self, key: str) -> Any:
        """As it is written in any spelling; None also if the family has no such key."""
        if key not in self.defaults:
            return None
        names = (key, *SPELLINGS.get(key, ()))
        written = {name: self.values[name] for name in names if name in self.values}
        told = {name: value for name, value in written.items() if value is not None}
        if len({json.dumps(value) for value in told.values()}) > 1:
            raise self.problem(" and ".join(told), "are one value, and differ")
        return next(iter(told.values()), None if written else self.defaults[key])

    def size(self, key: str, low: int = 1, high: int = MAX_SIZE) -> int:
        """A whole number."""
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            told = reprlib.repr(value)
            expected = f"a whole number from {low} to {high:,} is expected"
            raise self.problem(key, f"{told}, where {expected}")
        return value

    def optional(self, key: str) -> int | None:
        """A whole number, or null."""
        return None if self.value(key) is None else self.size(key)

    def flag(self, key: str) -> bool:
        """True or false; false if the family has no such key."""
        value = self.value(key) if key in self.defaults else False
        if not isinstance(value, bool):
            raise self.problem(key, f"{value!r}, where true or false is expected")
        return value

    def per_layer(self, key: str) -> list[Any] | None:
        """A value for each layer; None where there is no list, or an empty one."""
        value, n_layers = self.value(key) or None, self.n_layers
        if value is not None and (not isinstance(value, list) or len(value) != n_layers):
            raise self.problem(key, f"expected a list of {n_layers} values, one for each layer")
        return value

    def indices(self, key: str) -> list[int] | None:
        """Numbers of layers, or null."""
        value = self.value(key)
        if value is not None and not (isinstance(value, list) and all(map(_is_whole, value))):
            raise self.problem(key, f"{value!r}, where a list of layers' numbers is expected")
        return value

    @property
    def n_layers(self) -> int:
        """How many layers there are."""
        return self.size("num_hidden_layers", high=MAX_LAYERS)

    @property
    def window(self) -> int | None:
        """Of the layers that have one."""
        if "use_sliding_window" in self.defaults and not self.flag("use_sliding_window"):
            return None
        return self.optional("sliding_window")

    def problem(self, key: str, message: str) -> ConfigError:
        """What is wrong with a key."""
        hint = "give the config.json that was published with the model"
        return ConfigError(f"{self.where}: {key}: {message}", hint=hint)


def read(path: Path) -> Architecture:
    """What the model of a ``config.json``, or of a folder with one, is made of.

    Raises:
        ConfigError: no such file, no JSON, or as ``architecture``.
    """
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        hint = "give a model's config.json, or the folder that holds it"
        raise ConfigError(f"{file} cannot be read as JSON: {reason(error)}", hint=hint) from error
    if not isinstance(config, dict):
        raise ConfigError(f"{file} is no JSON object", hint="give a model's config.json")
    return architecture(config, str(file))


def architecture(config: Mapping[str, Any], where: str) -> Architecture:
    """What the model of a config is made of; of one for text and images, its language model.

    Args:
        config: as in ``config.json``.
        where: it comes from, for messages.

    Raises:
        ConfigError: a family that is not known, a value that is missing, of the wrong type, or
            impossible beside another.
    """
    family = config.get("model_type")
    if isinstance(family, str) and family in TEXT_PART:
        text = config.get("text_config")
        if not isinstance(text, Mapping):
            raise Keys({}, {}, where).problem("text_config", "missing, or no object")
        shared = {key: config[key] for key in ("tie_word_embeddings",) if key in config}
        inner = architecture(
            {**shared, **text, "model_type": TEXT_PART[family]}, f"{where}: text_config"
        )
        warning = f"{family}: the vision tower and the projector are not counted"
        return replace(inner, family=family, warnings=(*inner.warnings, warning))
    if not isinstance(family, str) or family not in FAMILIES:
        known = ", ".join(sorted({*FAMILIES, *TEXT_PART}))
        told = "missing" if family is None else f"{family!r} is no family that can be counted"
        raise ConfigError(f"{where}: model_type: {told}", hint=f"it is one of {known}")
    keys = Keys(config, defaults()[family], where)
    found = FAMILIES[family](keys)
    longest = found.max_length or keys.optional("max_position_embeddings")
    return replace(found, family=family, max_length=longest)


@cache
def defaults() -> dict[str, dict[str, Any]]:
    """Family -> key -> what Hugging Face takes where the key is left out."""
    text = resources.files("bedstone.counting").joinpath("families.tsv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        family: {row["key"]: json.loads(row[family]) for row in rows if row[family]}
        for family in rows[0]
        if family != "key"
    }


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# Decoders with biases and LayerNorm.


def _classic(
    keys: Keys, attention: Attention, d_ff: int, *, bias: bool = True, n_norms: int = 2
) -> Architecture:
    layer = Layer(attention, FeedForward(attention.d_model, d_ff, is_gated=False, bias=bias))
    return Architecture(
        keys.size("vocab_size"),
        attention.d_model,
        layers=((replace(layer, n_norms=n_norms), keys.n_layers),),
        is_tied=keys.flag("tie_word_embeddings"),
        d_embedding=attention.d_model,
        norm_vectors=2,
    )


def _biased(keys: Keys, *, bias: bool = True) -> Attention:
    return replace(_grouped(keys), qkv_bias=bias, output_bias=bias)


def _gpt2(keys: Keys) -> Architecture:
    if keys.flag("add_cross_attention"):
        raise keys.problem("add_cross_attention", "true, but only a decoder alone is counted")
    attention = _biased(keys)
    d_ff = keys.optional("n_inner") or 4 * attention.d_model
    decoder = _classic(keys, attention, d_ff)
    return replace(decoder, n_positions=keys.size("max_position_embeddings"))


def _gpt_neox(keys: Keys) -> Architecture:
    attention = _biased(keys, bias=keys.flag("attention_bias"))
    return _classic(keys, attention, keys.size("intermediate_size"))


def _opt(keys: Keys) -> Architecture:
    bias = keys.flag("enable_bias")
    attention = _biased(keys, bias=bias)
    last = keys.flag("do_layer_norm_before") and not keys.flag("_remove_final_layer_norm")
    return replace(
        _classic(keys, attention, keys.size("ffn_dim"), bias=bias),
        d_embedding=keys.optional("word_embed_proj_dim") or attention.d_model,
        n_positions=keys.size("max_position_embeddings") + OPT_OFFSET,
        n_outer_norms=1 if last else 0,
        norm_vectors=2 if keys.flag("layer_norm_elementwise_affine") else 0,
    )


def _bloom(keys: Keys) -> Architecture:
    attention = _biased(keys)
    decoder = _classic(keys, attention, 4 * attention.d_model)
    length = replace(keys, defaults={"seq_length": None}).optional("seq_length")
    return replace(decoder, n_outer_norms=2, max_length=length)


def _phi(keys: Keys) -> Architecture:
    attention = _biased(keys)
    norms = 2 * 2 * (attention.d_model // attention.n_heads) if keys.flag("qk_layernorm") else 0
    attention = replace(attention, norms=norms)
    decoder = _classic(keys, attention, keys.size("intermediate_size"), n_norms=1)
    return replace(decoder, head_bias=True)


# Decoders with rotary positions, RMSNorm and gates.


def _attention(keys: Keys) -> Attention:
    bias = keys.flag("attention_bias")
    return replace(_grouped(keys), qkv_bias=bias, output_bias=bias)


def _feed_forward(keys: Keys, _: int) -> FeedForward | Experts:
    return _gated(keys, "intermediate_size")


def _kind(keys: Keys, _: int) -> str:
    return SLIDING if keys.window else FULL


def _rotary(
    keys: Keys,
    attention: Callable[[Keys], Attention | LatentAttention] = _attention,
    feed_forward: Callable[[Keys, int], FeedForward | Experts] = _feed_forward,
    kind: Callable[[Keys, int], str] = _kind,
    n_norms: int = 2,
) -> Architecture:
    """A decoder of which each part is built by its own function, layer by layer."""
    block, n_layers = attention(keys), keys.n_layers
    kinds = keys.per_layer("layer_types") or [kind(keys, layer) for layer in range(n_layers)]
    layers = Counter(
        Layer(block, feed_forward(keys, layer), n_norms, **_limits(keys, kinds[layer]))
        for layer in range(n_layers)
    )
    return Architecture(
        keys.size("vocab_size"),
        block.d_model,
        layers=tuple(layers.items()),
        is_tied=keys.flag("tie_word_embeddings"),
        d_embedding=block.d_model,
    )


def _limits(keys: Keys, kind: object) -> dict[str, int | None]:
    """Which keys a position sees, as fields of ``Layer``."""
    if kind not in KINDS:
        raise keys.problem("layer_types", f"{kind!r} is none of {', '.join(KINDS)}")
    if kind == FULL:
        return {}
    name, field, limit = {
        SLIDING: ("sliding_window", "window", keys.window),
        CHUNKED: ("attention_chunk_size", "chunk", keys.optional("attention_chunk_size")),
    }[str(kind)]
    if limit is None:
        raise keys.problem(name, f"not set, but there are layers of {kind}")
    return {field: limit}


def _grouped(keys: Keys) -> Attention:
    """Grouped queries without biases; as many heads of keys as of queries if nothing is said."""
    d_model, n_heads = keys.size("hidden_size"), keys.size("num_attention_heads")
    n_kv_heads = keys.optional("num_key_value_heads") or n_heads
    d_head = keys.optional("head_dim")
    if n_heads % n_kv_heads:
        raise keys.problem("num_key_value_heads", f"{n_kv_heads} does not divide {n_heads} heads")
    if d_head is None and d_model % n_heads:
        raise keys.problem("num_attention_heads", f"{n_heads} does not divide {d_model}")
    return Attention(d_model, n_heads, n_kv_heads, d_head or d_model // n_heads)


def _with_biased_inputs(keys: Keys) -> Attention:
    return replace(_grouped(keys), qkv_bias=True)


def _with_norms_of_heads(keys: Keys) -> Attention:
    attention = _attention(keys)
    return replace(attention, norms=2 * attention.d_head)


def _with_norms_of_all_heads(keys: Keys) -> Attention:
    """Differs from others: one norm over the queries of all heads, and one over all keys."""
    attention = _attention(keys)
    norms = (attention.n_heads + attention.n_kv_heads) * attention.d_head
    return replace(attention, norms=norms)


def _with_sinks(keys: Keys) -> Attention:
    return replace(_attention(keys), has_sinks=True)


def _latent(keys: Keys) -> LatentAttention:
    return LatentAttention(
        d_model=keys.size("hidden_size"),
        n_heads=keys.size("num_attention_heads"),
        q_rank=keys.optional("q_lora_rank"),
        kv_rank=keys.size("kv_lora_rank"),
        d_plain=keys.size("qk_nope_head_dim"),
        d_rotary=keys.size("qk_rope_head_dim"),
        d_value=keys.size("v_head_dim"),
        bias=keys.flag("attention_bias"),
    )


def _gated(keys: Keys, size: str, times: int = 1) -> FeedForward:
    d_ff = times * keys.size(size)
    return FeedForward(keys.size("hidden_size"), d_ff, bias=keys.flag("mlp_bias"))


def _experts(keys: Keys, size: str) -> Experts:
    """Without shared ones, their ``size`` under that key."""
    n_experts, n_active = keys.size("num_local_experts"), keys.size("num_experts_per_tok")
    if n_active > n_experts:
        raise keys.problem("num_experts_per_tok", f"{n_active}, but there are {n_experts} experts")
    return Experts(_gated(keys, size), n_experts, n_active)


def _mixtral(keys: Keys, _: int) -> Experts:
    return _experts(keys, "intermediate_size")


def _gpt_oss(keys: Keys, _: int) -> Experts:
    experts = _experts(keys, "intermediate_size")
    return replace(experts, expert=replace(experts.expert, bias=True), router_bias=True)


def _qwen3_moe(keys: Keys, layer: int) -> FeedForward | Experts:
    dense = keys.indices("mlp_only_layers") or []
    if layer in dense or (layer + 1) % keys.size("decoder_sparse_step"):
        return _gated(keys, "intermediate_size")
    return _experts(keys, "moe_intermediate_size")


def _llama4(keys: Keys, layer: int) -> FeedForward | Experts:
    sparse = keys.indices("moe_layers")
    if sparse is None:
        is_sparse = (layer + 1) % keys.size("interleave_moe_layer_step") == 0
    else:
        is_sparse = layer in sparse
    if not is_sparse:
        return _gated(keys, "intermediate_size_mlp")
    shared = _gated(keys, "intermediate_size")
    return replace(_experts(keys, "intermediate_size"), shared=shared)


def _deepseek(keys: Keys, layer: int) -> FeedForward | Experts:
    first = keys.size("first_k_dense_replace", low=0)
    if layer < first or layer % keys.size("moe_layer_freq"):
        return _gated(keys, "intermediate_size")
    experts = _experts(keys, "moe_intermediate_size")
    n_shared = keys.size("n_shared_experts", low=0)
    shared = _gated(keys, "moe_intermediate_size", n_shared) if n_shared else None
    return replace(experts, shared=shared, buffers=experts.n_experts)


def _sliding_after_first(keys: Keys, layer: int) -> str:
    first = keys.size("max_window_layers", low=0)
    return SLIDING if keys.window and layer >= first else FULL


def _every_other_sliding(_: Keys, layer: int) -> str:
    return SLIDING if (layer + 1) % 2 else FULL


def _sliding_by_pattern(keys: Keys, layer: int) -> str:
    return SLIDING if (layer + 1) % keys.size("sliding_window_pattern") else FULL


def _chunked_where_rotary(keys: Keys, layer: int) -> str:
    """Despite its name, ``no_rope_layers`` says 1 where a layer has rotary positions."""
    told = keys.per_layer("no_rope_layers")
    if told is None:
        is_rotary = bool((layer + 1) % keys.size("no_rope_layer_interval"))
    elif told[layer] in (0, 1):
        is_rotary = told[layer] == 1
    else:
        raise keys.problem("no_rope_layers", f"{told[layer]!r} is neither 0 nor 1")
    return CHUNKED if is_rotary and keys.optional("attention_chunk_size") else FULL


def _deepseek_v3(keys: Keys) -> Architecture:
    decoder = _rotary(keys, attention=_latent, feed_forward=_deepseek)
    if not keys.values.get("num_nextn_predict_layers"):
        return decoder
    warning = "deepseek_v3: layers that predict several tokens ahead are not counted"
    return replace(decoder, warnings=(warning,))


FAMILIES: dict[str, Callable[[Keys], Architecture]] = {
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "opt": _opt,
    "bloom": _bloom,
    "phi": _phi,
    "phi3": _rotary,
    "llama": _rotary,
    "llama4_text": partial(_rotary, feed_forward=_llama4, kind=_chunked_where_rotary),
    "mistral": _rotary,
    "mixtral": partial(_rotary, feed_forward=_mixtral),
    "qwen2": partial(_rotary, attention=_with_biased_inputs, kind=_sliding_after_first),
    "qwen3": partial(_rotary, attention=_with_norms_of_heads, kind=_sliding_after_first),
    "qwen3_moe": partial(_rotary, attention=_with_norms_of_heads, feed_forward=_qwen3_moe),
    "gemma": _rotary,
    "gemma2": partial(_rotary, kind=_every_other_sliding, n_norms=4),
    "gemma3_text": partial(
        _rotary, attention=_with_norms_of_heads, kind=_sliding_by_pattern, n_norms=4
    ),
    "olmo2": partial(_rotary, attention=_with_norms_of_all_heads),
    "gpt_oss": partial(
        _rotary, attention=_with_sinks, feed_forward=_gpt_oss, kind=_every_other_sliding
    ),
    "deepseek_v3": _deepseek_v3,
}
"""Model type -> what builds its decoder."""
