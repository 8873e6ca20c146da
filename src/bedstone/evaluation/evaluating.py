"""`bedstone evaluate`: what is asked, what came of it, and what the other model made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bedstone.corpus.overlap import grades
from bedstone.errors import ConfigError
from bedstone.evaluation import summary
from bedstone.evaluation.asking import Asked, Asking, Known, Suite, known_text, suites_of
from bedstone.evaluation.expense import expenses
from bedstone.evaluation.outcomes import Outcome, outcomes
from bedstone.evaluation.pivot import detour
from bedstone.evaluation.standing import told
from bedstone.evaluation.suites.others import samples_of
from bedstone.evaluation.verdicts.gaps import paired_models
from bedstone.generation.complete import chain_of
from bedstone.languages import ENGLISH
from bedstone.sampling.source import Source
from bedstone.store.artifact import Artifact
from bedstone.store.making import Making
from bedstone.tasks.stored import rows_of

Row = dict[str, Any]
SAMPLES = ".jsonl"
"""Of a run that lm-evaluation-harness logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Of whom, and what besides."""

    path: Path | None
    """Of a model on this machine; None of an endpoint."""
    endpoint_model: str | None
    corpus: Artifact | None
    against: Path | None
    pivot: str | None
    translator: str | None
    dry_run: bool

    def refuse_unusable(self, asked: Asked) -> None:
        """Raises ConfigError where an option cannot be used."""
        if self.path is None and self.endpoint_model is None:
            raise ConfigError("an endpoint has models by name", hint="give --endpoint-model NAME")
        if self.path is not None and self.endpoint_model is not None:
            raise ConfigError(
                f"--endpoint-model {self.endpoint_model}: the model is none of an endpoint"
            )
        if (self.pivot is None) != (self.translator is None):
            missing = "--translator self" if self.translator is None else "--pivot eng"
            raise ConfigError("a detour needs a language and a translator", hint=f"give {missing}")
        chain_of(asked.chain)
        if asked.samples > 1 and asked.chain == "greedy":
            raise ConfigError(
                f"--samples {asked.samples} of greedy are all the same", hint="--chain temperature=1"
            )


def evaluated(model: str, wanted: Wanted, asked: Asked, making: Making) -> Row:
    """What ``bedstone.evaluate`` returns.

    Raises:
        ConfigError: an option cannot be used.
        ArtifactError: there is no such model.
        DataError: a file holds no items.
    """
    wanted.refuse_unusable(asked)
    if wanted.path is not None:
        source = Source.of_path(wanted.path, making.store)
    else:
        name = str(wanted.endpoint_model)
        source = Source.of_url(model, name, making, chat=not asked.plain)
    asking = Asking(source, asked, making)
    suites = suites_of(asked, making)
    if wanted.dry_run:
        return _cost(model, asking, suites, wanted)
    known = known_text(source, wanted.corpus)
    shares = summary.train_shares(wanted.corpus or source.inputs.get("model"))
    found = [row for suite in suites for row in _told(asking, suite, known, shares)]
    if wanted.against is not None:
        others = _outcomes_of_other(asking, suites, wanted.against)
        for row in found:
            ...
    return {
        "model": model,
        "probe": source.probed,
        "documents": None if known is None else str(known.documents.path),
        "suites": found,
        "pivot": [_pivoted(asking, suite, wanted) for suite in suites] if wanted.pivot else [],
        "warnings": [] if known is None else known.warnings,
    }
