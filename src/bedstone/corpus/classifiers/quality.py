"""How good a classifier is, from scores of examples that it has not learnt from.

The AUC is the chance that a positive has a higher score than another; equal scores count half.
Source: Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating
characteristic (ROC) curve".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bedstone.corpus.classifiers.features import Values
from bedstone.corpus.classifiers.logistic import Bools
from bedstone.errors import number_of
from bedstone.text.codes import Indices
from bedstone.uncertainty.intervals import MIN_DOCUMENTS, Estimate, drawn, percentile_interval

RESAMPLES = 500
DIGITS = 6
"""Of what is written: the last ones of a sum differ between processors."""
STEPS, SHIFT, ENOUGH = 100, 1e-9, 1e-9
"""Of Newton's method: how often, what is added to the diagonal, what change is none."""
BINS = 10
LENGTHS = (500, 1_000, 2_000, 4_000, 8_000, 16_000)
"""Characters at which a new bin of lengths begins."""
SHOWN = 5
"""Languages that are named in a sentence."""


def auc(scores: Values, is_positive: Bools, weights: Values | None = None) -> float:
    """The area under the curve, each example as often as its weight; .5 without one of a kind."""
    weights = np.ones(len(scores)) if weights is None else weights
    _, of = np.unique(scores, return_inverse=True)
    wanted = np.bincount(of, weights * is_positive)
    others = np.bincount(of, weights * ~is_positive)
    pairs = wanted.sum() * others.sum()
    return float((wanted * (np.cumsum(others) - others / 2)).sum() / pairs) if pairs else 0.5


def auc_of_groups(scores: Values, is_positive: Bools, groups: Indices, seed: int) -> Estimate:
    """The AUC, and its interval: groups are drawn again, each with all its examples."""
    names, of = np.unique(groups, return_inverse=True)
    draws = drawn(len(names), RESAMPLES, len(names), seed)
    times = (np.bincount(row, minlength=len(names))[of] for rows in draws for row in rows)
    found = np.array([auc(scores, is_positive, each.astype(np.float64)) for each in times])
    return percentile_interval(auc(scores, is_positive), found, len(names))


def calibration(scores: Values, is_positive: Bools) -> tuple[float, float]:
    """Slope and offset that turn a score into log odds, where both kinds are equally frequent.

    Source: Platt 1999, "Probabilistic outputs for support vector machines", with his targets that
    are not quite 0 and 1. Differs: both kinds weigh the same.
    """
    count = np.array([(~is_positive).sum(), is_positive.sum()])
    targets = np.where(is_positive, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))
    weights = 0.5 / np.where(is_positive, count[1], count[0])
    spread = max(float(scores.std()), ENOUGH)
    inputs = np.stack((scores / spread, np.ones(len(scores))))
    found = np.zeros(2)
    for _ in range(STEPS):
        chances = chance(found @ inputs)
        slopes = inputs @ (weights * (targets - chances))
        curves = (inputs * weights * chances * (1 - chances)) @ inputs.T + SHIFT * np.eye(2)
        step = np.linalg.solve(curves, slopes)
        found += np.clip(step, -2, 2)
        if np.abs(step).max() < ENOUGH:
            break
    return float(found[0] / spread), float(found[1])


def chance(log_odds: Values) -> Values:
    """The probability that has these odds."""
    found: Values = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))
    return found


def crossed(scores: Values, is_positive: Bools, folds: Indices) -> Values:
    """Probabilities of examples that no other one of their fold has calibrated."""
    found = np.empty(len(scores))
    for fold in np.unique(folds):
        here = folds == fold
        slope, offset = calibration(scores[~here], is_positive[~here])
        found[here] = chance(slope * scores[here] + offset)
    return found


def curve(chances: Values, is_positive: Bools) -> list[dict[str, float]]:
    """What was said and what was true, in tenths of the examples; both kinds weigh the same."""
    weights = 0.5 / np.where(is_positive, is_positive.sum(), (~is_positive).sum())
    rows = []
    for bin_ in np.array_split(np.argsort(chances, kind="stable"), BINS):
        said, true = (np.average(it[bin_], weights=weights[bin_]) for it in (chances, is_positive))
        rows.append({"n": len(bin_), "said": rounded(said), "true": rounded(true)})
    return rows


def by_group(
    names: Sequence[str], chances: Values, scores: Values, is_positive: Bools
) -> list[dict[str, Any]]:
    """Of each name, largest first: examples, mean probabilities, and the AUC where it is told."""
    rows = []
    values, of = np.unique(np.array(names), return_inverse=True)
    for number, name in enumerate(values.tolist()):
        here = of == number
        wanted, others = here & is_positive, here & ~is_positive
        told = min(wanted.sum(), others.sum()) >= MIN_DOCUMENTS
        rows.append(
            {
                "name": name,
                "positives": int(wanted.sum()),
                "others": int(others.sum()),
                "score_positives": rounded(chances[wanted].mean()) if wanted.any() else None,
                "score_others": rounded(chances[others].mean()) if others.any() else None,
                "auc": rounded(auc(scores[here], is_positive[here])) if told else None,
            }
        )
    return sorted(rows, key=lambda row: -row["positives"] - row["others"])


def left_out(positives: int, passed_over: Mapping[str, int], least: int) -> str:
    """``104 of 150 examples: 46 are in ...``, with the languages; empty where none is left out."""
    if not (count := sum(passed_over.values())):
        return ""
    most = sorted(passed_over, key=lambda name: (-passed_over[name], name))[:SHOWN]
    named = [f"{name} {passed_over[name]:,}" for name in most]
    others = ["..."] if len(passed_over) > SHOWN else []
    return (
        f"{positives:,} of {number_of(positives + count, 'example')}: {count:,} are in languages "
        f"with fewer than {least:,}, or in no one language that was found "
        f"({', '.join(named + others)})"
    )


def length_name(characters: int) -> str:
    """The bin of a length, so that the names' order is that of the lengths."""
    at = int(np.searchsorted(LENGTHS, characters, "right"))
    low = LENGTHS[at - 1] if at else 0
    return f"{low:>6,} to {LENGTHS[at]:,}" if at < len(LENGTHS) else f"{low:>6,} and more"


def rounded(value: float) -> float:
    """As it is written."""
    return round(float(value), DIGITS)
