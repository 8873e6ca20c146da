"""Models of this machine that are asked to translate; and a detour with one of them."""

import pyarrow.parquet as pq
import pytest
from tests.support.models import SMOLLM2, needs_smollm2, write_model, write_unigram

from bedstone.evaluation import translations
from bedstone.evaluation.pivot.detour import pivoted
from bedstone.evaluation.pivot.translators import Apertium, Translated
from bedstone.evaluation.pivot.wanted import Translating, Wanted
from bedstone.evaluation.translations import FILE, STAGE
from bedstone.progress import Progress
from bedstone.sampling.source import Source
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.tasks.items import Item, write_items

pytestmark = pytest.mark.torch
LANGUAGES = [("spa_Latn", "es", ("sí", "no")), ("eng_Latn", "ES", ("SÍ", "NO"))]
BOTH = {"source": "spa_Latn", "target": "eng_Latn", "by": "model"}


@pytest.fixture
def making(store):
    return Making(store, Local(), Progress())


def stored(job, making, *items):
    made = job("items")
    write_items(made, items)
    return adopt([made.folder], making.store)


def spanish(number, question):
    return Item("s", f"s/spa/{number}", "spa_Latn", "acc", question=question)


def whys(made):
    return [
        (row["why"], row["completion_tokens"]) for row in pq.read_table(made.file(FILE)).to_pylist()
    ]


@pytest.mark.parametrize(
    ("shares", "why"),
    [({"x": 0.9, "\n": 0.1}, ("cut off", 8)), ({"x": 0.1, "\n": 0.9}, ("empty", 1))],
)
def test_a_model_without_turns_ends_with_its_line(job, making, tmp_path, tokenizer, shares, why):
    items = stored(job, making, spanish(1, "uno"), spanish(2, "dos " * 200))
    model = adopt([write_unigram(tmp_path / "unigram", tokenizer, shares)], making.store)
    made = making.build(
        STAGE.name, {**BOTH, "chat": False, "max_tokens": 8}, items=items, model=model
    )
    assert whys(made) == [why, ("longer than the model's texts", None)]


@needs_smollm2
@pytest.mark.slow
def test_a_model_with_turns_translates(job, making):
    items = stored(job, making, spanish(1, "¿Dónde vive el perro negro?"))
    model = adopt([SMOLLM2], making.store)
    made = making.build(STAGE.name, {**BOTH, "max_tokens": 32}, items=items, model=model)
    (row,) = pq.read_table(made.file(FILE)).to_pylist()
    assert "Where is the dog" in row["text"]


def test_a_detour_with_the_scores_of_a_model(job, making, tmp_path, tokenizer, monkeypatch):
    class Upper:
        def translate(self, lines):
            return [Translated(line.upper()) for line in lines]

    own = translations.translator_of
    monkeypatch.setattr(
        translations,
        "translator_of",
        lambda config, inputs: own(config, inputs) if config.by == "model" else Upper(),
    )
    monkeypatch.setattr(Apertium, "between", lambda *both: Apertium("spa-eng"))
    monkeypatch.setattr(Apertium, "version", "planted")
    items = [
        Item(
            *("s", f"{language}/{number}", language, "acc"),
            question=f"{number} {word}",
            choices=choices,
            gold=0,
            parallel_id=str(number),
        )
        for number in range(10)
        for language, word, choices in (
            ("spa_Latn", "es", ("sí", "no")),
            ("eng_Latn", "ES", ("SÍ", "NO")),
        )
    ]
    source = Source({"model": adopt([write_model(tmp_path / "model", tokenizer)], making.store)})

    def ask(items):
        return [making.build("evaluation.scores", {}, items=items, **source.inputs)]

    by = Translating(source, Wanted("eng", "apertium", chat=False), making)
    found = pivoted(by, stored(job, making, *items), ask)
    ((row,),) = (suite["languages"] for suite in found["suites"])
    assert row["items"] == 10
    assert row["arms"]["in"]["score"] == row["arms"]["gold_in"]["score"]
    assert row["translation_loss"]["value"] == 0
    assert row["translation_loss"]["gains"] == row["translation_loss"]["losses"] == 0
    assert row["tokens"]["in"] == row["tokens"]["gold_in"] > 0
    assert row["arms"]["self"] is None  # nothing of what it writes is a translation
    assert row["left_out"]["self"] == 10
