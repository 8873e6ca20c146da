import pytest
import torch
from benchmarks.transfer import changes, shape_of, slopes
from tests.support.shapes import shape

from bedstone.model.parametrisation import BASE_DEPTH, BASE_WIDTH, Scale, scale
from bedstone.model.transformer import Transformer
from bedstone.training.optim import OptimizerConfig
from bedstone.training.optimizer import Optimizer

pytestmark = pytest.mark.torch

BASE = shape(50, BASE_DEPTH, BASE_WIDTH, 2, 1, 160, 16)
LARGE = shape(50, 4 * BASE_DEPTH, 4 * BASE_WIDTH, 8, 4, 640, 16)


def scales(config, parametrisation):
    with torch.device("meta"):
        names = [name for name, _ in Transformer(config).named_parameters()]
    return {name: scale(config, name, parametrisation) for name in names}


@pytest.mark.parametrize("changed", [{}, {"tied": False, "qkv_bias": True, "qk_norm": True}])
def test_at_the_base_both_are_the_same(changed):
    config = BASE.model_copy(update=changed)
    standard, mup = scales(config, "standard"), scales(config, "mup")
    assert {it.rate for it in standard.values()} == {1.0}
    for name, (first, rate) in mup.items():
        assert (first, rate) == (pytest.approx(standard[name].first), 1.0)


def test_what_changes_with_the_size():
    before, after = scales(BASE, "mup"), scales(LARGE.model_copy(update={"tied": False}), "mup")
    ratios = {
        "embedding": (1, 1),
        "head": (1, 1),
        "norm": (1 / 4, 1 / 4),
        "blocks.0.attention_norm": (1, 1),
        "blocks.0.qkv": (1 / 2, 1 / 4),
        "blocks.0.gate_up": (1 / 2, 1 / 4),
        "blocks.0.attention_out": (1 / 2 / 4, 1 / 4 / 4),
        "blocks.0.ff_out": (1 / 2 / 4, 1 / 4 / 4),
    }
    for name, (first, rate) in ratios.items():
        base = before.get(name, before["embedding"])
        assert after[name] == Scale(pytest.approx(base.first * first), base.rate * rate)


def test_new_weights_are_as_large_as_told():
    config = LARGE.model_copy(update={"qkv_bias": True, "tied": False, "n_layers": 1})
    for name, weight in Transformer(config, 0, "mup").named_parameters():
        first = scale(config, name, "mup").first
        if weight.dim() == 2:
            assert weight.std().item() == pytest.approx(first, rel=0.05)
        else:
            assert weight.unique().tolist() == [0.0 if name.endswith("_bias") else first]


def test_it_is_the_factors_of_the_papers():
    """Base over width on the logits, base over depth on what a block adds; only rates differ."""
    config = shape(50, 2 * BASE_DEPTH, 2 * BASE_WIDTH, 2, 1, 64, 16)
    ours, theirs, multiplied = (Transformer(config, 0, "mup") for _ in range(3))
    names = [name for name, _ in ours.named_parameters()]
    factors = {it: 0.5 if it == "norm" or it.endswith("_out") else 1.0 for it in names}
    rates = {name: scale(config, name, "mup").rate for name in names}
    optimizer = Optimizer(ours, OptimizerConfig(), rates.__getitem__)
    other = Optimizer(theirs, OptimizerConfig(), lambda name: rates[name] / factors[name])
    for name, weight in theirs.named_parameters():
        weight.data /= factors[name]
    tokens = torch.randint(50, (2, 17), generator=torch.Generator().manual_seed(0))
    batch = tokens[:, :-1], tokens[:, 1:], torch.full((2, 16), 1 / 32)
    for _ in range(3):
        ours.loss(*batch).backward()
        multiplied.loss(*batch).backward()
        for name, weight in multiplied.named_parameters():
            theirs.get_parameter(name).grad = weight.grad * factors[name]
            weight.grad = None
        for each in (optimizer, other):
            each.gather()
            each.step(0.01)
        for name, weight in multiplied.named_parameters():
            weight.data = theirs.get_parameter(name) * factors[name]
            expected = ours.get_parameter(name)
            torch.testing.assert_close(weight, expected, rtol=0.01, atol=1e-4)


@pytest.mark.parametrize(("parametrisation", "steady"), [("mup", True), ("standard", False)])
def test_steps_change_activations_alike_at_every_width(parametrisation, steady):
    widths = (32, 64, 128, 256)
    by_width = {it: changes(shape_of(it, 2, 64, head=16), parametrisation) for it in widths}
    found = slopes(by_width)
    for name in ("block 0", "block 1", "target's logit"):
        assert abs(found[name]) < 0.1 if steady else found[name] > 0.3
