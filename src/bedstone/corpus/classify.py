"""Stage corpus.classify: score each document by a classifier.

Reads   ``documents``; ``classifier``, that corpus.classifier has made, or else ``model``, a
        fastText file as others have trained it; ``language``, which a classifier wants that was
        made with it
Writes  ``classify.parquet``: ``id``, ``score`` (a probability; of a classifier as if the seed's
        kind and all else were equally frequent), of a classifier ``percentile`` (the share of the
        corpus that it was made for with lower scores), and of one of the method ``dsir`` ``draw``
        (the share of it that was drawn later). Null where nothing is said: of documents in
        languages that the classifier has not learnt, and without an n-gram

The usual limit is ``limits.NAME.percentile = { low = 0.9 }``: the tenth that is most like the
seed; ``draw`` in place of it draws as many in proportion to weights. A fastText model has no
percentiles: its limit is one on ``score``.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bedstone.config import Config
from bedstone.corpus.classifiers.features import Values
from bedstone.corpus.classifiers.logistic import Bools
from bedstone.corpus.classifiers.quality import DIGITS
from bedstone.corpus.classifiers.trained import Trained, read_trained
from bedstone.corpus.identification.identifiers import LABEL, fasttext_model
from bedstone.corpus.rewriting.versions import row_groups
from bedstone.errors import ConfigError, DataError
from bedstone.store import tables
from bedstone.store.payload import only_file
from bedstone.store.stage import Job, Metrics, Result, Stage
from bedstone.text.codes import batches

Columns = dict[str, Values]
Scoring = Callable[[pa.Table, Bools], Columns]
"""Of documents, and which of them are in a known language: the columns, NaN for nothing said."""
ALL_LABELS = -1
MOST_LABELS = 20
"""That are told."""


class ClassifyConfig(Config):
    """What is read of a fastText model."""

    label: str | None = None
    """Whose probability is the score, with or without ``__label__``."""


def run(config: ClassifyConfig, job: Job) -> Result:
    """Score the documents of one shard.

    Raises:
        ConfigError: not exactly one classifier is given, or a setting or input has no effect.
        DataError: the fastText file is none, or has no such label.
    """
    trained, scoring, names = _scoring(config, job)
    known, abstained = _known(trained, job)
    schema = pa.schema([("id", pa.string()), *((name, pa.float64()) for name in names)])
    row = scored = 0
    with tables.writing(job, "classify.parquet", schema) as written:
        for group in row_groups(job.inputs["documents"], ("id", "text")):
            columns = scoring(group, known[row : row + group.num_rows])
            row += group.num_rows
            scored += int((~np.isnan(columns["score"])).sum())
            found = {name: pa.array(it, mask=np.isnan(it)) for name, it in columns.items()}
            written.extend(pa.table({"id": group["id"].cast(pa.string()), **found}, schema))
    metrics: Metrics = {"input_documents": row, "scored_documents": scored}
    metrics |= {f"abstained.{name}_documents": abstained[name] for name in sorted(abstained)}
    return Result(metrics, (job.record("classify.parquet"),))


def total(sums: Metrics) -> Metrics:
    """The shards' counts, and of which share of the documents nothing is said."""
    documents = sums["input_documents"]
    return sums | {
        "abstained_share": 1 - sums["scored_documents"] / documents if documents else 0.0
    }


def _scoring(config: ClassifyConfig, job: Job) -> tuple[Trained | None, Scoring, tuple[str, ...]]:
    if ("classifier" in job.inputs) == ("model" in job.inputs):
        raise ConfigError(
            "documents are scored by one of the inputs classifier and model",
            hint="give the artifact of corpus.classifier, or else a fastText file",
        )
    if ("model" in job.inputs) != (config.label is not None):
        raise ConfigError(
            "the input model and the config's label need each other",
            hint='set label to what the score shall be of, such as "__label__hq"',
        )
    if "model" in job.inputs:
        path = only_file(job.inputs["model"], "a model").resolve()
        return None, _by_fasttext(path, str(config.label)), ("score",)
    trained = read_trained(job.inputs["classifier"])
    draws = ("draw",) if trained.draw_quantiles is not None else ()
    return trained, _by(trained), ("score", "percentile", *draws)


def _by(trained: Trained) -> Scoring:
    def scored(group: pa.Table, known: Bools) -> Columns:
        wanted = group.filter(pa.array(known))
        parts = [trained.scores_of(batch) for batch in batches(wanted["text"])]
        scores = np.full(len(known), np.nan)
        scores[known] = np.concatenate([np.empty(0), *parts])
        found = {"score": trained.chances(scores), "percentile": trained.percentiles(scores)}
        if trained.draw_quantiles is not None:
            found["draw"] = trained.draws(scores, group["id"].to_pylist())
        return found

    return scored


def _by_fasttext(path: Path, label: str) -> Scoring:
    model, label = fasttext_model(path), label.removeprefix(LABEL)

    def said(text: str) -> dict[str, float]:
        labels, chances = model.predict(" ".join(text.split()), k=ALL_LABELS)
        return dict(zip((it.removeprefix(LABEL) for it in labels), chances, strict=True))

    try:
        labels = said("")
    except ValueError as error:
        raise DataError(f"{path} is a fastText model that has no labels: {error}") from error
    if label not in labels:
        some = ", ".join(sorted(labels)[:MOST_LABELS])
        raise DataError(f"{path} has no label {label!r}; it has {some}")

    def scored(group: pa.Table, known: Bools) -> Columns:
        texts = group["text"].to_pylist()
        chances = np.array([said(text).get(label, 0.0) for text in texts], np.float64)
        is_blank = np.array([not text.strip() for text in texts], np.bool_)
        return {"score": np.where(is_blank, np.nan, np.round(np.minimum(chances, 1.0), DIGITS))}

    return scored


def _known(trained: Trained | None, job: Job) -> tuple[Bools, Counter[str]]:
    """Which documents are in a language that the classifier knows, and how many in which other."""
    if bool(trained and trained.languages) != ("language" in job.inputs):
        raise ConfigError(
            "the classifier says nothing of languages that its seed lacks: it needs the language"
            if trained and trained.languages
            else "the input language has no effect: the classifier was made without one",
            hint="give the input language to both corpus.classifier and corpus.classify, or to "
            "none; a fastText model takes none",
        )
    ids = tables.read(job.inputs["documents"], ["id"])
    if not (trained and trained.languages):
        return np.ones(len(ids), np.bool_), Counter()
    languages = tables.beside(job.inputs["language"], ids, ["language"])["language"]
    known = pc.is_in(languages, pa.array(trained.languages, languages.type))
    return known.to_numpy(), Counter(languages.filter(pc.invert(known)).to_pylist())


STAGE = Stage(
    "corpus.classify",
    version=1,
    config=ClassifyConfig,
    inputs=("documents",),
    optional=("classifier", "model", "language"),
    run=run,
    libraries=("fasttext-predict", "numpy", "pyarrow"),
    sharded=("documents", "language"),
    total=total,
    instead="",
)
