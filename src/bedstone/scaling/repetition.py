"""What text is worth that is read again.

Letters, as in the paper: U tokens that differ, R repetitions (passes less the first), R* the
number of repetitions that the worth decays with, D' the fresh tokens that would teach as much.

Source: Muennighoff et al. 2023, arXiv:2305.16264, equation 5 and the fit in its appendix.
"""

import math

R_STAR = 15.387756
"""R_D* of the fit on C4, 15.4 in print."""


def effective_tokens(unique_tokens: float, passes: float) -> float:
    """D' = U + U R* (1 - exp(-R / R*)): never more than U (1 + R*).

    What has not been read once is worth what was read of it: the text is fresh.
    """
    fresh = unique_tokens * min(passes, 1.0)
    return fresh + unique_tokens * R_STAR * -math.expm1(-max(passes - 1, 0.0) / R_STAR)


def pass_worth(number: float) -> float:
    """What a token is worth at the end of pass ``number``, over a fresh one: exp(-R / R*).

    It is dD'/dD at R = ``number`` - 1, and the least within the pass: the fourth is worth .82 at
    its end, .85 over the whole of it. The first is worth 1.
    """
    return math.exp(-max(number - 1, 0.0) / R_STAR)
