"""The files of a model as Hugging Face lays them out, written by ``save`` and read by ``load``.

Read are the shapes that ``hugging_face_config`` knows, from safetensors in one file or several. A
tensor too many or too few is refused: no model is computed that is another one. Nothing is ever
unpickled.

Source: modeling_*.py of llama, mistral, mixtral, qwen2, qwen3 and qwen3_moe in transformers, and
its conversion_mapping.py, which says that each expert is stored by itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bedstone.counting.shape import ModelConfig
from bedstone.errors import ArtifactError
from bedstone.model import Device, NumberFormat
from bedstone.model.hugging_face_config import HINT, keys_of, model_config, refusal
from bedstone.model.processor import device_of, in_format
from bedstone.model.transformer import Block, Transformer

WEIGHTS, CONFIG, GENERATION = "model.safetensors", "config.json", "generation_config.json"
INDEX = "model.safetensors.index.json"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
QWEN_NAMES, MIXTRAL_NAMES = ("gate_proj", "up_proj", "down_proj"), ("w1", "w3", "w2")
"""Of a feed-forward's matrices; the others call them as Qwen does."""
COMPUTED_FROM_CONFIG = "rotary_emb.inv_freq"
"""A tensor that old files hold, and that the config decides."""
NUMBERS = ("F64", "F32", "F16", "BF16")
"""The number formats of weights that are not quantised, as safetensors names them."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file."""

    shape: tuple[int, ...]
    read: Callable[[], Tensor]


def load(folder: Path, number_format: NumberFormat = "fp32", device: Device = "cpu") -> Transformer:
    """The model of a folder, ready to compute in ``number_format``.

    Memory is needed for one copy of the model and one tensor.

    Raises:
        ArtifactError: the folder holds no model, a damaged one, or one that is not computed here.
    """
    config = config_of(folder)
    try:
        stored = {
            name: tensor
            for file in _weight_files(folder)
            for name, tensor in _stored(file)
            if not name.endswith(COMPUTED_FROM_CONFIG)
        }
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{folder} holds no whole model: {error}") from error
    if config.tied and {HEAD, EMBEDDING} <= stored.keys():
        _refuse_other_head(stored.pop(HEAD), stored[EMBEDDING], folder)
    return filled(config, stored, number_format, device, str(folder))


def ends(folder: Path) -> frozenset[int]:
    """The tokens that end a text: the generation config's, or else the config's.

    Raises:
        ArtifactError: a file that cannot be read, or something else than tokens in it.
    """
    files = [path for path in (folder / GENERATION, folder / CONFIG) if path.exists()]
    told = (_json(path).get("eos_token_id") for path in files)
    found: Any = next((each for each in told if each is not None), [])
    listed = found if isinstance(found, list) else [found]
    if not all(type(each) is int for each in listed):
        raise ArtifactError(f"{folder}: eos_token_id: {found!r}, where tokens' ids are expected")
    return frozenset(listed)


def chat_template(folder: Path) -> str | None:
    """The template of a conversation that the folder holds; None if it holds none.

    Raises:
        ArtifactError: a file that cannot be read.
    """
    try:
        if (path := folder / "chat_template.jinja").exists():
            return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
    path = folder / "tokenizer_config.json"
    told = _json(path).get("chat_template") if path.exists() else None
    if isinstance(told, list):
        told = {each["name"]: each["template"] for each in told}.get("default")
    return told


def save(
    model: Transformer,
    part: Callable[[str], AbstractContextManager[Path]],
    end_token: int,
) -> None:
    """Write a model in three files in fp32; ``end_token`` ends a text.

    Raises:
        ValueError: a model of a shape that is not written, see ``hugging_face_config``.
    """
    keys = keys_of(model.config)
    tensors = {name: tensor.float().contiguous() for name, tensor in parts_of(model).items()}
    ends = {"bos_token_id": end_token, "eos_token_id": end_token}
    with part(WEIGHTS) as path:
        try:
            save_file(tensors, path, metadata={"format": "pt"})
        except SafetensorError as error:
            raise OSError(str(error)) from error
    with part(CONFIG) as path:
        path.write_text(json.dumps(keys | ends, indent=2) + "\n", "utf-8")
    with part(GENERATION) as path:
        path.write_text(json.dumps(ends, indent=2) + "\n", "utf-8")


def filled(
    config: ModelConfig,
    stored: Mapping[str, StoredTensor],
    number_format: NumberFormat,
    device: Device,
    where: str,
) -> Transformer:
    """A model with the numbers that are ``stored`` under the names of its parts.

    Raises:
        ArtifactError: they are not its parts: one is missing, too many, or of another shape.
        ConfigError: there is no such device.
    """
    place = device_of(device)
    if config.n_layers > len(stored):  # before a damaged number of layers takes its time
        raise ArtifactError(f"{where}: {config.n_layers} layers, but {len(stored)} tensors")
    try:
        with torch.device("meta"):
            model = Transformer(config)
    except RuntimeError as error:
        raise ArtifactError(f"{where}: no model is as large as its sizes say: {error}") from error
    expected = {name: tuple(part.shape) for name, part in parts_of(model).items()}
    if missing := [name for name in expected if name not in stored]:
        raise ArtifactError(f"{where}: {missing[0]} is missing, and {len(missing) - 1} more")
    if odd := sorted(set(stored) - set(expected)):
        raise ArtifactError(f"{where}: {odd[0]} is no part of such a model", hint=HINT)
    for name, shape in expected.items():
        if stored[name].shape != shape:
            raise ArtifactError(
                f"{where}: {name} has the shape {stored[name].shape}, expected {shape}"
            )
    model = in_format(model, number_format, place).to_empty(device=place)
    with torch.no_grad():
        for name, part in parts_of(model).items():
            part.copy_(stored[name].read())
    return model


def config_of(folder: Path) -> ModelConfig:
    """The shape of a folder's model.

    Raises:
        ArtifactError: the folder holds no model, or one that is not computed here.
    """
    return model_config(_json(folder / CONFIG), str(folder / CONFIG))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path.parent} holds no model: {path.name} is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise ArtifactError(f"{path} is no JSON object")
    return found


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    if (folder / INDEX).exists():
        told = _json(folder / INDEX).get("weight_map")
        names = told.values() if isinstance(told, dict) else [None]
        if not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise ArtifactError(f"{folder / INDEX}: weight_map: files of its folder are expected")
        return [folder / name for name in sorted(set(names))]
    if pickled := sorted([*folder.glob("*.bin"), *folder.glob("*.pt*")]):
        raise ArtifactError(
            f"{folder} holds its weights in {pickled[0].name}: a pickle, which can run any program",
            hint="load it with transformers where you trust it: save_pretrained writes safetensors",
        )
    raise ArtifactError(f"{folder} holds no model: {WEIGHTS} is missing")


def _stored(file: Path) -> Iterator[tuple[str, StoredTensor]]:
    opened: Any = safe_open(file, framework="pt")
    for name in sorted(opened.keys()):
        part = opened.get_slice(name)
        if part.get_dtype() not in NUMBERS:
            raise refusal(str(file), name, part.get_dtype())
        yield name, StoredTensor(tuple(part.get_shape()), partial(opened.get_tensor, name))


def _refuse_other_head(head: StoredTensor, embedding: StoredTensor, folder: Path) -> None:
    if not torch.equal(head.read(), embedding.read()):
        raise ArtifactError(
            f"{folder}: {HEAD} is not the embedding, but {CONFIG} says tie_word_embeddings"
        )


def parts_of(model: Transformer) -> dict[str, Tensor]:
    """Views of the weights, by the names that Hugging Face gives them."""
    c = model.config
    parts = {EMBEDDING: model.embedding.data, "model.norm.weight": model.norm.data}
    if not c.tied:
        parts[HEAD] = model.head.data
    for index, block in enumerate(cast("list[Block]", model.blocks)):
        named = _of_block(block, c)
        parts |= {f"model.layers.{index}.{name}": part for name, part in named.items()}
    return parts


def _of_block(block: Block, config: ModelConfig) -> dict[str, Tensor]:
    c = config
    kv = c.n_kv_heads * c.d_head
    split = [c.n_heads * c.d_head, kv, kv]
    q, k, v = torch.split(block.qkv.data, split)
    parts = {
        "input_layernorm.weight": block.attention_norm.data,
        "self_attn.q_proj.weight": q,
        "self_attn.k_proj.weight": k,
        "self_attn.v_proj.weight": v,
        "self_attn.o_proj.weight": block.attention_out.data,
        "post_attention_layernorm.weight": block.ff_norm.data,
    }
    if block.qkv_bias is not None:
        for letter, bias in zip("qkv", torch.split(block.qkv_bias.data, split), strict=True):
            parts[f"self_attn.{letter}_proj.bias"] = bias
    if c.qk_norm:
        parts["self_attn.q_norm.weight"] = block.q_norm.data
        parts["self_attn.k_norm.weight"] = block.k_norm.data
    if block.experts is None:
        return parts | _of_feed_forward("mlp.", QWEN_NAMES, block.gate_up.data, block.ff_out.data)
    own, names = ("mlp", QWEN_NAMES) if c.qk_norm else ("block_sparse_moe", MIXTRAL_NAMES)
    parts[f"{own}.gate.weight"] = block.experts.router.data
    pairs = zip(block.experts.gate_up.data, block.experts.ff_out.data, strict=True)
    for number, (gate_up, out) in enumerate(pairs):
        parts |= _of_feed_forward(f"{own}.experts.{number}.", names, gate_up, out)
    return parts


def _of_feed_forward(
    start: str, names: tuple[str, str, str], gate_up: Tensor, out: Tensor
) -> dict[str, Tensor]:
    matrices = (*gate_up.chunk(2), out)
    return {f"{start}{name}.weight": it for name, it in zip(names, matrices, strict=True)}
