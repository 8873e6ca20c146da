"""What a server sees of us: how often, how many at once, and how we give way."""

import threading
from email.utils import formatdate
from itertools import pairwise

import pytest
from tests.support.common_crawl import SEGMENT

from bedstone.corpus.fetching import polite, server
from bedstone.corpus.fetching.polite import PART_SECONDS, WHOLE_SECONDS, Fetcher, Pace
from bedstone.corpus.fetching.server import Server
from bedstone.errors import BedstoneError, DataError

KEY = f"{SEGMENT}/warc/CC-MAIN-2026-00000.warc.gz"
WHOLE, PART = WHOLE_SECONDS, PART_SECONDS


class Clock:
    """Time that passes when somebody sleeps, and then only."""

    def __init__(self):
        self.time, self.slept = 1000.0, []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def clock(common_crawl, monkeypatch):
    monkeypatch.setattr(polite, "WHOLE_SECONDS", WHOLE)
    monkeypatch.setattr(polite, "PART_SECONDS", PART)
    made = Clock()
    common_crawl.now = made.now
    return made


@pytest.fixture
def fetcher(clock, at):
    return Fetcher(Server(at, "me"), 1, Pace(clock.sleep, clock.now))


def gaps(common_crawl):
    return [after.time - before.time for before, after in pairwise(common_crawl.asked)]


def test_between_two_requests_there_is_time(common_crawl, fetcher, tmp_path):
    for number in range(3):
        fetcher.file(KEY, tmp_path / str(number))
    for start in range(3):
        assert fetcher.part(KEY, start, 9) == common_crawl.content[KEY][start:9]
    assert gaps(common_crawl) == pytest.approx([WHOLE, WHOLE, WHOLE, PART, PART])


@pytest.mark.parametrize("connections", [1, 4])
def test_no_more_at_once_than_may_be(common_crawl, unhurried, at, tmp_path, connections):
    together = threading.Barrier(connections)
    common_crawl.hold = lambda: together.wait(20)
    fetcher = Fetcher(Server(at, "me"), connections)
    paths = [tmp_path / str(number) for number in range(8)]
    assert len(list(fetcher.each(lambda path: fetcher.file(KEY, path), paths))) == 8
    assert common_crawl.most_at_once == connections


@pytest.mark.parametrize("status", ["503", "429", "509"])
def test_the_server_is_given_the_time_that_it_asks_for(
    common_crawl, fetcher, tmp_path, status, caplog
):
    common_crawl.faults[KEY] = [f"{status} after 77", f"{status} after 7"]
    fetcher.file(KEY, tmp_path / "x")
    assert gaps(common_crawl) == pytest.approx([77, 7])
    (told,) = caplog.messages
    assert told == f"{fetcher.server.location(KEY)}: status {status}: nothing is asked for 77 s"


def test_the_time_may_be_a_date(common_crawl, clock, fetcher, tmp_path, monkeypatch):
    monkeypatch.setattr("bedstone.store.exchange.time.time", lambda: 1_000_000.0)
    common_crawl.faults[KEY] = [f"503 after {formatdate(1_000_300, usegmt=True)}", "503 after soon"]
    fetcher.file(KEY, tmp_path / "x")
    first, second = gaps(common_crawl)
    assert first == pytest.approx(300)
    assert second <= 4 * WHOLE + 0.01


def test_nobody_asks_while_the_server_is_given_time(clock):
    pace = Pace(clock.sleep, clock.now)
    pace.wait(1)
    pace.hold(50)
    pace.wait(1)
    pace.hold(0.5)
    pace.wait(1)
    assert clock.time == pytest.approx(1051)


def test_waits_double_up_to_a_minute_and_are_drawn(common_crawl, fetcher, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(polite.random, "uniform", lambda *ends: drawn.append(ends) or ends[1])
    monkeypatch.setattr(polite, "FEWEST", 99)
    common_crawl.faults[KEY] = ["500"] * 99
    with pytest.raises(BedstoneError, match="status 500; it was tried 8 times"):
        fetcher.file(KEY, tmp_path / "x")
    most = [min(60, 2 * WHOLE * 2**number) for number in range(8)]
    assert drawn == [(0, each) for each in most]
    assert gaps(common_crawl) == pytest.approx(most[:-1])


def test_an_answer_must_go_on(common_crawl, fetcher, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "SILENCE_SECONDS", 0.1)
    common_crawl.faults[KEY] = ["slow"]
    fetcher.file(KEY, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == common_crawl.content[KEY]
    assert len(common_crawl.asked) == 2


def test_an_answer_may_not_take_for_ever(common_crawl, fetcher, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.1)
    common_crawl.faults[KEY] = ["slow"] * 2
    fetcher.file(KEY, tmp_path / "x")
    assert len(common_crawl.asked) == 3


def test_a_file_may_not_be_too_large(common_crawl, fetcher, tmp_path, monkeypatch):
    monkeypatch.setattr(polite, "FILE_BYTES", 99)
    with pytest.raises(DataError, match="over 99 bytes"):
        fetcher.file(KEY, tmp_path / "x")


def test_few_of_many_may_fail(common_crawl, fetcher):
    common_crawl.faults[KEY] = [*[""] * 8, "503", "503"] * 6 + ["503"] * 3
    for _ in range(48):
        fetcher.part(KEY, 0, 9)
    with pytest.raises(BedstoneError, match="11 of the last 50 requests failed, so no more are"):
        fetcher.part(KEY, 0, 9)


def test_a_part_is_the_one_that_is_asked_for(common_crawl, fetcher):
    common_crawl.faults[KEY] = ["wrong range", "short"]
    assert fetcher.part(KEY, 3, 9) == common_crawl.content[KEY][3:9]
    common_crawl.faults[KEY] = ["no range"]
    with pytest.raises(DataError, match="gives no parts of files"):
        fetcher.part(KEY, 3, 9)
    size = len(common_crawl.content[KEY])
    for start in (size - 3, size + 3):
        with pytest.raises(DataError, match="ends before"):
            fetcher.part(KEY, start, start + 6)
    assert len(common_crawl.asked) == 6


def test_a_whole_file_is_not_asked_for_again(common_crawl, fetcher, tmp_path):
    for _ in range(3):
        fetcher.file(KEY, tmp_path / "x")
    assert len(common_crawl.asked) == 1
    (tmp_path / "x.json").write_text("[")
    fetcher.file(KEY, tmp_path / "x")
    assert len(common_crawl.asked) == 2


def test_after_an_error_nothing_more_is_asked(common_crawl, unhurried, at, tmp_path):
    common_crawl.faults[KEY] = ["403"]
    fetcher = Fetcher(Server(at, "me"), 1)
    paths = [tmp_path / str(number) for number in range(9)]
    with pytest.raises(BedstoneError, match="shut us out"):
        list(fetcher.each(lambda path: fetcher.file(KEY, path), paths))
    assert len(common_crawl.asked) == 1


def test_an_error_of_the_disk_is_none_of_the_server(common_crawl, fetcher, tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="irectory"):
        fetcher.file(KEY, tmp_path / "x")
    assert len(common_crawl.asked) == 1
