"""Small models that predict a larger one: registered before it, scored after it, begun anew."""

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bedstone
from bedstone.errors import ConfigError
from bedstone.scaling.score import held_out_nats
from bedstone.store.artifact import Artifact

pytestmark = [pytest.mark.torch, pytest.mark.slow]

RECIPE = Path(__file__).parents[2] / "recipes" / "ablation.toml"
LANGUAGES = {"en": "eng_Latn", "es": "spa_Latn", "hi": "hin_Deva"}
SMALL = (
    "tokenizer.vocab_size=400",
    "held_out.share=0.2",
    "plan.shapes=any",
    f"spoken.languages={json.dumps(list(LANGUAGES.values()))}",
)
ASKED = {"sizes": "26k,40k,112k", "target": "155k", "tokens_per_parameter": "1", "seeds": 1}
KILLED = """
import os, signal
from bedstone.commands.main import main
from bedstone.scaling import plan
from bedstone.training import loop
write, begun = loop.write_model, []
def die(*words):
    begun.append(1)
    if len(begun) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    write(*words)
loop.write_model = die
plan.physical_cores = lambda: 1
main()
"""
"""A command line that dies when all of the target but the model is written."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ladder")


@pytest.fixture(scope="module")
def crawl(folder, sentence):
    rows = []
    for language in LANGUAGES:
        for number in range(60):
            dice = random.Random(f"{language}{number}")
            text = "\n".join(" ".join(sentence(language, dice) for _ in range(4)) for _ in range(4))
            rows.append({"url": f"https://site{number % 12}.example/{number}", "text": text})
    path = folder / "crawl.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture(scope="module")
def store(folder):
    """In the place of the one that each test has: what is trained is trained once."""
    return folder / "store"


def made(store, stage):
    """By the time at which they were."""
    found = [Artifact(path.parent) for path in store.glob(f"{stage}-*/manifest.json")]
    return sorted(found, key=lambda each: each.manifest.created)


def climb(crawl, store, **options):
    asked = {**ASKED, **options}
    return bedstone.ladder(RECIPE, {"crawl": crawl}, **asked, sets=SMALL, store=store)


@pytest.fixture(scope="module")
def killed(crawl, store):
    """What a killed process leaves: all but the target."""
    words = ["ladder", RECIPE, "--input", f"crawl={crawl}", "--store", store]
    for name, value in ASKED.items():
        words += [f"--{name.replace('_', '-')}", value]
    words += [word for each in SMALL for word in ("--set", each)]
    command = [sys.executable, "-c", KILLED, *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return [each.manifest.request for each in made(store, "pretrain.train")]


@pytest.fixture(scope="module")
def registered(killed, store):
    """What is foretold when the target is no model yet."""
    (prediction,) = made(store, "scaling.predict")
    return prediction


@pytest.fixture(scope="module")
def climbed(crawl, store, killed, registered):
    """The answer of the call after that."""
    return climb(crawl, store)


def test_the_prediction_is_there_before_the_target(killed, registered, climbed, store):
    models = made(store, "pretrain.train")
    assert len(killed) == 3
    assert [each.manifest.request for each in models[:3]] == killed  # none was trained again
    assert len(models) == 4
    target = models[-1].manifest
    assert registered.manifest.created < target.created
    assert made(store, "scaling.predict")[0].manifest == registered.manifest
    assert climbed["prediction"]["artifact"] == str(registered.path)
    assert climbed["prediction"]["registered_before_the_run"]
    assert climbed["target"]["parameters_total"] == target.metrics["parameters_total"]


def test_losses_are_of_the_held_out_text(climbed, store):
    measured = {
        held_out_nats(each.manifest.metrics): each for each in made(store, "evaluation.bits")
    }
    told = [row["loss_nats"] for row in (*climbed["runs"], climbed["target"])]
    assert set(told) == set(measured)
    assert told == sorted(told, reverse=True)
    tokens = [row["train_tokens"] / row["parameters_total"] for row in climbed["runs"]]
    assert tokens == pytest.approx([1, 1, 1], abs=0.02)
    assert climbed["law"]["tokens_per_parameter"] == pytest.approx(1, abs=0.02)


def test_it_held_if_the_loss_lies_in_the_interval(climbed):
    foretold, loss = climbed["prediction"], climbed["target"]["loss_nats"]
    assert foretold["low"] < foretold["loss_nats"] < foretold["high"]
    assert climbed["held"] == (foretold["low"] <= loss <= foretold["high"])
    assert climbed["error_nats"] == foretold["loss_nats"] - loss


def test_a_second_call_builds_nothing(climbed, crawl, store):
    stamps = {path: path.stat().st_mtime_ns for path in store.rglob("manifest.json")}
    assert climb(crawl, store) == climbed
    assert {path: path.stat().st_mtime_ns for path in store.rglob("manifest.json")} == stamps


def test_a_picture_and_a_page_show_it(climbed, crawl, store, tmp_path):
    picture = tmp_path / "ladder.svg"
    assert climb(crawl, store, chart=picture) == climbed
    assert f">{climbed['target']['loss_nats']:.3f}<" in picture.read_text()
    page = tmp_path / "page.html"
    bedstone.report(climbed["artifact"], out=page, store=store)
    text = page.read_text()
    assert "Was it foretold?" in text
    assert f"{climbed['target']['loss_nats']:.3f}" in text
    assert "<h1>A model of 155" in text


def test_sizes_that_come_to_the_same_are_refused(climbed, crawl, store):
    models = len(made(store, "pretrain.train"))
    sizes = {"sizes": "1k,2k,112k", "target": "155k"}
    with pytest.raises(ConfigError, match="1,000 and 2,000 come to the same model, of 26,208"):
        climb(crawl, store, **sizes)
    assert len(made(store, "pretrain.train")) == models


def test_what_was_trained_already_is_not_foretold(climbed, crawl, store):
    for made_late in climbed["prediction"]["artifact"], climbed["artifact"]:
        shutil.rmtree(made_late)
    answer = climb(crawl, store)
    assert not answer["prediction"]["registered_before_the_run"]
    assert any("nothing was foretold" in each for each in answer["warnings"])
