"""A classifier with what was found about it; how it is written, read and asked.

With weights of dsir documents can be drawn in proportion to them, instead of taking those with the
largest ones. They are tempered, for weights of whole texts differ so much that a draw by them takes
hardly any but the largest: log weights are multiplied by the number that leaves as many documents
worth counting as was asked, sum(w)^2 / sum(w^2) of them.

Source: Xie et al. 2023, arXiv:2302.03169, where Gumbel noise on log weights draws without
replacement; Kish 1965, "Survey sampling", for the effective size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from bedstone.corpus.classifiers.features import Values, features_of
from bedstone.corpus.classifiers.linear import BUCKETS, Method, said, values_of
from bedstone.corpus.classifiers.logistic import Linear
from bedstone.corpus.classifiers.quality import DIGITS, chance, rounded
from bedstone.errors import ArtifactError
from bedstone.lots import lot
from bedstone.store.artifact import Shard
from bedstone.store.payload import read_json, write_json
from bedstone.store.stage import Job
from bedstone.text.codes import Texts

WEIGHTS, MODEL = "weights.npy", "model.json"
QUANTILES = 1_000
HALVINGS = 60
MOST_TEMPER = 1e6


@dataclass(frozen=True, slots=True)
class Trained:
    """All that scoring a text takes."""

    method: Method
    linear: Linear
    slope: float
    offset: float
    """Of the calibration."""
    languages: tuple[str, ...]
    """It says nothing of others; empty where no language was told."""
    seed: int
    quantiles: Values | None = None
    """Of the scores of the corpus, in equal steps."""
    temper: float = 0.0
    draw_quantiles: Values | None = None
    """Of the lots of dsir, and what their scores are multiplied with."""

    def scores_of(self, texts: Texts) -> Values:
        """Of texts, before calibration; NaN of one without an n-gram."""
        features = features_of(texts, BUCKETS[self.method])
        scores = said(self.linear, features, values_of(features, self.method))
        return np.where(np.diff(features.firsts) > 0, scores, np.nan)

    def chances(self, scores: Values) -> Values:
        """Calibrated: the probability, where the seed's kind is as frequent as all else."""
        return np.round(chance(self.slope * scores + self.offset), DIGITS)

    def percentiles(self, scores: Values) -> Values:
        """The share of the corpus that has lower scores."""
        assert self.quantiles is not None
        return _place(self.quantiles, scores)

    def draws(self, scores: Values, ids: list[str]) -> Values:
        """The share of the corpus that was drawn later.

        To take those above a limit is to draw without replacement, each by its tempered weight.
        """
        assert self.draw_quantiles is not None
        return _place(self.draw_quantiles, lots_of(scores, ids, self.temper, self.seed))


def lots_of(scores: Values, ids: Sequence[str], temper: float, seed: int) -> Values:
    """Tempered log weights, each with noise of Gumbel's distribution that is the document's own."""
    even = np.array([lot(each, f"dsir {seed}") for each in ids])
    noise = -np.log(-np.log(np.clip(even, 2.0**-49, 1 - 2.0**-49)))
    found: Values = temper * scores + noise
    return found


def draw_of(
    share: float, scores: Values, ids: Sequence[str], seed: int
) -> tuple[float, Values, dict[str, float]]:
    """The draw whose effective size is ``share`` of the sample with these log weights.

    Returns:
        What log weights are multiplied by; the quantiles of the lots; what is told of it.
    """
    is_told = ~np.isnan(scores)
    scores, ids = scores[is_told], list(compress(ids, is_told))
    low, high = 0.0, MOST_TEMPER
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_wide = effective_size(middle * scores) > share * len(scores)
        low, high = (middle, high) if is_wide else (low, middle)
    lots = lots_of(scores, ids, low, seed)
    count = max(round(share * len(scores)), 1)
    drawn, best = (np.argsort(-it, kind="stable")[:count] for it in (lots, scores))
    told = {
        "temper": low,
        "drawn_documents": count,
        "effective_documents": effective_size(low * scores),
        "untempered_effective_documents": effective_size(scores),
        "overlap_with_best_share": len(np.intersect1d(drawn, best)) / count,
    }
    return low, quantiles_of(lots), {name: rounded(it) for name, it in told.items()}


def effective_size(log_weights: Values) -> float:
    """How many documents of equal weight would vary as little."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def quantiles_of(values: Values) -> Values:
    """In equal steps from the least to the largest; NaN does not count."""
    return np.nanquantile(values, np.linspace(0, 1, QUANTILES + 1))


def write_trained(job: Job, trained: Trained) -> None:
    """Write ``weights.npy`` and ``model.json``."""
    with job.part(WEIGHTS) as path, path.open("wb") as file:
        np.save(file, np.round(trained.linear.weights.astype(np.float64), DIGITS).astype("<f4"))
    draws = trained.draw_quantiles
    assert trained.quantiles is not None
    values = {
        "method": trained.method,
        "bias": round(trained.linear.bias, DIGITS),
        "slope": round(trained.slope, DIGITS),
        "offset": round(trained.offset, DIGITS),
        "languages": list(trained.languages),
        "seed": trained.seed,
        "temper": round(trained.temper, DIGITS),
        "quantiles": np.round(trained.quantiles, DIGITS).tolist(),
        "draw_quantiles": None if draws is None else np.round(draws, DIGITS).tolist(),
    }
    write_json(job, MODEL, values, indent=0)


def read_trained(shard: Shard) -> Trained:
    """What ``write_trained`` wrote.

    Raises:
        ArtifactError: it is another artifact, or was altered.
    """
    values, path = read_json(shard, MODEL), shard.file(WEIGHTS)
    try:
        weights, draws = np.load(path, allow_pickle=False), values["draw_quantiles"]
        if weights.shape != (BUCKETS[values["method"]],):
            raise ValueError(f"weights of shape {weights.shape}")
        return Trained(
            values["method"],
            Linear(weights.astype(np.float32), float(values["bias"])),
            float(values["slope"]),
            float(values["offset"]),
            tuple(values["languages"]),
            int(values["seed"]),
            np.array(values["quantiles"], np.float64),
            float(values["temper"]),
            None if draws is None else np.array(draws, np.float64),
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ArtifactError(
            f"{path} and {MODEL} are no classifier: {error}", hint="build it anew"
        ) from error


def _place(quantiles: Values, values: Values) -> Values:
    places = np.interp(values, quantiles, np.linspace(0, 1, len(quantiles)))
    return np.round(places, DIGITS)
