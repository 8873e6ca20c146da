r"""The parametric law fitted to runs, with proof that the fit is one.

L(N, D) = E + A / N^alpha + B / D^beta, letters as in ``laws.law``. The fit's parameters are
log A, log B, log E, alpha, beta; a residual is modelled less measured log loss. The objective is a
sum over the runs:

* ``huber``: r^2 / 2 within delta, delta (\|r\| - delta / 2) outside
* ``lad``: least absolute deviation, \|r\|
* ``squares``: r^2

Several starts descend at once, each with the coefficients that least squares gives its exponents.
The best is polished until rounding stops it. A fit has converged when the gradient vanishes there,
the curvature is positive, no parameter is at the bounds of the search, and another start led to
the same value, or the runs lie on the law: none has less.

Runs that vary along one line of log N and log D tell no more than a curve, E + k x^-e: by tokens
where they are of one size, by parameters where of one number of tokens, else by FLOP.

Source: Hoffmann et al. 2022, arXiv:2203.15556, appendix D.3, for the parameters, the residuals
and Huber's function. Differs: Newton's steps in the place of L-BFGS, which stalls where the
objective is flat (Besiroglu et al. 2024, arXiv:2404.10102).
"""

import math
from dataclasses import asdict, dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bedstone.errors import DataError
from bedstone.laws import robust
from bedstone.laws.law import FLOP_PER_PARAMETER_AND_TOKEN, Law
from bedstone.laws.robust import Floats, Surface

Objective = Literal["huber", "lad", "squares"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
LAD_DELTAS = tuple(10.0**-power for power in range(5, 10))
"""Least absolute deviation is what Huber's function comes to; each minimum starts the next. A
larger first one would lead all starts to one end, and their agreement would say nothing."""
FINER_LAD_DELTAS = tuple(10.0**-power for power in range(9, 15))
"""By which runs are told that lie on the law; the later ones where none is far from it."""
START_EXPONENTS = (0.1, 0.2, 0.4, 0.8)
EXPONENT_BOUNDS = (1e-3, 5.0)
LOG_SHARE_BOUND = 23.0
"""A term below exp of minus this, of the lowest loss, is none."""
TOLERANCE = 1e-11
"""Of a descent: the share of the objective that the last step may still promise."""
LAD_TOLERANCE = 1e-14
"""Near a kink all that is left to gain is a small share of the objective."""
AGREE = 1e-6
"""Starts agree whose objectives differ by this share at most."""
LEAST_AGREEING = 2
NEGLIGIBLE = 1e-12
"""Of a residual: rounding may have made it."""
VANISHED = 1e-8
"""A gradient is 0 when it is this share of the sum of its runs' parts, without their signs, or
when rounding may have made it: of negligible residuals, or this share of what the steepest have."""
LEAST_SPREAD = 0.1
"""In nats of log N and log D. Less moves the loss by about as much as another seed does: with
exponents of a third and a tenth or two of the loss in the term, by half a percent."""
Size = Literal["flop", "train_tokens", "parameters"]
LETTERS: dict[Size, tuple[str, str]] = {
    "flop": ("K", "gamma"),
    "train_tokens": ("B", "beta"),
    "parameters": ("A", "alpha"),
}
"""Of the power of each size: its coefficient and its exponent."""
WORDS: dict[Size, str] = {"flop": "FLOP", "train_tokens": "tokens", "parameters": "parameters"}
SURE_ERRORS = 3.0
"""A slope so many times its standard error is told from none."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """What was trained and how it came out, an entry a run."""

    parameters: Floats
    train_tokens: Floats
    loss_nats: Floats
    """Per token."""

    def __post_init__(self) -> None:
        columns = (self.parameters, self.train_tokens, self.loss_nats)
        if len({column.shape for column in columns}) > 1 or self.parameters.ndim != 1:
            raise ValueError("parameters, tokens and losses must be as many, in one dimension")
        if not all((np.isfinite(column) & (column > 0)).all() for column in columns):
            raise ValueError("parameters, tokens and losses must be above 0 and finite")

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def flop(self) -> Floats:
        """C = 6 N D of each run."""
        return FLOP_PER_PARAMETER_AND_TOKEN * self.parameters * self.train_tokens

    @property
    def different(self) -> int:
        """How many sizes and numbers of tokens, of which some have several runs."""
        return len(set(zip(self.parameters.tolist(), self.train_tokens.tolist(), strict=True)))

    @property
    def repeated(self) -> int:
        """How many equal an earlier one, loss and all."""
        columns = (self.parameters, self.train_tokens, self.loss_nats)
        return len(self) - len(set(zip(*(column.tolist() for column in columns), strict=True)))

    def take(self, index: NDArray[np.intp]) -> "Runs":
        """Those at ``index``, in that order."""
        return Runs(self.parameters[index], self.train_tokens[index], self.loss_nats[index])


@dataclass(frozen=True, slots=True)
class Method:
    """What is minimised."""

    objective: Objective = "huber"
    delta: float = 1e-3
    """Of Huber's function, in log loss; the others have none."""
    equal_exponents: bool = False
    """alpha = beta, as in Muennighoff et al. 2023 and Gadre et al. 2024."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective {self.objective!r}: must be one of {OBJECTIVES}")
        if not 0 < self.delta < np.inf:
            raise ValueError(f"delta {self.delta}: must be above 0 and finite")

    @property
    def deltas(self) -> tuple[float, ...]:
        """Of the Huber functions that are minimised one after another."""
        return {"huber": (self.delta,), "lad": LAD_DELTAS, "squares": (math.inf,)}[self.objective]

    def values(self, residuals: Floats) -> Floats:
        """Of each residual, what it adds to the objective."""
        size = np.abs(residuals)
        if self.objective == "lad":
            return size
        if self.objective == "squares":
            return size**2
        slope = np.minimum(size, self.delta)
        return slope * size - slope**2 / 2

    def slopes(self, residuals: Floats) -> Floats:
        """The derivatives of ``values``; of a kink, 0."""
        if self.objective == "lad":
            return np.sign(residuals)
        if self.objective == "squares":
            return 2 * residuals
        return np.clip(residuals, -self.delta, self.delta)


@dataclass(frozen=True, slots=True)
class Proof:
    """How sure it is that a fit is the minimum."""

    objective_value: float
    gradient_norm: float
    """By the logs of the coefficients and the exponents; for lad the least subgradient's found."""
    restarts_agreeing_share: float
    converged: bool
    reason: str | None
    """Why not converged."""
    told: bool
    """Whether the runs show each power: one at the bounds of the search is no estimate."""


@dataclass(frozen=True, slots=True)
class Fit(Proof):
    """The law of least objective."""

    law: Law


@dataclass(frozen=True, slots=True)
class Curve(Proof):
    """E + coefficient / x^exponent of least objective, x being a size of the runs."""

    of: Size
    E: float
    coefficient: float
    exponent: float

    def loss(self, runs: Runs) -> Floats:
        """In nats a token."""
        sizes: Floats = getattr(runs, self.of)
        return self.E + self.coefficient * sizes**-self.exponent


def fit(runs: Runs, method: Method, weights: Floats | None = None) -> Fit:
    """The law of ``runs``; with ``weights`` (n,), of each as often as its weight says.

    Raises:
        DataError: fewer different runs than the law has numbers.
    """
    problem = Problem(runs, method)
    theta, proof = solved(problem, np.ones(len(runs)) if weights is None else weights)
    numbers = problem.numbers(theta)
    return Fit(**asdict(proof), law=Law(*law_values(numbers, method)[0].tolist()))


def fit_curve(runs: Runs, method: Method) -> Curve:
    """All that ``runs`` tell which do not tell parameters from tokens.

    Raises:
        DataError: nothing varies, or fewer different runs than the curve has numbers.
    """
    of = _varied(runs)
    problem = Problem(runs, method, (of,))
    theta, proof = solved(problem, np.ones(len(runs)))
    log_k, log_e, exponent = problem.numbers(theta)[0].tolist()
    return Curve(
        **asdict(proof), of=of, E=math.exp(log_e), coefficient=math.exp(log_k), exponent=exponent
    )


def _varied(runs: Runs) -> Size:
    """What varies along the line of the runs."""
    match [size for size in LETTERS if np.log(getattr(runs, size)).std() < LEAST_SPREAD]:
        case []:
            return "flop"
        case ["parameters"]:
            return "train_tokens"
        case ["train_tokens"]:
            return "parameters"
        case alike:
            raise DataError(
                f"all runs are alike in {', '.join(WORDS[size] for size in alike)}, or nearly: "
                "they do not tell how the loss falls",
                hint="add runs of other sizes and numbers of tokens",
            )


def tells_apart(runs: Runs) -> bool:
    """Whether ``runs`` can tell the loss by parameters from the loss by tokens.

    They can when log N and log D spread in both directions of their plane. Runs along a line, as
    those of one number of tokens a parameter, leave A and B to noise.
    """
    points = np.log([runs.parameters, runs.train_tokens])
    spreads = np.linalg.svd(points - points.mean(axis=1, keepdims=True), compute_uv=False)
    return len(spreads) > 1 and bool(spreads[1] >= LEAST_SPREAD * np.sqrt(len(runs)))


def objective_value(law: Law, runs: Runs, method: Method) -> float:
    """What any law comes to."""
    losses = law.loss(runs.parameters, runs.train_tokens)
    return float(method.values(np.log(losses / runs.loss_nats)).sum())


def law_values(numbers: Floats, method: Method) -> Floats:
    """E, A, B, alpha, beta (R, 5) of log A, log B, log E and the exponents (R, P)."""
    log_a, log_b, log_e = numbers[:, :3].T
    alpha, beta = numbers[:, 3], numbers[:, 3 if method.equal_exponents else 4]
    return np.stack([np.exp(log_e), np.exp(log_a), np.exp(log_b), alpha, beta], axis=1)


class Problem:
    """Runs and a method as a ``Surface``.

    Its parameters are the logs of the powers' coefficients, log E, and the exponents. The logs of
    N and D are centred, else coefficient and exponent could hardly be told apart.
    """

    def __init__(
        self, runs: Runs, method: Method, sizes: tuple[Size, ...] = ("parameters", "train_tokens")
    ) -> None:
        powers = np.log([getattr(runs, size) for size in sizes])
        self.method = method
        self.sizes = sizes
        self.n_powers = len(powers)
        exponents = 1 if method.equal_exponents else self.n_powers
        self.columns = self.n_powers + 1 + np.arange(self.n_powers) % exponents
        """Of each power's exponent."""
        size = self.n_powers + 1 + exponents
        if (different := len(set(zip(*powers.tolist(), strict=True)))) < size:
            raise DataError(
                f"{different} different runs for the law's {size} numbers: too few",
                hint="add runs of other sizes and numbers of tokens, or leave fewer out",
            )
        self.means = powers.mean(axis=1)
        self.powers = powers - self.means[:, None]
        self.log_loss = np.log(runs.loss_nats)
        self.centred = self._surface(self.powers, size)
        self.plain = self._surface(powers, size)

    def _surface(self, powers: Floats, size: int) -> Surface:
        terms = np.zeros((self.n_powers + 1, len(self.log_loss), size))
        for term in range(self.n_powers + 1):
            terms[term, :, term] = 1
        for term, (column, power) in enumerate(zip(self.columns, powers, strict=True)):
            terms[term, :, column] = -power
        low, high = np.full(size, EXPONENT_BOUNDS[0]), np.full(size, EXPONENT_BOUNDS[1])
        low[: self.n_powers + 1] = self.log_loss.min() - LOG_SHARE_BOUND
        high[: self.n_powers + 1] = self.log_loss.max() + 1
        return Surface(terms, self.log_loss, low, high)

    def numbers(self, theta: Floats) -> Floats:
        """``theta`` (R, P) of the centred logs as it is of the plain ones."""
        moved = theta.copy()
        moved[:, : self.n_powers] += theta[:, self.columns] * self.means
        return moved

    def theta_of(self, law: Law) -> Floats:
        """The parameters (P,) of ``law``, which is L(N, D)."""
        theta = np.array([*np.log([law.A, law.B, law.E]), law.alpha, law.beta])
        theta = theta[: self.centred.low.size]
        theta[: self.n_powers] -= theta[self.columns] * self.means
        return theta

    def starts(self) -> Floats:
        """Of each combination of ``START_EXPONENTS``, with coefficients by least squares."""
        rows = []
        n_terms = self.n_powers + 1
        loss = np.exp(self.log_loss)
        for exponents in product(START_EXPONENTS, repeat=self.centred.low.size - n_terms):
            theta = np.concatenate([np.zeros(n_terms), exponents])
            parts = np.exp(self.centred.terms @ theta).T / loss[:, None]
            found = np.linalg.lstsq(parts, np.ones(len(loss)), rcond=None)[0]
            # What must be above 0 and is not starts as a small share of the loss.
            theta[:n_terms] = np.log(np.maximum(found, 1e-3 / parts.mean(axis=0)))
            rows.append(theta)
        return np.array(rows)

    def descended(self, start: Floats, weights: Floats) -> Floats:
        """Where each start (R, P) leads under its weights (R, n)."""
        tolerance = LAD_TOLERANCE if self.method.objective == "lad" else TOLERANCE
        for delta in self.method.deltas:
            start = robust.minimise(self.centred, start, weights, delta, tolerance)
        return start

    def values(self, theta: Floats, weights: Floats) -> Floats:
        """The objective's (R,)."""
        residuals, _ = robust.residuals(self.centred, theta)
        return np.asarray((weights * self.method.values(residuals)).sum(axis=1))

    def gaps(self, theta: Floats, weights: Floats) -> Floats:
        """How far each value can lie above the minimum near it, as a share of it; (R,).

        Infinite where fewer runs have a weight than there are parameters.
        """
        delta = self.method.deltas[-1]
        gaps = robust.relative_gap(self.centred, theta, weights, delta)
        if self.method.objective == "lad":
            gaps = self._lad_gaps(theta, weights, gaps)
        gaps[(weights > 0).sum(axis=1) < theta.shape[1]] = np.inf
        return gaps

    def _lad_gaps(self, theta: Floats, weights: Floats, of_huber: Floats) -> Floats:
        """As ``gaps``; 0 where the runs lie on the law."""
        delta = self.method.deltas[-1]
        # Huber's function over delta lies below |r|, so its minimum does, too.
        residuals, _ = robust.residuals(self.centred, theta)
        lower = Method("huber", delta).values(residuals) / delta
        above = (weights * (np.abs(residuals) - lower)).sum(axis=1)
        negligible = weights.sum(axis=1) * robust.NEGLIGIBLE_RESIDUAL
        values = self.values(theta, weights)
        return np.where(values <= negligible, 0.0, of_huber + above / (values + negligible))


def solved(problem: Problem, weights: Floats) -> tuple[Floats, Proof]:
    """The best minimum (1, P) that the starts lead to, and how sure it is the one."""
    starts = problem.starts()
    all_weights = np.repeat(weights[None], len(starts), axis=0)
    ends = problem.descended(starts, all_weights)
    values = problem.values(ends, all_weights)
    best = int(values.argmin())
    theta, slopes = _polished(problem, ends[best : best + 1], weights)
    value = float(problem.values(theta, weights[None])[0])
    gradient, vanished = _gradient(problem, theta, weights, slopes)
    negligible, least = (
        float(problem.method.values(np.full(len(weights), residual)) @ weights)
        for residual in (NEGLIGIBLE, robust.NEGLIGIBLE_RESIDUAL)
    )
    on_law = value <= least
    near = values <= values[best] * (1 + AGREE) + negligible
    curved = problem.method.objective == "lad" or problem.gaps(theta, weights[None])[0] < np.inf
    wrong = (
        (not (vanished or on_law), "the gradient does not vanish"),
        (near.sum() < LEAST_AGREEING and not on_law, "no second start led to this value"),
        (value > values[best] * (1 + AGREE) + negligible, "the polish led away from the minimum"),
        (not curved, "the curvature is not positive"),
    )
    held = _held(problem, theta[0])
    reason = _bounds(problem, held) or next((why for is_so, why in wrong if is_so), None)
    told = not _untold(problem, held)
    return theta, Proof(value, gradient, float(near.mean()), reason is None, reason, told)


def _polished(problem: Problem, theta: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The minimum to rounding, and each residual's slope of the objective there."""
    method, surface = problem.method, problem.centred
    if method.objective == "lad":
        return _vertex(problem, theta, weights)
    theta = robust.polished(surface, theta, weights[None], method.deltas[-1])
    residuals, _ = robust.residuals(problem.plain, problem.numbers(theta))
    return theta, method.slopes(residuals[0])


def _vertex(problem: Problem, theta: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """As ``_polished``, of lad.

    A run nearer to the model than delta is taken to be on it. Where runs hardly differ from the
    model, these are too many, and the subgradient vanishes only with a smaller delta.
    """
    found = []
    for delta in FINER_LAD_DELTAS:
        vertex, slopes = robust.vertex(problem.centred, theta[0], weights, 2 * delta)
        found.append((vertex[None], slopes))
        before, after = problem.values(np.stack([theta[0], vertex]), weights)
        if after <= before and _gradient(problem, vertex[None], weights, slopes)[1]:
            return found[-1]
        theta = robust.minimise(problem.centred, theta, weights[None], delta / 10, LAD_TOLERANCE)
    return found[0]


def _gradient(
    problem: Problem, theta: Floats, weights: Floats, slopes: Floats
) -> tuple[float, bool]:
    """Its norm by the numbers of the plain logs, and whether it is 0 but for rounding."""
    _, shares = robust.residuals(problem.plain, problem.numbers(theta))
    moved = robust.jacobian(problem.plain, shares)[0] * weights[:, None]
    parts = moved * slopes[:, None]
    norm, size = np.linalg.norm(parts.sum(axis=0)), np.linalg.norm(np.abs(parts).sum(axis=0))
    slope, steepest = problem.method.slopes(np.array([NEGLIGIBLE, np.inf]))
    rounding = min(slope, VANISHED * steepest) * np.linalg.norm(np.abs(moved).sum(axis=0))
    return float(norm), bool(norm <= VANISHED * size + rounding)


def _held(problem: Problem, theta: Floats) -> NDArray[np.bool_]:
    """Which of ``theta`` (P,) lie at the bounds of the search."""
    low, high = problem.centred.low, problem.centred.high
    margin = 1e-6 * (high - low)
    return np.asarray((theta <= low + margin) | (theta >= high - margin))


def _untold(problem: Problem, held: NDArray[np.bool_]) -> list[int]:
    """The powers of which the coefficient or the exponent is at the bounds."""
    pairs = enumerate(problem.columns.tolist())
    return [power for power, column in pairs if held[power] or held[column]]


def _bounds(problem: Problem, held: NDArray[np.bool_]) -> str | None:
    """What lies at the bounds of the search, in a sentence, and why."""
    if not held.any():
        return None
    letters = [LETTERS[size] for size in problem.sizes]
    names = [*(f"log {coefficient}" for coefficient, _ in letters), "log E"]
    names += [exponent for _, exponent in letters]
    which = " and ".join(name for name, at in zip(names, held, strict=False) if at)
    course = _course(problem, _untold(problem, held))
    return f"{course}: {which} went to the bounds of the search"


def _course(problem: Problem, powers: list[int]) -> str:
    """How the losses go with the sizes of ``powers`` in the place of falling."""
    if not powers:
        return "the losses show no floor"
    if np.ptp(problem.log_loss) < NEGLIGIBLE:
        return "the losses are all the same"
    rises = _rises(problem)
    rising, other = (
        " and ".join(WORDS[problem.sizes[power]] for power in powers if rises[power] == so)
        for so in (True, False)
    )
    said = [f"rise with {rising}"] if rising else []
    said += [f"do not fall with {other} as a power does"] if other else []
    return f"the losses {', and '.join(said)}"


def _rises(problem: Problem) -> NDArray[np.bool_]:
    """Of each power, whether log losses go up with the log of its size, by least squares."""
    columns = np.column_stack([np.ones_like(problem.log_loss), *problem.powers])
    inverse = np.linalg.pinv(columns.T @ columns)
    found = inverse @ columns.T @ problem.log_loss
    left = problem.log_loss - columns @ found
    variance = left @ left / (len(left) - len(found))
    return np.asarray(found > SURE_ERRORS * np.sqrt(np.diag(inverse) * variance))[1:]
