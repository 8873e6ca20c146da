import gguf as library
import numpy as np
import pytest
import torch

from bedstone.counting.shape import ExpertsConfig, ModelConfig, RopeScaling
from bedstone.errors import ArtifactError
from bedstone.model import gguf
from bedstone.model.transformer import Transformer
from bedstone.text.gguf_file import read

pytestmark = pytest.mark.torch

LLAMA = ModelConfig(
    vocab_size=50,
    n_layers=2,
    d_model=64,
    n_heads=4,
    n_kv_heads=2,
    d_ff=32,
    seq_len=32,
    rope_theta=1_000.0,
    norm_eps=2**-10,  # the file's numbers have 32 bits
    tied=False,
)
QWEN2 = LLAMA.model_copy(update={"qkv_bias": True, "tied": True})
QWEN3 = LLAMA.model_copy(update={"qk_norm": True, "head_width": 32})
SHAPES = {"llama": LLAMA, "qwen2": QWEN2, "qwen3": QWEN3}
TYPES = library.GGMLQuantizationType


def made(config):
    """A model whose every part matters."""
    torch.manual_seed(0)
    model = Transformer(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return model


def interleaved(rows, n_heads):
    """Rows of queries or keys as llama.cpp wants them: a pair that is turned side by side."""
    halves = rows.reshape(n_heads, 2, -1, rows.shape[-1])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def tensors(model, architecture):
    """Name in GGUF -> numbers."""
    c = model.config
    arrays = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
    found = {"token_embd.weight": arrays["embedding"], "output_norm.weight": arrays["norm"]}
    if not c.tied:
        found["output.weight"] = arrays["head"]
    sizes = [c.n_heads * c.d_head, (c.n_heads + c.n_kv_heads) * c.d_head]
    for number in range(c.n_layers):
        of = {name: arrays.get(f"blocks.{number}.{name}") for name in NAMES}
        block = {NAMES[name]: array for name, array in of.items() if array is not None}
        q, k, v = np.split(arrays[f"blocks.{number}.qkv"], sizes)
        if architecture == "llama":
            q, k = interleaved(q, c.n_heads), interleaved(k, c.n_kv_heads)
        gate, up = np.split(arrays[f"blocks.{number}.gate_up"], 2)
        block |= {"attn_q": q, "attn_k": k, "attn_v": v, "ffn_gate": gate, "ffn_up": up}
        found |= {f"blk.{number}.{name}.weight": array for name, array in block.items()}
        if c.qkv_bias:
            biases = np.split(arrays[f"blocks.{number}.qkv_bias"], sizes)
            for letter, bias in zip("qkv", biases, strict=True):
                found[f"blk.{number}.attn_{letter}.bias"] = bias
    return found


NAMES = {
    "attention_norm": "attn_norm",
    "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm",
    "attention_out": "attn_output",
    "ff_norm": "ffn_norm",
    "ff_out": "ffn_down",
}


def fields(config, architecture):
    c = config
    found = {
        "block_count": c.n_layers,
        "context_length": c.seq_len,
        "embedding_length": c.d_model,
        "feed_forward_length": c.d_ff,
        "attention.head_count": c.n_heads,
        "attention.head_count_kv": c.n_kv_heads,
        "attention.layer_norm_rms_epsilon": c.norm_eps,
        "attention.key_length": c.d_head,
        "attention.value_length": c.d_head,
        "rope.freq_base": c.rope_theta,
        "rope.dimension_count": c.d_head,
    }
    return {f"{architecture}.{key}": value for key, value in found.items()}


def written(path, architecture, metadata, packed):
    """A GGUF file; ``packed`` are arrays and how each is quantised, by name."""
    writer = library.GGUFWriter(path, architecture)
    for key, value in metadata.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            (writer.add_float32 if isinstance(value, float) else writer.add_uint32)(key, value)
    for name, (array, kind) in packed.items():
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def stored(folder, model, architecture="llama", *, changes=None, more=None, kind=TYPES.F32):
    """The file of a model, its matrices quantised.

    Args:
        changes: of its metadata; None takes a key out.
        more: tensors as they stand in the file, and how they are quantised.
    """
    metadata = fields(model.config, architecture) | (changes or {})
    packed = {}
    for name, array in tensors(model, architecture).items():
        used = kind if array.ndim == 2 else TYPES.F32
        packed[name] = library.quantize(array, used), used
    kept = {key: value for key, value in metadata.items() if value is not None}
    return written(folder / "model.gguf", architecture, kept, packed | (more or {}))


@pytest.fixture(scope="module")
def llama():
    return made(LLAMA)


@pytest.mark.parametrize("architecture", SHAPES)
def test_a_model_is_read_as_it_was_written(tmp_path, architecture):
    model = made(SHAPES[architecture])
    loaded = gguf.load(read(stored(tmp_path, model, architecture)))
    assert loaded.config == model.config
    for name, weight in model.named_parameters():
        assert torch.equal(loaded.get_parameter(name), weight), name


@pytest.mark.parametrize("architecture", SHAPES)
def test_a_model_is_saved_as_llama_cpp_lays_it_out(tmp_path, architecture):
    model = made(SHAPES[architecture])
    gguf.save(model, tmp_path / "saved.gguf", {"general.name": "x"})
    contents = read(tmp_path / "saved.gguf")
    assert contents.fields["general.name"] == "x"
    assert contents.fields["general.architecture"] == architecture
    assert gguf.config_of(contents) == model.config
    expected = tensors(model, architecture)
    assert contents.tensors.keys() == expected.keys()
    for name, array in expected.items():
        kind = TYPES.F16 if array.ndim == 2 else TYPES.F32
        assert contents.tensors[name].tensor_type == kind
        assert np.array_equal(contents.tensors[name].data, library.quantize(array, kind)), name


def test_weights_too_large_for_fp16_are_saved_in_bf16(tmp_path):
    model = made(LLAMA)
    with torch.no_grad():
        model.embedding[3, 3] = 1e6
    gguf.save(model, tmp_path / "saved.gguf", {})
    found = gguf.load(read(tmp_path / "saved.gguf")).embedding
    assert torch.equal(found, model.embedding.bfloat16().float())


@pytest.mark.parametrize(
    "change",
    [
        {"window_tokens": 8},
        {"rope_scaling": RopeScaling(kind="linear", factor=2)},
        {"experts": ExpertsConfig(n_experts=2, n_active_experts=1, normed=False)},
        {"experts": ExpertsConfig(n_experts=2, n_active_experts=1, dense_layers=(0,))},
    ],
)
def test_what_llama_cpp_has_no_architecture_for_is_not_written(tmp_path, change):
    model = made(LLAMA.model_copy(update=change))
    with pytest.raises(ArtifactError, match=r"cannot be written for llama\.cpp"):
        gguf.save(model, tmp_path / "saved.gguf", {})


def test_numbers_in_bf16(tmp_path, llama):
    loaded = gguf.load(read(stored(tmp_path, llama)), "bf16")
    assert torch.equal(loaded.embedding, llama.embedding.bfloat16())
    assert torch.equal(loaded.blocks[1].qkv, llama.blocks[1].qkv.bfloat16())


@pytest.mark.parametrize("name", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_quantised_weights_are_what_they_stand_for(tmp_path, llama, name):
    kind = TYPES[name]
    loaded = gguf.load(read(stored(tmp_path, llama, kind=kind)))
    table = llama.embedding.detach().numpy()
    rounded = library.dequantize(library.quantize(table, kind), kind)
    assert np.array_equal(loaded.embedding.detach().numpy(), rounded)
    assert not np.array_equal(rounded, table)
    allowed = 0.3 if name.startswith("Q4") else 0.2
    for wanted, got in zip(llama.parameters(), loaded.parameters(), strict=True):
        assert (wanted - got).abs().max() < allowed


@pytest.mark.parametrize(
    "name", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ2_XXS", "TQ1_0"]
)
def test_quantisations_that_the_library_only_reads(tmp_path, name):
    """Bytes by chance stand for numbers too."""
    kind = TYPES[name]
    model = made(LLAMA.model_copy(update={"d_model": 256}))
    block, size = library.GGML_QUANT_SIZES[kind]
    table = np.random.default_rng(0).integers(0, 60, (50, 256 // block * size), np.uint8)
    path = stored(tmp_path, model, more={"token_embd.weight": (table, kind)})
    loaded = gguf.load(read(path)).embedding.detach().numpy()
    assert np.array_equal(loaded, library.dequantize(table, kind), equal_nan=True)


def llama3_factors(config, factor, low=1.0, high=4.0, original=8_192):
    """As convert_hf_to_gguf.py computes them."""
    rates = config.rope_theta ** -(np.arange(0, config.d_head, 2) / config.d_head)
    factors = []
    for length in 2 * np.pi / rates:
        smooth = (original / length - low) / (high - low)
        if length < original / high:
            factors.append(1.0)
        elif length > original / low:
            factors.append(factor)
        else:
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_factors_of_rates_are_llama_3s(tmp_path, factor):
    model = made(LLAMA.model_copy(update={"rope_theta": 500_000.0}))
    factors = llama3_factors(model.config, factor)
    assert len(set(factors)) > 2
    path = stored(tmp_path, model, more={gguf.ROPE_FACTORS: (factors, TYPES.F32)})
    scaling = RopeScaling(kind="llama3", factor=factor)
    assert gguf.load(read(path)).config.rope_scaling == scaling


@pytest.mark.parametrize("changed", [{"original": 4_096}, {"factor": -8.0}, {"low": 2.0}])
def test_other_factors_are_refused(tmp_path, changed):
    model = made(LLAMA.model_copy(update={"rope_theta": 500_000.0}))
    factors = llama3_factors(model.config, **{"factor": 8.0} | changed)
    if "factor" in changed:
        factors = -np.abs(factors)
    path = stored(tmp_path, model, more={gguf.ROPE_FACTORS: (factors, TYPES.F32)})
    with pytest.raises(ArtifactError, match=r"rope_freqs.weight: .* is not computed here"):
        gguf.load(read(path))


def test_factors_beside_another_scaling_are_refused(tmp_path, llama):
    changes = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 2.5}
    ones = np.ones(LLAMA.d_head // 2, np.float32)
    path = stored(tmp_path, llama, changes=changes, more={gguf.ROPE_FACTORS: (ones, TYPES.F32)})
    with pytest.raises(ArtifactError, match=r"rope_freqs.weight: .* is not computed here"):
        gguf.load(read(path))


def test_linear_scaling(tmp_path, llama):
    changes = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 2.5}
    loaded = gguf.load(read(stored(tmp_path, llama, changes=changes)))
    assert loaded.config.rope_scaling == RopeScaling(kind="linear", factor=2.5)


def test_keys_left_out_have_llama_cpps_values(tmp_path):
    model = made(LLAMA.model_copy(update={"n_kv_heads": 4, "rope_theta": 10_000.0}))
    names = ("attention.head_count_kv", "attention.key_length", "rope.freq_base")
    changes = {f"llama.{name}": None for name in names}
    assert gguf.load(read(stored(tmp_path, model, changes=changes))).config == model.config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"general.architecture": "gemma2"}, "general.architecture: 'gemma2' is not computed"),
        ({"llama.expert_count": 8}, "llama.expert_count: 8 is not computed"),
        ({"llama.attention.sliding_window": 16}, "llama.attention.sliding_window: 16"),
        ({"llama.attention.value_length": 8}, "llama.attention.value_length: 8"),
        ({"llama.rope.dimension_count": 8}, "llama.rope.dimension_count: 8"),
        ({"llama.rope.scaling.type": "yarn"}, "rope_type: 'yarn' is not computed"),
        ({"llama.block_count": None}, "llama.block_count is missing"),
        ({"llama.block_count": 3}, r"model.layers.2.*is missing"),
        ({"llama.block_count": 1}, r"model.layers.1.* is no part of such a model"),
        ({"llama.block_count": 50_000}, "50000 layers, but 21 tensors"),
        ({"llama.embedding_length": 60}, r"the shape \(50, 64\), expected \(50, 60\)"),
        ({"llama.attention.head_count": [4, 4]}, r"\[4, 4\], where a whole number"),
        ({"split.count": 2}, "one of 2 parts"),
    ],
)
def test_what_is_not_computed_is_refused(tmp_path, llama, changes, message):
    if "general.architecture" in changes:
        path = written(tmp_path / "model.gguf", changes["general.architecture"], {}, {})
    else:
        path = stored(tmp_path, llama, changes=changes)
    with pytest.raises(ArtifactError, match=message):
        gguf.load(read(path))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("blk.0.attn_q.bias", np.ones(64, np.float32), "self_attn.q_proj.bias is no part"),
        ("blk.0.ffn_gate_inp.weight", np.ones((8, 64), np.float32), "ffn_gate_inp.weight is no"),
        ("blk.0.attn_sub_norm.weight", np.ones(64, np.float32), "attn_sub_norm.weight is no part"),
    ],
)
def test_tensors_that_are_not_the_models(tmp_path, llama, name, array, message):
    with pytest.raises(ArtifactError, match=message):
        gguf.load(read(stored(tmp_path, llama, more={name: (array, TYPES.F32)})))


def test_a_quantisation_that_is_not_known(tmp_path, llama):
    more = {"output.weight": (np.ones((50, 64), np.int8), TYPES.I8)}
    with pytest.raises(ArtifactError, match=r"output.weight: 'I8' is not computed here"):
        gguf.load(read(stored(tmp_path, llama, more=more)))


def test_what_the_tokeniser_needs(tmp_path, llama):
    metadata = {
        "tokenizer.ggml.tokens": ["<s>", "</s>", "नमस्ते"],
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.chat_template": "{{ messages }}",
    }
    contents = read(stored(tmp_path, llama, changes=metadata))
    assert contents.fields["tokenizer.ggml.tokens"] == ["<s>", "</s>", "नमस्ते"]
    assert contents.ends == {1}
    assert contents.chat_template == "{{ messages }}"
    more = {"tokenizer.ggml.eot_token_id": 2}
    assert read(stored(tmp_path, llama, changes=metadata | more)).ends == {1, 2}
    bare = read(stored(tmp_path, llama))
    assert (bare.ends, bare.chat_template) == (set(), None)


def test_no_file(tmp_path):
    with pytest.raises(ArtifactError, match="is no GGUF file"):
        read(tmp_path / "model.gguf")
    (tmp_path / "model.gguf").write_bytes(b"PK\3\4 of some other kind")
    with pytest.raises(ArtifactError, match="magic"):
        read(tmp_path / "model.gguf")


def test_a_file_of_the_other_byte_order(tmp_path):
    writer = library.GGUFWriter(tmp_path / "model.gguf", "llama", endianess=library.GGUFEndian.BIG)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ArtifactError, match="the other byte order"):
        read(tmp_path / "model.gguf")


def test_a_file_that_ends_early(tmp_path, llama):
    path = stored(tmp_path, llama)
    whole = path.read_bytes()
    for length in [*range(0, 2_000, 7), *range(2_000, len(whole), 997), len(whole) - 64]:
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError):
            read(path)


def test_a_damaged_length_ends_in_an_error(tmp_path, llama, monkeypatch):
    path = stored(tmp_path, llama, changes={"tokenizer.ggml.token_type": [1, 3]})
    whole = path.read_bytes()
    count = whole.index(b"token_type") + len(b"token_type") + 8
    assert whole[count : count + 8] == (2).to_bytes(8, "little")
    path.write_bytes(whole[:count] + (2**60).to_bytes(8, "little") + whole[count + 8 :])
    with pytest.raises(ArtifactError, match="it ends early"):
        read(path)
    monkeypatch.setattr("bedstone.text.gguf_file.MAX_PARTS", 1_000)
    with pytest.raises(ArtifactError, match="more than a model has to say"):
        read(path)


def test_damaged_files_end_in_one_kind_of_error(tmp_path, llama):
    path = stored(tmp_path, llama, changes={"tokenizer.ggml.tokens": ["a", "b"]})
    whole = path.read_bytes()
    head = read(path).tensors["token_embd.weight"].data_offset
    dice = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        place, length = dice.integers(head), int(dice.choice([1, 4, 8]))
        damaged[place : place + length] = bytes([dice.choice([0, 1, 9, 255])] * length)
        path.write_bytes(damaged)
        try:
            gguf.load(read(path))
        except ArtifactError:
            refused += 1
    assert refused > 100
