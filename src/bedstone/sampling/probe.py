"""Stage sampling.probe: find out what an OpenAI-compatible endpoint does of what it is asked.

Writes  ``findings.json``: ``features`` by name, each with ``verdict`` (honoured, ignored, refused,
        cannot tell), ``seen`` (in words), ``requests``, ``tokens``; ``logprobs_of``: ``model``,
        ``chain`` or null; ``url``, ``model``, ``chat``

The key of an endpoint is read from the environment, ``OPENAI_API_KEY``, and written nowhere.
"""

from pydantic import Field

from bedstone.config import Config
from bedstone.sampling.endpoints.client import Endpoint
from bedstone.sampling.endpoints.findings import FILE
from bedstone.sampling.endpoints.probing import probe
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Result, Stage


class ProbeConfig(Config):
    """Which endpoint."""

    url: str = Field(min_length=1)
    """Up to the version, as in ``http://127.0.0.1:8080/v1``."""
    model: str = Field(min_length=1)
    """As the endpoint calls it."""
    chat: bool = True
    """Whether prompts are a user's turns."""


def run(config: ProbeConfig, job: Job) -> Result:
    """Ask, and judge by what comes back.

    Raises:
        BedstoneError: it cannot be reached, or refuses.
    """
    found = probe(Endpoint.with_key(config.url, config.model, chat=config.chat))
    write_json(job, FILE, found.values(config.model_dump()), indent=2)
    verdicts = [each.verdict for each in found.features.values()]
    return Result(
        {
            "honoured_features": verdicts.count("honoured"),
            "probed_features": len(verdicts),
            "requests": sum(each.requests for each in found.features.values()),
            "spent_tokens": sum(each.tokens for each in found.features.values()),
        }
    )


STAGE = Stage(
    "sampling.probe",
    version=2,
    config=ProbeConfig,
    inputs=(),
    run=run,
    reproducible="request",
)
