"""Stage corpus.rewrite: drop lines and citations by C4's rules, and decide about no page.

Reads   ``documents``; where given ``before``, earlier decisions: what they drop is not rewritten,
        which saves the time
Writes  ``documents.parquet``: the same rows and columns, with what is left of each text, and
        ``headings`` as numbers of its lines. ``corpus.rules.c4`` says what is left; of what was
        dropped before, nothing is.

Statistics of the rewritten texts are other than those of the documents: measure them anew.
"""

from typing import Literal

from pydantic import model_validator

from bedstone.config import Config
from bedstone.corpus.rewriting.versions import passing, total, write_version
from bedstone.corpus.rules.c4 import VARIANTS, rewrite
from bedstone.store import tables
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.codes import Rewritten, Texts


class RewriteConfig(Config):
    """By which rules lines are dropped."""

    lines: Literal["c4:datatrove", "c4:fineweb", "c4:tfds"] = "c4:datatrove"
    """A variant of C4's rules."""
    without: tuple[
        Literal["citations", "long_word", "end_mark", "few_words", "javascript", "policy"], ...
    ] = ()
    """Of them, those that are left out."""

    @model_validator(mode="after")
    def _every_setting_has_an_effect(self) -> "RewriteConfig":
        if "end_mark" in self.without and not VARIANTS[self.variant].end_marks:
            raise ValueError(f"{self.lines} has no rule end_mark to leave out")
        return self

    @property
    def variant(self) -> str:
        """The name that the rules have in ``VARIANTS``."""
        return self.lines.removeprefix("c4:")


def run(config: RewriteConfig, job: Job) -> Result:
    """Rewrite the documents of one shard."""

    def rewriting(texts: Texts, row: int) -> Rewritten:
        return rewrite(texts, config.variant, config.without)

    documents = job.inputs["documents"]
    passes = passing(job, tables.read(documents, ["id"])) if "before" in job.inputs else None
    file, metrics = write_version(job, "documents.parquet", documents, rewriting, passes)
    return Result(metrics, (file,))


STAGE = Stage(
    "corpus.rewrite",
    version=1,
    config=RewriteConfig,
    inputs=("documents",),
    optional=("before",),
    run=run,
    libraries=("numpy", "pyarrow"),
    sharded=("documents", "before"),
    total=total,
    instead="documents",
)
