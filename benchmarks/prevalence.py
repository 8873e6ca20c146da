"""Intervals of a domain's share: stratified labels against the ways that others take.

    python benchmarks/prevalence.py [--simulations 400] [--labels 500,100]

A corpus of 100,000 documents, a classifier with a sensitivity and a specificity, and labels. Each
row is one truth; of each method, how often its 95 % interval holds the truth, and how wide it is on
average. ``stratified`` is ours, 30 % of the labels above the classifier's threshold, a fifth of the
documents left open by the classifier in ``untold``, where in ``untold 0`` no document of the domain
is among those. The others have as many labels, drawn plainly:
``naive`` counts what the classifier says; ``Wilson`` looks at the labels alone; ``Rogan-Gladen``
(American Journal of Epidemiology 1978, 107, 71) corrects the count by the sensitivity and the
specificity that the labels show; ``PPI`` is prediction-powered inference with a tuned weight
(Angelopoulos, Duchi and Zrnic 2023, arXiv:2311.01453).
"""

import argparse
import time

import numpy as np
from numpy.random import Generator

from bedstone.uncertainty.intervals import Z_95, Estimate, wilson
from bedstone.uncertainty.strata import Stratum, stratified_share

DOCUMENTS = 100_000
ABOVE_SHARE = 0.3
UNTOLD_SHARE = 0.2
ROWS = tuple(
    (truth, *quality) for truth in (0.01, 0.05, 0.2) for quality in ((0.9, 0.98), (0.8, 0.9))
)
"""Truth, sensitivity, specificity."""
Counts = tuple[int, int]
"""Of the domain, and not."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--labels", default="500,100")
    given = parser.parse_args()
    methods = ("naive", "Wilson", "Rogan-Gladen", "PPI", "stratified", "untold", "untold 0")
    print(f"{given.simulations} simulations; coverage / mean width")
    print(f"{'labels':>6} {'truth, se, sp':>16}", *(f"{name:>13}" for name in methods))
    start = time.process_time()
    for labels in map(int, given.labels.split(",")):
        for row in ROWS:
            told = simulated(row, labels, given.simulations)
            cells = (f"{held:5.1%} / {width:.4f}" for held, width in told)
            print(f"{labels:>6} {', '.join(map(str, row)):>16}", *(f"{it:>13}" for it in cells))
    print(f"{time.process_time() - start:.0f} CPU s")


def simulated(row: tuple[float, float, float], labels: int, simulations: int) -> np.ndarray:
    """Coverage and mean width of each method: methods x 2."""
    truth = row[0]
    found = []
    for seed in range(simulations):
        random = np.random.default_rng((seed, labels, *(round(1000 * value) for value in row)))
        above, below = corpus(row, random)
        tried = [naive(above), *plain(above, below, labels, random)]
        tried += [stratified(above, below, labels, random, seed)]
        tried += [
            with_untold(above, below, labels, random, seed, share) for share in (UNTOLD_SHARE, 0.0)
        ]
        found.append([(it.low <= truth <= it.high, it.high - it.low) for it in tried])
    return np.array(found, np.float64).mean(0)


def corpus(row: tuple[float, float, float], random: Generator) -> tuple[Counts, Counts]:
    """The documents above and below the classifier's threshold."""
    truth, sensitivity, specificity = row
    positives = round(truth * DOCUMENTS)
    hits = random.binomial(positives, sensitivity)
    alarms = random.binomial(DOCUMENTS - positives, 1 - specificity)
    return (hits, alarms), (positives - hits, DOCUMENTS - positives - alarms)


def naive(above: Counts) -> Estimate:
    return wilson(sum(above) / DOCUMENTS, DOCUMENTS)


def plain(above: Counts, below: Counts, labels: int, random: Generator) -> list[Estimate]:
    """Labels alone, Rogan and Gladen, and PPI, on one plain draw."""
    tp, fp, fn, tn = random.multivariate_hypergeometric([*above, *below], labels).tolist()
    said = sum(above) / DOCUMENTS
    return [
        wilson((tp + fn) / labels, labels),
        rogan_gladen(tp, fp, fn, tn, said, random),
        ppi(tp, fp, fn, tn, said),
    ]


def rogan_gladen(
    tp: int, fp: int, fn: int, tn: int, said: float, random: Generator, draws: int = 2_000
) -> Estimate:
    """By draws of the sensitivity and the specificity."""
    sensitivity = random.beta(tp + 0.5, fn + 0.5, draws)
    specificity = random.beta(tn + 0.5, fp + 0.5, draws)
    share = np.clip((said + specificity - 1) / (sensitivity + specificity - 1), 0, 1)
    low, high = np.quantile(share, [0.025, 0.975])
    return Estimate(float(np.median(share)), float(low), float(high), tp + fp + fn + tn)


def ppi(tp: int, fp: int, fn: int, tn: int, said: float) -> Estimate:
    """With the weight of predictions that makes the variance least."""
    labels = tp + fp + fn + tn
    truth = np.repeat([1.0, 0.0, 1.0, 0.0], [tp, fp, fn, tn])
    told = np.repeat([1.0, 1.0, 0.0, 0.0], [tp, fp, fn, tn])
    variance = told.var()
    weight = 0.0
    if variance:
        weight = np.cov(truth, told, ddof=0)[0, 1] / (variance * (1 + labels / DOCUMENTS))
    value = weight * said + (truth - weight * told).mean()
    error = weight**2 * said * (1 - said) / DOCUMENTS + (truth - weight * told).var() / labels
    half = Z_95 * float(np.sqrt(error))
    return Estimate(float(value), max(0.0, value - half), min(1.0, value + half), labels)


def drawn(counts: Counts, labels: int, random: Generator) -> Stratum:
    yes, no = counts
    labels = min(labels, yes + no)
    return Stratum(yes + no, labels, int(random.hypergeometric(yes, no, labels)))


def stratified(above: Counts, below: Counts, labels: int, random: Generator, seed: int) -> Estimate:
    of_above = round(ABOVE_SHARE * labels)
    parts = ((above, of_above), (below, labels - of_above))
    return stratified_share([drawn(*part, random) for part in parts], seed)


def with_untold(
    above: Counts, below: Counts, labels: int, random: Generator, seed: int, positive_share: float
) -> Estimate:
    """The classifier abstains on a part of the documents, and on such a share of the domain's."""
    shares = (positive_share, UNTOLD_SHARE)
    open_above, open_below = (random.binomial(counts, shares) for counts in (above, below))
    untold = tuple((open_above + open_below).tolist())
    told = [tuple((np.array(it) - part).tolist()) for it, part in
            zip((above, below), (open_above, open_below), strict=True)]  # fmt: skip
    of_above = round(ABOVE_SHARE * labels)
    of_untold = max(round((labels - of_above) * UNTOLD_SHARE), min(10, labels - of_above))
    numbers = (of_above, labels - of_above - of_untold, of_untold)
    strata = [drawn(*part, random) for part in zip((*told, untold), numbers, strict=True)]
    return stratified_share(strata, seed)


if __name__ == "__main__":
    main()
