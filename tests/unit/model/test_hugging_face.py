from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.errors import ArtifactError  # noqa: E402 (needs torch)
from bedstone.model import hugging_face  # noqa: E402 (needs torch)
from bedstone.model.transformer import ModelConfig, Transformer  # noqa: E402 (needs torch)

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


def saved(model, folder):
    @contextmanager
    def part(name):
        yield folder / name

    hugging_face.save(model, part, end_token=0)
    return folder


@pytest.mark.parametrize("tied", [True, False])
def test_transformers_computes_the_same(tmp_path, tied):
    transformers = pytest.importorskip("transformers")
    model = made(tied=tied)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(saved(model, tmp_path))
    assert type(theirs).__name__ == "LlamaForCausalLM"
    prompt = tokens()
    with torch.no_grad():
        torch.testing.assert_close(model(prompt), theirs(prompt).logits, atol=1e-4, rtol=0)
    expected = theirs.generate(prompt, max_new_tokens=6, do_sample=False, eos_token_id=None)
    text = prompt
    for _ in range(6):
        text = torch.cat([text, model(text)[:, -1].argmax(-1, keepdim=True)], 1)
    assert text.tolist() == expected.tolist()


def test_a_saved_model_is_loaded_as_it_was(tmp_path):
    model = made(tied=False)
    loaded = hugging_face.load(saved(model, tmp_path))
    assert loaded.config == model.config
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name])
    assert hugging_face.load(tmp_path, "bf16").embedding.dtype == torch.bfloat16


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ArtifactError, match="holds no model"):
        hugging_face.load(tmp_path)
