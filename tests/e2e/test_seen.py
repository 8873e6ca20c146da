"""`bedstone seen`: planted items in four languages, short and long, and a command's ways."""

import json
import random
from pathlib import Path

import pytest

import bedstone
from bedstone.errors import ArtifactError, DataError
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.engine import Local
from bedstone.store.making import Making

EACH = 30
HIRAGANA = "あいうえおかきくけこさしすせそたちつてとなにのはまもやらりるれろをん学校海町人"
HANZI = "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学"
CELLS = {
    "en long": ("abcdefghiklmnoprstuvw", 2, 8, " ", (13, 30)),
    "en short": ("abcdefghiklmnoprstuvw", 4, 8, " ", (4, 7)),
    "mr short": ("कखगघचजटडणतदनपबमयरलवसहािीुेो", 4, 8, " ", (4, 7)),
    "ja": (HIRAGANA, 2, 3, "", (13, 24)),
    "zh": (HANZI, 2, 2, "", (4, 7)),
}
"""Of each: letters, how many make a word, what parts words, how many make a sentence."""


class Language:
    """Words that are drawn again and again, the first ones most often."""

    def __init__(self, name: str) -> None:
        letters, low, high, self.gap, self.words = CELLS[name]
        self.dice = random.Random(name)
        lengths = [self.dice.randint(low, high) for _ in range(3_000)]
        self.vocabulary = ["".join(self.dice.choices(letters, k=length)) for length in lengths]
        self.weights = [1 / (number + 5) for number in range(3_000)]

    def sentence(self) -> str:
        count = self.dice.randint(*self.words)
        return self.gap.join(self.dice.choices(self.vocabulary, self.weights, k=count))

    def document(self) -> str:
        stop = ". " if self.gap else "。"
        return stop.join(self.sentence() for _ in range(25)) + stop


@pytest.fixture(scope="module")
def making(tmp_path_factory):
    return Making(tmp_path_factory.mktemp("seen") / "store", Local(), Progress())


def lines(path, rows):
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def corpus_of(making, folder, texts):
    rows = [{"text": text, "url": f"https://a.example/{n}"} for n, text in enumerate(texts)]
    path = lines(folder / "texts.jsonl", rows)
    return making.build("corpus.extract", {}, crawl=adopt([path], making.store))


@pytest.fixture(scope="module")
def planted(making, tmp_path_factory):
    """Items of each cell, thirty that are planted and thirty that are not; and the corpus."""
    folder, items, texts = tmp_path_factory.mktemp("planted"), [], []
    for name in CELLS:
        language = Language(name)
        documents = [language.document() for _ in range(60)]
        for number in range(EACH):
            present, absent = language.sentence(), language.sentence()
            items += [{"id": f"{name} present {number}", "question": present}]
            items += [{"id": f"{name} absent {number}", "question": absent}]
            stop = documents[number].index(". " if language.gap else "。") + 1
            documents[number] = f"{documents[number][:stop]} {present} {documents[number][stop:]}"
        texts += documents
    return corpus_of(making, folder, texts), lines(folder / "items.jsonl", items)


def test_planted_items_are_found_and_others_are_not(planted, making):
    corpus, items = planted
    found = bedstone.seen(items, corpus=corpus.path, store=making.store)
    grades = {item["id"]: item["grade"] for item in found["items"]}
    for cell in CELLS:
        present = [grades[f"{cell} present {number}"] for number in range(EACH)]
        absent = [grades[f"{cell} absent {number}"] for number in range(EACH)]
        assert present.count("seen") >= 28, cell
        assert absent.count("seen") <= 3, cell
    calibration = found["calibration"]
    assert calibration["found"] >= 0.95 * calibration["planted"] > 200
    assert calibration["absent"] > 50
    assert calibration["false_alarms"] <= 0.1 * calibration["absent"]
    assert found["documents"] == 300
    first = found["items"][0]
    assert first["documents"][0]["url"] == "https://a.example/0"
    assert (first["seen_share"], first["answer_seen_share"]) == (1, None)


FERRY = "Where did the ferryman of the lower valley keep his lantern?"
MILL = "Which of the two mills above the town was built by the sisters?"
HOST = "Some of the boats were painted last spring, and nobody has asked why. "
ITEMS = [
    {"id": "f", "question": FERRY, "answer": "in a box"},
    {"id": "m", "text": MILL},
    {"id": 3, "question": "Who was it?", "answer": "the lantern's maker"},
    {"id": "4", "text": "?"},
    {"id": "part", "text": f"What the sisters said, on that day and later. {MILL[:40]}"},
]


@pytest.fixture
def small(making, tmp_path):
    texts = [HOST, f"{HOST}{FERRY} In a box.", f"{HOST * 2}{MILL}", HOST * 3]
    return corpus_of(making, tmp_path, texts), lines(tmp_path / "items.jsonl", ITEMS)


def test_the_answer(cli, small, making):
    corpus, items = small
    status, out, _ = cli("seen", items, "--corpus", corpus.path, "--store", making.store, "--json")
    found = json.loads(out)
    assert status == 0
    rows = {item["id"]: item for item in found["items"]}
    assert {name: row["grade"] for name, row in rows.items()} == {
        "f": "seen",
        "m": "seen",
        "3": "too short to tell",
        "4": "too short to tell",
        "part": "partial",
    }
    assert (rows["f"]["answer_seen_share"], rows["m"]["answer_seen_share"]) == (1.0, None)
    assert (rows["f"]["longest_characters"], rows["3"]["seen_share"]) == (49, 0.0)
    assert rows["m"]["documents"][0]["url"] == "https://a.example/2"
    assert found["warnings"] == ["1 question without a letter"]
    assert set(found["calibration"]) >= {"planted", "found", "absent", "false_alarms"}
    status, out, _ = cli("seen", items, "--corpus", corpus.path, "--store", making.store)
    assert status == 0
    assert out.splitlines()[0] == (
        "5 items in 4 documents: 2 seen, 1 partial, 0 clean, 2 too short to tell"
    )
    assert "warning: 1 question without a letter" in out
    assert "of 4 planted items 4 were found" in out
    assert max(map(len, out.splitlines()[:-2])) <= 100


def test_only_kept_documents_are_looked_at(small, making):
    corpus, items = small
    statistics = making.build("corpus.statistics", {}, documents=corpus)
    wanted = {"rules": [], "share": 1e-9}
    kept = making.build("corpus.filter", wanted, statistics=statistics)
    found = bedstone.seen(items, corpus=kept.path, store=making.store)
    assert (found["documents"], found["items"][0]["grade"]) == (0, "clean")
    assert found["items"][0]["documents"] == []
    found = bedstone.seen(items, corpus=statistics.path, store=making.store)
    assert (found["documents"], found["items"][0]["grade"]) == (4, "seen")
    assert "no decision of what is kept" in found["warnings"][0]


def test_of_several_versions_the_last_is_looked_at(small, making):
    corpus, items = small
    shuffled = {"language": making.build("corpus.language", {}, documents=corpus)}
    last = making.build("corpus.shuffle", {"share": 1}, documents=corpus, **shuffled)
    statistics = making.build("corpus.statistics", {}, documents=last)
    keep_all = {"rules": []}
    decided = making.build("corpus.filter", keep_all, statistics=statistics)
    kept = making.build(
        "corpus.dedup", {}, before=decided,
        signatures=making.build("corpus.minhash", {}, documents=corpus),
    )  # fmt: skip
    found = bedstone.seen(items, corpus=kept.path, store=making.store)
    assert found["documents"] == kept.manifest.metrics["kept_documents"]
    assert found["items"][0]["grade"] != "seen"
    assert f"2 versions of the texts are behind it: the one looked at is {last.path}" in str(
        found["warnings"]
    )


def test_workers_change_nothing(small, making, tmp_path):
    corpus, items = small
    one = bedstone.seen(items, corpus=corpus.path, store=making.store)
    other = bedstone.seen(items, corpus=corpus.path, store=tmp_path / "other", workers=2)
    assert one["items"] == other["items"]
    contents = {Artifact(Path(each["artifact"])).content for each in (one, other)}
    assert len(contents) == 1


def test_what_cannot_be_used_is_told(cli, small, making, tmp_path):
    corpus, _ = small
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}\n')
    status, out, err = cli("seen", broken, "--corpus", corpus.path, "--store", making.store)
    assert (status, out) == (4, "")
    assert f"error: {broken.resolve()}:2: the id '1' is that of" in err
    broken.write_text("{")
    with pytest.raises(DataError, match="no JSON in UTF-8"):
        bedstone.seen(broken, corpus=corpus.path, store=making.store)
    adopted = adopt([broken], making.store)
    with pytest.raises(ArtifactError, match="there are no documents in its store"):
        bedstone.seen(broken, corpus=adopted.path, store=making.store)
