import math
import random

import numpy as np
import pytest

from bedstone.corpus.classifiers import logistic
from bedstone.corpus.classifiers.features import features_of_all
from bedstone.corpus.classifiers.linear import BUCKETS, learnt, said, values_of

BUCKET_COUNT = BUCKETS["logistic"]


@pytest.fixture(scope="module")
def examples():
    dice = random.Random(1)
    texts = [
        " ".join(dice.choices(["alpha", "beta"] if row % 3 else ["gamma", "beta"], k=9))
        for row in range(60)
    ]
    features, _ = features_of_all(texts, BUCKET_COUNT)
    return features, values_of(features, "logistic"), np.arange(60) % 3 > 0


def slowly(features, values, is_positive, rows, seed):
    """The same by the formula, with every weight moved in every step."""
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(rows) for _ in range(logistic.ROUNDS)])
    share = is_positive[rows].mean()
    weights, total = np.zeros(BUCKET_COUNT), np.zeros(BUCKET_COUNT)
    bias = biases = 0.0
    for step, text in enumerate(order):
        at = slice(features.firsts[text], features.firsts[text + 1])
        places, value = features.buckets[at], values[at]
        eta = logistic.RATE / (1 + logistic.PENALTY * logistic.RATE * step) ** 0.75
        sign = 1 if is_positive[text] else -1
        cost = 0.5 / (share if is_positive[text] else 1 - share)
        slope = cost * sign / (1 + math.exp(sign * (weights[places] @ value + bias)))
        weights *= 1 - eta * logistic.PENALTY
        weights[places] += eta * slope * value
        bias += logistic.BIAS_SHARE * eta * slope
        if step >= len(rows):
            total += weights
            biases += bias
    return total / (len(order) - len(rows)), biases / (len(order) - len(rows))


def test_it_is_the_average_of_plain_descent(examples):
    rows = np.arange(5, 60)
    found = logistic.fitted(*examples, rows, BUCKET_COUNT, 3)
    weights, bias = slowly(*examples, rows, 3)
    assert found.weights.tolist() == pytest.approx(weights.tolist(), abs=1e-5)
    assert found.bias == pytest.approx(bias)


def test_same_seed_same_bytes_and_rows_left_out_teach_nothing(examples):
    features, values, is_positive = examples
    rows = np.arange(40)
    one, two, other = (logistic.fitted(*examples, rows, BUCKET_COUNT, seed) for seed in (3, 3, 4))
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.weights.tobytes() != other.weights.tobytes()
    changed = is_positive.copy()
    changed[40:] = ~changed[40:]
    again = logistic.fitted(features, values, changed, rows, BUCKET_COUNT, 3)
    assert again.weights.tobytes() == one.weights.tobytes()


@pytest.mark.parametrize("method", ["logistic", "dsir"])
def test_what_is_typical_of_a_kind_speaks_for_it(method):
    texts = ["wing feather nest"] * 20 + ["wheel brake gear"] * 20 + ["nest wing", "gear wheel"]
    features, _ = features_of_all(texts, BUCKETS[method])
    values, is_positive = values_of(features, method), np.arange(42) < 20
    model = learnt(features, values, is_positive, np.arange(40), method, 1)
    scores = said(model, features, values)
    assert scores[40] > 0 > scores[41]


def test_weights_of_dsir_are_log_ratios_of_shares_each_count_one_more():
    texts = ["sun sun", "rain"]  # sun twice and the pair once, rain once
    features, _ = features_of_all(texts, BUCKETS["dsir"])
    values = values_of(features, "dsir")
    model = learnt(features, values, np.array([True, False]), np.arange(2), "dsir", 1)
    buckets = BUCKETS["dsir"]
    sun, rain = features.buckets[0], features.buckets[-1]
    assert model.weights[sun] == pytest.approx(math.log(3 / (3 + buckets) * (1 + buckets)))
    assert model.weights[rain] == pytest.approx(math.log(1 / (3 + buckets) / 2 * (1 + buckets)))
