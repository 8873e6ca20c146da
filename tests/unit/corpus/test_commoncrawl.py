"""A part of a crawl, fetched from a server with its layout: whole, once, and politely."""

import gzip
import json
import multiprocessing
import os
import random
import signal

import pytest
from fastwarc.warc import ArchiveIterator
from tests.support.common_crawl import CRAWL, INDEX, SEGMENT, CommonCrawl, build_until

from bedstone.config import checked
from bedstone.corpus import commoncrawl
from bedstone.corpus.commoncrawl import STAGE, CommonCrawlConfig
from bedstone.corpus.fetching import polite
from bedstone.errors import BedstoneError, ConfigError, DataError
from bedstone.store.artifact import file_record
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.request import ask

WARCS = [f"{SEGMENT}/warc/CC-MAIN-2026-{number:05}.warc.gz" for number in range(4)]
PATHS = f"crawl-data/{CRAWL}/warc.paths.gz"
CONTACT = "you@example.org"


def config(at, **values):
    return checked(CommonCrawlConfig, {"crawl": CRAWL, "contact": CONTACT, "at": at} | values)


def of(values):
    """The config of ``values``, which may name another place."""
    return config(**{"at": "http://a.example/"} | values)


def fetched(at, store, **values):
    return build(STAGE, config(at, **values), {}, store, Local())


def contents(artifact):
    return {path.name: path.read_bytes() for path in artifact.files}


def urls(artifact):
    found = []
    for path in artifact.files:
        with path.open("rb") as stream:
            records = ArchiveIterator(stream)
            found += [record.headers["WARC-Target-URI"] for record in records]
    return found


def test_whole_files_are_drawn_and_kept_as_they_are(common_crawl, at, store):
    two = contents(fetched(at, store, files=2))
    assert two.items() < contents(fetched(at, store, files=3)).items()
    assert set(two.values()) < {common_crawl.content[key] for key in WARCS}
    assert contents(fetched(at, store, files=2, seed=1)) != two
    assert {each.agent for each in common_crawl.asked} == {f"bedstone/0.1.0 (+{CONTACT})"}
    assert common_crawl.most_at_once <= 4


def test_a_file_that_another_draw_has_fetched_is_not_asked_for_again(common_crawl, at, store):
    two = contents(fetched(at, store, files=2))
    assert two.items() < contents(fetched(at, store, files=3)).items()
    assert [common_crawl.counts()[key] for key in WARCS].count(1) == 3
    fetched(at, store, files=2, first_megabytes=1)
    assert sum(common_crawl.counts()[key] for key in WARCS) == 5


def test_what_rots_in_an_earlier_draw_is_fetched_again(common_crawl, at, store):
    path = fetched(at, store, files=1).files[0]
    seen, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    made = fetched(at, store, files=2)
    assert made.file(path.name).read_bytes() == content
    assert path.read_bytes() != content


def test_what_was_fetched_is_told(common_crawl, at, store):
    made = fetched(at, store, files=1)
    (source,) = made.manifest.sources
    assert source.name in WARCS
    assert (source.version, source.location) == (CRAWL, at + source.name)
    assert source.sha256 == file_record(made.path, made.files[0].name).sha256
    told = json.loads(made.about("fetched.json").read_text())
    assert told["terms_of_use"] == "https://commoncrawl.org/terms-of-use"
    assert told["etags"][made.files[0].name] == common_crawl.etag(source.name)
    assert made.manifest.metrics == {"files": 1, "input_bytes": made.files[0].stat().st_size}


def test_how_it_is_fetched_is_no_part_of_the_request(at, store):
    one, other = config(at, files=1), config("http://x/", files=1, contact="z@z", connections=1)
    assert ask(STAGE, one, {}).digest == ask(STAGE, other, {}).digest


def test_texts(common_crawl, at, store):
    (name,) = contents(fetched(at, store, files=1, kind="wet"))
    assert name.endswith(".warc.wet.gz")


def test_the_first_of_each_file_ends_with_a_whole_record(common_crawl, at, store, monkeypatch):
    key, noise = WARCS[0], os.urandom(3_000_000)
    members = [gzip.compress(b"WARC/1.0\r\n\r\n" + noise[: 10**5 * n], 0) for n in range(1, 8)]
    common_crawl.content[key] = b"".join(members)
    common_crawl.content[PATHS] = gzip.compress(key.encode())
    made = fetched(at, store, files=1, first_megabytes=1)
    assert contents(made) == {key.rpartition("/")[2]: b"".join(members[:3])}
    assert [each.range for each in common_crawl.asked] == ["bytes=0-67108863", "bytes=0-999999"]


@pytest.mark.parametrize("fault", ["503", "429", "500", "509", "reset", "short", "503 after 0"])
def test_a_file_that_fails_goes_on(common_crawl, at, store, fault):
    common_crawl.faults = {WARCS[0]: [fault], PATHS: [fault]}
    made = fetched(at, store, files=4)
    assert set(contents(made).values()) == {common_crawl.content[key] for key in WARCS}
    half = len(common_crawl.content[WARCS[0]]) // 2
    (first, second) = (each.range for each in common_crawl.asked if each.key == WARCS[0])
    assert first is None
    assert second == (f"bytes={half}-" if fault in ("reset", "short") else None)


@pytest.mark.parametrize("fault", ["changed", "no range", "wrong range"])
def test_a_rest_that_is_none_is_not_put_behind_what_was_begun(common_crawl, at, store, fault):
    common_crawl.content[PATHS] = gzip.compress(WARCS[0].encode())
    common_crawl.faults[WARCS[0]] = ["short", fault]
    made = fetched(at, store, files=1)
    assert list(contents(made).values()) == [common_crawl.content[WARCS[0]]]


@pytest.mark.parametrize(
    ("fault", "told"),
    {
        "403": "shut us out",
        "404": f"has no {WARCS[0]}",
        "418": "status 418",
        "endless": "does not say how long it is",
        "to /elsewhere": "status 302, pointing to /elsewhere, which",
        "to http://10.0.0.1/": r"pointing to http://10\.0\.0\.1/, which is not",
        "503 after 9999": "asks to wait for 9,999 s",
    }.items(),
)
def test_what_no_other_try_mends_stops_at_once(common_crawl, at, store, fault, told):
    common_crawl.faults = {WARCS[0]: [fault]}
    with pytest.raises(BedstoneError, match=told):
        fetched(at, store, files=4)
    assert common_crawl.counts()[WARCS[0]] == 1
    made = fetched(at, store, files=4)
    assert set(contents(made).values()) == {common_crawl.content[key] for key in WARCS}
    assert max(common_crawl.counts().values()) <= 2


def test_a_server_that_fails_too_often_is_left_alone(common_crawl, at, store):
    common_crawl.faults = {key: ["503"] * 99 for key in WARCS}
    with pytest.raises(BedstoneError, match="of the last 10 requests failed, so no more") as raised:
        fetched(at, store, files=4)
    assert "what is complete is kept" in raised.value.hint
    assert 10 <= len(common_crawl.asked) <= 13  # those that were under way


def test_faults_by_lot(common_crawl, at, store, monkeypatch):
    monkeypatch.setattr(polite, "ERROR_SHARE", 1.0)
    common_crawl.fault_share = 0.3
    for seed in range(5):
        common_crawl.dice.seed(seed)
        made = fetched(at, store / str(seed), files=4)
        assert set(contents(made).values()) == {common_crawl.content[key] for key in WARCS}
    assert common_crawl.most_at_once <= 4


def test_a_list_of_files_that_is_none(common_crawl, at, store):
    for content, told in {
        b"garbage": "damaged",
        gzip.compress(b"crawl-data/../../etc/passwd\n"): "no list of files",
        gzip.compress(b"http://elsewhere.example/x.warc.gz\n"): "no list of files",
        gzip.compress(bytes(100 << 20)): "unpacks to over",
        gzip.compress(WARCS[0].encode()): "has 1 files of warc",
    }.items():
        common_crawl.content[PATHS] = content
        with pytest.raises(DataError, match=told):
            fetched(at, store / told, files=2)
    assert set(common_crawl.counts()) == {PATHS}


def test_pages_of_domains(common_crawl, at, store):
    made = fetched(at, store, domains=["b.example"], pages=99)
    hosts = ("https://b.example/", "https://shop.b.example/")
    ours = sorted(urls(made))
    assert ours == sorted(
        json.loads(line[line.index("{") :])["url"]
        for line in common_crawl.lines
        if json.loads(line[line.index("{") :])["url"].startswith(hosts)
    )
    assert made.manifest.metrics["pages"] == len(ours) == 24
    few = fetched(at, store, domains=["b.example"], pages=5)
    assert set(urls(few)) < set(ours)
    assert len(urls(few)) == 5


def test_pages_of_a_host_with_www(common_crawl, at, store):
    found = urls(fetched(at, store, domains=["www.a.example"], pages=3))
    assert all(url.startswith("https://www.a.example/") for url in found)
    assert len(found) == 3


def test_pages_of_languages(common_crawl, at, store):
    made = fetched(at, store, languages=["swa"], pages=99)
    assert len(urls(made)) == made.manifest.metrics["pages"] == 16
    few = fetched(at, store, languages=["swa"], pages=3)
    assert set(urls(few)) < set(urls(made))
    assert few.manifest.metrics["index_blocks"] < few.manifest.metrics["index_blocks_total"] == 7
    both = fetched(at, store, languages=["swa"], domains=["a.example"], pages=99)
    assert set(urls(both)) < set(urls(made))
    assert all("a.example" in url for url in urls(both))


def test_pages_lie_in_the_order_of_the_crawl_s_files(common_crawl, at, store, monkeypatch):
    monkeypatch.setattr(commoncrawl, "PART_PAGES", 5)
    made = fetched(at, store, languages=["eng"], pages=99)
    assert len(made.files) > 3
    numbers = [tuple(map(int, url.split("/")[-2:])) for url in urls(made)]
    assert numbers == sorted(numbers)
    assert made.manifest.sources[0].location == f"{at}{INDEX}"


def test_an_index_that_lies(common_crawl, at, store):
    good = common_crawl.lines[0]
    values = json.loads(good[good.index("{") :])
    lies = [
        {"offset": "99999999"},
        {"offset": "7"},
        {"length": "999999"},
        {"filename": "../../x"},
        {"filename": "https://elsewhere.example/x.warc.gz"},
        {"filename": f"crawl-data/{CRAWL}/segments/1/warc/../../../../x.warc.gz"},
        {"length": "-1"},
        {"length": 10**30},
        {"offset": None},
        {"status": 200},
    ]
    urls_of = [f"https://a.example/{number}" for number in range(len(lies))]
    lines = [
        f"example,a)/{number} 2026 {json.dumps(values | {'url': url} | lie)}"
        for number, (lie, url) in enumerate(zip(lies, urls_of, strict=True))
    ]
    common_crawl.write_index([*lines, good, "example,a)/z 2026 {", "example,a)/zz"])
    made = fetched(at, store, domains=["a.example"], pages=99)
    assert len(urls(made)) == 1
    assert made.manifest.metrics["rejected_pages"] == 3
    assert made.manifest.metrics["unreadable_lines"] == 8
    asked = {key for key in common_crawl.counts() if not key.startswith("cc-index")}
    assert asked == {values["filename"]}


def test_blocks_that_are_none(common_crawl, at, store):
    for content, told in {
        b"x" * 99: "damaged",
        gzip.compress(bytes(100 << 20)): "unpacks to over",
    }.items():
        common_crawl.content[f"{INDEX}/cdx-00000.gz"] = content
        line = f"example,a)/ 2026\tcdx-00000.gz\t0\t{len(content)}\t1\n"
        common_crawl.content[f"{INDEX}/cluster.idx"] = line.encode()
        with pytest.raises(DataError, match=told):
            fetched(at, store / told, languages=["swa"], pages=9)
    common_crawl.content[f"{INDEX}/cluster.idx"] = b"example,a)/ 2026\t../../x\t0\t9\t1\n"
    with pytest.raises(DataError, match="none of an index"):
        fetched(at, store, languages=["swa"], pages=9)


def test_no_page(common_crawl, at, store):
    with pytest.raises(DataError, match="has no such page"):
        fetched(at, store, domains=["nowhere.example"], pages=9)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"files": 1, "pages": 1},
        {"files": 1, "domains": ["a.example"], "pages": 1},
        {"domains": ["a.example"]},
        {"languages": ["swa"], "pages": 1, "kind": "wet"},
        {"languages": ["swa"], "pages": 1, "first_megabytes": 1},
        {"files": 1, "connections": 5},
        {"files": 1, "crawl": "CC-MAIN-2026-30/../.."},
        {"files": 1, "contact": "me\r\nX: y@z"},
        {"files": 1, "at": "file:///etc/"},
        {"files": 1, "at": "http://user:secret@a.example/"},
        {"files": 1, "at": "s3://user:secret@bucket/"},
        {"files": 1, "at": "s3://bucket/../other"},
        {"files": 1, "at": "s3://"},
        {"files": 1, "at": "gs://bucket"},
        {"domains": ["../x"], "pages": 1},
    ],
    ids=str,
)
def test_a_config_that_means_nothing(values):
    with pytest.raises(ConfigError):
        of(values)


def test_nobody_is_no_contact(store):
    with pytest.raises(ConfigError, match="nobody is given") as raised:
        build(STAGE, CommonCrawlConfig(crawl=CRAWL, files=1), {}, store, Local())
    assert raised.value.setting == ("contact", "you@example.org")


def test_what_it_would_fetch(common_crawl, at, tmp_path):
    sizes = sum(len(common_crawl.content[key]) for key in WARCS)
    told = commoncrawl.foreseen(config(at, files=4), tmp_path)
    assert (told["files"], told["bytes"]) == (4, sizes)
    assert told["hours"] == pytest.approx(sizes / 1e7 / 3600)
    assert "10 MB/s" in told["how"]
    assert "us-east-1" not in told["how"]
    assert commoncrawl.foreseen(config(at, languages=["swa"], pages=7200), tmp_path)["hours"] >= 0


def test_much_is_better_fetched_where_it_lies(common_crawl, at, tmp_path, monkeypatch):
    monkeypatch.setattr(commoncrawl, "MUCH_BYTES", 100)
    assert "us-east-1" in commoncrawl.foreseen(config(at, files=4), tmp_path)["how"]


@pytest.mark.parametrize("values", [{"files": 3}, {"domains": ["b.example"], "pages": 9}], ids=str)
def test_killed_anywhere_it_goes_on_and_fetches_nothing_twice(unhurried, tmp_path, values):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([build_until.__module__])
    alone, dice = CommonCrawl(), random.Random(7)
    with alone.serving() as at:
        whole = fetched(at, tmp_path / "whole", **values)
    for number in range(6):
        crawl, store, killed = CommonCrawl(), tmp_path / str(number), 0
        with crawl.serving() as at:
            for _ in range(3):
                words = dice.randrange(3, 25), config(at, **values), store
                process = context.Process(target=build_until, args=words)
                process.start()
                process.join()
                killed += process.exitcode == -signal.SIGKILL
            made = fetched(at, store, **values)
        assert killed
        assert contents(made) == contents(whole)
        # Only what was under way is asked for again: a request a connection, or the search's.
        assert len(crawl.asked) <= len(alone.asked) + 4 * killed
        assert set(crawl.counts()) == set(alone.counts())


def test_killed_within_a_file_it_goes_on_with_the_rest(common_crawl, at, store):
    common_crawl.content[PATHS] = gzip.compress(WARCS[0].encode())
    common_crawl.faults[WARCS[0]] = ["slow"]
    words = 10**9, config(at, files=1), store
    process = multiprocessing.get_context("forkserver").Process(target=build_until, args=words)
    process.start()
    half = len(common_crawl.content[WARCS[0]]) // 2
    while sum(path.stat().st_size for path in store.glob("*/.scratch/*00.warc.gz")) < half:
        assert process.is_alive()
    process.kill()
    process.join()
    made = fetched(at, store, files=1)
    assert list(contents(made).values()) == [common_crawl.content[WARCS[0]]]
    assert [each.range for each in common_crawl.asked if each.key == WARCS[0]] == [
        None,
        f"bytes={half}-",
    ]
    assert common_crawl.counts()[PATHS] == 1


def test_a_full_disk_is_named_and_not_asked_again(common_crawl, at, store, little_room):
    common_crawl.content[PATHS] = gzip.compress(WARCS[0].encode())
    with little_room(), pytest.raises(BedstoneError, match="cannot be written"):
        fetched(at, store, files=1)
    assert common_crawl.counts()[WARCS[0]] == 1
