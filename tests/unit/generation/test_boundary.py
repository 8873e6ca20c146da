import pytest
import torch

from bedstone.generation import boundary
from bedstone.generation.boundary import Doubt, at_boundary
from bedstone.generation.chain import parse
from bedstone.generation.distribution import candidates, logprobs
from bedstone.generation.generate import draw
from bedstone.generation.samplers import History

pytestmark = pytest.mark.torch

NATS = 1e-3
ROWS, TOKENS = 4000, 40
CHAINS = (
    "temperature=0.5",
    "greedy",
    "top_k=5",
    "top_p=0.8",
    "min_p=0.1",
    "typical=0.6",
    "epsilon=0.02",
    "eta=0.05",
    "top_n_sigma=1",
    "repetition=1.5,top_p=0.9",
    "temperature=0.7,top_k=10,top_p=0.9",
    "top_k=6,typical=0.9,min_p=0.05,temperature=0.8",
)


def drawn(chain, logits, numbers):
    """The tokens, which were kept, and which draws are counted."""
    history = History(torch.arange(8).expand(len(logits), -1), prompt_width=8)
    found = candidates(chain, logits, history)
    draws = draw(found.logprobs, numbers)
    near = at_boundary(numbers, draws.below, draws.up_to, found.doubt.nats)
    return (
        found.tokens(draws.places),
        logprobs(chain, logits, history).isinf(),
        near | found.doubt.rows(),
    )


@pytest.mark.parametrize("text", CHAINS)
def test_a_draw_that_a_change_within_the_bound_turns_is_counted(text, monkeypatch):
    monkeypatch.setattr(boundary, "LOGIT_NATS", NATS)
    chain = parse(text)
    source = torch.Generator().manual_seed(3)
    logits = torch.randn(ROWS, TOKENS, generator=source) * 2
    numbers = torch.rand(ROWS, generator=source, dtype=torch.float64)
    tokens, ruled_out, counted = drawn(chain, logits, numbers)
    turned = torch.zeros(ROWS, dtype=torch.bool)
    for _ in range(20):
        signs = torch.randint(2, (ROWS, TOKENS), generator=source) * 2 - 1
        others, others_out, _ = drawn(chain, logits + signs * NATS, numbers)
        turned |= (others != tokens) | (others_out != ruled_out).any(dim=1)
    assert turned.any()
    assert not (turned & ~counted).any()
    assert counted.float().mean() < 0.2


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("greedy", [0.1, 2.0, 2.0, -1.0]),
        ("top_k=1", [0.1, 2.0, 2.0, -1.0]),
        ("top_k=2", [3.0, 2.0, 2.0, -1.0]),
        ("top_p=0.7", [0.7, 0.2, 0.1, 0.0]),
        ("top_p=0.5", [0.7, 0.2, 0.1, 0.0]),
        ("min_p=0.2", [0.7, 0.14, 0.1, 0.06]),
        ("min_p=1", [2.0, 2.0, 0.1, -1.0]),
        ("epsilon=0.1", [0.7, 0.2, 0.1, 0.0]),
        ("top_n_sigma=1", [1.0, -1.0, -1.0, 1.0]),
    ],
)
def test_what_is_kept_is_in_doubt_next_to_a_bound_alone(text, row):
    of_probabilities = abs(sum(row) - 1) < 1e-6
    logits = torch.tensor([row]).log() if of_probabilities else torch.tensor([row])
    expected = text not in ("top_p=0.5", "top_n_sigma=1")
    assert candidates(parse(text), logits).doubt.rows().item() == expected


def test_nothing_is_in_doubt_where_a_sampler_is_off():
    logits = torch.tensor([[0.7, 0.2, 0.1, 0.0]]).log()
    for text in ("top_p=1", "typical=1", "min_p=0", "epsilon=0", "top_k=4", "temperature=2"):
        assert not candidates(parse(text), logits).doubt.rows().any(), text


def test_a_temperature_and_a_penalty_stretch_what_the_logits_may_be_off():
    logits = torch.zeros(1, 4)
    history = History(torch.tensor([[1]]), prompt_width=1)
    nats = Doubt(1, torch.device("cpu")).nats
    for text, factor in (("temperature=0.5", 2), ("repetition=4", 4), ("repetition=0.25", 4)):
        assert candidates(parse(text), logits, history).doubt.nats == pytest.approx(nats * factor)


def test_a_number_at_the_edge_of_its_token_is_counted_and_the_ends_are_no_edges():
    below = torch.tensor([0.0, 0.5, 0.5, 0.5, 0.5], dtype=torch.float64)
    up_to = torch.tensor([0.5, 0.6, 0.6, 0.6, 1.0], dtype=torch.float64)
    numbers = torch.tensor([0.0, 0.500004, 0.55, 0.599996, 1 - 1e-9], dtype=torch.float64)
    found = at_boundary(numbers, below, up_to, nats=1e-5)
    assert found.tolist() == [False, True, False, True, False]
