"""How a command is declared: once, in the signature of its function.

A parameter's annotation holds its type and, by ``typer.Option`` or ``typer.Argument``, its help,
name and bounds; the return type says what the answer holds. From these come the command line, the
function of the package, and the reference.
"""

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from numbers import Integral, Real
from operator import or_
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

from bedstone.errors import UNPRINTABLE, BedstoneError, ConfigError, nearest, printable
from bedstone.progress import Progress

if TYPE_CHECKING:
    from logging import LogRecord

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
TAKES: Mapping[Any, tuple[Any, str]] = {
    bool: (bool, "True or False"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a text"),
    PathLike: (str | Path, "a path"),
    Paths: (str | Path | Sequence, "a path, or several"),
    Words: (str | Sequence, "a text, or several"),
    Numbers: (Sequence, "several whole numbers"),
    Renamed: (Mapping, "a mapping of columns to what the file calls them"),
    Inputs: (Mapping, "a mapping of names to paths"),
}
"""What Python may give for a type, in kind and in words."""
OPTION = re.compile(r"--[a-z][a-z-]*")
NOT_ASKED = "progress"
"""The parameter that a terminal fills."""

MOST_SEED = 2**63 - 1
STORE = Path("artifacts")
WIDTH = 100
"""Of lines for people, in characters."""
NOT_KNOWN = "-"
"""In the place of a number."""
Store = Annotated[PathLike, typer.Option(help="folder of the artifacts, or s3://BUCKET/PREFIX")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_024,
        help="processes over shards, or over the pages of one; they change no byte; without it, 1, "
        "or with --engine ray as many as there are processors",
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        help="who does the work: local; ray, a cluster of its own on this machine; or "
        "ray:HOST:PORT, the cluster there"
    ),
]
PartName = Annotated[
    str | None,
    typer.Option(
        "--shard", help="I/N, of an array of jobs: of N shards one; without it, all are collected"
    ),
]
Languages = Annotated[Words, typer.Option(help="show these alone, by any code: te,swa,zho_Hans")]
NamedInputs = Annotated[
    Inputs, typer.Option("--input", help="NAME=PATH, for each input; twice takes both")
]
TextColumn = Annotated[
    str | None, typer.Option(help="of tables: the column of the texts; without it, text")
]
Verified = Annotated[bool, typer.Option("--verify", help="read all files again, known or not")]
Sets = Annotated[
    Words, typer.Option("--set", help="KEY=VALUE, after the file; of a run, NODE=off or =on too")
]
Name = Annotated[
    PathLike, typer.Argument(metavar="ARTIFACT", help="its folder, or the start of its request")
]
Found = dict[str, Any]
Interval = tuple[float, float]
"""Low and high."""


@dataclass(frozen=True, slots=True)
class MadeOf:
    """Annotates a mapping: its keys are the fields of a class, which is imported when asked."""

    module: str
    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The schema of the class."""
        return handler(getattr(import_module(f"bedstone.{self.module}"), self.name))


@dataclass(frozen=True, slots=True)
class Command:
    """A function that answers, and how its answer is told to people."""

    run: Callable[..., Any]
    lines: Callable[[Any], Iterable[str]]
    status: Callable[[Any], int] = lambda found: 0
    """The exit status that an answer means."""

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.run.__name__

    @property
    def about(self) -> str:
        """What its function's docstring says before it comes to errors."""
        return (inspect.getdoc(self.run) or "").partition("Raises:\n")[0].strip()

    def parameters(self) -> dict[str, "Parameter"]:
        """Those that a user gives, by the function's names."""
        return {
            name: Parameter(name, each.default, *get_args(each.annotation))
            for name, each in inspect.signature(self.run).parameters.items()
            if name != NOT_ASKED
        }

    def answer(self, *arguments: Any, **options: Any) -> Any:
        """What it answers."""
        return self.run(*arguments, **options)

    @property
    def answer_type(self) -> Any:
        """What an answer holds."""
        return inspect.signature(self.run).return_annotation

    def function(self) -> Callable[..., Any]:
        """As Python calls it: its values are checked, and errors name its arguments."""
        signature = inspect.signature(self.run)
        parameters = self.parameters()

        @functools.wraps(self.run)
        def call(*arguments: Any, **options: Any) -> Any:
            given = signature.bind(*arguments, **options).arguments
            try:
                for name, value in given.items():
                    if name != NOT_ASKED:
                        parameters[name].refuse_unusable(value)
                return self.answer(*arguments, **options)
            except BedstoneError as error:
                in_python = _in_python(parameters.values())
                hint = error.hint
                if hint is not None and "bedstone " not in hint:  # a command stays one
                    hint = in_python(hint)
                raise type(error)(*map(in_python, error.args), hint=hint) from error

        shown = [
            each.replace(annotation=parameters[name].type) if name in parameters else each
            for name, each in signature.parameters.items()
        ]
        call.__doc__ = self._docstring(parameters.values())
        call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
        call.__annotations__ = {each.name: each.annotation for each in shown}
        call.__annotations__["return"] = signature.return_annotation
        return call

    def _docstring(self, parameters: "Collection[Parameter]") -> str:
        """The function's own, with what is declared of its arguments."""
        sections = (inspect.getdoc(self.run) or "")[len(self.about) :].strip()
        in_python = _in_python(parameters)
        told = [f"{each.name}: {in_python(each.meaning)}." for each in parameters]
        if self._takes_progress:
            told.append(f"{NOT_ASKED}: where what is done is shown.")
        lines = ["Args:", *(f"    {line}" for line in told)] if told else []
        return "\n\n".join(filter(None, (self.about, "\n".join(lines), sections)))

    @property
    def _takes_progress(self) -> bool:
        return NOT_ASKED in inspect.signature(self.run).parameters

    def named(self) -> Callable[[], None]:
        """As typer lists it, without its parameters."""

        def call() -> None: ...

        call.__doc__ = summary(self.run)
        return call

    def command(self) -> Callable[..., None]:
        """As typer takes it: parameters of a command line, and an answer that is printed."""
        parameters = self.parameters()
        takes_progress = self._takes_progress

        def call(*, as_json: bool, **options: Any) -> None:
            given = {
                name: parameters[name].read(value)
                for name, value in options.items()
                if value is not None
            }
            if takes_progress:
                given[NOT_ASKED] = shown_progress()
            found = self.answer(**given)
            told = [_json(found)] if as_json else self.lines(found)
            for text in told:
                for line in text.split("\n"):
                    print(printable(line))
            if status := self.status(found):
                raise typer.Exit(status)

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
    def placeholder(self) -> str | None:
        """What stands for an argument; None of an option."""
        if isinstance(self.info, OptionInfo):
            return None
        return str(self.info.metavar or self.name.upper())

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

    @property
    def meaning(self) -> str:
        """Its help, and between what a number lies."""
        low, high = self.info.min, self.info.max
        if low is None:
            return f"{self.info.help}"
        limits = f"{low:,} or more" if high is None else f"{low:,} to {high:,}"
        return f"{self.info.help} ({limits})"

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
        if value is None:
            return
        kinds, told = TAKES.get(self.bare_type, (object, ""))
        is_no_number = isinstance(value, bool) and self.bare_type in (int, float)  # to Python it is
        if is_no_number or not isinstance(value, kinds):
            raise ConfigError(f"{self.option or self.name} {value!r}: it must be {told}")
        if self.option is None:
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
    """Progress on stderr, where warnings go too."""
    import logging

    from rich.console import Console

    assert logging.lastResort
    logging.lastResort.addFilter(_printable)
    return Progress(Console(file=sys.stderr, soft_wrap=True))


def _printable(record: "LogRecord") -> bool:
    record.msg, record.args = printable(record.getMessage()), ()
    return True


def _json(found: Any) -> str:
    """As JSON on one line; what a terminal would obey is spelt as JSON spells it."""
    text = json.dumps(found, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


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


def _in_python(parameters: Iterable[Parameter]) -> Callable[[str], str]:
    """Turns the options that a text names into the names that Python's arguments have."""
    names = {each.option: each.name for each in parameters if each.option}
    return lambda text: OPTION.sub(lambda found: names.get(found[0], found[0]), text)


def summary(function: Callable[..., Any]) -> str:
    """The first sentence of its docstring, without the stop."""
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ").rstrip(".")
