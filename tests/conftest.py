"""What every test may need: a store, the command line without a process, answers as declared."""

import json
from functools import cache
from pathlib import Path

import pytest

from bedstone.commands.declare import Command
from bedstone.commands.main import COMMANDS, main


@pytest.fixture(autouse=True)
def answers_are_as_declared(monkeypatch):
    """Each answer of a command, in whatever test, has the keys and types that its function says."""
    answer = Command.answer

    def judged(command, *arguments, **options):
        found = answer(command, *arguments, **options)
        if command in COMMANDS:
            text = json.dumps({command.name: found}, allow_nan=False)
            declared(command).validate_json(text, strict=True)
        return found

    monkeypatch.setattr(Command, "answer", judged)


@cache
def declared(command: Command):
    from bedstone.commands.reference import answers

    return answers([command], extra="forbid")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line; the exit status, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bedstone", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capsys.readouterr()

    return run
