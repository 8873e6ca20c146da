"""Stage corpus.classifier: learn from examples which documents are of their kind.

Reads   ``documents``; one of: ``seed``, positives as documents (of a folder or a table
        corpus.extract makes them); ``labels``, columns of the documents, one of which says which
        are positive; or the config's ``urls`` and ``hosts``. Where given: ``negatives``, like
        ``seed``: without it others are drawn from the documents; ``language``, so that others are
        of the positives' languages in the same shares, and nothing is said of documents in
        languages without enough positives, nor of texts in several languages or in none that
        is known
Writes  ``weights.npy`` and ``model.json``, which corpus.classify reads
        ``about/evaluation.json``: ``held_out_auc`` with its interval, ``held_out_by``,
        ``calibration``, ``ngrams`` for and against, ``languages``, ``sites``, ``lengths``,
        ``passed_over_positives`` by language, ``without_site_ngrams_auc``, of the method ``dsir``
        also ``draw``

All of that is measured on examples that the classifier had not learnt from: in five rounds a fifth
is held out, near-duplicates together, and all of a site, or where the positives are of few sites
all of a page with its translations. Of a classifier that is no better than chance nothing is
written. Scores are probabilities where the seed's kind and all else are equally frequent.

Held in memory are 13 bytes for each document of the corpus, and its lot and place while the lots
are sorted: some 30 bytes in all.
"""

from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

from bedstone.corpus.classifiers import ngrams_shown, parting, quality
from bedstone.corpus.classifiers.drawing import (
    FEWEST,
    ClassifierConfig,
    Drawn,
    Example,
    drawn_examples,
)
from bedstone.corpus.classifiers.features import Features, Values, features_of_all
from bedstone.corpus.classifiers.linear import BUCKETS, learnt, said, values_of
from bedstone.corpus.classifiers.logistic import Bools, Linear
from bedstone.corpus.classifiers.trained import Trained, draw_of, quantiles_of, write_trained
from bedstone.corpus.duplicates.clusters import having
from bedstone.corpus.links.addresses import host_of, site_of, strict_key
from bedstone.errors import ConfigError, DataError, number_of
from bedstone.store.artifact import ABOUT
from bedstone.store.payload import write_json
from bedstone.store.stage import Job, Result, Stage
from bedstone.text.codes import Indices, Texts, batches
from bedstone.uncertainty.intervals import Estimate

LEAST_AUC = 0.6
EFFECTIVE_SHARE = 0.1
SITES = 50
"""That are told of, largest first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Examples, as a classifier sees them."""

    config: ClassifierConfig
    examples: list[Example]
    is_positive: Bools
    groups: Indices
    """That may not be parted."""
    sites: list[str]
    by_site: bool
    features: Features
    held: list[Texts]

    def learnt(self, values: Values, rows: Indices) -> Linear:
        """The classifier of some of the examples."""
        how = (self.config.method, self.config.random_seed)
        return learnt(self.features, values, self.is_positive, rows, *how)

    def scores(self, values: Values, folds: Indices) -> Values:
        """Of each example, by a classifier that has learnt from the other folds."""
        scores = np.empty(len(folds))
        for fold in np.unique(folds):
            model = self.learnt(values, np.flatnonzero(folds != fold))
            here = folds == fold
            scores[here] = said(model, self.features, values)[here]
        return scores


def run(config: ClassifierConfig, job: Job) -> Result:
    """Draw examples, learn and measure in rounds, then learn from all.

    Raises:
        ConfigError: it is not said which documents are positive, or twice.
        DataError: there are too few examples, or the classifier is no better than chance.
    """
    _refuse_unclear(config, job)
    drawn = drawn_examples(job.inputs, config)
    seen = _seen(config, drawn)
    values = values_of(seen.features, config.method)
    folds = parting.folds_of(seen.groups, seen.is_positive)
    scores = seen.scores(values, folds)
    area = quality.auc_of_groups(scores, seen.is_positive, seen.groups, config.random_seed)
    _refuse_chance(area)
    model = seen.learnt(values, np.arange(len(folds)))
    trained = Trained(
        config.method,
        model,
        *quality.calibration(scores, seen.is_positive),
        drawn.languages,
        config.random_seed,
    )
    sampled = _sampled(trained, drawn.sample)
    trained = replace(trained, quantiles=quantiles_of(sampled))
    told = _told(seen, drawn, scores, folds, trained)
    told |= {name: quality.rounded(it) for name, it in area.metrics("held_out", "auc").items()}
    if config.method == "dsir":
        share, ids = config.effective_share or EFFECTIVE_SHARE, [it.id for it in drawn.sample]
        temper, quantiles, told["draw"] = draw_of(share, sampled, ids, config.random_seed)
        trained = replace(trained, temper=temper, draw_quantiles=quantiles)
    write_trained(job, trained)
    write_json(job, f"{ABOUT}/evaluation.json", told)
    return Result({name: each for name, each in told.items() if isinstance(each, int | float)})


def _seen(config: ClassifierConfig, drawn: Drawn) -> Seen:
    """The examples, without others that are near-duplicates of a positive: they are its like.

    Raises:
        DataError: there are too few examples, or too few that may be parted.
    """
    said = quality.left_out(
        int(drawn.is_positive.sum()), drawn.passed_over, config.min_language_positives
    )
    _refuse_few(drawn.is_positive, said)
    texts = [example.text for example in drawn.examples]
    clusters = parting.clusters(texts)
    stays = np.flatnonzero(drawn.is_positive | ~having(clusters, drawn.is_positive))
    is_positive = drawn.is_positive[stays]
    examples = [drawn.examples[row] for row in stays]
    _refuse_few(is_positive, said)
    hosts = [host_of(strict_key(example.url) or "") for example in examples]
    sites = [site_of(host)[0] or host for host in hosts]
    by_site = parting.sites_can_be_held_out(list(compress(sites, is_positive)))
    names = sites if by_site else [parting.page_name(example.url) for example in examples]
    groups = parting.groups_of(names, clusters[stays])
    if (found := len(np.unique(groups[is_positive]))) < parting.FOLDS:
        raise DataError(
            f"the positives are {number_of(found, 'group')} of likenesses, fewer than "
            f"{parting.FOLDS}: a part cannot be held out",
            hint="near-duplicates, and pages of one name, cannot be parted: give other positives",
        )
    texts = [example.text for example in examples]
    features = features_of_all(texts, BUCKETS[config.method])
    return Seen(config, examples, is_positive, groups, sites, by_site, *features)


def _sampled(trained: Trained, sample: list[Example]) -> Values:
    """The scores of the corpus's sample as corpus.classify will give them, examples among them."""
    texts = [example.text for example in sample]
    found = np.concatenate([np.empty(0), *(trained.scores_of(each) for each in batches(texts))])
    if np.isnan(found).all():
        raise DataError("no document of the corpus has a word in a language of the positives")
    return found


def _told(
    seen: Seen, drawn: Drawn, scores: Values, folds: Indices, trained: Trained
) -> dict[str, Any]:
    """What the page about the classifier tells."""
    values, is_positive = values_of(seen.features, trained.method), seen.is_positive
    chances = quality.crossed(scores, is_positive, folds)
    lengths = [quality.length_name(len(example.text)) for example in seen.examples]
    is_of_site = ngrams_shown.of_sites(seen.features, seen.sites, len(trained.linear.weights))
    less = np.where(is_of_site[seen.features.buckets], 0.0, values)
    without = quality.auc(seen.scores(less, folds), is_positive)
    measured = (chances, scores, is_positive)
    return {
        "method": trained.method,
        "positive_documents": int(is_positive.sum()),
        "other_documents": int((~is_positive).sum()),
        "sample_documents": len(drawn.sample),
        "groups": len(np.unique(seen.groups)),
        "held_out_by": ["near-duplicate", "site" if seen.by_site else "page name"],
        "without_site_ngrams_auc": quality.rounded(without),
        "known_languages": list(trained.languages),
        "passed_over_positives": drawn.passed_over,
        "passed_over_positive_documents": sum(drawn.passed_over.values()),
        "calibration": quality.curve(chances, is_positive),
        "ngrams": ngrams_shown.moving(
            trained.linear, seen.features, values, is_positive, seen.held, is_of_site
        ),
        "languages": quality.by_group([it.language for it in seen.examples], *measured)
        if trained.languages
        else [],
        "sites": quality.by_group(seen.sites, *measured)[:SITES],
        "lengths": quality.by_group(lengths, *measured),
    }


def _refuse_unclear(config: ClassifierConfig, job: Job) -> None:
    ways = {
        "the input seed": "seed" in job.inputs,
        "the input labels": "labels" in job.inputs,
        "urls or hosts": bool(config.urls or config.hosts),
    }
    told = [name for name, is_told in ways.items() if is_told]
    if len(told) != 1:
        raise ConfigError(
            f"which documents are positive is said by {' and '.join(told) or 'nothing'}",
            hint="give one of: the input seed, the input labels with column, urls or hosts",
        )
    if ("labels" in job.inputs) != (config.column is not None):
        raise ConfigError("the input labels and the config's column need each other")


def _refuse_few(is_positive: Bools, left_out: str) -> None:
    for count, name in ((is_positive.sum(), "positive"), ((~is_positive).sum(), "other")):
        if count < FEWEST:
            raise DataError(
                f"{number_of(count, f'{name} example')}, fewer than {FEWEST}"
                + (f"; positives are {left_out}" if left_out else ""),
                hint="positives in no known language, or in one with fewer than "
                "min_language_positives, do not count, nor others that are in a language without "
                "positives or like a positive",
            )


def _refuse_chance(area: Estimate) -> None:
    if area.value < LEAST_AUC:
        raise DataError(
            f"what was held out is told apart with an AUC of {area.value:.3f} (95 %: "
            f"{area.low:.3f} to {area.high:.3f}; chance: 0.5), less than {LEAST_AUC:g}: "
            "the classifier has learnt nothing that holds for other documents",
            hint="give more positives, of more pages or sites, or positives that have more in "
            "common",
        )


STAGE = Stage(
    "corpus.classifier",
    version=1,
    config=ClassifierConfig,
    inputs=("documents",),
    optional=("language", "seed", "negatives", "labels"),
    run=run,
    libraries=("numpy", "pycld2", "tldextract"),
    instead="",
)
