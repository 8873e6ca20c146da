"""How often verdicts on a test are false, and how often they find what is there.

    python benchmarks/standing.py [--seed 1] [--trials 1000]

Outcomes are planted: two equal models, a gap, languages that are all equal, a model as often right
as it is confident; of independent items, and of such as share a passage, where outcomes correlate
by .3. What is printed stands in docs/lab/LOG.md.
"""

import argparse
import time

import numpy as np

from bedstone.evaluation.verdicts.gaps import gaps, p_of, scores, told_apart, worst_of_equal
from bedstone.evaluation.verdicts.panels import Panel
from bedstone.evaluation.verdicts.trust import calibration
from bedstone.uncertainty.paired import LEVEL, Floats

CORRELATION = 0.3
BELEBELE = np.repeat(np.arange(488), [2] * 412 + [1] * 76)
LANGUAGES = 20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=1000)
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    equal(random, asked.trials)
    planted(random, asked.trials)
    worst(random, asked.trials)
    calibrated(random, asked.trials)
    timed(random)


def outcomes(random: np.random.Generator, cluster_U: Floats, columns: int) -> Floats:
    """Half of them right."""
    whole_CM = random.random((int(cluster_U.max()) + 1, columns)) < 0.5
    own_UM = random.random((len(cluster_U), columns)) < 0.5
    is_shared_UM = random.random(own_UM.shape) < np.sqrt(CORRELATION)
    return np.where(is_shared_UM, whole_CM[cluster_U], own_UM).astype(float)


def panel(value_UM: Floats, cluster_U: Floats | None = None) -> Panel:
    units, columns = value_UM.shape
    own_U = np.arange(units) if cluster_U is None else cluster_U
    names = tuple(map(str, range(columns)))
    return Panel(names, value_UM, np.ones_like(value_UM), own_U, is_single=cluster_U is None)


def equal(random: np.random.Generator, trials: int) -> None:
    print("two equal models: found different; the gap's interval holds 0; the score's holds .5")
    for name, cluster_U in {
        "250 items": np.arange(250),
        "900 items": np.arange(900),
        "900 items, 488 passages": BELEBELE,
        "500 items, 100 passages": np.repeat(np.arange(100), 5),
        "100 items, 20 passages": np.repeat(np.arange(20), 5),
        "40 items, 8 passages": np.repeat(np.arange(8), 5),
    }.items():
        is_single = len(np.unique(cluster_U)) == len(cluster_U)
        given = None if is_single else cluster_U
        one_UM, other_UM = (outcomes(random, cluster_U, trials) for _ in range(2))
        gap = gaps(panel(one_UM - other_UM, given), 0)
        score = scores(panel(one_UM, given), 0)
        found = np.mean([each.p is not None and each.p < LEVEL for each in gap])
        held = np.mean([(each.low or 0) <= 0 <= (each.high or 0) for each in gap])
        of_score = np.mean([(each.low or 0) <= 0.5 <= (each.high or 0) for each in score])
        alone = np.mean([p is not None and p < LEVEL for p in p_of(panel(one_UM - other_UM), 0)])
        as_if = "" if is_single else f"; as if independent {alone:.3f}"
        print(f"  {name}: {found:.3f}, {held:.3f}, {of_score:.3f}{as_if}")


def planted(random: np.random.Generator, trials: int) -> None:
    print("a planted gap, 30 of 100 pairs differ: found")
    for gap, items in ((0.05, 941), (0.1, 235), (0.1, 250), (0.05, 250), (0.1, 941)):
        sign_UM = random.random((items, trials))
        difference_UM = (sign_UM < 0.15 + gap / 2) * 1.0 - (sign_UM > 0.85 + gap / 2)
        found = np.mean([(p or 0) < LEVEL for p in p_of(panel(difference_UM), 0)])
        print(f"  {gap} by {items} items: {found:.3f}")


def worst(random: np.random.Generator, trials: int) -> None:
    print(f"the worst of {LANGUAGES} equal languages: its mean, the mean told, below the bound")
    for name, cluster_U in {"250": np.arange(250), "900": np.arange(900), "488": BELEBELE}.items():
        found = [
            worst_of_equal(panel(outcomes(random, cluster_U, LANGUAGES), cluster_U), 0)
            for _ in range(trials // 5)
        ]
        mean, told = np.mean([each.value for each in found]), np.mean([x.expected for x in found])
        below = np.mean([each.value < each.low for each in found])
        print(f"  {name} clusters: {mean:.4f}, {told:.4f}, {below:.3f}")


def calibrated(random: np.random.Generator, trials: int) -> None:
    print("a calibrated model: its error, what is told of chance, found miscalibrated")
    for items in (250, 900):
        confidence_RI = random.uniform(0.25, 1, (trials // 5, items))
        found = [calibration(row_I, random.random(items) < row_I, 0) for row_I in confidence_RI]
        error, chance = (
            np.mean([x.error for x in found]),
            np.mean([x.error_by_chance for x in found]),
        )
        high = np.mean([each.error_by_chance_high for each in found])
        blamed = np.mean([each.is_miscalibrated for each in found])
        print(f"  {items} items: {error:.4f}, {chance:.4f} (to {high:.4f}), {blamed:.3f}")


def timed(random: np.random.Generator) -> None:
    print(f"{LANGUAGES} languages of 10,000 items, 5,000 passages: seconds of a processor")
    of_passages = panel(outcomes(random, np.arange(10_000) // 2, LANGUAGES), np.arange(10_000) // 2)
    pairs = [(name, "0") for name in of_passages.columns[1:]]
    for name, judge in {
        "scores": lambda: scores(of_passages, 0),
        "gaps": lambda: gaps(of_passages.differences(pairs), 0),
        "worst": lambda: worst_of_equal(of_passages, 0),
        "told apart": lambda: told_apart(of_passages, 0),
    }.items():
        start = time.process_time()
        judge()
        print(f"  {name}: {time.process_time() - start:.2f}")


if __name__ == "__main__":
    main()
