import gzip
import io
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from bedstone.corpus.web.warc_writer import DATE, Page, write

PAGES = [
    Page("https://example.org/te", "<p>తెలుగు</p>".encode(), charset="UTF-8"),
    Page("https://example.org/empty", b""),
]
ABOUT = {"software": "bedstone", "description": "two pages"}


def written(folder: Path, pages=PAGES, about=ABOUT) -> bytes:
    write(folder / "crawl.warc.gz", pages, about)
    return (folder / "crawl.warc.gz").read_bytes()


def test_a_reader_finds_the_pages_with_their_headers(tmp_path):
    stream = io.BytesIO(written(tmp_path))
    found = []
    for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
        headers = record.http_headers
        assert headers.status_code == 200
        assert record.headers["WARC-Date"] == DATE
        url, body = record.headers["WARC-Target-URI"], record.reader.read()
        found.append((url, headers.get("Content-Type"), body))
        assert headers.get("Content-Length") == str(len(body))
    assert found == [
        (PAGES[0].url, "text/html; charset=UTF-8", PAGES[0].html),
        (PAGES[1].url, "text/html", b""),
    ]


def test_the_digests_are_those_of_block_and_payload(tmp_path):
    records = 0
    for record in ArchiveIterator(io.BytesIO(written(tmp_path)), parse_http=False):
        records += 1
        assert record.verify_block_digest(consume=False)
        if record.record_type == WarcRecordType.response:
            record.parse_http()
            assert record.verify_payload_digest(consume=False)
    assert records == 3


def test_every_record_is_a_gzip_member_of_its_own_without_a_time(tmp_path):
    content = written(tmp_path)
    offsets = [record.stream_pos for record in ArchiveIterator(io.BytesIO(content))]
    for start, end in zip(offsets, [*offsets[1:], len(content)], strict=True):
        assert content[start + 4 : start + 8] == bytes(4)
        assert gzip.decompress(content[start:end]).startswith(b"WARC/1.1\r\n")
    assert len(offsets) == 3


def test_the_first_record_says_what_the_file_is(tmp_path):
    (record, *_) = ArchiveIterator(io.BytesIO(written(tmp_path)))
    assert record.record_type == WarcRecordType.warcinfo
    with gzip.open(tmp_path / "crawl.warc.gz") as stream:
        member = stream.read()
    assert b"software: bedstone\r\ndescription: two pages\r\n" in member


def test_the_same_pages_give_the_same_bytes(tmp_path):
    assert written(tmp_path) == written(tmp_path)


def test_record_ids_are_by_url_and_all_different(tmp_path):
    def ids(pages):
        stream = io.BytesIO(written(tmp_path, pages))
        return [record.headers["WARC-Record-ID"] for record in ArchiveIterator(stream)]

    first, second = ids(PAGES), ids(PAGES[1:])
    assert len(set(first)) == 3
    assert second[1] == first[2]
