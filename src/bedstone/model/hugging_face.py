"""The files of a model: those that Hugging Face's ``LlamaForCausalLM`` reads."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bedstone.errors import ArtifactError
from bedstone.model.transformer import DTYPES, Block, ModelConfig, NumberFormat, Transformer

OF_NO_EFFECT = ("dtype", "initializer_range")
"""Keys that say nothing of what a trained model computes."""
WEIGHTS, CONFIG, GENERATION = "model.safetensors", "config.json", "generation_config.json"


def load(folder: Path, number_format: NumberFormat = "fp32") -> Transformer:
    """The model that ``save`` wrote, ready to compute in ``number_format``.

    Raises:
        ArtifactError: the folder holds no such model.
    """
    try:
        stored = json.loads((folder / CONFIG).read_text("utf-8"))
        tensors = load_file(folder / WEIGHTS)
    except OSError as error:
        raise ArtifactError(f"{folder} holds no model: {error}") from error
    model = Transformer(_read(stored, folder))
    with torch.no_grad():
        for name, part in _parts(model).items():
            part.copy_(tensors[name])
    return model.to(DTYPES[number_format])


def save(
    model: Transformer,
    part: Callable[[str], AbstractContextManager[Path]],
    end_token: int,
) -> None:
    """Write the model's three files in fp32, each by ``part``; ``end_token`` ends a text."""
    tensors = {name: tensor.float().contiguous() for name, tensor in _parts(model).items()}
    ends = {"bos_token_id": end_token, "eos_token_id": end_token}
    with part(WEIGHTS) as path:
        save_file(tensors, path, metadata={"format": "pt"})
    with part(CONFIG) as path:
        path.write_text(json.dumps(_to_hugging_face(model.config) | ends, indent=2) + "\n", "utf-8")
    with part(GENERATION) as path:
        path.write_text(json.dumps(ends, indent=2) + "\n", "utf-8")


def _parts(model: Transformer) -> dict[str, Tensor]:
    """Views of the weights, by the names that Hugging Face gives them."""
    c = model.config
    parts = {
        "model.embed_tokens.weight": model.embedding.data,
        "model.norm.weight": model.norm.data,
    }
    if not c.tied:
        parts["lm_head.weight"] = model.head.data
    kv = c.n_kv_heads * c.d_head
    for index, block in enumerate(cast("list[Block]", model.blocks)):
        q, k, v = torch.split(block.qkv.data, [c.n_heads * c.d_head, kv, kv])
        gate, up = block.gate_up.data.chunk(2)
        names = {
            "input_layernorm": block.attention_norm.data,
            "self_attn.q_proj": q,
            "self_attn.k_proj": k,
            "self_attn.v_proj": v,
            "self_attn.o_proj": block.attention_out.data,
            "post_attention_layernorm": block.ff_norm.data,
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": block.ff_out.data,
        }
        parts |= {f"model.layers.{index}.{name}.weight": part for name, part in names.items()}
    return parts


def _to_hugging_face(config: ModelConfig) -> dict[str, Any]:
    c = config
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


def _read(stored: dict[str, Any], folder: Path) -> ModelConfig:
    """The shape, if the model is one that ``save`` could have written: others compute otherwise."""
    try:
        config = _from_hugging_face(stored)
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"{folder / CONFIG} is of no model of Bedstone's: {error}") from error
    written = {key: it for key, it in _to_hugging_face(config).items() if key not in OF_NO_EFFECT}
    if odd := [key for key, value in written.items() if stored.get(key) != value]:
        raise ArtifactError(f"{folder / CONFIG} is of no model of Bedstone's: {', '.join(odd)}")
    return config


def _from_hugging_face(stored: dict[str, Any]) -> ModelConfig:
    return ModelConfig(
        vocab_size=stored["vocab_size"],
        n_layers=stored["num_hidden_layers"],
        d_model=stored["hidden_size"],
        n_heads=stored["num_attention_heads"],
        n_kv_heads=stored["num_key_value_heads"],
        d_ff=stored["intermediate_size"],
        seq_len=stored["max_position_embeddings"],
        rope_theta=stored["rope_parameters"]["rope_theta"],
        norm_eps=stored["rms_norm_eps"],
        tied=stored["tie_word_embeddings"],
    )
