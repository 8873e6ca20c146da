"""Presets: the orders and defaults of other engines, as a chain can be told to follow.

Engines differ in their order and in what they apply unasked. Parameters that ours could not follow
exactly are not taken: llama.cpp's penalties, which count a window of the last tokens, and vLLM's
bad words, which are strings. Hugging Face leaves the closing token out of its bad words.

Sources, as of 2026: transformers, ``GenerationMixin._get_logits_processor`` and
``GenerationConfig._get_default_generation_params``; vLLM, ``v1/sample/sampler.py`` and
``SamplingParams.__post_init__``, which lifts a temperature between 0 and .01 to .01 before it asks
whether one is below 1e-5 and greedy, so that only 0 is; llama.cpp, ``common_params_sampling``;
OpenAI's API reference, which states no order (assumptions: that of vLLM, and greedy at
temperature 0).
"""

from dataclasses import dataclass
from typing import NamedTuple


class Parameter(NamedTuple):
    """One of an engine's parameters, and the sampler that does the same."""

    name: str
    sampler: str
    off: tuple[float, ...] = ()
    """Values at which the engine leaves the sampler out."""
    default: float | None = None
    """What the engine applies unasked; None for nothing."""


@dataclass(frozen=True)
class Engine:
    """What an engine applies, in its order."""

    parameters: tuple[Parameter, ...]
    greedy_at_0: bool = True
    """Whether temperature 0 draws greedily; else it is refused."""
    least_temperature: float = 0
    """A temperature between 0 and this is lifted to it."""


TEMPERATURE = Parameter("temperature", "temperature", default=1)
PENALTIES = (
    Parameter("frequency_penalty", "frequency", off=(0,)),
    Parameter("presence_penalty", "presence", off=(0,)),
)
ENGINES = {
    "hf": Engine(
        (
            Parameter("sequence_bias", "logit_bias"),
            Parameter("repetition_penalty", "repetition", off=(1,)),
            Parameter("no_repeat_ngram_size", "no_repeat_ngram", off=(0,)),
            Parameter("bad_words_ids", "bad_words"),
            TEMPERATURE,
            Parameter("top_k", "top_k", off=(0,), default=50),
            Parameter("top_p", "top_p", off=(1,)),
            Parameter("min_p", "min_p", off=(0,)),
            Parameter("typical_p", "typical", off=(1,)),
            Parameter("epsilon_cutoff", "epsilon", off=(0, 1)),
            Parameter("eta_cutoff", "eta", off=(0, 1)),
        ),
        greedy_at_0=False,
    ),
    "vllm": Engine(
        (
            Parameter("logit_bias", "logit_bias"),
            Parameter("repetition_penalty", "repetition", off=(1,)),
            *PENALTIES,
            TEMPERATURE,
            Parameter("min_p", "min_p", off=(0,)),
            Parameter("top_k", "top_k", off=(0, -1)),
            Parameter("top_p", "top_p", off=(1,)),
        ),
        least_temperature=0.01,
    ),
    "llama.cpp": Engine(
        (
            Parameter("logit_bias", "logit_bias"),
            Parameter("top_n_sigma", "top_n_sigma", off=(0, -1)),
            Parameter("top_k", "top_k", off=(0, -1), default=40),
            Parameter("typical_p", "typical", off=(1,)),
            Parameter("top_p", "top_p", off=(1,), default=0.95),
            Parameter("min_p", "min_p", off=(0,), default=0.05),
            TEMPERATURE._replace(default=0.8),
        ),
    ),
    "openai": Engine(
        (
            Parameter("logit_bias", "logit_bias"),
            *PENALTIES,
            TEMPERATURE,
            Parameter("top_p", "top_p", off=(1,)),
        ),
    ),
}
