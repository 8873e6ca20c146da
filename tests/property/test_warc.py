import gzip
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.web import warc
from bedstone.corpus.web.packing import zstd
from bedstone.corpus.web.pages import Page, Rejected
from bedstone.corpus.web.warc import Ledger, read

CAP = 2_000
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}


def record(number: int) -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>" + b"%d " % number * number
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/{number}\r\n"
        "Content-Type: application/http\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


RECORDS = [record(number) for number in range(8)]
PLAIN = b"".join(RECORDS)
PARTS = [PLAIN[at : at + 170] for at in range(0, len(PLAIN), 170)]
MEMBERS = [gzip.compress(each, mtime=0) for each in RECORDS]
FRAMES = [zstd.compress(each, options=CHECKED) for each in RECORDS]
LAYOUTS = [
    PLAIN,
    gzip.compress(PLAIN, mtime=0),
    b"".join(MEMBERS),
    gzip.compress(PLAIN, 0, mtime=0),
    zstd.compress(PLAIN, options=CHECKED),
    b"".join(FRAMES),
    b"".join(gzip.compress(each, mtime=0) for each in PARTS),
    b"".join([*MEMBERS[:3], *RECORDS[3:5], *FRAMES[5:]]),
]
ALONE = (LAYOUTS[2], LAYOUTS[5])
"""Each record in a member of its own: what is given of these is as it was."""
BODIES = frozenset(each.split(b"\r\n\r\n")[2] for each in RECORDS)

DAMAGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=40)), max_size=3
)


def read_all(data: bytes, cap: int = CAP) -> tuple[list[Page | Rejected], Ledger]:
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crawl"
        path.write_bytes(data)
        return list(read(path, cap, ledger)), ledger


def read_bytes(data: bytes) -> tuple[list[Page], Ledger]:
    found, ledger = read_all(data)
    lost = [each for each in found if isinstance(each, Rejected) and each.reason == "damaged"]
    assert sum(each.bytes for each in lost) == ledger.lost_bytes
    assert len(found) - len(lost) + ledger.passed_over.total() == ledger.records
    return [page for page in found if isinstance(page, Page)], ledger


def damaged(data: bytes, damages: list[tuple[float, int, bytes]]) -> bytes:
    for place, cut, foreign in damages:
        start = round(place * len(data))
        data = data[:start] + foreign + data[start + cut :]
    return data


@given(DAMAGES, st.sampled_from([150, 450, CAP]))
def test_members_read_at_once_give_what_they_give_in_pieces(damages, cap):
    data = damaged(LAYOUTS[2], damages)
    with mock.patch.object(warc, "_whole_member", return_value=None):
        in_pieces = read_all(data, cap)
    assert read_all(data, cap) == in_pieces


@given(st.sampled_from(LAYOUTS), DAMAGES)
def test_whatever_is_damaged_every_byte_is_counted_and_no_page_is_made_up(whole, damages):
    data = damaged(whole, damages)
    pages, ledger = read_bytes(data)
    assert ledger.input_bytes == len(data) == ledger.parsed_bytes + ledger.lost_bytes
    assert ledger.lost_bytes >= 0
    assert len({(page.offset, page.inner) for page in pages}) == len(pages)
    if whole in ALONE:
        assert {page.body for page in pages} <= BODIES
    if data in LAYOUTS:
        assert ledger.lost_bytes == 0
        assert [page.url[-1] for page in pages] == list("01234567")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_their_end(data):
    _, ledger = read_bytes(data)
    assert len(data) == ledger.parsed_bytes + ledger.lost_bytes
