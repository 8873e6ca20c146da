"""Sums of powers fitted to logarithms, robustly, many fits at once.

Run i has log loss y_i, and its model is log sum_k exp(t_ki . theta): a sum of powers of what the
run was given. The sum over runs of w_i rho(residual_i) is minimised, rho being Huber's function.
Its limits are squares (delta infinite) and absolute values (delta to 0, see ``vertex``).
The problems of one batch share runs and terms; each has its own weights and its own start.

Letters of the shapes: R problems of the batch, n runs, K terms, P parameters.
The step is Newton's on the true objective. Where that fails, it is damped by the matrix of
iteratively reweighted least squares, which lies above the curvature and is never indefinite.

Source: Huber 1964, Annals of Mathematical Statistics 35, for rho; Nocedal and Wright, Numerical
Optimization, chapters 4 and 10, for the damping.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NEGLIGIBLE_RESIDUAL = 1e-10
"""A sum of residuals of this size is as good as 0: no loss is known to so many digits."""
DAMPING = (1e-6, 1e8)
"""Less is none; with more a problem is given up as stalled."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Terms (K, n, P), log losses (n,), and the closed box (P,) that theta is kept in."""

    terms: Floats
    log_loss: Floats
    low: Floats
    high: Floats


class Local(NamedTuple):
    """The objective about a point of each problem; the last two are (R, P, P)."""

    value: Floats
    gradient: Floats
    curvature: Floats
    """The second derivative; at the kinks of Huber's slope, that of the inside."""
    above: Floats
    """Of reweighted least squares."""

    def replaced(self, where: NDArray[np.bool_], other: "Local") -> "Local":
        """Of ``other`` where it says so."""
        return Local(
            *(
                np.where(where.reshape(-1, *[1] * (old.ndim - 1)), new, old)
                for old, new in zip(self, other, strict=True)
            )
        )


def residuals(surface: Surface, theta: Floats) -> tuple[Floats, Floats]:
    """Modelled less measured log loss (R, n), and each term's share of the loss (K, R, n)."""
    exponents = np.matmul(theta, surface.terms.transpose(0, 2, 1))
    top = exponents.max(axis=0)
    shares = np.exp(exponents - top)
    total = shares.sum(axis=0)
    return top + np.log(total) - surface.log_loss, shares / total


def jacobian(surface: Surface, shares: Floats) -> Floats:
    """Of the log losses by theta, (R, n, P)."""
    slopes = np.matmul(shares.transpose(2, 1, 0), surface.terms.transpose(1, 0, 2))
    return np.ascontiguousarray(slopes.transpose(1, 0, 2))


def local(surface: Surface, theta: Floats, weights: Floats, delta: float) -> Local:
    """Value and derivatives of the objective at ``theta`` (R, P) under ``weights`` (R, n)."""
    residual, shares = residuals(surface, theta)
    slope = np.clip(residual, -delta, delta)
    value = (weights * (slope * residual - slope**2 / 2)).sum(axis=1)
    pull = weights * slope
    slopes = jacobian(surface, shares)
    across = slopes.transpose(0, 2, 1)
    gradient = np.matmul(across, pull[:, :, None])[:, :, 0]
    inside = np.where(np.abs(residual) <= delta, weights, 0.0)
    curvature = np.matmul(across * (inside - pull)[:, None, :], slopes)
    n_parameters = theta.shape[1]
    for term, share in zip(surface.terms, shares, strict=True):
        squares = (term[:, :, None] * term[:, None, :]).reshape(-1, n_parameters**2)
        curvature += ((pull * share) @ squares).reshape(curvature.shape)
    tight = weights * delta / np.maximum(np.abs(residual), delta) if np.isfinite(delta) else weights
    return Local(value, gradient, curvature, np.matmul(across * tight[:, None, :], slopes))


def minimise(
    surface: Surface,
    start: Floats,
    weights: Floats,
    delta: float,
    tolerance: float,
    most_steps: int = 200,
) -> Floats:
    """Where each problem's descent from its ``start`` (R, P) ends.

    A problem ends when the next step promises less than ``tolerance`` of its value, or when no
    step finds less: whether that is a minimum is for ``relative_gap`` to say.
    """
    theta = np.clip(start, surface.low, surface.high)
    going = np.arange(len(theta))
    at, here = theta.copy(), local(surface, theta, weights, delta)
    damping = np.ones(len(theta))
    negligible = negligible_value(weights, delta)
    for _ in range(most_steps):
        step, promise = _step(surface, at, here, damping)
        trial = np.clip(at + step, surface.low, surface.high)
        there = local(surface, trial, weights[going], delta)
        better = there.value <= here.value
        at = np.where(better[:, None], trial, at)
        here = here.replaced(better, there)
        small = np.abs(promise) <= tolerance * (here.value + negligible[going])
        done = (small & (damping < 1)) | (damping > DAMPING[1])
        damping = np.where(better, damping / 10, np.maximum(damping, DAMPING[0]) * 30)
        damping[damping < DAMPING[0]] = 0
        theta[going] = at
        keep = ~done
        if not keep.any():
            break
        going, at, damping = going[keep], at[keep], damping[keep]
        here = Local(*(field[keep] for field in here))
    return theta


def polished(surface: Surface, theta: Floats, weights: Floats, delta: float) -> Floats:
    """``theta`` after Newton steps for as long as they make the gradient smaller."""
    best = np.full(len(theta), np.inf)
    trial = theta
    for _ in range(20):
        here = local(surface, trial, weights, delta)
        size = np.abs(here.gradient * _free(surface, trial, here.gradient)).max(axis=1)
        better = size < best
        if not better.any():
            break
        theta = np.where(better[:, None], trial, theta)
        best = np.where(better, size, best)
        step, _ = _step(surface, theta, local(surface, theta, weights, delta), np.zeros(len(theta)))
        trial = np.clip(theta + step, surface.low, surface.high)
    return theta


def vertex(surface: Surface, theta: Floats, weights: Floats, reach: float) -> tuple[Floats, Floats]:
    """The minimum of absolute values near ``theta`` (P,), and the slope of each (n,).

    Runs whose residual is within ``reach`` are taken to lie on the model. Newton's method solves
    for that and for a vanishing subgradient at once. A run on the model may have any slope in
    [-1, 1]. Where more runs lie on it than there are parameters, many slopes serve: those that
    Newton finds outside are moved inside. If none serve, the subgradient does not vanish.
    """
    residual, _ = residuals(surface, theta[None])
    on = np.abs(residual[0]) <= reach
    signs = np.sign(residual[0])
    n_on, n_parameters = int(on.sum()), len(theta)
    multipliers = np.zeros(n_on)
    for _ in range(10):
        residual, shares = residuals(surface, theta[None])
        slopes = jacobian(surface, shares)[0]
        signs[on] = multipliers
        pull = weights * signs
        curvature = -(slopes.T * pull) @ slopes
        for term, share in zip(surface.terms, shares[:, 0], strict=True):
            curvature += (term.T * (pull * share)) @ term
        edge = slopes[on] * weights[on, None]
        system = np.block([[curvature, edge.T], [edge, np.zeros((n_on, n_on))]])
        wrong = np.concatenate([slopes.T @ pull, weights[on] * residual[0, on]])
        step = np.linalg.lstsq(system, -wrong, rcond=None)[0]
        theta = np.clip(theta + step[:n_parameters], surface.low, surface.high)
        multipliers = multipliers + step[n_parameters:]
    if np.abs(multipliers).max(initial=0) > 1:
        multipliers = _inside(edge, slopes[~on].T @ pull[~on], multipliers)
    signs[on] = np.clip(multipliers, -1, 1)
    return theta, signs


def _inside(edge: Floats, others: Floats, multipliers: Floats) -> Floats:
    """Slopes in [-1, 1] of the runs on the model that make up for those of the others.

    By turns the nearest in the box and the nearest that do (alternating projections).
    """
    back = np.linalg.pinv(edge.T)
    for _ in range(1000):
        multipliers = np.clip(multipliers, -1, 1)
        multipliers = multipliers - back @ (edge.T @ multipliers + others)
        if np.abs(multipliers).max() <= 1:
            break
    return multipliers


def relative_gap(surface: Surface, theta: Floats, weights: Floats, delta: float) -> Floats:
    """How far each value lies above its minimum, as a share of it: half Newton's decrement.

    Infinite where the curvature is not positive: that is no minimum.
    """
    here = local(surface, theta, weights, delta)
    free = _free(surface, theta, here.gradient)
    matrix, gradient = _reduced(here.curvature, here.gradient, free)
    diagonal = np.einsum("rpp->rp", matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    lowest = np.linalg.eigvalsh(matrix * scale[:, :, None] * scale[:, None, :])[:, 0]
    step = _solved(matrix, gradient)
    gap = (step * gradient).sum(axis=1) / 2 / (here.value + negligible_value(weights, delta))
    return np.where(lowest > 0, np.abs(gap), np.inf)


def negligible_value(weights: Floats, delta: float) -> Floats:
    """The objective's value (R,) when each residual is negligible."""
    slope = min(NEGLIGIBLE_RESIDUAL, delta)
    return np.asarray(weights.sum(axis=1) * (slope * NEGLIGIBLE_RESIDUAL - slope**2 / 2))


def _free(surface: Surface, theta: Floats, gradient: Floats) -> NDArray[np.bool_]:
    """The parameters that are not held by a bound that the descent pushes against."""
    held_low = (theta <= surface.low) & (gradient > 0)
    held_high = (theta >= surface.high) & (gradient < 0)
    return ~(held_low | held_high)


def _reduced(matrix: Floats, gradient: Floats, free: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The equations of the free parameters, the others' made to say 0."""
    both = free[:, :, None] & free[:, None, :]
    others = np.eye(free.shape[1]) * _size(matrix)
    return np.where(both, matrix, np.where(free[:, :, None], 0.0, others)), gradient * free


def _size(matrix: Floats) -> Floats:
    """The greatest entry of each, (R, 1, 1), above 0."""
    return np.asarray(np.maximum(np.abs(matrix).max(axis=(1, 2), keepdims=True), 1e-300))


def _solved(matrix: Floats, gradient: Floats) -> Floats:
    """Of each problem; a matrix that is singular is made regular by a rounding error's worth.

    Where rounding takes that away again, the shortest of the solutions.
    """
    ridge = np.eye(matrix.shape[1]) * 1e-15 * _size(matrix)
    try:
        found = np.linalg.solve(matrix + ridge, gradient[:, :, None])
    except np.linalg.LinAlgError:
        found = np.linalg.pinv(matrix, hermitian=True) @ gradient[:, :, None]
    return np.asarray(found[:, :, 0])


def _step(surface: Surface, theta: Floats, here: Local, damping: Floats) -> tuple[Floats, Floats]:
    """Newton's damped step within the box, and the decrease that it promises."""
    matrix = here.curvature + damping[:, None, None] * here.above
    free = _free(surface, theta, here.gradient)
    step = -_solved(*_reduced(matrix, here.gradient, free))
    return step, -(step * here.gradient).sum(axis=1) / 2
