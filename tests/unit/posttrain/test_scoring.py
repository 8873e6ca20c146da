import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.model.hugging_face import load
from bedstone.posttrain import scoring
from bedstone.posttrain.chat import Dialogue, render
from bedstone.posttrain.prompts import Pair
from bedstone.posttrain.scoring import (
    HeldOutLoss,
    completion_logprobs,
    completion_sums,
    rendered,
)
from bedstone.text.encoder import Encoder

DIALOGUES = [
    Dialogue((1, 9, 2), (7, 8, 0)),
    Dialogue((1, 2), (5, 0)),
    Dialogue((1, 9, 9, 9, 9, 2), (4, 4, 4, 4, 0)),
]


def alone(model, dialogue):
    """Each completion token's log-probability, from the whole softmax of the whole sequence."""
    with torch.no_grad():
        logprobs = model(torch.tensor([dialogue.ids]))[0].log_softmax(1)
    start = len(dialogue.prompt_ids)
    return [logprobs[start + n - 1, t].item() for n, t in enumerate(dialogue.completion_ids)]


def test_only_completion_tokens_count_whatever_the_padding(model):
    loaded = load(model.path)
    logprobs, dialogues = completion_logprobs(loaded, DIALOGUES)
    assert dialogues.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]
    expected = [value for dialogue in DIALOGUES for value in alone(loaded, dialogue)]
    assert logprobs.tolist() == pytest.approx(expected, abs=1e-5)


def test_the_sums_do_not_depend_on_the_batches(model, monkeypatch):
    loaded = load(model.path)
    expected = [sum(alone(loaded, dialogue)) for dialogue in DIALOGUES]
    assert completion_sums(loaded, DIALOGUES) == pytest.approx(expected, abs=1e-4)
    monkeypatch.setattr(scoring, "BATCH_TOKENS", 1)
    assert completion_sums(loaded, DIALOGUES) == pytest.approx(expected, abs=1e-4)


def test_the_held_out_loss_is_a_mean_over_tokens():
    sizes, documents = (1, 3), ("a", "b")
    before = HeldOutLoss((2.0, 9.0), sizes, documents)
    after = HeldOutLoss((4.0, 7.0), sizes, documents)
    assert before.mean_nats == 11 / 4
    assert before.change(after, seed=0).value == pytest.approx(0)
    dearer = HeldOutLoss((3.0, 12.0), sizes, documents)
    assert before.change(dearer, seed=0).value == pytest.approx(1)


def test_completions_of_one_document_are_one_unit():
    sizes, documents = (1, 1, 2), ("a", "b", "a")
    before, after = (HeldOutLoss(n, sizes, documents) for n in ((1.0, 1, 1), (2.0, 1, 3)))
    change = before.change(after, seed=0)
    assert change.value == 3 / 4
    assert change.n == 2
    assert (change.low, change.high) == (0, 1)  # of b alone, of a alone


def test_what_is_too_long_is_not_rendered(tokenizer):
    pairs = [Pair("a", "x", "one", "two"), Pair("b", "x", "one", "much longer")]
    encoder = Encoder.load(tokenizer.path)
    ((document, dialogue),) = rendered(encoder, pairs, max_tokens=9)
    assert (document, dialogue) == ("a", render(encoder, "one", "two"))
    assert len(dialogue) == 9
