"""The command ``bedstone``. Answers go to stdout, everything said on the way to stderr."""

import signal
import sys
from io import TextIOWrapper
from types import FrameType

import typer

from bedstone.commands import artifacts, audit, fit, plan, recipes, size, strategies, tokens
from bedstone.errors import BedstoneError

SIGNALLED = 128
"""Added to a signal's number, it is the exit status of a command that the signal ended."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a raw web crawl to an aligned, sampled language model.",
)
for command in (
    *recipes.COMMANDS,
    *audit.COMMANDS,
    *tokens.COMMANDS,
    *strategies.COMMANDS,
    *plan.COMMANDS,
    *fit.COMMANDS,
    *size.COMMANDS,
    *artifacts.COMMANDS,
):
    app.command(command.__name__)(command)


def main() -> None:
    """Entry point: a user's error becomes a message and an exit status, never a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # text of any script, on any terminal
    try:
        app()
    except BedstoneError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_status)
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename or ''}", file=sys.stderr)
        sys.exit(1)


def _stop(number: int, frame: FrameType | None) -> None:
    print("stopped: what is complete is kept, and the next run goes on from it", file=sys.stderr)
    sys.exit(SIGNALLED + number)


if __name__ == "__main__":
    main()
