import pytest
from tests.support.shapes import shape

from bedstone.counting.count import parameters
from bedstone.counting.families import architecture
from bedstone.counting.memory import (
    TRAIN_BYTES_PER_PARAMETER,
    kv_bytes,
    kv_bytes_per_token,
    stored_bytes,
    weight_bytes,
)

LLAMA_2_7B = shape(32000, 32, 4096, 32, 32, 11008, 4096, tied=False).architecture
MISTRAL = architecture({"model_type": "mistral"}, "mistral-7b-v0.1")
DEEPSEEK = architecture({"model_type": "deepseek_v3"}, "deepseek-v3")
KV_BYTES = [
    ("llama-2-7b", LLAMA_2_7B, 524_288),
    ("llama-3-8b", shape(128256, 32, 4096, 32, 8, 14336, 8192, tied=False).architecture, 131_072),
    ("llama-3-70b", shape(128256, 80, 8192, 64, 8, 28672, 8192, tied=False).architecture, 327_680),
    ("mistral-7b", MISTRAL, 131_072),
    ("deepseek-v3", DEEPSEEK, 61 * (512 + 64) * 2),
]


@pytest.mark.parametrize(("name", "model", "wanted"), KV_BYTES)
def test_keys_and_values_of_a_token(name, model, wanted):
    assert kv_bytes_per_token(model) == wanted
    assert kv_bytes(model, 1000, batch=3) == 3000 * wanted


def test_a_window_keeps_no_more_than_it_sees():
    assert kv_bytes(MISTRAL, 4096) == kv_bytes(MISTRAL, 100_000) == 4096 * 131_072
    assert kv_bytes(LLAMA_2_7B, 100_000) == 100_000 * 524_288


def test_a_chunk_keeps_no_more_than_it_holds():
    config = {"model_type": "llama4_text", "attention_chunk_size": 10, "num_hidden_layers": 4}
    model = architecture(config, "config")
    of_layer = 2 * 8 * 128 * 2
    assert kv_bytes(model, 25) == (3 * 10 + 25) * of_layer


def test_windows_in_some_layers_only():
    """Gemma 3: five layers of six see 512 tokens."""
    config = {"model_type": "gemma3_text", "num_hidden_layers": 12, "sliding_window": 512}
    of_layer = 2 * 4 * 256 * 2
    assert kv_bytes(architecture(config, "config"), 8192) == (10 * 512 + 2 * 8192) * of_layer


def test_seven_billion_parameters_of_two_bytes_are_14_gigabytes():
    assert stored_bytes(7 * 10**9, "bf16") == 14 * 10**9
    assert TRAIN_BYTES_PER_PARAMETER * 7.5e9 == 120e9  # ZeRO, figure 1


def test_four_bits_and_a_scale_and_a_zero_point_for_each_128():
    assert stored_bytes(128, "int4") == 64 + 3  # 2.5 bytes, rounded up
    assert stored_bytes(256 * 10**9, "int4") == 133 * 10**9
    assert stored_bytes(0, "int4") == 0
    assert stored_bytes(1, "int4") == 1


def test_weights_in_each_number_format():
    total = parameters(LLAMA_2_7B).total
    found = weight_bytes(LLAMA_2_7B)
    assert (found["fp32"], found["bf16"], found["int8"]) == (4 * total, 2 * total, total)
    assert found["int4"] == -(-total * 133 // 256)
    layers = total - 2 * 32000 * 4096 - 65 * 4096
    assert found["int4_linear"] == -(-layers * 133 // 256) + 2 * (total - layers)


def test_all_experts_are_stored_in_four_bits():
    stored = weight_bytes(DEEPSEEK)
    assert stored["int4"] < stored["int4_linear"] < 1.01 * stored["int4"]
