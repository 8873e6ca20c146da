import pickle
import shutil
from functools import partial
from types import SimpleNamespace

import pytest
from tests.support.object_store import BUCKET

from bedstone.corpus import extract
from bedstone.errors import ArtifactError, BedstoneError
from bedstone.progress import Progress
from bedstone.store import cluster, parts
from bedstone.store.adoption import adopt
from bedstone.store.build import _build_shard, _seen
from bedstone.store.engine import Local
from bedstone.store.place import mirror_of, place_of
from bedstone.store.request import ask


def test_a_cluster_without_a_processor_is_an_error():
    engine = object.__new__(cluster.Ray)
    engine._ray, engine._address = SimpleNamespace(cluster_resources=dict), "host:6379"
    engine._most = None
    with pytest.raises(BedstoneError, match="host:6379 has no processor") as caught:
        list(engine.map(abs, [1, 2]))
    assert "begin nodes" in caught.value.hint


@pytest.fixture
def on_a_node(monkeypatch):
    """A task's way of working, without its watch over the node's other process."""
    monkeypatch.setattr(cluster, "_end_with_node", lambda: None)
    return cluster._done


def request_of(texts):
    return ask(extract.STAGE, extract.ExtractConfig(), {"crawl": texts}).shards()[0]


def test_a_shard_on_a_node_that_does_not_see_the_store(on_a_node, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": "It is short."}\n')
    texts = adopt([tmp_path / "texts.jsonl"], tmp_path / "seen")
    request = request_of(texts)
    store = tmp_path / "elsewhere" / "store"
    build = partial(_build_shard, store=store, engine=Local(), progress=Progress())
    with pytest.raises(ArtifactError, match=f"{store} is not there on the node") as caught:
        on_a_node(build, request, str(tmp_path))
    assert "must see the store" in caught.value.hint
    assert not store.parent.exists()


def test_a_node_that_does_not_see_what_is_read(on_a_node, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": "It is short."}\n')
    texts = adopt([tmp_path / "texts.jsonl"], tmp_path / "unseen")
    sent = pickle.dumps(request_of(texts))
    shutil.rmtree(tmp_path / "unseen")
    (tmp_path / "unseen").mkdir()  # where nothing is mounted
    build = partial(_build_shard, store=tmp_path / "unseen", engine=Local(), progress=Progress())
    with pytest.raises(ArtifactError, match=f"{texts.path}/manifest.json is not there on the node"):
        on_a_node(build, pickle.loads(sent), str(tmp_path))


@pytest.mark.slow
def test_a_node_makes_the_mirror_of_a_place_anew(on_a_node, server, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": "It is short."}\n')
    store = mirror_of(f"s3://{BUCKET}/team")
    request = request_of(adopt([tmp_path / "texts.jsonl"], store))
    build = partial(_build_shard, store=store, engine=Local(), progress=Progress())
    sent = pickle.dumps((build, request))
    (tmp_path / "texts.jsonl").unlink()
    shutil.rmtree(tmp_path / "cache")
    path = on_a_node(*pickle.loads(sent), str(tmp_path))
    assert path == request.folder(store)
    assert f"team/{path.name}/manifest.json" in server.objects()
    shutil.rmtree(tmp_path / "cache")  # who asked for it is on another machine
    place_of.cache_clear()
    assert _seen(path, request, store).manifest.metrics["documents"] == 1


def test_a_part_on_a_node_that_does_not_see_the_store(on_a_node, tmp_path):
    path = tmp_path / "store" / "corpus.dedup-1" / ".scratch" / "near" / "00000"
    with pytest.raises(ArtifactError, match=f"{path.parent} is not there on the node"):
        on_a_node(partial(parts._make, shutil.copy), (tmp_path, path), str(tmp_path))
    assert list(tmp_path.iterdir()) == []
