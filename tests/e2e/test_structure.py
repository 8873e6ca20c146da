"""Copies of one text as languages: other letters are no structure of a language, noise is."""

import json
import random

import pytest
from benchmarks.structure import PLANTED, Study, limits, plant, told

from bedstone.evaluation.structure import FILE
from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.store.payload import read_json

SMALL = (
    "tokenizer.vocab_size=320",
    "pages.held_out_share=0.4",
    "base.n_layers=1",
    "base.d_model=32",
    "base.d_ff=64",
    "base.seq_len=32",
    "base.batch_tokens=256",
    "base.train_tokens=16384",
    "parallel.sources=[]",
    "parallel.texts=translations",
)
WORDS = (
    *("the", "lamp", "stands", "by", "a", "window", "and", "nobody", "opens", "it", "while"),
    *("rain", "falls", "on", "roofs", "of", "old", "houses", "where", "children", "learn"),
    *("songs", "from", "their", "mothers", "before", "supper"),
)


def english(lines):
    """A word is followed by one of three."""
    dice = random.Random(0)
    after = {word: dice.sample(WORDS, 3) for word in WORDS}
    for _ in range(lines):
        words = [dice.choice(WORDS)]
        for _ in range(11):
            words.append(dice.choice(after[words[-1]]))
        yield " ".join(words)


def test_equal_amounts_are_what_all_have():
    texts = {
        "a": {"train_bytes": 100, "train_tokens": 40, "held_out_bytes": 30},
        "b": {"train_bytes": 250, "train_tokens": 50, "held_out_bytes": 60},
    }
    assert limits(texts) == {
        "bytes": {"a": 100, "b": 100},
        "scaled": {"a": 100, "b": 200},
        "tokens": {"a": 100, "b": 200},
    }


def test_planted_copies_say_the_same_in_other_letters(tmp_path):
    lines = list(english(20))
    plant(lines, tmp_path)
    for name, size in zip(PLANTED, (1, 2, 3), strict=True):
        copies = (tmp_path / f"{name}.txt").read_text("utf-8").splitlines()
        pairs = zip("".join(lines), "".join(copies), strict=True)
        assert len({a: b for a, b in pairs if a != " "}) == len(set("".join(lines)) - {" "})
        assert {len(letter.encode()) for letter in "".join(copies)} == {1, size}
    noisy = (tmp_path / "hun_Latn.txt").read_text("utf-8").split()
    assert len({word[:-2] for word in noisy}) <= len(WORDS) < len(set(noisy))


@pytest.mark.slow
@pytest.mark.torch
def test_noise_is_called_harder_and_other_letters_are_not(tmp_path, store):
    plant(list(english(240)), tmp_path / "texts")
    languages = ["eng_Latn", "deu_Latn", "hun_Latn", "rus_Cyrl", "eng_Cyrl"]
    sets = [*SMALL, f"pages.languages={json.dumps(languages)}"]
    study = Study(Making(store, Local(), Progress()), sets, {"translations": [tmp_path / "texts"]})
    made = study.compare("eng_Latn", seeds=2)
    found = {row["language"]: row for row in read_json(made, FILE)["languages"]}
    assert found["hun_Latn"]["verdict"] == "harder"
    assert {found[it]["verdict"] for it in ("deu_Latn", "rus_Cyrl")} <= {
        "cannot tell",
        "explained by amount",
    }
    assert found["rus_Cyrl"]["control"] == "eng_Cyrl"
    assert found["deu_Latn"]["control"] == "eng_Latn"
    assert found["rus_Cyrl"]["premium"] == pytest.approx(1.8, abs=0.1)
    assert any("hun_Latn: harder" in line for line in told(made))
    before = made.path.stat().st_mtime_ns
    assert study.compare("eng_Latn", seeds=2).path.stat().st_mtime_ns == before
