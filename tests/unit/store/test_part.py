"""Parts of the shards, as the jobs of an array build them."""

import json

import pytest

from bedstone.config import Config
from bedstone.errors import ConfigError
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact
from bedstone.store.engine import Local
from bedstone.store.part import Part, Share, build_part, part_of
from bedstone.store.recipe import Node, Recipe, run, run_part
from bedstone.store.stage import Job, Result, Stage

FILES = "abcde"
PARTS = 3


class Nothing(Config):
    """No decision."""


def together(config: Nothing, job: Job) -> Result:
    texts = [path.read_text() for shard in job.inputs.values() for path in shard.files]
    with job.part("text") as path:
        path.write_text("+".join(texts))
    return Result({"input_texts": len(texts)})


def resolved(config, inputs):
    assert inputs["left"].manifest.stage == "test.first"
    return config


def stage(name: str, inputs: tuple[str, ...], sharded: tuple[str, ...], **more) -> Stage:
    return Stage(f"test.{name}", 1, Nothing, inputs, together, sharded=sharded, **more)


FIRST = stage("first", ("texts",), ("texts",))
PAIR = stage("pair", ("left", "right"), ("left", "right"), resolve=resolved)
WITH = stage("with", ("left", "whole"), ("left",))
LISTED = stage("listed", ("left",), ())
RECIPE = Recipe(
    ("texts",),
    tuple(
        Node(name, made_by, inputs, Nothing())
        for name, made_by, inputs in [
            ("texts_first", FIRST, {"texts": "texts"}),
            ("pair", PAIR, {"left": "texts_first", "right": "texts_first"}),
            ("own", LISTED, {"left": "texts"}),
            ("with_own", WITH, {"left": "texts_first", "whole": "own"}),
            ("listed", LISTED, {"left": "pair"}),
            ("with_listed", WITH, {"left": "pair", "whole": "listed"}),
        ]
    ),
)


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(name)
    return folder


def part_made(texts, store, number, parts=PARTS):
    return run_part(RECIPE, {"texts": [texts]}, store, Local(), Part(number, parts))


def test_all_parts_are_what_one_run_makes(texts, store, tmp_path):
    plain = run(RECIPE, {"texts": [texts]}, tmp_path / "plain", Local())
    parts = [part_made(texts, store, number) for number in range(1, PARTS + 1)]
    for made in parts:
        assert list(made) == ["texts_first", "pair", "own", "with_own"]
    built = set(store.glob("*/manifest.json"))
    collected = run(RECIPE, {"texts": [texts]}, store, Local())
    for name in ("texts_first", "pair", "with_own"):
        folders = [[it.path for it in made[name].shards] for made in parts]
        assert [len(each) for each in folders] == [2, 2, 1]
        assert {it for each in folders for it in each} == {it.path for it in collected[name].shards}
        assert sum(map(len, folders)) == len(FILES)
    assert {name: it.content for name, it in collected.items()} == {
        name: it.content for name, it in plain.items()
    }
    assert built < set(store.glob("*/manifest.json"))
    assert len(list(store.iterdir())) == len(list((tmp_path / "plain").iterdir()))


def test_what_is_complete_is_cut_or_taken_whole(texts, store):
    given = {"texts": [texts]}
    first = Recipe(RECIPE.inputs, RECIPE.nodes[:1])
    whole = run(first, given, store, Local())["texts_first"]
    part = Part(2, PARTS)
    half = Share((whole.shards[1], whole.shards[4]), len(FILES))
    inputs = {"left": half, "right": whole}
    share = build_part(PAIR, Nothing(), inputs, store, Local(), part, Progress())
    assert [it.file("text").read_text() for it in share.shards] == ["b+b", "e+e"]
    found = build_part(
        FIRST, Nothing(), {"texts": adopt([texts], store)}, store, Local(), part, Progress()
    )
    assert isinstance(found, Artifact)
    assert found.path == whole.path


def test_a_part_that_is_broken_is_built_again(texts, store):
    first = Recipe(RECIPE.inputs, RECIPE.nodes[:1])
    made = run(first, {"texts": [texts]}, store, Local())["texts_first"]
    broken = made.shards[1].path / "text"
    broken.unlink()
    share = part_made(texts, store, 2)["texts_first"]
    assert [it.path for it in share.shards] == [made.shards[1].path, made.shards[4].path]
    assert broken.read_text() == "b"


def test_a_part_may_be_empty(texts, store):
    made = part_made(texts, store, 9, 9)
    assert {name: str(it) for name, it in made.items() if isinstance(it, Share)} == {
        "texts_first": "0 of 5 shards",
        "pair": "0 of 5 shards",
        "with_own": "0 of 5 shards",
    }


@pytest.mark.parametrize("text", ["0/8", "9/8", "1", "1/0", "-1/8", "1/8/2", "a/b", "1/9999999"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ConfigError, match="it is no part of shards") as caught:
        part_of(text)
    assert "--array=1-8" in caught.value.hint


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in FILES:
        (folder / f"{name}.jsonl").write_text(json.dumps({"text": f"This is the text {name}."}))
    return folder


def test_the_command_builds_a_part(tables, store, tmp_path, cli):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[inputs]\ncrawl = "texts"\n'
        '[documents]\nstage = "corpus.extract"\ninputs = { crawl = "crawl" }\n'
        '[language]\nstage = "corpus.language"\ninputs = { documents = "documents" }\n'
        '[signatures]\nstage = "corpus.minhash"\ninputs = { documents = "documents" }\n'
        '[kept]\nstage = "corpus.dedup"\ninputs = { signatures = "signatures" }\n'
    )
    words = ["run", recipe, "--until", "kept", "--input", f"crawl={tables}", "--json", "--store"]
    of_stage = ["build", "corpus.extract", "--input", f"crawl={tables}", "--store", store, "--json"]
    status, out, err = cli(*of_stage, "--shard", "1/2")
    assert status == 0, err
    assert json.loads(out)["artifact"] == "3 of 5 shards"
    for number, shards in ((1, 3), (2, 2)):
        status, out, err = cli(*words, store, "--shard", f"{number}/2")
        assert status == 0, err
        told = f"{shards} of 5 shards"
        assert json.loads(out)["nodes"] == {"documents": told, "signatures": told}
        assert "shard: wait for the other shards: kept" in err
    plain, parts = (json.loads(cli(*words, it)[1])["nodes"] for it in (tmp_path / "plain", store))
    for name in plain:
        assert Artifact(tmp_path / plain[name]).content == Artifact(tmp_path / parts[name]).content


def test_a_variable_that_is_not_set_is_no_part(cli):
    assert cli("run", "web", "--shard", "")[0] == 2


@pytest.mark.parametrize("more", ["--dry-run", "--processes=2"])
def test_a_part_is_built_by_one_command(more, cli):
    assert cli("run", "web", "--shard", "1/2", more)[0] == 2


def test_a_stage_that_maps_nothing_has_no_part(cli):
    status, _, err = cli("build", "corpus.dedup", "--shard", "1/2")
    assert status == 2
    assert "corpus.dedup maps no shards" in err
