"""Files in pieces: whatever they hold and however they are cut, they give what the whole gives."""

import gzip
import json
import random
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.corpus.sources.records import Fields, of_table
from bedstone.corpus.web import warc
from bedstone.corpus.web.packing import zstd
from bedstone.corpus.web.warc import Ledger, read

CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
CAP = 900
"""Of records; some are larger. Records, and what is read before a piece, are small to the file."""
MARGINS = {"MAX_BYTES": 300, "MARGIN_BYTES": 2_500, "STRIDE_BYTES": 500}
NUMBER, SIZE = 25, 400
"""Of a file's records, and of their bodies, or somewhat more."""
PACKINGS = ["none", "mixed", "alone", "thrice", "frames", "frame", "member", "stored", "cut", "arc"]


def packed(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def record(name: str, body: bytes, kind: str = "response") -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/{name}\r\n"
        f"Content-Type: application/http\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def body(draw: random.Random, size: int, depth: int = 1) -> bytes:
    """Text, noise, packed noise, a false sign, NULs; or archives, cut off or not."""
    plain = [
        bytes(draw.choices(b"abcdefgh <>\n", k=size)),
        draw.randbytes(size),
        packed(draw.randbytes(size) + b"x" * size),
        b"WARC/1.0\r\n" + b"x" * size,
        bytes(size),
    ]
    if not depth or draw.random() < 0.7:
        return draw.choice(plain)
    inner = [record(f"inner-{it}", body(draw, size // 6 + 1, 0)) for it in range(2)]
    whole = draw.choice(
        [
            b"".join(inner),
            b"".join(map(packed, inner)),
            packed(b"".join(inner), draw.choice([0, 6])),
        ]
    )
    return whole[: len(whole) - draw.choice([0, draw.randrange(1, 60)])]


def archive(draw: random.Random, packing: str, number: int, size: int) -> bytes:
    kinds = ["response"] * 5 + ["request"]
    records = [
        record(str(it), body(draw, draw.randrange(1, size)), draw.choice(kinds))
        for it in range(number)
    ]
    plain = b"".join(records)
    if packing == "mixed":
        ways = [bytes, packed, lambda each: packed(each, 0), lambda each: each + packed(b"")]
        return b"".join(draw.choice(ways)(each) for each in records)
    if packing == "thrice":
        return b"".join(packed(b"".join(records[it : it + 3])) for it in range(0, number, 3))
    if packing == "frames":
        skipped = b"\x50\x2a\x4d\x18\x64\0\0\0" + bytes(100)
        return skipped + b"".join(zstd.compress(each, options=CHECKED) for each in records)
    if packing == "cut":
        step, level = draw.choice([50, 170, 700]), draw.choice([0, 6])
        return b"".join(packed(plain[it : it + step], level) for it in range(0, len(plain), step))
    if packing == "arc":
        pages = [body(draw, draw.randrange(1, size)) for _ in range(number)]
        heads = [f"http://a.example/{it} 1.1.1.1 20240101000000 text/html" for it in range(number)]
        lines = [f"{head} {len(page)}\n".encode() for head, page in zip(heads, pages, strict=True)]
        return b"".join(line + page + b"\n" for line, page in zip(lines, pages, strict=True))
    return {
        "none": lambda: plain,
        "alone": lambda: b"".join(map(packed, records)),
        "frame": lambda: zstd.compress(plain, options=CHECKED),
        "member": lambda: packed(plain),
        "stored": lambda: packed(plain, 0),
    }[packing]()


def damaged(draw: random.Random, data: bytes) -> bytes:
    """With bits turned, bytes left out, others put in, NULs, false signs; or cut off."""
    for _ in range(draw.choice([0, 0, 1, 1, 2, 3, 6])):
        at = draw.randrange(len(data))
        gone = draw.randrange(1, 60)
        data = draw.choice(
            [
                data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :],
                data[:at] + data[at + gone :],
                data[:at] + draw.randbytes(gone) + data[at:],
                data[:at] + bytes(900) + data[at + 900 :],
                data[:at] + b"\x1f\x8b\x08" + data[at:],
                data[: max(at, 1)],
            ]
        )
    return data


def of_pieces(give, data: bytes, size: int):
    """What the pieces give, one after another, and the sums of their ledgers."""
    found, sums = [], Ledger()
    for start in range(0, len(data), size):
        ledger = Ledger()
        found += filter(None, give(ledger, range(start, min(start + size, len(data)))))
        for name in ("input_bytes", "parsed_bytes", "lost_bytes", "records"):
            setattr(sums, name, getattr(sums, name) + getattr(ledger, name))
        sums.passed_over += ledger.passed_over
    return found, sums


def compare(path, draw, packing, sizes, number=NUMBER, size=SIZE):
    data = damaged(draw, archive(draw, packing, number, size))
    path = path / ("crawl.arc" if packing == "arc" else "crawl.warc")
    path.write_bytes(data)
    with mock.patch.multiple(warc, **MARGINS):
        ledger = Ledger()
        whole = list(read(path, CAP, ledger)), ledger
        assert ledger.input_bytes == len(data) == ledger.parsed_bytes + ledger.lost_bytes
        for size in sizes:
            give = lambda ledger, span: read(path, CAP, ledger, span)  # noqa: E731
            assert of_pieces(give, data, size) == whole


@pytest.mark.parametrize("packing", PACKINGS)
def test_archives(tmp_path, packing):
    for seed in range(6):
        compare(tmp_path, random.Random(seed), packing, [1_000, 10_000])


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(100, 104), marks=pytest.mark.slow, id="some"),
        pytest.param(range(200, 240), marks=pytest.mark.faults, id="many"),
    ],
)
def test_more_archives(tmp_path, packing, seeds):
    for seed in seeds:
        compare(tmp_path, random.Random(seed), packing, [100, 1_000, 10_000])


@pytest.mark.slow
@pytest.mark.parametrize("packing", PACKINGS)
def test_archives_byte_by_byte(tmp_path, packing):
    compare(tmp_path, random.Random(1), packing, [1], number=3, size=60)


def test_what_is_far_behind_a_piece_is_not_looked_at(tmp_path):
    path = tmp_path / "crawl.warc"
    path.write_bytes(record("0", b"<p>a") + bytes(3_000) + record("1", b"<p>b") + bytes(300_000))
    places, find = [], warc.WARC.find

    def spied(form, data, position, stop):
        places.append(stop)
        return find(data, position, stop)

    with (
        mock.patch.multiple(warc, **MARGINS),
        mock.patch.object(warc.Format, "find", spied),
    ):
        assert [page.url[-1] for page in read(path, CAP, Ledger(), range(8_000, 9_000))] == []
    assert max(places) < 12_000


TEXTS = ["one", "two " * 60, "three\\n", "", "four " * 300]
LINES = [json.dumps({"text": each}).encode() for each in TEXTS]


def lines(draw: random.Random) -> bytes:
    odd = [b"", b" ", b"no json", b"\r", b'{"text": "\xff"}', bytes(20) + LINES[0], bytes(2_000)]
    chosen = [draw.choice([*LINES, *LINES, *odd]) for _ in range(40)]
    ends = draw.choices([b"\n", b"\n", b"\r\n", b"\n\n"], k=40)
    data = b"".join(each + end for each, end in zip(chosen, ends, strict=True))
    return data + draw.choice([b"", LINES[1]])


def table(path):
    """What gives the records of a table, or of a piece of one."""
    fields = Fields("text", "url", 1_000)
    return lambda ledger, span=None: of_table(path, fields, lambda it: it % 5 > 0, ledger, span)


@pytest.mark.parametrize("seed", range(12))
def test_lines(tmp_path, seed):
    path = tmp_path / "a.jsonl"
    path.write_bytes(data := lines(random.Random(seed)))
    give, ledger = table(path), Ledger()
    whole = list(filter(None, give(ledger))), ledger
    assert ledger.input_bytes == len(data)
    for size in (1, 100, 1_000, 10_000):
        assert of_pieces(give, data, size) == whole


@pytest.mark.parametrize("group_rows", [1, 7, 100])
def test_groups_of_rows(tmp_path, group_rows):
    path = tmp_path / "a.parquet"
    rows = pa.table({"text": TEXTS * 10, "url": [str(number) for number in range(50)]})
    with pq.ParquetWriter(path, rows.schema) as writer:
        writer.write_table(rows.slice(0, 20), row_group_size=group_rows)
        writer.write_table(rows.slice(0, 0))
        writer.write_table(rows.slice(20), row_group_size=group_rows)
    data, give, ledger = path.read_bytes(), table(path), Ledger()
    whole = list(filter(None, give(ledger))), ledger
    assert ledger.input_bytes == len(data)
    for size in (100, 1_000, 10_000):
        assert of_pieces(give, data, size) == whole


def test_a_group_is_never_read_for_another_piece(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a" * 50] * 100}), path, row_group_size=10)
    found = [record for record in table(path)(Ledger(), range(1)) if record]
    assert found == []
