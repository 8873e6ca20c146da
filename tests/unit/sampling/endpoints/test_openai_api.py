"""What is sent for a chain, and what is read in an answer."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bedstone.sampling.endpoints.findings import Finding, Findings
from bedstone.sampling.endpoints.openai_api import (
    CHOICES,
    PARAMETERS,
    RemoteDrawing,
    obstacles,
    parameters,
    reply_of,
    request_body,
)

FEATURES = (
    *dict.fromkeys(PARAMETERS.values()),
    *("seed", "redraw", "n", "max_tokens", "stop", "logprobs", "untruncated", "order"),
)
DONE = {
    "choices": [{"index": 0, "text": " done", "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}


def chain(*steps):
    return SimpleNamespace(steps=steps)


def found(logprobs_of="model", **verdicts):
    """Findings of an endpoint that honours all but some."""
    features = {
        name: Finding(verdicts.get(name, "honoured"), f"{name} was seen", 1, 1) for name in FEATURES
    }
    return Findings(features, logprobs_of)


def asked(*steps, samples=1, **options):
    return RemoteDrawing(chain(*steps), samples, max_tokens=8, seed=3, **options)


def test_a_chain_is_sent_with_what_turns_the_rest_off():
    sent = parameters(asked(("presence", 0.5), ("temperature", 0.7), ("top_k", 5.0)), found())
    assert sent == {
        "presence_penalty": 0.5,
        "temperature": 0.7,
        "top_k": 5,
        "min_p": 0.0,
        "top_p": 1.0,
        "max_tokens": 8,
    }
    assert isinstance(sent["top_k"], int)
    openai = found(top_k="refused", min_p="refused")
    assert parameters(asked(("greedy", None), stop=("\n",)), openai) == {
        "temperature": 0.0,
        "top_p": 1.0,
        "stop": ["\n"],
        "max_tokens": 8,
    }


OBSTACLES = {
    (("typical", 0.9),): "it takes no typical",
    (("logit_bias", ((3, 1.0),)),): "it takes no logit_bias",
    (("temperature", 0.5), ("min_p", 0.1)): "min_p is not honoured (ignored: min_p was seen)",
    (("top_p", 0.9), ("temperature", 0.5)): "and the chain has another order",
    (("temperature", 0.5), ("frequency", 0.1)): "and the chain has another order",
    (("temperature", 0.5), ("top_p", 0.5), ("top_k", 3)): "and the chain has another order",
    (("temperature", 0.5), ("temperature", 0.5)): "and the chain has another order",
    (("greedy", None), ("temperature", 0.5)): "and the chain has another order",
}


@pytest.mark.parametrize("steps", OBSTACLES)
def test_what_cannot_be_sent_is_told_with_the_reason(steps):
    assert OBSTACLES[steps] in obstacles(asked(*steps), found(min_p="ignored"))[0]


def test_obstacles_are_those_of_what_is_asked():
    hot = asked(("temperature", 1.5))
    assert obstacles(hot, found(seed="refused", stop="ignored", logprobs="ignored")) == []
    assert "temperature" in obstacles(asked(("top_k", 5)), found(temperature="ignored"))[0]
    assert "stop" in obstacles(replace(hot, stop=("x",)), found(stop="cannot tell"))[0]
    assert "logprobs" in obstacles(replace(hot, logprobs=True), found(logprobs="ignored"))[0]
    assert "max_tokens" in obstacles(hot, found(max_tokens="ignored"))[0]
    assert "cannot be told" in obstacles(replace(hot, logprobs=True), found(None))[0]
    together = asked(("temperature", 1.5), ("min_p", 0.1), ("top_p", 0.9))
    assert "cannot be told" in obstacles(together, found())[0]


def test_an_endpoint_that_writes_one_text_only_is_not_asked_for_more():
    several = asked(("temperature", 1.5), samples=CHOICES)
    assert obstacles(several, found(redraw="ignored")) == []
    assert "no second text" in obstacles(several, found(redraw="ignored", n="ignored"))[0]
    more = replace(several, samples=CHOICES + 1)
    assert "no second text" in obstacles(more, found(redraw="ignored"))[0]


def test_where_the_temperature_acts_last_the_chain_must_say_so():
    last = found(order="ignored")
    assert obstacles(asked(("top_k", 9), ("top_p", 0.9), ("temperature", 0.5)), last) == []
    assert obstacles(asked(("presence", 1), ("top_p", 0.9), ("greedy", None)), last) == []
    wrong = asked(("temperature", 0.5), ("top_p", 0.9))
    assert "it applies repetition, frequency" in obstacles(wrong, last)[0]
    assert obstacles(wrong, found(order="cannot tell")) == []
    assert obstacles(asked(("temperature", 0.5), ("min_p", 0.1), ("top_k", 5)), found()) == []


def test_a_chat_is_sent_as_a_turn_and_asks_for_log_probabilities_in_another_way():
    told = request_body("toy", "Ab", {"n": 2}, chat=True, listed=3)
    turn = [{"role": "user", "content": "Ab"}]
    asks = {"logprobs": True, "top_logprobs": 3}
    assert told == {"model": "toy", "n": 2, "messages": turn, **asks}
    told = request_body("toy", "Ab", {}, chat=False, listed=3)
    assert told == {"model": "toy", "prompt": "Ab", "logprobs": 3}
    told = request_body("toy", "Ab", {}, chat=False, listed=None)
    assert told == {"model": "toy", "prompt": "Ab"}


def choices(*numbers):
    """An answer with texts a, b and so on, of these numbers; None: without."""
    named = [
        {"text": text, "finish_reason": "stop"} | ({} if number is None else {"index": number})
        for text, number in zip("abc", numbers, strict=False)
    ]
    return {"choices": named, "usage": DONE["usage"]}


def test_completions_are_in_the_order_of_their_numbers():
    read = reply_of(choices(2, 0, 1), 0.5)
    assert [choice.text for choice in read.choices] == ["b", "c", "a"]
    assert (read.prompt_tokens, read.completion_tokens, read.seconds) == (3, 2, 0.5)


def test_completions_without_numbers_stay_as_they_came():
    read = reply_of(choices(None, None, None), 0.5)
    assert [choice.text for choice in read.choices] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"choices": [], "usage": DONE["usage"]},
        {"choices": DONE["choices"]},
        {"choices": DONE["choices"], "usage": None},
        {"choices": [{"index": 0, "finish_reason": "stop"}], "usage": DONE["usage"]},
        choices(0, None),
        choices(None, 1),
        choices("first"),
    ],
)
def test_an_answer_that_lacks_something_is_not_read(answer):
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        reply_of(answer, 0.5)
