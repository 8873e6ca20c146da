"""`bedstone evaluate`: planted answers in two languages, by models and endpoints that are known."""

import itertools
import json
import random
import re

import pytest
from tests.support.endpoints import found, reply, serving
from tests.support.models import write_unigram
from tests.unit.conftest import tokenizer  # noqa: F401 (a fixture)

from bedstone.commands.evaluate import COMMANDS
from bedstone.errors import DataError
from bedstone.evaluation import scores
from bedstone.evaluation.likelihoods import continuations
from bedstone.progress import Progress
from bedstone.sampling import probe
from bedstone.sampling.endpoints.findings import Finding, Findings
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local
from bedstone.store.making import Making

pytestmark = pytest.mark.torch

ITEMS = 30
LIKES_X = {"x": 0.8, "7": 0.2}
WORDS = [
    f"{one}{two}" for one in ("bal", "dor", "fen", "gim", "kat") for two in ("as", "eth", "ino")
]


def sentence(number):
    """Twelve words that no other number has in this order."""
    return f"{' '.join(random.Random(number).choices(WORDS, k=12))}?"


def write_suite(folder, question=str, languages=("eng_Latn", "tel_Telu")):
    """Choices of one character; in English the right one is x, in the others 7."""
    folder.mkdir()
    for language in languages:
        rows = [
            {
                "id": f"{number}",
                "parallel_id": f"{number}",
                "question": question(number),
                "choices": ["7", "x"] if number % 2 else ["x", "7"],
                "gold": int((language == "eng_Latn") == bool(number % 2)),
                "domain": "even" if number % 2 else "odd",
            }
            for number in range(ITEMS)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{language}.jsonl").write_text(text)
    return folder


@pytest.fixture
def likes_x(tmp_path, tokenizer):  # noqa: F811
    return write_unigram(tmp_path / "model", tokenizer, LIKES_X)


@pytest.fixture
def asked(cli, likes_x, store):
    """What a model that takes x says, as JSON."""

    def ask(*words, model=likes_x):
        status, told, complaint = cli("evaluate", model, *words, "--store", store, "--json")
        assert status == 0, complaint
        return json.loads(told)

    return ask


def refuse(*_, **__):
    raise AssertionError("something is asked again")


def test_the_right_and_the_wrong_language_are_told_and_nothing_is_asked_twice(
    asked, cli, likes_x, store, tmp_path, monkeypatch
):
    suite = write_suite(tmp_path / "letters")
    words = ("--suite", suite, "--plain")
    before = asked(*words, "--dry-run")
    assert (before["scores_stored"], before["scores_to_make"]) == (0, 4 * ITEMS)
    assert before["prompt_tokens_at_most"] > 0
    assert before["seconds_about"] > 0
    answer = asked(*words)
    (told,) = answer["suites"]
    assert (told["metric"], told["judged_from"]) == ("acc_bytes", "scores")
    english, telugu = told["languages"]
    assert (english["language"], english["score"]) == ("eng_Latn", 1)
    assert (telugu["language"], telugu["score"], telugu["items"]) == ("tel_Telu", 0, ITEMS)
    assert telugu["gap_to_english"]["value"] == -1
    assert telugu["gap_to_english"]["p_adjusted"] < 0.001
    assert telugu["chance"] == telugu["longest_choice"] == 0.5
    assert (english["answer_only"], english["exceeds_baselines"]) == (1, False)
    assert english["speakers_share"] > telugu["speakers_share"] > 0.005
    assert (english["train_share"], english["seen_share"]) == (None, "unknown")
    assert telugu["tokens_over_english"] == 1
    assert told["told_apart"] == [{"better": "eng_Latn", "worse": "tel_Telu"}]
    assert {row["domain"] for row in told["domains"]} == {"even", "odd"}
    assert any("says nothing of the language" in each for each in told["warnings"])
    monkeypatch.setattr(continuations, "scored", refuse)
    assert asked(*words) == answer
    assert asked(*words, "--dry-run")["scores_stored"] == 4 * ITEMS
    chart = tmp_path / "chart.svg"
    status, text, _ = cli("evaluate", likes_x, *words, "--chart", chart, "--store", store)
    lines = text.splitlines()
    assert status == 0
    assert lines[0].startswith(f"own by acc_bytes; {ITEMS} items a language, chance 0.500")
    assert re.search(r"tel_Telu  +0\.000 \[.*-1\.000 \[-1\.000, -0\.773\]", text)
    assert max(map(len, lines)) <= 100
    assert "<svg" in chart.read_text()


def test_sets_made_here_are_the_default_and_answers_are_drawn(asked):
    words = ("--language", "te", "--items", 12, "--max-tokens", 2, "--plain")
    rows, facts = asked(*words)["suites"]
    assert [each["language"] for each in rows["languages"]].sort() == [
        "eng_Latn",
        "tel_Telu",
    ].sort()
    assert (rows["name"], facts["name"]) == ("rows", "facts")
    assert facts["judged_from"] == "answers"
    assert facts["languages"][0]["measures"]["answered_without_fact"]["value"] >= 0
    several = asked(*words, "--suite", "facts", "--samples", 3)["suites"][0]
    assert "agreement_of_samples" in several["languages"][0]["measures"]


def test_a_language_that_a_set_lacks_is_told_each_time(asked):
    words = ("--suite", "rows", "--language", "te,hat", "--items", 8)
    for _ in range(2):
        found = asked(*words)
        assert found["warnings"][0] == "rows has no item in hat_Latn"
        languages = {row["language"] for row in found["suites"][0]["languages"]}
        assert languages == {"eng_Latn", "tel_Telu"}


def test_items_of_the_training_text_are_flagged(asked, cli, likes_x, store, tmp_path):
    suite = write_suite(tmp_path / "sentences", sentence)
    host = "Some of the boats were painted last spring, and nobody has asked why. "
    texts = [f"{host}{sentence(number)} {host}" for number in range(0, ITEMS, 2)] + [host * 3]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    making = Making(store, Local(), Progress())
    corpus = making.build("corpus.extract", {}, crawl=adopt([path], store))
    answer = asked("--suite", suite, "--plain", "--corpus", corpus.path)
    (told,) = answer["suites"]
    assert answer["documents"] == str(corpus.path)
    for row in told["languages"]:
        assert row["seen_share"] == pytest.approx(0.5, abs=0.1)
        assert row["accuracy_clean"]["value"] == row["score"]
    assert any("of the items stand in the training text" in each for each in told["warnings"])
    detector = told["detector"]
    assert 0 < detector["found"] <= detector["planted"]
    words = ("--suite", suite, "--plain", "--corpus", corpus.path, "--store", store)
    text = " ".join(cli("evaluate", likes_x, *words)[1].split())
    assert f"{detector['found']} of {detector['planted']} planted copies are found" in text


def test_a_set_without_english_is_narrowed_and_says_so(asked, cli, likes_x, store, tmp_path):
    suite = write_suite(tmp_path / "letters", languages=("swa_Latn", "tel_Telu"))
    (told,) = asked("--suite", suite, "--plain", "--language", "sw")["suites"]
    assert [row["language"] for row in told["languages"]] == ["swa_Latn"]
    assert "no gap to English: the suite has none" in told["warnings"]
    words = ("--suite", suite, "--plain", "--language", "en,sw", "--store", store)
    status, _, complaint = cli("evaluate", likes_x, *words)
    assert status == 2
    assert "no item is in eng_Latn" in complaint


def test_two_kinds_of_items_in_a_file_are_told_apart(asked, tmp_path):
    suite = write_suite(tmp_path / "letters")
    for path in suite.iterdir():
        more = [{"id": f"w{it}", "question": f"{it}?", "answer": "x"} for it in range(ITEMS)]
        path.write_text(path.read_text() + "".join(json.dumps(row) + "\n" for row in more))
    found = asked("--suite", suite, "--plain", "--max-tokens", 1)["suites"]
    by_metric = {told["metric"]: told for told in found}
    assert set(by_metric) == {"acc_bytes", "exact_match"}
    assert by_metric["exact_match"]["judged_from"] == "answers"
    scored, answered = (each["languages"][0]["tokens"] for each in by_metric.values())
    assert scored != answered


def test_prompts_that_are_cut_are_told(asked, tmp_path):
    suite = write_suite(tmp_path / "letters", lambda number: f"{number} " * 300)
    (told,) = asked("--suite", suite, "--plain")["suites"]
    assert any("lost its first tokens" in each and "30 of 30" in each for each in told["warnings"])


def test_a_run_that_was_stopped_is_counted_as_far_as_it_went(
    asked, cli, likes_x, store, tmp_path, monkeypatch
):
    suite = write_suite(tmp_path / "letters")
    words = ("--suite", suite, "--plain")
    whole = asked(*words, "--dry-run")
    monkeypatch.setattr(scores, "PART_ITEMS", 15)
    parts, real = itertools.count(), continuations.scored

    def stopped(writer, items):
        if next(parts) > 1:
            raise DataError("stopped")
        return real(writer, items)

    monkeypatch.setattr(continuations, "scored", stopped)
    monkeypatch.setattr(scores, "core_count", lambda: 1)
    assert cli("evaluate", likes_x, *words, "--store", store)[0] == 4
    after = asked(*words, "--dry-run")
    assert (after["scores_stored"], after["scores_to_make"]) == (60, 60)
    assert after["prompt_tokens_at_most"] < 0.6 * whole["prompt_tokens_at_most"]


def test_a_file_with_the_name_of_a_set_is_meant_by_its_path(
    asked, cli, likes_x, store, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path / "rows")
    words = ("--language", "te", "--items", 4, "--plain", "--dry-run")
    assert asked("--suite", "rows", *words)["suites"] == ["rows"]
    assert asked("--suite", "./rows", *words)["suites"] == ["own"]


def test_no_line_is_longer_than_a_page_whatever_the_name(cli, likes_x, store, tmp_path):
    path = tmp_path / f"eng_Latn.{'long-' * 40}name.jsonl"
    path.write_text('{"question": "?", "choices": ["x", "7"], "gold": 0}\n')
    words = ("--suite", path, "--plain", "--store", store)
    for more in ((), ("--dry-run",)):
        status, text, complaint = cli("evaluate", likes_x, *words, *more)
        assert status == 0, complaint
        assert max(map(len, text.splitlines())) <= 100
        assert more or "1 item a language" in text


def test_two_models_are_compared_on_the_same_items(asked, tmp_path, tokenizer):  # noqa: F811
    suite = write_suite(tmp_path / "letters")
    likes_7 = write_unigram(tmp_path / "other", tokenizer, {"x": 0.2, "7": 0.8})
    (told,) = asked("--suite", suite, "--plain", "--against", likes_7)["suites"]
    assert told["against"]["eng_Latn"]["value"] == 1
    assert told["against"]["tel_Telu"]["value"] == -1
    assert told["against"]["tel_Telu"]["p_adjusted"] < 0.001


HARNESS = """
task: letters_eng_Latn
dataset_path: json
dataset_kwargs: {data_files: {test: items.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "Q {{question}}"
doc_to_choice: choices
doc_to_target: gold
"""


def test_a_test_of_the_harness_is_compared_with_a_run_that_it_logged(asked, tmp_path):
    write_suite(tmp_path / "letters", languages=("eng_Latn",))
    (tmp_path / "letters" / "eng_Latn.jsonl").rename(tmp_path / "letters" / "items.jsonl")
    described = tmp_path / "letters" / "letters.yaml"
    described.write_text(HARNESS)
    logged = tmp_path / "samples_letters_eng_Latn_2026-01-01T00-00-00.jsonl"
    rows = [
        {
            "doc_id": number,
            "arguments": [[f"Q {number}", " x"], [f"Q {number}", " 7"]],
            "filtered_resps": [["-2.0", "False"], ["-1.0", "True"]],
            "target": 0,
            "acc": 0.0,
        }
        for number in range(ITEMS)
    ]
    logged.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (told,) = asked("--suite", described, "--plain", "--against", logged)["suites"]
    assert (told["name"], told["metric"]) == ("letters", "acc")
    assert told["against"]["eng_Latn"]["value"] == 1


def test_a_detour_is_told_with_what_it_gains(asked, cli, likes_x, store, tmp_path):
    folder = tmp_path / "asked"
    folder.mkdir()
    for language in ("eng_Latn", "tel_Telu"):
        rows = [
            {"id": f"{it}", "parallel_id": f"{it}", "question": f"{it}?", "answer": "x"}
            for it in range(ITEMS)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{language}.jsonl").write_text(text)
    words = ("--suite", folder, "--plain", "--max-tokens", 1)
    detour = ("--pivot", "eng", "--translator", "self")
    cost = asked(*words, *detour, "--dry-run")
    before = cost["pivot"][0]
    assert min(before["calls"]["self"], before["seconds_about"]) > 0
    before["seconds_about"] = 90 - cost["seconds_about"]
    lines = [*COMMANDS[0].lines(cost)]
    assert "about 1.5 minutes, at the pace measured here" in lines
    assert lines[-2].endswith(f"and {before['calls']['self']:,} of the model")
    answer = asked(*words, *detour)
    (told,) = answer["pivot"]
    ((row,),) = [suite["languages"] for suite in told["suites"]]
    assert (told["pivot"], row["language"]) == ("eng_Latn", "tel_Telu")
    assert row["arms"]["direct"]["score"] == row["arms"]["gold_in"]["score"] == 1
    assert (row["language_gap"]["value"], row["recommendation"]) == (0, "cannot tell")
    status, text, _ = cli("evaluate", likes_x, *words, *detour, "--store", store)
    assert status == 0
    assert "own through eng_Latn by self" in text
    assert re.search(r"tel_Telu gold_in +1\.000 \[.*\] +1\.0 +\d+ +[\d,]+ ", text)
    kept = dict.fromkeys(("names", "negations", "addresses"))
    kept |= {"numbers": {"value": 0.5, "by_people": 1.0}, "chrf": 71.54}
    told["survival"] = {"tel_Telu": kept}
    assert re.search(r"\n  tel_Telu +50% \(100%\) +71\.5\n", "\n".join(COMMANDS[0].lines(answer)))
    after = asked(*words, *detour, "--dry-run")["pivot"][0]
    assert after["calls"] == {"translator": 0, "self": 0}
    assert after["items"] == after["seconds_about"] == 0
    assert max(map(len, text.splitlines())) <= 100


@pytest.fixture
def findings(monkeypatch):
    """An endpoint need not be probed: what it does is known."""

    def known(**verdicts):
        honest = found(**verdicts)
        features = {name: each for name, each in honest.features.items() if name != "echo"}
        if "echo" in verdicts:  # a chat is not asked
            features["echo"] = Finding(verdicts["echo"], "seen", 1, 1)
        monkeypatch.setattr(probe, "probe", lambda _: Findings(features, honest.logprobs_of))

    return known


def usage(prompt, drawn):
    return {"prompt_tokens": len(prompt), "completion_tokens": drawn}


def echoing(handler, body):
    """A server whose tokens are characters, and who holds x for likely."""
    text = body["prompt"]
    values = [None, *(-0.5 if each == "x" else -3.0 for each in text[1:])]
    logprobs = {"tokens": [*text, "!"], "token_logprobs": [*values, -1.0]}
    choice = {"index": 0, "text": f"{text}!", "finish_reason": "length", "logprobs": logprobs}
    reply(handler, 200, {"choices": [choice], "usage": usage(text, 1)})


def test_an_endpoint_that_echoes_is_scored(asked, tmp_path, findings):
    findings(echo="honoured")
    suite = write_suite(tmp_path / "letters", "Which is it, {}?".format)
    with serving(echoing) as url:
        words = ("--suite", suite, "--plain", "--endpoint-model", "m", "--prompt-price", 2)
        before = asked(*words, "--dry-run", model=url)
        (told,) = asked(*words, model=url)["suites"]
    assert before["usd_at_most"] == pytest.approx(before["prompt_tokens_at_most"] * 2e-6)
    assert [row["score"] for row in told["languages"]] == [1, 0]
    assert told["judged_from"] == "scores"
    assert told["languages"][0]["usd_per_1000_items"] > 0


def test_an_endpoint_is_paid_for_all_that_it_is_sent(asked, tmp_path, findings):
    findings(echo="honoured")
    suite = write_suite(tmp_path / "letters", "Which is it, {}?".format, ("eng_Latn",))
    sent = []

    def counting(handler, body):
        sent.append(len(body["prompt"]) + body["max_tokens"])
        echoing(handler, body)

    with serving(counting) as url:
        words = ("--suite", suite, "--plain", "--endpoint-model", "m", "--prompt-price", 2)
        before = asked(*words, "--completion-price", 2, "--dry-run", model=url)
        (told,) = asked(*words, "--completion-price", 2, model=url)["suites"]
    paid = sum(sent) - len("one two") - 1  # to learn how texts begin, once
    (row,) = told["languages"]
    assert row["tokens"] * ITEMS == pytest.approx(paid)
    assert row["usd_per_1000_items"] * ITEMS / 1_000 == pytest.approx(2e-6 * paid)
    assert before["usd_at_most"] >= 2e-6 * paid


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_what_an_endpoint_cannot_do_is_refused_when_it_is_priced_too(
    cli, tmp_path, store, findings, words
):
    findings(logprobs_of=None, logprobs="ignored", temperature="ignored")
    suite = write_suite(tmp_path / "letters", "Which is it, {}?".format)
    with serving(first_letter) as url:
        asked = ("--suite", suite, "--endpoint-model", "m", "--store", store)
        status, _, complaint = cli("evaluate", url, *asked, *words)
    assert status == 2
    assert "temperature is not honoured" in complaint


def first_letter(handler, body):
    """A chat that always answers A."""
    prompt = body["messages"][-1]["content"]
    assert prompt.splitlines()[-1] == "A/B:"
    choice = {"index": 0, "message": {"content": "A"}, "finish_reason": "stop"}
    reply(handler, 200, {"choices": [choice], "usage": usage(prompt, 1)})


def test_a_chat_that_tells_no_probabilities_is_asked_for_letters(asked, tmp_path, findings):
    findings(logprobs_of=None, logprobs="ignored")
    suite = write_suite(tmp_path / "letters", "Which is it, {}?".format)
    with serving(first_letter) as url:
        words = ("--suite", suite, "--endpoint-model", "m")
        assert asked(*words, "--dry-run", model=url)["answers_to_draw"] == 2 * ITEMS
        (told,) = asked(*words, model=url)["suites"]
    assert (told["metric"], told["judged_from"]) == ("letters", "answers")
    assert [row["score"] for row in told["languages"]] == [0.5, 0.5]
    assert told["languages"][0]["seconds_per_item"] > 0


def test_a_chat_has_no_bits_and_says_so(asked, cli, tmp_path, store, findings):
    findings(logprobs_of=None, logprobs="ignored")
    suite = write_suite(tmp_path / "letters", "Which is it, {}?".format)
    (suite / "flores.eng_Latn.jsonl").write_text('{"text": "A text."}\n')
    with serving(first_letter) as url:
        answer = asked("--suite", suite, "--endpoint-model", "m", model=url)
        assert answer["warnings"] == ["1 text left out: the endpoint tells no bits of one"]
        alone = ("--suite", suite / "flores.eng_Latn.jsonl", "--endpoint-model", "m")
        status, _, complaint = cli("evaluate", url, *alone, "--store", store)
    assert status == 2
    assert "has nothing but texts" in complaint


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"{" * 5_000, b'{"question": 7}\n', b"", b'{"a": "\x1b[2J"}\n'],
    ids=["no text", "deep", "of no set", "empty", "controls"],
)
def test_a_hostile_suite_ends_in_one_clear_error(cli, likes_x, store, tmp_path, content):
    path = tmp_path / "eng_Latn.jsonl"
    path.write_bytes(content)
    status, told, complaint = cli("evaluate", likes_x, "--suite", path, "--store", store)
    assert (status, told) == (4, "")
    assert complaint.count("error: ") == 1
    assert content or f"{path} holds no item" in complaint
    assert "\x1b" not in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--suite", "rowz"), "did you mean 'rows'?"),
        (("--samples", 2, "--chain", "greedy"), "are all the same"),
        (("--pivot", "eng"), "a detour needs a language and a translator"),
        (("--translator", "self"), "a detour needs a language and a translator"),
        (("--pivot", "xyzzy", "--translator", "self"), "no language 'xyzzy'"),
        (("--pivot", "eng", "--translator", "nonesuch"), "no translator 'nonesuch'"),
        (("--pivot", "eng", "--translator", "nonesuch", "--dry-run"), "no translator 'nonesuch'"),
        (("--endpoint-model", "m"), "the model is none of an endpoint"),
        (("--language", "qqq"), "is no language's code"),
        (("--prompt-price", "inf"), "are USD, 0 or more"),
        (("--chart", "chart.png"), "must end in .svg"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_asked(
    cli, likes_x, store, monkeypatch, words, said
):
    monkeypatch.setattr(continuations, "scored", refuse)
    status, told, complaint = cli("evaluate", likes_x, *words, "--store", store)
    assert (status, told) == (2, "")
    assert said in complaint
