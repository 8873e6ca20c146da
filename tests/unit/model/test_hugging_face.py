import json
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import load_file, save_file

from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.errors import ArtifactError, BedstoneError
from bedstone.model import hugging_face
from bedstone.model.cache import KVCache
from bedstone.model.transformer import Transformer
from bedstone.store import work

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=50, n_layers=2, d_model=24, n_heads=6, n_kv_heads=2, d_ff=20, seq_len=16
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def made(**changes):
    """A model whose weights are large enough that every part of it matters."""
    model = Transformer(SHAPE.model_copy(update=changes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return model


def tokens(rows=3, length=9):
    return torch.randint(SHAPE.vocab_size, (rows, length))


def saved(model, folder):
    @contextmanager
    def part(name):
        yield folder / name

    hugging_face.save(model, part, end_token=0)
    return folder


def test_weights_that_find_no_room_are_named(tmp_path, little_room):
    def part(name):
        return work.written(tmp_path / name)

    told = r"model\.safetensors\.[0-9a-f]+\.part cannot be written: .*File too large"
    with pytest.raises(BedstoneError, match=told), little_room():
        hugging_face.save(made(), part, end_token=0)


MIXTRALS = ExpertsConfig(n_experts=4, n_active_experts=2)
QWENS = ExpertsConfig(n_experts=4, n_active_experts=3, d_expert=12, normed=False, dense_layers=(0,))
WRITTEN = [
    ({"tied": True}, "Llama"),
    ({"tied": False}, "Llama"),
    ({"qk_norm": True}, "Qwen3"),
    ({"experts": MIXTRALS}, "Mixtral"),
    ({"experts": QWENS, "qk_norm": True, "tied": False}, "Qwen3Moe"),
]


@pytest.mark.parametrize(("changes", "family"), WRITTEN)
def test_transformers_computes_the_same(tmp_path, changes, family):
    transformers = pytest.importorskip("transformers")
    model = made(**changes)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(saved(model, tmp_path))
    assert type(theirs).__name__ == f"{family}ForCausalLM"
    prompt = tokens()
    with torch.no_grad():
        torch.testing.assert_close(model(prompt), theirs(prompt).logits, atol=1e-4, rtol=0)
    expected = theirs.generate(prompt, max_new_tokens=6, do_sample=False, eos_token_id=None)
    text = prompt
    for _ in range(6):
        text = torch.cat([text, model(text)[:, -1].argmax(-1, keepdim=True)], 1)
    assert text.tolist() == expected.tolist()


@pytest.mark.parametrize(("changes", "family"), WRITTEN)
def test_a_saved_model_is_loaded_as_it_was(tmp_path, changes, family):
    model = made(**changes)
    loaded = hugging_face.load(saved(model, tmp_path))
    assert loaded.config == model.config
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["architectures"] == [f"{family}ForCausalLM"]
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name])
    assert hugging_face.load(tmp_path, "bf16").embedding.dtype == torch.bfloat16


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ArtifactError, match="holds no model"):
        hugging_face.load(tmp_path)


# Models made elsewhere.

TINY = {
    "vocab_size": 50,
    "num_hidden_layers": 3,
    "hidden_size": 24,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 64,
    "pad_token_id": None,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR_ROPE = {"rope_type": "linear", "rope_theta": 1_000.0, "factor": 2.5}
WINDOW = {"sliding_window": 4}
EXPERTS = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2}
MODELS = [
    ("Llama", {}),
    ("Llama", {"tie_word_embeddings": True, "rms_norm_eps": 0.01}),
    ("Llama", {"head_dim": 6}),
    ("Llama", {"rope_parameters": LLAMA3_ROPE}),
    ("Llama", {"rope_parameters": LINEAR_ROPE}),
    ("Mistral", WINDOW),
    ("Mistral", {"sliding_window": None, "head_dim": 8}),
    ("Mixtral", EXPERTS),
    ("Mixtral", {**EXPERTS, **WINDOW, "head_dim": 8, "tie_word_embeddings": True}),
    ("Qwen2", {}),
    ("Qwen2", {**WINDOW, "use_sliding_window": True, "max_window_layers": 1}),
    ("Qwen3", {"head_dim": 6, "tie_word_embeddings": True}),
    ("Qwen3", {**WINDOW, "use_sliding_window": True, "head_dim": 10, "max_window_layers": 2}),
    ("Qwen3Moe", {**EXPERTS, "moe_intermediate_size": 12}),
    ("Qwen3Moe", {**EXPERTS, "norm_topk_prob": True, "mlp_only_layers": [0]}),
    ("Qwen3Moe", {**EXPERTS, **WINDOW, "use_sliding_window": True, "decoder_sparse_step": 2}),
]
NAMES = [f"{family}-{'-'.join(changes)}" for family, changes in MODELS]


def theirs(family, changes):
    """A random model of transformers whose every part matters."""
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, f"{family}Config")(**TINY | changes)
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return model


def step_by_step(model, prompt):
    """The logits of each position, by a cache: a first part together, then one by one."""
    cache = KVCache(model.config, torch.zeros(len(prompt), dtype=torch.long), prompt.shape[1])
    parts = [prompt[:, :3], *prompt[:, 3:].split(1, dim=1)]
    return torch.cat([model(part, cache) for part in parts], 1)


def assert_the_same(model, other, prompt):
    with torch.no_grad():
        expected = other(prompt).logits
        rounding = 1e-5 * expected.abs().max().item()
        for found in (model(prompt), step_by_step(model, prompt)):
            torch.testing.assert_close(found, expected, atol=rounding, rtol=0)


def changed(folder, name="config.json", **changes):
    """The folder, with keys of a JSON file of it changed; None takes a key out."""
    path = folder / name
    stored = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: it for key, it in stored.items() if it is not None}))
    return folder


@pytest.fixture
def llama(tmp_path):
    theirs("Llama", {}).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("family", "changes"), MODELS, ids=NAMES)
def test_logits_are_those_of_transformers(tmp_path, family, changes):
    other = theirs(family, changes)
    other.save_pretrained(tmp_path)
    assert_the_same(hugging_face.load(tmp_path), other, tokens(length=24))


def test_a_window_shows_in_the_logits(tmp_path):
    other = theirs("Mistral", WINDOW)
    other.save_pretrained(tmp_path)
    model = hugging_face.load(changed(tmp_path, sliding_window=9))
    prompt = tokens(length=24)
    with torch.no_grad():
        far = (model(prompt) - other(prompt).logits).abs().amax((0, 2))
    assert far[:4].max() < 1e-5
    assert far[4:].min() > 1e-3


@pytest.mark.parametrize("name", ["type", "rope_type"])
def test_older_configs(tmp_path, name):
    other = theirs("Llama", {"rope_parameters": LLAMA3_ROPE})
    other.save_pretrained(tmp_path)
    scaling = dict(LLAMA3_ROPE)
    theta = scaling.pop("rope_theta")
    scaling[name] = scaling.pop("rope_type")
    changed(tmp_path, rope_parameters=None, rope_theta=theta, rope_scaling=scaling)
    changed(tmp_path, dtype=None, torch_dtype="float32", head_dim=None)
    assert_the_same(hugging_face.load(tmp_path), other, tokens(length=24))


@pytest.mark.parametrize("family", ["Qwen2", "Qwen3"])
def test_older_configs_say_where_windows_start(tmp_path, family):
    other = theirs(family, {**WINDOW, "use_sliding_window": True, "max_window_layers": 2})
    other.save_pretrained(tmp_path)
    model = hugging_face.load(changed(tmp_path, layer_types=None))
    assert model.config.full_layers == (0, 1)
    assert_the_same(model, other, tokens(length=24))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_of_fewer_bits(tmp_path, dtype):
    transformers = pytest.importorskip("transformers")
    theirs("Qwen2", {}).to(getattr(torch, dtype)).save_pretrained(tmp_path)
    other = transformers.Qwen2ForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert_the_same(hugging_face.load(tmp_path), other, tokens())
    kept = hugging_face.load(tmp_path, "bf16")
    assert {weight.dtype for weight in kept.parameters()} == {torch.bfloat16}
    assert torch.equal(kept.embedding, other.model.embed_tokens.weight.bfloat16())


def test_weights_in_several_files(tmp_path):
    other = theirs("Llama", {})
    other.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_the_same(hugging_face.load(tmp_path), other, tokens())
    first = min(tmp_path.glob("*.safetensors"))
    first.rename(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match=r"holds no whole model.*00001-of"):
        hugging_face.load(tmp_path)
    for wrong in ({"lm_head.weight": "../elsewhere"}, {"lm_head.weight": 1}, ["elsewhere"]):
        changed(tmp_path, hugging_face.INDEX, weight_map=wrong)
        with pytest.raises(ArtifactError, match="weight_map: files of its folder are expected"):
            hugging_face.load(tmp_path)


def rewritten(folder, change):
    """The folder, with its tensors as ``change`` leaves them."""
    tensors = load_file(folder / hugging_face.WEIGHTS)
    change(tensors)
    save_file(tensors, folder / hugging_face.WEIGHTS)
    return folder


def test_a_tied_head_may_be_stored_if_it_is_the_embedding(tmp_path):
    other = theirs("Llama", {"tie_word_embeddings": True})
    other.save_pretrained(tmp_path)
    head, embedding = hugging_face.HEAD, hugging_face.EMBEDDING
    rewritten(tmp_path, lambda all_: all_.update({head: all_[embedding].clone()}))
    assert_the_same(hugging_face.load(tmp_path), other, tokens())
    rewritten(tmp_path, lambda all_: all_[head].add_(1))
    with pytest.raises(ArtifactError, match=r"lm_head.weight is not the embedding"):
        hugging_face.load(tmp_path)


UP = "model.layers.1.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda all_: all_.pop(UP), f"{UP} is missing"),
        (lambda all_: all_.pop("lm_head.weight"), "lm_head.weight is missing"),
        (lambda all_: all_.update(more=torch.zeros(1)), "more is no part of such a model"),
        (
            lambda all_: all_.update({"model.layers.3.mlp.up_proj.weight": torch.zeros(20, 24)}),
            "model.layers.3.mlp.up_proj.weight is no part",
        ),
        (
            lambda all_: all_.update({UP: torch.zeros(24, 20)}),
            rf"{UP} has the shape \(24, 20\), expected \(20, 24\)",
        ),
        (lambda all_: all_.update({UP: all_[UP].to(torch.int8)}), f"{UP}: 'I8' is not computed"),
        (
            lambda all_: all_.update({UP: all_[UP].to(torch.float8_e4m3fn)}),
            f"{UP}: 'F8_E4M3' is not computed",
        ),
    ],
)
def test_tensors_that_are_not_the_models(llama, change, message):
    with pytest.raises(ArtifactError, match=message):
        hugging_face.load(rewritten(llama, change))


def test_rates_that_old_files_store_are_those_of_the_config(llama):
    before = hugging_face.load(llama)
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    rewritten(llama, lambda all_: all_.update({name: torch.zeros(2)}))
    assert torch.equal(hugging_face.load(llama).blocks[0].qkv, before.blocks[0].qkv)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 2**31, "head_dim": 2**31}, "no model is as large as its sizes say"),
        ({"num_hidden_layers": 99_999}, "99999 layers, but 30 tensors"),
    ],
)
def test_sizes_that_the_tensors_have_not(llama, changes, message):
    with pytest.raises(ArtifactError, match=message):
        hugging_face.load(changed(llama, **changes))


def test_a_pickle_is_never_read(llama):
    (llama / hugging_face.WEIGHTS).rename(llama / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match=r"pytorch_model.bin: a pickle") as raised:
        hugging_face.load(llama)
    assert "save_pretrained" in raised.value.hint


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_damaged_files(llama, name):
    whole = (llama / name).read_bytes()
    for length in (0, 7, 100, len(whole) - 1):
        (llama / name).write_bytes(whole[:length].rstrip(b"}\n"))
        with pytest.raises(ArtifactError, match=r"cannot be read|no whole model"):
            hugging_face.load(llama)


def test_only_llamas_shape_is_written(tmp_path):
    with pytest.raises(ValueError, match="Llama's shape"):
        saved(made(qkv_bias=True), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("generation", "config", "expected"),
    [
        ({"eos_token_id": [3, 5]}, {"eos_token_id": 2}, {3, 5}),
        ({"eos_token_id": 3}, {"eos_token_id": 2}, {3}),
        ({}, {"eos_token_id": 2}, {2}),
        (None, {"eos_token_id": [2, 0]}, {2, 0}),
        (None, {"eos_token_id": None}, set()),
    ],
)
def test_ends_are_those_of_generation_first(tmp_path, generation, config, expected):
    (tmp_path / "config.json").write_text(json.dumps(config))
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    assert hugging_face.ends(tmp_path) == expected


def test_ends_that_are_none(tmp_path):
    (tmp_path / "config.json").write_text('{"eos_token_id": "</s>"}')
    with pytest.raises(ArtifactError, match="eos_token_id: '</s>'"):
        hugging_face.ends(tmp_path)


def test_a_chat_template_stands_in_a_file_or_in_the_tokenisers_config(tmp_path):
    assert hugging_face.chat_template(tmp_path) is None
    named = [{"name": "tools", "template": "a"}, {"name": "default", "template": "b"}]
    for told, expected in ((named, "b"), ("c", "c"), (None, None)):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": told}))
        assert hugging_face.chat_template(tmp_path) == expected
    (tmp_path / "chat_template.jinja").write_text("d")
    assert hugging_face.chat_template(tmp_path) == "d"
