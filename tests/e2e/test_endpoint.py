"""A real server on loopback: llama.cpp's, with a real model."""

from pathlib import Path

import pytest
import xllamacpp

from bedstone.errors import BedstoneError, ConfigError
from bedstone.generation.chain import parse
from bedstone.sampling.endpoints.client import Endpoint
from bedstone.sampling.endpoints.openai_api import RemoteDrawing, obstacles
from bedstone.sampling.endpoints.probing import probe

MODEL = Path(__file__).parents[2] / ".models" / "SmolLM2-135M-Instruct.Q4_1.gguf"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODEL.exists(), reason=f"{MODEL.name} is not in .models/"),
]


@pytest.fixture(scope="module")
def url():
    settings = xllamacpp.CommonParams()
    settings.model.path = str(MODEL)
    settings.n_ctx, settings.n_parallel, settings.port = 4096, 4, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(settings)
    yield f"{server.listening_address}/v1"
    del server


@pytest.fixture(scope="module", params=[True, False], ids=["chat", "text"])
def probed(request, url):
    endpoint = Endpoint(url, "SmolLM2-135M-Instruct", chat=request.param)
    return endpoint, probe(endpoint)


def test_what_the_server_does_is_found(probed):
    _, findings = probed
    verdicts = {name: found.verdict for name, found in findings.features.items()}
    # Its name for this penalty is another, and it does not say that it knows none of ours.
    assert verdicts.pop("repetition_penalty") == "ignored"
    # Of several completions it counts the tokens of one.
    assert verdicts.pop("n") == "cannot tell"
    # Its chain ends with the temperature.
    assert verdicts.pop("order") == "ignored"
    assert set(verdicts.values()) == {"honoured"}, verdicts
    assert findings.logprobs_of == "model"


def test_completions_are_what_was_asked(probed):
    endpoint, findings = probed
    chain = parse("top_p=0.9,temperature=1.2")
    drawing = RemoteDrawing(chain, samples=6, max_tokens=12, seed=1, stop=("\n",), logprobs=True)
    prompts = ["The capital of France is", "A name for a cat:"]
    completions = endpoint.complete(prompts, drawing, findings)
    assert [len(each) for each in completions] == [6, 6]
    for of_prompt in completions:
        assert len({sample.text for sample in of_prompt}) > 1
        for sample in of_prompt:
            assert "\n" not in sample.text
            assert len(sample.logprobs or ()) <= sample.completion_tokens <= 12
            assert sample.sampling_logprobs is None
            assert sample.prompt_tokens > 0


def test_greedy_completions_are_one(probed):
    endpoint, findings = probed
    drawing = RemoteDrawing(parse("greedy"), samples=3, max_tokens=12, seed=1)
    [completions] = endpoint.complete(["The capital of France is"], drawing, findings)
    assert len({sample.text for sample in completions}) == 1
    assert completions[0].text
    assert all(1 < sample.completion_tokens <= 12 for sample in completions)


def test_an_order_that_the_server_does_not_apply_is_refused(probed):
    endpoint, findings = probed
    drawing = RemoteDrawing(parse("temperature=1.2,top_p=0.9"), samples=1, max_tokens=8, seed=1)
    assert "another order" in obstacles(drawing, findings)[0]
    with pytest.raises(ConfigError, match="another order"):
        endpoint.complete(["One"], drawing, findings)


def test_the_servers_own_message_is_passed_on(url):
    with pytest.raises(BedstoneError, match=r"status 400: .*context"):
        Endpoint(url, "any", chat=True).ask("word " * 10_000, {"max_tokens": 1})
