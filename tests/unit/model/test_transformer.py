import pytest
import torch
import torch.nn.functional as F

from bedstone.counting.memory import kv_bytes
from bedstone.counting.shape import ModelConfig
from bedstone.model import cache, functions
from bedstone.model.cache import KVCache
from bedstone.model.transformer import Transformer

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


def plain_attention(qkv_BTE, view, config):
    q, k, v = functions.heads_of(qkv_BTE, view, config)
    scores = q @ k.mT / config.d_head**0.5 + view.mask
    return functions.side_by_side(scores.softmax(-1) @ v, len(qkv_BTE), config)


def plain_loss(model, tokens_BT, targets_BT, weights_BT):
    nats = F.cross_entropy(model(tokens_BT).flatten(0, 1), targets_BT.flatten(), reduction="none")
    return (nats * weights_BT.flatten()).sum()


def test_with_a_cache_padded_rows_continue_as_they_do_alone():
    model = made().requires_grad_(requires_grad=False)
    whole = tokens(rows=2, length=8)
    padding = torch.tensor([0, 3])
    cache = KVCache(SHAPE, padding, slots=8)
    seen = torch.cat([model(part, cache) for part in whole.split([5, 1, 2], 1)], 1)
    torch.testing.assert_close(seen[0], model(whole[:1])[0])
    torch.testing.assert_close(seen[1, 3:], model(whole[1:, 3:])[0])
    assert seen.isfinite().all()


DOCUMENTS = torch.tensor([[0] * 4 + [1] * 5, [0] * 2 + [1] * 3 + [2] * 4])


@pytest.mark.parametrize("window", [None, 3])
def test_a_document_is_read_as_if_it_were_alone(window):
    model = made(window_tokens=window)
    row = tokens(rows=2)
    together = model(row, None, DOCUMENTS)
    torch.testing.assert_close(together[0, 4:], model(row[:1, 4:])[0])
    torch.testing.assert_close(together[1, 2:5], model(row[1:, 2:5])[0])
    torch.testing.assert_close(together[1, :2], model(row[1:, :2])[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_another_first_document_leaves_the_second_ones_logits_as_they_are(dtype):
    model = made().to(dtype)
    row = tokens(rows=2)
    other = row.clone()
    other[0, :4] = (row[0, :4] + 1) % SHAPE.vocab_size
    one, two = (model(each, None, DOCUMENTS) for each in (row, other))
    assert torch.equal(one[0, 4:], two[0, 4:])
    assert torch.equal(one[1], two[1])
    assert not torch.equal(one[0, :4], two[0, :4])


def test_losses_and_gradients_of_documents_are_those_of_each_alone():
    model = made().double()  # sums in another order: in fp32 their last bits vary by processor
    row = tokens(rows=1, length=10)
    documents = DOCUMENTS[:1]
    weights = torch.ones(1, 9, dtype=torch.float64)
    model.loss(row[:, :-1], row[:, 1:], weights, documents).backward()
    together = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    for part in (slice(0, 4), slice(4, 9)):
        own = row[:, part.start : part.stop + 1]
        model.loss(own[:, :-1], own[:, 1:], weights[:, part]).backward()
    torch.testing.assert_close([weight.grad for weight in model.parameters()], together)


def test_a_window_hides_what_is_before_it_but_in_full_layers():
    left = tokens(rows=1, length=9)
    right = left.clone()
    right[0, 0] = (right[0, 0] + 1) % SHAPE.vocab_size
    windowed = made(window_tokens=3)
    same = (windowed(left) == windowed(right)).all(-1)[0]
    assert same.tolist() == [False] * 5 + [True] * 4  # two layers see 2 + 2 positions back
    half = made(window_tokens=3, full_layers=(1,))
    assert not (half(left) == half(right)).all(-1).any()


@pytest.mark.parametrize("padding", [0, 1])
def test_rows_of_a_cache_go_on_after_they_are_repeated_and_dropped(padding):
    model = made().requires_grad_(requires_grad=False)
    start, more = tokens(rows=2, length=4), tokens(rows=4, length=2)
    prompts = start[0], start[0], start[1, padding:], start[1, padding:]
    cache = KVCache(SHAPE, torch.tensor([0, padding]), slots=4)
    model(start, cache)
    cache = cache.repeated(2, slots=6)
    seen = model(more[:, :1], cache)
    kept = torch.tensor([1, 2])
    cache.keep(kept)
    seen = torch.cat([seen[kept], model(more[kept, 1:], cache)], 1)
    for row, found in zip(kept.tolist(), seen, strict=True):
        whole = torch.cat([prompts[row], more[row]])[None]
        torch.testing.assert_close(found, model(whole)[0, -2:])


def test_bytes_by_the_shape_are_those_of_a_full_cache():
    cache = KVCache(SHAPE, torch.zeros(3, dtype=torch.long), slots=5)
    assert cache.held.nbytes == kv_bytes(SHAPE.architecture, 5, batch=3, number_bytes=4)


def test_later_tokens_change_nothing_before_them():
    model, left = made(), tokens(rows=1)
    right = left.clone()
    right[0, 6] = (right[0, 6] + 1) % SHAPE.vocab_size
    same = (model(left) == model(right)).all(-1)[0]
    assert same.tolist() == [True] * 6 + [False] * 3


def test_gradients_of_the_parts(monkeypatch):
    monkeypatch.setattr(functions, "QUERY_BLOCK", 2)  # 3 positions: a part of a block is left
    double = {"dtype": torch.float64, "requires_grad": True}
    x, gain = torch.randn(4, 6, **double), torch.randn(6, **double)
    check = torch.autograd.gradcheck
    assert check(lambda *of: functions._RMSNorm.apply(*of, 1e-5), (x, gain))
    assert check(functions._SwiGLU.apply, (x,))
    index = torch.tensor([[1, 1, 3]])
    assert check(lambda weight: functions._Lookup.apply(index, weight), (x,))
    config = ModelConfig(
        vocab_size=9, n_layers=1, d_model=8, n_heads=4, n_kv_heads=2, d_ff=4, seq_len=4
    )
    view = cache.whole_view(config, torch.zeros(1, 3, 1, dtype=torch.float64))
    qkv = torch.randn(2, 3, 16, **double)
    assert check(lambda qkv: functions._Attention.apply(qkv, view, config), (qkv,))
    torch.testing.assert_close(
        functions._Attention.apply(qkv, view, config), plain_attention(qkv, view, config)
    )


def test_gradient_of_the_loss(monkeypatch):
    monkeypatch.setattr(functions, "CHUNK_ROWS", 2)  # 5 rows: a part of a chunk is left
    hidden = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    output = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    targets, weights = torch.randint(7, (5,)), torch.rand(5, dtype=torch.float64)

    def loss(*of):
        return functions._CrossEntropy.apply(*of, targets, weights) * 3

    assert torch.autograd.gradcheck(loss, (hidden, output))


ELSEWHERE = {"head_width": 6, "qkv_bias": True, "qk_norm": True, "window_tokens": 4}
"""What models made elsewhere add."""


@pytest.mark.parametrize("changes", [{"tied": True}, {"tied": False}, ELSEWHERE])
def test_loss_and_gradients_are_those_of_plain_autograd(changes):
    model = made(**changes).double()
    text, weights = tokens(length=10), torch.rand(3, 9, dtype=torch.float64)
    batch = (text[:, :-1], text[:, 1:], weights)
    found = torch.autograd.grad(model.loss(*batch), list(model.parameters()))
    expected = torch.autograd.grad(plain_loss(model, *batch), list(model.parameters()))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_probability_that_underflows_costs_much_and_not_infinity(dtype):
    hidden = torch.tensor([[200.0], [200.0]], dtype=dtype, requires_grad=True)
    output = torch.tensor([[1.0], [-1.0]], dtype=dtype, requires_grad=True)
    targets, weights = torch.tensor([1, 1]), torch.tensor([1.0, 0.0])  # logits of 200 and -200
    loss = functions._CrossEntropy.apply(hidden, output, targets, weights)
    assert 87 < loss.item() < 401
    loss.backward()
    assert hidden.grad.tolist() == [[2.0], [0.0]]
    assert output.grad.tolist() == [[200.0], [-200.0]]


def test_new_weights_are_small_and_smaller_where_they_add_up():
    model = Transformer(SHAPE.model_copy(update={"d_model": 96, "d_ff": 96, "n_layers": 8}))
    deviation = (2 / (5 * 96)) ** 0.5
    block = model.blocks[3]
    for weight in (model.embedding, block.qkv, block.gate_up):
        assert weight.std().item() == pytest.approx(deviation, rel=0.05)
    for weight in (block.attention_out, block.ff_out):
        assert weight.std().item() == pytest.approx(deviation / 4, rel=0.05)


def weights_of(seed=0, **changes):
    return dict(Transformer(SHAPE.model_copy(update=changes), seed).named_parameters())


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({"vocab_size": 100}, {"embedding"}),
        (
            {"d_ff": 40},
            {"blocks.0.gate_up", "blocks.0.ff_out", "blocks.1.gate_up", "blocks.1.ff_out"},
        ),
        ({"tied": False}, {"head"}),
    ],
)
def test_another_shape_leaves_the_other_new_weights(changes, other):
    before, after = weights_of(), weights_of(**changes)
    changed = {
        name
        for name in before | after
        if name not in before or not torch.equal(before[name], after[name])
    }
    assert changed == other
    assert torch.equal(before["embedding"], after["embedding"][: SHAPE.vocab_size])


def test_another_layer_leaves_the_other_new_weights_but_for_their_deviation():
    before, after = weights_of(), weights_of(n_layers=3)
    for name, weight in before.items():
        scale = (2 / 3) ** 0.5 if name.endswith("_out") else 1
        torch.testing.assert_close(after[name], weight * scale, rtol=1e-6 * (scale != 1), atol=0)


def test_new_weights_are_the_seeds_and_the_tensors_own():
    drawn = [weights_of(seed) for seed in (0, 0, 1)]
    matrices = [name for name, weight in drawn[0].items() if weight.dim() == 2]
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in matrices)
    assert not any(torch.equal(drawn[0][name], drawn[2][name]) for name in matrices)
    assert not torch.equal(drawn[0]["blocks.0.qkv"], drawn[0]["blocks.1.qkv"])


def test_bf16_is_near():
    model = made()
    text, weights = tokens(length=10), torch.full((3, 9), 1 / 27)
    batch = (text[:, :-1], text[:, 1:], weights)
    expected = model.loss(*batch).item()
    assert model.bfloat16().loss(*batch).item() == pytest.approx(expected, rel=0.02)


def test_nats_are_those_of_the_loss():
    model, text = made(), tokens(length=10)
    batch = (text[:, :-1], text[:, 1:])
    weights = torch.rand(3, 9)
    expected = (model.nats(*batch) * weights).sum()
    torch.testing.assert_close(model.loss(*batch, weights), expected)
    with torch.no_grad():
        assert model.loss(*batch, weights) == expected


@pytest.mark.parametrize("change", [{"n_heads": 5}, {"n_kv_heads": 4}])
def test_heads_that_do_not_divide(change):
    with pytest.raises(ValueError, match="n_heads"):
        ModelConfig(**(SHAPE.model_dump() | change))
