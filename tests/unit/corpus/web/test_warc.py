import gzip

import pytest

from bedstone.corpus.web import warc
from bedstone.corpus.web.pages import Page, Rejected
from bedstone.corpus.web.warc import Ledger, read

CAP = 4096
PAGES = {f"http://a.example/{number}": b"<p>page %d" % number for number in range(4)}


@pytest.fixture
def read_bytes(tmp_path):
    """What is read from a file of these bytes: pages, rejected stretches, and the ledger."""

    def go(data: bytes, cap: int = CAP):
        path = tmp_path / "crawl"
        path.write_bytes(data)
        ledger = Ledger()
        found = list(read(path, cap, ledger))
        assert ledger.input_bytes == len(data) == ledger.parsed_bytes + ledger.lost_bytes
        pages = [page for page in found if isinstance(page, Page)]
        return pages, [each for each in found if isinstance(each, Rejected)], ledger

    return go


@pytest.fixture
def members(member):
    return [member(url, body) for url, body in PAGES.items()]


def urls(pages):
    return [int(page.url[-1]) for page in pages]


def test_offsets_are_where_the_members_start(read_bytes, members):
    pages, rejected, ledger = read_bytes(b"".join(members))
    assert [page.body for page in pages] == list(PAGES.values())
    assert [page.offset for page in pages] == [
        sum(map(len, members[:number])) for number in range(4)
    ]
    assert (rejected, ledger.lost_bytes, ledger.records) == ([], 0, 4)
    assert (pages[0].status, pages[0].media_type, pages[0].date[:4]) == (200, "text/html", "2024")


def test_plain_file(read_bytes, record):
    records = [record(url, body) for url, body in PAGES.items()]
    pages, rejected, ledger = read_bytes(b"".join(records))
    assert [page.offset for page in pages][1:3] == [len(records[0]), 2 * len(records[0])]
    assert (urls(pages), rejected, ledger.lost_bytes) == ([0, 1, 2, 3], [], 0)


def test_file_compressed_as_a_whole_may_be_larger_than_a_record(read_bytes, record):
    data = gzip.compress(b"".join(record(url, body * 100) for url, body in PAGES.items()))
    pages, rejected, _ = read_bytes(data, cap=1500)
    assert (urls(pages), rejected) == ([0, 1, 2, 3], [])
    assert len({(page.offset, page.inner) for page in pages}) == 4


def test_truncated_file_loses_its_last_record_only(read_bytes, members):
    data = b"".join(members)[:-20]
    pages, rejected, ledger = read_bytes(data)
    assert urls(pages) == [0, 1, 2]
    assert ledger.lost_bytes == len(members[3]) - 20
    assert [(each.reason, each.bytes) for each in rejected] == [("damaged", ledger.lost_bytes)]


@pytest.mark.parametrize("cut", range(0, 150, 7))
def test_missing_bytes_lose_the_member_that_they_are_missing_from(read_bytes, members, cut):
    damaged = members[1][:cut] + members[1][cut + 9 :]
    pages, _, ledger = read_bytes(b"".join([members[0], damaged, *members[2:]]))
    assert urls(pages) == [0, 2, 3]
    assert ledger.lost_bytes == len(damaged)


def test_overwritten_bytes(read_bytes, members):
    damaged = members[1][:60] + bytes(64) + members[1][124:]
    pages, _, ledger = read_bytes(b"".join([members[0], damaged, *members[2:]]))
    assert (urls(pages), ledger.lost_bytes) == ([0, 2, 3], len(damaged))


def test_wrong_checksum(read_bytes, members):
    damaged = members[1][:-8] + bytes(4) + members[1][-4:]
    assert urls(read_bytes(b"".join([members[0], damaged, *members[2:]]))[0]) == [0, 2, 3]


def test_wrong_size(read_bytes, members):
    damaged = members[1][:-4] + bytes(4)
    assert urls(read_bytes(b"".join([members[0], damaged, *members[2:]]))[0]) == [0, 2, 3]


def test_a_member_may_hold_what_looks_like_the_next_one(read_bytes, record, members):
    body = b"<p>" + gzip.compress(b"not a member")
    stored = gzip.compress(record("http://a.example/1", body), compresslevel=0)
    assert body in stored
    pages, rejected, _ = read_bytes(members[0] + stored + members[2])
    assert (urls(pages), pages[1].body, rejected) == ([0, 1, 2], body, [])


def test_sound_members_of_one_record_are_not_taken_apart(read_bytes, members, monkeypatch):
    monkeypatch.setattr(warc, "Members", None)
    assert urls(read_bytes(b"".join(members))[0]) == [0, 1, 2, 3]


def test_foreign_bytes_before_between_and_behind(read_bytes, members):
    foreign = gzip.compress(b"no WARC record at all")
    pages, rejected, ledger = read_bytes(
        b"junk" + members[0] + foreign + members[1] + b"\0" * 9 + members[2] + b"\x1f\x8b"
    )
    assert urls(pages) == [0, 1, 2]
    assert ledger.lost_bytes == 4 + len(foreign) + 9 + 2
    assert [each.bytes for each in rejected] == [4, len(foreign), 9, 2]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("claimed", [5, 99, 9_999_999, 99_999_999_999])
def test_length_that_lies_costs_one_record(read_bytes, record, packed, claimed):
    true, body = 72, b"<p>" + b"x" * 25
    records = [record(f"http://a.example/{number}", body) for number in range(3)]
    assert b"Content-Length: %d\r" % true in records[1]
    records[1] = records[1].replace(b"Length: %d\r" % true, b"Length: %d\r" % claimed)
    data = [gzip.compress(each) for each in records] if packed else records
    pages, _, ledger = read_bytes(b"".join(data))
    assert urls(pages) == [0, 2]
    assert ledger.lost_bytes == len(data[1])


def test_damage_inside_a_member_of_many_records_is_shared_out(read_bytes, record):
    good = [record(url, body) for url, body in PAGES.items()]
    data = gzip.compress(b"".join([good[0], b"rubbish\n" * 30, *good[1:]]))
    pages, rejected, ledger = read_bytes(data)
    assert urls(pages) == [0, 1, 2, 3]
    assert 0 < ledger.lost_bytes < len(data)
    assert [each.bytes for each in rejected] == [ledger.lost_bytes]


def test_member_of_many_records_cut_off(read_bytes, record):
    numbers = b" ".join(b"%d" % (number * number) for number in range(9_000))
    data = gzip.compress(b"".join(record(url, numbers) for url in PAGES))
    pages, _, ledger = read_bytes(data[: len(data) * 7 // 8], cap=1 << 20)
    assert urls(pages) == [0, 1]
    assert ledger.lost_bytes > 0


def test_large_records_are_counted_and_passed_over(read_bytes, member):
    bomb = member("http://a.example/1", b"x" * 300_000)
    pages, rejected, ledger = read_bytes(member("http://a.example/0", b"<p>a") + bomb)
    assert urls(pages) == [0]
    assert [(each.reason, ledger.lost_bytes) for each in rejected] == [("too_large", 0)]


def test_body_that_unpacks_to_too_much(read_bytes, member):
    body = gzip.compress(b"x" * 300_000)
    assert len(body) < 1_000
    data = member("http://a.example/0", body, headers="\r\nContent-Encoding: gzip")
    assert [each.reason for each in read_bytes(data)[1]] == ["too_large"]


def test_content_coding_is_undone(read_bytes, member):
    body = gzip.compress(b"<p>page")
    data = member("http://a.example/0", body, headers="\r\nContent-Encoding: gzip")
    assert [page.body for page in read_bytes(data)[0]] == [b"<p>page"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"WARC-Target-URI: http://a.example/0\r\n", b""), "url"),
        ((b"HTTP/1.1 200 OK", b"SMTP 200 OK"), "http"),
        ((b"<p>page", b"\x1f\x8b\x08page"), "http"),
    ],
)
def test_responses_that_give_no_page(read_bytes, record, change, reason):
    made = record("http://a.example/0", b"<p>page").replace(*change)
    head, _, block = made.partition(b"\r\n\r\n")
    length = len(block) - 4
    head = b"\r\n".join(
        b"Content-Length: %d" % length if line.startswith(b"Content-Length") else line
        for line in head.split(b"\r\n")
    )
    pages, rejected, ledger = read_bytes(head + b"\r\n\r\n" + block)
    assert (pages, [each.reason for each in rejected]) == ([], [reason])
    assert ledger.lost_bytes == 0


@pytest.mark.parametrize("headers", ["", "\r\nContent-Encoding: gzip"])
def test_other_records_are_passed_over(read_bytes, record, headers):
    response = record("http://a.example/0", b"no gzip", headers=headers)
    request = response.replace(b"Type: response", b"Type: request")
    assert read_bytes(request)[:2] == ([], [])


@pytest.mark.parametrize("data", [b"", b"WARC/1.0", b"\x1f\x8b\x08", b"GIF89a" * 99])
def test_what_is_no_warc_file_has_no_record(read_bytes, data):
    pages, _, ledger = read_bytes(data)
    assert (pages, ledger.records, ledger.lost_bytes) == ([], 0, len(data))


def test_empty_member_at_the_end_loses_nothing(read_bytes, members):
    assert read_bytes(members[0] + gzip.compress(b""))[2].lost_bytes == 0
