"""A crawl in a bucket gives what the same crawl gives from a server, whatever fails meanwhile."""

import gzip
import json
import random
import sys

import pytest
from tests.support import object_store
from tests.support.common_crawl import CRAWL, INDEX, SEGMENT, CommonCrawl
from tests.support.object_store import BUCKET, CANARY, FAULTS

from bedstone.corpus import commoncrawl
from bedstone.corpus.commoncrawl import STAGE, CommonCrawlConfig
from bedstone.corpus.fetching import bucket, polite
from bedstone.corpus.fetching.bucket import Bucket
from bedstone.corpus.fetching.polite import TRIES, Fetcher
from bedstone.errors import BedstoneError, DataError
from bedstone.store.build import build
from bedstone.store.engine import Local

pytest.importorskip("obstore")
KEY = f"{SEGMENT}/warc/CC-MAIN-2026-00000.warc.gz"
PATHS = f"crawl-data/{CRAWL}/warc.paths.gz"
AT = f"s3://{BUCKET}/cc"
REQUESTS = {
    "files": {"files": 3},
    "first": {"files": 4, "first_megabytes": 1},
    "domains": {"domains": ("b.example",), "pages": 9},
    "languages": {"languages": ("swa",), "pages": 3},
}


@pytest.fixture(scope="module")
def content():
    """Of the files; the first has three million bytes, in members of about 400,000."""
    crawl, dice = CommonCrawl(), random.Random(1)
    large = [gzip.compress(b"WARC/1.0\r\n\r\n" + dice.randbytes(400_000), 0) for _ in range(8)]
    return crawl.content | {KEY: crawl.content[KEY] + b"".join(large)}


@pytest.fixture
def s3(server, content, unhurried, monkeypatch):
    """The server, with the crawl in its bucket."""
    for key, each in content.items():
        server.put(f"cc/{key}", each)
    monkeypatch.setattr(polite, "ERROR_SHARE", 1.0)
    return server


@pytest.fixture
def fetcher(s3):
    return Fetcher(Bucket(AT, "me"), 1)


def etag(fetcher):
    with fetcher.server.coming(KEY, 0, 1) as coming:
        return coming.etag


def fetched(at, store, **values):
    config = CommonCrawlConfig(crawl=CRAWL, contact="you@example.org", at=at, **values)
    return build(STAGE, config, {}, store, Local())


def contents(artifact):
    return {path.name: path.read_bytes() for path in artifact.files}


@pytest.fixture(scope="module")
def over_http(content, tmp_path_factory):
    """What each request makes of the crawl from a server."""
    crawl, store = CommonCrawl(), tmp_path_factory.mktemp("http")
    crawl.content = content
    with pytest.MonkeyPatch.context() as patch, crawl.serving() as at:
        patch.setattr(polite, "WHOLE_SECONDS", 0.0)
        patch.setattr(polite, "PART_SECONDS", 0.0)
        return {
            name: contents(fetched(at, store / name, **values)) for name, values in REQUESTS.items()
        }


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_comes_out_of_a_bucket(s3, over_http, store, name):
    made = fetched(AT, store, **REQUESTS[name])
    assert contents(made) == over_http[name]
    assert all(it.location.startswith(f"{AT}/c") for it in made.manifest.sources)
    assert s3.agents == {"bedstone/0.1.0 (+you@example.org)"}
    assert CANARY not in "".join(path.read_text("utf-8") for path in made.path.rglob("*.json"))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["first", "languages"])
def test_what_fails_is_asked_again(s3, over_http, store, monkeypatch, name, fault):
    if fault == "slow":
        monkeypatch.setattr(bucket, "SILENCE_SECONDS", 0.4)
        monkeypatch.setattr(object_store, "SLOW_SECONDS", 3)
    s3.faults, s3.share, s3.dice = [fault], 0.3, random.Random(7)
    assert contents(fetched(AT, store, **REQUESTS[name])) == over_http[name]
    assert s3.spoilt[fault]


def test_a_file_that_was_begun_goes_on(s3, content, fetcher, tmp_path):
    path, total_bytes = tmp_path / "x", len(content[KEY])
    path.write_bytes(b"begun")
    begun = {"etag": etag(fetcher), "total_bytes": total_bytes}
    (tmp_path / "x.json").write_text(json.dumps(begun))
    assert fetcher.file(KEY, path) == (begun["etag"], total_bytes)
    assert path.read_bytes() == b"begun" + content[KEY][5:]


@pytest.mark.parametrize("new", [b"shorter", bytes(4_000_000)], ids=["shorter", "longer"])
def test_of_a_file_that_changed_all_comes(s3, content, fetcher, tmp_path, new):
    path = tmp_path / "x"
    path.write_bytes(content[KEY][:9_000])
    begun = {"etag": etag(fetcher), "total_bytes": len(content[KEY])}
    (tmp_path / "x.json").write_text(json.dumps(begun))
    s3.put(f"cc/{KEY}", new)
    assert fetcher.file(KEY, path).etag == etag(fetcher) != begun["etag"]
    assert path.read_bytes() == new


def test_what_was_fetched_over_http_is_not_fetched_from_the_bucket(s3, content, store):
    crawl = CommonCrawl()
    crawl.content = content
    with crawl.serving() as at:
        before = contents(fetched(at, store, files=2))
    assert before.items() < contents(fetched(AT, store, files=3)).items()
    assert s3.asked.total() == 2


def test_parts(s3, content, fetcher):
    size = len(content[KEY])
    assert fetcher.size(KEY) == size
    assert fetcher.part(KEY, size - 7, size) == content[KEY][-7:]
    for start in (size - 3, size + 3):
        with pytest.raises(DataError, match="ends before"):
            fetcher.part(KEY, start, start + 6)
    assert s3.asked.total() == 4


@pytest.mark.parametrize(
    ("answer", "told", "hint"),
    [
        ("403 AccessDenied", "refused: 403 Forbidden, AccessDenied", "AWS_ACCESS_KEY_ID"),
        ("401 Unauthorized", "refused: 401", "us-east-1"),
        ("400 ExpiredToken", "ExpiredToken", "keys come from the environment"),
        ("301 PermanentRedirect", "incorrectly configured region", "AWS_REGION"),
        ("404 NoSuchBucket", "there is no such bucket", "check its name"),
        ("404 NoSuchKey", f"{AT} has no {PATHS}", "is the crawl's name right"),
    ],
    ids=lambda value: value.split()[0],
)
def test_what_no_other_try_mends_stops_at_once(s3, store, answer, told, hint):
    s3.refused = answer
    with pytest.raises(BedstoneError) as raised:
        fetched(AT, store, files=1)
    assert told in str(raised.value)
    assert hint in raised.value.hint
    assert CANARY not in f"{raised.value}{raised.value.hint}"
    assert s3.asked.total() == 1


@pytest.mark.parametrize("answer", ["429 SlowDown", "500 InternalError", "503 SlowDown"])
def test_the_library_does_not_try_again_by_itself(s3, fetcher, tmp_path, answer):
    s3.refused = answer
    with pytest.raises(BedstoneError, match=f"{answer[4:]}; it was tried {TRIES} times"):
        fetcher.file(KEY, tmp_path / "x")
    assert s3.asked.total() == TRIES


def test_no_server(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(BedstoneError, match="error sending request; it was tried"):
        Fetcher(Bucket(AT, "me"), 1).size(KEY)


def test_an_endpoint_without_tls_is_not_tried_again(s3, monkeypatch):
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(BedstoneError, match="refused: builder error") as raised:
        Fetcher(Bucket(AT, "me"), 1).size(KEY)
    assert "an http:// endpoint takes AWS_ALLOW_HTTP=true" in raised.value.hint


def test_no_keys(s3, monkeypatch):
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    for name, told in {"ACCESS_KEY_ID": "Missing AccessKeyId", "SECRET_ACCESS_KEY": "send"}.items():
        monkeypatch.delenv(f"AWS_{name}")
        with pytest.raises(BedstoneError, match=f"refused: .*{told}") as raised:
            Fetcher(Bucket(AT, "me"), 1).size(KEY)
        assert "keys come from the environment" in raised.value.hint
    assert s3.asked.total() == 0


def test_much_is_better_fetched_from_the_bucket(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(commoncrawl, "MUCH_BYTES", 100)
    config = CommonCrawlConfig(crawl=CRAWL, contact="you@example.org", at=AT, files=4)
    assert "s3://commoncrawl" in commoncrawl.foreseen(config, tmp_path)["how"]
    assert s3.asked["GET", f"cc/{INDEX}/cluster.idx"] == 0


def test_without_the_package_it_is_said_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(BedstoneError, match=f"a crawl at {AT} needs obstore") as raised:
        Fetcher(Bucket(AT, "me"), 1).size(KEY)
    assert raised.value.hint == "pip install 'bedstone[cloud]'"
