"""Which strategy is worth its cost: tuned on one half of the problems, reported on the other.

A strategy is a chain of samplers, a number of samples, a selector and a stop rule. For each
family of samplers, number and selector the family's chain is chosen on the development half, with
as many tries for each family; what is told of it comes from the test half. The problem is the
unit: resamples of the test half's problems, the same for all strategies, give the intervals and
the p-value of a paired difference, and Holm's step-down adjusts it over all strategies compared.

Shape letters: P problems, M strategies measured, R resamples.

Source: arXiv:2506.13681 for equal tries.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bedstone.errors import ConfigError
from bedstone.lots import lot
from bedstone.sampling.choosing.selection import Outcome, Selector, Stop
from bedstone.uncertainty.intervals import Estimate, percentile_interval, wilson
from bedstone.uncertainty.paired import (
    DIGITS,
    LEVEL,
    RESAMPLES,
    Bools,
    Floats,
    holm,
    p_values,
    resampled,
)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to get one answer."""

    family: str
    """Of chains that differ in one parameter, such as ``temperature``."""
    chain: str
    samples: int = 1
    selector: Selector = "first"
    stop: Stop = "all"

    def __str__(self) -> str:
        return f"{self.chain}, {self.choice}" if self.choice else self.chain

    @property
    def choice(self) -> str:
        """How one of the samples is taken; nothing where there is no choice."""
        if self.selector == "first":
            return ""
        return f"{self.selector} of {'up to ' if self.stop == 'settled' else ''}{self.samples}"


class Prices(NamedTuple):
    """In USD a million tokens."""

    prompt_usd: float = 0.0
    completion_usd: float = 0.0
    samples_of_request: float = math.inf
    """So many at most are drawn side by side for one prompt that is paid."""

    def refuse_unusable(self) -> None:
        """Raises ConfigError where an amount is none."""
        if not all(0 <= price < math.inf for price in self[:2]):
            raise ConfigError("--prompt-price and --completion-price are USD, 0 or more")


class Cost(NamedTuple):
    """Of a problem, in the mean over all, both halves."""

    tokens: float
    """Of the prompt, once, and of all samples' completions."""
    tokens_unshared: float
    """The same with the prompt once for each sample."""
    usd: float
    seconds: float
    seconds_p50: float
    seconds_p95: float


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A strategy on all problems."""

    strategy: Strategy
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """What a comparison says of a strategy."""

    strategy: Strategy
    development_accuracy: float
    accuracy: Estimate
    """On the test half; of problems that are wholly right or wrong by Wilson's interval."""
    gain: Estimate
    """Over greedy, paired."""
    p_value: float
    adjusted_p: float
    """Holm's. Of greedy itself both are 1."""
    cost: Cost

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "strategy": str(self.strategy),
            **asdict(self.strategy),
            "development_accuracy": self.development_accuracy,
            **self.accuracy.metrics("accuracy", "share"),
            **self.gain.metrics("gain", "share"),
            "p_value": self.p_value,
            "adjusted_p": self.adjusted_p,
            **self.cost._asdict(),
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Row":
        """From what ``told`` gives."""
        return cls(
            Strategy(**{name: told[name] for name in Strategy.__dataclass_fields__}),
            told["development_accuracy"],
            Estimate.read(told, "accuracy_share"),
            Estimate.read(told, "gain_share"),
            told["p_value"],
            told["adjusted_p"],
            Cost(*(told[name] for name in Cost._fields)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Greedy (first), and the chosen strategies beside it."""

    rows: tuple[Row, ...]
    resampled_RM: Floats
    """Accuracies of the rows on each resample of the test half."""

    def difference(self, one: int, other: int) -> Estimate:
        """By how much the accuracy of row ``one`` is above that of row ``other``, paired."""
        rows = self.rows
        value = rows[one].accuracy.value - rows[other].accuracy.value
        drawn_R = self.resampled_RM[:, one] - self.resampled_RM[:, other]
        return percentile_interval(value, drawn_R, rows[one].accuracy.n)


class Budget(NamedTuple):
    """What a problem may cost."""

    limit: float = float("inf")
    unit: Literal["tokens", "tokens_unshared", "usd", "seconds", "seconds_p95"] = "tokens"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Which strategy to take."""

    best: Row | None
    """The best on the development half; None: no strategy beats greedy here."""
    alike: tuple[Row, ...]
    """What cannot be told apart from it, or from greedy where that stands, within the budget;
    the cheapest first."""
    cheapest: Row
    """Of these and the best; greedy where that stands."""

    exceeded: str = ""
    """Where nothing is within the budget, by what greedy exceeds it."""

    def __str__(self) -> str:
        if self.exceeded:
            return f"nothing is within the budget: {self.exceeded}"
        if self.best is None:
            return "no strategy beats greedy here"
        gain, others = self.best.gain, len(self.alike)
        return (
            f"{self.best.strategy}: {self.best.accuracy.value:.3f}, by "
            f"{gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}] above greedy, adjusted p "
            f"{self.best.adjusted_p:.4f}; {others} cannot be told apart from it"
            + (f", the cheapest {self.cheapest.strategy}" if self.cheapest in self.alike else "")
        )


def development_half(problem_ids: Sequence[str]) -> Bools:
    """Which problems (P,) are for choosing; a problem keeps its half whatever the others are."""
    return np.array([lot(each, "development half") < 0.5 for each in problem_ids])


def tuned(measured: Sequence[Measured], development_P: Bools) -> list[Measured]:
    """Of each family, number, selector and stop rule the chain best on the development half.

    Of equals the first.

    Raises:
        ConfigError: one family has more tries than another.
    """
    tries: dict[tuple[str, int, Selector, Stop], list[Measured]] = defaultdict(list)
    for each in measured:
        of = each.strategy
        tries[of.family, of.samples, of.selector, of.stop].append(each)
    refuse_unequal([(len(group), key[0]) for key, group in tries.items()])
    return [
        max(group, key=lambda each: each.outcome.accuracy_P[development_P].mean())
        for group in tries.values()
    ]


def refuse_unequal(tries: Sequence[tuple[int, str]]) -> None:
    """Raises ConfigError where one family has more tries than another. One at least is given."""
    (least, poor), (most, rich) = min(tries), max(tries)
    if least < most:
        raise ConfigError(
            f"{rich} has {most} chains to choose from, {poor} only {least}",
            hint="give every family of samplers as many chains: more tries win by luck",
        )


def compared(
    greedy: Measured,
    strategies: Sequence[Measured],
    development_P: Bools,
    prices: Prices,
    seed: int,
) -> Comparison:
    """Greedy and the strategies (of ``tuned``) on the test half.

    Raises:
        ValueError: a half has no problem; or there are so many strategies that Holm's first step
            is below the smallest p-value that the resamples can give.
    """
    if development_P.all() or not development_P.any():
        raise ValueError("each half takes a problem at least: give more problems")
    if len(strategies) / (RESAMPLES + 1) > LEVEL:
        raise ValueError(f"{len(strategies)} strategies are too many for {RESAMPLES} resamples")
    measured = [greedy, *strategies]
    accuracy_PM = np.stack([each.outcome.accuracy_P for each in measured], axis=1).round(DIGITS)
    test_PM = accuracy_PM[~development_P]
    drawn_RM = resampled(test_PM, seed)
    gain_PM, gain_RM = test_PM - test_PM[:, :1], drawn_RM - drawn_RM[:, :1]
    p_M = p_values(gain_PM, seed)
    adjusted_M = [1.0, *holm(p_M[1:])]
    rows = tuple(
        Row(
            strategy=each.strategy,
            development_accuracy=float(accuracy_PM[development_P, m].mean()),
            accuracy=_accuracy(test_PM[:, m], drawn_RM[:, m]),
            gain=percentile_interval(gain_PM[:, m].mean(), gain_RM[:, m], len(test_PM)),
            p_value=p_M[m],
            adjusted_p=adjusted_M[m],
            cost=cost(each, prices),
        )
        for m, each in enumerate(measured)
    )
    return Comparison(rows, drawn_RM)


def _accuracy(value_P: Floats, drawn_R: Floats) -> Estimate:
    # Resamples of problems that are all right, or all wrong, are all the same.
    if np.isin(value_P, (0, 1)).all():
        return wilson(float(value_P.mean()), len(value_P))
    return percentile_interval(value_P.mean(), drawn_R, len(value_P))


def cost(measured: Measured, prices: Prices) -> Cost:
    """What the problems cost in the mean, and how long half and nearly all of them take.

    What is drawn one after another, until it is settled, pays for the prompt each time.
    """
    outcome = measured.outcome
    requests_P = outcome.samples_P
    if measured.strategy.stop == "all":
        requests_P = np.maximum(np.ceil(requests_P / prices.samples_of_request), 1)
    prompts_P = requests_P * outcome.prompt_tokens_P
    usd_P = prices.prompt_usd * prompts_P + prices.completion_usd * outcome.completion_tokens_P
    p50, p95 = np.quantile(outcome.seconds_P, [0.5, 0.95])
    return Cost(
        tokens=float(outcome.tokens_P.mean()),
        tokens_unshared=float(outcome.tokens_unshared_P.mean()),
        usd=float(usd_P.mean()) / 1e6,
        seconds=float(outcome.seconds_P.mean()),
        seconds_p50=float(p50),
        seconds_p95=float(p95),
    )


def frontier(costs: ArrayLike, values: ArrayLike) -> Bools:
    """Which points no other is better than: at no greater cost no less, and one of them better."""
    cost, value = np.asarray(costs, dtype=np.float64), np.asarray(values, dtype=np.float64)
    no_worse = (cost[:, None] <= cost) & (value[:, None] >= value)
    better = (cost[:, None] < cost) | (value[:, None] > value)
    return np.asarray(~(no_worse & better).any(axis=0))


def recommend(
    comparison: Comparison,
    budget: Budget,
    *,
    with_checker: bool = False,
    with_reward: bool = False,
) -> Recommendation:
    """The strategy that is best on the development half within the budget, if it beats greedy.

    It beats greedy where its gain on the test half is above 0 by the adjusted p-value. Of equally
    good ones the cheapest is taken.

    Args:
        comparison: of the strategies.
        budget: greedy is compared with even where it exceeds it.
        with_checker: whether a checker is at hand when the model is used.
        with_reward: whether a reward model is.
    """
    rows = comparison.rows
    refused = {"checked": not with_checker, "rewarded": not with_reward}

    def price(number: int) -> float:
        return float(getattr(rows[number].cost, budget.unit))

    within = [
        number
        for number, row in enumerate(rows)
        if price(number) <= budget.limit and not refused.get(row.strategy.selector, False)
    ]
    best = max([0, *within], key=lambda n: (rows[n].development_accuracy, -price(n)))
    beats = rows[best].gain.value > 0 and rows[best].adjusted_p < LEVEL
    chosen = best if beats else 0
    others = [number for number in within if number != chosen]
    alike = [n for n in others if _holds_zero(comparison.difference(n, chosen))]
    alike.sort(key=price)
    return Recommendation(
        best=rows[best] if beats else None,
        alike=tuple(rows[number] for number in alike),
        cheapest=rows[min([chosen, *alike], key=price) if beats else 0],
        exceeded="" if within else f"greedy takes {price(0):.4g} {budget.unit}",
    )


def _holds_zero(estimate: Estimate) -> bool:
    return estimate.low <= 0 <= estimate.high
