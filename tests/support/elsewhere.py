"""Run training, scoring and drawing on a device that is not the CPU, without having one.

torch lets a name stand for a device, and pretends to compute there: a tensor that was left on the
CPU is an error, as on a GPU. Prints what it did. It must be a process of its own: a name is given
once.
"""

import sys

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from bedstone.counting.shape import ModelConfig
from bedstone.generation import samplers
from bedstone.generation.chain import parse
from bedstone.generation.distribution import candidates
from bedstone.generation.generate import draw
from bedstone.generation.samplers import History
from bedstone.model.cache import KVCache
from bedstone.model.transformer import Transformer
from bedstone.posttrain.chat import Dialogue
from bedstone.posttrain.losses import dpo_loss, sequence_logprobs, sft_weights
from bedstone.posttrain.scoring import completion_logprobs, padded

NAME = "elsewhere"
SHAPE = ModelConfig(
    vocab_size=64, n_layers=2, d_model=32, n_heads=4, n_kv_heads=2, d_ff=48, seq_len=16
)
DIALOGUES = [Dialogue((1, 2), (3, 4, 5)), Dialogue((1, 2, 3), (4, 0))]


def made(shape: ModelConfig, dtype: torch.dtype = torch.float32) -> Transformer:
    with torch.device("meta"):
        model = Transformer(shape)
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            empty = torch.empty(weight.shape, dtype=dtype, device=NAME)
            setattr(module, name, torch.nn.Parameter(empty))
    return model


def step(model: Transformer, loss: torch.Tensor) -> None:
    loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.device.type == NAME, name


def pretrain(model: Transformer) -> None:
    tokens = torch.ones(3, 17, dtype=torch.int64, device=NAME)
    weights = torch.ones(3, 16, device=NAME)
    step(model, model.loss(tokens[:, :-1], tokens[:, 1:], weights))
    model.nats(tokens[:, :-1], tokens[:, 1:])


def fine_tune(model: Transformer) -> None:
    tokens, mask = padded(DIALOGUES, model.device)
    step(model, model.loss(tokens[:, :-1], tokens[:, 1:], sft_weights(mask)))


def prefer(model: Transformer) -> None:
    policy = sequence_logprobs(*completion_logprobs(model, DIALOGUES), len(DIALOGUES))
    step(model, dpo_loss(*policy.chunk(2)))


@torch.no_grad()
def write(model: Transformer) -> None:
    padding = torch.ones(2, dtype=torch.int64, device=NAME)
    cache = KVCache(model.config, padding, 8)
    model(torch.ones(2, 5, dtype=torch.int64, device=NAME), cache)
    more = cache.repeated(2, 10)
    logits = model(torch.ones(4, 1, dtype=torch.int64, device=NAME), more)[:, -1].float()
    more.keep(torch.ones(2, dtype=torch.int64, device=NAME))
    texts = torch.ones(4, 6, dtype=torch.int64, device=NAME)
    chains = ("temperature=0.7,min_p=0.1", "typical=0.9", "eta=0.1", "top_n_sigma=1", "epsilon=0.1")
    for chain in map(parse, chains):
        found = candidates(chain, logits, History(texts, 4))
        found.doubt.rows()
        draw(found.logprobs, torch.zeros(4, dtype=torch.float64, device=NAME))
    history = History(texts, 4)
    samplers.repetition(logits, history, 1.2)
    samplers.frequency(logits, history, 0.5)
    samplers.presence(logits, history, 0.5)


def main() -> None:
    _setup_privateuseone_for_python_backend(NAME)
    FakeTensor.__bool__ = lambda self: True  # it has no numbers to tell
    with FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True):
        shapes = {"dense": SHAPE, "normed": SHAPE.model_copy(update={"qk_norm": True})}
        for name, shape in shapes.items():
            for work in (pretrain, fine_tune, prefer, write):
                work(made(shape))
                sys.stdout.write(f"{name} {work.__name__}\n")
        pretrain(made(SHAPE, torch.bfloat16))
        sys.stdout.write("bf16\n")


if __name__ == "__main__":
    main()
