"""The search in cluster.idx, against reading all of it."""

import random

import pytest

from bedstone.corpus.fetching.url_index import CHUNK_BYTES, Wanted, blocks_within, drawn_blocks
from bedstone.errors import DataError

HOSTS = sorted({f"{top},site{number}" for top in ("com", "de", "tz") for number in range(900)})
KEYS = sorted(f"{host}{end}" for host in HOSTS for end in (")/", ")/a", ",shop)/", "-x)/"))
LINES = [
    f"{key} 2026\tcdx-00000.gz\t{number * 10}\t10\t{number}".encode()
    for number, key in enumerate(KEYS[::3])
]
CONTENT = b"".join(line + b"\n" for line in LINES)


class File:
    """Reads of a content, counted."""

    def __init__(self, content=CONTENT):
        self.content, self.reads = content, 0

    def __call__(self, start, stop):
        assert 0 <= start < stop <= len(self.content)
        self.reads += 1
        return self.content[start:stop]


def slowly(low, high):
    """The lines whose blocks may have a key between: by the first key of the next one."""
    starts = [line.split()[0].decode() for line in LINES]
    ends = [*starts[1:], "~"]
    return [
        line
        for line, start, end in zip(LINES, starts, ends, strict=True)
        if start < high and end >= low
    ]


@pytest.mark.parametrize("seed", range(60))
def test_the_search_finds_what_reading_all_finds(seed):
    host = random.Random(seed).choice([*HOSTS, "aaa", "zzz", "com", "tz", "de,nowhere"])
    domain = ".".join(reversed(host.split(",")))
    (keys,) = Wanted.of([domain], ()).keys
    file = File()
    found = blocks_within(file, len(CONTENT), [keys])
    assert set(found) >= set(slowly(*keys))
    assert len(found) <= len(slowly(*keys)) + 1
    if host not in ("com", "tz"):
        assert file.reads <= 9


def test_a_domain_is_not_one_that_begins_like_it():
    wanted = Wanted.of(["b.example"], ())
    page = {"status": "200", "mime": "text/html"}
    taken = ["example,b)/", "example,b,shop)/x"]
    for key in (*taken, "example,b-c)/", "example,bb)/", "example)/", "example,a)/"):
        assert wanted.takes(key, page) == (key in taken)


@pytest.mark.parametrize(
    "content", [b"x" * 3 * CHUNK_BYTES, b"\n" * 99, b"a\tb\n" * 9, b"\xff\xfe\n" * 99]
)
def test_what_is_no_index(content):
    with pytest.raises(DataError, match=r"cluster\.idx has"):
        blocks_within(File(content), len(content), [("b)", "b-")])


def test_a_last_line_without_an_end():
    assert blocks_within(File(CONTENT[:-1]), len(CONTENT) - 1, [("zz)", "zz-")]) == [LINES[-1]]


def test_too_many_blocks(monkeypatch):
    monkeypatch.setattr("bedstone.corpus.fetching.url_index.MOST_BLOCKS", 99)
    with pytest.raises(DataError, match="com has over 99 blocks"):
        blocks_within(File(), len(CONTENT), Wanted.of(["com"], ()).keys)


def test_blocks_are_drawn_by_seed(tmp_path):
    path = tmp_path / "cluster.idx"
    path.write_bytes(CONTENT)
    count, blocks = drawn_blocks(path, 1)
    drawn = list(blocks)
    assert count == len(drawn) == len(set(drawn)) == len(LINES)
    assert drawn != sorted(drawn)
    assert list(drawn_blocks(path, 1)[1]) == drawn
    assert list(drawn_blocks(path, 2)[1]) != drawn
