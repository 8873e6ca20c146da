import itertools
import shutil

import numpy as np
import pyarrow as pa
import pytest
from tests.support.parts import Killed, killed
from tests.support.signed import columns_of, write_input

from bedstone.corpus import dedup, extract, held_out, minhash
from bedstone.corpus.dedup import STAGE, DedupConfig, resolve
from bedstone.corpus.duplicates import search
from bedstone.corpus.duplicates.clusters import string_hashes
from bedstone.corpus.duplicates.signatures import signed
from bedstone.errors import ConfigError, DataError
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.store.tables import of_numbers
from bedstone.text.codes import texts_of

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe") for b in ("fa", "go", "hi", "ru", "se")]
TEXT = " ".join(f"{one} {two}" for one in WORDS for two in WORDS[:8])
NEAR = f"{TEXT} {' '.join(f'and{word}' for word in WORDS[:9])}"
COPY = TEXT.replace(" ", "\n")


@pytest.fixture
def shards(table_shard):
    """An input of as many shards as ``cuts`` has pieces."""
    made = itertools.count()

    def make(columns, cuts=()):
        table, bounds = pa.table(columns), [0, *cuts, None]
        pieces = [
            table_shard(f"input{next(made)}", table.slice(low, high and high - low))
            for low, high in itertools.pairwise(bounds)
        ]
        pieces[0].shards = tuple(pieces)
        return pieces[0]

    return make


@pytest.fixture
def inputs(shards):
    """The signatures of texts, with the other roles as far as they are given."""

    def make(texts, cuts=(), ids=None, keep=None, language=None, held_out=None):
        ids = ids or [f"id{number}" for number in range(len(texts))]
        made = {"signatures": shards(signatures(ids, texts), cuts)}
        if keep:
            made["before"] = shards({"id": ids, "keep": keep}, cuts)
        if language:
            made["language"] = shards({"id": ids, "language": language}, cuts)
        if held_out:
            made["yardstick"] = shards({"id": held_out})
            made["yardstick"].file = {"held_out.parquet": made["yardstick"].files[0]}.get
        return made

    return make


def signatures(ids, texts):
    made = signed(texts_of(texts), 112, 1, 5)
    return {
        "id": pa.array(ids, pa.string()),
        "exact": of_numbers(made.exact),
        "characters": pa.array(map(len, texts), pa.int64()),
    } | {
        f"band_{band:02}": of_numbers(made.least[:, 8 * band : 8 * band + 8], made.is_signed)
        for band in range(14)
    }


@pytest.fixture
def decided(run, rows):
    """The rows of all shards, as columns, and the metrics."""

    def go(inputs, config=None):
        result, made = run(STAGE, config, **inputs)
        found = [
            row | about
            for path in made.files
            for row, about in zip(
                rows(made, path.name), rows(made, f"about/{path.name}"), strict=True
            )
        ]
        shutil.rmtree(made.location)  # so that the stage can run again
        return {name: [row[name] for row in found] for name in found[0]}, result.metrics

    return go


def test_one_of_each_cluster_is_kept(inputs, decided):
    texts = [COPY, "another text, short but not the same", TEXT, NEAR, "two words", "two  words"]
    found, metrics = decided(inputs(texts, cuts=(2,)))
    assert found["id"] == ["id0", "id1", "id2", "id3", "id4", "id5"]
    assert found["keep"] == [False, True, False, True, False, True]
    assert found["cluster"] == ["id3", None, "id3", "id3", "id5", "id5"]
    assert found["cluster_size"] == [3, 1, 3, 3, 2, 2]
    assert found["kind"] == ["near", None, "near", None, "exact", None]
    assert found["duplicate"] == [True, False, True, False, True, False]
    expected = {
        "input_documents": 6,
        "passing_documents": 6,
        "kept_documents": 3,
        "dropped_documents": 3,
        "kept_share": 0.5,
        "near_duplicate_documents": 2,
        "exact_duplicate_documents": 1,
        "yardstick_copy_documents": 0,
        "clusters": 2,
        "largest_cluster_documents": 3,
    }
    assert {name: metrics[name] for name in expected} == expected
    assert metrics["candidate_pairs"] > 0


def test_similarity_is_the_least_with_the_representative(inputs, decided):
    longer = f"{NEAR} {' '.join(f'or{word}' for word in WORDS[:9])}"
    found, _ = decided(inputs([TEXT, NEAR, longer, "alone", "two words", "two words"]))

    def jaccard(one, other):
        parts = [
            {tuple(text.split()[start : start + 5]) for start in range(len(text.split()) - 4)}
            for text in (one, other)
        ]
        return len(parts[0] & parts[1]) / len(parts[0] | parts[1])

    least = found["similarity"][0]
    assert found["similarity"] == [least, least, least, None, 1, 1]
    # 112 numbers estimate it with a standard error of some .03.
    assert least == pytest.approx(jaccard(TEXT, longer), abs=0.1)
    assert least < 1


def test_only_what_was_kept_before_can_be_a_duplicate(inputs, decided):
    keep = [True, False, True, False, False]
    found, metrics = decided(inputs([TEXT, NEAR, TEXT, "a", "a"], cuts=(1,), keep=keep))
    assert found["keep"] == [True, False, False, False, False]
    assert found["cluster"] == ["id0", None, "id0", None, None]
    assert found["cluster_size"] == [2, None, 2, None, None]
    assert (metrics["passing_documents"], metrics["dropped_documents"]) == (2, 1)


def test_nothing_is_kept_of_a_cluster_with_the_yardstick(inputs, decided):
    # The yardstick's document enters though it was dropped before, and does not represent.
    given = inputs(
        [NEAR, TEXT, COPY, "a", "b"], keep=[False, True, True, True, True], held_out=["id0"]
    )
    found, metrics = decided(given)
    assert found["keep"] == [False, False, False, True, True]
    assert found["cluster"] == ["id1", "id1", "id1", None, None]
    assert (metrics["passing_documents"], metrics["yardstick_copy_documents"]) == (4, 2)


def test_a_document_of_the_yardstick_is_not_kept(inputs, decided):
    found, _ = decided(inputs(["a", "b"], held_out=["id1", "elsewhere"]))
    assert found["keep"] == [True, False]


def test_duplicates_are_sought_everywhere_in_a_source_or_in_a_language(inputs, decided):
    ids = [f"{file * 16}-{offset}" for file in "ab" for offset in range(2)]
    given = inputs([TEXT, NEAR, COPY, NEAR], (2,), ids, language=["eng", "nob", "eng", "nob"])

    def clusters(**config):
        names = decided(given, config)[0]["cluster"]
        return [names.index(name) for name in names]

    assert clusters() == [0, 0, 0, 0]
    assert clusters(scope="source") == [0, 0, 2, 2]
    assert clusters(scope="language") == [0, 1, 0, 1]


@pytest.mark.slow
def test_a_file_in_pieces_is_one_source(member, tmp_path):
    for name in ("one", "other"):  # of each a page far away from its copy
        texts = [TEXT, *[f"{name} page among them " * 20] * 40, TEXT]
        pages = (member("http://a.example/", text.encode()) for text in texts)
        (tmp_path / f"{name}.warc.gz").write_bytes(b"".join(pages))
    store, engine = tmp_path / "store", Local()
    made = adopt(sorted(tmp_path.glob("*.warc.gz")), store)
    pieces = extract.STAGE.config(piece_bytes=4_000)
    made = build(extract.STAGE, pieces, {"crawl": made}, store, engine)
    made = build(minhash.STAGE, minhash.STAGE.config(), {"documents": made}, store, engine)
    assert len(made.shards) > 2
    found = {}
    for scope in ("source", "whole"):
        decided = build(STAGE, DedupConfig(scope=scope), {"signatures": made}, store, engine)
        found[scope] = decided.manifest.metrics["kept_documents"]
    assert found == {"source": 4, "whole": 3}


def test_ids_that_tell_no_source_are_refused(inputs, decided):
    ids = [f"{'a' * 16}-0", "f47ac10b-58cc-4372-a567-0e02b2c3d479"]
    with pytest.raises(DataError, match="do not tell the document's source file") as caught:
        decided(inputs([TEXT, COPY], ids=ids), {"scope": "source"})
    assert "corpus.extract" in caught.value.hint


def test_of_equally_long_ones_the_id_of_the_smallest_hash_represents(inputs, decided):
    ids = [f"of {number}" for number in range(40)]
    hashes = string_hashes(pa.chunked_array([ids]))
    first = ids[int(np.argmin(hashes))]
    assert decided(inputs([TEXT] * 40, ids=ids, cuts=(7, 20)))[0]["cluster"] == [first] * 40
    keep = [name != first for name in ids]
    found, _ = decided(inputs([TEXT] * 40, ids=ids, keep=keep))
    second = ids[int(np.argsort(hashes)[1])]
    assert found["cluster"] == [second if each else None for each in keep]


def test_the_language_is_told_where_it_decides_and_only_there():
    by_language = DedupConfig(scope="language")
    assert resolve(by_language, {"language": None}) is by_language
    with pytest.raises(ConfigError, match="scope is language, and no input tells"):
        resolve(by_language, {})
    with pytest.raises(ConfigError, match="scope is whole, so the language has no effect"):
        resolve(DedupConfig(), {"language": None})


def test_similarity_is_a_choice(inputs, decided):
    found, _ = decided(inputs([TEXT, NEAR, COPY]), {"min_similarity": 0.999})
    assert found["keep"] == [True, True, False]


@pytest.mark.parametrize("config", [{}, {"min_similarity": 0.6}])
def test_the_order_of_documents_and_shards_makes_no_difference(inputs, decided, config):
    dice = np.random.default_rng(4)
    bases = [" ".join(dice.choice(WORDS, 60)) for _ in range(12)]
    texts = [
        " ".join(word for word in base.split() if dice.random() > 0.01)
        for base in bases
        for _ in range(6)
    ]
    ids = [f"{number:x}" for number in dice.permutation(len(texts))]
    given = {"keep": (dice.random(len(texts)) < 0.9).tolist(), "held_out": ids[:1]}
    first, counts = decided(inputs(texts, ids=ids, **given), config)
    assert 11 < counts["kept_documents"] < counts["passing_documents"]
    order = dice.permutation(len(texts)).tolist()
    moved, again = decided(
        inputs(
            [texts[each] for each in order],
            cuts=(3, 50),
            ids=[ids[each] for each in order],
            keep=[given["keep"][each] for each in order],
            held_out=ids[:1],
        ),
        config,
    )
    assert sorted(zip(*moved.values(), strict=True)) == sorted(zip(*first.values(), strict=True))
    assert again == counts


def test_other_documents_decisions_are_an_error(inputs, run):
    given = inputs(["a", "b"]) | {"before": inputs(["a"], ids=["x"], keep=[True])["before"]}
    with pytest.raises(DataError, match="other documents"):
        run(STAGE, **given)


TASKS = [
    (search, "_write_keys"),
    (search, "_write_pairs"),
    (search, "_write_values"),
    (search, "_write_agreement"),
    (search, "_write_ids"),
    (dedup, "_write"),
    (held_out, "_write_lots"),
    (held_out, "_write"),
]


@pytest.mark.parametrize(("module", "task"), TASKS, ids=[f"{m.__name__}{t}" for m, t in TASKS])
def test_a_killed_build_goes_on_from_its_parts(module, task, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "DOCUMENTS_AT_ONCE", 40)
    monkeypatch.setattr(search, "PAIRS_AT_ONCE", 30)
    dice = np.random.default_rng(6)
    digests = dice.integers(0, 150, 200)
    rows = dice.integers(0, 30, (150, 4))[digests].tolist()
    columns = columns_of(rows, digests.tolist(), 2)
    languages = {"id": columns["id"], "language": dice.choice(["eng", "nob"], 200)}
    cuts = (50, 100, 150)
    inputs = {"signatures": write_input(tmp_path / "signatures", columns, cuts)}
    stage = held_out if module is held_out else dedup
    if stage is held_out:
        inputs["language"] = write_input(tmp_path / "language", languages, cuts)
    config = stage.STAGE.config(min_similarity=0.5)

    def payload(folder):
        return sorted(folder.rglob("*.parquet"))

    def run(folder):
        job = Job(inputs, tmp_path / folder, Local(), Progress())
        job.folder.mkdir(exist_ok=True)
        metrics = stage.STAGE.run(config, job).metrics
        return metrics, {it.relative_to(job.folder): it.read_bytes() for it in payload(job.folder)}

    done = killed(monkeypatch, module, task)
    whole, tasks = run("whole"), len(done)
    assert tasks > 2
    killed(monkeypatch, module, task, after=2)
    with pytest.raises(Killed):
        run("killed")
    kept = {path: path.stat().st_mtime_ns for path in payload(tmp_path / "killed")}
    done = killed(monkeypatch, module, task)
    assert run("killed") == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    # What a payload's task wrote is counted again, and not written.
    assert len(done) == (tasks if task == "_write" else tasks - 2)
