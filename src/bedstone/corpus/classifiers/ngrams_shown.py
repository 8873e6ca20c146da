"""What a classifier goes by: the n-grams that move most scores, and those that name a site."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from bedstone.corpus.classifiers.features import Features, Values
from bedstone.corpus.classifiers.logistic import Bools, Linear
from bedstone.corpus.classifiers.quality import rounded
from bedstone.text.codes import Indices, Texts

SHOWN = 20
"""N-grams for, and as many against."""
LOOKED_AT = 50
"""Texts in which a bucket's name is sought: the n-gram that is in it most often."""
SITE_SHARE = 0.9
"""Of the texts with an n-gram: if so many are of one site, it is the site's."""


def of_sites(features: Features, sites: Sequence[str], buckets: int) -> Bools:
    """Which buckets have n-grams that are found nearly in one site only.

    Those of a single text are not asked: they say nothing of another text. A text of which no site
    is told is of its own.
    """
    own = [site or f"\0{number}" for number, site in enumerate(sites)]
    _, of = np.unique(np.array(own), return_inverse=True)
    width = int(of.max(initial=0)) + 1
    pairs, counts = np.unique(
        features.buckets.astype(np.int64) * width + of[features.rows], return_counts=True
    )
    most = np.zeros(buckets, np.int64)
    np.maximum.at(most, pairs // width, counts)
    texts = np.bincount(features.buckets, minlength=buckets)
    return (texts > 1) & (most >= SITE_SHARE * texts)


def moving(
    model: Linear,
    features: Features,
    values: Values,
    is_positive: Bools,
    held: Sequence[Texts],
    is_of_site: Bools,
) -> dict[str, list[dict[str, Any]]]:
    """The n-grams that part the mean scores of both kinds most, by the sign of their weights."""
    rows = features.rows
    count = np.array([(~is_positive).sum(), is_positive.sum()])
    shares = np.where(is_positive, 1 / count[1], -1 / count[0])[rows]
    parted = np.bincount(features.buckets, values * shares, len(model.weights)) * model.weights
    found: dict[str, list[dict[str, Any]]] = {}
    for name, speaks in (("for", model.weights > 0), ("against", model.weights < 0)):
        found[name] = []
        for bucket in np.argsort(np.where(speaks, -parted, 0), kind="stable")[:SHOWN].tolist():
            if not (speaks[bucket] and parted[bucket] > 0):
                break
            places = np.flatnonzero(features.buckets == bucket)
            kinds = is_positive[rows[places]]
            found[name].append(
                {
                    "ngram": _name(features, places[:LOOKED_AT], held),
                    "weight": rounded(model.weights[bucket]),
                    "positives_share": rounded(kinds.sum() / count[1]),
                    "others_share": rounded((~kinds).sum() / count[0]),
                    "of_one_site": bool(is_of_site[bucket]),
                }
            )
    return found


def _name(features: Features, places: Indices, held: Sequence[Texts]) -> str:
    ends = np.cumsum([len(texts) for texts in held])
    names = Counter[str]()
    for place in places.tolist():
        row = int(np.searchsorted(features.firsts, place, "right")) - 1
        codes = held[int(np.searchsorted(ends, row, "right"))].codes
        end = features.ends[place]
        text = codes[features.begins[place] : abs(end)].tobytes().decode("utf-32-le")
        names[" ".join(text.lower().split()) + ("…" if end < 0 else "")] += 1
    return min(names, key=lambda name: (-names[name], name))[:80]
