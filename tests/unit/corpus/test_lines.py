from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus import lines
from bedstone.corpus.lines import STAGE, rank_of
from bedstone.errors import ArtifactError, DataError
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Stage

MENU = "Home\nNews"
STORY = "It was night. Rain fell on the roof. Nobody slept."
TEXTS = {
    "a": f"{MENU}\nThe harbour\n\nOnly here.\nhome",
    "b": f"{MENU}\nThe Harbour \n\nAnother.\n\n{STORY} And so on.",
    "c": f"NEWS\n\n{STORY} Then a dog barked.",
    "d": "",
    "e": "Only there.\nOnly there.",
}
HEADINGS = {"a": [2], "b": [0, 2, 4], "c": [0], "d": [], "e": [0]}


def url(name):
    return f"https://a.example/{name}"


def table(names):
    return {
        "id": pa.array(names, pa.string()),
        "url": pa.array(map(url, names), pa.string()),
        "date": pa.array(["2024"] * len(names), pa.string()),
        "text": pa.array([TEXTS[name] for name in names], pa.large_string()),
        "headings": pa.array([HEADINGS[name] for name in names], pa.list_(pa.int32())),
    }


@pytest.fixture
def documents(table_shard):
    """Shards of documents, by their names, and what the filter has said of them."""
    made = []

    def make(*shards, dropped=""):
        number = len(made)
        made.append(shards)
        parts = [
            table_shard(f"d{number}-{n}", table(list(names))) for n, names in enumerate(shards)
        ]
        keep = [
            table_shard(
                f"k{number}-{n}",
                {
                    "id": pa.array(list(names), pa.string()),
                    "keep": pa.array([name not in dropped for name in names], pa.bool_()),
                },
            )
            for n, names in enumerate(shards)
        ]
        inputs = {"documents": SimpleNamespace(content="d", shards=tuple(parts))}
        if dropped:
            inputs["before"] = SimpleNamespace(content="k", shards=tuple(keep))
        return inputs

    return make


def one_copy_a_line(dropped=""):
    """The texts left, slowly: documents in the order of their ranks take the lines."""
    taken, left = set(), dict(TEXTS)
    for name in sorted(set(TEXTS) - set(dropped), key=lambda each: rank_of(url(each), each)):
        kept = []
        for line in TEXTS[name].split("\n"):
            if not line.strip() or line.strip().lower() not in taken:
                kept.append(line)
                taken.add(line.strip().lower())
        left[name] = kept
    return left


def visible(text):
    return (
        [line for line in text.split("\n") if line.strip()]
        if isinstance(text, str)
        else [line for line in text if line.strip()]
    )


def tables(made):
    """The files written, without those for a next attempt."""
    return [path for path in made.files if path.suffix == ".parquet"]


def found(made, rows):
    return {row["id"]: row for path in tables(made) for row in rows(made, path.name)}


@pytest.mark.parametrize("dropped", ["", "bd", "abcde"])
def test_one_copy_of_each_line_stays(documents, run, rows, dropped):
    result, made = run(STAGE, **documents("ab", "", "cde", dropped=dropped))
    assert [path.name for path in tables(made)] == [
        "00000.parquet",
        "00001.parquet",
        "00002.parquet",
    ]
    assert [len(rows(made, path.name)) for path in tables(made)] == [2, 0, 3]
    left = found(made, rows)
    expected = one_copy_a_line(dropped)
    for name, row in left.items():
        assert visible(row["text"]) == visible(expected[name])
        headings = {TEXTS[name].split("\n")[number] for number in HEADINGS[name]}
        now = row["text"].split("\n")
        assert {now[number] for number in row["headings"]} == headings & set(now)
        if name in dropped:
            assert row["text"] == TEXTS[name]
    taking_part = [TEXTS[name] for name in TEXTS if name not in dropped]
    before = sum(len(visible(text)) for text in taking_part)
    after = sum(len(visible(left[name]["text"])) for name in TEXTS if name not in dropped)
    assert result.metrics["input_documents"] == 5
    assert result.metrics["input_lines"] == before
    assert result.metrics["dropped_lines"] == before - after


def test_neither_order_nor_shards_nor_slices_make_a_difference(documents, run, rows, monkeypatch):
    _, made = run(STAGE, **documents("ab", "cde"))
    expected = found(made, rows)
    monkeypatch.setattr(lines, "SLICE_ENTRIES", 2)
    for shards in (["abcde"], ["edcba"], ["e", "d", "c", "b", "a"], ["cd", "", "bea"]):
        _, other = run(STAGE, **documents(*shards))
        assert found(other, rows) == expected


def test_spans_of_three_sentences(documents, run, rows, monkeypatch):
    monkeypatch.setitem(TEXTS, "a", f"{MENU}\nAnd so on.")
    result, made = run(STAGE, {"unit": "sentences"}, **documents("ab", "cde"))
    left = found(made, rows)
    keeper, other = sorted("bc", key=lambda each: rank_of(url(each), each))
    assert left[keeper]["text"] == TEXTS[keeper]
    assert left[other]["text"] == TEXTS[other].replace(f"{STORY} ", "")
    assert left["a"]["text"] == TEXTS["a"]
    assert result.metrics["dropped_sentences"] == 3


def test_a_span_again_in_its_own_document(documents, run, rows, monkeypatch):
    monkeypatch.setitem(TEXTS, "a", "Ha! " * 7)
    monkeypatch.setitem(TEXTS, "b", f"{STORY} More. {STORY}")
    _, made = run(STAGE, {"unit": "sentences"}, **documents("ab"))
    left = found(made, rows)
    assert left["a"]["text"] == "Ha! Ha! Ha!"
    assert left["b"]["text"] == f"{STORY} More."


def test_two_documents_of_one_url_are_two():
    ranks = {rank_of(url("a"), name) for name in "abcd"}
    assert len(ranks) == 4
    assert rank_of("ab", "c") != rank_of("a", "bc")


def test_decisions_about_other_documents(documents, run):
    inputs = documents("ab", "cde", dropped="a")
    inputs["before"] = SimpleNamespace(shards=inputs["before"].shards[::-1])
    with pytest.raises(DataError, match="other documents"):
        run(STAGE, **inputs)


def test_decisions_of_unlike_shards(documents, run):
    inputs = documents("ab", "cde", dropped="a")
    inputs["before"] = SimpleNamespace(shards=inputs["before"].shards[:1])
    with pytest.raises(ArtifactError, match="shards"):
        run(STAGE, **inputs)


def test_a_span_may_be_left_nowhere(documents, run, rows, monkeypatch):
    sentences = [f"{word}." for word in ("One", "Two", "Three", "Four", "Five")]
    first, second, third = sorted("abc", key=lambda each: rank_of(url(each), each))
    monkeypatch.setitem(TEXTS, first, " ".join(sentences[1:4]))
    monkeypatch.setitem(TEXTS, second, " ".join(sentences[:4]))
    monkeypatch.setitem(TEXTS, third, " ".join(sentences[:3] + sentences[4:]))
    _, made = run(STAGE, {"unit": "sentences"}, **documents("abc"))
    left = [found(made, rows)[name]["text"] for name in (first, second, third)]
    assert left == ["Two. Three. Four.", "One.", "Five."]


def test_of_what_is_left_out_only_a_shards_own_is_read(tmp_path):
    places = np.zeros(9, lines.PLACE)
    places["shard"], places["place"] = [0, 0, 2, 2, 2, 3, 3, 3, 3], range(9)
    np.save(tmp_path / "some.npy", places)
    read = [lines._of_shard(tmp_path / "some.npy", shard) for shard in range(5)]
    assert [part["place"].tolist() for part in read] == [[0, 1], [], [2, 3, 4], [5, 6, 7, 8], []]
    assert not any(isinstance(part, np.memmap) for part in read)


def test_workers_make_no_difference(store, documents, run, rows):
    """And what comes out is read as documents are: a file, a shard."""

    def write(config, job):
        for number, names in enumerate(["ab", "cde"]):
            with job.part(f"{number}.parquet") as path:
                pq.write_table(pa.table(table(list(names))), path)
        return lines.Result({})

    source = Stage("test.documents", 1, lines.Config, (), write)
    texts = build(source, lines.Config(), {}, store, Local())
    one = build(STAGE, STAGE.config(), {"documents": texts}, store, Local())
    two = build(STAGE, STAGE.config(), {"documents": texts}, store / "other", Local(2))
    assert one.content == two.content
    assert [part.files[0].name for part in Artifact(one.path).shards] == [
        "00000.parquet",
        "00001.parquet",
    ]
