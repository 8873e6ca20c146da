"""What a GPU computes is what the CPU does; run where there is one, by `make gpu`."""

import pytest
import torch

from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.generation.chain import parse
from bedstone.generation.generate import Drawing, generate
from bedstone.model.transformer import DTYPES, Transformer
from bedstone.posttrain.chat import Dialogue
from bedstone.posttrain.losses import dpo_loss, sequence_logprobs, sft_weights
from bedstone.posttrain.scoring import completion_logprobs, padded
from bedstone.pretrain.train import TrainConfig, run
from bedstone.training.optim import OptimizerConfig
from bedstone.training.optimizer import Optimizer

pytestmark = [
    pytest.mark.torch,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
SHAPE = ModelConfig(
    vocab_size=500, n_layers=3, d_model=256, n_heads=4, n_kv_heads=2, d_ff=512, seq_len=256
)
SHAPES = {
    "dense": SHAPE,
    "normed": SHAPE.model_copy(update={"qk_norm": True}),
    "window": SHAPE.model_copy(update={"window_tokens": 40}),
    "experts": SHAPE.model_copy(
        update={"experts": ExpertsConfig(n_experts=4, n_active_experts=2, d_expert=128)}
    ),
}
DIALOGUES = [
    Dialogue(tuple(range(5, 20)), tuple(range(30, 90))),
    Dialogue(tuple(range(9)), tuple(range(100, 133))),
]


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    torch.manual_seed(0)


def gradients(shape, device, number_format, *, has_documents=False, compiled=False):
    """The loss of a batch, and its gradients on the CPU."""
    model = Transformer(shape).to(device, DTYPES[number_format])
    if compiled:
        model.compile_blocks()
    dice = torch.Generator().manual_seed(0)
    tokens = torch.randint(shape.vocab_size, (4, 257), generator=dice).to(device)
    documents = (tokens[:, :-1] < 5).cumsum(1) if has_documents else None
    weights = torch.full((4, 256), 1 / 1024, device=device)
    loss = model.loss(tokens[:, :-1], tokens[:, 1:], weights, documents)
    loss.backward()
    found = {name: weight.grad.float().cpu() for name, weight in model.named_parameters()}
    return loss.item(), found


def error(found, expected):
    """The largest relative error of a parameter's gradient."""
    return max(
        ((found[name] - expected[name]).norm() / expected[name].norm()).item() for name in expected
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("has_documents", [False, True])
def test_in_fp32_losses_and_gradients_are_those_of_the_cpu(name, has_documents):
    expected, exact = gradients(SHAPES[name], "cpu", "fp32", has_documents=has_documents)
    found, theirs = gradients(SHAPES[name], "cuda", "fp32", has_documents=has_documents)
    assert found == pytest.approx(expected, rel=1e-5)
    assert error(theirs, exact) < 1e-3


@pytest.mark.parametrize("name", ["dense", "normed", "window"])
@pytest.mark.parametrize("compiled", [False, True])
def test_in_bf16_they_are_no_further_off_than_the_cpus(name, compiled):
    expected, exact = gradients(SHAPES[name], "cpu", "fp32")
    _, rounded = gradients(SHAPES[name], "cpu", "bf16")
    found, theirs = gradients(SHAPES[name], "cuda", "bf16", compiled=compiled)
    assert found == pytest.approx(expected, rel=5e-3)
    assert error(theirs, exact) < 1.5 * error(rounded, exact)


@pytest.mark.parametrize("method", ["adamw", "muon"])
def test_steps_lead_to_the_same_weights(method):
    def trained(device):
        model = Transformer(SHAPE).to(device)
        optimizer = Optimizer(model, OptimizerConfig(method=method))
        tokens = torch.arange(257).repeat(2, 1).to(device)
        weights = torch.full((2, 256), 1 / 512, device=device)
        for _ in range(5):
            model.loss(tokens[:, :-1], tokens[:, 1:], weights).backward()
            optimizer.gather()
            optimizer.step(1e-3)
        return {name: weight.detach().cpu() for name, weight in model.named_parameters()}

    torch.testing.assert_close(trained("cuda"), trained("cpu"), rtol=1e-2, atol=5e-4)


def test_losses_of_post_training_are_those_of_the_cpu():
    def losses(device):
        model = Transformer(SHAPE).to(device)
        tokens, mask = padded(DIALOGUES, model.device)
        tuned = model.loss(tokens[:, :-1], tokens[:, 1:], sft_weights(mask))
        policy = sequence_logprobs(*completion_logprobs(model, DIALOGUES), 2)
        preferred = dpo_loss(*policy.chunk(2))
        (tuned + preferred).backward()
        return tuned.item(), preferred.item(), model.embedding.grad.norm().item()

    assert losses("cuda") == pytest.approx(losses("cpu"), rel=1e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_is_drawn(name):
    def texts(device, chain):
        model = Transformer(SHAPES[name])
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(3 if weight.dim() > 1 else 1)
        drawing = Drawing(parse(chain), 3, 24, stop_ids=frozenset({7}), seed=0)
        prompts = [list(range(3, 3 + length)) for length in (4, 9, 5)]
        drawn = generate(model.to(device), prompts, drawing)
        return [each.token_ids for samples in drawn for each in samples]

    assert texts("cuda", "greedy") == texts("cpu", "greedy")
    pairs = zip(texts("cuda", "temperature=1"), texts("cpu", "temperature=1"), strict=True)
    assert sum(one == other for one, other in pairs) >= 8  # of 9: a draw at a boundary may turn


def test_a_run_ends_as_it_does_on_the_cpu(job, stored, tokenizer):
    text = list(range(3, 40)) * 20
    tokens, mix = stored([{"x": [("a", text, 24), ("b", text[5:], 24)]}], {"x": 1.0})
    inputs = {"tokens": tokens, "mix": mix, "tokenizer": tokenizer}
    sizes = {"n_layers": 2, "d_model": 64, "n_heads": 2, "n_kv_heads": 1, "d_ff": 96}
    course = {"seq_len": 64, "batch_tokens": 512, "train_tokens": 20_000, "learning_rate": 0.01}

    def loss(name, **how):
        config = TrainConfig(**sizes, **course, threads=1, **how)
        return run(config, job(name, **inputs)).metrics["loss_nats"]

    expected = loss("cpu", device="cpu", number_format="fp32")
    assert loss("fp32", device="cuda", number_format="fp32") == pytest.approx(expected, rel=0.02)
    bf16 = loss("bf16", device="cuda", number_format="bf16", compiled="on")
    assert bf16 == pytest.approx(expected, rel=0.05)
