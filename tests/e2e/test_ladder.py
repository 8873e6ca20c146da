"""Small models that predict a larger one: registered before it, scored after it, begun anew."""

import json
import random
from pathlib import Path

import pytest

import bedstone
from bedstone.store.artifact import Artifact

pytestmark = [pytest.mark.torch, pytest.mark.slow]

RECIPE = Path(__file__).parents[2] / "recipes" / "ablation.toml"
LANGUAGES = {"en": "eng_Latn", "es": "spa_Latn", "hi": "hin_Deva"}
SMALL = (
    "tokenizer.vocab_size=400",
    "held_out.share=0.2",
    f"spoken.languages={json.dumps(list(LANGUAGES.values()))}",
)
ASKED = {"sizes": "26k,40k,112k", "target": "155k", "tokens_per_parameter": "1", "sets": SMALL}
KILLED = """
import os, signal
from bedstone.commands.main import main
from bedstone.training import loop
write, begun = loop.write_model, []
def die(*words):
    begun.append(1)
    if len(begun) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    write(*words)
loop.write_model = die
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


@pytest.fixture(scope="module")
def climbed(crawl, store):
    return bedstone.ladder(RECIPE, {"crawl": crawl}, **ASKED, store=store)


def manifest(path):
    return Artifact(Path(path)).manifest


def test_the_target_is_predicted_before_it_is_trained(climbed):
    assert climbed["held"] in (True, False)
