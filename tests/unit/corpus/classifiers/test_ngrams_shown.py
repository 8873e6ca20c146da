import numpy as np
import pytest

from bedstone.corpus.classifiers import ngrams_shown
from bedstone.corpus.classifiers.features import features_of_all
from bedstone.corpus.classifiers.linear import BUCKETS, values_of
from bedstone.corpus.classifiers.logistic import Linear

COUNT = BUCKETS["logistic"]
TEXTS = ["Red sea"] * 10 + ["blue sea"] * 9 + ["blue once"]
SITES = ["a"] * 9 + ["b"] + ["b", "c"] * 5


def bucket(word):
    return int(features_of_all([word], COUNT)[0].buckets[-1])


@pytest.mark.parametrize(
    ("sites", "of_site"),
    [(SITES, {"red"}), (["a"] * 20, {"red", "blue", "sea"}), ([""] * 20, set())],
)
def test_ngrams_of_one_site(sites, of_site):
    features, _ = features_of_all(TEXTS, COUNT)
    found = ngrams_shown.of_sites(features, sites, COUNT)
    named = {word for word in ("red", "blue", "sea", "once") if found[bucket(word)]}
    assert named == of_site  # "once" stands in one text only


def test_what_moves_scores_most_by_name():
    features, held = features_of_all(TEXTS, COUNT)
    weights = np.zeros(COUNT, np.float32)
    weights[[bucket("red"), bucket("red sea"), bucket("blue")]] = 2, 1, -3
    model, is_positive = Linear(weights, 0.0), np.arange(20) < 10
    values, nothing = values_of(features, "logistic"), np.zeros(COUNT, np.bool_)
    told = ngrams_shown.moving(model, features, values, is_positive, held, nothing)
    assert [row["ngram"] for row in told["for"]] == ["red", "red sea"]
    assert told["against"] == [
        {
            "ngram": "blue",
            "weight": -3,
            "positives_share": 0,
            "others_share": 1,
            "of_one_site": False,
        }
    ]
