import gzip
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.warc import Ledger, Page, read

CAP = 2_000


def record(number: int) -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>" + b"%d " % number * number
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/{number}\r\n"
        "Content-Type: application/http\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


RECORDS = [record(number) for number in range(8)]
LAYOUTS = [
    b"".join(RECORDS),
    gzip.compress(b"".join(RECORDS), mtime=0),
    b"".join(gzip.compress(each, mtime=0) for each in RECORDS),
]


def read_bytes(data: bytes) -> tuple[list[Page], Ledger]:
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crawl"
        path.write_bytes(data)
        return [page for page in read(path, CAP, ledger) if isinstance(page, Page)], ledger


@given(
    st.sampled_from(LAYOUTS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=40)), max_size=3),
)
def test_whatever_is_damaged_every_byte_is_counted_and_no_page_is_made_up(data, damages):
    for place, cut, foreign in damages:
        start = round(place * len(data))
        data = data[:start] + foreign + data[start + cut :]
    pages, ledger = read_bytes(data)
    assert ledger.input_bytes == len(data) == ledger.parsed_bytes + ledger.lost_bytes
    assert ledger.lost_bytes >= 0
    assert len({(page.offset, page.inner) for page in pages}) == len(pages)
    if data in LAYOUTS:
        assert ledger.lost_bytes == 0
        assert [page.url[-1] for page in pages] == list("01234567")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_their_end(data):
    _, ledger = read_bytes(data)
    assert len(data) == ledger.parsed_bytes + ledger.lost_bytes
