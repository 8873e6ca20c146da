"""Answers of which it is known whether they are right."""

import numpy as np

from bedstone.sampling.choosing.comparison import (
    Measured,
    Prices,
    Strategy,
    compared,
)
from bedstone.sampling.choosing.selection import Answers, Outcome

GREEDY = Strategy("greedy", "greedy")
HALVES = np.arange(200) < 100
"""Problems for choosing first."""


def answers(choice, correct=(), logprob=None, tokens=None, **others):
    """By rows of problems; ``correct`` lists the right numbers of each problem."""
    choice_PN = np.array(choice)
    shape = choice_PN.shape
    right_PN = np.array([np.isin(row, list(r)) for row, r in zip(choice, correct, strict=True)])
    logprob_PN = np.full(shape, np.nan) if logprob is None else np.array(logprob, dtype=float)
    return Answers(
        choice_PN=choice_PN,
        correct_PN=right_PN,
        logprob_PN=logprob_PN,
        mean_logprob_PN=logprob_PN,
        completion_tokens_PN=np.ones(shape, dtype=int) if tokens is None else np.array(tokens),
        prompt_tokens_P=np.full(shape[0], 10),
        seconds_PN=np.array(others.pop("seconds", np.ones(shape)), dtype=float),
        abstains_PN=np.zeros(shape, dtype=bool),
        answerable_P=np.ones(shape[0], dtype=bool),
        **others,
    )


def share(right, of=100):
    """Accuracies of both halves, the first so many right in each."""
    return np.tile(np.arange(of) < right, 2)


def outcome(accuracy, samples=1.0, tokens=10.0, prompt=5.0, seconds=1.0):
    accuracy_P = np.array(accuracy, dtype=float)
    even = np.ones(len(accuracy_P))
    columns = (samples, tokens, prompt, seconds)
    return Outcome(accuracy_P, even, *(even * each for each in columns))


def measured(accuracy, name="t=1", **others):
    kinds = {each: others.pop(each) for each in ("samples", "selector", "stop") if each in others}
    strategy = Strategy(name.split("=")[0], name, **kinds)
    return Measured(strategy, outcome(accuracy, **others))


def compare(*strategies, greedy=None, development_P=HALVES, prices=Prices()):  # noqa: B008
    baseline = Measured(GREEDY, outcome(share(50) if greedy is None else greedy))
    return compared(baseline, strategies, development_P, prices, seed=0)
