import signal
import subprocess
import sys
import time

import pytest

from bedstone.errors import BedstoneError
from bedstone.store.bounded import BATCH_ITEMS, CRASH, TOO_SLOW, Bounds, bounded

BOUNDS = Bounds(seconds=0.2, bytes=1 << 30)
BUSY = """
from bedstone.store.bounded import Bounds, bounded
items = [(0, ("print('busy', flush=True)",)), (1, ("__import__('time').sleep(0.5)",))]
list(bounded(eval, ("0",), items, Bounds(60, 1 << 30), 1))
"""


def evaluated(items, bounds=BOUNDS, processes=1):
    """Of each Python expression its value, in processes that are bounded."""
    asked = ((item, None if item is None else (item,)) for item in items)
    return [value for _, value in bounded(eval, ("0",), asked, bounds, processes)]


@pytest.mark.parametrize("processes", [1, 3])
def test_answers_come_in_the_order_of_the_items(processes):
    items = [None if number % 7 == 0 else str(number) for number in range(3 * BATCH_ITEMS)]
    asked = ((item, None if item is None else (item,)) for item in items)
    found = list(bounded(eval, ("0",), asked, BOUNDS, processes))
    assert [item for item, _ in found] == items
    assert [value for _, value in found] == [None if it is None else int(it) for it in items]


@pytest.mark.parametrize(
    ("item", "failure"),
    [
        ("sum(range(10**12))", TOO_SLOW),
        ("[0 for _ in iter(int, 1)]", TOO_SLOW),
        ("len(bytes(1 << 31))", CRASH),
        ("__import__('os').abort()", CRASH),
    ],
)
def test_an_item_costs_itself_alone(item, failure):
    assert evaluated(["1", "2", item, "3"]) == [1, 2, failure, 3]


def test_time_without_work_is_not_counted():
    assert evaluated(["__import__('time').sleep(0.3)", "1"]) == [None, 1]


def test_a_process_that_something_else_ended_is_no_fault_of_the_item(tmp_path):
    here = f"__import__('pathlib').Path({str(tmp_path / 'here')!r})"
    ends = "__import__('os').kill(__import__('os').getpid(), 9)"
    assert evaluated([f"1 if {here}.exists() else {here}.touch() or {ends}", "2"]) == [1, 2]


def test_what_the_function_prints_is_no_answer(capfd):
    assert evaluated(["print('hello')", "1"]) == [None, 1]
    assert "hello" in capfd.readouterr().err


def test_a_function_that_fails_is_seen_and_stops_nothing(capfd):
    assert evaluated(["1", "1 / 0", "2"]) == [1, CRASH, 2]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_process_that_cannot_begin_is_an_error(capfd, monkeypatch):
    monkeypatch.setattr("bedstone.store.bounded.PROGRAM", "import nothing.of.that.name")
    with pytest.raises(BedstoneError, match="status 1"):
        evaluated(["1"])
    assert "nothing" in capfd.readouterr().err


def test_nothing_is_waited_for_after_an_error():
    def items():
        yield from [("", ("__import__('time').sleep(60)",))] * BATCH_ITEMS
        raise ValueError("no more")

    begun = time.monotonic()
    with pytest.raises(ValueError, match="no more"):
        list(bounded(eval, ("0",), items(), BOUNDS, 2))
    assert time.monotonic() - begun < 30


def test_processes_end_with_a_killed_parent():
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "busy\n"
        process.send_signal(signal.SIGKILL)
        # The processes hold the same standard error: it ends when the last of them has.
        assert process.communicate(timeout=20) == (None, "")


def test_a_process_that_cannot_begin_is_no_fault_of_an_item(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(BedstoneError, match="a process could not begin"):
        evaluated(["1"])
