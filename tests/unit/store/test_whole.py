"""A store that trusts nothing: paths stay inside, and files are what their manifest says."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bedstone.config import Config
from bedstone.errors import ArtifactError
from bedstone.progress import Progress
from bedstone.store import whole
from bedstone.store.adoption import adopt
from bedstone.store.artifact import (
    MANIFEST,
    Artifact,
    Manifest,
    digest,
    fault,
    find_artifact,
    folders,
)
from bedstone.store.build import build, clean
from bedstone.store.engine import Local
from bedstone.store.lineage import trace
from bedstone.store.making import Making
from bedstone.store.repair import broken_in, repair
from bedstone.store.stage import Job, Result, Stage


class Nothing(Config):
    more: int = 0


class Heard(Progress):
    """What is said is kept."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "lines", [])

    def named(self, label):
        return self

    def say(self, text):
        self.lines.append(text)


RUNS = []


def upper(config: Nothing, job: Job) -> Result:
    (source,) = job.inputs["texts"].files
    RUNS.append(source.name)
    with job.part("deep/upper.txt") as path:
        path.write_text(source.read_text().upper())
    return Result({"input_texts": 1})


def joined(config: Nothing, job: Job) -> Result:
    RUNS.append("joined")
    texts = [shard.file("deep/upper.txt").read_text() for shard in job.inputs["uppers"].shards]
    with job.part("joined.txt") as path:
        path.write_text(" ".join(texts))
    return Result({"output_texts": len(texts)})


def counted(config: Nothing, job: Job) -> Result:
    RUNS.append("counted")
    with job.part("count.txt") as path:
        path.write_text(str(len(job.inputs["joined"].file("joined.txt").read_text()) + config.more))
    return Result({})


UPPER = Stage("test.upper", 1, Nothing, ("texts",), upper, sharded=("texts",))
JOINED = Stage("test.joined", 1, Nothing, ("uppers",), joined)
COUNTED = Stage("test.counted", 1, Nothing, ("joined",), counted)
PIECES = replace(UPPER, name="test.pieces", cut=("a", "b"), piece_bytes=lambda config: 2)
TWICE = Stage("test.twice", 1, Nothing, ("uppers",), joined, sharded=("uppers",))
STAGES = {stage.name: stage for stage in (UPPER, JOINED, COUNTED, PIECES, TWICE)}


@pytest.fixture(autouse=True)
def no_runs():
    RUNS.clear()


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in {"a": "aaa", "b": "bbb"}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def way(texts, store):
    """Make all there is: the crawl, the upper texts, what joins them, what counts that."""

    def make(heard=None, place=store):
        crawl = adopt([texts], place)
        upper = build(UPPER, Nothing(), {"texts": crawl}, place, Local(), heard)
        one = build(JOINED, Nothing(), {"uppers": upper}, place, Local(), heard)
        last = build(COUNTED, Nothing(), {"joined": one}, place, Local(), heard)
        return crawl, upper, one, last

    return make


@pytest.fixture
def where(store, monkeypatch):
    """Who repairs: the stages here are known."""
    monkeypatch.setattr("bedstone.store.repair.STAGES", STAGES)
    monkeypatch.setattr("bedstone.store.repair.find", STAGES.__getitem__)
    return Making(store, Local(), Heard())


def kept_time(path: Path, change) -> None:
    """Change a file, and give it the time that it had."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path):
    path.write_text(path.read_text()[:-1])


def altered(path):
    with path.open("r+") as file:
        file.write("X")


BREAK = {"deleted": Path.unlink, "cut": cut, "altered": altered}
TOLD = {
    "deleted": "deep/upper.txt is missing",
    "cut": "deep/upper.txt has 2 bytes instead of 3",
    "altered": "deep/upper.txt has other bytes",
}
PATHS = {
    "above": "../x",
    "within": "a/../../x",
    "absolute": "/etc/passwd",
    "here": "./x",
    "twice": "a//x",
    "empty": "",
    "folder": "a/",
    "zero": "a\0b",
    "control": "a\x1b[2J",
    "backslash": "..\\x",
    "drive": "C:\\x",
    "manifest": "manifest.json",
    "other case": "Manifest.JSON",
    "scratch": ".scratch/x",
    "direction": "a\u202ex",
}


def forge(folder: Path, change) -> None:
    """Rewrite a manifest as whoever wants to deceive would: its digest is right."""
    values = json.loads((folder / MANIFEST).read_text())
    change(values)
    try:
        text = Manifest.model_validate(values).sealed().model_dump_json()
    except ValueError:
        text = json.dumps(values)
    (folder / MANIFEST).write_text(text)


@pytest.mark.parametrize("kind", PATHS)
def test_a_path_that_is_none_inside_is_refused_before_anything_is_read(way, store, kind):
    *_, one, _ = way()
    forge(one.path, lambda values: values["files"][0].update(path=PATHS[kind]))
    with pytest.raises(
        ArtifactError, match=r"manifest\.json is no manifest.*files\.0\.path"
    ) as told:
        Artifact(one.path)
    assert str(one.path) in str(told.value)
    assert repr(PATHS[kind])[1:-1].replace("\\\\", "\\") in str(told.value).replace("\\\\", "\\")


@pytest.mark.parametrize("other", ["joined.txt", "Joined.TXT"])
def test_two_files_of_one_name_are_refused(way, other):
    *_, one, _ = way()
    forge(one.path, lambda it: it["files"].append({**it["files"][0], "path": other}))
    with pytest.raises(ArtifactError, match="two files have one name"):
        Artifact(one.path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stage", "../x"),
        ("stage", "/tmp/x"),
        ("stage", ""),
        ("request", "../../../etc"),
        ("request", "0" * 63),
        ("content", "0" * 65),
        ("shards", [{"request": "../x", "content": "0" * 64}]),
        ("files", [{"path": "a", "bytes": -1, "sha256": "0" * 64}]),
        ("files", [{"path": "a", "bytes": 1, "sha256": "../a"}]),
        ("files", {"path": "a"}),
        ("metrics", {"a": float("nan")}),
        ("config", {"a": [{"b": float("nan")}]}),
        ("config", {"a": [{"b": float("inf")}]}),
        ("config", {"a": 2**70}),
        ("parents", []),
        ("created", "yesterday"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_no_manifest_says_is_refused(way, key, value):
    *_, one, _ = way()
    forge(one.path, lambda values: values.update({key: value}))
    with pytest.raises(ArtifactError, match="is no manifest: "):
        Artifact(one.path)


def deep(path):
    path.write_text('{"config": ' + '{"a":' * 10**6 + "1" + "}" * (10**6 + 1))


def large(path):
    with path.open("r+b") as file:
        file.truncate(200 << 20)


def linked(path):
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def piped(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (deep, "is no manifest"),
        (large, "has 209,715,200 bytes"),
        (linked, "is no file"),
        (piped, "is no file"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is no manifest"),
        (lambda path: path.write_text("[]"), "is no manifest"),
        (lambda path: path.write_text(""), "is no manifest"),
    ],
    ids=["deep", "large", "link", "pipe", "no text", "list", "empty"],
)
def test_a_hostile_manifest_is_an_error_and_is_set_aside(way, store, change, told):
    *_, one, last = way()
    change(one.path / MANIFEST)
    with pytest.raises(ArtifactError, match=told):
        Artifact(one.path)
    heard = Heard()
    assert [it.content for it in way(heard)[2:]] == [one.content, last.content]
    assert len(heard.lines) == 2  # it was set aside, and built
    assert told in heard.lines[0]


def outside(path):
    path.rename(path.parents[1] / "moved")
    path.symlink_to(path.parents[1] / "moved")


def outside_by_folder(path):
    path.parent.rename(path.parents[2] / "moved")
    path.parent.symlink_to(path.parents[2] / "moved")


@pytest.mark.parametrize("change", [outside, outside_by_folder])
def test_a_link_that_nobody_recorded_is_not_followed(way, change):
    _, made, *_ = way()
    shard = made.shards[0]
    change(shard.path / "deep" / "upper.txt")
    assert (shard.path / "deep" / "upper.txt").read_text() == "AAA"
    for read in (lambda: shard.file("deep/upper.txt"), lambda: shard.files, shard.check):
        with pytest.raises(ArtifactError, match=r"deep/upper.txt leads elsewhere by a link"):
            read()
    again = way()[1]
    assert again.content == made.content
    assert not (shard.path / "deep").is_symlink()
    again.verify()


def test_a_link_is_followed_where_the_manifest_says_so_alone(way):
    crawl, *_ = way()
    assert [file.linked for file in crawl.manifest.files] == [True, True]
    assert crawl.file("a").is_symlink()
    forge(crawl.path, lambda values: [file.pop("linked") for file in values["files"]])
    with pytest.raises(ArtifactError, match="a leads elsewhere by a link"):
        Artifact(crawl.path).file("a")
    with pytest.raises(ArtifactError, match="a leads elsewhere by a link"):
        build(UPPER, Nothing(more=1), {"texts": Artifact(crawl.path)}, crawl.path.parent, Local())


def test_a_link_that_was_recorded_cannot_be_taken_back_unseen(way):
    crawl, *_ = way()
    values = json.loads((crawl.path / MANIFEST).read_text())
    del values["files"][0]["linked"]
    (crawl.path / MANIFEST).write_text(json.dumps(values))
    assert not Artifact(crawl.path).manifest.is_sealed()
    assert crawl.content == Artifact(crawl.path).content  # it is in no content


@pytest.mark.parametrize("kind", BREAK)
def test_a_broken_input_is_refused_and_says_what_to_do(way, kind):
    _, made, *_ = way()
    BREAK[kind](made.shards[1].path / "deep" / "upper.txt")
    with pytest.raises(ArtifactError) as told:
        build(JOINED, Nothing(more=1), {"uppers": made}, made.path.parent, Local())
    assert TOLD[kind] in str(told.value)
    assert told.value.hint == f"build it anew: bedstone repair {made.path}"
    assert RUNS[-1] == "counted"  # as before
    assert not list(made.path.parent.glob("*/*.part"))


@pytest.mark.parametrize("kind", BREAK)
def test_a_broken_file_that_was_adopted_is_refused(way, texts, kind):
    crawl, *_ = way()
    BREAK[kind](texts / "b")
    with pytest.raises(ArtifactError, match=r"b (is missing|has)") as told:
        build(UPPER, Nothing(more=1), {"texts": crawl}, crawl.path.parent, Local())
    assert "give them again" in told.value.hint
    assert RUNS.count("a") == 2  # the shard that is whole was made


@pytest.mark.parametrize("kind", BREAK)
def test_what_is_broken_is_built_again_and_all_below_it_stays(way, store, kind):
    made = way()
    RUNS.clear()
    BREAK[kind](made[1].shards[0].path / "deep" / "upper.txt")
    heard = Heard()
    again = way(heard)
    assert RUNS == ["a"]
    assert [it.content for it in again] == [it.content for it in made]
    assert again[3].manifest == made[3].manifest
    assert any(TOLD[kind] in line and "set aside" in line for line in heard.lines)
    names = {made[1].path.name, made[1].shards[0].path.name}
    assert {path.name for path in (store / whole.BROKEN).iterdir()} == names
    RUNS.clear()
    way()
    assert RUNS == []


def test_what_is_set_aside_twice_is_kept_twice(way, store):
    for _ in range(2):
        (way()[2].path / "joined.txt").unlink()
    way()
    assert len(list((store / whole.BROKEN).glob("test.joined-*"))) == 2
    clean(store)
    assert len(list((store / whole.BROKEN).iterdir())) == 2
    assert len(clean(store, broken=True)) == 2
    assert not list((store / whole.BROKEN).iterdir())


def test_swapped_shards_are_found(way, store):
    made = way()
    swap(*(shard.path for shard in made[1].shards))
    assert "another than the one it lists" in fault(made[1].path)
    RUNS.clear()
    again = way()
    assert [it.content for it in again] == [it.content for it in made]
    assert again[1].shards[0].file("deep/upper.txt").read_text() == "AAA"


def swap(one: Path, other: Path) -> None:
    one.rename(one.with_name("x"))
    other.rename(one)
    one.with_name("x").rename(other)


def test_swapped_artifacts_are_found(way, store, where, cli):
    made = way()
    one, other = made[2].path, made[3].path
    swap(one, other)
    status, out, _ = cli("verify", "--all", "--store", store, "--json")
    assert status == 3
    assert json.loads(out)["broken"] == {
        str(one): f"it is {other.name}, under another's name",
        str(other): f"it is {one.name}, under another's name",
    }
    status, _, err = cli("verify", one)
    assert (status, f"it is {other.name}" in err) == (3, True)
    found = repair(where)
    assert {*found.repaired, *found.not_repaired} == {str(one), str(other)}
    assert [it.content for it in way()] == [it.content for it in made]
    assert broken_in(folders(store, "*-*"), Progress()) == {}


def test_an_artifact_may_be_called_otherwise(way, tmp_path):
    for name in ("mine", "my-joined"):
        Artifact(shutil.copytree(way()[2].path, tmp_path / name)).verify()


def test_the_same_time_and_size_are_found_when_all_is_read(way, store):
    made = way()[2]
    kept_time(made.path / "joined.txt", altered)
    assert fault(made.path) is None
    with pytest.raises(ArtifactError, match=r"joined.txt has other bytes"):
        made.verify()
    assert "joined.txt has other bytes" in fault(made.path)  # what was known is forgotten
    assert way()[2].file("joined.txt").read_text() == "AAA BBB"


def test_notes_that_are_dropped_make_all_be_read(way, store):
    made = way()[2]
    kept_time(made.path / "joined.txt", altered)
    whole.forget_all(store)
    whole.forget_all(store)
    assert way()[2].file("joined.txt").read_text() == "AAA BBB"


def hashed(monkeypatch) -> list[str]:
    """The files that are read from now on."""
    names = []
    read = whole.read_fault

    def reading(folder, file, advance):
        names.append(file.path)
        return read(folder, file, advance)

    monkeypatch.setattr(whole, "read_fault", reading)
    return names


def test_a_file_is_read_when_it_is_new_here_or_was_touched(way, store, tmp_path, monkeypatch):
    made = way()
    names = hashed(monkeypatch)
    assert [fault(it.path) for it in made] == [None] * 4
    assert names == []
    (made[2].path / "joined.txt").touch()
    assert [fault(it.path) for it in made * 2] == [None] * 8
    assert names == ["joined.txt"]
    shutil.copytree(store, tmp_path / "moved", symlinks=True)
    del names[:]
    for folder in folders(tmp_path / "moved", "*-*") * 2:
        assert fault(folder) is None
    own = ["count.txt", "deep/upper.txt", "deep/upper.txt", "joined.txt"]
    assert sorted(names) == ["a", "b", *own]


def test_a_store_that_was_moved_needs_nothing_read(way, store, tmp_path, monkeypatch):
    made = way()
    store.rename(tmp_path / "moved")
    names = hashed(monkeypatch)
    RUNS.clear()
    again = way(place=tmp_path / "moved")
    assert (RUNS, names) == ([], [])
    assert [it.content for it in again] == [it.content for it in made]


def test_an_artifact_that_was_copied_and_altered_is_found(way, store, tmp_path):
    made = way()[2]
    shutil.copytree(made.path, tmp_path / "elsewhere" / made.path.name)
    copy = Artifact(tmp_path / "elsewhere" / made.path.name)
    kept_time(copy.path / "joined.txt", altered)
    with pytest.raises(ArtifactError, match=r"joined.txt has other bytes"):
        build(COUNTED, Nothing(more=3), {"joined": copy}, store, Local())


def test_an_altered_manifest_is_found(way):
    made = way()[2]
    values = json.loads((made.path / MANIFEST).read_text())
    values["metrics"]["output_texts"] = 3
    (made.path / MANIFEST).write_text(json.dumps(values))
    assert fault(made.path) == f"{made.path}: manifest.json: its digest is another"
    forge(made.path, lambda values: values.update(content="0" * 64))
    assert fault(made.path) == f"{made.path}: manifest.json: its digest is another"
    forge(made.path, lambda values: values["files"][0].update(sha256="0" * 64))
    assert fault(made.path) is not None
    assert way()[2].manifest.metrics == {"output_texts": 2}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"manifest.json": 1}', "[" * 10**5, "\0"])
def test_a_note_that_is_none_costs_reading(way, store, monkeypatch, text):
    made = way()[2]
    (store / whole.CHECKED / made.path.name).write_text(text)
    names = hashed(monkeypatch)
    assert fault(made.path) is fault(made.path) is None
    assert names == ["joined.txt"]


def test_a_store_that_takes_no_notes_is_read(way, store, monkeypatch, tmp_path):
    made = way()[2]
    whole.forget_all(store)
    (store / whole.CHECKED).rmdir()
    (tmp_path / "elsewhere").mkdir()
    (store / whole.CHECKED).symlink_to(tmp_path / "elsewhere")
    assert fault(made.path) is None
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (store / whole.CHECKED).unlink()
    (store / whole.CHECKED).write_text("")
    assert fault(made.path) is None


def test_a_note_that_is_a_link_is_not_written_through(way, store, tmp_path):
    made = way()[2]
    (tmp_path / "other").write_text("mine")
    note = store / whole.CHECKED / made.path.name
    note.unlink()
    note.symlink_to(tmp_path / "other")
    assert fault(made.path) is None
    assert (tmp_path / "other").read_text() == "mine"
    assert not note.is_symlink()


@pytest.mark.parametrize("name", [whole.CHECKED, whole.BROKEN])
def test_what_lies_outside_is_not_cleaned(way, store, tmp_path, name):
    way()
    precious = tmp_path / "outside" / "precious"
    precious.mkdir(parents=True)
    shutil.rmtree(store / name, ignore_errors=True)
    (store / name).symlink_to(precious.parent)
    with pytest.raises(ArtifactError, match="is a link"):
        clean(store, broken=True)
    assert precious.exists()


def test_links_that_were_set_aside_are_cleaned(way, store, tmp_path):
    folder = way()[2].path
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert fault(folder) is None
    assert not (tmp_path / whole.CHECKED).exists()
    (tmp_path / "elsewhere" / MANIFEST).write_text("{")
    way()
    assert not folder.is_symlink()
    assert [path.name for path in clean(store, broken=True)] == [folder.name]
    assert (tmp_path / "elsewhere" / MANIFEST).exists()


def test_notes_of_what_is_gone_are_cleaned(way, store):
    made = way()
    shutil.rmtree(made[3].path)
    assert clean(store) == []
    names = {path.name for path in (store / whole.CHECKED).iterdir()}
    assert names == {folder.name for folder in folders(store, "*-*")}


@pytest.mark.parametrize("kind", BREAK)
def test_repair_builds_again_what_is_broken(way, store, where, kind):
    made = way()
    for path in (made[1].shards[0].path / "deep" / "upper.txt", made[3].path / "count.txt"):
        kept_time(path, altered) if kind == "altered" else BREAK[kind](path)
    RUNS.clear()
    found = repair(where)
    assert found.checked == 6
    assert found.repaired == sorted(
        str(folder) for folder in (made[1].shards[0].path, made[3].path)
    )
    assert found.not_repaired == {}
    assert sorted(RUNS) == ["a", "counted"]
    assert broken_in(folders(store, "*-*"), Progress()) == {}
    assert [Artifact(it.path).content for it in made] == [it.content for it in made]


def test_repair_makes_parents_first(way, store, where):
    made = way()
    for folder, name in ((made[2].path, "joined.txt"), (made[3].path, "count.txt")):
        (folder / name).unlink()
    shutil.rmtree(made[1].shards[1].path)
    RUNS.clear()
    found = repair(where)
    assert RUNS == ["b", "joined", "counted"]
    assert len(found.repaired) == 3  # the list of shards, of which one was missing, among them


def test_repair_of_one_looks_at_what_is_behind_it(way, store, where):
    made = way()
    (made[2].path / "joined.txt").unlink()
    (made[3].path / "count.txt").unlink()
    found = repair(where, find_artifact(made[2].path.name, store))
    assert found.checked == 5
    assert found.repaired == [str(made[2].path)]
    assert fault(made[3].path) == f"{made[3].path}: count.txt is missing"


def test_repair_tells_what_cannot_be_built_again(way, store, where, texts, monkeypatch):
    made = way()
    (made[2].path / MANIFEST).write_text("{}")
    (made[3].path / "count.txt").unlink()
    (texts / "b").write_text("another")
    found = repair(where)
    assert found.repaired == []
    whys = {Path(it).name.partition("-")[0]: why for it, why in found.not_repaired.items()}
    assert whys["adopt"] == "its files were made elsewhere, and changed: give them again"
    assert "is no manifest" in whys["test.joined"]
    assert made[2].path.name in whys["test.counted"]
    assert made[0].path.exists()
    assert not made[2].path.exists()
    assert len(list((store / whole.BROKEN).iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 2}, "version 1 of test.joined made it: 2 is here"),
        ({"libraries": ("pydantic",)}, "are here"),
    ],
    ids=["version", "libraries"],
)
def test_repair_builds_nothing_but_what_was_there(way, where, monkeypatch, change, told):
    made = way()
    (made[2].path / "joined.txt").unlink()
    newer = {**STAGES, "test.joined": replace(JOINED, **change)}
    monkeypatch.setattr("bedstone.store.repair.find", newer.__getitem__)
    found = repair(where)
    assert told in found.not_repaired[str(made[2].path)]
    monkeypatch.setattr("bedstone.store.repair.STAGES", ())
    assert repair(where).not_repaired == {}  # it is set aside


def test_repair_says_what_comes_out_differently(way, where, monkeypatch):
    made = way()
    (made[2].path / "joined.txt").unlink()

    def other(config, job):
        with job.part("joined.txt") as path:
            path.write_text("other")
        return Result({})

    newer = {**STAGES, "test.joined": replace(JOINED, run=other)}
    monkeypatch.setattr("bedstone.store.repair.find", newer.__getitem__)
    found = repair(where)
    assert found.repaired == [str(made[2].path)]
    assert any("came out differently" in line for line in where.progress.lines)


@pytest.fixture
def mapped(way, store):
    """The list of shards that a stage makes: of files, of pieces of them, or of shards."""
    crawl, upper, *_ = way()
    given = {UPPER: {"texts": crawl}, PIECES: {"texts": crawl}, TWICE: {"uppers": upper}}
    return lambda stage: build(stage, Nothing(), given[stage], store, Local())


@pytest.mark.parametrize("has_list", [True, False], ids=["list", "none"])
@pytest.mark.parametrize("stage", [UPPER, PIECES, TWICE], ids=lambda stage: stage.name)
def test_repair_of_a_shard_builds_it_alone(mapped, where, stage, has_list):
    made = mapped(stage)
    shard = made.shards[1]
    if not has_list:
        shutil.rmtree(made.path)
    shard.files[0].unlink()
    RUNS.clear()
    found = repair(where, shard)
    assert (found.repaired, found.not_repaired) == ([str(shard.path)], {})
    assert len(RUNS) == 1
    assert Artifact(shard.path).manifest.files == shard.manifest.files
    assert mapped(stage).content == made.content
    assert len(RUNS) == 1


def test_a_shard_of_no_list_that_cannot_be_built_stays(mapped, store, where):
    made = mapped(TWICE)
    shutil.rmtree(made.path)
    shard, behind = made.shards[0], Artifact(made.shards[0].path).manifest.parents["uppers"]
    shutil.rmtree(store / f"test.upper-{behind.request[:12]}")
    shard.files[0].unlink()
    found = repair(where, shard)
    told = "its uppers is not in the store, or came out differently since: run its recipe again"
    assert found.not_repaired == {str(shard.path): told}
    assert shard.path.exists()
    assert not (store / whole.BROKEN).exists()


@pytest.mark.parametrize("has_list", [True, False], ids=["list", "none"])
def test_a_list_in_the_place_of_a_shard_is_built_again(mapped, store, where, has_list):
    made = mapped(TWICE)
    shard = made.shards[0]
    forge(shard.path, lambda values: values.update(shards=[], content=digest([]), files=[]))
    shard.files[0].unlink()
    if has_list:  # of that
        poisoned = [Artifact(it.path).as_parent().model_dump() for it in made.shards]
        contents = digest([it["content"] for it in poisoned])
        forge(made.path, lambda values: values.update(shards=poisoned, content=contents))
        assert "is no shard" in fault(made.path)
    else:
        shutil.rmtree(made.path)
    assert mapped(TWICE).content == made.content
    assert Artifact(shard.path).content == shard.content


def test_a_piece_is_of_what_was_adopted(mapped):
    crawl = next(iter(trace(mapped(PIECES).shards[0])["parents"].values()))
    assert crawl["stage"] == "adopt"


def test_repair_tells_of_a_manifest_behind_that_is_none(way, where):
    made = way()
    (made[2].path / MANIFEST).write_text("{")
    found = repair(where, made[3])
    assert (found.checked, found.repaired) == (2, [])  # what is behind that one is not known
    assert "is no manifest" in found.not_repaired.pop(str(made[2].path))
    assert found.not_repaired == {}


def test_repair_builds_a_shard_whose_manifest_is_none_by_its_list(mapped, store, where):
    shard = mapped(TWICE).shards[0]
    behind = store / f"test.upper-{shard.manifest.parents['uppers'].request[:12]}"
    (behind / MANIFEST).write_text("{")
    shard.files[0].unlink()
    found = repair(where, shard)
    assert (found.repaired, found.not_repaired) == ([str(shard.path), str(behind)], {})


@pytest.mark.parametrize("command", ["show", "trace", "report"])
def test_the_hint_of_a_manifest_that_is_none_names_its_store(way, store, cli, command):
    made = way()
    (made[2].path / MANIFEST).write_text("{")
    status, _, err = cli(command, made[2 if command == "show" else 3].path)
    assert status == 3
    assert err.endswith(f"run the recipe again, or bedstone repair --store {store}\n")


def test_another_programs_manifest_is_left_alone(tmp_path):
    folder = tmp_path / "an-extension"
    folder.mkdir()
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(ArtifactError, match="is no manifest") as told:
        Artifact(folder)
    assert told.value.hint == "it was altered, or is another program's"


def test_repair_of_manifests_in_a_circle_ends(way, store, where):
    made = way()
    for one, other in ((made[2], made[3]), (made[3], made[2])):
        parent = other.as_parent().model_dump()
        forge(one.path, lambda values, parent=parent: values["parents"].update(x=parent))
        (one.path / one.manifest.files[0].path).unlink()
    assert len(repair(where).not_repaired) == 2


def test_verify_all_goes_on_after_a_fault(way, store, cli):
    made = way()
    cut(made[2].path / "joined.txt")
    (made[3].path / "extra").write_text("x")
    status, out, _ = cli("verify", "--all", "--store", store, "--json")
    assert status == 3
    found = json.loads(out)
    assert (found["checked"], found["verified"]) == (6, False)
    assert found["broken"] == {
        str(made[2].path): "joined.txt has 6 bytes instead of 7",
        str(made[3].path): "extra is not in its manifest",
    }
    status, out, _ = cli("verify", "--all", "--store", store)
    assert (status, out.splitlines()[-1]) == (3, "6 checked, 2 broken")
    status, out, _ = cli("verify", made[1].path)
    assert (status, out) == (0, f"{made[1].path}: unaltered\n")
    assert cli("verify", "--store", store)[0] == cli("verify", "x", "--all")[0] == 2


def refusing(method, path):
    def refuse(self, *words, **more):
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return method(self, *words, **more)

    return refuse


@pytest.mark.parametrize("call", ["exists", "lstat", "read_bytes"])
def test_verify_all_goes_on_after_a_manifest_that_cannot_be_read(
    way, store, cli, monkeypatch, call
):
    made = way()
    cut(made[2].path / "joined.txt")
    path = made[3].path / MANIFEST
    monkeypatch.setattr(Path, call, refusing(getattr(Path, call), path))
    status, out, err = cli("verify", "--all", "--store", store, "--json")
    assert status == 3, err
    found = json.loads(out)
    assert (found["checked"], len(found["broken"])) == (6, 2)
    assert found["broken"][str(made[3].path)] == f"{path} cannot be read: Permission denied"


def test_a_store_that_is_not_there_is_not_whole(store, cli):
    for words in (["verify", "--all"], ["repair"]):
        status, out, err = cli(*words, "--store", store)
        assert (status, out) == (2, "")
        assert f"--store {store}: there is no such folder" in err


def test_repair_is_a_command(way, store, cli):
    made = way()
    status, out, _ = cli("repair", "--store", store)
    assert (status, out) == (0, "6 checked, 0 repaired\n")
    cut(made[2].path / "joined.txt")
    status, out, _ = cli("repair", made[2].path, "--json")
    assert status == 1
    found = json.loads(out)
    assert found["not_repaired"] == {str(made[2].path): "no stage 'test.joined' here"}
    status, out, _ = cli("clean", "--broken", "--store", store)
    assert out == f"{store / whole.BROKEN / made[2].path.name}\n"
