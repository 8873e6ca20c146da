"""The commands that tell what can be built: stages, and the schema of recipes."""

import json
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Annotated, Any, NotRequired, cast

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import WIDTH, Command, Found
from bedstone.commands.desk import stages_so


class StageInputs(TypedDict):
    """The roles of what a stage reads."""

    required: list[str]
    optional: list[str]
    many: list[str]
    """Those that any number may play, one at least, each given as ``ROLE.NAME``."""
    sharded: list[str]
    """Those that are mapped: one more shard of them makes one more of the output."""
    decided_by: list[str]
    """Those that only fill absent keys of the config; all may be left out."""


class ConfigKey(TypedDict):
    """What a stage's config holds under a key."""

    type: str
    meaning: str
    limits: str
    default: NotRequired[Any]
    """Absent: it must be given."""


class Stage(TypedDict):
    """What a stage does, reads and writes."""

    name: str
    version: int
    sentence: str
    """What it does."""
    reads: str
    writes: str
    about: str
    inputs: StageInputs
    decides: str
    """What its config is for."""
    config: dict[str, ConfigKey]
    """By key, as ``--set`` writes it."""


def stages(
    name: Annotated[
        str | None, typer.Argument(help="of a stage to describe", autocompletion=stages_so)
    ] = None,
) -> dict[str, str] | Stage:
    """List the stages in the order in which a model is made, or describe one.

    Raises:
        ConfigError: there is no such stage.
    """
    if name is None:
        from bedstone.store.stages import sentences

        return sentences()
    from bedstone.store.description import describe

    return cast(Stage, describe(name))


def _stages(found: Any) -> Iterator[str]:
    if isinstance(found.get("config"), Mapping):
        return _stage(found)
    return (f"{name:20} {text}" for name, text in found.items())


def _stage(found: Stage) -> Iterator[str]:
    yield f"{found['name']}, version {found['version']}: {found['sentence']}"
    yield ""
    for kind, roles in (
        ("inputs", found["inputs"]["required"]),
        ("optional", found["inputs"]["optional"]),
        ("many", found["inputs"]["many"]),
        ("sharded", found["inputs"]["sharded"]),
        ("decided by", found["inputs"]["decided_by"]),
    ):
        if roles:
            yield f"{kind:10} {', '.join(roles)}"
    for label, text in (("reads", found["reads"]), ("writes", found["writes"])):
        if text:
            yield from _labelled(label, text)
    if found["about"]:
        yield ""
        yield _plain(found["about"])
    if found["config"]:
        yield ""
        yield f"config: {_plain(found['decides'])}"
    for key, row in found["config"].items():
        yield from _key(key, row)


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(_plain(text).splitlines()):
        yield f"{'' if number else label:10} {line}"


def _key(key: str, row: ConfigKey) -> Iterator[str]:
    default = default_of(row)
    limits = f", {row['limits']}" if row["limits"] else ""
    yield f"  {key}{f' = {default}' if default else ''}  ({row['type']}{limits})"
    yield from wrap(_plain(row["meaning"]), WIDTH, initial_indent="    ", subsequent_indent="    ")


def default_of(row: ConfigKey) -> str:
    """Empty where the key is absent by default, or a table whose keys have theirs."""
    if "default" not in row:
        return "(must be given)"
    default = row["default"]
    is_told_by_key = isinstance(default, dict) and default
    if default is None or is_told_by_key:
        return ""
    return json.dumps(default, ensure_ascii=False)


def _plain(text: str) -> str:
    """Without the marks that docstrings have around code."""
    return text.replace("``", "")


def schema() -> Found:
    """Print the JSON Schema of recipes, by which editors check and complete them."""
    from bedstone.store.description import recipe_schema

    return recipe_schema()


COMMANDS = (
    Command(stages, _stages),
    Command(schema, lambda found: [json.dumps(found, indent=1, ensure_ascii=False)]),
)
