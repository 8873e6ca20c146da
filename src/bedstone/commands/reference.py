"""What commands and stages declare, as pages and JSON Schemas: `make docs` writes them anew.

``commands.md`` and ``stages.md`` are for people, ``answers.schema.json`` is of what each command
prints with ``--json``, and beside the recipes lies the schema by which editors read them.
"""

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import make_dataclass
from itertools import starmap
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

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
from bedstone.commands.recipes import SCHEMA
from bedstone.commands.stages import ConfigKey, Stage, default_of
from bedstone.store.description import WithMeanings, describe, recipe_schema
from bedstone.store.stages import STAGES

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
STAGES_PAGE = """# Stages

Made by `make docs` from the stages' modules, in the order in which a model is made; `bedstone
stages NAME` shows the same. A recipe sets a key of a config as `config.KEY`, the command line as
`--set NODE.KEY=VALUE`. A key with `NAME` in it has a name of yours there, one with `[]` is of each
table of a list."""


FILE = re.compile(r"\n(?=``[^`]+\.[a-z]+``)")
"""Where the next of the files begins that a stage says it writes."""


def pages() -> dict[str, str]:
    """File below the checkout -> its text."""
    schema = answers_schema()
    told: set[str] = set()
    commands = [_section(command, schema, told) for command in COMMANDS]
    stages = [_stage(cast(Stage, describe(name))) for name in STAGES]
    return {
        "docs/reference/commands.md": "\n\n".join([COMMANDS_PAGE, *commands]) + "\n",
        "docs/reference/stages.md": "\n\n".join([STAGES_PAGE, *stages]) + "\n",
        "docs/reference/answers.schema.json": _json(schema),
        f"recipes/{SCHEMA}": _json(recipe_schema()),
    }


def _json(schema: Schema) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def answers(commands: Iterable[Command], extra: ExtraValues = "ignore") -> TypeAdapter[Any]:
    """What reads the commands' answers, by their names; ``extra`` is for keys not declared."""
    kinds = [(command.name, command.answer_type) for command in commands]
    namespace = {"__pydantic_config__": ConfigDict(extra=extra)}
    return TypeAdapter(make_dataclass("Answers", kinds, namespace=namespace))


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


class _Untitled(WithMeanings):
    """Without titles, which repeat the keys."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema | Any) -> bool:
        return False


def _section(command: Command, schema: Schema, told: set[str]) -> str:
    """A command; types of answers that are ``told`` above are not told again."""
    parameters = command.parameters().values()
    places = [each.placeholder for each in parameters if each.placeholder]
    answer = schema["properties"][command.name]
    parts = [
        f"## bedstone {command.name}",
        f"    {' '.join(['bedstone', command.name, *places, '[OPTIONS]'])}",
        command.about,
        _table(("", "type", "default", "meaning"), map(_given, parameters)),
        f"It answers {_type(answer)}.",
        *_types(answer, schema["$defs"], told),
    ]
    return "\n\n".join(filter(None, parts))


def _given(parameter: Parameter) -> tuple[str, ...]:
    """The row of an argument or option."""
    kind = parameter.bare_type
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return (
        f"`{parameter.placeholder or parameter.option}`",
        ", ".join(map(_code, choices)) or ON_PAPER[kind],
        _default(parameter),
        parameter.meaning,
    )


def _default(parameter: Parameter) -> str:
    shown = parameter.info.show_default
    value = shown if isinstance(shown, str) else parameter.default
    if value is inspect.Parameter.empty:
        return "(must be given)"
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
        return ", ".join(map(_code, schema["enum"]))
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    if "items" in schema:
        return f"array of {_type(schema['items']) or 'values'}"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"object of {_type(inner)}"
    return str(schema.get("const", schema.get("type", "")))


def _stage(told: Stage) -> str:
    inputs = told["inputs"]
    roles = [
        f"{label} {', '.join(map(_code, names))}"
        for label, names in (
            ("takes", inputs["required"]),
            ("may take", inputs["optional"]),
            ("takes any number of", inputs["many"]),
            ("maps", inputs["sharded"]),
            ("decided by", inputs["decided_by"]),
        )
        if names
    ]
    parts = [
        f"## {told['name']}",
        f"{told['sentence']}. Version {told['version']}.",
        f"Inputs: {'; '.join(roles) or 'none'}.",
        f"Reads {told['reads']}" if told["reads"] else "",
        "Writes",
        "\n".join(f"- {' '.join(each.split())}" for each in FILE.split(told["writes"])),
        told["about"],
        told["decides"],
        _table(("key", "type", "default", "meaning"), starmap(_setting, told["config"].items())),
    ]
    return "\n\n".join(filter(None, parts))


def _setting(key: str, row: ConfigKey) -> tuple[str, ...]:
    """The row of a config's key."""
    kind = ", ".join(filter(None, (row["type"], row["limits"])))
    return f"`{key}`", kind, _code(default_of(row)), row["meaning"]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Without a row, nothing."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines)
    shown = [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join(shown) if len(shown) > 2 else ""


if __name__ == "__main__":
    for name, text in pages().items():
        Path(name).write_text(text, "utf-8")
