"""The reference, made of what the commands declare: `python -m bedstone.commands.reference DIR`.

Writes ``commands.md``, what people read, and ``answers.schema.json``, the JSON Schema of what each
command prints with ``--json``.
"""

import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter
from pydantic.config import ExtraValues
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from bedstone.commands.declare import (
    Command,
    Inputs,
    Numbers,
    Parameter,
    PathLike,
    Paths,
    Renamed,
    Words,
    summary,
)
from bedstone.commands.main import COMMANDS

Schema = dict[str, Any]

ON_PAPER: Mapping[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "flag",
    PathLike: "path",
    Paths: "path, several",
    Words: "text, several",
    Numbers: "integer, several",
    Inputs: "NAME=PATH, several",
    Renamed: "NAME=NAME,...",
}
"""How the type of what is typed is called."""
COMMANDS_PAGE = """# Commands

Made by `make docs` from the commands' signatures. Each command takes `--json` too and then prints
one JSON object, whose keys stand below the options; as a JSON Schema they are
[`answers.schema.json`](answers.schema.json). Each is a function of the package with the same name
and options, `_` for `-`, that returns the same: `bedstone.size("config.json", batch=8)`."""


def pages() -> dict[str, str]:
    """Name of a file -> its text."""
    schema = answers_schema()
    told: set[str] = set()
    sections = [_section(command, schema, told) for command in COMMANDS]
    return {
        "commands.md": "\n\n".join([COMMANDS_PAGE, *sections]) + "\n",
        "answers.schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
    }


def answers(commands: Iterable[Command], extra: ExtraValues = "ignore") -> TypeAdapter[Any]:
    """What reads the commands' answers, by their names; ``extra`` is for keys not declared."""
    kinds = [(command.name, command.answer_type) for command in commands]
    config = ConfigDict(use_attribute_docstrings=True, extra=extra)
    return TypeAdapter(make_dataclass("Answers", kinds, namespace={"__pydantic_config__": config}))


def answers_schema() -> Schema:
    """The JSON Schema of all answers: that of ``size`` is its property ``size``."""
    made = answers(COMMANDS).json_schema(mode="serialization", schema_generator=_Untitled)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "description": "What each command of bedstone prints with --json, by its name.",
        "properties": {
            command.name: {"description": summary(command.run), **made["properties"][command.name]}
            for command in COMMANDS
        },
        "$defs": made["$defs"],
    }


class _Untitled(GenerateJsonSchema):
    """Without titles, which repeat the keys."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema | Any) -> bool:
        return False


def _section(command: Command, schema: Schema, told: set[str]) -> str:
    """A command; types of answers that are ``told`` above are not told again."""
    parameters = command.parameters().values()
    places = [each.placeholder for each in parameters if each.placeholder]
    answer = schema["properties"][command.name]
    return "\n\n".join(
        [
            f"## bedstone {command.name}",
            f"    {' '.join(['bedstone', command.name, *places, '[OPTIONS]'])}",
            command.about,
            _table(("", "type", "default", "meaning"), map(_given, parameters)),
            f"It answers {_type(answer)}.",
            *_types(answer, schema["$defs"], told),
        ]
    )


def _given(parameter: Parameter) -> tuple[str, ...]:
    """The row of an argument or option."""
    kind = parameter.bare_type
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return (
        f"`{parameter.placeholder or parameter.option}`",
        ", ".join(f"`{each}`" for each in choices) or ON_PAPER[kind],
        _default(parameter),
        parameter.meaning,
    )


def _default(parameter: Parameter) -> str:
    shown = parameter.info.show_default
    value = shown if isinstance(shown, str) else parameter.default
    if value is inspect.Parameter.empty:
        return "must be given"
    return f"`{value}`" if value or type(value) is int else ""


def _types(schema: Schema, known: Schema, told: set[str]) -> Iterator[str]:
    """The tables of the types that a schema speaks of, and of those that these speak of."""
    waiting = _names(schema)
    while waiting:
        if (name := waiting.pop(0)) not in told:
            told.add(name)
            kind = known[name]
            yield f"### {name}"
            yield kind.get("description", "")
            yield _table(("key", "type", "meaning"), _keys(kind))
            waiting += _names(kind["properties"])


def _names(schema: Any) -> list[str]:
    """Of the types that a schema refers to."""
    if isinstance(schema, list):
        return [name for each in schema for name in _names(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
    return own + [name for each in schema.values() for name in _names(each)]


def _keys(kind: Schema) -> Iterator[tuple[str, ...]]:
    for key, schema in kind["properties"].items():
        absent = "" if key in kind.get("required", ()) else ", or absent"
        yield f"`{key}`", _type(schema) + absent, schema.get("description", "")


def _type(schema: Schema) -> str:
    """In words, a type of its own with a link."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    if "items" in schema:
        return f"array of {_type(schema['items']) or 'values'}"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"object of {_type(inner)}"
    return str(schema.get("const", schema.get("type", "")))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(sys.argv[1]) / name).write_text(text, "utf-8")
