"""What commands do before their work: find what is named, and say who builds."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bedstone.commands.declare import PathLike, Paths, Words
from bedstone.errors import ArtifactError, BedstoneError
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact
    from bedstone.store.making import Making

NAME = re.compile(r"([a-z_.]+-)?[0-9a-f]{4,64}")
"""How an artifact may be called: its folder's name, or the start of its request."""


def paths_of(paths: Paths) -> list[Path]:
    """One path or several, as a list."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def words_of(words: Words) -> Sequence[str]:
    """One word or several, as a sequence."""
    return [words] if isinstance(words, str) else words


def optional(path: PathLike | None) -> Path | None:
    """The path, if there is one."""
    return None if path is None else Path(path)


def is_url(model: PathLike) -> bool:
    """Whether an endpoint is meant, and no file."""
    return str(model).lower().startswith(("http://", "https://"))


def artifact_of(name: PathLike, store: PathLike) -> "Artifact":
    """The artifact that is a folder, or whose request begins so."""
    from bedstone.store.artifact import find_artifact

    return find_artifact(str(name), Path(store))


def given(paths: Paths, store: PathLike) -> list[Path]:
    """The paths, or that of the artifact that a single word names."""
    found = paths_of(paths)
    if len(found) == 1 and not found[0].exists() and NAME.fullmatch(str(found[0])):
        return [artifact_of(found[0], store).path]
    return found


@contextmanager
def naming_column() -> Iterator[None]:
    """What a stage says of its ``text_column``, said of the command's ``--text-column``."""
    try:
        yield
    except BedstoneError as error:
        if error.setting is not None:
            error.hint = f"--text-column {shlex.quote(error.setting[1])}"
        raise


def making(store: PathLike, progress: Progress | None, workers: int = 1) -> "Making":
    """Where and how the command's artifacts are made."""
    from bedstone.store.engine import Local
    from bedstone.store.making import Making

    return Making(Path(store), Local(workers), progress or Progress())


def tokenizer_of(path: Path, store: Path) -> "Artifact":
    """The tokeniser as an artifact; of a folder that is none, no other file is taken."""
    from bedstone.store.adoption import adopt
    from bedstone.store.artifact import is_complete
    from bedstone.text import any_encoder
    from bedstone.text.encoder import FILE

    if is_complete(path) or not path.is_dir():
        artifact = adopt([path], store)
    else:
        found = [path / FILE] if (path / FILE).exists() else sorted(path.glob("*.tiktoken"))
        if len(found) != 1:
            raise ArtifactError(
                f"{path} holds {len(found)} tokenisers where one was expected",
                hint=f"give a folder with a {FILE}, or the file itself",
            )
        artifact = adopt(found, store)
    any_encoder.file_of(artifact)
    return artifact
