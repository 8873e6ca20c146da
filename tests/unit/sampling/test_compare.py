"""The stage beside the command: both say the same of the same answers."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.models import UNIGRAM, write_problems, write_unigram

import bedstone
from bedstone.generation import writer
from bedstone.posttrain.checker import holds
from bedstone.sampling.compare import STAGE
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.tasks.stored import rows_of

pytestmark = pytest.mark.torch

CHAINS = ("temperature=0.5", "temperature=1")


@pytest.fixture
def compared(store):
    """Build the stage: ``compared(config, role=artifact)``."""

    def made(config, **inputs):
        return build(STAGE, STAGE.config.model_validate(config), inputs, store, Local())

    return made


def blocks_of(store):
    return store.glob("sampling.answers-*/manifest.json")


def told(artifact):
    return json.loads(artifact.file("strategies.json").read_text())


@pytest.fixture
def command(store, monkeypatch):
    """What the command says, of answers that are stored."""

    def asked(model, **options):
        monkeypatch.setattr(writer.Writer, "complete", lambda *_: pytest.fail("it is drawn"))
        given = {"paraphrases": 1, "number_format": "fp32", "store": store}
        return bedstone.strategies(model.path, **given | options)["tasks"]

    return asked


def test_it_says_what_the_command_says_of_the_same_answers(
    compared, store, tmp_path, tokenizer, command
):
    model = adopt([write_unigram(tmp_path / "model", tokenizer, UNIGRAM)], store)
    problems = write_problems(tmp_path / "sevens.jsonl")
    options = {"problems": 40, "samples": 4, "max_tokens": 1}
    made = compared({"chains": CHAINS, **options}, model=model, questions=adopt([problems], store))
    found = told(made)
    answers = {path.parent.name: Artifact(path.parent).content for path in blocks_of(store)}
    assert found.pop("answers") == answers
    assert [found] == command(model, data=problems, chain=CHAINS, **options)
    metrics, (greedy, *others) = made.manifest.metrics, told(made)["strategies"]
    assert metrics["problems"] == greedy["accuracy_share_n"]
    assert metrics["greedy_accuracy_share"] == greedy["accuracy_share"] == 0
    named = told(made)["recommendation"]["strategy"]
    (best,) = [each for each in others if each["strategy"] == named]
    assert metrics["recommended_accuracy_share"] == best["accuracy_share"] > 0
    assert metrics["recommended_tokens"] == best["tokens"]


@pytest.fixture
def pairs(store, tmp_path):
    """Of prompts of one page each, forty held out."""
    rows = [
        {
            "id": str(number),
            "language": "eng_Latn",
            "prompt": f"{number}",
            "completion": f"Page {number}.",
            "split": "held_out" if number < 40 else "train",
        }
        for number in range(60)
    ]
    (tmp_path / "pairs").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs" / "pairs.parquet")
    return adopt([tmp_path / "pairs" / "pairs.parquet"], store)


def test_of_pairs_it_asks_the_held_out_prompts_for_whole_sentences(
    compared, store, tmp_path, tokenizer, pairs, command
):
    shares = {"x": 0.9, ".": 0.05, "": 0.05}
    model = adopt([write_unigram(tmp_path / "model", tokenizer, shares)], store)
    made = compared({"chains": CHAINS[1:], "samples": 8}, model=model, questions=pairs)
    found = told(made)
    found.pop("answers")
    assert found["task"] == "whole sentences"
    blocks = [path.parent for path in blocks_of(store)]
    rows = [
        row
        for block in blocks
        for row in rows_of(adopt([block], store)).to_pylist()
        if len(rows_of(adopt([block], store))) > 20  # greedy is asked once
    ]
    assert {int(row["prompt"]) for row in rows} == set(range(40))
    right = [holds(row["text"], ended=row["finish_reason"] == "stop") for row in rows]
    assert found["measures"]["chains"]["temperature=1"]["accuracy"] == sum(right) / len(right)
    assert 0 < sum(right) < len(right)
    ended = [row["finish_reason"] == "stop" and row["text"] != "" for row in rows]
    valid = found["measures"]["chains"]["temperature=1"]["format_validity"]["value"]
    assert valid == pytest.approx(sum(ended) / len(rows))
    assert [found] == command(model, data=pairs.path, chain=CHAINS[1:], samples=8, max_tokens=48)
