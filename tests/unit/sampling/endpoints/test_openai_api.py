"""What is sent for a chain, and what is read in an answer."""

import json
import math
import re
from dataclasses import replace

import pytest
from tests.support.endpoints import DONE, asked, found

from bedstone.sampling.endpoints.openai_api import (
    CHOICES,
    Choice,
    Token,
    Told,
    echo_of,
    json_of,
    obstacles,
    parameters,
    reply_of,
    request_body,
)


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
    ("answer", "message"),
    [
        ([], "no object holds 'choices': what should is a list"),
        ({"choices": [], "usage": DONE["usage"]}, "'choices' are none"),
        ({"choices": {}, "usage": DONE["usage"]}, "'choices' is an object"),
        ({"choices": "many", "usage": DONE["usage"]}, "'choices' is a text"),
        ({"choices": [[]], "usage": DONE["usage"]}, "no object holds 'index': what should is a li"),
        ({"choices": DONE["choices"]}, "'usage' is missing"),
        ({"choices": DONE["choices"], "usage": None}, "'usage' is missing"),
        ({"choices": [{"index": 0}], "usage": DONE["usage"]}, "'text' is missing"),
        (choices(0, None), "'index' is missing"),
        (choices(None, 1), "'index' is missing"),
        (choices("first"), "'index' is a text"),
        (choices(1.5), "'index' is a number"),
        (choices(True), "'index' is true or false"),
    ],
)
def test_an_answer_that_lacks_something_is_not_read(answer, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        reply_of(answer, 0.5)


def told(**changes):
    """An answer with one choice, changed."""
    return {"choices": [{"text": "a", "finish_reason": "stop"} | changes], "usage": DONE["usage"]}


@pytest.mark.parametrize("key", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize(
    ("count", "message"),
    [
        *(
            ("NaN", "a number"),
            ("Infinity", "a number"),
            ("1e400", "a number"),
            ("2.0", "a number"),
        ),
        *(("-1", "-1"), ("2147483648", "2147483648"), ("true", "true or false")),
        *(('"2"', "a text"), ("null", "missing"), ("[2]", "a list")),
    ],
)
def test_a_count_is_a_whole_number_that_can_be_stored(key, count, message):
    text = json.dumps({"choices": DONE["choices"], "usage": DONE["usage"] | {key: "?"}})
    with pytest.raises(ValueError, match=f"^'{key}' is {message}$"):
        reply_of(json_of(text.replace('"?"', count).encode()), 0.5)


def listed(logprob, top):
    """An answer with these log-probabilities, of chats, then of texts."""
    place = {"token": "a", "logprob": logprob, "top_logprobs": [{"token": "b", "logprob": top}]}
    yield told(logprobs={"content": [place]})
    columns = {"tokens": ["a"], "token_logprobs": [logprob], "top_logprobs": [{"b": top}]}
    yield told(logprobs=columns)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        *((math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (-1e39, "-1e+39")),
        *((10**400, "1000"), ("-1", "a text"), (None, "missing"), (False, "true or false")),
    ],
)
def test_a_log_probability_is_a_number_that_fp32_holds(value, message):
    for answer in (*listed(value, -1), *listed(-1, value)):
        with pytest.raises(ValueError, match=f"'logprob' is {re.escape(message)}"):
            reply_of(answer, 0.5)
    for answer in listed(-3.4028234663852886e38, -1):  # how llama.cpp writes that of 0
        [token] = reply_of(answer, 0.5).choices[0].tokens
        assert token == Token("a", -3.4028234663852886e38, (("b", -1.0),))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": 3}, "'text' is a whole number"),
        ({"text": ["a"]}, "'text' is a list"),
        ({"finish_reason": {}}, "'finish_reason' is an object"),
        ({"message": None}, "no object holds 'content': what should is missing"),
        ({"message": "a"}, "no object holds 'content': what should is a text"),
        ({"message": {"content": 3}}, "'content' is a whole number"),
        ({"message": {"content": {"text": "a"}}}, "'content' is an object"),
        ({"message": {"content": ["a"]}}, "no object holds 'type': what should is a text"),
        ({"message": {"content": [{"text": "a"}]}}, "'type' is missing"),
        ({"message": {"content": [{"type": "text"}]}}, "'text' is missing"),
        ({"logprobs": "a"}, "'logprobs' is a text"),
        ({"logprobs": {"content": {}}}, "'content' is an object"),
        ({"logprobs": {"content": ["a"]}}, "no object holds 'top_logprobs'"),
        ({"logprobs": {"content": [{"logprob": -1}]}}, "'token' is missing"),
        ({"logprobs": {"tokens": ["a"]}}, "'token_logprobs' is missing"),
        ({"logprobs": {"tokens": ["a"], "token_logprobs": []}}, "are not equally many"),
        (
            {"logprobs": {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": ["a"]}},
            "'top_logprobs' is a text",
        ),
        (
            {"logprobs": {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{}, {}]}},
            "are not equally many",
        ),
        ({"logprobs": {"tokens": [1], "token_logprobs": [-1]}}, "'token' is a whole number"),
    ],
)
def test_what_is_of_another_kind_is_not_read(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        reply_of(told(**changes), 0.5)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("whole", "whole"),
        (None, ""),
        ([], ""),
        ([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}], "in parts"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}], "so"),
        ("\ud83d", "\N{REPLACEMENT CHARACTER}"),
        ("\N{GRINNING FACE} \udc00\ud83d", "\N{GRINNING FACE} " + "\N{REPLACEMENT CHARACTER}" * 2),
    ],
)
def test_a_content_is_read_whole_or_in_parts(content, text):
    answer = told(message={"role": "assistant", "content": content}, finish_reason="\udc00")
    [choice] = reply_of(json_of(json.dumps(answer).encode("utf-8-sig")), 0.5).choices
    assert choice == Choice(text, "\N{REPLACEMENT CHARACTER}", None)


def echoed(tokens=("<s>", "a", "!"), values=(None, -1, -2.5), prompt_tokens=2, **changes):
    logprobs = {"tokens": list(tokens), "token_logprobs": list(values)} | changes
    choice = {"text": "a!", "logprobs": logprobs}
    return {"choices": [choice], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": 1}}


def test_the_tokens_of_a_prompt_that_is_repeated():
    assert echo_of(echoed()) == (Told("<s>", None), Told("a", -1.0))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (echoed(prompt_tokens=4), "3 tokens with 3 log-probabilities came of 4"),
        (echoed(values=(None, -1)), "3 tokens with 2 log-probabilities came of 2"),
        (echoed(values=(None, float("nan"), 0)), "'logprob' is nan"),
        (echoed(values=(None, "-1", 0)), "'logprob' is a text"),
        (echoed(tokens=("<s>", 7, "!")), "'tokens' is a whole number"),
        (echoed(tokens=()), "0 tokens with 3"),
        (echoed(token_logprobs=None), "'token_logprobs' is missing"),
        (echoed() | {"choices": []}, "no object holds 'logprobs'"),
        (echoed() | {"choices": [{"text": "a", "logprobs": None}]}, "'logprobs' is missing"),
        (echoed() | {"usage": None}, "'usage' is missing"),
        ([], "no object holds 'choices'"),
    ],
)
def test_what_repeats_no_prompt(answer, message):
    with pytest.raises(ValueError, match=message):
        echo_of(answer)
