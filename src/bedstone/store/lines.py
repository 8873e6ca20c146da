"""Lines of a file that anybody may have made, plain or gzip: no more than one is held."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from bedstone.errors import DataError

MOST_BYTES = 1 << 20
"""Of a line."""


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, from 1.

    Raises:
        DataError: a line is too long, or the file cannot be read to its end.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    location, number = path.resolve(), 0
    try:
        with opened(path, "rb") as file:
            while line := file.readline(MOST_BYTES + 1):
                number += 1
                if len(line) > MOST_BYTES:
                    long = f"{MOST_BYTES:,} bytes in a line"
                    raise DataError(f"{location}:{number}: more than {long}")
                yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{location}: cannot be read to its end: {error}") from error
