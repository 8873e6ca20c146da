"""The watch over several processes, of which each is a few lines of Python here."""

import subprocess
import sys

import pytest

from bedstone.commands import together
from bedstone.errors import BedstoneError, ConfigError
from bedstone.progress import Progress


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """Run ``code`` in two processes in the place of bedstone; it knows ``rank`` and ``attempt``."""
    monkeypatch.setattr(together, "SETTLE_SECONDS", 0.05)
    monkeypatch.setattr(together, "POLL_SECONDS", 0.01)
    begun = []

    def run(code, words=("run", "recipe.toml")):
        def started(words, rank, processes, port, answer):
            begun.append((rank, port, [*words]))
            attempt = sum(other == rank for other, *_ in begun)
            setting = f"rank, attempt = {rank}, {attempt}\nimport os, signal, sys, time\n"
            return subprocess.Popen(
                [sys.executable, "-c", setting + code],
                stdin=subprocess.PIPE,
                stdout=answer if rank == 0 else subprocess.DEVNULL,
                text=True,
            )

        monkeypatch.setattr(together, "_started", started)
        return together.together(words, 2, Progress())

    run.begun = begun
    return run


def test_the_first_process_answers_and_the_others_are_ended(processes):
    code = "print('{\"nodes\": 1}') if rank == 0 else time.sleep(60)"
    assert processes(code) == {"nodes": 1}
    assert [(rank, words) for rank, _, words in processes.begun] == [
        (rank, ["run", "recipe.toml", "--json"]) for rank in (0, 1)
    ]


DIES = """
if attempt == 1:
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)
    sys.exit(1)  # what it makes of the other's end
print(f'{{"attempt": {attempt}}}')
"""


def test_one_that_dies_begins_again_with_the_others_elsewhere(processes):
    assert processes(DIES) == {"attempt": 2}
    first, *_, last = (port for _, port, _ in processes.begun)
    assert first != last


def test_not_for_ever(processes):
    with pytest.raises(BedstoneError, match="a process died 4 times"):
        processes("os.kill(os.getpid(), signal.SIGKILL)")
    assert len(processes.begun) == 8


@pytest.mark.parametrize(("status", "kind"), [(1, BedstoneError), (2, ConfigError)])
@pytest.mark.parametrize("others", ["time.sleep(60)", "sys.exit({told})", "sys.exit(1)"])
def test_an_error_that_is_told_is_not_tried_again(processes, status, kind, others):
    told = together.TOLD + status
    code = f"sys.exit({told}) if rank == 0 else {others.format(told=told)}"
    with pytest.raises(kind, match="2 processes were to train, and failed as it says above"):
        processes(code)
    assert len(processes.begun) == 2


def test_what_only_another_tells_is_the_runs_too(processes):
    with pytest.raises(ConfigError):
        processes("sys.exit(66) if rank else time.sleep(0.05) or sys.exit(1)")


def test_the_one_that_was_killed_is_named(processes, monkeypatch):
    said = []
    monkeypatch.setattr(Progress, "say", lambda self, text: said.append(text))
    with pytest.raises(BedstoneError):
        processes("sys.exit(1) if rank == 0 else os.kill(os.getpid(), signal.SIGKILL)")
    assert set(said) == {"process 2 of 2 died: all go on from the last checkpoint"}
