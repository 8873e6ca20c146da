"""How long a model of this machine takes to answer one prompt, from the tokens that it takes."""

from dataclasses import asdict, dataclass
from typing import Any

from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json

FILE = "pace.json"


@dataclass(frozen=True, slots=True)
class Pace:
    """Of so many samples of a prompt, drawn side by side and nothing beside them."""

    fixed_seconds: float
    prompt_token_seconds: float
    token_seconds: float
    """Of a token of every sample."""

    @classmethod
    def read(cls, measured: Shard) -> "Pace":
        """That of an artifact of sampling.latency."""
        return cls(**read_json(measured, FILE))

    def no_faster_than(self, other: "Pace") -> "Pace":
        """The slower of the two in each respect: more samples never take less, but for noise."""
        slower = {name: max(value, getattr(other, name)) for name, value in asdict(self).items()}
        return Pace(**slower)

    def seconds(self, prompt_tokens: Any, tokens: Any) -> Any:
        """Until a sample of so many tokens is there: of numbers or of arrays."""
        prefill = self.fixed_seconds + self.prompt_token_seconds * prompt_tokens
        return prefill + self.token_seconds * tokens
