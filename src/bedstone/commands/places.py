"""The commands that bring artifacts from one store to another: push, pull."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import STORE, Command, Name, PathLike, Store
from bedstone.commands.desk import artifact_of, place_of, store_of
from bedstone.errors import number_of
from bedstone.progress import Progress

Place = Annotated[
    PathLike,
    typer.Argument(help="a store elsewhere: s3://BUCKET/PREFIX, gs://, az://, or a folder"),
]


class Sent(TypedDict):
    """What went to another store."""

    artifacts: list[str]
    """Where each is now, in the order in which they went."""
    skipped: list[str]
    """Those that were there before."""
    bytes: int
    """Of the files of those that went."""


def push(
    artifact: Name, place: Place, *, store: Store = STORE, progress: Progress | None = None
) -> Sent:
    """Copy an artifact and all behind it from a store to one elsewhere.

    What was adopted goes as the files themselves.

    Raises:
        ArtifactError: there is none, a file was altered, or the other store has an artifact of the
            same request with other contents.
        BedstoneError: the place cannot be reached, or refuses.
    """
    return _sent(artifact, store_of(store), place_of(place), "push", progress)


def pull(
    artifact: Name, place: Place, *, store: Store = STORE, progress: Progress | None = None
) -> Sent:
    """Copy an artifact and all behind it from a store elsewhere to one here.

    Raises:
        ArtifactError: there is none, a file is not what its manifest says, or the store has an
            artifact of the same request with other contents.
        BedstoneError: the place cannot be reached, or refuses.
    """
    return _sent(artifact, place_of(place), store_of(store), "pull", progress)


def _sent(name: PathLike, source: Path, to: Path, label: str, progress: Progress | None) -> Sent:
    from bedstone.store.place import shown
    from bedstone.store.sharing import bytes_of, send

    sent, skipped = send(artifact_of(name, source), to, (progress or Progress()).named(label))
    return {
        "artifacts": [shown(each.path) for each in sent],
        "skipped": [shown(each.path) for each in skipped],
        "bytes": sum(map(bytes_of, sent)),
    }


def _lines(found: Sent) -> Iterator[str]:
    yield from found["artifacts"]
    yield f"{number_of(len(found['artifacts']), 'artifact')}, {found['bytes']:,} bytes"
    if found["skipped"]:
        yield f"{number_of(len(found['skipped']), 'artifact')} were there before"


COMMANDS = (Command(push, _lines), Command(pull, _lines))
