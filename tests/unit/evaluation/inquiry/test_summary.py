"""What stands beside a score, and what is said of it."""

from types import SimpleNamespace

import pyarrow as pa
import pytest

from bedstone.evaluation.inquiry import summary
from bedstone.evaluation.suites.sets import SETS
from bedstone.store.artifact import Artifact
from bedstone.tasks.items import Item
from bedstone.tasks.stored import ANSWERS, SCORES


def row(language="tel_Telu", score=0.5, **values):
    told = {"language": language, "score": score, "gap_to_english": None, "seen_share": "unknown"}
    return told | {"exceeds_baselines": True, "measures": {}} | values


def test_what_stands_beside_a_score_is_null_where_it_is_not_known():
    measures = {"longest_choice": {"value": 0.4}}
    alone = summary.beside(row(measures=measures), {"tokens": 9.0}, {})
    assert (alone["name"], alone["longest_choice"], alone["train_share"]) == ("Telugu", 0.4, None)
    assert alone["speakers_share"] == pytest.approx(0.0127, abs=0.001)
    known = summary.beside(row(), {"tokens": 9.0}, {"eng_Latn": 0.9})
    assert (known["train_share"], known["tokens"]) == (0.0, 9.0)
    assert summary.beside(row("qaa_Latn"), {}, {})["speakers_share"] is None


def test_a_mix_tells_shares_of_the_training_text_by_language(monkeypatch):
    groups = {"eng_Latn/yes": 0.5, "eng_Latn/no": 0.2, "tel_Telu": 0.3}
    mix = SimpleNamespace(manifest=SimpleNamespace(stage="tokenizer.mix"))
    monkeypatch.setattr(summary, "ancestors", lambda _: {"mix": mix})
    languages = {name: {"weight": weight} for name, weight in groups.items()}
    monkeypatch.setattr(summary, "read_json", lambda *_: {"languages": languages})
    model = Artifact.__new__(Artifact)
    assert summary.train_shares(model) == pytest.approx({"eng_Latn": 0.7, "tel_Telu": 0.3})
    assert summary.train_shares(None) == {}


def test_scores_go_with_what_is_planted_and_few_languages_prove_nothing():
    rows = [
        row(f"l{number}", number / 10, train_share=None, speakers_share=0.1 * number**2)
        | {"tokens_over_english": 9 - number}
        for number in range(9)
    ]
    found = summary.correlations(rows, "acc")
    assert set(found) == {"speakers_share", "tokens_over_english"}
    assert found["speakers_share"]["value"] == pytest.approx(1)
    assert found["tokens_over_english"]["value"] == pytest.approx(-1)
    assert found["tokens_over_english"]["high"] < -0.5
    assert summary.correlations(rows[:7], "acc") == {}


def test_texts_go_with_it_by_bits_over_english_and_chrf_by_nothing():
    rows = [
        row(f"l{number}", -number, train_share=number, speakers_share=None)
        | {"tokens_over_english": None, "bits_over_english": {"value": 2 + number}}
        for number in range(1, 9)
    ]
    rows[7] |= {"language": "eng_Latn", "bits_over_english": None, "train_share": 0}
    unpaired = row("l9", train_share=4, speakers_share=None, tokens_over_english=None)
    rows.append(unpaired | {"bits_over_english": None})
    (found,) = summary.correlations(rows, "bits").values()
    assert (found["value"], found["n"]) == (pytest.approx(1), 8)
    assert summary.correlations(rows, "chrf") == {}


def test_a_careful_reader_is_warned():
    gap = {"value": -0.2, "low": -0.4, "high": 0.0, "n": 20, "detectable": 0.3}
    no_difference = {"value": 0.0, "low": -0.2, "high": 0.2}
    rows = [
        row("eng_Latn", measures={"unread": {"value": 0.5}}),
        row("tel_Telu", exceeds_baselines=False),
        row("swa_Latn", gap_to_english=gap),
        row("cat_Latn", gap_to_english=no_difference | {"n": 34}),
        row("glg_Latn", gap_to_english=no_difference | {"n": 35}),
        row("hin_Deva", seen_share=0.25, accuracy_clean={"value": 0.125}),
        row("spa_Latn", seen_share=0.0, gap_to_english=gap | {"detectable": 0.05}),
        row("deu_Latn", seen_share=1.0, accuracy_clean=None),
    ]
    chance, few, unread, seen, all_seen, text = summary.warnings("belebele", rows)
    assert chance.endswith("says nothing of the language: tel_Telu")
    assert few == "too few items to tell a gap of 0.10 to English: swa_Latn, cat_Latn"
    assert unread == "no answer could be read, which counts as wrong: eng_Latn 50%"
    assert seen == "hin_Deva: 25% of the items stand in the training text; 0.125 on clean ones"
    assert all_seen == "deu_Latn: 100% of the items stand in the training text; none is clean"
    assert "FLORES" in text
    assert list(summary.warnings("mine", [*rows[-2:-1], row("eng_Latn")])) == []
    assert list(summary.warnings("mine", [row()])) == ["no gap to English: the suite has none"]


def test_scores_of_other_texts_than_those_of_the_items_are_told_by_language():
    items = [
        Item("s", f"{language}{number}", language, "acc", choices=("a", "b"))
        for language in ("hin_Deva", "tel_Telu")
        for number in range(3)
    ]
    rows = [
        {"item": item.id, "choice": choice, "is_cut": item.language == "tel_Telu"}
        | {"is_split": item.id == "hin_Deva0"}
        for item in items
        for choice in range(2)
    ]
    answers = pa.Table.from_pylist([], ANSWERS)
    found = list(summary.marks(items, [answers, pa.Table.from_pylist(rows, SCORES)]))
    assert found == [
        "the prompt lost its first tokens, for the model's texts are shorter: tel_Telu 3 of 3",
        "a token spans the border of prompt and choice: hin_Deva 1 of 3",
    ]
    assert list(summary.marks(items[3:], [pa.Table.from_pylist(rows[:6], SCORES)])) == []


def test_a_text_that_yardsticks_are_made_of_is_named_whatever_its_reader_calls_it():
    read = {form.name for form in SETS} | {"flores", "sib200_tel_Telu", "udhr", "udhr_text"}
    told = {
        name for name in read if any("yardstick" in it for it in summary.warnings(name, [row()]))
    }
    assert told == {"belebele", "sib-200", "flores", "sib200_tel_Telu", "udhr", "udhr_text"}
