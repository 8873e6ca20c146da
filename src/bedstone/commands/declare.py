"""What the commands share: their options, and how an answer is printed."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from bedstone.errors import ConfigError
from bedstone.progress import Progress

Named = Annotated[
    list[str] | None, typer.Option("--input", help="NAME=PATH, for each input; twice takes both")
]
Sets = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, after the file")]
Store = Annotated[Path, typer.Option(help="folder of the artifacts")]
Workers = Annotated[int, typer.Option(min=1, help="processes over shards; they change no byte")]
EngineName = Annotated[str, typer.Option("--engine", help="who does the work: local")]
AsJson = Annotated[bool, typer.Option("--json", help="answer with one JSON object")]
Name = Annotated[
    str, typer.Argument(metavar="ARTIFACT", help="its folder, or the start of its request")
]
STORE = Path("artifacts")


def answer(value: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print the answer: one JSON object, or lines for people."""
    for line in [json.dumps(value, ensure_ascii=False)] if as_json else lines:
        print(line)


def named_paths(inputs: list[str] | None) -> dict[str, list[Path]]:
    """``name=path`` words as paths by name.

    Raises:
        ConfigError: a word has no ``=``, or nothing after it.
    """
    paths: dict[str, list[Path]] = {}
    for text in inputs or ():
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise ConfigError(
                f"--input {text!r} has no {'path' if equals else repr('=')}",
                hint="write --input name=path",
            )
        paths.setdefault(name, []).append(Path(path))
    return paths


def shown_progress() -> Progress:
    """Progress on stderr."""
    from rich.console import Console

    return Progress(Console(file=sys.stderr, soft_wrap=True))
