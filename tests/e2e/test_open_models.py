"""Models that others made write here what they write in transformers, token for token."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from bedstone.model import hugging_face
from bedstone.model.cache import KVCache

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parents[2] / ".models"
STORIES, STORIES_TOKENS = MODELS / "stories260K.bin", MODELS / "tok512.bin"
SMOLLM2 = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf"
MAX_TOKENS = 64
STORIES_START = 1
"""The token that stands before every story."""


def present(*paths):
    if missing := [path for path in paths if not path.exists()]:
        pytest.skip(f"the checkout's folder .models holds no {missing[0].name}")
    return paths[0]


def greedy(model, prompt):
    """The likeliest token, again and again; and by how much the nearest choice was made."""
    cache = KVCache(model.config, torch.zeros(1, dtype=torch.long), len(prompt) + MAX_TOKENS)
    written, margins, logits = [], [], model(torch.tensor([prompt]), cache)
    for _ in range(MAX_TOKENS):
        best, second = logits[0, -1].topk(2).values.tolist()
        margins.append(best - second)
        written.append(logits[0, -1].argmax().item())
        logits = model(torch.tensor([written[-1:]]), cache)
    return written, min(margins)


def assert_the_same_text(model, theirs, prompt):
    with torch.no_grad():
        written, margin = greedy(model, prompt)
        expected = theirs.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=MAX_TOKENS,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )[0, len(prompt) :].tolist()
        whole = torch.tensor([[*prompt, *expected]])
        logits, their_logits = model(whole), theirs(whole).logits
    largest = their_logits.abs().max().item()
    torch.testing.assert_close(logits, their_logits, atol=1e-5 * largest, rtol=0)
    assert written == expected, f"the nearest choice was made by {margin:.1e}"
    return written


def converted(path, folder):
    """A model of llama2.c in Hugging Face's layout.

    The file: seven int32 (width, width of the feed-forward, layers, heads, heads of keys,
    vocabulary, positions), then each kind of weights over all layers, in fp32. There a pair that
    is turned is two neighbours, in Hugging Face's layout it is half a head apart.
    """
    raw = path.read_bytes()
    d, d_ff, layers, heads, kv_heads, vocabulary, positions = struct.unpack_from("7i", raw)
    assert vocabulary > 0, "the embedding is the head"
    weights = torch.from_numpy(np.frombuffer(raw, np.float32, offset=28).copy())
    kv = d // heads * kv_heads

    def taken(*shape):
        nonlocal weights
        part, weights = weights[: np.prod(shape)], weights[np.prod(shape) :]
        return part.view(shape)

    def halved(rows, n_heads):
        pairs = rows.view(layers, n_heads, -1, 2, d)
        return pairs.transpose(2, 3).reshape(rows.shape)

    embedding = taken(vocabulary, d)
    stacked = {
        "input_layernorm": taken(layers, d),
        "self_attn.q_proj": halved(taken(layers, d, d), heads),
        "self_attn.k_proj": halved(taken(layers, kv, d), kv_heads),
        "self_attn.v_proj": taken(layers, kv, d),
        "self_attn.o_proj": taken(layers, d, d),
        "post_attention_layernorm": taken(layers, d),
        "mlp.gate_proj": taken(layers, d_ff, d),
        "mlp.down_proj": taken(layers, d, d_ff),
        "mlp.up_proj": taken(layers, d_ff, d),
    }
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=d,
            intermediate_size=d_ff,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=positions,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
        )
    )
    tensors = {"model.embed_tokens.weight": embedding, "model.norm.weight": taken(d)}
    for name, parts in stacked.items():
        for number, part in enumerate(parts):
            tensors[f"model.layers.{number}.{name}.weight"] = part
    model.load_state_dict(tensors | {"lm_head.weight": embedding})
    model.save_pretrained(folder)
    return model.eval()


def spelt(token_ids, path):
    """The text of tokens; the file: an int32, then of each a float, its length and its bytes."""
    raw, place, pieces = path.read_bytes(), 4, []
    while place < len(raw):
        _, length = struct.unpack_from("fi", raw, place)
        place += 8 + length
        pieces.append(raw[place - length : place])
    return b"".join(pieces[token] for token in token_ids).decode()


def test_stories260k_writes_what_it_writes_in_transformers(tmp_path):
    theirs = converted(present(STORIES, STORIES_TOKENS), tmp_path)
    written = assert_the_same_text(hugging_face.load(tmp_path), theirs, [STORIES_START])
    story = "Once upon a time, there was a little girl named Lily. She loved to play outside"
    assert spelt(written, STORIES_TOKENS).strip().startswith(story)


def read_by_transformers(path):
    """What ``from_pretrained`` makes of a GGUF file, which itself wants one package more."""
    read = pytest.importorskip("transformers.modeling_gguf_pytorch_utils").load_gguf_checkpoint
    config = transformers.AutoConfig.for_model(**read(path)["config"])
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    tensors = read(path, return_tensors=True, model_to_load=model)["tensors"]
    left_out = model.load_state_dict(tensors, strict=False)
    assert left_out.missing_keys == ["lm_head.weight"]
    assert not left_out.unexpected_keys
    model.tie_weights()
    return model.eval()


@pytest.mark.slow
def test_smollm2_writes_what_it_writes_in_transformers():
    from bedstone.model import gguf
    from bedstone.text import gguf_file

    path = present(SMOLLM2)
    contents = gguf_file.read(path)
    ids = {text: number for number, text in enumerate(contents.fields["tokenizer.ggml.tokens"])}
    prompt = [ids[text] for text in ("Once", "Ġupon", "Ġa", "Ġtime")]
    written = assert_the_same_text(gguf.load(contents), read_by_transformers(path), prompt)
    assert len(set(written)) > MAX_TOKENS / 3
    assert contents.ends == {ids["<|im_end|>"]}
    assert "<|im_start|>" in contents.chat_template
