"""The architecture."""

from typing import Literal

NumberFormat = Literal["bf16", "fp32"]
"""Of weights and of what is computed with them."""
