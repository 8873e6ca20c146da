"""What text is worth that is read again.

Letters, as in the paper: N parameters, D training tokens, U tokens that differ, R repetitions
(passes less the first), R* the number of repetitions that the worth decays with, D' the fresh
tokens that would teach as much.

Source: Muennighoff et al. 2023, arXiv:2305.16264, equations 5 and 6; constants: ``laws.toml``.
"""

import math

import numpy as np

from bedstone.laws.known import published
from bedstone.laws.law import Numbers

FITTED = published("repeated")
SURFACE = FITTED.surface()
R_STAR = FITTED.values()["r_star_tokens"]
R_STAR_PARAMETERS = FITTED.values()["r_star_parameters"]

NEARLY_FRESH_PASSES = FITTED.values()["nearly_fresh_passes"]
"""Up to so many, a pass teaches nearly what fresh text would."""


def effective_tokens(unique_tokens: float, passes: float) -> float:
    """D' = U + U R* (1 - exp(-R / R*)): never more than U (1 + R*).

    What has not been read once is worth what was read of it: the text is fresh.
    """
    return float(_worth(unique_tokens * passes, unique_tokens, R_STAR))


def pass_worth(number: float) -> float:
    """What a token is worth at the end of pass ``number``, over a fresh one: exp(-R / R*).

    It is dD'/dD at R = ``number`` - 1, and the least within the pass: the fourth is worth .82 at
    its end, .85 over the whole of it. The first is worth 1.
    """
    return math.exp(-max(number - 1, 0.0) / R_STAR)


def repeated_loss(parameters: Numbers, train_tokens: Numbers, unique_tokens: float) -> Numbers:
    """L(N', D') in nats a token.

    N' counts parameters beyond those that U fresh tokens feed as D' counts repeated tokens.
    """
    fed = SURFACE.parameters_fed_by(unique_tokens)
    return SURFACE.loss(
        _worth(parameters, fed, R_STAR_PARAMETERS), _worth(train_tokens, unique_tokens, R_STAR)
    )


def _worth(amount: Numbers, enough: float, r_star: float) -> Numbers:
    """``amount`` up to what is ``enough``, and beyond it less and less."""
    beyond = np.maximum(amount / enough - 1, 0)
    worth: Numbers = np.minimum(amount, enough) - enough * r_star * np.expm1(-beyond / r_star)
    return worth
