"""What `bedstone run --dry-run` tells of a run, from a part of its text."""

import json
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import bedstone
from bedstone.commands import rehearsal
from bedstone.store import recipe
from bedstone.store.artifact import MANIFEST, Artifact
from bedstone.store.request import ask
from bedstone.store.stages import find
from bedstone.text.encoder import Encoder

from .conftest import sentence

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = ("tokenizer.vocab_size=400", "held_out.min_documents=10")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Four tables of 600 texts in four languages."""
    folder, dice = tmp_path_factory.mktemp("texts"), random.Random(5)
    for number in range(4):
        rows = [
            {
                "text": " ".join(
                    sentence(dice.choice(["en", "es", "nb", "hi"]), dice) for _ in range(8)
                )
            }
            for _ in range(600)
        ]
        (folder / f"{number}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_part_is_of_files_that_are_read(tmp_path, store, monkeypatch):
    monkeypatch.setattr(rehearsal, "READ_BYTES", 20)
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(bytes(9_000))
        (tmp_path / f"{number}.jsonl").write_text('{"text": "one"}')
    loaded = recipe.load(RECIPES / "demo.toml", until="documents")
    (part,) = rehearsal.parts(loaded, {"crawl": [tmp_path]}, store).values()
    assert part.growth == pytest.approx(4)


@pytest.mark.parametrize("read_bytes", [1e9, 2e6])
def test_a_part_of_the_text_tells_of_all(texts, store, monkeypatch, read_bytes):
    size = sum(path.stat().st_size for path in texts.iterdir())
    monkeypatch.setattr(rehearsal, "PART_BYTES", size / 6)
    monkeypatch.setattr(rehearsal, "READ_BYTES", read_bytes)
    words = {"inputs": {"crawl": texts}, "until": "mix", "sets": SMALL, "store": store}
    told = bedstone.run(RECIPES / "demo.toml", dry_run=True, **words)["estimate"]
    assert not store.exists()
    nodes = bedstone.run(RECIPES / "demo.toml", **words)["nodes"]
    made = {name: Artifact(Path(path)) for name, path in nodes.items()}
    parts = [shard for it in made.values() for shard in (it.shards if it.manifest.shards else ())]
    folders = {it.path for it in [*made.values(), *parts]}
    came = {
        "documents": made["kept"].manifest.metrics["kept_documents"],
        "tokens": made["tokens"].manifest.metrics["encoded_tokens"],
        "bytes_on_disk": sum(
            path.stat().st_size for it in folders for path in it.rglob("*") if path.is_file()
        ),
    }
    assert "measured on" in told["how"]["tokens"]
    for name, value in came.items():
        assert told[name] == pytest.approx(value, rel=0.25), name
    assert told["flop"] == 0


@pytest.mark.torch
@pytest.mark.parametrize("max_bytes", [15_000, 65_536])
def test_a_part_holds_out_as_much_as_all_of_the_text(texts, store, monkeypatch, max_bytes):
    size = sum(path.stat().st_size for path in texts.iterdir())
    monkeypatch.setattr(rehearsal, "PART_BYTES", size / 6)
    words = {"inputs": {"crawl": texts}, "store": store}
    sized = ("plan.parameters=20000", "plan.train_tokens=50000", "plan.threads=1")
    # A tenth of each language's documents, which of a part would be a fifth.
    words["sets"] = (*SMALL[:1], "held_out.min_documents=60", f"texts.max_bytes={max_bytes}")
    sets = (*words["sets"], *sized, "plan.number_format=fp32")
    asked = words | {"dry_run": True, "until": "base_bits", "sets": sets}
    told = bedstone.run(RECIPES / "demo.toml", **asked)["estimate"]["nodes"]
    assert told["base"]["minutes"] > 0  # though the plan of a given size knows no speed
    made = {
        name: bedstone.run(RECIPES / "demo.toml", until=name, **words)["nodes"][name]
        for name in ("texts", "tokenizer")
    }
    encoder = Encoder.stored(Artifact(Path(made["tokenizer"])))
    table = pq.read_table(Path(made["texts"]) / "texts.parquet")
    came = sum(len(encoder.encode(text)) for text in table["text"].to_pylist())
    assert told["base_bits"]["model_tokens"] == pytest.approx(came, rel=0.25)


def test_training_is_told_without_a_plan(store):
    sets = ("problems.problems=300", "base.train_tokens=4096", "solver.train_tokens=5000")
    told = bedstone.run(RECIPES / "tasks.toml", dry_run=True, sets=sets, store=store)["estimate"]
    nodes = bedstone.run(RECIPES / "tasks.toml", sets=sets, until="base", store=store)["nodes"]
    made = Artifact(Path(nodes["base"])).manifest.metrics
    assert told["nodes"]["base"]["flop"] == made["train_flop"]
    assert told["nodes"]["solver"]["flop"] == pytest.approx(made["train_flop"] * 5000 / 4096)
    assert told["nodes"]["base"]["minutes"] > 0
    assert told["tokens"] == Artifact(Path(nodes["tokens"])).manifest.metrics["encoded_tokens"]
    # What is built is not told of again, and what is left is.
    left = bedstone.run(RECIPES / "tasks.toml", dry_run=True, sets=sets, store=store)["estimate"]
    assert "solver" in left["nodes"]
    assert not set(left["nodes"]) & {"problems", "tokenizer", "tokens", "mix", "base"}
    assert left["flop"] == told["nodes"]["solver"]["flop"]
    assert left["tokens"] == told["tokens"]


def test_what_is_not_known_before_is_said(crawl, store, cli):
    words = ("run", RECIPES / "swahili.toml", "--input", f"crawl={crawl}", "--store", store)
    status, out, _ = cli(*words, "--dry-run", "--json")
    assert status == 0
    told = json.loads(out)["estimate"]
    assert told["tokens"] is None
    assert told["documents"] is not None
    assert told["nodes"]["parallel"]["why"] == "what it fetches is not known before"
    assert told["nodes"]["tokenizer"]["why"] == "depends on parallel"
    lines = cli(*words, "--dry-run")[1].splitlines()
    assert "an unknown number of tokens of their text" in lines[-3]
    assert lines[-1].endswith(": parallel, tokenizer, cost, tokens, mix")


ASKED = """
[inputs]
model = "a model"
[answers]
stage = "sampling.answers"
inputs = { model = "model" }
config = { task = "sums", problems = 20, threads = 1 }
[strategies]
stage = "sampling.compare"
inputs = { model = "model", questions = "answers" }
"""


def test_a_given_model_that_cannot_be_asked_is_no_error_of_a_dry_run(store, tmp_path):
    (tmp_path / "recipe.toml").write_text(ASKED)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    given = {"model": tmp_path / "model"}
    nodes = bedstone.run(tmp_path / "recipe.toml", given, dry_run=True, store=store)["estimate"][
        "nodes"
    ]
    assert "it fails: " in nodes["answers"]["why"]
    assert nodes["strategies"]["why"] == "depends on answers"


FETCHED = """
[pages]
stage = "corpus.crawl"
[documents]
stage = "corpus.extract"
inputs = { crawl = "pages" }
"""


def test_what_was_fetched_before_is_taken_whole(crawl, store, tmp_path, monkeypatch):
    (tmp_path / "recipe.toml").write_text(FETCHED)
    words = {"recipe": tmp_path / "recipe.toml", "dry_run": True, "store": store}
    told = bedstone.run(**words)["estimate"]
    assert (told["documents"], told["minutes"]) == (None, None)
    fetched = bedstone.adopt(crawl, store=store)["artifact"]
    stage = find("corpus.crawl")
    request = ask(stage, stage.config(), {})
    shutil.copytree(fetched, folder := request.folder(store))
    told = Artifact(folder).manifest.model_copy(
        update={"stage": stage.name, "request": request.digest}
    )
    (folder / MANIFEST).write_text(told.sealed().model_dump_json())
    documents = bedstone.build("corpus.extract", inputs={"crawl": fetched}, store=tmp_path)
    told = bedstone.run(**words)["estimate"]
    assert told["documents"] == documents["metrics"]["documents"]
