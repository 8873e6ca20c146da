"""Lines of a file that anybody may have made, plain or gzip: no more than one is held."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bedstone.errors import DataError

MOST_BYTES = 1 << 20
"""Of a line."""


def numbered_lines(path: Path, most_bytes: int | None = None) -> Iterator[tuple[int, str]]:
    """Each line with its number, from 1.

    Args:
        path: of the file.
        most_bytes: of all lines, unpacked.

    Raises:
        DataError: a line is too long or no UTF-8, there are more bytes, or the file cannot be read
            to its end.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    location, number, taken = path.resolve(), 0, 0
    try:
        with opened(path, "rb") as file:
            while line := file.readline(MOST_BYTES + 1):
                number, taken = number + 1, taken + len(line)
                where = f"{location}:{number}"
                if len(line) > MOST_BYTES:
                    raise DataError(f"{where}: more than {MOST_BYTES:,} bytes in a line")
                if most_bytes is not None and taken > most_bytes:
                    told = f"{where}: more than {most_bytes:,} bytes"
                    raise DataError(told, hint="give it in parts")
                yield number, line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: no UTF-8", hint="write the file as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{location}: cannot be read to its end: {error}") from error


def object_of(line: str, where: str, hint: str = "one object a line") -> dict[str, Any]:
    """The object that a line of JSON is.

    Raises:
        DataError: it is none.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: no JSON in UTF-8", hint=hint) from error
    if not isinstance(values, dict):
        raise DataError(f"{where}: no table of names and values", hint=hint)
    return values
