import pytest
from tests.support.endpoints import NO_MODEL, Toy, serving, toy_answer

from bedstone.errors import BedstoneError
from bedstone.sampling.endpoints.client import Endpoint
from bedstone.sampling.endpoints.probing import LISTED, PENALTIES, TOKENS, probe


def probed(*lies, chat=True, number=0):
    with serving(toy_answer(Toy(lies, number))) as url:
        return probe(Endpoint(url, "toy", chat))


def verdicts(findings):
    return {name: found.verdict for name, found in findings.features.items()}


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("chat", [True, False])
def test_an_honest_server_is_found_honest(chat, number):
    found = probed(chat=chat, number=number)
    assert set(verdicts(found).values()) == {"honoured"}, verdicts(found)
    assert found.logprobs_of == "model"
    assert not found.temperature_last


TRUST = {"untruncated": "cannot tell", "order": "cannot tell", "echo": "cannot tell"}
"""What is seen by log-probabilities."""
GREEDY = ("stop", "top_p", "top_k", "min_p", *PENALTIES, "logprobs", *TRUST)
"""What is seen by a text that is known to be greedy."""
UNTRUE = {"logprobs": "ignored", **TRUST}
LIES = {
    "no seed": {"seed": "ignored"},
    "fixed seed": {"seed": "ignored", "redraw": "ignored"},
    "refuses seed": {"seed": "refused"},
    "one choice": {"n": "ignored"},
    "equal choices": {"n": "ignored"},
    "counts one": {"n": "cannot tell"},
    "no temperature": {"temperature": "ignored"} | dict.fromkeys(GREEDY, "cannot tell"),
    "always greedy": dict.fromkeys(("temperature", "redraw", "seed"), "ignored")
    | dict.fromkeys(("n", *GREEDY), "cannot tell"),
    "refuses temperature": {"temperature": "refused"} | dict.fromkeys(GREEDY, "cannot tell"),
    "no logprobs": UNTRUE,
    "constant": UNTRUE,
    "random": UNTRUE,
    "sharpened": UNTRUE,
    "positive": UNTRUE,
    "too heavy": UNTRUE,
    "of another": UNTRUE,
    "no stop": {"stop": "ignored"},
    "keeps stop": {"stop": "ignored"},
    "long": {"max_tokens": "ignored"},
    "no top_p": {"top_p": "ignored", "order": "cannot tell"},
    "no top_k": {"top_k": "ignored"},
    "no min_p": {"min_p": "ignored"},
    "refuses top_k": {"top_k": "refused"},
    "no penalty": {"repetition_penalty": "ignored"},
    "temperature last": {"order": "ignored"},
    "no echo": {"echo": "ignored"},
    "echoes another": {"echo": "ignored"},
}
"""All that is not honoured then."""


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("chat", [True, False])
def test_a_lie_is_found_and_nothing_else_is_blamed(lie, chat):
    found = verdicts(probed(lie, chat=chat))
    expected = {name: it for name, it in LIES[lie].items() if not (chat and name == "echo")}
    assert {name: verdict for name, verdict in found.items() if verdict != "honoured"} == expected


@pytest.mark.parametrize("chat", [True, False])
def test_what_is_cut_off_unasked_is_missed(chat):
    found = probed("truncates", chat=chat).features["untruncated"]
    assert found.verdict == "ignored"
    assert "should be" in found.seen


def test_log_probabilities_of_the_chain_are_told_from_those_of_the_model():
    found = probed("of the chain")
    assert found.honours("logprobs")
    assert found.logprobs_of == "chain"
    assert verdicts(found)["order"] == "cannot tell"


def test_each_finding_says_what_was_seen_and_spent():
    toy = Toy(["no seed", "refuses top_k"])
    with serving(toy_answer(toy)) as url:
        features = probe(Endpoint(url, "toy", chat=True)).features
    assert "two texts of one seed" in features["seed"].seen
    assert "unrecognized argument: top_k" in features["top_k"].seen
    refused = sum("top_k" in body and body["top_k"] == 1 for body in toy.bodies)
    assert sum(found.requests for found in features.values()) == len(toy.bodies) - refused
    assert features["n"].requests == 1
    assert features["n"].tokens == 7 + 4 * TOKENS


def test_no_more_is_listed_than_the_api_allows():
    for chat, key in ((True, "top_logprobs"), (False, "logprobs")):
        toy = Toy()
        with serving(toy_answer(toy)) as url:
            probe(Endpoint(url, "toy", chat))
        assert max(body.get(key, 0) for body in toy.bodies) == LISTED[chat]


def test_what_fails_without_any_parameter_is_an_error():
    with (
        serving(toy_answer(Toy())) as url,
        pytest.raises(BedstoneError, match=f"chat/completions: status 404: {NO_MODEL}"),
    ):
        probe(Endpoint(url, "nothing", chat=True))
