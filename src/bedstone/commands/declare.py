"""How a command is declared: once, in the signature of its function.

A parameter's annotation holds its type and, by ``typer.Option`` or ``typer.Argument``, its help,
name and bounds. From it come the command line, the function of the package, and the reference.
"""

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from bedstone.errors import BedstoneError, ConfigError, nearest, printable
from bedstone.progress import Progress

PathLike = str | Path
Paths = PathLike | Sequence[PathLike]
Words = str | Sequence[str]
Numbers = Sequence[int]
Renamed = Mapping[str, str]
Inputs = Mapping[str, Paths]
"""Name -> a file or a folder, or several; or an artifact, by the start of its request."""
ON_THE_LINE: Mapping[Any, Any] = {
    PathLike: str,  # an address, which a path would spell otherwise, may be one
    Paths: list[Path],
    Words: list[str],
    Numbers: list[int],
    Renamed: list[str],
    Inputs: list[str],
}
"""What stands for a type where all is text."""
NOT_ASKED = "progress"
"""The parameter that a terminal fills."""

STORE = Path("artifacts")
Store = Annotated[PathLike, typer.Option(help="folder of the artifacts")]
Workers = Annotated[int, typer.Option(min=1, help="processes over shards; they change no byte")]
EngineName = Annotated[Literal["local"], typer.Option(help="who does the work")]
NamedInputs = Annotated[
    Inputs, typer.Option("--input", help="NAME=PATH, for each input; twice takes both")
]
TextColumn = Annotated[
    str | None, typer.Option(help="of tables: the column of the texts; without it, text")
]
Sets = Annotated[Words, typer.Option("--set", help="KEY=VALUE, after the file")]
Name = Annotated[
    PathLike, typer.Argument(metavar="ARTIFACT", help="its folder, or the start of its request")
]
Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A function that answers, and how its answer is told to people."""

    run: Callable[..., Any]
    lines: Callable[[Any], Iterable[str]]

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.run.__name__

    def parameters(self) -> dict[str, "Parameter"]:
        """Those that a user gives, by the function's names."""
        hints = get_type_hints(self.run, include_extras=True)
        return {
            name: Parameter(name, each.default, *get_args(hints[name]))
            for name, each in inspect.signature(self.run).parameters.items()
            if name != NOT_ASKED
        }

    def function(self) -> Callable[..., Any]:
        """As Python calls it: its values are checked, and errors name its arguments."""

        @functools.wraps(self.run)
        def call(*arguments: Any, **options: Any) -> Any:
            given = inspect.signature(self.run).bind(*arguments, **options).arguments
            parameters = self.parameters()
            try:
                for name, value in given.items():
                    if name != NOT_ASKED:
                        parameters[name].refuse_unusable(value)
                return self.run(*arguments, **options)
            except BedstoneError as error:
                raise _in_python(error, parameters.values()) from error

        return call

    def command(self) -> Callable[..., None]:
        """As typer takes it: parameters of a command line, and an answer that is printed."""
        parameters = self.parameters()
        takes_progress = NOT_ASKED in inspect.signature(self.run).parameters

        def call(*, as_json: bool, **options: Any) -> None:
            given = {
                name: parameters[name].read(value)
                for name, value in options.items()
                if value is not None
            }
            if takes_progress:
                given[NOT_ASKED] = shown_progress()
            found = self.run(**given)
            told = [json.dumps(found, ensure_ascii=False)] if as_json else self.lines(found)
            for line in told:
                print(printable(line))

        shown = [each.on_the_line() for each in parameters.values()]
        shown.append(
            inspect.Parameter(
                "as_json",
                inspect.Parameter.KEYWORD_ONLY,
                default=False,
                annotation=Annotated[
                    bool, typer.Option("--json", help="answer with one JSON object")
                ],
            )
        )
        call.__name__ = self.name
        call.__doc__ = summary(self.run)
        call.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        call.__annotations__ = {each.name: each.annotation for each in shown}
        return call


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that a user gives."""

    name: str
    default: Any
    type: Any
    info: OptionInfo | ArgumentInfo

    @property
    def option(self) -> str | None:
        """As it is typed; None of an argument."""
        if isinstance(self.info, ArgumentInfo):
            return None
        declared = self.info.default if isinstance(self.info.default, str) else None
        return declared or f"--{self.name.replace('_', '-')}"

    @property
    def bare_type(self) -> Any:
        """Without None, which only says that it may be absent."""
        members = get_args(self.type)
        if NoneType not in members:
            return self.type
        return reduce(or_, (each for each in members if each is not NoneType))

    def on_the_line(self) -> inspect.Parameter:
        """What typer reads of it."""
        kind = ON_THE_LINE.get(self.bare_type, self.bare_type)
        default = self.default
        if default is None or default in ((), {}):
            kind, default = kind | None, None
        info = self.info
        if isinstance(info, OptionInfo) and not isinstance(info.default, str):
            # A flag is on or absent: there is no ``--no-...``.
            info = typer.Option(
                self.option,
                help=info.help,
                min=info.min,
                max=info.max,
                show_default=info.show_default,
            )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, info],
        )

    def read(self, value: Any) -> Any:
        """What the function takes, of what typer has read."""
        if self.bare_type == Inputs:
            return named_paths(value)
        if self.bare_type == Renamed:
            return _renamed(self.option, value)
        return value

    def refuse_unusable(self, value: Any) -> None:
        """Raises ConfigError where the value is outside what is declared."""
        if value is None or self.option is None:
            return
        choices = get_args(self.bare_type) if get_origin(self.bare_type) is Literal else ()
        if choices and value not in choices:
            raise ConfigError(f"{self.option} {value!r}: {nearest(str(value), choices)}")
        low, high = self.info.min, self.info.max
        if low is not None and value < low:
            raise ConfigError(f"{self.option} {value}: {low} is the least")
        if high is not None and value > high:
            raise ConfigError(f"{self.option} {value}: {high:,} is the most")


def named_paths(words: Sequence[str]) -> dict[str, list[Path]]:
    """``name=path`` words as paths by name.

    Raises:
        ConfigError: a word has no ``=``, or nothing after it.
    """
    paths: dict[str, list[Path]] = {}
    for text in words:
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise ConfigError(
                f"--input {text!r} has no {'path' if equals else repr('=')}",
                hint="write --input NAME=PATH",
            )
        paths.setdefault(name, []).append(Path(path))
    return paths


def shown_progress() -> Progress:
    """Progress on stderr."""
    from rich.console import Console

    return Progress(Console(file=sys.stderr, soft_wrap=True))


def _renamed(option: str | None, words: Sequence[str]) -> dict[str, str]:
    """``parameters=params,loss_nats=val_loss`` as a mapping."""
    renamed = {}
    for word in (each for text in words for each in text.split(",")):
        name, equals, own = word.partition("=")
        if not equals or not own:
            raise ConfigError(
                f"{option}: {word!r} names no column", hint=f"write {option} parameters=NAME"
            )
        renamed[name.strip()] = own.strip()
    return renamed


def _in_python(error: BedstoneError, parameters: Iterable[Parameter]) -> BedstoneError:
    """The same error, with the names that Python's arguments have."""
    names = {each.option: each.name for each in parameters if each.option}
    words = re.compile(
        "|".join(rf"{re.escape(each)}(?![\w-])" for each in sorted(names, key=len, reverse=True))
    )

    def renamed(text: str) -> str:
        return words.sub(lambda found: names[found[0]], text)

    hint = None if error.hint is None else renamed(error.hint)
    return type(error)(renamed(str(error)), hint=hint)


def summary(function: Callable[..., Any]) -> str:
    """The first sentence of its docstring, without the stop."""
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ").rstrip(".")
