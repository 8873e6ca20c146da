import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from multiprocessing import active_children
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from bedstone.errors import BedstoneError, DataError
from bedstone.store.engine import Local, answers

BUSY = """
import multiprocessing, threading, time
from bedstone.store.engine import Local
work = threading.Thread(target=lambda: list(Local(2).map(time.sleep, [60, 60])), daemon=True)
work.start()
while len(multiprocessing.active_children()) < 2:
    time.sleep(0.01)
print("busy", flush=True)
work.join()
"""
FORKED = """
import os
from bedstone.store.engine import Local
engine = Local(2)
print(*engine.map(abs, [-3, 2]), flush=True)
if os.fork():
    assert os.wait()[1] == 0
    print(*engine.map(abs, [-4, 2]))
else:
    print(*engine.map(abs, [-5, 2]), flush=True)
    os._exit(0)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_shards(workers):
    assert list(Local(workers).map(abs, [-3, 2, -1])) == [3, 2, 1]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_is_raised(workers):
    with pytest.raises(TypeError, match="bad operand"):
        list(Local(workers).map(abs, [1, "two"]))


def met(path_and_flag: tuple[Path, int]) -> int:
    """The process, once another has opened the same pipe in the other way."""
    os.close(os.open(*path_and_flag))
    return os.getpid()


@pytest.fixture
def processes(tmp_path):
    """Those of an engine's two workers."""
    os.mkfifo(tmp_path / "pipe")
    ends = [(tmp_path / "pipe", flag) for flag in (os.O_RDONLY, os.O_WRONLY)]
    return lambda engine: set(engine.map(met, ends))


def test_processes_are_kept_for_the_next_items(processes):
    engine = Local(2)
    first = processes(engine)
    assert len(first) == 2
    for number in first:
        os.kill(number, signal.SIGINT)  # of the keyboard: what is done then is the parent's
    assert processes(engine) == first


def test_processes_end_with_their_engine(processes):
    engine = Local(2)
    its = processes(engine)
    ends = [process.sentinel for process in active_children() if process.pid in its]
    del engine
    while ends:
        ended = wait(ends, timeout=30)
        assert ended
        ends = [end for end in ends if end not in ended]


def test_after_an_error_or_a_death_there_are_others(processes):
    engine = Local(2)
    first = processes(engine)
    with pytest.raises(TypeError):
        list(engine.map(abs, [1, "two"]))
    second = processes(engine)
    assert not first & second
    os.kill(min(second), signal.SIGKILL)
    assert not second & processes(engine)


def test_an_engine_in_another_process_begins_its_own(processes):
    engine = Local(2)
    processes(engine)
    assert pickle.loads(pickle.dumps(engine)) == Local(2)
    command = [sys.executable, "-W", "error", "-c", FORKED]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.split("\n") == ["3 2", "5 2", "4 2", ""]
    assert told.stderr == ""


def test_an_error_does_not_wait_for_the_others():
    begun = time.monotonic()
    with pytest.raises(TypeError):
        list(Local(2).map(time.sleep, ["no number", 60]))
    assert time.monotonic() - begun < 30


def test_workers_end_with_a_killed_parent():
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "busy\n"
        process.send_signal(signal.SIGKILL)
        # The workers hold the same stdout: it ends when the last of them has.
        assert process.communicate(timeout=20) == ("", None)


def mortal(path: Path) -> str:
    """As often as the file says, it kills who works on it."""
    if left := int(path.read_text()):
        path.write_text(str(left - 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def lives(folder: Path, **deaths: int) -> list[Path]:
    for name, number in deaths.items():
        (folder / name).write_text(str(number))
    return [folder / name for name in deaths]


@pytest.mark.parametrize("deaths", [1, 2])
def test_what_a_dead_worker_did_not_answer_is_done_again(deaths, tmp_path):
    ends = []
    paths = lives(tmp_path, a=0, b=deaths, c=0, d=0)
    assert list(Local(2).map(mortal, paths, lambda: ends.append(1))) == ["a", "b", "c", "d"]
    assert len(ends) == 4


def test_what_three_workers_died_of_is_named(tmp_path):
    paths = lives(tmp_path, a=0, b=9, c=0, d=0)
    with pytest.raises(BedstoneError, match=f"died 3 times.*\n.*2 of 4, {paths[1]}") as caught:
        list(Local(2).map(mortal, paths))
    assert "fewer workers" in caught.value.hint
    assert paths[1].read_text() == "6"


def test_who_is_patient_fails_when_all_others_are_done():
    begun, ended = [], []

    def begin(item: int) -> Future[int]:
        begun.append(item)
        future: Future[int] = Future()
        if item % 3:
            future.set_result(item)
        else:
            future.set_exception(DataError(f"{item} is bad", hint="mend it"))
        return future

    found = answers(
        [1, 3, 2, 6, 9], begin, lambda: 2, lambda it: it, lambda: ended.append(1), is_patient=True
    )
    assert next(found) == 1
    with pytest.raises(DataError) as caught:
        list(found)
    assert str(caught.value).split("\n") == [
        "3 is bad",
        "it was 2 of 5, 3",
        "2 others failed too: 4 of 5, 6; 5 of 5, 9",
    ]
    assert caught.value.hint == "mend it"
    assert begun == [1, 3, 2, 6, 9]
    assert len(ended) == 2
