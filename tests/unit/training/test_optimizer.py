import copy

import pytest
import torch

from bedstone.training.optim import OptimizerConfig
from bedstone.training.optimizer import BETAS, Optimizer, clip_scale

pytestmark = pytest.mark.torch
NO_DECAY = OptimizerConfig(weight_decay=0.0)


def layer(dtype=torch.float32):
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2).to(dtype)


def filled(model, value=1.0):
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, value)
    return model


def test_it_is_adamw_with_decay_of_the_matrices_only():
    model = layer()
    plain = copy.deepcopy(model)
    groups = [
        {"params": [plain.weight], "weight_decay": 0.5},
        {"params": [plain.bias], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=0.1, betas=BETAS)
    optimizer = Optimizer(model, OptimizerConfig(weight_decay=0.5))
    for value in (1.0, -2.0):
        filled(plain, value)
        adamw.step()
        filled(model, value)
        optimizer.gather()
        optimizer.step(0.1)
    torch.testing.assert_close(dict(model.named_parameters()), dict(plain.named_parameters()))


def test_a_parameter_may_have_its_own_rate_and_decays_as_if_it_had_not():
    model = layer()
    plain = copy.deepcopy(model)
    groups = [
        {"params": [plain.weight], "lr": 0.1 / 4, "weight_decay": 4 * 0.5},
        {"params": [plain.bias], "lr": 0.1, "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, betas=BETAS)
    optimizer = Optimizer(
        model, OptimizerConfig(weight_decay=0.5), lambda name: {"weight": 0.25, "bias": 1.0}[name]
    )
    filled(plain)
    adamw.step()
    filled(model)
    optimizer.gather()
    optimizer.step(0.1)
    torch.testing.assert_close(dict(model.named_parameters()), dict(plain.named_parameters()))


def test_gradients_are_scaled_and_taken():
    model, other = layer(), layer()
    for each, value, scale in ((model, 4.0, 0.25), (other, 1.0, 1.0)):
        optimizer = Optimizer(each, NO_DECAY)
        filled(each, value)
        optimizer.gather()
        optimizer.step(0.1, scale)
        assert each.weight.grad is None
    assert torch.equal(model.weight, other.weight)


def test_norm_is_that_of_all_gradients():
    model = layer()
    optimizer = Optimizer(model, NO_DECAY)
    filled(model, 2.0)
    assert optimizer.gather() == pytest.approx(2 * 8**0.5)


def test_small_steps_add_up_in_a_bf16_model():
    model = layer(torch.bfloat16)
    start = model.weight.detach().clone()
    optimizer = Optimizer(model, NO_DECAY)
    for step in range(200):
        filled(model)
        optimizer.gather()
        optimizer.step(1e-5)
        if not step:
            assert torch.equal(model.weight, start)  # lost in the weight, kept in the master
    assert ((start - model.weight).float() - 2e-3).abs().max() < 2e-3
    optimizer.unround()
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(
        start.float() - model.weight, torch.full((2, 3), 2e-3), rtol=0.01, atol=0
    )


def test_muon_moves_the_matrices_of_layers_and_adamw_all_else():
    model = torch.nn.ModuleDict({"blocks": layer(), "embedding": layer()})
    plain = copy.deepcopy(model)
    optimizer = Optimizer(model, OptimizerConfig(method="muon"))
    muon = torch.optim.Muon([plain["blocks"].weight], lr=0.1, adjust_lr_fn="match_rms_adamw")
    others = Optimizer(plain, OptimizerConfig())
    for value in (1.0, -2.0):
        filled(model, value)["blocks"].weight.grad[0] *= 3
        optimizer.gather()
        optimizer.step(0.1)
        filled(plain, value)["blocks"].weight.grad[0] *= 3
        before = plain["blocks"].weight.detach().clone()
        muon.step()
        moved = plain["blocks"].weight.detach().clone()
        plain["blocks"].weight.data.copy_(before)
        others.gather()
        others.step(0.1)
        plain["blocks"].weight.data.copy_(moved)
    torch.testing.assert_close(dict(model.named_parameters()), dict(plain.named_parameters()))


@pytest.mark.parametrize("method", ["adamw", "muon"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_restored_it_goes_on_the_same(dtype, method):
    def steps(optimizer, model, count):
        for _ in range(count):
            filled(model, 0.3)
            optimizer.gather()
            optimizer.step(0.01)

    config = OptimizerConfig(method=method)
    one, other = (torch.nn.ModuleDict({"blocks": layer(dtype)}) for _ in range(2))
    first, second = Optimizer(one, config), Optimizer(other, config)
    steps(first, one, 2)
    second.restore(copy.deepcopy(first.state()))
    steps(first, one, 2)
    steps(second, other, 2)
    assert torch.equal(one["blocks"].weight, other["blocks"].weight)


def test_only_long_gradients_are_clipped():
    assert [clip_scale(norm, 2.0) for norm in (0.0, 1.0, 2.0, 8.0)] == [1, 1, 1, 0.25]
