"""A command is declared once: its signature is a command line, and a function."""

import inspect
import json
import logging
from typing import Annotated, Literal

import pytest
import typer

import bedstone
from bedstone.commands.declare import Command, Inputs, Paths, Renamed, Words
from bedstone.errors import BedstoneError, ConfigError, printable
from bedstone.progress import Progress


def brew(
    leaf: Annotated[str, typer.Argument(help="of what")],
    *,
    inputs: Annotated[Inputs, typer.Option("--input", help="NAME=PATH")] = {},  # noqa: B006
    pots: Annotated[Paths, typer.Option(help="into what")] = (),
    words: Annotated[Words, typer.Option("--word", help="said, not with --strong-tea")] = (),
    columns: Annotated[Renamed, typer.Option(help="NAME=NAME")] = {},  # noqa: B006
    cups: Annotated[int, typer.Option(min=1, max=9, help="how many")] = 2,
    strong_tea: Annotated[bool, typer.Option(help="whether")] = False,
    kind: Annotated[Literal["green", "black"] | None, typer.Option(help="which")] = None,
    progress: Progress | None = None,
):
    """Brew tea.

    Slowly.

    Raises:
        ConfigError: of nettles.
    """
    if leaf == "nettle":
        raise ConfigError("--strong-tea of --word needs leaves", hint="leave --strong-tea out")
    read = {name: str(paths) for name, paths in inputs.items()}
    asked = (leaf, read, str(pots), list(words), dict(columns), cups)
    return {"tea": [*asked, strong_tea, kind], "is_shown": progress is not None}


HOSTILE = "".join(["\x1b]0;t\x07", "\x9b\x7f\x85", "\u2028\u202e\ud800", '\r\n\\x1b "é"'])


COMMAND = Command(brew, lambda found: [f"tea\x1b[31m of {found['tea'][0]}"])


@pytest.fixture
def type_in(capsys):
    def run(*words):
        app = typer.Typer()
        app.command()(COMMAND.command())
        try:
            app(words, standalone_mode=False)
        finally:
            shown = capsys.readouterr()
        return shown.out

    return run


def test_what_is_typed_is_what_the_function_gets(type_in):
    words = "mint --input a=x --input a=y --input b=z --pots p --pots q --word w --cups 3"
    shown = type_in(*words.split(), "--columns", "n=m,o=p", "--strong-tea", "--json")
    inputs = {"a": "[PosixPath('x'), PosixPath('y')]", "b": "[PosixPath('z')]"}
    pots = "[PosixPath('p'), PosixPath('q')]"
    tea = ["mint", inputs, pots, ["w"], {"n": "m", "o": "p"}, 3, True, None]
    assert json.loads(shown) == {"tea": tea, "is_shown": True}
    called = COMMAND.function()("mint", inputs={"a": "x"}, pots="p", words=["w"])
    tea = ["mint", {"a": "x"}, "p", ["w"], {}, 2, False, None]
    assert called == {"tea": tea, "is_shown": False}


def test_people_are_told_in_lines_without_controls(type_in):
    assert type_in("mint") == "tea\\x1b[31m of mint\n"


def test_json_is_pure_and_says_the_same(type_in):
    shown = type_in(HOSTILE, "--json")
    assert json.loads(shown)["tea"][0] == HOSTILE
    assert "é" in shown
    assert printable(shown) == shown.strip() + r"\n"


def test_warnings_are_shown_without_controls(type_in, capsys):
    handlers, logging.root.handlers = logging.root.handlers, []
    try:
        type_in("mint")
        logging.getLogger("bedstone").warning("no %s", "\x1b[31mtea\nhint: none")
    finally:
        logging.root.handlers = handlers
    assert capsys.readouterr().err == "no \\x1b[31mtea\\nhint: none\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cups": 0}, "cups 0: 1 is the least"),
        ({"cups": 10}, "cups 10: 9 is the most"),
        ({"kind": "blak"}, "kind 'blak': did you mean 'black'?"),
        ({"cups": "2"}, "cups '2': it must be a whole number"),
        ({"cups": True}, "cups True: it must be a whole number"),
        ({"strong_tea": 1}, "strong_tea 1: it must be True or False"),
        ({"inputs": ["a=b"]}, "inputs ['a=b']: it must be a mapping of names to paths"),
        ({"pots": 5}, "pots 5: it must be a path, or several"),
    ],
)
def test_python_s_values_are_checked_as_those_typed(options, told):
    with pytest.raises(ConfigError) as caught:
        COMMAND.function()("mint", **options)
    assert str(caught.value) == told


def test_errors_name_what_was_called(type_in):
    with pytest.raises(ConfigError) as typed:
        type_in("nettle")
    assert str(typed.value) == "--strong-tea of --word needs leaves"
    with pytest.raises(ConfigError) as called:
        COMMAND.function()("nettle")
    assert str(called.value) == "strong_tea of words needs leaves"
    assert called.value.hint == "leave strong_tea out"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--input", "a"], "--input 'a' has no '='"),
        (["--input", "a="], "--input 'a=' has no path"),
        (["--columns", "a"], "--columns: 'a' names no column"),
    ],
)
def test_words_that_are_no_pairs_are_refused(type_in, words, told):
    with pytest.raises(ConfigError, match=told):
        type_in("mint", *words)


def test_python_is_told_of_each_argument_with_its_type():
    told = COMMAND.function()
    shown = inspect.signature(told).parameters
    assert {name: each.annotation for name, each in shown.items()} == {
        "leaf": str,
        "inputs": Inputs,
        "pots": Paths,
        "words": Words,
        "columns": Renamed,
        "cups": int,
        "strong_tea": bool,
        "kind": Literal["green", "black"] | None,
        "progress": Progress | None,
    }
    assert (shown["cups"].default, shown["leaf"].default) == (2, inspect.Parameter.empty)
    assert "Annotated" not in str(inspect.signature(told))
    assert told.__doc__ == (
        "Brew tea.\n\nSlowly.\n\n"
        "Args:\n"
        "    leaf: of what.\n"
        "    inputs: NAME=PATH.\n"
        "    pots: into what.\n"
        "    words: said, not with strong_tea.\n"
        "    columns: NAME=NAME.\n"
        "    cups: how many (1 to 9).\n"
        "    strong_tea: whether.\n"
        "    kind: which.\n"
        "    progress: where what is done is shown.\n\n"
        "Raises:\n"
        "    ConfigError: of nettles."
    )


def test_the_package_lists_its_functions_and_each_tells_of_itself():
    assert {"audit", "run", "tokens", "__version__"} <= set(dir(bedstone))
    assert bedstone.size.__doc__.startswith("Count a model's parameters")
    with pytest.raises(BedstoneError, match=r"^n 0: 1 is the least$"):
        bedstone.sample("none", prompt="x", n=0)
    with pytest.raises(AttributeError, match="no attribute 'adit'"):
        bedstone.adit  # noqa: B018
