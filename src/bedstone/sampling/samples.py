"""What a model wrote, whoever asked it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of a prompt."""

    text: str
    token_ids: tuple[int, ...] | None
    """None: an endpoint does not tell."""
    logprobs: tuple[float, ...] | None
    """Of each token under the model itself, natural; None where they are not told."""
    sampling_logprobs: tuple[float, ...] | None
    """Of each token under the distribution that it was drawn from."""
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """From the request to the answer, which all that came with it waited for; without the waits
    between tries."""
