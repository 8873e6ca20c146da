import signal
import subprocess
import sys
import time

import pytest

from bedstone.store.engine import Local

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


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_shards(workers):
    assert list(Local(workers).map(abs, [-3, 2, -1])) == [3, 2, 1]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_is_raised(workers):
    with pytest.raises(TypeError, match="bad operand"):
        list(Local(workers).map(abs, [1, "two"]))


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
