"""Scores of a small model, against the plain formula, and of endpoints that stand for it."""

from dataclasses import replace
from itertools import count

import pytest
import torch
from tests.support.endpoints import found, reply, serving
from tests.support.models import SMOLLM2, bytes_of, needs_smollm2, write_model

from bedstone.errors import ConfigError, DataError
from bedstone.evaluation import scores
from bedstone.evaluation.likelihoods import continuations
from bedstone.evaluation.scores import ScoresConfig, foresee
from bedstone.evaluation.verdicts.outcomes import outcomes
from bedstone.generation.foresight import Known
from bedstone.generation.writer import Writer
from bedstone.sampling.endpoints.findings import FILE, Findings
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.payload import write_json
from bedstone.store.stage import Result, Stage
from bedstone.tasks.items import Item, write_items
from bedstone.tasks.stored import SCORES, rows_of
from bedstone.text.encoder import Encoder

pytestmark = pytest.mark.torch

SEQ_LEN = 512
PASSAGE = "The river rises in spring, when the snow melts on the hills. "
ITEMS = [
    Item("own", "one", "eng_Latn", "acc", PASSAGE, "When?", choices=("spring", "in the fall")),
    Item("own", "two", "eng_Latn", "acc", PASSAGE, "What melts?\n ", choices=("ice", "the snow")),
    Item("own", "blank", "hin_Deva", "acc", question="नदी?", choices=("गाँव", "x"), delimiter=""),
    Item("own", "pair", "eng_Latn", "acc", choices=("It is.", "It are."), delimiter=""),
    Item("own", "asked", "eng_Latn", "exact_match", question="2 + 2 =", answers=("4",)),
    Item("own", "text", "eng_Latn", "bits", choices=(PASSAGE,)),
    Item("own", "long", "eng_Latn", "bits", choices=(PASSAGE * 12,)),
    Item("own", "end", "eng_Latn", "acc", question=PASSAGE, choices=("It melts.",)),
]
ONE = ScoresConfig(threads=1)


@pytest.fixture
def folder(tmp_path, tokenizer):
    return write_model(tmp_path / "model", tokenizer)


@pytest.fixture
def stored(store):
    """An artifact of a stage that writes so."""
    notes = count()

    def made(name, write):
        def run(config, job):
            write(job)
            return Result({})

        stage = Stage(name, version=next(notes) + 1, config=ScoresConfig, inputs=(), run=run)
        return build(stage, ScoresConfig(), {}, store, Local())

    return made


@pytest.fixture
def scored(store, stored, folder):
    """The scores of items by the model, or by what is given."""

    def made(items=ITEMS, config=ONE, **asked):
        roles = asked or {"model": adopt([folder], store)}
        held = stored("evaluation.suite", lambda job: write_items(job, items))
        return build(scores.STAGE, config, {"items": held, **roles}, store, Local())

    return made


def rows(artifact):
    return rows_of(artifact).to_pylist()


def logprob(writer, before, ending):
    ids = torch.tensor([before + ending])
    with torch.no_grad():
        told = writer.model(ids)[0].log_softmax(-1)[len(before) - 1 : -1]
    return float(told.gather(1, ids[0, len(before) :, None]).double().sum())


def test_a_row_for_each_choice_as_the_formula_has_it(scored, folder):
    made, writer = scored(), Writer.load(folder, "fp32")
    assert rows_of(made).schema.equals(SCORES)
    with_choices = [item for item in ITEMS if item.choices]
    expected = [(item.id, number) for item in with_choices for number in range(len(item.choices))]
    assert [(row["item"], row["choice"]) for row in rows(made)] == expected
    told = iter(rows(made))
    for item in with_choices:
        for choice in item.choices:
            row, is_text = next(told), item.metric == "bits"
            ending = bytes_of(choice if is_text else item.delimiter + choice)
            head = item.prompt.rstrip()  # its blanks are the choice's
            own = bytes_of(item.prompt[len(head) :]) + ending
            if not (is_text and len(ending) > SEQ_LEN):  # else by windows
                whole = logprob(writer, [0, *bytes_of(head)], own)
                assert row["logprob"] == pytest.approx(whole, abs=1e-4)
            assert row["tokens"] == len(own)
            assert row["prompt_tokens"] == 1 + len(head.encode())
            alone = None if is_text else pytest.approx(logprob(writer, [0], ending), abs=1e-4)
            assert row["alone_logprob"] == alone
            assert row["is_split"] is row["is_cut"] is False
    metrics = made.manifest.metrics
    assert (metrics["items"], metrics["choices"]) == (7, 11)
    assert metrics["choice_tokens"] == sum(row["tokens"] for row in rows(made))
    assert metrics["split_items"] == metrics["cut_items"] == 0


def test_a_killed_build_goes_on_behind_its_last_part(scored, monkeypatch):
    monkeypatch.setattr(scores, "PART_ITEMS", 2)
    plain, scored_ids = continuations.scored, []

    def once(writer, items):
        scored_ids.extend(item.id for item in items)
        if len(scored_ids) > 2:
            raise KeyboardInterrupt
        return plain(writer, items)

    monkeypatch.setattr(continuations, "scored", once)
    with pytest.raises(KeyboardInterrupt):
        scored(stored_twice := ITEMS[:5])
    assert scored_ids == ["one", "two", "blank", "pair"]
    monkeypatch.setattr(
        continuations,
        "scored",
        lambda writer, items: scored_ids.extend(it.id for it in items) or plain(writer, items),
    )
    scored(stored_twice)
    assert scored_ids == ["one", "two", "blank", "pair", "blank", "pair"]


def test_parts_change_no_score(scored, monkeypatch):
    whole = rows(scored())
    monkeypatch.setattr(scores, "PART_ITEMS", 1)
    parts = rows(scored(config=ScoresConfig(threads=2)))
    for one, other in zip(whole, parts, strict=True):
        assert other == one | {
            name: one[name] and pytest.approx(one[name], abs=1e-4)
            for name in ("logprob", "alone_logprob")
        }


def test_a_prompt_that_is_too_long_loses_its_first_tokens(scored, folder):
    item = Item(
        "own", "cut", "eng_Latn", "acc", PASSAGE * 9, "Which?", choices=("a", "a much longer one")
    )
    made = scored([item, ITEMS[0]])
    cut, longest, *others = rows(made)
    assert cut["is_cut"]
    assert longest["is_cut"]
    assert not any(row["is_cut"] for row in others)
    assert made.manifest.metrics["cut_items"] == 1
    # Both stand behind the same.
    assert cut["prompt_tokens"] == longest["prompt_tokens"] == SEQ_LEN + 1 - longest["tokens"]
    head = bytes_of(item.prompt)[-cut["prompt_tokens"] :]
    writer = Writer.load(folder, "fp32")
    assert cut["logprob"] == pytest.approx(logprob(writer, head, bytes_of(" a")), abs=1e-4)


def test_choices_longer_than_the_models_texts_are_read_as_texts(scored):
    choices = ("a", "bc" * SEQ_LEN)
    item = Item("own", "long", "eng_Latn", "acc", question="Which?", choices=choices)
    texts = [
        Item("own", f"text {it}", "eng_Latn", "bits", delimiter="", choices=(f" {choice}",))
        for it, choice in enumerate(choices)
    ]
    made = scored([item, *texts, ITEMS[0]])
    short, long, *of_texts = rows(made)[:4]
    assert [each["logprob"] for each in (short, long)] == pytest.approx(
        [each["logprob"] for each in of_texts], abs=1e-4
    )
    for each in (short, long):
        assert each["is_cut"]
        assert each["alone_logprob"] == each["logprob"]
    assert made.manifest.metrics["cut_items"] == 1


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (("a", ""), "item bad: a choice is empty"),
        ((), "no item has choices"),
    ],
)
def test_choices_that_cannot_be_scored(scored, choices, message):
    with pytest.raises(DataError, match=message):
        scored([Item("own", "bad", "eng_Latn", "acc", question="Which?", choices=choices)])


def test_what_is_asked_is_one_of_two(store, scored, folder):
    model = adopt([folder], store)
    with pytest.raises(ConfigError, match="a model or the probe of an endpoint is asked"):
        scored(model=model, probe=model)


def test_what_is_read_is_known_before(scored, stored, tokenizer):
    items = [ITEMS[0], ITEMS[4]]
    held = stored("evaluation.suite", lambda job: write_items(job, items))
    known = Known({"items": held}, {}, {}, None, Encoder.stored(tokenizer))
    tokens = sum(row["tokens"] for row in rows(scored([ITEMS[0]])))
    prompt = len(ITEMS[0].prompt)
    assert foresee(ONE, known).read_tokens == prompt + 2 * (tokens - 2)  # of two delimiters


class Merging:
    """A tokeniser with one more token than the plain one: it spans ``?`` and ``x``."""

    def __init__(self, plain):
        self.plain, self.token_bytes = plain, (*plain.token_bytes, b"?x")
        self.special, self.begins = plain.special, plain.begins

    def encode(self, text):
        first, *rest = text.split("?x")
        return self.plain.encode(first) + [
            each for part in rest for each in (259, *self.plain.encode(part))
        ]


def test_a_token_that_spans_the_border_is_told(folder, monkeypatch):
    writer = Writer.load(folder, "fp32")
    merging = replace(writer, texts=Merging(writer.texts))
    item = Item("own", "span", "eng_Latn", "acc", question="so?", choices=("x", "y"), delimiter="")
    spanned, plain = continuations.scored(merging, [item])
    assert (spanned["is_split"], plain["is_split"]) == (True, False)
    assert (spanned["tokens"], spanned["prompt_tokens"]) == (1, 4)
    apart = logprob(writer, [0, *bytes_of("so?")], bytes_of("x"))
    assert spanned["logprob"] == pytest.approx(apart, abs=1e-4)


def endpoint(writer, *, begins, spans=False, lies=False):
    """Answers as a server of this model, which says of each token what it decodes to by itself."""

    def answer(handler, body):
        assert body["max_tokens"] == 1
        ids = [0, *bytes_of(body["prompt"])]
        with torch.no_grad():
            told = writer.model(torch.tensor([ids]))[0].log_softmax(-1)
        values = [None, *(float(told[n, each]) for n, each in enumerate(ids[1:]))]
        texts = [
            "<|endoftext|>",
            *(bytes([each - 3]).decode("utf-8", "replace") for each in ids[1:]),
        ]
        if not begins:
            texts, values = texts[1:], [None, *values[2:]]
        if spans and "?x" in body["prompt"]:
            place = texts.index("?")
            texts[place : place + 2] = ["?x"]
            values[place : place + 2] = [sum(values[place : place + 2])]
        if lies:
            values = [value and 1.0 for value in values]
        logprobs = {"tokens": [*texts, "!"], "token_logprobs": [*values, -1.0]}
        choice = {"text": body["prompt"] + "!", "finish_reason": "length", "logprobs": logprobs}
        usage = {"prompt_tokens": len(texts), "completion_tokens": 1}
        reply(handler, 200, {"choices": [choice], "usage": usage})

    return serving(answer)


def probe(stored, url, **verdicts):
    values = found(**verdicts).values({"url": url, "model": "toy", "chat": False})
    return stored("sampling.probe", lambda job: write_json(job, FILE, values))


def test_an_endpoint_that_echoes_says_the_same(scored, stored, folder):
    items = [item for item in ITEMS if item.id != "long"]  # which is read by windows here
    with endpoint(Writer.load(folder, "fp32"), begins=True) as url:
        remote = rows(scored(items, probe=probe(stored, url)))
    for one, other in zip(rows(scored(items)), remote, strict=True):
        assert other == one | {
            name: one[name] and pytest.approx(one[name], abs=1e-4)
            for name in ("logprob", "alone_logprob")
        }


def test_without_a_token_that_begins_there_is_nothing_after_nothing(scored, stored, folder):
    with endpoint(Writer.load(folder, "fp32"), begins=False) as url:
        made = rows(scored(ITEMS[:2], probe=probe(stored, url)))
        with pytest.raises(DataError, match="item pair has no prompt, and the endpoint does not"):
            scored(ITEMS[:4], probe=probe(stored, url))
    local = rows(scored(ITEMS[:2]))
    assert [row["alone_logprob"] for row in made] == [None] * 4
    assert [row["logprob"] for row in made] == pytest.approx(
        [row["logprob"] for row in local], abs=1e-4
    )


def test_an_endpoint_s_token_over_the_border_is_told(scored, stored, folder):
    writer = Writer.load(folder, "fp32")
    item = Item("own", "span", "eng_Latn", "acc", question="so?", choices=("x", "y"), delimiter="")
    with endpoint(writer, begins=True, spans=True) as url:
        made = scored([item], probe=probe(stored, url))
    spanned, plain = rows(made)
    assert (spanned["is_split"], plain["is_split"]) == (True, False)
    assert made.manifest.metrics["split_items"] == 1
    assert spanned["logprob"] == pytest.approx(
        logprob(writer, [0, *bytes_of("so")], bytes_of("?x")), abs=1e-4
    )


def test_an_endpoint_that_does_not_echo_is_refused(scored, stored):
    probed = probe(stored, "http://127.0.0.1:1/v1", echo="ignored")
    with pytest.raises(ConfigError, match=r"does not tell how likely .* \(ignored: echo was seen"):
        scored(probe=probed)


def test_a_probe_that_has_not_asked_is_refused(scored, stored):
    values = found().values({"url": "http://127.0.0.1:1/v1", "model": "toy", "chat": True})
    del values["features"]["echo"]
    probed = stored("sampling.probe", lambda job: write_json(job, FILE, values))
    with pytest.raises(ConfigError, match=r"how likely .* \(of a chat, or of an older"):
        scored(probe=probed)
    assert not Findings.read(values).honours("echo")


def test_an_endpoint_of_impossible_numbers_is_refused(scored, stored, folder):
    writer = Writer.load(folder, "fp32")
    with (
        endpoint(writer, begins=True, lies=True) as url,
        pytest.raises(DataError, match="item one: choice 0: of its 7 tokens 7 are told, or badly"),
    ):
        scored(ITEMS[:1], probe=probe(stored, url))


@needs_smollm2
@pytest.mark.slow
def test_a_real_model_knows_some_capitals(scored, store):
    """And of a token of its own for the border there is none."""
    capitals = {"France": "Paris", "Italy": "Rome", "Japan": "Tokyo", "Russia": "Moscow"}
    items = [
        Item("own", it, "eng_Latn", "acc", question=f"The capital of {it} is", gold=number)
        for number, it in enumerate(capitals)
    ]
    items = [replace(item, choices=tuple(capitals.values())) for item in items]
    made = scored(items, model=adopt([SMOLLM2], store))
    assert made.manifest.metrics["split_items"] == 0
    assert [each.chosen for each in outcomes(items, rows_of(made))] == [0, 1, 2, 3]
