from types import SimpleNamespace

import pyarrow as pa
import pytest
from tests.support.stages import shard

from bedstone.corpus import extract
from bedstone.corpus.optouts import robots_records
from bedstone.corpus.permissions import STAGE, license_name
from bedstone.corpus.web.documents import DOCUMENTS
from bedstone.errors import DataError

REFUSING = "User-agent: GPTBot\nDisallow: /private/\n"
TEXT = "A page with a paragraph of text."


@pytest.fixture
def documents(table_shard):
    def write(*rows: dict, name: str = "documents"):
        filled = [
            {"id": str(number), "date": "2024-06-01T00:00:00Z", "text": TEXT, "signals": []} | row
            for number, row in enumerate(rows)
        ]
        return table_shard(name, pa.Table.from_pylist(filled, DOCUMENTS))

    return write


@pytest.fixture
def folder(tmp_path):
    """A user's folder of robots.txt."""

    def write(files: dict[str, str | bytes]):
        for name, text in files.items():
            path = tmp_path / "robots" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return shard(tmp_path / "robots")

    return write


def answer(record, url: str, body: str, *, status="200 OK", date="2024-01-01", headers="") -> bytes:
    """A record of a robots.txt."""
    made = record(url, body.encode(), status=status, headers=headers)
    return made.replace(b"2024-01-01T", f"{date}T".encode())


def column(rows, made, name: str) -> list:
    return [row[name] for row in rows(made, "00000.parquet")]


def test_what_nobody_speaks_of_is_unknown(documents, run, rows):
    pages = documents({"url": "https://a.example/x"}, {"url": "notes/x.txt"}, {"url": None})
    result, made = run(STAGE, documents=pages)
    assert rows(made, "00000.parquet")[0] == {
        "id": "0",
        "allowed": None,
        "robots": "no robots.txt",
        "by": [],
        "license": None,
    }
    assert column(rows, made, "robots") == ["no robots.txt", None, None]
    assert column(rows, made, "allowed") == [None] * 3
    assert result.metrics["unknown_documents_share"] == 1
    assert result.metrics["robots.no_host_documents"] == 2


def test_a_folder_of_robots_by_host(documents, folder, run, rows):
    robots = folder(
        {"a.example.txt": REFUSING, "b.example/robots.txt": "", "c.example:81.txt": REFUSING}
    )
    urls = (
        *("https://a.example/private/x", "http://A.example:80/private/x", "https://a.example/x"),
        *(
            "https://b.example/private/",
            "https://c.example/private/",
            "http://c.example:81/private/",
        ),
        *("https://www.a.example/private/", "ftp://a.example/private/"),
    )
    _, made = run(STAGE, documents=documents(*({"url": url} for url in urls)), robots=robots)
    allowed = [False, False, True, True, None, False, None, None]
    assert column(rows, made, "allowed") == allowed
    assert column(rows, made, "by")[0] == ["robots.txt: GPTBot: line 2, Disallow: /private/"]
    assert column(rows, made, "robots")[4:] == [
        "no robots.txt",
        "disallowed",
        "no robots.txt",
        None,
    ]


def test_records_of_robots_in_archives(documents, record, run, rows, tmp_path):
    at = "https://{}.example/robots.txt"
    refusing = "User-agent: *\nDisallow: /"
    moved = "\r\nLocation: https://target.example/deep/robots.txt"
    archive = [
        answer(record, at.format("gone"), "", status="404 Not Found"),
        answer(record, at.format("down"), "", status="503 Busy"),
        answer(record, at.format("moved"), "", status="301 Moved", headers=moved),
        answer(
            record, at.format("loop"), "", status="302 Found", headers="\r\nLocation: /robots.txt"
        ),
        answer(record, at.format("lost"), "", status="302 Found", headers="\r\nLocation: //[x"),
        answer(record, "https://target.example/deep/robots.txt", refusing),
        answer(record, at.format("other"), "\ufeffUser-agent: *\nDisallow: /\n", date="2024-02-01"),
        answer(record, "http://plain.example/robots.txt", refusing),
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "robots.warc").write_bytes(b"".join(archive))
    hosts = ("gone", "down", "moved", "loop", "lost", "other", "plain")
    pages = documents(*({"url": f"https://{host}.example/"} for host in hosts))
    result, made = run(STAGE, documents=pages, robots=shard(tmp_path / "in"))
    assert column(rows, made, "allowed") == [True, False, False, None, None, False, False]
    assert column(rows, made, "by")[1] == ["robots.txt: status 503"]
    assert result.metrics["robots_records"] == 8
    _, made = run(STAGE, {"star": "ignore"}, documents=pages, robots=shard(tmp_path / "in"))
    assert column(rows, made, "allowed") == [True, False, True, None, None, True, True]


def test_of_several_the_newest_counts(documents, record, run, rows, tmp_path):
    at, closed = "https://a.example/robots.txt", "User-agent: *\nDisallow: /"
    (tmp_path / "in").mkdir()
    for name, dates in (("1", ("2024-03-01", "2024-01-01")), ("2", ("2024-02-01",))):
        records = [
            answer(record, at, closed if date != "2024-02-01" else "", date=date) for date in dates
        ]
        (tmp_path / "in" / f"{name}.warc").write_bytes(b"".join(records))
    days = ("2023-12-31", "2024-01-31", "2024-02-01", "2024-02-29", "2024-03-02")
    pages = documents(*({"url": "https://a.example/", "date": f"{day}T00:00:00Z"} for day in days))
    robots = shard(tmp_path / "in")
    _, made = run(STAGE, documents=pages, robots=robots)
    assert column(rows, made, "allowed") == [False] * 5


def test_signals_and_usage_in_robots(documents, folder, run, rows):
    robots = folder(
        {
            "no.example.txt": "User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /",
            "yes.example.txt": "User-agent: *\nContent-Usage: train-ai=y\nDisallow:",
        }
    )
    pages = documents(
        {"url": "https://no.example/"},
        {"url": "https://yes.example/", "signals": ["meta robots: noai"]},
        {"url": "https://yes.example/"},
        {"url": "https://none.example/", "signals": ["tdm-reservation: 0"]},
        {"url": "https://none.example/", "signals": ["meta robots: noindex"]},
    )
    _, made = run(STAGE, documents=pages, robots=robots)
    assert column(rows, made, "allowed") == [False, False, True, True, None]
    assert column(rows, made, "robots")[:2] == ["allowed", "allowed"]
    assert column(rows, made, "by")[:2] == [
        ["robots.txt: *: line 2, content-signal: search=yes, ai-train=no"],
        ["meta robots: noai"],
    ]
    _, made = run(STAGE, {"signals": ["noindex"]}, documents=pages, robots=robots)
    assert column(rows, made, "allowed") == [True, True, True, None, False]


def test_who_loses_by_language_and_host(documents, folder, table_shard, run, rows):
    robots = folder({"a.example.txt": REFUSING, "b.example.txt": "User-agent: *\nDisallow: /"})
    pages = documents(
        {"url": "https://a.example/private/1"},
        {"url": "https://b.example/", "text": 3 * TEXT},
        {"url": "https://a.example/open"},
        {"url": "https://c.example/"},
    )
    keys = {"id": list("0123"), "language": ["eng_Latn", "eng_Latn", "tel_Telu", "tel_Telu"]}
    result, made = run(
        STAGE, documents=pages, robots=robots, language=table_shard("language", keys)
    )
    size = len(TEXT)
    assert rows(made, "about/languages.parquet") == [
        {
            "language": "eng_Latn",
            "documents": 2,
            "bytes": 4 * size,
            "refused_documents": 2,
            "refused_bytes": 4 * size,
            "unknown_documents": 0,
            "unknown_bytes": 0,
        },
        {
            "language": "tel_Telu",
            "documents": 2,
            "bytes": 2 * size,
            "refused_documents": 0,
            "refused_bytes": 0,
            "unknown_documents": 1,
            "unknown_bytes": size,
        },
    ]
    assert [row["host"] for row in rows(made, "about/hosts.parquet")] == ["b.example", "a.example"]
    assert rows(made, "about/hosts.parquet")[0]["by"] == "robots.txt: *: line 2, Disallow: /"
    assert result.metrics["refused_documents_share"] == 0.5
    assert result.metrics["refused_bytes_share"] == 4 / 6


def test_each_shard_has_its_table_and_all_one_sum(documents, folder, run, rows):
    robots = folder({"a.example.txt": REFUSING})
    pages = [documents({"url": "https://a.example/private/"}, name=name) for name in ("one", "two")]
    result, made = run(STAGE, documents=SimpleNamespace(shards=tuple(pages)), robots=robots)
    for number in range(2):
        (row,) = rows(made, f"{number:05}.parquet")
        assert row["allowed"] is False
    assert rows(made, "about/hosts.parquet")[0]["refused_documents"] == 2
    assert result.metrics["input_documents"] == 2


def test_from_a_crawl_with_its_own_robots(record, run, rows, tmp_path):
    page = b"<head><meta name=robots content=noai><link rel=license href=/own></head><p>%b</p>"
    members = [
        record("https://a.example/robots.txt", REFUSING.encode()).replace(
            b"text/html", b"text/plain"
        ),
        record("https://a.example/private/", b"<p>%b</p>" % TEXT.encode()),
        record("https://a.example/open", b"<p>%b</p>" % TEXT.encode()),
        record("https://b.example/", page % TEXT.encode()),
        record(
            "https://c.example/", b"<p>%b</p>" % TEXT.encode(), headers="\r\nTDM-Reservation: 1"
        ),
        record("https://d.example/x?/robots.txt", b"<p>%b</p>" % TEXT.encode()),
    ]
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl" / "crawl.warc").write_bytes(b"".join(members))
    crawl = shard(tmp_path / "crawl")
    _, documents = run(extract.STAGE, crawl=crawl)
    result, made = run(STAGE, documents=documents, crawl=crawl)
    assert column(rows, made, "allowed") == [False, True, False, False, None]
    assert column(rows, made, "by")[2:4] == [["meta robots: noai"], ["tdm-reservation: 1"]]
    assert column(rows, made, "license")[2] == "https://b.example/own"
    assert result.metrics["robots_records"] == 1


def test_documents_without_text_but_with_odd_addresses_stop_nothing(documents, folder, run, rows):
    robots = folder({"a.example.txt": "User-agent: *\nDisallow: /*"})
    urls = [
        "https://[::1",
        "https://a.example/" + "x" * 9_000,
        "http://",
        "//a.example/",
        "https://a.example//[x",
    ]
    _, made = run(STAGE, documents=documents(*({"url": url} for url in urls)), robots=robots)
    assert column(rows, made, "allowed") == [None, False, None, None, False]


def test_few_texts_are_held_and_the_answers_stay(documents, folder, run, rows, monkeypatch):
    monkeypatch.setattr(robots_records, "KEPT_CHARACTERS", 1)
    robots = folder({"a.example.txt": REFUSING, "b.example.txt": ""})
    urls = ["https://a.example/private/", "https://b.example/private/"] * 3
    _, made = run(STAGE, documents=documents(*({"url": url} for url in urls)), robots=robots)
    assert column(rows, made, "allowed") == [False, True] * 3


def test_robots_that_are_none_are_refused(documents, folder, run):
    pages = documents({"url": "https://a.example/"})
    with pytest.raises(DataError, match=r"no robots\.txt"):
        run(STAGE, documents=pages, robots=folder({"readme.md": "x"}))
    with pytest.raises(DataError, match=r"'a b\.example' is no host"):
        run(STAGE, documents=pages, robots=folder({"a b.example.txt": "x"}))


def test_a_file_that_is_named_after_no_host_is_passed_over(documents, folder, run, caplog):
    pages = documents({"url": "https://readme/"})
    robots = folder({"README.txt": "Disallow: /", "a.example.txt": ""})
    result, _ = run(STAGE, documents=pages, robots=robots)
    assert result.metrics["robots_records"] == 1
    assert "README.txt: its name is no host with a dot" in caplog.text


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.de", "CC-BY-SA-4.0"),
        ("http://www.creativecommons.org/licenses/BY/3.0", "CC-BY-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "PDM-1.0"),
        ("https://creativecommons.org/licenses/", "https://creativecommons.org/licenses/"),
        ("https://a.example/creativecommons.org/licenses/by/4.0", "https://a.example/creativecommons.org/licenses/by/4.0"),
        (None, None),
    ],
)  # fmt: skip
def test_licences_by_name(address, expected):
    assert license_name(address) == expected
