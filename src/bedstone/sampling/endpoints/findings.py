"""What a probe found of an endpoint, and how it is stored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FILE = "findings.json"
"""Of an artifact of sampling.probe."""

Verdict = Literal["honoured", "ignored", "refused", "cannot tell"]
Whose = Literal["model", "chain"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found of one feature."""

    verdict: Verdict
    seen: str
    """In words."""
    requests: int
    tokens: int
    """Of prompts and completions, spent on it."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a probe found of an endpoint."""

    features: Mapping[str, Finding]
    """``temperature``, ``seed``, ``redraw`` and so on, as ``probe`` names them."""
    logprobs_of: Whose | None
    """Whose the log-probabilities are; None where they are not given or it cannot be told."""

    def honours(self, feature: str) -> bool:
        """Whether it does what is asked; False where this was not asked or could not be told."""
        return feature in self.features and self.features[feature].verdict == "honoured"

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Findings":
        """As ``values`` told them."""
        features = {name: Finding(**each) for name, each in values["features"].items()}
        return cls(features, values["logprobs_of"])

    def values(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """As they are stored, with what they are ``about``."""
        features = {name: asdict(each) for name, each in self.features.items()}
        return dict(about) | {"logprobs_of": self.logprobs_of, "features": features}

    @property
    def temperature_last(self) -> bool:
        """Whether top_p was seen to apply before the temperature."""
        return self.features["order"].verdict == "ignored"
