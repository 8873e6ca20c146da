import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.errors import ConfigError
from bedstone.model.transformer import Transformer
from bedstone.training import processes
from bedstone.training.processes import ALONE, refuse_too_many, whole

pytestmark = pytest.mark.torch


def test_alone_sums_are_what_they_are():
    assert ALONE.sums(1.5, 2) == [1.5, 2]
    numbers = torch.tensor([1, 2])
    assert torch.equal(ALONE.summed(numbers), numbers)
    shape = ModelConfig(
        vocab_size=5, n_layers=1, d_model=4, n_heads=1, n_kv_heads=1, d_ff=4, seq_len=4
    )
    model = Transformer(shape)
    assert ALONE.replicated(model) == model.loss
    assert whole(model) is model


def test_no_more_processes_than_gpus(monkeypatch):
    monkeypatch.setattr(processes.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 2)
    refuse_too_many(2)
    with pytest.raises(ConfigError, match="3 processes, and GPUs here: 2"):
        refuse_too_many(3)
