"""Stage sampling.rewards: judge stored answers by the model that post-training made of theirs.

Reads   ``answers`` (of sampling.answers), ``model`` (an aligned model with their tokeniser)
Writes  ``rewards.parquet``: ``problem``, ``sample``, ``reward``, in the answers' order

A model that was aligned with preferences holds a reward model: the reward of an answer is its
log-probability under the aligned model less that under the model that wrote it, in nats. A factor
and a term of the prompt alone are left out; they change no choice among a prompt's answers.

Source: Rafailov et al. 2023, arXiv:2305.18290, equation 5.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from bedstone.config import Config
from bedstone.errors import ArtifactError
from bedstone.model import Device, NumberFormat
from bedstone.posttrain.chat import Dialogue
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage
from bedstone.tasks.stored import rows_of

if TYPE_CHECKING:
    from bedstone.generation.writer import Writer

FILE = "rewards.parquet"


class RewardsConfig(Config):
    """How the model reads."""

    how = ("device",)
    chat: bool = True
    """Whether a prompt is a user's turn; as it was for the answers."""
    number_format: NumberFormat = "fp32"
    device: Device = "auto"


def run(config: RewardsConfig, job: Job) -> Result:
    """Give each answer its reward.

    Raises:
        ArtifactError: the model has another tokeniser, or the answers' log-probabilities are not
            told.
    """
    from bedstone.generation.writer import folder_of, loaded
    from bedstone.posttrain.scoring import completion_sums

    table = rows_of(job.inputs["answers"])
    writer = loaded(folder_of(job.inputs["model"]), config.number_format, config.device)
    _refuse_strangers(table, writer, job.inputs["answers"].location)
    prompts = table["prompt"].to_pylist()
    ids = dict(zip(prompts, writer.prompt_ids(prompts, chat=config.chat), strict=True))
    dialogues = [
        Dialogue(tuple(ids[prompt]), tuple(tokens))
        for prompt, tokens in zip(prompts, table["token_ids"].to_pylist(), strict=True)
    ]
    sums = completion_sums(writer.model, dialogues)
    rewards = [
        aligned - own for aligned, own in zip(sums, table["logprob"].to_pylist(), strict=True)
    ]
    rewarded = table.select(["problem", "sample"]).append_column("reward", pa.array(rewards))
    tables.write(job, FILE, rewarded)
    return Result({"answers": len(rewards), "mean_reward_nats": sum(rewards) / len(rewards)})


def _refuse_strangers(table: pa.Table, writer: "Writer", where: Path) -> None:
    if table["logprob"].null_count or table["token_ids"].null_count:
        raise ArtifactError(f"{where}: the endpoint did not tell tokens with log-probabilities")
    beside = zip(table["token_ids"].to_pylist(), table["text"].to_pylist(), strict=True)
    known = range(writer.texts.vocab_size)
    for tokens, text in beside:
        if not all(token in known for token in tokens) or writer.texts.decode(tokens) != text:
            raise ArtifactError(
                f"{where}: the answers are of another tokeniser than the reward's model has",
                hint="take the model that was aligned from the one that answered",
            )


STAGE = Stage(
    "sampling.rewards",
    version=1,
    config=RewardsConfig,
    inputs=("answers", "model"),
    run=run,
    libraries=("numpy", "pyarrow", "tokenizers", "torch"),
    reproducible="request",
)
