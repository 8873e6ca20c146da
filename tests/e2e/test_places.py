"""Stores on object storage from the command line, as two machines use one."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.object_store import BUCKET, CANARY, FAULTS

from bedstone.store.artifact import MANIFEST, Artifact
from bedstone.store.place import place_of

STORE = f"s3://{BUCKET}/team"
WEB = Path(__file__).parents[2] / "recipes" / "web.toml"
pytestmark = pytest.mark.slow


@pytest.fixture
def on(monkeypatch, tmp_path):
    """The machine that the command line is on from now on."""

    def on(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        place_of.cache_clear()
        return tmp_path / name

    return on


def answered(cli, *words):
    status, out, err = cli(*words, "--json")
    assert status == 0, err
    assert CANARY not in out + err
    return json.loads(out), err


def test_a_recipe_runs_whole_and_another_machine_fetches_what_it_reads(
    cli, on, server, crawl, tmp_path
):
    run = ["run", WEB, "--until", "audit", "--store", STORE, "--input", f"crawl={crawl}"]
    here = on("here")
    first, said = answered(cli, *run)
    assert f"{STORE}/corpus.extract-" in said
    assert not [key for key in server.objects() if ".leases" in key]
    server.asked.clear()
    on("there")
    second, said = answered(cli, *run)
    assert {name: Path(path).name for name, path in first["nodes"].items()} == {
        name: Path(path).name for name, path in second["nodes"].items()
    }
    assert "built in" not in said
    assert {method for method, _ in server.asked} == {"GET"}
    fetched = {key for _, key in server.asked if not key.endswith((MANIFEST, f"/{BUCKET}"))}
    assert fetched == set()
    page = tmp_path / "report.html"
    answered(cli, "report", second["nodes"]["audit"], "--store", STORE, "--out", page)
    assert "<html" in page.read_text("utf-8")
    read = {key for _, key in server.asked if key.startswith("team/") and MANIFEST not in key}
    whole = {key for key in server.objects() if MANIFEST not in key}
    assert not [key for key in read if "adopt" in key]
    assert len(read) < len(whole) / 2
    name = Path(first["nodes"]["kept"]).name
    answered(cli, "verify", name, "--store", STORE)
    for path in here.rglob("*"):
        assert CANARY not in path.name
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()


def test_whatever_the_server_does_the_same_comes_out(cli, on, server, crawl, tmp_path):
    run = ["run", WEB, "--until", "kept", "--input", f"crawl={crawl}", "--store"]
    local, _ = answered(cli, *run, tmp_path / "store")
    server.faults, server.share, server.dice = [*FAULTS], 0.15, random.Random(20)
    on("here")
    here, _ = answered(cli, *run, STORE)
    on("there")
    there, said = answered(cli, *run, STORE)
    assert "built in" not in said
    for name, path in there["nodes"].items():
        found = Artifact(Path(path))
        found.verify()
        assert found.content == Artifact(Path(local["nodes"][name])).content
        assert found.manifest == Artifact(Path(here["nodes"][name])).manifest
    assert all(server.spoilt[fault] for fault in FAULTS)


def started(machine, crawl, server, *more):
    words = ["build", "corpus.extract", "--input", f"crawl={crawl}", "--store", STORE, *more]
    environment = {**os.environ, **server.environment, "XDG_CACHE_HOME": str(machine)}
    return subprocess.Popen(
        [sys.executable, "-m", "bedstone.commands.main", *words, "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_builders_at_once_make_one_artifact(server, crawl, tmp_path):
    builders = [started(tmp_path / name, crawl, server) for name in "ab"]
    answers = []
    for builder in builders:
        out, err = builder.communicate(timeout=300)
        assert builder.returncode == 0, err
        answers.append(json.loads(out))
    paths = [Path(answer["artifact"]) for answer in answers]
    for mine, theirs in zip(*(sorted(it.parent.glob("*-*")) for it in paths), strict=True):
        assert Artifact(mine).manifest == Artifact(theirs).manifest
    assert len({path.name for path in paths}) == 1
    assert not [key for key in server.objects() if ".leases" in key]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
        Artifact(tmp_path / "c/bedstone/stores" / paths[0].parent.name / paths[0].name).verify()


def test_a_builder_killed_before_its_manifest_leaves_nothing_that_lies(server, crawl, tmp_path):
    def kill():
        builder.kill()
        builder.wait()
        return "reset"

    made = json.loads(started(tmp_path / "c", crawl, server).communicate(timeout=300)[0])
    folder = Path(made["artifact"])
    (shard,) = Artifact(folder).shards
    for key in [key for key in server.objects() if "corpus.extract" in key]:
        server.delete(key)
    manifest = f"team/{shard.location.name}/{MANIFEST}"
    server.before[f"PUT {manifest}"] = kill
    builder = started(tmp_path / "a", crawl, server)
    builder.communicate(timeout=300)
    assert builder.returncode == -signal.SIGKILL
    left = server.objects()
    assert [key for key in left if shard.location.name in key and ".leases" not in key]
    # On the same machine nobody waits for a lease to end.
    again = started(tmp_path / "a", crawl, server)
    assert again.communicate(timeout=50)[1]
    assert again.returncode == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "d"))
        theirs = Artifact(tmp_path / "d/bedstone/stores" / folder.parent.name / folder.name)
        theirs.verify()
    assert theirs.content == Artifact(folder).content
    assert not [key for key in server.objects() if ".leases" in key]


def test_push_and_pull(cli, on, server, crawl, tmp_path):
    local = tmp_path / "store"
    built, _ = answered(
        cli, "build", "corpus.extract", "--input", f"crawl={crawl}", "--store", local
    )
    name = Path(built["artifact"]).name
    on("here")
    pushed, _ = answered(cli, "push", name, STORE, "--store", local)
    assert pushed["artifacts"][-1] == f"{STORE}/{name}"
    assert not pushed["skipped"]
    on("there")
    other = tmp_path / "other"
    pulled, _ = answered(cli, "pull", name, STORE, "--store", other)
    assert pulled["bytes"] == pushed["bytes"]
    answered(cli, "verify", name, "--store", other)
    again, _ = answered(cli, "pull", name, STORE, "--store", other)
    assert (again["artifacts"], again["bytes"]) == ([], 0)
    assert len(again["skipped"]) == len(pulled["artifacts"])
    shared = tmp_path / "shared"
    shared.mkdir()
    answered(cli, "push", name, shared, "--store", other)
    status, out, err = cli("pull", name, tmp_path / "nowhere", "--store", tmp_path / "new")
    assert (status, out) == (1, "")
    assert "make the bucket (or the folder) first" in err
    third, _ = answered(cli, "pull", name, shared, "--store", tmp_path / "third")
    assert third["bytes"] == pushed["bytes"]


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("s3://", "names no bucket"),
        (f"s3://me:{CANARY}@bucket/p", "no name and no password"),
        (f"s3://bucket/p?X-Amz-Signature={CANARY}", "what follows the bucket"),
        ("ftp://bucket", "not possible"),
    ],
    ids=["bucket", "password", "query", "scheme"],
)
def test_a_store_at_no_address_is_refused(store, told, cli, server):
    status, out, err = cli("show", "abcdef", "--store", store)
    assert (status, out) == (2, "")
    assert told in err
    assert CANARY not in err


def test_a_server_that_refuses_ends_it_with_one_error(cli, on, server, crawl):
    on("here")
    server.refused = "403 AccessDenied"
    status, out, err = cli("adopt", crawl, "--store", STORE)
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {STORE}: reading adopt-")
    assert "403 Forbidden, AccessDenied" in err
    assert err.count("\n") == 2
