"""`bedstone export`: a model of the store as other programs load it."""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import STORE, Command, Name, PathLike, Store
from bedstone.commands.desk import artifact_of
from bedstone.commands.save import target
from bedstone.errors import ArtifactError, ConfigError
from bedstone.progress import Progress

ENDING = ".gguf"
CUT_OTHERWISE = (
    "llama.cpp cuts texts by a pattern of its own: ids differ after gaps of three spaces and more, "
    "and seldom elsewhere"
)


class Export(TypedDict):
    """A model that other programs load."""

    export: str
    """The folder or the file."""
    to: Literal["gguf", "huggingface"]
    bytes: int


def export(
    artifact: Name,
    *,
    to: Annotated[
        Literal["gguf", "huggingface"],
        typer.Option(help="a file for llama.cpp, or a folder for transformers with a model card"),
    ],
    out: Annotated[
        PathLike | None,
        typer.Option(help="the file or folder to make; without it, named after the artifact, here"),
    ] = None,
    store: Store = STORE,
    progress: Progress | None = None,
) -> Export:
    """Write a model, its tokeniser and what is known of it for other programs.

    Raises:
        ArtifactError: it is no model that was made here, or it was altered.
        ConfigError: what would be written is there already, or its folder is not.
        BedstoneError: torch is not installed, or there is no room.
    """
    from bedstone.model.hugging_face_config import model_config
    from bedstone.reporting import model_card
    from bedstone.reporting.family import family
    from bedstone.reporting.report import title
    from bedstone.store.stages import imported
    from bedstone.store.work import appearing

    exported = imported("model.exported", "bedstone export")
    found = artifact_of(artifact, store)
    if found.manifest.stage not in exported.STAGES:
        raise ArtifactError(
            f"{found.path} is no model: {found.manifest.stage} made it",
            hint=f"models are made by {', '.join(exported.STAGES)}",
        )
    name = found.location.name
    place = _place(out or name + ENDING * (to == "gguf"), to)
    found.verify()
    about = family(found)
    with appearing(place) as unfinished:
        if to == "huggingface":
            config = found.file("config.json")
            shape = model_config(json.loads(config.read_text("utf-8")), str(config))
            card = model_card.card(about, shape)
            exported.write_folder(found, unfinished, card, model_card.sampling(about))
        else:
            exported.write_gguf(
                found,
                unfinished,
                {
                    "name": name,
                    "description": title(about),
                    "languages": model_card.languages(about),
                },
            )
    if progress and to == "gguf":
        progress.named("token ids").say(CUT_OTHERWISE)
    files = [place] if place.is_file() else list(place.iterdir())
    return {"export": str(place), "to": to, "bytes": sum(it.stat().st_size for it in files)}


def _place(out: PathLike, to: str) -> Path:
    """Where it will be written, said before the work if it cannot be."""
    if os.path.lexists(out):
        raise ConfigError(f"{out} is there already", hint="remove it, or name another place")
    place = target("--out", out, ENDING if to == "gguf" else "")
    assert place is not None
    return place


COMMANDS = (Command(export, lambda found: [found["export"]]),)
