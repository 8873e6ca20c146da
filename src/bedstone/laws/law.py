"""The parametric law of loss: L(N, D) = E + A / N^alpha + B / D^beta, and what follows from it.

Letters, as in the paper: N parameters, D training tokens, C = 6 N D FLOP of training, L loss in
nats a token, E the loss that no model and no text take away.

Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.3 and equations 2 and 4.
"""

import math
from dataclasses import astuple, dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

FLOP_PER_PARAMETER_AND_TOKEN = 6
"""Two forward, four backward: attention and what is not a matrix product are left out."""
FARTHEST = 1e75
"""G is cut to it and to its inverse: of a law so lopsided no size is best, and none overflows."""
Numbers = TypeVar("Numbers", float, NDArray[np.float64])


class Allocation(NamedTuple):
    """How a budget is spent."""

    parameters: float
    train_tokens: float


@dataclass(frozen=True, slots=True)
class Law:
    """The five numbers of L(N, D) = E + A / N^alpha + B / D^beta, all above 0."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not all(0 < value < math.inf for value in astuple(self)):
            raise ValueError(f"{self}: each number must be above 0 and finite")

    def loss(self, parameters: Numbers, train_tokens: Numbers) -> Numbers:
        """L(N, D), in nats a token."""
        losses: Numbers = (
            self.E + self.A * parameters**-self.alpha + self.B * train_tokens**-self.beta
        )
        return losses

    def optimum(self, flop: float) -> Allocation:
        """N and D of least loss with 6 N D = ``flop``: G (C/6)^a and (C/6)^b / G.

        G = (alpha A / (beta B))^(1 / (alpha + beta)), a = beta / (alpha + beta), b = 1 - a.
        """
        products = flop / FLOP_PER_PARAMETER_AND_TOKEN
        parameters = self._ratio() * products ** (self.beta / (self.alpha + self.beta))
        return Allocation(parameters, products / parameters)

    def parameters_fed_by(self, train_tokens: float) -> float:
        """The N that the optimum has at this D: more parameters would want more text."""
        both = self.alpha + self.beta
        return float((train_tokens * self._ratio()) ** (both / self.alpha) / train_tokens)

    def _ratio(self) -> float:
        """G."""
        balance = self.alpha * self.A / (self.beta * self.B)
        try:
            ratio = math.pow(balance, 1 / (self.alpha + self.beta))
        except OverflowError:
            ratio = FARTHEST
        return min(max(ratio, 1 / FARTHEST), FARTHEST)
