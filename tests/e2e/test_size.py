"""`bedstone size` on the command line."""

import json

import pytest

from bedstone.errors import ArtifactError, ConfigError, DataError

CONFIG = {
    "model_type": "llama",
    "vocab_size": 32_000,
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 4096,
}
MFU = ("--mfu", 3000, "--device", "A100-80GB", "--seq-len", 2048, "--recompute", "selective")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def checkpoint(tmp_path):
    """Two tensors, of which one is half zeros and has a long name."""
    name = "model.layers.0.self_attn.of_a_very_long_name.q_proj.weight"
    header = {
        name: {"dtype": "BF16", "shape": [2, 4], "data_offsets": [0, 16]},
        "model.norm.weight": {"dtype": "BF16", "shape": [4], "data_offsets": [16, 24]},
    }
    text, path = json.dumps(header).encode(), tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8) + b"\x01" * 16)
    return path


def test_an_answer_for_people(cli, config, checkpoint):
    status, out, err = cli("size", config, "--checkpoint", checkpoint, *MFU)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line != line.rstrip()] == []
    cells = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert cells["total"] == ["6,738,415,616", "100.0", "%"]
    assert cells["bf16"] == ["13.4768"]
    assert cells["4,096"][0] == "2.1475"
    assert cells["…elf_attn.of_a_very_long_name.q_proj.weight"][:3] == ["8", "4", "50.0"]
    assert cells["bitmask"][-2:] == ["8.3", "%"]
    assert any(line.startswith("warning: the checkpoint has 6,738,415,604") for line in lines)
    assert any("HFU by Korthikanti, recompute selective" in line for line in lines)


def test_the_largest_sizes_fit_the_page(cli, tmp_path):
    """So does a tensor whose name is a page long."""
    config, path = tmp_path / "config.json", tmp_path / "model.safetensors"
    config.write_text(json.dumps({"model_type": "gpt2", "n_positions": 2048}))
    text = json.dumps({"x" * 300: {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(9))
    most = 2**31
    status, out, err = cli(
        *("size", config, "--checkpoint", path, "--length", most, "--batch", most),
        *("--mfu", 1e12, "--device", "A100-80GB", "--devices", most, "--seq-len", most),
    )
    assert (status, err) == (0, "")
    rows = [line for line in out.splitlines() if not line.startswith("warning")]
    assert max(map(len, rows)) <= 100
    assert f"{most:,}" in out
    assert any(row.startswith("…xxx") for row in rows)
    assert any(row.split()[:1] == ["selective"] for row in rows)


def test_an_answer_for_programs(cli, config):
    status, out, _ = cli("size", config.parent, "--length", 10, "--length", 20, *MFU, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["parameters_total"] == 6_738_415_616
    assert found["kv_bytes_per_token"] == 524_288
    assert found["kv_bytes"] == {"10": 5_242_880, "20": 10_485_760}
    assert set(found["weight_bytes"]) >= {"fp32", "bf16", "int8", "int4"}
    assert set(found["flop_per_token_forward"]) == {"10", "20"}
    assert found["utilisation"]["recompute"] == "selective"


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (("--device", "L4"), ConfigError, "no effect"),
        (("--devices", 1), ConfigError, "no effect"),
        (("--recompute", "none"), ConfigError, "no effect"),
        (("--length", 10**24), ConfigError, "at most"),
        (("--mfu", 1e300, "--device", "L4"), ConfigError, "at most"),
        (("--checkpoint", "model.bin"), ArtifactError, "pickled"),
        (("--checkpoint", "damaged.safetensors"), DataError, "truncated"),
    ],
)
def test_an_error_is_two_lines_or_one(cli, config, monkeypatch, words, kind, says):
    monkeypatch.chdir(config.parent)
    for name in ("model.bin", "damaged.safetensors"):
        (config.parent / name).write_bytes(b"x")
    status, out, err = cli("size", "config.json", *words)
    assert (status, out) == (kind.exit_status, "")
    assert says in err
    assert len(err.splitlines()) <= 2
