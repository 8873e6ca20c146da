"""Files that are packed, cut, mixed and damaged in other ways than a crawler would write them."""

import gzip
import random
from itertools import pairwise

import pytest
from tests.support.stages import record

from bedstone.corpus.web import packing
from bedstone.corpus.web.packing import zstd
from bedstone.corpus.web.pages import Page, Rejected
from bedstone.corpus.web.warc import Ledger, read

CAP = 1 << 20
TEXT = b"<p>" + b"The river carries more water in spring than in autumn. " * 5
NUMBERS = range(5)
RECORDS = [record(f"http://a.example/{number}", TEXT + b"%d" % number) for number in NUMBERS]
PLAIN = b"".join(RECORDS)
ARC = b"filedesc://a.arc 0.0.0.0 20240101000000 text/plain 13\n1 0 InternetA\n" + b"\n".join(
    b"http://a.example/a b=%d 10.0.0.1 20240101000000 text/html %d\n%b" % (number, len(http), http)
    for number, http in enumerate(each.partition(b"\r\n\r\n")[2][:-4] for each in RECORDS)
)


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def frame(data: bytes, dictionary=None) -> bytes:
    options = {zstd.CompressionParameter.checksum_flag: 1}
    return zstd.compress(data, zstd_dict=dictionary, options=options)


def in_pieces(size: int, pack=packed) -> bytes:
    return b"".join(pack(PLAIN[at : at + size]) for at in range(0, len(PLAIN), size))


@pytest.fixture
def found(tmp_path):
    """The last digits of the pages' addresses, the damages' sizes, and the ledger."""

    def go(data: bytes, name: str = "a.warc.gz", *, is_checked: bool = True):
        path = tmp_path / name
        path.write_bytes(data)
        ledger = Ledger()
        parts = list(read(path, CAP, ledger))
        assert ledger.input_bytes == len(data) == ledger.parsed_bytes + ledger.lost_bytes
        rejected = [each for each in parts if isinstance(each, Rejected)]
        lost = [each.bytes for each in rejected if each.reason == "damaged"]
        assert sum(lost) == ledger.lost_bytes
        pages = [each for each in parts if isinstance(each, Page)]
        assert len({(page.offset, page.inner) for page in pages}) == len(pages)
        pages = [page for page in pages if page.body == TEXT + page.url[-1:].encode()]
        assert len(pages) + len(lost) == len(parts) or not is_checked
        return [int(page.url[-1]) for page in pages], lost, ledger

    return go


@pytest.mark.parametrize("size", [3, 100, 333, 1_000])
@pytest.mark.parametrize("pack", [packed, frame])
def test_members_cut_anywhere_are_put_together(found, size, pack):
    assert found(in_pieces(size, pack))[:2] == ([*NUMBERS], [])


def test_header_and_content_in_two_members(found):
    halves = [each.partition(b"\r\n\r\n") for each in RECORDS]
    data = b"".join(packed(head + line) + packed(block) for head, line, block in halves)
    assert found(data)[:2] == ([*NUMBERS], [])


def test_damage_among_members_that_are_cut_anywhere_costs_what_is_in_it(found):
    members = [packed(PLAIN[at : at + 200]) for at in range(0, len(PLAIN), 200)]
    broken = len(RECORDS[0]) * 3 // 200 + 1
    members[broken] = members[broken][:-8] + bytes(8)
    pages, lost, _ = found(b"".join(members))
    assert pages == [0, 1, 2, 4]
    assert sum(lost) < sum(map(len, members[broken - 3 : broken + 5]))


def test_zstd_a_frame_each_and_as_a_whole(found):
    assert found(b"".join(map(frame, RECORDS)))[:2] == ([*NUMBERS], [])
    assert found(frame(PLAIN))[:2] == ([*NUMBERS], [])


@pytest.mark.parametrize("pack", [bytes, frame])
def test_zstd_with_a_dictionary_in_the_first_frame(found, pack):
    draw = random.Random(1)
    samples = [b" ".join(draw.choices(PLAIN.split(), k=60)) for _ in range(200)]
    trained = zstd.train_dict(samples, 1_000)
    content = pack(trained.dict_content)
    skipped = b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content
    frames = b"".join(frame(each, trained) for each in RECORDS)
    assert found(skipped + frames)[:2] == ([*NUMBERS], [])
    pages, lost, _ = found(frames)
    assert (pages, lost) == ([], [len(frames)])


def test_frames_that_are_to_be_skipped_lose_nothing(found):
    skipped = b"\x50\x2a\x4d\x18" + (7).to_bytes(4, "little") + b"1234567"
    data = frame(RECORDS[0]) + skipped + frame(RECORDS[1])
    assert found(data)[:2] == ([0, 1], [])


@pytest.mark.parametrize("at", [30, 100, -3])
def test_a_damaged_frame_costs_its_record(found, at):
    frames = [bytearray(frame(each)) for each in RECORDS]
    frames[1][at] ^= 0xFF
    pages, lost, _ = found(b"".join(frames))
    assert (pages, lost) == ([0, 2, 3, 4], [len(frames[1])])


@pytest.mark.parametrize(
    "data",
    [
        packed(RECORDS[0]) + b"".join(RECORDS[1:]),
        RECORDS[0] + packed(RECORDS[1]) + frame(RECORDS[2]) + RECORDS[3] + packed(RECORDS[4]),
        packed(RECORDS[0]) + frame(b"".join(RECORDS[1:3])) + packed(b"".join(RECORDS[3:])),
    ],
)
def test_packed_and_plain_in_one_file(found, data):
    assert found(data)[:2] == ([*NUMBERS], [])


@pytest.mark.parametrize(
    "foreign", [b"WARC/1.0 is a format\n", packing.GZIP, packing.ZSTD, b"rubbish", b"\0" * 9, b"\n"]
)
@pytest.mark.parametrize("pack", [bytes, packed, frame])
def test_foreign_bytes_cost_nothing_else(found, foreign, pack):
    parts = [pack(each) for each in RECORDS]
    pages, lost, _ = found(foreign + parts[0] + foreign + b"".join(parts[1:]) + foreign)
    assert pages == [*NUMBERS]
    assert sum(lost) <= 3 * len(foreign)


def test_a_wrong_checksum_of_a_whole_file_costs_the_last_record(found):
    data = packed(PLAIN)
    pages, lost, ledger = found(data[:-8] + bytes(4) + data[-4:])
    assert (pages, ledger.records) == ([0, 1, 2, 3], 4)
    assert lost[0] == pytest.approx(len(data) * len(RECORDS[4]) / len(PLAIN), abs=20)


def test_what_a_damaged_member_has_given_is_not_given_again(found):
    stored = gzip.compress(PLAIN, 0)
    assert PLAIN in stored
    assert found(stored[:-8] + bytes(8))[0] == [0, 1, 2, 3]
    assert found(stored[:-100])[0] == [0, 1, 2]


@pytest.mark.parametrize("pack", [bytes, packed, frame])
@pytest.mark.parametrize(
    ("end", "off"),
    [(b"\r\n\r\n", off) for off in (-2, -1, 0, 1, 2)]
    + [(b"\r\n" * number, 0) for number in (0, 1, 2, 4)]
    + [(b"\n\n", 0)],
)
def test_an_end_that_is_not_in_doubt(found, pack, end, off):
    length = int(RECORDS[1].partition(b"Content-Length: ")[2].partition(b"\r")[0])
    wrong = RECORDS[1].replace(b"Length: %d\r" % length, b"Length: %d\r" % (length + off))
    data = b"".join(map(pack, [RECORDS[0], wrong[:-4] + end, *RECORDS[2:]]))
    pages, lost, _ = found(data)
    assert (pages, lost) == ([*NUMBERS], [])


@pytest.mark.parametrize("pack", [bytes, packed, frame])
def test_a_line_feed_ends_a_line_of_the_header(found, pack):
    head, line, block = RECORDS[1].partition(b"\r\n\r\n")
    bare = (head + line).replace(b"\r\n", b"\n") + block
    assert found(b"".join(map(pack, [RECORDS[0], bare, *RECORDS[2:]])))[:2] == ([*NUMBERS], [])


@pytest.mark.parametrize("version", [b"0.17", b"0.18", b"1.0", b"1.1"])
def test_versions_of_the_format_and_names_in_any_case(found, version):
    old = PLAIN.replace(b"WARC/1.1", b"WARC/" + version).replace(b"WARC-T", b"warc-t")
    assert found(old.replace(b"Content-Length", b"CONTENT-LENGTH"))[:2] == ([*NUMBERS], [])


@pytest.mark.parametrize(
    ("name", "pack"), [("a.arc", bytes), ("a.arc.gz", packed), ("A.ARC.GZ", packed)]
)
def test_arc_files(found, name, pack):
    first, *others = ARC.split(b"\nhttp://")
    parts = [first + b"\n", *(b"http://" + each + b"\n" for each in others)]
    assert found(b"".join(map(pack, parts)), name)[:2] == ([*NUMBERS], [])
    broken = parts[1][:-9] + b"\n"
    pages, lost, _ = found(b"".join(map(pack, [parts[0], broken, *parts[2:]])), name)
    assert (pages, lost) == ([1, 2, 3, 4], [len(pack(broken))])
    assert found(pack(ARC), name)[:2] == ([*NUMBERS], [])


@pytest.mark.parametrize("pack", [bytes, packed, frame])
def test_seeded_damage_costs_no_record_that_it_does_not_touch(found, pack):
    draw = random.Random(326)
    parts = [pack(each) for each in RECORDS]
    whole, starts = b"".join(parts), [0]
    for each in parts:
        starts.append(starts[-1] + len(each))
    for _ in range(40):
        size, at = draw.choice([1, 9, 100, 400]), draw.randrange(1, len(whole))
        behind = draw.choice([at, min(at + size, len(whole))])
        data = whole[:at] + draw.choice([b"", draw.randbytes(size), bytes(size)]) + whole[behind:]
        pages, _, _ = found(data, is_checked=pack is not bytes)
        untouched = [
            number
            for number, (start, end) in enumerate(pairwise(starts))
            if end <= at or start >= max(behind, at + 1)
        ]
        assert set(untouched) <= set(pages)
