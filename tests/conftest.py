"""What every test may need: a store, the command line without a process, answers as declared."""

import json
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM

import pytest
from hypothesis import settings

from bedstone.commands.declare import Command
from bedstone.commands.main import COMMANDS, main

NEEDS_TORCH = "pytestmark = pytest.mark.torch", "pytestmark = [pytest.mark.torch"
HAS_TORCH = find_spec("torch") is not None
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
settings.load_profile("untimed")


def pytest_ignore_collect(collection_path, config):
    """Where torch is missing, the modules that are marked as needing it cannot be imported."""
    if HAS_TORCH or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text("utf-8")
    return any(mark in text for mark in NEEDS_TORCH) or None


def watch_connections(event, words):
    """No test may reach for another machine; that it was refused is told of the test too."""
    if event == "socket.connect":
        socket, address = words
        # To connect a datagram socket sends nothing: Ray asks so which address it has itself.
        if socket.family == AF_UNIX or socket.type & SOCK_DGRAM:
            return
        host = address[0]
    elif event == "socket.getaddrinfo":
        host = words[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host or "localhost"
    if name != "localhost" and not name.startswith("127.") and name not in ("::1", "0.0.0.0"):
        ELSEWHERE.append(f"{event} {name}")
        raise ConnectionRefusedError(f"a test may not reach {name}")


ELSEWHERE = []
sys.addaudithook(watch_connections)


@pytest.fixture(autouse=True)
def connects_nowhere_else():
    """Be it that the test hides what was refused."""
    yield ELSEWHERE
    reached, ELSEWHERE[:] = list(ELSEWHERE), []
    assert reached == []


@pytest.fixture
def figure(capsys):
    """Print a line of JSON for the table of promises: which one, and what was measured."""

    def told(promise, **values):
        with capsys.disabled():
            print("\n" + json.dumps({"promise": promise, **values}))  # noqa: T201

    return told


def pytest_runtest_setup(item):
    if item.get_closest_marker("faults") and "faults" not in item.config.option.markexpr:
        pytest.skip("takes long: make faults")
    if not HAS_TORCH and item.get_closest_marker("torch"):
        pytest.skip("torch is not installed: pip install bedstone[train]")


@pytest.fixture(autouse=True)
def one_thread(request):
    """Matrices this small are slower with more, and much slower beside other work."""
    if HAS_TORCH and request.node.get_closest_marker("torch"):
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def declared():
    """What each command says of its answer, by its name: made once, of those that answer."""
    from bedstone.commands.reference import answers

    return cache(lambda command: answers([command], extra="forbid"))


@pytest.fixture(autouse=True)
def answers_are_as_declared(monkeypatch, declared):
    """Each answer of a command, in whatever test, has the keys and types that its function says."""
    answer = Command.answer

    def judged(command, *arguments, **options):
        found = answer(command, *arguments, **options)
        if command in COMMANDS:
            text = json.dumps({command.name: found}, allow_nan=False)
            declared(command).validate_json(text, strict=True)
        return found

    monkeypatch.setattr(Command, "answer", judged)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(scope="session")
def object_store():
    pytest.importorskip("obstore")
    from tests.support.object_store import served

    with served() as server:
        yield server


@pytest.fixture
def server(object_store, monkeypatch, tmp_path):
    """A server of S3's protocol on loopback with an empty bucket, and a cache of one's own."""
    for name in [it for it in os.environ if it.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, text in object_store.environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    from bedstone.store.place import place_of

    place_of.cache_clear()
    object_store.spare()
    for key in object_store.objects():
        object_store.delete(key)
    return object_store


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line; the exit status, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bedstone", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capsys.readouterr()

    return run
