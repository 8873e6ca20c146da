import pytest
import torch
import torch.nn.functional as F

from bedstone.counting.count import parameters
from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.model import experts as module
from bedstone.model.experts import Experts, grouped
from bedstone.model.transformer import Transformer

pytestmark = pytest.mark.torch

CONFIG = ExpertsConfig(n_experts=5, n_active_experts=2)
SHAPE = ModelConfig(
    vocab_size=50,
    n_layers=3,
    d_model=24,
    n_heads=6,
    n_kv_heads=2,
    d_ff=20,
    seq_len=16,
    qk_norm=True,
    experts=ExpertsConfig(n_experts=5, n_active_experts=2, d_expert=8, dense_layers=(1,)),
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def made(config=CONFIG, d_model=16, d_ff=8):
    layer = Experts(config, d_model, d_ff)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.normal_(std=0.5)
    return layer


def row_by_row(layer, x_BTD):
    """Each row alone through its experts, one after another."""
    rows = []
    for row in x_BTD.flatten(0, 1):
        p = torch.softmax(layer.router @ row, -1)
        active = p.argsort(descending=True)[: layer.config.n_active_experts]
        total = p[active].sum() if layer.config.normed else 1.0
        out = torch.zeros_like(row)
        for expert in active:
            gate, up = (layer.gate_up[expert] @ row).chunk(2)
            out = out + p[expert] / total * (layer.ff_out[expert] @ (F.silu(gate) * up))
        rows.append(out)
    return torch.stack(rows).view_as(x_BTD)


@pytest.mark.parametrize(
    "changes", [{}, {"normed": False}, {"n_active_experts": 5}, {"n_active_experts": 1}]
)
def test_each_row_gets_what_its_experts_make_of_it_and_so_do_gradients(changes):
    layer = made(CONFIG.model_copy(update=changes)).double()
    x = torch.randn(2, 7, 16, dtype=torch.float64, requires_grad=True)
    wanted = [x, *layer.parameters()]
    found, expected = layer(x), row_by_row(layer, x)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad(found, wanted, slope), torch.autograd.grad(expected, wanted, slope)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_are_those_of_torch_by_group(dtype):
    x, weight = torch.randn(70, 16, dtype=dtype), torch.randn(4, 8, 16, dtype=dtype)
    ends = torch.tensor([0, 33, 33, 70])
    expected = torch._grouped_mm(x, weight.transpose(1, 2), offs=ends.int())
    torch.testing.assert_close(grouped(x, weight, ends), expected)


def test_in_bf16_few_numbers_of_rows_are_asked_for(monkeypatch):
    asked = []

    def linear(x, weight):
        asked.append(len(x))
        return x @ weight.T

    monkeypatch.setattr(module.F, "linear", linear)
    weight, ends = torch.randn(3, 8, 16), torch.tensor([3, 40, 72])
    for dtype in (torch.bfloat16, torch.float32):
        grouped(torch.randn(72, 16, dtype=dtype), weight.to(dtype), ends)
    assert asked == [32, 64, 32, 3, 37, 32]


def test_no_row_is_dropped_when_all_go_to_one_expert():
    layer = made()
    with torch.no_grad():
        layer.router[2] = 100.0
    x = torch.rand(1, 40, 16)
    torch.testing.assert_close(layer(x), row_by_row(layer, x))


def test_what_the_router_did_is_told_to_who_looks():
    layer, x = made(), torch.randn(3, 5, 16)
    layer(x)
    layer.routed = []
    with torch.no_grad():
        layer(x)
    assert not layer.routed
    layer(x)
    (routed,) = layer.routed
    logits = x.flatten(0, 1) @ layer.router.T
    p = logits.softmax(-1)
    counts = torch.zeros(5)
    for active in p.topk(2).indices:
        counts[active] += 1
    assert routed.tokens_E.tolist() == counts.tolist()
    assert routed.balance.item() == pytest.approx(5 * (counts / 30 * p.mean(0)).sum().item())
    squares = logits.exp().sum(-1).log().square()
    assert routed.square.item() == pytest.approx(squares.mean().item())


@pytest.mark.parametrize(("router", "balance"), [(0.0, 1.0), (100.0, 2.5)])
def test_balance_is_least_where_all_are_alike(router, balance):
    """All of the probability on one of five, which has half of the pairs: 5 x 1/2."""
    layer = made()
    layer.routed = []
    with torch.no_grad():
        layer.router.zero_()[2] = router
    layer(torch.rand(4, 8, 16) + 0.1)
    assert layer.routed[0].balance.item() == pytest.approx(balance)


def test_transformers_balance_is_ours_times_the_active_ones():
    modeling = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")
    layer, x = made(), torch.randn(3, 5, 16)
    layer.routed = []
    layer(x)
    logits = x.flatten(0, 1) @ layer.router.T
    theirs = modeling.load_balancing_loss_func((logits,), 5, 2)
    assert theirs.item() == pytest.approx(2 * layer.routed[0].balance.item())


def test_counted_are_the_real_parameters_and_products():
    model = Transformer(SHAPE)
    counted = parameters(SHAPE.architecture)
    assert counted.total == sum(weight.numel() for weight in model.parameters())
    one = 3 * 24 * 8
    assert counted.components["experts"] == 2 * 5 * one
    assert counted.components["feed_forward"] == 3 * 24 * 20
    assert counted.total - counted.active == 2 * 3 * one


def test_experts_are_drawn_small_and_each_for_itself():
    model = Transformer(SHAPE.model_copy(update={"d_model": 96, "d_ff": 96}))
    layer = model.blocks[0].experts
    assert layer.gate_up.std().item() == pytest.approx((2 / (5 * 96)) ** 0.5, rel=0.05)
    assert layer.ff_out.std().item() == pytest.approx((2 / (5 * 96) / 6) ** 0.5, rel=0.1)
    assert not torch.equal(layer.gate_up[0], layer.gate_up[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_active_experts": 6}, "n_active_experts 6 of 5"),
        ({"dense_layers": (0, 1, 2)}, "dense_layers are some of 0 to 2, not all"),
        ({"dense_layers": (3,)}, "dense_layers are some of 0 to 2"),
    ],
)
def test_experts_that_there_cannot_be(changes, message):
    values = SHAPE.model_dump()
    values["experts"] |= changes
    with pytest.raises(ValueError, match=message):
        ModelConfig(**values)


@pytest.mark.parametrize("changes", [{"dense_layers": (1,)}, {"normed": False}, {"d_expert": 8}])
def test_what_only_qwens_shape_has_needs_its_norms(changes):
    values = SHAPE.model_dump() | {"experts": CONFIG.model_dump() | changes}
    assert ModelConfig(**values).experts
    with pytest.raises(ValueError, match="of Qwen3's shape, with qk_norm"):
        ModelConfig(**values | {"qk_norm": False})
