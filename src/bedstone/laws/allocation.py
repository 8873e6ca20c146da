"""How each law divides a budget into parameters and tokens, and how sure it is of that.

Letters: N parameters, D training tokens, C = 6 N D FLOP of training, U tokens that differ, T tokens
to be served, L loss in nats a token. All laws but one keep to C; Sardana's spends more of it in
training where a smaller model saves more in serving.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bedstone.laws.assess import interval
from bedstone.laws.known import KnownLaw, Range, surface_of
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN, Allocation, Law
from bedstone.laws.repeated_text import repeated_loss

SERVING_FLOP_PER_PARAMETER_AND_TOKEN = 2
GRID, NARROWINGS = 129, 8
"""Points of a search in log N, and how often it goes on between the neighbours of the best."""
WITHOUT_LOSS = ("power", "ratio")
LEAST_NATS = 1e-12
"""What text may be left to take away: of less, no corpus takes it."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be divided."""

    flop: float
    """Of training."""
    unique_tokens: float | None = None
    """None: there is always fresh text."""
    served_tokens: float = 0.0

    def train_tokens(self, parameters: Floats) -> Floats:
        """D = C / 6N."""
        return self.flop / (FLOP_PER_PARAMETER_AND_TOKEN * parameters)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one law says."""

    parameters: float
    train_tokens: float
    loss_nats: float | None
    """None: the law says nothing about it."""
    loss_interval: Range | None = None
    """95 %, of the law's mean: a single run varies about it."""
    parameters_interval: Range | None = None
    """95 %, over the surfaces that the law's runs allow."""
    parameters_within_rounding: Range | None = None
    """What the printed digits of the constants leave open."""


def answer(law: KnownLaw, question: Question) -> Answer:
    """N and D by ``law``, with what is known of their certainty."""
    chosen = _divided(law, law.values(), question)
    by_draw = [_by_surface(law.form, draw, question).parameters for draw in law.draws]
    corners = law.within_rounding() if law.form == "surface" else []
    by_corner = [_divided(law, corner, question).parameters for corner in corners]
    return Answer(
        *chosen,
        loss_nats=loss(law, question, *chosen),
        loss_interval=_interval([draw.loss(*chosen) for draw in law.draws]),
        parameters_interval=_interval(by_draw),
        parameters_within_rounding=(min(by_corner), max(by_corner)) if by_corner else None,
    )


def loss(law: KnownLaw, question: Question, parameters: float, train_tokens: float) -> float | None:
    """What the law expects of N and D; None where it speaks of no loss."""
    if law.form in WITHOUT_LOSS:
        return None
    if law.form == "repeated" and question.unique_tokens is not None:
        return float(repeated_loss(parameters, train_tokens, question.unique_tokens))
    return law.surface().loss(parameters, train_tokens)


def outside(law: KnownLaw, parameters: float, train_tokens: float) -> dict[str, Range]:
    """In which of parameters and tokens no run was like that which the law was fitted on.

    Returns:
        Of each such, the runs' range.
    """
    sizes = {
        "parameters": (parameters, law.parameters_range),
        "tokens": (train_tokens, law.train_tokens_range),
    }
    return {name: ends for name, (it, ends) in sizes.items() if not ends[0] <= it <= ends[1]}


def serving_flop(parameters: float, question: Question) -> float:
    """2 N T: of a forward pass for each token served."""
    return SERVING_FLOP_PER_PARAMETER_AND_TOKEN * parameters * question.served_tokens


def _divided(law: KnownLaw, constants: Mapping[str, float], question: Question) -> Allocation:
    products = question.flop / FLOP_PER_PARAMETER_AND_TOKEN
    if law.form == "power":
        parameters = constants["coefficient"] * question.flop ** constants["exponent"]
        return Allocation(parameters, products / parameters)
    if law.form == "ratio":
        parameters = (products / constants["tokens_per_parameter"]) ** 0.5
        return Allocation(parameters, products / parameters)
    surface = law.surface() if law.base else surface_of(constants)
    return _by_surface(law.form, surface, question)


def _by_surface(form: str, surface: Law, question: Question) -> Allocation:
    optimum = surface.optimum(question.flop)
    if form == "served" and question.served_tokens:
        return _served(surface, optimum, question)
    if form == "repeated" and question.unique_tokens is not None:
        return _repeated(question.unique_tokens, question)
    return optimum


def _repeated(unique_tokens: float, question: Question) -> Allocation:
    """The least loss by Muennighoff's law, whose surface is its own."""

    def expected(parameters: Floats) -> Floats:
        return repeated_loss(parameters, question.train_tokens(parameters), unique_tokens)

    parameters = _least(expected, 1.0, question.flop / FLOP_PER_PARAMETER_AND_TOKEN)
    return Allocation(parameters, question.flop / (FLOP_PER_PARAMETER_AND_TOKEN * parameters))


def _served(surface: Law, optimum: Allocation, question: Question) -> Allocation:
    """The least 6 N D + 2 N T among the models as good as the one that C trains best.

    Source: Sardana et al. 2024, arXiv:2401.00448, equation 2. N is below the optimum's, and above
    that which no amount of text makes good enough.
    """
    wanted = surface.loss(*optimum)
    smallest = (surface.A / (wanted - surface.E)) ** (1 / surface.alpha)

    def train_tokens(parameters: Floats) -> Floats:
        left = wanted - surface.E - surface.A * parameters**-surface.alpha
        tokens: Floats = (surface.B / np.maximum(left, LEAST_NATS)) ** (1 / surface.beta)
        return tokens

    def cost(parameters: Floats) -> Floats:
        training = FLOP_PER_PARAMETER_AND_TOKEN * train_tokens(parameters)
        serving = SERVING_FLOP_PER_PARAMETER_AND_TOKEN * question.served_tokens
        return parameters * (training + serving)

    parameters = _least(cost, smallest, optimum.parameters)
    return Allocation(parameters, float(train_tokens(np.array(parameters))))


def _least(function: Callable[[Floats], Floats], low: float, high: float) -> float:
    """Where ``function`` is least between ``low`` and ``high``: nested grids in the logarithm."""
    for _ in range(NARROWINGS):
        grid = np.geomspace(low, high, GRID)
        best = int(np.argmin(function(grid)))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    return float(grid[best])


def _interval(values: list[float]) -> Range | None:
    return interval(np.array(values)) if values else None
