"""The command ``bedstone``. Answers go to stdout, everything said on the way to stderr."""

import os
import signal
import sys
from collections.abc import Collection
from io import TextIOWrapper
from types import FrameType
from typing import Annotated

import typer

from bedstone import __version__
from bedstone.commands import (
    ablate,
    artifacts,
    audit,
    demo,
    domain,
    evaluate,
    export,
    fit,
    ladder,
    places,
    plan,
    recipes,
    sample,
    seen,
    size,
    stages,
    strategies,
    tokens,
)
from bedstone.commands.declare import Command
from bedstone.commands.together import TOLD, end_with_watcher, is_watched
from bedstone.errors import BedstoneError, printable
from bedstone.training.members import Member, member

NAME = "bedstone"
COMPLETING = f"_{NAME.upper()}_COMPLETE"
"""In the environment, a shell asks what may come next."""
SIGNALLED = 128
"""Added to a signal's number, it is the exit status of a command that the signal ended."""
TRAINING = (["run"], ["build"])
"""What several processes may be asked to do together."""
COMMANDS: tuple[Command, ...] = (
    *demo.COMMANDS,
    *recipes.COMMANDS,
    *stages.COMMANDS,
    *audit.COMMANDS,
    *seen.COMMANDS,
    *domain.COMMANDS,
    *tokens.COMMANDS,
    *size.COMMANDS,
    *plan.COMMANDS,
    *fit.COMMANDS,
    *ladder.COMMANDS,
    *ablate.COMMANDS,
    *sample.COMMANDS,
    *strategies.COMMANDS,
    *evaluate.COMMANDS,
    *export.COMMANDS,
    *artifacts.COMMANDS,
    *places.COMMANDS,
)
"""In the order in which help lists them."""


def application(words: Collection[str] | None = None) -> typer.Typer:
    """The command line.

    Args:
        words: what is typed. A command that is not among them is listed, and takes no options: to
            read those of all takes as long as half of Python's start.
    """
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_about)
    for command in COMMANDS:
        is_asked = words is None or command.name in words
        app.command(command.name)(command.command() if is_asked else command.named())
    return app


def main() -> None:
    """Entry point: a user's error becomes a message and an exit status, never a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # text of any script, on any terminal
    try:
        its = member()
        if its.size > 1 and sys.argv[1:2] in TRAINING:
            _as_one_of_many(its)
        else:
            application(None if COMPLETING in os.environ else sys.argv[1:])(prog_name=NAME)
    except BedstoneError as error:
        _complain(str(error).split("\n"), error.hint)
        sys.exit(error.exit_status + TOLD * is_watched())
    except OSError as error:
        _complain([": ".join(str(it) for it in (error.filename, error.strerror or error) if it)])
        sys.exit(1 + TOLD * is_watched())


def _as_one_of_many(its: Member) -> None:
    """The first process does what is typed; the others train beside it."""
    from bedstone.store.stages import imported

    if is_watched():
        end_with_watcher()
    processes = imported("training.processes", "to train with several processes")
    processes.begin()
    try:
        if its.rank:
            processes.follow()
        else:
            try:
                application(sys.argv[1:])(prog_name=NAME)
            except SystemExit as end:  # typer's way to say that all is well, too
                if end.code:
                    raise
            processes.dismiss()
    except RuntimeError as error:
        if not processes.is_of_another(error):
            raise
        _complain([f"process {its.rank + 1} of {its.size} has lost another"])
        sys.exit(1)


def _version(value: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if value:
        print(__version__)
        raise typer.Exit


def _about(
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """From a raw web crawl to an aligned, sampled language model."""


def _complain(message: list[str], hint: str | None = None) -> None:
    """Say it; further lines are set in, so that none looks like a label of its own."""
    for label, lines in (("error", message), ("hint", [hint] if hint else [])):
        if lines:
            print(f"{label}: " + "\n  ".join(map(printable, lines)), file=sys.stderr)


def _stop(number: int, frame: FrameType | None) -> None:
    print("stopped: what is complete is kept, and the next run goes on from it", file=sys.stderr)
    sys.exit(SIGNALLED + number)


if __name__ == "__main__":
    main()
