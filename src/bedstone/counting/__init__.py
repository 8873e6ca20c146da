"""What a model has, needs and computes, counted from its shape."""

from typing import Literal

Recompute = Literal["none", "selective", "full"]
"""Which activations are computed again backward: none, those of attention, all of each layer."""
