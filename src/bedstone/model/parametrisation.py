"""The first value of each parameter and its learning rate, by the model's size.

``standard``: deviations by SmallInit, additions to the residual stream smaller by the root of
their number, one learning rate. The best rate then falls as models grow.

``mup`` (maximal update): what a step changes in each activation does not depend on the width, nor
what a block adds on the number of blocks; so the best rate of a small model is that of a large
one. The papers multiply activations. Here the model stays Llama: with Adam, whose step does not
depend on a gradient's length, a factor on a product is the same factor on the first values and on
the rate of the parameter. So the output's 1 / width is in the gain of the last norm, and the
blocks' 1 / depth in what their last matrices are.

Decay is multiplied with the learning rate. It is divided by the parameter's factor of the rate, so
that of each matrix the same share decays, at every size.

Source: Yang et al. 2022, arXiv:2203.03466, table 8 (widths); Dey et al. 2025 (CompleteP),
arXiv:2505.01618, table 1 (depths); Nguyen and Salazar 2019, arXiv:1910.05895 (SmallInit); Radford
et al. 2019 (GPT-2), section 2.3 (the root of the number of additions).
"""

import math
from typing import Literal, NamedTuple

from bedstone.counting.shape import ModelConfig

Parametrisation = Literal["standard", "mup"]

BASE_WIDTH = 64
BASE_DEPTH = 2
"""At this width and depth both are the same, so a rate means the same in both."""


class Scale(NamedTuple):
    """How large a parameter is at first, and how far a step changes it."""

    first: float
    """The deviation of a new matrix; what the ones or zeros of a new vector are multiplied with."""
    rate: float = 1.0
    """Its learning rate over that of the run; its decay is divided by it."""


def scale(shape: ModelConfig, name: str, parametrisation: Parametrisation) -> Scale:
    """That of the parameter ``name`` of a ``Transformer`` of this shape."""
    is_mup = parametrisation == "mup"
    wide = BASE_WIDTH / shape.d_model if is_mup else 1.0
    deep = BASE_DEPTH / shape.n_layers if is_mup else 1.0
    if name in ("embedding", "head"):
        return Scale(shape.initial_deviation / math.sqrt(wide))
    if name == "norm":
        return Scale(wide, wide)
    if name.endswith(("_norm", "_bias")):
        return Scale(1.0)
    if name.endswith("_out"):
        additions = 2 * (BASE_DEPTH if is_mup else shape.n_layers)
        return Scale(deep * shape.initial_deviation / math.sqrt(additions), wide * deep)
    return Scale(shape.initial_deviation, wide)
