"""Models in GGUF files: those of llama.cpp's architectures llama, qwen2 and qwen3.

``load`` reads such a file, ``save`` writes one; models with experts, whose architectures are llama
and qwen3moe there, are written only.

A model of Mistral's is one of ``llama`` there, without its window, as in llama.cpp. Quantised
weights become the numbers that they stand for.

Source: the specification of GGUF and convert_hf_to_gguf.py, both in github.com/ggml-org.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from bedstone.counting.shape import ModelConfig, RopeScaling
from bedstone.errors import ArtifactError
from bedstone.model import Device, NumberFormat
from bedstone.model.cache import rotary_rates, slowed
from bedstone.model.hugging_face import (
    EMBEDDING,
    HEAD,
    MIXTRAL_NAMES,
    QWEN_NAMES,
    StoredTensor,
    filled,
    parts_of,
)
from bedstone.model.hugging_face_config import model_config, refusal
from bedstone.model.transformer import Transformer
from bedstone.text.gguf_file import Contents

ARCHITECTURES = ("llama", "qwen2", "qwen3")
NEEDED = {
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "context_length": "max_position_embeddings",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
"""Key of an architecture -> Hugging Face's key."""
KNOWN = {
    *NEEDED,
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "vocab_size",
    "tensor_data_layout",
}
"""Keys of an architecture; any other may ask for something that is not computed here."""
TABLE = "token_embd.weight"
NAMES = {
    TABLE: EMBEDDING,
    "output_norm.weight": "model.norm.weight",
    "output.weight": HEAD,
}
BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
BLOCK_NAME = re.compile(r"blk\.(?P<block>\d+)\.(?P<part>\w+)\.(?P<kind>weight|bias)")
ROPE_FACTORS = "rope_freqs.weight"
"""By what the rate of each pair of dimensions is divided."""
ROUTER = "ffn_gate_inp"
THEIRS = {name: stored for stored, name in (NAMES | BLOCK_NAMES).items()} | {
    "mlp.gate": ROUTER,
    "block_sparse_moe.gate": ROUTER,
}
"""Hugging Face's names -> GGUF's, in a block without its number and kind."""
EXPERT_NAME = re.compile(r"model\.layers\.(?P<block>\d+)\.\w+\.experts\.\d+\.(?P<part>\w+)\.weight")
EXPERT_NAMES = {
    name: f"ffn_{kind}_exps"
    for names in (QWEN_NAMES, MIXTRAL_NAMES)
    for name, kind in zip(names, ("gate", "up", "down"), strict=True)
}
FORMATS = gguf.GGMLQuantizationType
KINDS = {
    bool: gguf.GGUFValueType.BOOL,
    int: gguf.GGUFValueType.UINT32,
    float: gguf.GGUFValueType.FLOAT32,
    str: gguf.GGUFValueType.STRING,
    list: gguf.GGUFValueType.ARRAY,
}


def load(
    contents: Contents, number_format: NumberFormat = "fp32", device: Device = "cpu"
) -> Transformer:
    """The model of a file, ready to compute in ``number_format``.

    Memory is needed for one copy of the model and one tensor.

    Raises:
        ArtifactError: a model or a quantisation that is not computed here, or a damaged file.
    """
    config = config_of(contents)
    is_llama = contents.fields["general.architecture"] == "llama"
    heads = {"attn_q": config.n_heads, "attn_k": config.n_kv_heads} if is_llama else {}
    stored = {}
    for name, tensor in contents.tensors.items():
        if name != ROPE_FACTORS:
            n_heads = next((n for part, n in heads.items() if f".{part}." in name), None)
            numbers = partial(_numbers, tensor, n_heads, str(contents.path))
            stored[_renamed(name)] = StoredTensor(_shape(tensor), numbers)
    return filled(config, stored, number_format, device, str(contents.path))


def save(model: Transformer, path: Path, fields: Mapping[str, Any]) -> None:
    """Write a model in one file, its matrices in fp16; in bf16 if a weight is too large.

    Args:
        model: in fp32.
        path: the file.
        fields: what the file says besides: of the tokeniser, and of what the model is.

    Raises:
        ArtifactError: a model that llama.cpp has no architecture for: its positions are scaled, it
            sees through a window, or some layers have no experts or weights that are not normed.
    """
    c = model.config
    has_own_experts = c.experts and (c.experts.dense_layers or not c.experts.normed)
    if c.window_tokens or c.rope_scaling or has_own_experts:
        raise ArtifactError(
            "this model cannot be written for llama.cpp: positions that are scaled, windows, "
            "layers without experts beside others and weights that are not normed are not",
            hint="write it as a folder for transformers",
        )
    architecture = _architecture(c)
    turned = {"attn_q": c.n_heads, "attn_k": c.n_kv_heads} if architecture == "llama" else {}
    parts = parts_of(model)
    is_large = max(part.abs().max().item() for part in parts.values()) > torch.finfo(torch.half).max
    matrices = FORMATS.BF16 if is_large else FORMATS.F16
    writer = gguf.GGUFWriter(path, architecture)
    shape = {f"{architecture}.{key}": value for key, value in _shape_fields(c).items()}
    for key, value in {**fields, **shape}.items():
        writer.add_key_value(key, value, KINDS[type(value)])
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{matrices.name}"])
    for told, part in _named(parts).items():
        is_matrix = part.ndim > 1 and ROUTER not in told
        kind = matrices if is_matrix else gguf.GGMLQuantizationType.F32
        n_heads = next((n for letter, n in turned.items() if f".{letter}." in told), None)
        rows = part if n_heads is None else _interleaved(part, n_heads)
        writer.add_tensor(told, gguf.quantize(rows.numpy(), kind), raw_dtype=kind)
    with closing(writer):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()


def config_of(contents: Contents) -> ModelConfig:
    """The shape that the metadata tell.

    Raises:
        ArtifactError: a key or value that is not computed here.
    """
    fields, where = contents.fields, str(contents.path)
    architecture = fields.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise refusal(where, "general.architecture", architecture)
    start = f"{architecture}."
    told = {key.removeprefix(start): it for key, it in fields.items() if key.startswith(start)}
    if odd := sorted(told.keys() - KNOWN):
        raise refusal(where, start + odd[0], told[odd[0]])
    if missing := [start + key for key in NEEDED if key not in told]:
        raise ArtifactError(f"{where}: {missing[0]} is missing")
    if TABLE not in contents.tensors:
        raise ArtifactError(f"{where}: {TABLE} is missing")
    config = model_config(_as_hugging_face(architecture, told, contents), where)
    for key in ("attention.value_length", "rope.dimension_count"):
        if told.get(key, config.d_head) != config.d_head:
            raise refusal(where, start + key, told[key])
    if ROPE_FACTORS in contents.tensors:
        scaling = _llama3(contents.tensors[ROPE_FACTORS], config, where)
        return config.model_copy(update={"rope_scaling": scaling})
    return config


def _as_hugging_face(
    architecture: str, told: Mapping[str, Any], contents: Contents
) -> dict[str, Any]:
    """The keys of a ``config.json``, none of them left to Hugging Face's own values."""
    kind = told.get("rope.scaling.type", "none")
    rope = {
        "rope_type": "default" if kind == "none" else kind,
        "rope_theta": told.get("rope.freq_base", 10_000.0),
        "factor": told.get("rope.scaling.factor", 1.0),
    }
    return {theirs: told[key] for key, theirs in NEEDED.items()} | {
        "model_type": architecture,
        "vocab_size": _shape(contents.tensors[TABLE])[0],
        "num_key_value_heads": told.get("attention.head_count_kv"),
        "head_dim": told.get("attention.key_length"),
        "tie_word_embeddings": "output.weight" not in contents.tensors,
        "rope_parameters": rope,
    }


def _llama3(tensor: gguf.ReaderTensor, config: ModelConfig, where: str) -> RopeScaling:
    """The scaling that the factors come from: Llama 3's, by a factor that varies."""
    factors = _numbers(tensor, None, where)
    try:
        scaling = RopeScaling(kind="llama3", factor=factors.max().item())
    except ValidationError as error:
        raise refusal(where, ROPE_FACTORS, factors.tolist()) from error
    rates = rotary_rates(config)
    is_same = factors.shape == rates.shape and torch.allclose(
        rates / slowed(rates, scaling), factors, rtol=1e-5
    )
    if not is_same or config.rope_scaling:
        raise refusal(where, ROPE_FACTORS, factors.tolist())
    return scaling


def _shape(tensor: gguf.ReaderTensor) -> tuple[int, ...]:
    return tuple(tensor.shape[::-1].tolist())


def _numbers(tensor: gguf.ReaderTensor, n_heads: int | None, where: str) -> Tensor:
    """As Hugging Face lays them out.

    Args:
        tensor: in the file.
        n_heads: of one whose rows stand in llama.cpp's order: a pair that is turned is two
            neighbours there, and half a head apart here. None: the order is the same.
        where: the file, for messages.
    """
    try:
        numbers = gguf.dequantize(tensor.data, tensor.tensor_type)
    except NotImplementedError as error:
        raise refusal(where, tensor.name, tensor.tensor_type.name) from error
    found = torch.from_numpy(np.require(numbers, requirements="W"))
    if n_heads is None:
        return found
    return found.view(n_heads, -1, 2, found.shape[-1]).transpose(1, 2).reshape(found.shape)


def _architecture(config: ModelConfig) -> str:
    if config.qk_norm:
        return "qwen3moe" if config.experts else "qwen3"
    return "qwen2" if config.qkv_bias else "llama"


def _shape_fields(config: ModelConfig) -> dict[str, Any]:
    c, experts, its = config, config.experts, {}
    if experts:
        its = {
            "expert_count": experts.n_experts,
            "expert_used_count": experts.n_active_experts,
            "expert_feed_forward_length": experts.d_expert or c.d_ff,
        }
    return its | {
        "vocab_size": c.vocab_size,
        "block_count": c.n_layers,
        "context_length": c.seq_len,
        "embedding_length": c.d_model,
        "feed_forward_length": c.d_ff,
        "attention.head_count": c.n_heads,
        "attention.head_count_kv": c.n_kv_heads,
        "attention.key_length": c.d_head,
        "attention.value_length": c.d_head,
        "attention.layer_norm_rms_epsilon": c.norm_eps,
        "rope.dimension_count": c.d_head,
        "rope.freq_base": c.rope_theta,
    }


def _interleaved(rows: Tensor, n_heads: int) -> Tensor:
    """The way back of ``_numbers``."""
    return rows.view(n_heads, 2, -1, rows.shape[-1]).transpose(1, 2).reshape(rows.shape)


def _named(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by GGUF's names; there a matrix of all experts of a layer is one tensor."""
    found: dict[str, Tensor] = {}
    of_experts = defaultdict[str, list[Tensor]](list)
    for name, part in parts.items():
        expert = EXPERT_NAME.fullmatch(name)
        if expert is None:
            found[_stored_name(name)] = part
        else:
            told = f"blk.{expert['block']}.{EXPERT_NAMES[expert['part']]}.weight"
            of_experts[told].append(part)
    return found | {name: torch.stack(each) for name, each in of_experts.items()}


def _stored_name(name: str) -> str:
    """What GGUF calls a tensor of Hugging Face's name."""
    if name in THEIRS:
        return THEIRS[name]
    block, _, kind = name.removeprefix("model.layers.").rpartition(".")
    number, _, part = block.partition(".")
    return f"blk.{number}.{THEIRS[part]}.{kind}"


def _renamed(name: str) -> str:
    """What Hugging Face calls a tensor; one that it does not know keeps its name."""
    if name in NAMES:
        return NAMES[name]
    found = BLOCK_NAME.fullmatch(name)
    if found is None or found["part"] not in BLOCK_NAMES:
        return name
    return f"model.layers.{found['block']}.{BLOCK_NAMES[found['part']]}.{found['kind']}"
