"""Every stage, by name, in the order in which a model is made; what it does, its module says."""

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bedstone.errors import BedstoneError, ConfigError, nearest
from bedstone.store.artifact import ADOPTION
from bedstone.store.stage import Stage

EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "ctranslate2": "translate",
    "sentencepiece": "translate",
    "ray": "ray",
    "obstore": "cloud",
}
"""Package -> the extra that brings it."""


STAGES = (
    "corpus.crawl",
    "corpus.commoncrawl",
    "corpus.extract",
    "corpus.parallel",
    "corpus.aligned",
    "corpus.language",
    "corpus.votes",
    "corpus.sites",
    "corpus.words",
    "corpus.permissions",
    "corpus.yardstick",
    "corpus.minhash",
    "corpus.held_out",
    "corpus.thresholds",
    "corpus.rewrite",
    "corpus.lines",
    "corpus.personal",
    "corpus.redact",
    "corpus.shuffle",
    "corpus.statistics",
    "corpus.classifier",
    "corpus.classify",
    "corpus.reference",
    "corpus.perplexity",
    "corpus.controls",
    "corpus.contamination",
    "corpus.filter",
    "corpus.dedup",
    "corpus.draw",
    "corpus.prevalence",
    "corpus.audit",
    "tokenizer.train",
    "tokenizer.encode",
    "tokenizer.cost",
    "tokenizer.mix",
    "scaling.fit",
    "scaling.ladder",
    "scaling.plan",
    "scaling.predict",
    "pretrain.train",
    "evaluation.texts",
    "evaluation.bits",
    "posttrain.pairs",
    "posttrain.tasks",
    "posttrain.sft",
    "posttrain.judge",
    "posttrain.prefer",
    "evaluation.change",
    "sampling.probe",
    "sampling.answers",
    "sampling.latency",
    "sampling.rewards",
    "sampling.compare",
    "evaluation.suite",
    "evaluation.made",
    "evaluation.translations",
    "evaluation.scores",
    "evaluation.standing",
    "evaluation.ablation",
    "evaluation.prediction",
    "evaluation.structure",
)
"""In the mission's order. A stage's name is its module below ``bedstone``."""
OF_FILES = (ADOPTION, "corpus.crawl", "corpus.commoncrawl")
"""Stages whose artifacts hold files as anybody might bring them."""
WITH_TEXTS = ("corpus.extract", "corpus.rewrite", "corpus.lines", "corpus.redact", "corpus.shuffle")
"""Stages that write documents."""
DECIDING = ("corpus.filter", "corpus.dedup")
"""Stages that write which documents are kept."""


def sentences() -> dict[str, str]:
    """Each stage's name and what it does, as its module's docstring begins; none is imported."""
    return {name: sentence(name, docstring(name)) for name in STAGES}


def docstring(name: str) -> str:
    """That of the stage's module, which is not imported.

    Raises:
        ConfigError: there is no such stage.
    """
    _refuse_unknown(name)
    spec = importlib.util.find_spec(f"bedstone.{name}")
    assert spec is not None
    assert spec.origin is not None
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf-8"))) or ""


def sentence(name: str, text: str) -> str:
    """What the stage does: the first sentence of ``text``, behind its name."""
    found = text.removeprefix(f"Stage {name}: ").partition(".")[0]
    return found[:1].upper() + found[1:]


def find(name: str) -> Stage:
    """The stage called ``name``; its module is imported only now.

    Raises:
        ConfigError: there is no such stage.
        BedstoneError: it needs a package that is not installed.
    """
    _refuse_unknown(name)
    stage: Stage = imported(name, name).STAGE
    return stage


def _refuse_unknown(name: str) -> None:
    if name not in STAGES:
        raise ConfigError(f"no stage {name!r}; {nearest(name, STAGES)}")


def imported(module: str, needed_by: str) -> Any:
    """The module below ``bedstone``, which may need what core does not install.

    Raises:
        BedstoneError: a package is not installed.
    """
    with packages_of(needed_by):
        return importlib.import_module(f"bedstone.{module}")


@contextmanager
def packages_of(needed_by: str) -> Iterator[None]:
    """Say in words that a package which is imported within is not installed.

    Raises:
        BedstoneError: one is not.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("bedstone"):
            raise
        raise not_installed(needed_by, str(error.name)) from error


def not_installed(stage: str, package: str) -> BedstoneError:
    """The error of a stage or command whose package is missing."""
    return BedstoneError(
        f"{stage} needs {package}, which is not installed",
        hint=f"pip install '{f'bedstone[{EXTRAS[package]}]' if package in EXTRAS else package}'",
    )
