"""Models of the store as others load them: a folder for transformers, a file for llama.cpp."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedstone.errors import printable
from bedstone.model import gguf, hugging_face
from bedstone.model.hugging_face import CONFIG, GENERATION, WEIGHTS
from bedstone.store.artifact import Artifact
from bedstone.store.payload import whole_folder
from bedstone.text.encoder import CONFIG_FILE, END, FILE, read_values
from bedstone.text.gguf_tokens import fields_of

CARD = "README.md"
ANSWERING = ("posttrain.sft", "posttrain.prefer")
"""Stages whose models know turns."""
STAGES = ("pretrain.train", *ANSWERING)
Values = dict[str, Any]


def write_folder(artifact: Artifact, folder: Path, card: str, sampling: Values) -> None:
    """What transformers loads, so that it writes what ``bedstone sample`` does.

    A tokeniser puts before a text the end of another, as in training; not before a conversation.

    Args:
        artifact: a model's.
        folder: is made.
        card: what the model is, for people.
        sampling: how to draw, in transformers' words.
    """
    folder.mkdir()
    for name in (CONFIG, WEIGHTS):
        shutil.copyfile(artifact.file(name), folder / name)
    config, tokenizer, told, generation = (
        json.loads(artifact.file(name).read_text("utf-8"))
        for name in (CONFIG, FILE, CONFIG_FILE, GENERATION)
    )
    length, end = config["max_position_embeddings"], config["eos_token_id"]
    if artifact.manifest.stage not in ANSWERING:
        told.pop("chat_template", None)
    _write(folder / FILE, tokenizer | {"post_processor": _beginning_with(END, end)})
    _write(folder / CONFIG_FILE, told | {"bos_token": END, "model_max_length": length})
    _write(folder / GENERATION, generation | {"pad_token_id": end} | sampling)
    (folder / CARD).write_text(card, "utf-8")


def write_gguf(artifact: Artifact, path: Path, about: Mapping[str, str | list[str]]) -> None:
    """What llama.cpp loads.

    Args:
        artifact: a model's.
        path: the file.
        about: what the model is: ``name``, ``description``, ``languages``.
    """
    folder = whole_folder(artifact)
    template = hugging_face.chat_template(folder)
    is_answering = artifact.manifest.stage in ANSWERING
    (end,) = hugging_face.ends(folder)
    tokens = fields_of(read_values(folder / FILE), end, template if is_answering else None)
    told = {f"general.{key}": _plain(value) for key, value in about.items() if value}
    gguf.save(hugging_face.load(folder), path, told | tokens)


def _plain(value: str | list[str]) -> str | list[str]:
    return printable(value) if isinstance(value, str) else [printable(each) for each in value]


def _beginning_with(token: str, number: int) -> Values:
    """What makes the library put a token before each text, in its own words."""
    first: Values = {"SpecialToken": {"id": token, "type_id": 0}}
    one, other = ([first, {"Sequence": {"id": name, "type_id": n}}] for n, name in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": one,
        "pair": [*one, *other],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]}},
    }


def _write(path: Path, values: Values) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", "utf-8")
