"""Shapes of models in a line."""

from bedstone.counting.shape import SIZES, ModelConfig


def shape(*sizes: int, **more) -> ModelConfig:
    """Its sizes in the order of ``SIZES``."""
    return ModelConfig(**dict(zip(SIZES, sizes, strict=True)), **more)
