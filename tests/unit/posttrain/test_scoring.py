import pytest
import torch

from bedstone.model.hugging_face import load
from bedstone.posttrain import scoring
from bedstone.posttrain.chat import Dialogue
from bedstone.posttrain.scoring import completion_logprobs, completion_sums

pytestmark = pytest.mark.torch

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
