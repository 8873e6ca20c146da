"""Objects of a place: what is asked of a server, and what its faults do to it."""

import hashlib
import random
import sys

import pytest
from tests.support.object_store import BUCKET, CANARY, FAULTS

from bedstone.errors import ArtifactError, BedstoneError, ConfigError
from bedstone.progress import Task
from bedstone.store import place as places
from bedstone.store.place import is_address, mirror_of, place_of, shown

pytest.importorskip("obstore")
BYTES = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def place(server):
    return place_of(mirror_of(f"s3://{BUCKET}/a/prefix"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(BYTES)
    return path


def silent():
    return Task("bytes", None, lambda task: None)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("s3://b/p/", "s3://b/p"),
        ("S3://b", "s3://b"),
        ("s3:/b/p", "s3://b/p"),
        ("gs://b/a%20b", "gs://b/a b"),
        ("az://c/p/q", "az://c/p/q"),
        ("file:///tmp/x y/", "file:///tmp/x y"),
    ],
)
def test_an_address_is_read_out_of_the_mirrors_name(address, url):
    mirror = mirror_of(address)
    assert is_address(address)
    assert place_of(mirror).url == url
    assert shown(mirror / "corpus.extract-0123456789ab") == f"{url}/corpus.extract-0123456789ab"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3:///p", "names no bucket"),
        ("s3://", "names no bucket"),
        ("s3://b:80/p", "names no bucket"),
        ("s3://b/p?sig=canary", "what follows the bucket"),
        ("s3://b//p", "what follows the bucket"),
        ("s3://b/p/%2e%2e/q", "what follows the bucket"),
        ("s3://b/\x1b[0m", "what follows the bucket"),
        ("s3://user:canary@b/p", "no name and no password"),
        ("http://b/p", "not possible"),
        ("file://host/p", "three slashes"),
        ("file:///", "names no"),
        ("s3://b/" + "x" * 300, "too long"),
    ],
    ids=range(12),
)
def test_what_is_no_address_is_refused_and_no_secret_is_told(address, told):
    with pytest.raises(ConfigError, match=told) as error:
        mirror_of(address)
    assert "canary" not in f"{error.value} {error.value.hint}"


def test_a_folder_is_no_place(tmp_path):
    assert place_of(tmp_path) is None
    assert not is_address("artifacts/a")
    assert shown(tmp_path / "a") == str(tmp_path / "a")


def test_an_object_is_created_once(place):
    assert place.create("a", b"1")
    assert place.create("a", b"1")  # as when the first answer was lost
    assert not place.create("a", b"2 is longer")
    text, version = place.read("a")
    assert text == b"1"
    assert place.replace("a", b"3", version)
    assert not place.replace("a", b"4", version)
    assert place.read("a")[0] == b"3"
    place.delete("a")
    place.delete("a")
    assert place.read("a") is None


def test_a_folder_is_served_as_a_bucket_is(tmp_path, file, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "shared").mkdir()
    place = place_of(mirror_of(f"file://{tmp_path}/shared"))
    assert place.create("a-1/m", b"1")
    assert not place.create("a-1/m", b"2")
    assert place.replace("a-1/m", b"3", "any")
    place.upload("a-1/file", file, SHA256, silent())
    assert (tmp_path / "shared/a-1/file").read_bytes() == BYTES
    assert place.folders("a-*") == ["a-1"]
    nowhere = place_of(mirror_of(f"file://{tmp_path}/nowhere"))
    with pytest.raises(BedstoneError, match="reading a failed: No such file or directory") as error:
        nowhere.read("a")
    assert "make the bucket (or the folder) first" in error.value.hint


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_fails_is_asked_again(fault, server, place, file, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PIECE_BYTES", 8_000_000)  # S3's least part is 5 MB
    large = tmp_path / "large"
    large.write_bytes(BYTES * 40)
    sha256 = hashlib.sha256(BYTES * 40).hexdigest()
    server.faults, server.share, server.dice = [fault], 0.35, random.Random(7)
    assert all(place.create(f"objects/{number}", b"x" * number) for number in range(9))
    place.upload("a/large", large, sha256, silent())
    place.upload("a/file", file, SHA256, silent())
    path = tmp_path / "mirror" / "large"
    place.mirror("a/large", path, sha256, len(BYTES) * 40, is_link=False)
    assert path.read_bytes() == BYTES * 40
    assert set(place.versions("a")) == {"a/large", "a/file"}
    assert place.folders("*") == ["a", "objects"]
    assert server.spoilt[fault] > 2


def test_what_is_fetched_is_kept_by_its_digest(server, place, file, tmp_path):
    place.upload("a/file", file, SHA256, silent())
    place.upload("b/other", file, SHA256, silent())
    for name in ("a/file", "b/other"):
        place.mirror(name, tmp_path / name, SHA256, len(BYTES), is_link=False)
        assert (tmp_path / name).read_bytes() == BYTES
    assert server.asked["GET", "a/prefix/a/file"] == 1
    assert server.asked["GET", "a/prefix/b/other"] == 0
    assert (tmp_path / "a/file").samefile(tmp_path / "b/other")
    place.mirror("a/file", tmp_path / "link", SHA256, len(BYTES), is_link=True)
    assert (tmp_path / "link").is_symlink()


def test_what_is_here_already_is_not_fetched_and_what_differs_is(server, place, file, tmp_path):
    place.upload("a/file", file, SHA256, silent())
    place.mirror("a/file", file, SHA256, len(BYTES), is_link=False)
    assert not server.asked["GET", "a/prefix/a/file"]
    (other := tmp_path / "other").write_bytes(b"0" * len(BYTES))
    place.mirror("a/file", other, SHA256, len(BYTES), is_link=False)
    assert other.read_bytes() == BYTES


@pytest.mark.parametrize("made", ["here", "there"])
def test_what_was_cut_here_is_fetched_again(made, server, place, file, tmp_path):
    place.upload("a/file", file, SHA256, silent())
    path = file if made == "here" else tmp_path / "mirror"
    place.mirror("a/file", path, SHA256, len(BYTES), is_link=False)
    assert path.stat().st_mode & 0o777 == 0o444  # what is kept, however it came
    path.chmod(0o644)
    path.write_bytes(BYTES[:9])
    place.mirror("a/file", path, SHA256, len(BYTES), is_link=False)
    assert path.read_bytes() == BYTES


@pytest.mark.parametrize("body", [BYTES[:-1] + b"?", BYTES + b"1", BYTES[:-1], None], ids=range(4))
def test_an_object_that_lies_is_not_linked_in(body, server, place, file, tmp_path):
    place.upload("a/file", file, SHA256, silent())
    if body is None:
        server.delete("a/prefix/a/file")
    else:
        server.put("a/prefix/a/file", body)
    with pytest.raises(ArtifactError, match="s3://bucket/a/prefix/a/file is not what its manifest"):
        place.mirror("a/file", tmp_path / "mirror", SHA256, len(BYTES), is_link=False)
    assert not (tmp_path / "mirror").exists()
    assert not [path for path in place.kept.rglob("*") if path.is_file() and path.stat().st_size]


def test_an_altered_file_is_not_sent(server, place, file):
    file.write_bytes(b"other" + BYTES[5:])
    with pytest.raises(ArtifactError, match="was altered"):
        place.upload("a/file", file, SHA256, silent())
    assert server.objects() == []


@pytest.mark.parametrize(
    ("refused", "hint"),
    [
        ("403 AccessDenied", "keys come from the environment: AWS_ACCESS_KEY_ID"),
        ("404 NoSuchBucket", "make the bucket"),
    ],
    ids=["403", "404"],
)
def test_a_server_that_refuses_is_told_of_once(refused, hint, server, place):
    server.refused = refused
    for ask in (
        lambda: place.read("a"),
        lambda: place.create("a", b""),
        lambda: place.folders("a"),
        lambda: place.delete("a") if "403" in refused else place.read("a"),
    ):
        with pytest.raises(BedstoneError, match=refused.split()[1]) as error:
            ask()
        assert "s3://bucket/a/prefix: " in str(error.value)
        assert hint in error.value.hint
        assert CANARY not in f"{error.value}{error.value.hint}"
        assert len(str(error.value)) < 120


def test_a_server_that_is_not_there_is_told_of(server, place, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(places, "RETRIES", 1)
    with pytest.raises(BedstoneError, match="reading a failed: error sending request") as error:
        place.read("a")
    assert "the network" in error.value.hint


def test_an_endpoint_without_tls_is_told_of(server, place, monkeypatch):
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(BedstoneError, match="reading a failed: builder error") as error:
        place.read("a")
    assert "an http:// endpoint takes AWS_ALLOW_HTTP=true" in error.value.hint


def test_without_the_package_it_is_said_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    place = place_of(mirror_of("s3://bucket/without"))
    for ask in (
        lambda: place.read("a"),
        lambda: place.create("a", b""),
        lambda: place.replace("a", b"", ""),
        lambda: place.delete("a"),
        lambda: place.versions("a"),
        lambda: place.folders("*"),
    ):
        with pytest.raises(BedstoneError, match="s3://bucket/without needs obstore") as error:
            ask()
        assert "bedstone[cloud]" in error.value.hint
