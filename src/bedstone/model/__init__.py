"""The architecture."""

from typing import Literal

NumberFormat = Literal["bf16", "fp32"]
"""Of weights and of what is computed with them."""

Compiled = Literal["auto", "on", "off"]
"""Whether torch compiles the layers first: it takes a minute, and makes steps on a GPU faster."""

Device = Literal["auto", "cpu", "cuda"]
"""Where a model computes; ``auto``: as the plan says, and without one on a GPU if there is one."""
