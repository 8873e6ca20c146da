"""Stage sampling.strategies: what each way to sample a model is worth, and what it costs.

Reads   ``model`` (a model folder with its tokeniser), ``pairs`` (the held-out prompts)
Writes  ``strategies.parquet``, a row for each strategy:
        ``strategy``      a chain of samplers, or ``best-of-N`` of the model's own completions
        ``property_rate`` of ``posttrain.checker``, with ``_low``, ``_high`` and ``_n``, the prompts
        ``tokens_per_prompt``  that were drawn, those of completions not chosen included
        ``kv_bytes``      keys and values a prompt at their peak, its samples drawn side by side:
                          computed from the shape and the lengths, not measured
        ``kl_nats``       of the sequences from the model's own at temperature 1; for best-of-N
                          a bound that it does not exceed, and ``kl_is_bound`` says so
        ``completions.parquet``: ``strategy``, ``prompt``, ``text`` of some completions

Best-of-N takes one of N completions that has the property, if there is one: a bound on what any
choice among N reaches. Its rates for all N come from the same completions.

Shape letters: P prompts, N completions of each.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from bedstone.config import Config
from bedstone.counting.memory import kv_bytes
from bedstone.counting.shape import ModelConfig
from bedstone.generation.chain import ChainText, parse
from bedstone.generation.generate import Drawing
from bedstone.generation.values import MAX_SAMPLES, MAX_TOKENS
from bedstone.model.hugging_face import WEIGHTS, load
from bedstone.posttrain.chat import render_prompt
from bedstone.posttrain.prompts import drawn, read_pairs
from bedstone.sampling.choosing.selection import best_shares
from bedstone.store import tables
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.encoder import END, Encoder
from bedstone.uncertainty.intervals import wilson

if TYPE_CHECKING:
    from bedstone.posttrain.judged import Judged

OWN = "temperature=1"
"""The chain that leaves a model's distribution as it is."""
NUMBER_BYTES = 4
"""Generation computes in fp32."""

Row = dict[str, object]


class StrategiesConfig(Config):
    """Which strategies, on how many prompts."""

    chains: tuple[ChainText, ...] = (
        "greedy",
        "temperature=0.7",
        "temperature=1",
        "top_k=50",
        "top_p=0.9",
        "min_p=0.05",
    )
    """Each is a strategy: how the next token is drawn."""
    best_of: tuple[Annotated[int, Field(ge=1, le=MAX_SAMPLES)], ...] = (1, 2, 4, 8)
    """Numbers of completions to choose the best of; the largest is drawn."""
    prompts: int = Field(default=200, ge=1)
    """Held out; or as many different ones as there are."""
    max_tokens: int = Field(default=48, ge=1, le=MAX_TOKENS)
    """Of a completion."""
    examples: int = Field(default=3, ge=0)
    """Prompts whose completions are written down, for each chain."""
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _compares(self) -> "StrategiesConfig":
        if not self.chains and not self.best_of:
            raise ValueError("there is no strategy to compare")
        return self


def run(config: StrategiesConfig, job: Job) -> Result:
    """Draw with each chain, judge, and count the cost."""
    from bedstone.posttrain.judged import complete

    encoder = Encoder.stored(job.inputs["model"])
    model = load(job.inputs["model"].file(WEIGHTS).parent)
    _, held_out = read_pairs(job.inputs["pairs"])
    texts = [pair.prompt for pair in drawn(held_out, config.prompts, config.seed)]
    lengths = [len(render_prompt(encoder, text)) for text in texts]
    rows: list[Row] = []
    examples: list[Row] = []
    samples = dict.fromkeys(config.chains, 1)
    if config.best_of:
        samples[OWN] = max(config.best_of)
    with job.progress.task("completions", len(texts) * sum(samples.values())) as task:
        for chain, count in samples.items():
            drawing = Drawing(
                chain=parse(chain),
                samples=count,
                max_tokens=config.max_tokens,
                stop_ids=frozenset({encoder.special[END]}),
                seed=config.seed,
            )
            judged = complete(model, encoder, texts, drawing, job.engine.workers)
            task.advance(len(texts) * count)
            firsts = [each[0] for each in judged]
            if chain in config.chains:
                rows.append(chain_row(chain, firsts, lengths, model.config))
                examples += _examples(chain, texts[: config.examples], firsts)
            if chain == OWN:
                rows += [best_of_row(n, judged, lengths, model.config) for n in config.best_of]
    tables.write(job, "strategies.parquet", pa.Table.from_pylist(rows, _STRATEGIES))
    tables.write(job, "completions.parquet", pa.Table.from_pylist(examples, _COMPLETIONS))
    return Result(_metrics(rows, len(texts)))


def chain_row(
    chain: str, judged: "Sequence[Judged]", prompt_tokens: Sequence[int], shape: ModelConfig
) -> Row:
    """What one completion of each prompt says of a chain.

    The KL is the mean of the completions' log-probabilities under the chain less those under the
    model: without bias, since they are drawn from the chain.
    """
    drawn_tokens = [len(each.token_ids) for each in judged]
    kl_nats = [
        sum(each.completion.sampling_logprobs) - sum(each.completion.logprobs) for each in judged
    ]
    return {
        "strategy": chain,
        **_rate([float(each.holds) for each in judged]),
        "tokens_per_prompt": float(np.mean(drawn_tokens)),
        "kv_bytes": _mean_kv_bytes([[count] for count in drawn_tokens], prompt_tokens, shape),
        "kl_nats": float(np.mean(kl_nats)),
        "kl_is_bound": False,
    }


def best_of_row(
    n: int, judged: "Sequence[Sequence[Judged]]", prompt_tokens: Sequence[int], shape: ModelConfig
) -> Row:
    """What the best of ``n`` completions reaches, from as many or more of each prompt.

    All is in the mean over all choices of ``n``, tokens and bytes too.
    Source of the KL's bound: Beirami et al. 2024, arXiv:2401.01879.
    """
    holds_PN = np.array([[one.holds for one in each] for each in judged], dtype=np.float64)
    rates_P = (best_shares(holds_PN, n) * holds_PN).sum(axis=1)
    drawn_tokens = [[len(one.token_ids) for one in each] for each in judged]
    share = n / len(judged[0])
    return {
        "strategy": f"best-of-{n}",
        **_rate(rates_P.tolist()),
        "tokens_per_prompt": share * float(np.mean([sum(counts) for counts in drawn_tokens])),
        "kv_bytes": share * _mean_kv_bytes(drawn_tokens, prompt_tokens, shape),
        "kl_nats": math.log(n) - (n - 1) / n,
        "kl_is_bound": n > 1,
    }


def _rate(values: Sequence[float]) -> Row:
    estimate = wilson(float(np.mean(values)), len(values))
    return dict(estimate.metrics("property", "rate"))


def _mean_kv_bytes(
    drawn_tokens: Sequence[Sequence[int]], prompt_tokens: Sequence[int], shape: ModelConfig
) -> float:
    """Of a prompt: each of its samples at its full length, the prompt's own positions with it.

    Computed from the shape, not measured.
    """
    beside = zip(drawn_tokens, prompt_tokens, strict=True)
    kept = partial(kv_bytes, shape.architecture, number_bytes=NUMBER_BYTES)
    of_prompt = [sum(kept(prompt + count) for count in counts) for counts, prompt in beside]
    return float(np.mean(of_prompt))


def _examples(chain: str, prompts: Sequence[str], judged: "Sequence[Judged]") -> list[Row]:
    beside = zip(prompts, judged, strict=False)
    return [{"strategy": chain, "prompt": prompt, "text": one.text} for prompt, one in beside]


def _metrics(rows: Sequence[Row], prompts: int) -> Metrics:
    rates = [float(str(row["property_rate"])) for row in rows]
    return {
        "prompts": prompts,
        "strategies": len(rows),
        "lowest_property_share": min(rates),
        "highest_property_share": max(rates),
    }


_STRATEGIES = pa.schema(
    {
        "strategy": pa.string(),
        "property_rate": pa.float64(),
        "property_rate_low": pa.float64(),
        "property_rate_high": pa.float64(),
        "property_rate_n": pa.int64(),
        "tokens_per_prompt": pa.float64(),
        "kv_bytes": pa.float64(),
        "kl_nats": pa.float64(),
        "kl_is_bound": pa.bool_(),
    }
)
_COMPLETIONS = pa.schema(
    {"strategy": pa.string(), "prompt": pa.large_string(), "text": pa.large_string()}
)

STAGE = Stage(
    "sampling.strategies",
    version=1,
    config=StrategiesConfig,
    inputs=("model", "pairs"),
    run=run,
    libraries=("numpy", "pyarrow", "tiktoken", "torch"),
    reproducible="request",
)
