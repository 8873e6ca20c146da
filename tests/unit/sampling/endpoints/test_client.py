import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.support.endpoints import (
    DONE,
    Scripted,
    Toy,
    asked,
    error,
    found,
    serving,
    toy_answer,
)

from bedstone.errors import BedstoneError, ConfigError, DataError
from bedstone.sampling.endpoints import client as module
from bedstone.sampling.endpoints.client import Endpoint, Refused, derived_seed
from bedstone.sampling.endpoints.openai_api import CHOICES

KEY = "sk-toy-4711"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(module, "WAITS_SECONDS", (0.01, 0.02))


def texts(completions):
    return [[sample.text for sample in of_prompt] for of_prompt in completions]


@pytest.fixture
def toy():
    made = Toy()
    with serving(toy_answer(made)) as url:
        made.url = url
        yield made


@pytest.mark.parametrize("chat", [True, False])
def test_completions_come_in_the_order_of_prompts_and_samples(toy, chat):
    prompts = ["one", "two", "three"]
    how = asked(("temperature", 1.5), samples=3, logprobs=True)
    at = Endpoint(toy.url, "toy", chat)
    completions = at.complete(prompts, how, found(n="ignored"))
    assert [len(each) for each in completions] == [3, 3, 3]
    assert len({text for each in texts(completions) for text in each}) == 9
    assert len({body["seed"] for body in toy.bodies}) == 9
    for prompt, of_prompt in zip(prompts, completions, strict=True):
        for number, sample in enumerate(of_prompt):
            body = {"seed": derived_seed(3, prompt, number), "temperature": 1.5, "max_tokens": 8}
            ids, rows, _ = toy.draw(body, [body["seed"], 0])
            assert sample.text == toy.text(ids)
            told = [row[each] for row, each in zip(rows, ids, strict=True)]
            assert sample.logprobs == pytest.approx(told)
            assert (sample.prompt_tokens, sample.completion_tokens) == (7, 8)
            assert sample.sampling_logprobs is None
            assert sample.finish_reason == "length"
            assert sample.seconds > 0
    again = replace(at, concurrency=1).complete(
        ["two"], replace(how, samples=2), found(n="ignored")
    )
    assert texts(again) == [texts(completions)[1][:2]]


def test_several_completions_of_one_request_are_shared_out(toy):
    how = asked(("temperature", 1.0), samples=CHOICES + 2, stop=("ba",))
    completions = Endpoint(toy.url, "toy", chat=False).complete(["a", "b"], how, found())
    assert [len(each) for each in completions] == [CHOICES + 2] * 2
    assert sorted(body.get("n") for body in toy.bodies) == [2, 2, CHOICES, CHOICES]
    assert all(body["stop"] == ["ba"] for body in toy.bodies)
    for of_prompt in completions:
        for sample in of_prompt:
            assert "ba" not in sample.text
            assert sample.logprobs is None
    spent = sum(sample.completion_tokens for each in completions for sample in each)
    drawn = [
        toy.draw(body, [body["seed"], choice]) for body in toy.bodies for choice in range(body["n"])
    ]
    assert spent == sum(len(ids) for ids, _, _ in drawn)


def test_tokens_of_a_choice_are_exact_where_they_are_listed(toy):
    how = asked(("temperature", 1.5), samples=CHOICES, stop=("go",), logprobs=True)
    [completions] = Endpoint(toy.url, "toy", chat=True).complete(["a"], how, found())
    assert len({sample.completion_tokens for sample in completions}) > 1
    for sample in completions:
        assert sample.completion_tokens == len(sample.logprobs)


def test_log_probabilities_stand_where_their_kind_belongs(toy):
    at, how = Endpoint(toy.url, "toy", chat=True), asked(("temperature", 1.5), logprobs=True)
    [[sample]] = at.complete(["a"], how, found("chain"))
    assert sample.logprobs is None
    assert len(sample.sampling_logprobs) == 8


def test_what_cannot_be_sent_is_refused_with_the_reason():
    at = Endpoint("http://127.0.0.1:1/v1", "toy", chat=True)
    with pytest.raises(ConfigError, match="cannot do what is asked: it takes no typical"):
        at.complete(["a"], asked(("typical", 0.9)), found())


def test_a_seed_is_sent_unless_it_is_refused(toy):
    at, how = Endpoint(toy.url, "toy", chat=True), asked(("temperature", 1.5))
    at.complete(["a"], how, found(seed="ignored"))
    at.complete(["a"], how, found(seed="refused"))
    assert ["seed" in body for body in toy.bodies] == [True, False]
    assert 0 <= derived_seed(3, "a", 0) < 2**31
    assert len({derived_seed(*each) for each in ((3, "a", 0), (4, "a", 0), (3, "a", 1))}) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        (429, error("wait")),
        (500, b"<html>broken</html>"),
        (503, b""),
        (None, b""),
        ("cut", b'{"choices": ['),
        ("slow", 1.0),
    ],
)
def test_passing_trouble_is_waited_out(trouble):
    script = Scripted(trouble, trouble, (200, DONE))
    with serving(script) as url:
        at = Endpoint(url, "toy", chat=False, timeout_seconds=0.5)
        answered = at.ask("a", {"max_tokens": 2})
    assert answered.choices[0].text == " done"
    assert [body for _, body in script.asked] == [script.asked[0][1]] * 3
    first, second, third = script.times
    assert answered.seconds < 0.5  # of the last try alone
    assert second - first >= 0.01
    assert third - second >= 0.02


def test_the_servers_own_wait_is_kept():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    waits = [("Retry-After", "0.3")], [("Retry-After", soon)]
    for headers in waits:
        script = Scripted((429, b"", *headers), (200, DONE))
        with serving(script) as url:
            Endpoint(url, "toy", chat=False).ask("a", {})
        assert script.times[1] - script.times[0] >= 0.29


def test_a_wait_without_end_is_an_error():
    script = Scripted((429, error("out of quota"), ("Retry-After", "86400")))
    with serving(script) as url, pytest.raises(BedstoneError, match="status 429: out of quota"):
        Endpoint(url, "toy", chat=False).ask("a", {})


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ((429, error("slow down")), "/v1/completions: status 429: slow down"),
        ((500, b"it broke"), "/v1/completions: status 500: it broke"),
        ((None, b""), "/v1/completions: .*(without response|reset)"),
        (("slow", 1.0), "/v1/completions: .*timed out"),
    ],
)
def test_trouble_that_stays_is_an_error(trouble, message):
    script = Scripted(*[trouble] * 3)
    with serving(script) as url, pytest.raises(BedstoneError, match=message) as raised:
        Endpoint(url, "toy", chat=False, timeout_seconds=0.5).ask("a", {})
    assert not isinstance(raised.value, Refused)
    assert not script.script


def test_nobody_at_the_address_is_an_error():
    with serving(Scripted()) as url:
        pass
    with pytest.raises(BedstoneError, match=r"127\.0\.0\.1.*refused") as raised:
        Endpoint(url, "toy", chat=False).ask("a", {})
    assert "whether a server runs there" in raised.value.hint
    assert "120 s" in raised.value.hint


@pytest.mark.parametrize("url", ["127.0.0.1:8080/v1", "file:///etc/hostname", ""])
def test_an_address_of_no_server_is_refused(url):
    with pytest.raises(ConfigError, match="is no address of an endpoint"):
        Endpoint(url, "toy", chat=False)


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_not_asked_again(status):
    script = Scripted((status, error("not like this")))
    with serving(script) as url, pytest.raises(Refused, match=f"status {status}: not like this"):
        Endpoint(url, "toy", chat=False).ask("a", {})


@pytest.mark.parametrize(
    "answer",
    [
        b"not JSON",
        b"[]",
        {"choices": DONE["choices"]},
    ],
)
def test_an_answer_that_lacks_something_is_an_error(answer):
    with (
        serving(Scripted((200, answer))) as url,
        pytest.raises(DataError, match=r"127\.0\.0\.1.*the answer"),
    ):
        Endpoint(url, "toy", chat=False).ask("a", {})


def test_too_few_completions_are_an_error():
    how = asked(("temperature", 1.0), samples=2)
    with serving(Scripted((200, DONE))) as url, pytest.raises(DataError, match="1 of 2"):
        Endpoint(url, "toy", chat=False).complete(["a"], how, found())


def test_the_first_error_ends_the_work():
    script = Scripted((200, DONE), *[(400, error("enough"))] * 20)
    with serving(script) as url, pytest.raises(Refused):
        Endpoint(url, "toy", chat=False, concurrency=1).complete(
            list("abcdefghijklmnopqrst"), asked(("temperature", 1.0)), found()
        )
    assert len(script.asked) < 20


def test_the_key_is_sent_and_never_shown(monkeypatch):
    monkeypatch.setenv("TOY_KEY", f" {KEY}\n")
    script = Scripted((200, DONE), (401, error(f"no such key: {KEY}")))
    with serving(script) as url:
        at = Endpoint(url, "toy", chat=False, key_variable="TOY_KEY")
        at.ask("a", {})
        with pytest.raises(Refused, match="401") as raised:
            at.ask("a", {})
    assert script.asked[0][0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(script.asked[0][1])
    assert KEY not in str(raised.value)
    assert KEY not in repr(at)
    monkeypatch.setenv("TOY_KEY", f"{KEY}\nX-Other: 1")
    with pytest.raises(ConfigError, match="TOY_KEY holds no key") as raised:
        at.ask("a", {})
    assert KEY not in str(raised.value)
    monkeypatch.delenv("TOY_KEY")
    with pytest.raises(ConfigError, match="TOY_KEY holds no key"):
        at.ask("a", {})


def test_a_redirect_does_not_take_the_key_elsewhere(monkeypatch):
    monkeypatch.setenv("TOY_KEY", KEY)
    other = Scripted((200, DONE))
    with serving(other) as elsewhere:
        script = Scripted((302, b"", ("Location", f"{elsewhere}/completions")))
        with serving(script) as url, pytest.raises(Refused, match="status 302"):
            Endpoint(url, "toy", chat=False, key_variable="TOY_KEY").ask("a", {})
    assert other.asked == []
