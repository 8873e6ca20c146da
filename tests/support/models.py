"""Small models on disk, and a real one where it was fetched."""

import json
import math
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bedstone.counting.shape import ModelConfig
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer

END, USER, ASSISTANT = range(3)
SMOLLM2 = Path(__file__).parents[2] / ".models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
needs_smollm2 = pytest.mark.skipif(
    not SMOLLM2.exists(), reason=f"the checkout's folder .models holds no {SMOLLM2.name}"
)
UNIGRAM = {"x": 0.4, "7": 0.3, "8": 0.3}
"""What the model writes, whatever was before; greedy, no answer to a question for a number."""
SHAPE = ModelConfig(
    vocab_size=259, n_layers=1, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=512
)


def write_model(folder, tokenizer):
    """A folder with a model of random numbers that sees 512 tokens, each of a byte."""
    folder.mkdir()

    @contextmanager
    def part(name):
        yield folder / name

    hugging_face.save(Transformer(SHAPE), part, end_token=END)
    for path in tokenizer.files:
        shutil.copy(path, folder)
    return folder


def bytes_of(text):
    return [3 + byte for byte in text.encode()]


def changed(path, **values):
    stored = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in stored.items() if value is not None}))


def write_unigram(folder, tokenizer, shares):
    """A model that writes each of these characters with its chance, and nothing else; "" ends."""
    write_model(folder, tokenizer)
    changed(folder / "config.json", tie_word_embeddings=False)
    tensors = load_file(folder / "model.safetensors")
    head = torch.full_like(tensors["model.embed_tokens.weight"], -30 / 16)
    for character, share in shares.items():
        head[bytes_of(character)[0] if character else END] = math.log(share) / 16
    for name, tensor in tensors.items():
        tensor.fill_(1 if "norm" in name or "embed" in name else 0)
    save_file(tensors | {"lm_head.weight": head}, folder / "model.safetensors")
    return folder


def write_problems(path):
    lines = [{"prompts": [f"{n}?", f"What is {n}?"], "answer": "7"} for n in range(60)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
