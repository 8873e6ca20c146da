"""Who is asked: a model of this machine, or an endpoint's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone.errors import ConfigError
from bedstone.model import hugging_face
from bedstone.sampling.endpoints.findings import FILE
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, is_complete
from bedstone.store.making import Making
from bedstone.store.payload import read_json

MODEL_FILES = ("*.safetensors", "*.safetensors.index.json", "*.jinja")
MODEL_CONFIGS = ("config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class Source:
    """Who is asked."""

    inputs: Mapping[str, Artifact]
    """Of sampling.answers: the ``model``, or the ``probe`` of an endpoint."""
    path: Path | None = None
    """Of a model on this machine."""
    ends: tuple[int, ...] = ()
    """Tokens that close a completion; none: what the model's files say."""

    @classmethod
    def of_path(cls, path: Path, store: Path) -> "Source":
        """A folder, a GGUF file or an artifact. What a folder says of sampling is not taken in.

        Raises:
            ArtifactError: there is no such thing.
        """
        if is_complete(path):
            Artifact(path).verify()
        if is_complete(path) or not (path / hugging_face.CONFIG).exists():
            return cls({"model": adopt([path], store)}, path)
        files = [path / each for each in MODEL_CONFIGS if (path / each).exists()]
        files += [each for form in MODEL_FILES for each in sorted(path.glob(form))]
        ends = tuple(sorted(hugging_face.ends(path)))
        return cls({"model": adopt(files, store)}, path, ends)

    @classmethod
    def of_url(cls, url: str, name: str, making: Making, *, chat: bool) -> "Source":
        """An endpoint, probed now or before."""
        config = {"url": url, "model": name, "chat": chat}
        return cls({"probe": making.build("sampling.probe", config)})

    @property
    def probed(self) -> dict[str, Any] | None:
        """What the probe wrote of an endpoint."""
        probe = self.inputs.get("probe")
        return None if probe is None else read_json(probe, FILE)


def refuse_unnamed(name: str | None, *, is_url: bool) -> None:
    """Raises ConfigError where an endpoint's model has no name, or another has one."""
    if is_url and name is None:
        raise ConfigError("an endpoint has models by name", hint="give --endpoint-model NAME")
    if not is_url and name is not None:
        raise ConfigError(f"--endpoint-model {name}: the model is none of an endpoint")
