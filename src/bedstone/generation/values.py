"""Which values drawing takes: of each sampler, and how much at once; nothing here needs torch."""

from collections.abc import Callable
from typing import NamedTuple


class Takes(NamedTuple):
    """What a sampler takes."""

    told: str
    holds: Callable[[float], bool]
    """False of what is no number, too."""


MAX_SAMPLES = 4_096
"""Of a prompt: they are held at once."""
MAX_TOKENS = 2**20
"""Of a completion: the random numbers of all are drawn at once."""
INFINITE = float("inf")
ABOVE_0 = Takes("a number above 0", lambda value: 0 < value < INFINITE)
WHOLE = Takes("a whole number from 1", lambda value: value >= 1 and float(value).is_integer())
FINITE = Takes("a finite number", lambda value: abs(value) < INFINITE)
BOUND = Takes("a bound in [0, 1]", lambda value: 0 <= value <= 1)

ALONE = {
    "temperature": ABOVE_0._replace(told="a number above 0 (for 0 write greedy)"),
    "top_k": WHOLE,
    "top_p": Takes("p in (0, 1]", lambda value: 0 < value <= 1),
    "min_p": Takes("p in [0, 1]", BOUND.holds),
    "typical": Takes("a mass in (0, 1]", lambda value: 0 < value <= 1),
    "epsilon": BOUND,
    "eta": BOUND,
    "top_n_sigma": Takes("a number from 0", lambda value: 0 <= value < INFINITE),
}
"""Those that look at nothing but the logits."""
WITH_HISTORY = {
    "repetition": ABOVE_0,
    "frequency": FINITE,
    "presence": FINITE,
    "no_repeat_ngram": WHOLE,
}
"""Those that look at the text so far."""


def refuse_wrong(sampler: str, value: float) -> None:
    """Raises ValueError where ``sampler`` takes another value."""
    takes = (ALONE | WITH_HISTORY)[sampler]
    if not takes.holds(value):
        raise ValueError(f"{sampler} takes {takes.told}, got {value}")
