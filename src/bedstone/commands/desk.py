"""What commands do before their work: find what is named, and say who builds."""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import quote

import typer

from bedstone.commands.declare import PathLike, Paths, Words
from bedstone.errors import ArtifactError, BedstoneError, ConfigError, nearest
from bedstone.languages import MIXED, UNKNOWN, by_code, join, name, nearest_to, split
from bedstone.progress import Progress

if TYPE_CHECKING:
    from bedstone.store.artifact import Artifact
    from bedstone.store.engine import Engine
    from bedstone.store.making import Making

NAME = re.compile(r"([a-z_.]+-)?[0-9a-f]{4,64}")
"""How an artifact may be called: its folder's name, or the start of its request."""
PACKAGE = Path(__file__).parents[1]
RECIPES = (PACKAGE / "recipes", PACKAGE.parents[1] / "recipes")
"""Of an installed package inside it, of a checkout beside it."""
SCRIPT = re.compile("[A-Za-z]{4}")
"""ISO 15924, in a language's tag."""
Row = TypeVar("Row")


def paths_of(paths: Paths) -> list[Path]:
    """One path or several, as a list."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def words_of(words: Words) -> Sequence[str]:
    """One word or several, as a sequence."""
    return [words] if isinstance(words, str) else words


def keys_of(language: Words) -> tuple[str, ...]:
    """The languages of ``te,swa,zho_Hans``, each as a key: without its script where none is given.

    Raises:
        ConfigError: a word means no language.
    """
    words = (word.strip() for text in words_of(language) for word in text.split(","))
    return tuple(dict.fromkeys(_key_of(word) for word in words if word))


def _key_of(word: str) -> str:
    code, *tags = re.split("[-_]", word.lower())
    language = by_code(word)
    if language is None and (name(code) == code or code in (UNKNOWN, MIXED)):
        like = nearest_to(word)
        raise ConfigError(
            f"--language {word!r} is no language's code"
            + (f"; did you mean {like.code!r}, {like.name}?" if like else ""),
            hint="codes are those of ISO 639, with a script where that matters: te, tel, zho_Hans",
        )
    return join(
        language.code if language else code, "".join(filter(SCRIPT.fullmatch, tags)).title()
    )


def among(
    keys: Sequence[str], rows: Iterable[Row], key_of: Callable[[Row], str]
) -> tuple[list[Row], list[str]]:
    """The rows of the languages asked for, all if none is; and the keys that have no row."""
    known = [(row, {key_of(row), split(key_of(row))[0]}) for row in rows]
    found = [row for row, names in known if not keys or names.intersection(keys)]
    return found, [key for key in keys if not any(key in names for _, names in known)]


def optional(path: PathLike | None) -> Path | None:
    """The path, if there is one."""
    return None if path is None else Path(path)


def is_url(model: PathLike) -> bool:
    """Whether an endpoint is meant, and no file."""
    return str(model).lower().startswith(("http://", "https://"))


def store_of(store: PathLike) -> Path:
    """The folder of a store: of one at an address, its mirror on this machine.

    Raises:
        ConfigError: the address is none of a store.
    """
    from bedstone.store.place import is_address, mirror_of

    return mirror_of(str(store)) if is_address(str(store)) else Path(store)


def place_of(place: PathLike) -> Path:
    """The mirror of a store elsewhere: at an address, or a folder, which is one too."""
    from bedstone.store.place import is_address

    is_elsewhere = is_address(str(place))
    return store_of(place if is_elsewhere else f"file://{quote(str(Path(place).resolve()))}")


def artifact_of(name: PathLike, store: PathLike) -> "Artifact":
    """The artifact that is a folder, or whose request begins so."""
    from bedstone.store.artifact import find_artifact

    return find_artifact(str(name), store_of(store))


def given(paths: Paths, store: PathLike) -> list[Path]:
    """The paths, or that of the artifact that a single word names."""
    found = paths_of(paths)
    if len(found) == 1 and not found[0].exists() and NAME.fullmatch(str(found[0])):
        return [artifact_of(found[0], store).path]
    return found


def own_recipes() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {path.stem: path for folder in RECIPES for path in sorted(folder.glob("*.toml"))}


def own_recipe(name: str) -> Path:
    """The file of a recipe that comes with the package.

    Raises:
        ConfigError: there is none of that name.
    """
    known = own_recipes()
    if name not in known:
        raise ConfigError(f"no recipe {name!r}; {nearest(name, known)}")
    return known[name]


def recipe_of(name: PathLike) -> Path:
    """A recipe's file, or by its name alone that of one that comes with the package.

    Raises:
        ConfigError: it is neither.
    """
    path = Path(name)
    if path.is_file() or path.suffix or os.sep in str(name):
        return path
    return own_recipe(str(name))


def own_recipes_so(incomplete: str) -> Iterator[str]:
    """How the name of a recipe of the package may go on."""
    return (name for name in own_recipes() if name.startswith(incomplete))


def recipes_so(incomplete: str) -> Iterator[str]:
    """How the name or the file of a recipe may go on."""
    yield from own_recipes_so(incomplete)
    folder, start = os.path.split(incomplete)
    for path in sorted(Path(folder).glob("*")):
        if path.name.startswith(start) and (path.is_dir() or path.suffix == ".toml"):
            yield f"{path}{os.sep}" if path.is_dir() else str(path)


RecipeName = Annotated[
    PathLike,
    typer.Argument(
        metavar="RECIPE",
        help="a TOML file of nodes, or the name of a recipe that comes with the package",
        autocompletion=recipes_so,
    ),
]


def stages_so(incomplete: str) -> Iterator[str]:
    """How the name of a stage may go on."""
    from bedstone.store.stages import STAGES

    return (name for name in STAGES if name.startswith(incomplete))


@contextmanager
def naming_column() -> Iterator[None]:
    """What a stage says of its ``text_column``, said of the command's ``--text-column``."""
    try:
        yield
    except BedstoneError as error:
        if error.setting is not None:
            error.hint = f"--text-column {shlex.quote(error.setting[1])}"
        raise


def making(
    store: PathLike, progress: Progress | None, workers: int | None = 1, engine: str = "local"
) -> "Making":
    """Where and how the command's artifacts are made.

    Raises:
        ConfigError: there is no such engine.
        BedstoneError: it is not installed, or does not answer.
    """
    from bedstone.store.making import Making

    return Making(store_of(store), _engine(engine, workers), progress or Progress())


def _engine(name: str, workers: int | None) -> "Engine":
    kind, colon, address = name.partition(":")
    if name == "local":
        from bedstone.store.engine import Local

        return Local(workers or 1)
    if kind != "ray" or (colon and not address):
        raise ConfigError(f"--engine {name}: it is local, ray or ray:HOST:PORT")
    from bedstone.store.cluster import OWN, Ray

    return Ray(address or OWN, workers)


def tell_rejected(made: Mapping[str, "Artifact"], progress: Progress | None) -> dict[str, int]:
    """Say what was rejected, damaged and passed over on the way to what was made.

    Of records in one line; of whole files, if any, in the lines before it.

    Returns:
        Reason -> records that gave no document.
    """
    from bedstone.store.rejected import rejected

    found = rejected(made)
    for line in found.of_files():
        (progress or Progress()).named("files").say(line)
    if told := found.sentence():
        (progress or Progress()).named("rejected").say(told)
    return found.reasons


def tokenizer_of(path: Path, store: Path) -> "Artifact":
    """The tokeniser as an artifact; a file that is none does not enter the store.

    Raises:
        ArtifactError: there is none, or several in a folder.
        DataError: the file is not what its name says.
    """
    from bedstone.store.adoption import adopt, adopted
    from bedstone.store.artifact import is_complete
    from bedstone.text import any_encoder

    if is_complete(path):
        artifact = adopt([path], store)
        any_encoder.file_of(artifact)
        return artifact
    file = _tokenizer_file(path)
    if adopted([file], store) is None:
        any_encoder.read(file)
    return adopt([file], store)


def _tokenizer_file(path: Path) -> Path:
    """The file that is given, or that of a model's folder, of which no other is taken."""
    from bedstone.text.any_encoder import ENDINGS, GGUF, RANKS
    from bedstone.text.encoder import FILE

    hint = f"give a {FILE}, a {RANKS} or {GGUF} file, or a folder with one of them"
    if path.is_dir():
        found = (
            [path / FILE]
            if (path / FILE).exists()
            else [each for ending in (RANKS, GGUF) for each in sorted(path.glob(f"*{ending}"))]
        )
        if len(found) != 1:
            raise ArtifactError(
                f"{path} holds {len(found)} tokenisers where one was expected", hint=hint
            )
        return found[0]
    if path.exists() and path.suffix not in ENDINGS:
        raise ArtifactError(f"{path} is no tokeniser by its name", hint=hint)
    return path
