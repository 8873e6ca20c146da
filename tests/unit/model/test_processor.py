import os
import subprocess
import sys

import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.model import processor
from bedstone.model.transformer import Transformer

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=70, n_layers=1, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=32
)


def test_bf16_without_kernels_is_said_once_and_computed(no_bf16_kernels, caplog):
    for _ in range(2):
        model = processor.converted(Transformer(SHAPE), "bf16")
        assert model.embedding.dtype == torch.bfloat16
    (warning,) = caplog.messages
    assert "no kernels for bf16" in warning
    assert "set number_format to fp32" in warning


def test_else_there_is_nothing_to_say(no_bf16_kernels, monkeypatch, caplog):
    processor.converted(Transformer(SHAPE), "fp32")
    monkeypatch.setattr(processor, "has_bf16_kernels", lambda *device: True)
    processor.converted(Transformer(SHAPE), "bf16")
    assert not caplog.messages


def test_kernels_that_are_held_back_are_not_used():
    code = (
        "from bedstone.model import processor\n"
        "from bedstone.counting.shape import ModelConfig\n"
        "from bedstone.model.transformer import Transformer\n"
        "from bedstone.generation.chain import parse\n"
        "from bedstone.generation.generate import Drawing, fastest_format, generate\n"
        f"model = processor.converted(Transformer(ModelConfig(**{SHAPE.model_dump()})), 'bf16')\n"
        "drawing = Drawing(parse('greedy'), 1, 3, frozenset(), 0)\n"
        "((completion,),) = generate(model, [[1, 2]], drawing)\n"
        "print(processor.has_bf16_kernels(), fastest_format(10**9), len(completion.token_ids))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "False fp32 3\n"
    assert "no kernels for bf16" in answer.stderr
