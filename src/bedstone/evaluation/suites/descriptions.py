"""YAML that describes a test: plain values, from the test's own folder alone."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bedstone.errors import ConfigError, DataError, printable

ENDINGS = (".yaml", ".yml")
MOST_BYTES = 1 << 20
"""Of a file."""
MOST_INCLUDES = 16


def tests_in(paths: Mapping[str, Path]) -> list[str]:
    """The files that describe a test, which names itself; others are there to be included.

    Raises:
        DataError: a file of this ending is no YAML.
    """
    return [
        name for name, path in paths.items() if name.endswith(ENDINGS) and "task" in _read(path)
    ]


class _Loader(yaml.SafeLoader): ...  # type: ignore[misc]  # yaml has no types


def _refuse_tag(loader: _Loader, suffix: str, node: yaml.Node) -> None:
    tag = printable(f"{node.tag} {node.value if isinstance(node, yaml.ScalarNode) else ''}".strip())
    raise ConfigError(f"{tag}: a program is not run", hint="describe the test by templates alone")


_Loader.add_multi_constructor("!", _refuse_tag)


def described(root: Path, name: str, depth: int = 0) -> dict[str, Any]:
    """What a file says, over what it includes.

    Args:
        root: the test's folder; nothing outside of it is read.
        name: of the file, from there.
        depth: how many files include it.

    Raises:
        ConfigError: it holds a program, or includes what is not there.
        DataError: it is no YAML.
    """
    path = inside(root, name)
    if depth > MOST_INCLUDES:
        raise ConfigError(f"{path}: files that include one another, or more than {MOST_INCLUDES}")
    said = _read(path)
    included, under = said.pop("include", []), dict[str, Any]()
    for other in included if isinstance(included, list) else [included]:
        under |= described(root, str(Path(name).parent / str(other)), depth + 1)
    return under | said


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise DataError(f"{path}: more than {MOST_BYTES:,} bytes of YAML")
        said = yaml.load(text, _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise DataError(f"{path} is no YAML: {printable(str(error)[:300])}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if not isinstance(said, dict) or not all(isinstance(key, str) for key in said):
        raise DataError(f"{path} describes no test: it is no table of names and values")
    return said


def inside(root: Path, name: str) -> Path:
    """A file of a test's folder, by its name there. What the file is a link to is the user's.

    Raises:
        ConfigError: it lies elsewhere.
    """
    path = Path(os.path.normpath(name))
    if path.is_absolute() or os.pardir in path.parts:
        message = f"{printable(name)} lies outside the folder of the test"
        raise ConfigError(message, hint="put it beside the YAML, and name it from there")
    return root / path
