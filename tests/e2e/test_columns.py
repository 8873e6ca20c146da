"""Columns of votes, sites and words, from texts to what a filter drops by them."""

import json

import pyarrow.parquet as pq
import pytest

from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

TEXT = "The old harbour lies where the river meets the sea, and the boats go out with the tide. "


@pytest.fixture
def made(tmp_path):
    """Build a stage; two files of texts, each a shard, and what a user gives."""
    store = tmp_path / "store"
    for shard in range(2):
        rows = [
            {"url": f"http://{'bad' if n % 2 else 'good'}.example/{shard}/{n}", "text": TEXT * 3}
            for n in range(4)
        ]
        lines = "\n".join(map(json.dumps, rows))
        (tmp_path / f"texts-{shard}.jsonl").write_text(lines)
    (tmp_path / "votes.csv").write_text("url,votes\nhttps://good.example/1/0,3\nx,1\n")
    for name, text in {"hosts/mine": "bad.example/1\n", "words/en": "harbour\n"}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    texts = [tmp_path / f"texts-{shard}.jsonl" for shard in range(2)]
    given = {"crawl": texts, "votes": [tmp_path / "votes.csv"]}
    given |= {"hosts": [tmp_path / "hosts"], "words": [tmp_path / "words"]}
    artifacts = {name: adopt(paths, store) for name, paths in given.items()}

    def stage(name, inputs, config=None, store=store, workers=1):
        found = find(name)
        roles = {role: artifacts.get(each, each) for role, each in inputs.items()}
        return build(found, found.config(**(config or {})), roles, store, Local(workers))

    return stage


def test_a_filter_drops_by_votes_by_lists_and_by_words(made):
    documents = made("corpus.extract", {"crawl": "crawl"})
    statistics = made("corpus.statistics", {"documents": documents}, {"rules": []})
    columns = {
        "votes": made("corpus.votes", {"documents": documents, "votes": "votes"}),
        "sites": made("corpus.sites", {"documents": documents, "lists": "hosts"}),
        "words": made("corpus.words", {"documents": documents, "lists": "words"}),
    }
    limits = {
        "votes": {"votes": {"low": 3, "missing": "drop"}},
        "sites": {"listed": {"high": 0}},
        "words": {"hits": {"high": 0}},
    }
    kept = {}
    for name, artifact in columns.items():
        roles = {"statistics": statistics, f"columns.{name}": artifact}
        config = {"rules": [], "limits": {name: limits[name]}}
        filtered = made("corpus.filter", roles, config)
        tables = [pq.read_table(part.file("decisions.parquet")) for part in filtered.shards]
        kept[name] = [table["keep"].to_pylist() for table in tables]
    assert kept == {
        "votes": [[False] * 4, [True, False, False, False]],
        "sites": [[True] * 4, [True, False, True, False]],
        "words": [[False] * 4] * 2,
    }
    assert columns["votes"].manifest.metrics["broken.no_url_rows"] == 1


def test_workers_change_no_byte_of_votes(made, tmp_path):
    inputs = {"documents": made("corpus.extract", {"crawl": "crawl"}), "votes": "votes"}
    alone = made("corpus.votes", inputs)
    together = made("corpus.votes", inputs, store=tmp_path / "other", workers=2)
    assert together.path != alone.path
    assert together.content == alone.content


def test_workers_change_no_byte_of_perplexity(made, tmp_path):
    documents = made("corpus.extract", {"crawl": "crawl"})
    inputs = {"documents": documents, "language": made("corpus.language", {"documents": documents})}
    inputs["reference"] = made("corpus.reference", inputs, {"min_characters": 1_000})
    alone = made("corpus.perplexity", inputs, {"min_documents": 3})
    together = made("corpus.perplexity", inputs, {"min_documents": 3}, tmp_path / "other", 2)
    assert together.path != alone.path
    assert together.content == alone.content
    assert alone.manifest.metrics["scored_documents"] == 8
    limits = {"perplexity": {"bits_per_character": {"high": 0}}}
    statistics = made("corpus.statistics", {"documents": documents}, {"rules": []})
    roles = {"statistics": statistics, "columns.perplexity": alone}
    filtered = made("corpus.filter", roles, {"rules": [], "limits": limits})
    tables = [pq.read_table(part.file("decisions.parquet")) for part in filtered.shards]
    assert [table["keep"].to_pylist() for table in tables] == [[False] * 4] * 2
