"""A stage as its module describes it, and the JSON Schema of recipes that editors read."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from bedstone.store.recipe import INPUTS, NodeTable
from bedstone.store.stage import Stage
from bedstone.store.stages import STAGES, docstring, find, sentence, sentences

Schema = dict[str, Any]

TERMS = {
    "seed": "Of the random numbers: another one draws otherwise.",
    "chain": "How the next token is drawn: samplers in their order.",
    "samples": "Completions of each prompt.",
    "max_tokens": "Of a completion, at most.",
    "threads": "So many compute: results depend on them in their last bits.",
    "number_format": "In which the model's numbers are computed.",
    "compiled": "Whether torch compiles the layers first: a minute for faster steps on a GPU. "
    "It is recorded, and no part of what is asked for.",
    "device": "Where the model computes. auto: as the plan says, and without one on a GPU if there "
    "is one. It is recorded, and no part of what is asked for.",
    "seq_len": "Tokens that the model sees at once.",
    "n_layers": "Layers of the model.",
    "d_model": "The model's width.",
    "d_ff": "The width of a layer's feed-forward part.",
    "n_heads": "Attention heads of a layer.",
    "n_kv_heads": "Heads of a layer that have keys and values; a group of the others shares each.",
}
"""What some fields mean wherever they stand; the meaning of others is written below them."""
LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "{} or less",
    "exclusiveMaximum": "below {}",
    "pattern": "as {}",
    "minLength": "{} or more characters",
    "minItems": "{} or more of them",
}
PART = re.compile(r"^(Reads|Writes) +(.*\n?(?: .*\n?)*)", re.MULTILINE)


def describe(name: str) -> dict[str, Any]:
    """What a stage does, reads and writes, and every key of its config.

    Returns:
        ``name``, ``version``, ``sentence``; ``reads``, ``writes``, ``about``, as the module's
        docstring tells them; ``inputs`` {``required``, ``optional``, ``many``, ``sharded``,
        ``decided_by``: [role]}; ``decides``, what the config is for; ``config`` {key, dotted where
        it is in a table: {``type``, ``meaning``, ``limits``, and ``default``, but of keys that must
        be given}}.

    Raises:
        ConfigError: there is no such stage.
        BedstoneError: it needs a package that is not installed.
    """
    stage, text = find(name), docstring(name)
    parts = {found[1]: _lines(found[2]) for found in PART.finditer(text)}
    _, _, after = PART.sub("", text).partition("\n")
    schema = stage.config.model_json_schema(schema_generator=WithMeanings)
    return {
        "name": name,
        "version": stage.version,
        "sentence": sentence(name, text),
        "reads": parts.get("Reads", ""),
        "writes": parts["Writes"],
        "about": after.strip(),
        "inputs": {
            "required": list(stage.inputs),
            "optional": list(stage.optional),
            "many": list(stage.many),
            "sharded": list(stage.sharded),
            "decided_by": list(stage.decided_by),
        },
        "decides": schema.get("description", ""),
        "config": dict(_keys(schema, schema.get("$defs", {}))),
    }


def recipe_schema() -> Schema:
    """The JSON Schema of a recipe: of each node the roles and the config that its stage takes."""
    stages = [find(name) for name in STAGES]
    of_config, defined = models_json_schema(
        [(stage.config, "validation") for stage in stages], schema_generator=WithMeanings
    )
    node = NodeTable.model_json_schema(schema_generator=WithMeanings)
    told = [{"const": name, "description": text} for name, text in sentences().items()]
    node["properties"]["stage"] = {"oneOf": told}
    node["allOf"] = [
        {
            "if": {"properties": {"stage": {"const": stage.name}}, "required": ["stage"]},
            "then": _of_stage(stage, of_config[stage.config, "validation"]),
        }
        for stage in stages
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Bedstone recipe",
        "description": "Every decision of one model: a table for each node.",
        "type": "object",
        "properties": {
            INPUTS: {
                "description": "What the run must be given: a name, and what that is.",
                "type": "object",
                "additionalProperties": {"type": "string"},
            }
        },
        "additionalProperties": {"$ref": "#/$defs/node"},
        "$defs": {**defined["$defs"], "node": node},
    }


def _of_stage(stage: Stage, config: Schema) -> Schema:
    known = (*stage.inputs, *stage.optional, *stage.decided_by)
    inputs = {
        "properties": {role: {} for role in known},
        "patternProperties": {rf"^{role}\..": {} for role in stage.many},
        "required": list(stage.inputs),
        "additionalProperties": False,
    }
    needed = ["inputs"] if stage.inputs else []
    if any(field.is_required() for field in stage.config.model_fields.values()):
        needed.append("config")
    return {"properties": {"inputs": inputs, "config": config}, "required": needed}


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


class WithMeanings(GenerateJsonSchema):
    """Says of each field what it means. pydantic can; it would read every source at each import."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """Of a pydantic model."""
        return _explained(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Schema:
        """Of a dataclass."""
        return _explained(super().dataclass_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> Schema:
        """Of a typed dictionary."""
        return _explained(super().typed_dict_schema(schema), schema.get("cls", dict))


def _explained(made: Schema, kind: type) -> Schema:
    meanings = _meanings(kind)
    for name, field in made.get("properties", {}).items():
        if meaning := meanings.get(name) or TERMS.get(name):
            field["description"] = meaning
    return made


def _meanings(kind: type) -> dict[str, str]:
    """The string below each field of a class, of those of ours that it extends too."""
    found: dict[str, str] = {}
    for each in (*getattr(kind, "__orig_bases__", ()), *reversed(kind.__mro__)):
        if each.__module__.startswith("bedstone."):
            found |= _written(each.__module__).get(each.__name__, {})
    return found


@cache
def _written(module: str) -> Mapping[str, dict[str, str]]:
    """Class -> field -> the string below it."""
    nodes = ast.parse(inspect.getsource(sys.modules[module])).body
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    return {node.name: dict(_strings_below_fields(node)) for node in classes}


def _strings_below_fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, " ".join(text.split())


def _keys(table: Schema, defined: Schema, above: str = "") -> Iterator[tuple[str, Schema]]:
    """Each key of a config's table, and of the tables in it: as ``--set`` writes it, and its row.

    In ``NAME.low`` a name is the user's own; ``[].low`` is of each table of a list.
    """
    for name, field in table.get("properties", {}).items():
        kinds = [field, *field.get("anyOf", ())]
        inner = dict(_tables(kinds, defined))
        told = [field, *inner.values()]  # a table's class says what it is for
        meaning = next((each["description"] for each in told if "description" in each), "")
        row = {"type": _type(field), "meaning": meaning, "limits": ", ".join(_limits(kinds))}
        if name not in table.get("required", ()):
            row["default"] = field["default"]
        yield above + name, row
        for place, each in inner.items():
            yield from _keys(each, defined, f"{above}{name}{place}.")


def _tables(kinds: list[Schema], defined: Schema, place: str = "") -> Iterator[tuple[str, Schema]]:
    for kind in kinds:
        if "$ref" in kind:
            yield place, defined[kind["$ref"].rpartition("/")[2]]
        if isinstance(kind.get("additionalProperties"), dict):
            yield from _tables([kind["additionalProperties"]], defined, f"{place}.NAME")
        if "items" in kind:
            yield from _tables([kind["items"]], defined, f"{place}[]")


def _type(field: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(_type(kind) for kind in field["anyOf"] if kind.get("type") != "null")
    if "items" in field:
        return f"array of {_type(field['items'])}"
    if "$ref" in field or field["type"] == "object":
        return "table"
    return str(field["type"])


def _limits(kinds: list[Schema]) -> Iterator[str]:
    for kind in kinds:
        for key, words in LIMITS.items():
            if key in kind:
                yield words.format(kind[key])
        if "enum" in kind:
            yield "one of " + ", ".join(map(str, kind["enum"]))
        if "items" in kind:
            yield from _limits([kind["items"]])
