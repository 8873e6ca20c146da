"""Stores on object storage, as several machines use one: each has a cache of its own."""

import json
import os
import shutil
from collections import Counter
from threading import Event, Thread

import pytest
from tests.support.object_store import BUCKET
from tests.support.stages import record

from bedstone.config import Config
from bedstone.errors import ArtifactError, BedstoneError
from bedstone.progress import Progress
from bedstone.store import lineage, sharing
from bedstone.store.adoption import adopt
from bedstone.store.artifact import (
    MANIFEST,
    Artifact,
    digest,
    fault,
    find_artifact,
    folders,
    is_complete,
    list_files,
)
from bedstone.store.build import build, clean
from bedstone.store.engine import Local
from bedstone.store.place import mirror_of, place_of
from bedstone.store.rejected import rejected
from bedstone.store.sharing import send
from bedstone.store.stage import Job, Result, Stage
from bedstone.store.stages import find

pytest.importorskip("obstore")


class Nothing(Config):
    more: str = ""


def upper(config: Nothing, job: Job) -> Result:
    (source,) = job.inputs["texts"].files
    with job.part("upper.txt") as path:
        path.write_text(source.read_text().upper() + config.more)
    with job.part("about/size.txt") as path:
        path.write_text("small")
    return Result({"input_texts": 1}, (job.record("upper.txt"),))


def joined(config: Nothing, job: Job) -> Result:
    texts = [shard.file("upper.txt").read_text() for shard in job.inputs["texts"].shards]
    with job.part("joined.txt") as path:
        path.write_text("".join(texts))
    return Result({"texts": len(texts)})


UPPER = Stage(
    "test.upper", version=1, config=Nothing, inputs=("texts",), sharded=("texts",), run=upper
)
JOINED = Stage("test.joined", version=1, config=Nothing, inputs=("texts",), run=joined)


@pytest.fixture
def machine(server, monkeypatch, tmp_path):
    """The mirror of a machine, which from now on this is."""

    def machine(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        place_of.cache_clear()
        return mirror_of(f"s3://{BUCKET}/store")

    return machine


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("one.jsonl", "two.jsonl"):
        (folder / name).write_text(json.dumps({"text": f"the text of {name}"}) + "\n")
    return folder


def made(source, store):
    texts = build(UPPER, Nothing(), {"texts": adopt([source], store)}, store, Local())
    return build(JOINED, Nothing(), {"texts": texts}, store, Local())


def fetched(server):
    return sorted(
        key.partition("/")[2]
        for (method, key), asked in server.asked.items()
        if method == "GET" and asked and not key.endswith(MANIFEST) and "." in key
    )


def test_what_one_machine_made_another_finds_and_fetches_what_it_reads(machine, server, source):
    ours = made(source, machine("a"))
    keys = server.objects()
    assert sorted(key.rpartition("/")[2] for key in keys) == sorted(
        [*[MANIFEST] * 5, "one.jsonl", "two.jsonl", *["upper.txt", "size.txt"] * 2, "joined.txt"]
    )
    assert not [key for key in keys if ".leases" in key]
    server.asked.clear()
    store = machine("b")
    theirs = made(source, store)
    assert theirs.manifest == ours.manifest
    assert theirs.path != ours.path
    assert not [key for (method, key) in server.asked if method != "GET"]
    assert fetched(server) == []
    assert theirs.file("joined.txt").read_text() == ours.file("joined.txt").read_text()
    assert [key.rpartition("/")[2] for key in fetched(server)] == ["joined.txt"]
    assert find_artifact(theirs.manifest.request[:10], store).path == theirs.path
    theirs.verify()


def test_a_machine_without_the_source_reads_what_was_adopted(machine, server, source):
    ours = made(source, machine("a"))
    shutil.rmtree(source)
    store = machine("b")
    tree = lineage.ancestors(Artifact(store / ours.path.name))
    assert set(tree) == {"", "texts", "texts.texts"}
    crawl = tree["texts.texts"]
    assert [json.loads(path.read_text())["text"] for path in crawl.files] == [
        "the text of one.jsonl",
        "the text of two.jsonl",
    ]
    assert crawl.files[0].is_symlink()  # as what is adopted is
    crawl.verify()
    assert [shard.file("upper.txt").name for shard in tree["texts"].shards] == ["upper.txt"] * 2
    tree["texts"].verify()


def test_a_lying_object_is_found_and_not_linked_in(machine, server, source):
    ours = made(source, machine("a"))
    key = f"store/{ours.path.name}/joined.txt"
    server.put(key, server.get(key).replace(b"ONE", b"TWO"))
    theirs = Artifact(machine("b") / ours.path.name)
    for ask in (lambda: theirs.file("joined.txt"), theirs.verify):
        with pytest.raises(ArtifactError, match="not what its manifest says: its sha256"):
            ask()
    assert list_files(theirs.path) == ()


def altered(manifest, **changes):
    """As one would write who knows how manifests are sealed."""
    values = json.loads(manifest) | changes
    values["digest"] = digest({key: each for key, each in values.items() if key != "digest"})
    return json.dumps(values).encode()


@pytest.mark.parametrize("lie", ["unsealed", "cut", "another's", "path", "sha256"])
def test_a_lying_manifest_is_refused(lie, machine, server, source):
    ours = made(source, machine("a"))
    key = f"store/{ours.path.name}/{MANIFEST}"
    text = server.get(key)
    file = json.loads(text)["files"][0]
    lies = {
        "unsealed": text.replace(b'"texts": 2', b'"texts": 3'),
        "cut": text[: len(text) // 2],
        "another's": altered(text, request="0" * 64),
        "path": altered(text, files=[file | {"path": "../../x"}]),
        "sha256": altered(text, files=[file | {"sha256": "../../../x"}]),
    }
    server.put(key, lies[lie])
    folder = machine("b") / ours.path.name
    with pytest.raises(ArtifactError, match=r"was altered|is no manifest") as error:
        is_complete(folder)
    assert error.value.hint == f"remove s3://bucket/store/{folder.name} there, and run again"
    assert not folder.exists()


def test_verify_all_goes_on_after_a_bad_manifest_of_a_place(machine, server, source, cli):
    ours = made(source, machine("a"))
    server.put(f"store/{ours.path.name}/{MANIFEST}", b"{")
    machine("b")
    status, out, err = cli("verify", "--all", "--store", f"s3://{BUCKET}/store", "--json")
    assert status == 3, err
    found = json.loads(out)
    assert found["checked"] == 5
    (told,) = found["broken"].values()
    assert told.startswith(f"s3://{BUCKET}/store/{ours.path.name}/{MANIFEST} is no manifest")


def test_of_two_builders_one_wins_and_the_other_takes_its_artifact(machine, server, source):
    # Each makes something else of it, and the other is done while this one is at work.
    other = machine("b")

    def run(config: Nothing, job: Job) -> Result:
        if job.store != other:
            machine("b")
            folder = other / job.folder.name
            build(stage, config, {}, other, Local())
            theirs.append(Artifact(folder).manifest)
            machine("a")
        with job.part("own.txt") as path:
            path.write_text("b" if job.store == other else "a")
        return Result({})

    theirs = []
    stage = Stage("test.own", version=1, config=Nothing, inputs=(), run=run)
    sharing_seconds, sharing.LEASE_SECONDS = sharing.LEASE_SECONDS, 0.0
    try:
        ours = build(stage, Nothing(), {}, machine("a"), Local())
    finally:
        sharing.LEASE_SECONDS = sharing_seconds
    assert ours.manifest == theirs[0]
    assert ours.file("own.txt").read_text() == "b"
    assert Artifact(machine("c") / ours.path.name).file("own.txt").read_text() == "b"


def test_a_winner_puts_its_files_again_if_another_wrote_over_them(machine, server, source):
    store = machine("a")

    def overwritten():
        key = next(key for key in server.objects() if key.endswith("joined.txt"))
        server.put(key, b"another's")

    texts = build(UPPER, Nothing(), {"texts": adopt([source], store)}, store, Local())
    server.before[MANIFEST] = overwritten
    ours = build(JOINED, Nothing(), {"texts": texts}, store, Local())
    theirs = Artifact(machine("b") / ours.path.name)
    assert theirs.file("joined.txt").read_text() == ours.file("joined.txt").read_text()


def test_who_waits_takes_what_the_other_made(machine, server, monkeypatch):
    monkeypatch.setattr(sharing, "POLL_SECONDS", 0.01)
    begun, go_on, runs = Event(), Event(), []

    def run(config: Nothing, job: Job) -> Result:
        runs.append(job.store)
        begun.set()
        assert go_on.wait(30)
        with job.part("text") as path:
            path.write_text("text")
        return Result({})

    stage = Stage("test.slow", version=1, config=Nothing, inputs=(), run=run)
    first, second, found = machine("a"), machine("b"), []

    def make(store):
        found.append(build(stage, Nothing(), {}, store, Local()))

    threads = [Thread(target=make, args=(store,)) for store in (first, second)]
    threads[0].start()
    assert begun.wait(30)
    lease = next(key for key in server.objects() if "/.leases/" in key)
    seen = Event()
    server.before[f"GET {lease}"] = seen.set  # the second looks at the first's lease
    threads[1].start()
    assert seen.wait(30)
    go_on.set()
    for thread in threads:
        thread.join()
    assert runs == [first]
    assert found[0].manifest == found[1].manifest
    assert lease not in server.objects()


def killed(stage, store, server):
    """A builder that ends between its files and its manifest, and releases nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bedstone.store.place.Place.create", ended_at_manifest)
        patch.setattr("bedstone.store.place.Place.delete", lambda place, name: None)
        with pytest.raises(KeyboardInterrupt):
            build(stage, Nothing(), {}, store, Local())


create = type(place_of(mirror_of("s3://b/p"))).create


def ended_at_manifest(place, name, text):
    if name.endswith(MANIFEST):
        raise KeyboardInterrupt
    return create(place, name, text)


def write(config: Nothing, job: Job) -> Result:
    with job.part("text") as path:
        path.write_text("text")
    return Result({})


WRITE = Stage("test.write", version=1, config=Nothing, inputs=(), run=write)


def test_what_a_killed_builder_left_is_no_artifact_and_is_taken_over(machine, server, monkeypatch):
    monkeypatch.setattr(sharing, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(sharing, "LEASE_SECONDS", 0.2)
    killed(WRITE, machine("a"), server)
    left = server.objects()
    assert [key.rpartition("/")[2] for key in left if ".leases" not in key] == ["text"]
    server.put(next(key for key in left if key.endswith("text")), b"half of it")
    store = machine("b")
    assert folders(store, "*") == []
    theirs = build(WRITE, Nothing(), {}, store, Local())
    again = Artifact(machine("c") / theirs.path.name)
    assert again.file("text").read_text() == "text"
    assert not [key for key in server.objects() if ".leases" in key]


def test_on_its_own_machine_a_killed_builder_is_taken_over_at_once(machine, server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it waits"))
    store = machine("a")
    killed(WRITE, store, server)
    assert build(WRITE, Nothing(), {}, store, Local()).file("text").read_text() == "text"


def test_a_server_that_overwrites_whatever_is_there_is_refused(machine, server, monkeypatch):
    def put(place, name, text):
        place._put(name, text, "overwrite")
        return True

    monkeypatch.setattr("bedstone.store.place.Place.create", put)
    with pytest.raises(BedstoneError, match="puts an object where there is one") as error:
        build(WRITE, Nothing(), {}, machine("a"), Local())
    assert "If-None-Match" in error.value.hint


def test_a_lease_is_renewed_while_its_holder_works(machine, server, monkeypatch):
    monkeypatch.setattr(sharing, "LEASE_SECONDS", 0.1)

    def run(config: Nothing, job: Job) -> Result:
        (lease,) = server.objects()
        first = server.get(lease)
        for _ in range(500):
            if server.get(lease) != first:
                break
            Event().wait(0.01)
        assert server.get(lease).split()[0] == first.split()[0]
        assert server.get(lease) != first
        return write(config, job)

    stage = Stage("test.long", version=1, config=Nothing, inputs=(), run=run)
    build(stage, Nothing(), {}, machine("a"), Local())
    assert [key.rpartition("/")[2] for key in server.objects()] == ["manifest.json", "text"]


def test_a_stage_that_fails_gives_its_lease_back(machine, server):
    def run(config: Nothing, job: Job) -> Result:
        raise BedstoneError("no")

    stage = Stage("test.failing", version=1, config=Nothing, inputs=(), run=run)
    with pytest.raises(BedstoneError, match="no"):
        build(stage, Nothing(), {}, machine("a"), Local())
    assert server.objects() == []


def test_what_is_sent_goes_parents_first_and_once(machine, server, source, tmp_path):
    local = tmp_path / "store"
    ours = made(source, local)
    place = machine("a")
    sent, skipped = send(ours, place, Progress())
    assert [each.manifest.stage for each in sent] == ["adopt", *["test.upper"] * 3, "test.joined"]
    assert skipped == []
    server.asked.clear()
    again, skipped = send(ours, place, Progress())
    assert (again, [each.path for each in skipped]) == ([], [each.path for each in sent])
    assert not [method for method, _ in server.asked if method != "GET"]


def test_what_is_fetched_whole_stands_alone(machine, server, source, tmp_path):
    ours = made(source, machine("a"))
    shutil.rmtree(source)
    store = tmp_path / "store"
    sent, _ = send(find_artifact(ours.manifest.request, machine("b")), store, Progress())
    assert len(sent) == 5
    shutil.rmtree(tmp_path / "a")
    shutil.rmtree(tmp_path / "b")
    moved = store.rename(tmp_path / "moved")
    for folder in moved.glob("*-*"):
        Artifact(folder).verify()
    (crawl,) = moved.glob("adopt-*")
    assert all(path.is_symlink() for path in Artifact(crawl).files)
    assert lineage.trace(Artifact(moved / ours.path.name))["parents"]["texts"]["parents"]


def test_other_contents_of_one_request_are_told(machine, server, source, tmp_path):
    ours = made(source, tmp_path / "store")
    place = machine("a")
    send(ours, place, Progress())
    key = f"store/{ours.path.name}/{MANIFEST}"
    others = [file.model_dump() | {"sha256": "0" * 64} for file in ours.manifest.files]
    content = digest([[file["path"], file["sha256"]] for file in others])
    server.put(key, altered(server.get(key), files=others, content=content))
    with pytest.raises(ArtifactError) as error:
        send(ours, machine("b"), Progress())
    assert str(ours.path) in str(error.value)
    assert f"s3://bucket/store/{ours.path.name}" in str(error.value)


def test_clean_takes_what_is_unfinished_here_alone(machine, server):
    store = machine("a")
    killed(WRITE, store, server)
    left = server.objects()
    assert [path.name for path in clean(store)] == [left[-1].split("/")[1]]
    assert server.objects() == left


def test_workers_make_the_shards_of_a_place_too(machine, server, source):
    store = machine("a")
    stage = find("corpus.extract")
    crawl = adopt([source], store)
    theirs = build(stage, stage.config(), {"crawl": crawl}, store, Local(2))
    alone = build(
        stage, stage.config(), {"crawl": adopt([source], store.parent)}, store.parent, Local()
    )
    assert theirs.content == alone.content
    assert len([key for key in server.objects() if key.endswith(MANIFEST)]) == 4
    assert not [key for key in server.objects() if ".leases" in key]


def spoil(path):
    """Other bytes, and else as before."""
    found = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"0" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_verify_fetches_again_what_was_altered_here(machine, server, source):
    ours = made(source, machine("a"))
    theirs = Artifact(machine("b") / ours.path.name)
    spoil(theirs.file("joined.txt"))
    theirs.verify()
    text = ours.file("joined.txt").read_text()
    assert theirs.file("joined.txt").read_text() == text
    spoil(theirs.file("joined.txt"))
    sent, _ = send(theirs, theirs.path.parents[4] / "pulled", Progress())
    assert sent[-1].file("joined.txt").read_text() == text


@pytest.mark.parametrize("loss", ["file", "altered", "artifact"])
def test_what_the_place_lost_is_made_again_as_the_hint_says(loss, machine, server, source):
    ours = made(source, machine("a"))
    folder = f"store/{ours.path.name}"
    store = machine("b")
    theirs = Artifact(store / ours.path.name)
    if loss == "altered":
        server.put(f"{folder}/joined.txt", b"other")
    else:
        server.delete(f"{folder}/joined.txt")
    if loss == "artifact":
        server.delete(f"{folder}/{MANIFEST}")
    for ask in (lambda: theirs.file("joined.txt"), theirs.verify):
        with pytest.raises(ArtifactError) as error:
            ask()
        assert f"if s3://bucket/{folder} was removed there" in error.value.hint
        assert "repair" not in error.value.hint
    if loss != "artifact":
        server.delete(f"{folder}/{MANIFEST}")
    again = made(source, store)
    assert again.file("joined.txt").read_text() == ours.file("joined.txt").read_text()
    assert f"{folder}/{MANIFEST}" in server.objects()


def linked(path):
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


@pytest.mark.parametrize("text", [b"{", b""], ids=range(2))
def test_an_altered_manifest_of_a_mirror_is_fetched_and_nothing_is_built(text, machine, server):
    def run(config: Nothing, job: Job) -> Result:
        runs.append(job.folder)
        return write(config, job)

    runs = []
    stage = Stage("test.once", version=1, config=Nothing, inputs=(), run=run)
    ours = build(stage, Nothing(), {}, store := machine("a"), Local())
    (ours.path / MANIFEST).write_bytes(text)
    assert build(stage, Nothing(), {}, store, Local()).manifest == ours.manifest
    assert runs == [ours.path]
    assert not (store / ".broken").exists()
    server.delete(f"store/{ours.path.name}/{MANIFEST}")
    (ours.path / MANIFEST).write_bytes(text)
    leases = [key for method, key in server.asked if method == "PUT" and "/.leases/" in key]
    server.asked.clear()
    build(stage, Nothing(), {}, store, Local())
    assert runs == [ours.path] * 2
    assert server.asked["PUT", *leases] == 1


@pytest.mark.parametrize("change", [lambda it: it.write_bytes(b"{"), linked])
def test_a_garbled_manifest_of_a_mirror_is_not_blamed_on_the_place(change, machine, source, cli):
    ours = made(source, machine("a"))
    change(ours.path / MANIFEST)
    status, out, err = cli("verify", "--all", "--store", f"s3://{BUCKET}/store")
    assert (status, out) == (0, "5 checked, 0 broken\n"), err
    assert Artifact(ours.path).manifest == ours.manifest


def test_errors_of_a_mirror_name_the_place(machine, server, source):
    ours = made(source, machine("a"))
    values = json.loads((ours.path / MANIFEST).read_text()) | {"workers": 9}
    (ours.path / MANIFEST).write_text(json.dumps(values))
    with pytest.raises(ArtifactError) as error:
        Artifact(ours.path).verify()
    there = f"s3://bucket/store/{ours.path.name}"
    assert str(error.value).startswith(f"{there} was altered: {MANIFEST}")
    assert fault(ours.path).startswith(f"{there}: ")
    assert "repair" not in error.value.hint


def test_conditional_writes_are_probed_once(machine, server, source):
    made(source, machine("a"))
    leases = Counter(key for (method, key) in server.asked.elements() if method == "PUT")
    asked = sorted(number for key, number in leases.items() if "/.leases/" in key)
    assert asked == [1, 1, 1, 1, 2]


def test_what_was_rejected_is_told_of_and_not_fetched(machine, server, source):
    (source / "a.warc").write_bytes(record("https://b.org", b""))
    stage = find("corpus.extract")
    store = machine("a")
    build(stage, stage.config(), {"crawl": adopt([source], store)}, store, Local())
    shutil.rmtree(source)
    store = machine("b")
    (folder,) = (it for it in folders(store, "corpus.extract-*") if Artifact(it).manifest.shards)
    server.asked.clear()
    told = rejected({"documents": Artifact(folder)})
    assert "see s3://bucket/store/corpus.extract-" in told.sentence()
    assert told.sentence().endswith("/rejected/records.parquet")
    (file,) = told.without
    assert file.startswith("s3://bucket/store/adopt-")
    assert not [key for _, key in server.asked if key.endswith((".parquet", ".warc"))]
