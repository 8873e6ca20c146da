"""Stage tokenizer.train: learn a byte-level BPE vocabulary from the kept text.

Reads   ``documents``, ``language``, ``kept``: shards of the same documents
Writes  ``tokenizer.json`` (Hugging Face tokenizers) and ``tokenizer_config.json``: transformers
        loads the folder, with the chat format that post-training uses

Equal bytes on every machine and with any number of threads.
The documents that later stages hold out are learnt from too: a model's bits on them are those of a
vocabulary that knows them, the same one for every model.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from bedstone.artifact import Shard
from bedstone.config import Config
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.stage import Job, Result, Stage
from bedstone.tokenizer.encoding import (
    ASSISTANT,
    CONFIG_FILE,
    END,
    FILE,
    PATTERN,
    SPECIAL_TOKENS,
    USER,
    byte_alphabet,
)
from bedstone.tokenizer.kept import read_kept, text_bytes
from bedstone.tokenizer.mixing import even_budgets

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    f"{{% if message['role'] == 'user' %}}{USER}{{{{ message['content'] }}}}"
    f"{{% elif message['role'] == 'assistant' %}}{ASSISTANT}{{{{ message['content'] }}}}{END}"
    "{% else %}{{ raise_exception('there are the roles user and assistant') }}{% endif %}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{ASSISTANT}{{% endif %}}"
)


class TrainConfig(Config):
    """How many tokens, learned from how much text."""

    vocab_size: int = Field(4096, ge=len(SPECIAL_TOKENS) + 256)
    """Control tokens and single bytes included. Little text gives fewer tokens."""
    min_frequency: int = Field(2, ge=1)
    """Occurrences below which no pair is merged."""
    max_bytes: int = Field(2**24, ge=1)
    """Text to learn from, shared out evenly over the languages as far as they have it, so that
    the largest does not own the vocabulary: the less, the more even. Documents are drawn by
    hash."""


def run(config: TrainConfig, job: Job) -> Result:
    """Measure the languages, draw their documents, and train on them.

    Raises:
        DataError: no text was kept.
    """
    sizes = _language_bytes(job)
    if not sizes:
        raise DataError("no text was kept: there is nothing to train a tokeniser on")
    budgets = even_budgets(sizes, config.max_bytes)
    shares = {name: budgets[name] / size for name, size in sizes.items()}
    tally = Counter[str]()
    tokenizer = untrained()
    with job.progress.task("bytes", sum(budgets.values())) as task:

        def texts() -> Iterator[str]:
            for text, size in _drawn(job, shares):
                tally.update(documents=1, bytes=size)
                task.advance(size)
                yield text

        tokenizer.train_from_iterator(texts(), trainer(config))
    with job.part(FILE) as path:
        tokenizer.save(str(path))
    with job.part(CONFIG_FILE) as path:
        path.write_text(json.dumps(_transformers_config(), indent=2) + "\n", "utf-8")
    return Result(
        {
            "vocabulary_tokens": tokenizer.get_vocab_size(),
            "train_documents": tally["documents"],
            "train_bytes": tally["bytes"],
            "train_languages": sum(map(bool, budgets.values())),
            "largest_language_share": max(budgets.values()) / sum(budgets.values()),
        }
    )


def _shards(job: Job) -> Iterator[tuple[Shard, Shard, Shard]]:
    roles = ("documents", "language", "kept")
    return zip(*(job.inputs[role].shards for role in roles), strict=True)


def _language_bytes(job: Job) -> dict[str, int]:
    sizes = Counter[str]()
    for shards in _shards(job):
        table = read_kept(*shards)
        for name, size in zip(table["language"].to_pylist(), text_bytes(table), strict=True):
            sizes[name] += size
    return {name: size for name, size in sizes.items() if size}


def _drawn(job: Job, shares: Mapping[str, float]) -> Iterator[tuple[str, int]]:
    for shards in _shards(job):
        table = read_kept(*shards)
        rows = zip(*(table[name].to_pylist() for name in ("id", "language", "text")), strict=True)
        for (document, language, text), size in zip(rows, text_bytes(table), strict=True):
            if lot(document, "tokenizer.train") < shares.get(language, 0.0):
                yield text, size


def untrained() -> Tokenizer:
    """A tokeniser that cuts as ``PATTERN`` says and knows no token yet."""
    tokenizer = Tokenizer(models.BPE())
    cut = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trainer(config: TrainConfig) -> trainers.BpeTrainer:
    """Gives ids to control tokens, then to bytes, then to merges in the order of learning."""
    return trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=list(byte_alphabet()),
        show_progress=False,
    )


def _transformers_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


STAGE = Stage(
    "tokenizer.train",
    version=1,
    config=TrainConfig,
    inputs=("documents", "language", "kept"),
    run=run,
    libraries=("tokenizers",),
)
