"""A payload's files: the only one, and JSON, which one function writes and one reads."""

import json
from pathlib import Path
from typing import Any

from bedstone.errors import ArtifactError, DataError
from bedstone.store.artifact import File, Shard
from bedstone.store.stage import Job


def only_file(shard: Shard, of: str) -> Path:
    """The one file of a shard, which was made elsewhere: its name may be any.

    Args:
        shard: a crawl's, or an adopted model or table.
        of: what it is a file of, for the message.

    Raises:
        DataError: it has none or several.
    """
    if len(shard.files) != 1:
        raise DataError(
            f"{shard.location} holds {len(shard.files)} files where one of {of} was expected",
            hint="give that file alone",
        )
    return shard.files[0]


def whole_folder(shard: Shard) -> Path:
    """Where it lies, with every file there: what only a place has is fetched."""
    if missing := [path for path in shard.files if not path.exists()]:
        raise ArtifactError(f"{missing[0]} is missing")
    return shard.location


def write_json(job: Job, name: str, values: object, indent: int = 1) -> File:
    """Write ``values`` as the file ``name`` of the artifact, and return its record."""
    text = json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False)
    with job.part(name) as path:
        path.write_text(text + "\n", "utf-8", errors="replace")  # of half a character
    return job.record(name)


def read_json(shard: Shard, name: str) -> Any:
    """What the file ``name`` of a shard says.

    Raises:
        ArtifactError: there is no such file, or it was altered and is no JSON.
    """
    path = shard.file(name)
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ArtifactError(
            f"{path} is no JSON: {error}", hint="it was altered: build it anew"
        ) from error
