"""Models on other devices than the CPU, and what is said where there is none."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.errors import ConfigError
from bedstone.model import functions, processor
from bedstone.model.cache import seen_blocks, whole_view
from bedstone.model.transformer import Transformer

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
SHAPE = ModelConfig(
    vocab_size=50, n_layers=2, d_model=32, n_heads=4, n_kv_heads=2, d_ff=20, seq_len=24
)


def test_no_tensor_stays_on_the_cpu():
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.elsewhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    works = ("pretrain", "fine_tune", "prefer", "write")
    told = [f"{shape} {work}" for shape in ("dense", "normed") for work in works]
    assert done.stdout.split("\n") == [*told, "bf16", ""]


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch finds no GPU on this machine"):
        processor.device_of("cuda")
    assert processor.device_of("auto").type == processor.device_of("cpu").type == "cpu"


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("has_documents", [False, True])
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_kernels_of_gpus_attend_as_the_formula_does(window, has_documents):
    torch.manual_seed(0)
    qkv = torch.randn(3, 24, 8 * 8, dtype=torch.double)
    documents = torch.tensor([[0] * 24, [0] * 9 + [1] * 15, [0] * 3 + [1] * 4 + [2] * 17])
    documents = documents if has_documents else None
    view = whole_view(SHAPE, qkv, window, documents)
    blocks = seen_blocks(torch.arange(24), window, documents)
    assert (blocks is None) == (window is None and documents is None)
    expected = functions.attention(qkv, view, SHAPE)
    found = functions.fused_attention(qkv, view._replace(mask=None, blocks=blocks), SHAPE)
    torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore")  # of the compiler about itself
def test_compiled_layers_compute_the_same(monkeypatch):
    """By the compiler's reading of them alone: what it makes of that is its own."""
    compiler = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self: compiler(self, backend="aot_eager")
    )
    tokens = torch.arange(48).view(2, 24)
    weights = torch.full((2, 23), 1 / 46)
    gradients = []
    for is_compiled in (False, True):
        model = Transformer(SHAPE)
        if is_compiled:
            model.compile_blocks()
        model.loss(tokens[:, :-1], tokens[:, 1:], weights).backward()
        gradients.append([weight.grad for weight in model.parameters()])
    torch.testing.assert_close(*gradients)
