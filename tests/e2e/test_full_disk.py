"""A disk that is full, or is only read: what is missing is named, and nothing lies about."""

import errno
import json
import os
import random
import re
import resource
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from bedstone.store import whole, work
from bedstone.store.artifact import Artifact, fault

RECIPE = """
[inputs]
crawl = "texts"
[documents]
stage = "corpus.extract"
inputs = { crawl = "crawl" }
[signatures]
stage = "corpus.minhash"
inputs = { documents = "documents" }
[clusters]
stage = "corpus.dedup"
inputs = { signatures = "signatures" }
"""
NAMED = re.compile(
    r"^error: (/.+) cannot be written: .+; it has [\d,]+ bytes so far, and [\d,]+ bytes",
    re.MULTILINE,
)
PAGE_BYTES = 4096

pytestmark = pytest.mark.slow


@pytest.fixture
def words(tmp_path):
    dice = random.Random(0)
    known = ["".join(dice.choices("abcdefghijklmnop", k=6)) for _ in range(999)]
    texts = [" ".join(dice.choices(known, k=150)) for _ in range(60)]
    lines = (json.dumps({"text": text}) for text in texts)
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return ["run", tmp_path / "recipe.toml", "--input", f"crawl={tmp_path / 'texts.jsonl'}"]


@pytest.fixture
def disk(tmp_path):
    """Mount a disk of so many bytes, or mount it anew with other options."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = []

    def mount(options):
        if mounted:
            options = f"remount,{options}"
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if os.getuid() or subprocess.run(words, check=False, capture_output=True).returncode:
            pytest.skip("no disk can be mounted here")
        mounted.append(options)
        return place

    yield mount
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def contents(cli, words, tmp_path):
    """What comes out where there is room, by node."""
    return made(cli, words, tmp_path / "room")


def made(cli, words, store):
    status, out, err = cli(*words, "--store", store, "--json")
    assert status == 0, err
    return {name: Artifact(Path(path)).content for name, path in json.loads(out)["nodes"].items()}


def refuse_strays(store):
    """No part of a file, no empty folder, no lock of nothing, no artifact that is not whole."""
    paths = list(store.rglob("*")) if store.exists() else []
    assert not [path for path in paths if path.name.endswith(work.UNFINISHED)]
    kept = {path for path in paths if path.name != whole.CHECKED}
    assert not [path for path in kept if path.is_dir() and not any(path.iterdir())]
    locked = [folder for folder in work.locked(store) if not folder.exists()]
    assert not locked
    assert not [path for path in store.glob("*/manifest.json") if fault(path.parent)]


def test_a_full_disk_is_named_wherever_it_is_met(cli, words, disk, tmp_path, contents):
    place, failures = disk("size=2m"), set()
    for pages in range(1, 256):
        store = place / "store"
        disk(f"size={pages * PAGE_BYTES}")
        status, _, err = cli(*words, "--store", store)
        if status == 0:
            break
        told = NAMED.search(err)
        assert (status, bool(told)) == (1, True), err
        failures.add(Path(re.sub(r"\.[0-9a-f]+\.part$", "", told[1])).name.partition("-")[0])
        refuse_strays(store)
        disk("size=2m")
        assert made(cli, words, store) == contents
        refuse_strays(store)
        subprocess.run(["rm", "-r", store], check=True)
    assert status == 0
    assert {"manifest.json", "documents.parquet", "signatures.parquet"} < failures


def test_room_is_filled_up_step_by_step(cli, words, disk, contents):
    place, failures = disk("size=4k"), 0
    for pages in range(1, 256):
        disk(f"size={pages * PAGE_BYTES}")
        status, _, err = cli(*words, "--store", place / "store")
        if status == 0:
            break
        assert NAMED.search(err), err
        refuse_strays(place / "store")
        failures += 1
    assert failures > 10
    assert made(cli, words, place / "store") == contents


def test_no_inode_is_left(cli, words, disk, contents):
    place = disk("size=1m,nr_inodes=256")
    for number in range(3, 120):
        store = place / f"store{number}"
        disk(f"size=1m,nr_inodes={number}")
        status, _, err = cli(*words, "--store", store)
        if status == 0:
            break
        assert NAMED.search(err), err
        refuse_strays(store)
        disk("size=1m,nr_inodes=256")
        assert made(cli, words, store) == contents
        subprocess.run(["rm", "-r", store], check=True)
    assert status == 0


@contextmanager
def most(size):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_file_that_may_be_no_larger_is_named(cli, words, tmp_path, contents):
    for size in (0, 100, 500, 1_000, 1_500, 2_000, 3_000, 9_000, 30_000, 50_000):
        store = tmp_path / f"store{size}"
        with most(size):
            status, _, err = cli(*words, "--store", store)
        assert (status, bool(NAMED.search(err))) == (1, True), err
        refuse_strays(store)
        assert made(cli, words, store) == contents
        refuse_strays(store)


def test_a_store_that_is_only_read_is_read(cli, words, disk, contents):
    store = disk("size=1m") / "store"
    assert made(cli, words, store) == contents
    for has_notes in (True, False):
        if not has_notes:
            disk("rw")
            whole.forget_all(store)
        disk("ro")
        before = sorted(store.rglob("*"))
        assert made(cli, words, store) == contents
        assert cli("verify", "--all", "--store", store)[0] == 0
        assert cli("repair", "--store", store)[0] == 0
        status, _, err = cli(*words, "--store", store, "--set", "documents.share=0.9")
        assert (status, bool(NAMED.search(err))) == (1, True), err
        assert "Read-only file system" in err
        assert sorted(store.rglob("*")) == before


@pytest.mark.parametrize("number", ["EIO", "EROFS", "EDQUOT"])
def test_a_disk_that_fails_is_named(cli, words, tmp_path, monkeypatch, contents, number):
    fsync = os.fsync
    for stop in range(1, 64):
        store, left = tmp_path / f"store{stop}", [stop]

        def failing(descriptor, left=left):
            left[0] -= 1
            if not left[0]:
                code = getattr(errno, number)
                raise OSError(code, os.strerror(code))
            fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            status, _, err = cli(*words, "--store", store)
        if status == 0:
            break
        assert (status, bool(NAMED.search(err))) == (1, True), err
        refuse_strays(store)
        assert made(cli, words, store) == contents
    assert stop > 10
