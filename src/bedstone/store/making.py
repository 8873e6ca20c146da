"""Where and how artifacts are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedstone import config as configs
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.artifact import Artifact, fault
from bedstone.store.build import build
from bedstone.store.engine import Engine
from bedstone.store.request import Request, ask
from bedstone.store.stages import find


@dataclass(frozen=True, slots=True)
class Making:
    """Where and how artifacts are made."""

    store: Path
    engine: Engine
    progress: Progress

    def build(self, stage: str, config: Mapping[str, Any], **inputs: Artifact | None) -> Artifact:
        """The artifact of ``stage``; an input that is None is left out."""
        made_by = find(stage)
        given = {role: artifact for role, artifact in inputs.items() if artifact is not None}
        settings = configs.checked(made_by.config, dict(config))
        return build(made_by, settings, given, self.store, self.engine, self.progress)

    def is_stored(self, stage: str, config: Mapping[str, Any], **inputs: Artifact) -> bool:
        """Whether ``build`` would find it."""
        request = self._request(stage, config, inputs)
        return fault(request.folder(self.store), request.digest) is None

    def folder(self, stage: str, config: Mapping[str, Any], **inputs: Artifact) -> Path:
        """Where ``build`` makes it, or has begun to."""
        return self._request(stage, config, inputs).folder(self.store)

    def adopted(self, path: Path | None) -> Artifact | None:
        """The artifact of a file, or nothing of none."""
        return None if path is None else adopt([path], self.store, self.progress)

    def _request(
        self, stage: str, config: Mapping[str, Any], inputs: Mapping[str, Artifact]
    ) -> Request:
        made_by = find(stage)
        return ask(made_by, configs.checked(made_by.config, dict(config)), inputs)
