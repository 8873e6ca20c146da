"""Stages that map, with shards as small as they can be."""

import json
import pickle
import shutil
from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import pytest

from bedstone.config import Config
from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.store import artifact as artifact_module
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, find_artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.request import ask
from bedstone.store.stage import Job, Result, Stage


class Nothing(Config):
    more: int = 0


def upper(config: Nothing, job: Job) -> Result:
    (source,) = job.inputs["texts"].files
    text = source.read_text().upper()
    with job.part("upper.txt") as path:
        path.write_text(text)
    return Result({"input_characters": len(text), "input_texts": 1}, (job.record("upper.txt"),))


def mean(sums):
    return sums | {"mean_characters": sums["input_characters"] / sums["input_texts"]}


def paired(config: Nothing, job: Job) -> Result:
    with job.part("pair.txt") as path:
        path.write_text("".join(shard.files[0].read_text() for shard in job.inputs.values()))
    return Result({})


UPPER = Stage(
    "test.upper",
    version=1,
    config=Nothing,
    inputs=("texts",),
    sharded=("texts",),
    run=upper,
    total=mean,
)
PAIR = Stage(
    "test.pair",
    version=1,
    config=Nothing,
    inputs=("left",),
    optional=("right",),
    many=("beside",),
    sharded=("left", "right", "beside"),
    run=paired,
)


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name * 3)
    return folder


def made(texts, store, workers=1):
    return build(UPPER, Nothing(), {"texts": adopt([texts], store)}, store, Local(workers))


@pytest.mark.parametrize(("workers", "own"), [(1, 1), (2, 1), (7, 2)])
def test_shards_at_once_share_the_workers(texts, store, workers, own):
    shards = made(texts, store, workers).shards
    assert [shard.manifest.workers for shard in shards] == [own] * 3


def test_each_shard_is_an_artifact_and_the_metrics_are_totals(texts, store):
    artifact = made(texts, store)
    assert [shard.file("upper.txt").read_text() for shard in artifact.shards] == [
        "AAA",
        "BBB",
        "CCC",
    ]
    assert artifact.manifest.metrics == {
        "input_characters": 9,
        "input_texts": 3,
        "mean_characters": 3,
    }
    artifact.verify()


def test_one_more_file_builds_one_more_shard(texts, store):
    before = {shard.path for shard in made(texts, store).shards}
    stamps = {path: (path / "manifest.json").stat().st_mtime_ns for path in before}
    (texts / "aa").write_text("new")
    after = made(texts, store).shards
    assert len(after) == 4
    assert before < {shard.path for shard in after}
    assert {path: (path / "manifest.json").stat().st_mtime_ns for path in before} == stamps


def test_a_file_is_the_same_shard_under_another_name(texts, store):
    first = made(texts, store)
    (texts / "a").rename(texts / "z")
    second = made(texts, store)
    assert {s.content for s in first.shards} == {s.content for s in second.shards}
    assert len(list(store.glob("test.upper-*"))) == 3 + 2


def test_workers_change_no_byte_and_no_request(texts, tmp_path):
    one, two = (made(texts, tmp_path / str(workers), workers) for workers in (1, 2))
    assert one.manifest.request == two.manifest.request
    assert one.content == two.content
    assert (one.manifest.workers, two.manifest.workers) == (1, 2)


def test_an_altered_shard_is_found(texts, store):
    artifact = made(texts, store)
    artifact.shards[1].file("upper.txt").write_text("BBC")
    with pytest.raises(ArtifactError, match=r"upper\.txt"):
        artifact.verify()


def test_a_shard_that_was_made_anew_is_found(texts, store):
    artifact = made(texts, store)
    shard = artifact.shards[0]
    values = json.loads((shard.path / "manifest.json").read_text())
    forged = shard.manifest.model_copy(update={"content": "0" * 64}).sealed()
    (shard.path / "manifest.json").write_text(forged.model_dump_json())
    assert values["content"] != "0" * 64
    with pytest.raises(ArtifactError, match="another than the one"):
        artifact.verify()


def test_mapped_inputs_go_together(texts, store, tmp_path):
    upper = made(texts, store)
    pair = build(PAIR, Nothing(), {"left": upper, "right": upper}, store, Local())
    assert [shard.file("pair.txt").read_text() for shard in pair.shards] == [
        "AAAAAA",
        "BBBBBB",
        "CCCCCC",
    ]
    (tmp_path / "one").write_text("1")
    other = adopt([tmp_path / "one"], store)
    with pytest.raises(ArtifactError, match="'left': 3, 'right': 1"):
        build(PAIR, Nothing(), {"left": upper, "right": other}, store, Local())


def test_what_plays_a_role_of_many_is_mapped_too(texts, store):
    upper = made(texts, store)
    inputs = {"left": upper, "beside.one": upper, "beside.other": upper}
    pair = build(PAIR, Nothing(), inputs, store, Local())
    assert [shard.file("pair.txt").read_text() for shard in pair.shards] == [
        "AAAAAAAAA",
        "BBBBBBBBB",
        "CCCCCCCCC",
    ]


def test_an_optional_role_is_asked_for_only_when_it_is_given(texts, store):
    upper = made(texts, store)
    alone, both = (
        build(PAIR, Nothing(), inputs, store, Local())
        for inputs in ({"left": upper}, {"left": upper, "right": upper})
    )
    assert [shard.file("pair.txt").read_text() for shard in alone.shards] == ["AAA", "BBB", "CCC"]
    assert alone.manifest.request != both.manifest.request
    assert [set(it.manifest.parents) for it in (alone, both)] == [{"left"}, {"left", "right"}]
    with pytest.raises(ConfigError, match="no input 'rigth'; did you mean 'right'"):
        build(PAIR, Nothing(), {"left": upper, "rigth": upper}, store, Local())


def test_a_finished_shard_is_not_made_again_after_a_failure(texts, store, monkeypatch):
    calls = []

    def fails_at_b(config, job):
        (source,) = job.inputs["texts"].files
        calls.append(source.name)
        if source.name == "b" and calls.count("b") == 1:
            raise ArtifactError("no")
        return upper(config, job)

    stage = Stage("test.u", 1, Nothing, ("texts",), fails_at_b, sharded=("texts",))
    crawl = adopt([texts], store)
    with pytest.raises(ArtifactError):
        build(stage, Nothing(), {"texts": crawl}, store, Local())
    build(stage, Nothing(), {"texts": crawl}, store, Local())
    assert calls == ["a", "b", "b", "c"]


def test_an_artifact_is_found_by_its_path_or_the_start_of_its_request(texts, store):
    artifact = made(texts, store)
    assert find_artifact(artifact.manifest.request[:16], store).path == artifact.path
    assert find_artifact(str(artifact.path), store).content == artifact.content
    assert find_artifact(artifact.path.name, store).path == artifact.path
    for name in ("f" * 64, "", "*"):
        with pytest.raises(ArtifactError, match="no artifact"):
            find_artifact(name, store)
    shutil.copytree(artifact.path, store / f"copy-{artifact.manifest.request[:12]}")
    with pytest.raises(ArtifactError, match="several"):
        find_artifact(artifact.manifest.request[:8], store)


@pytest.mark.parametrize(
    ("missing", "hint"),
    [("torch", "pip install 'bedstone[train]'"), ("pycld2", "pip install 'pycld2'")],
)
def test_a_missing_library_says_what_to_install(store, monkeypatch, missing, hint):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("bedstone.store.request.version", version)
    stage = Stage("test.x", 1, Nothing, (), upper, libraries=(missing,))
    with pytest.raises(BedstoneError, match=missing) as caught:
        build(stage, Nothing(), {}, store, Local())
    assert caught.value.hint == hint


def test_only_files_of_the_manifest_are_given_out(texts, store):
    artifact = adopt([texts], store)
    assert isinstance(artifact, Artifact)
    with pytest.raises(ArtifactError, match=r"has no model\.safetensors"):
        artifact.file("model.safetensors")
    with pytest.raises(ArtifactError, match="has no b"):
        artifact.shards[0].file("b")


def test_texts_go_together_up_to_a_shards_bytes(tmp_path, store, monkeypatch):
    for name in ("a/one.txt", "a/two.MD", "b.jsonl", "c.txt"):
        (tmp_path / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "given" / name).write_text(name)
    artifact = adopt([tmp_path / "given"], store)
    table, texts = artifact.shards
    assert [path.name for path in table.files] == ["b.jsonl"]
    assert [path.relative_to(texts.location).as_posix() for path in texts.files] == [
        "a/one.txt",
        "a/two.MD",
        "c.txt",
    ]
    assert texts.file("a/two.MD").read_text() == "a/two.MD"
    monkeypatch.setattr(artifact_module, "SHARD_BYTES", 10)
    assert [len(shard.files) for shard in artifact.shards] == [2, 1, 1]


def test_the_name_of_a_text_is_part_of_its_shard(tmp_path, store):
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text("the same")
        whole = adopt([tmp_path / name], store)
        contents += [whole.shards[0].content, whole.content]
    assert len(set(contents)) == 4  # nor is a shard of all files the artifact itself


def test_files_of_other_kinds_are_passed_over(tmp_path, store):
    (tmp_path / "mixed").mkdir()
    for name in ("a.txt", "B.CSV", "c"):
        (tmp_path / "mixed" / name).write_text("x")
    stage = replace(UPPER, endings=(".csv", ".tsv"))
    made = build(stage, Nothing(), {"texts": adopt([tmp_path / "mixed"], store)}, store, Local())
    assert made.manifest.metrics["input_texts"] == 1


CUT = replace(UPPER, cut=(".b",), piece_bytes=lambda config: config.more or None)


def test_what_a_worker_is_given_of_a_shard_does_not_grow_with_the_files(texts, store):
    few = ask(UPPER, Nothing(), {"texts": adopt([texts], store)}).shards()
    for number in range(200):
        (texts / f"{number:03}").write_text(f"{number}")
    many = ask(UPPER, Nothing(), {"texts": adopt([texts], store)}).shards()
    given = [pickle.dumps(requests[-1]) for requests in (few, many)]
    assert len(given[1]) < 1.1 * len(given[0])
    again = pickle.loads(given[1])
    assert again.digest == many[-1].digest
    assert again.inputs["texts"].as_parent() == many[-1].inputs["texts"].as_parent()


def test_an_artifact_that_another_process_finds_altered_is_refused(texts, store):
    artifact = made(texts, store)
    given, manifest = pickle.dumps(artifact), artifact.path / "manifest.json"
    assert pickle.loads(given).manifest == artifact.manifest
    artifact_module._manifest_of.cache_clear()
    manifest.write_text(manifest.read_text().replace(artifact.content, "0" * 64))
    with pytest.raises(ArtifactError, match="is another by now"):
        pickle.loads(given).check()


def test_large_files_are_cut_where_the_stage_says_how(tmp_path, store):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("a.a", "b.B", "c.b"):
        (folder / name).write_text(name * 3)
    texts = adopt([folder], store)
    whole = ask(CUT, Nothing(), {"texts": texts}).shards()
    cut = ask(CUT, Nothing(more=4), {"texts": texts}).shards()
    shards = [request.inputs["texts"] for request in cut]
    assert [(shard.files[0].name, shard.span) for shard in shards] == [
        ("a.a", None),
        *(("b.B", range(start, stop)) for start, stop in ((0, 4), (4, 8), (8, 9))),
        *(("c.b", range(start, stop)) for start, stop in ((0, 4), (4, 8), (8, 9))),
    ]
    assert str(cut[3]) == f"test.upper of {folder / 'b.B'}, bytes 8 to 9"
    assert str(whole[1]) == f"test.upper of {folder / 'b.B'}"
    assert [request.inputs["texts"].span for request in whole] == [None] * 3
    assert len({shard.content for shard in shards}) == len(shards)
    sources = [request.inputs["texts"].content for request in whole]
    assert [shard.source for shard in shards] == [sources[0], *[sources[1]] * 3, *[sources[2]] * 3]
    # Of no more bytes than a piece may have, it is what it was.
    assert ask(CUT, Nothing(more=9), {"texts": texts}).shards()[1].inputs["texts"].span is None
