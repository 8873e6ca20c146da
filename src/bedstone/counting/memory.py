"""Memory of weights by number format, and of the keys and values that inference keeps.

A gigabyte is 1e9 bytes wherever one is printed.
"""

from fractions import Fraction
from math import ceil

from bedstone.counting.architecture import Architecture
from bedstone.counting.count import layer_matrices, parameters

INT4_GROUP = 128
"""Weights that share a scale and a zero point."""
SCALE_BITS = 16
ZERO_POINT_BITS = 4
BITS: dict[str, Fraction] = {
    "fp32": Fraction(32),
    "bf16": Fraction(16),
    "int8": Fraction(8),
    "int4": 4 + Fraction(SCALE_BITS + ZERO_POINT_BITS, INT4_GROUP),
}
"""Of a weight in each number format, its part of a scale and a zero point included.

Source: GPTQ (Frantar et al. 2023, arXiv:2210.17323) and AWQ (Lin et al. 2024, arXiv:2306.00978),
groups as their published checkpoints have them."""
TRAIN_BYTES_PER_PARAMETER = 16
"""Weight and gradient in 16 bit, and in 32 bit the weight and two moments of Adam. Activations
come on top. Source: ZeRO (Rajbhandari et al. 2020, arXiv:1910.02054), section 3.1."""
KV_NUMBER_BYTES = 2
"""Keys and values are mostly kept in 16 bit."""


def stored_bytes(numbers: int, number_format: str) -> int:
    """So many weights in one of the formats of ``BITS``, rounded up to whole bytes."""
    return ceil(numbers * BITS[number_format] / 8)


def weight_bytes(architecture: Architecture) -> dict[str, int]:
    """Number format -> bytes of all parameters in it; buffers are left out.

    ``int4_linear`` is what quantised checkpoints mostly are: the layers' matrices in int4, all
    else (tables, head, norms, biases) in bf16.
    """
    total = parameters(architecture).total
    matrices = layer_matrices(architecture, active=False)
    mixed = stored_bytes(matrices, "int4") + stored_bytes(total - matrices, "bf16")
    return {name: stored_bytes(total, name) for name in BITS} | {"int4_linear": mixed}


def kv_bytes_per_token(architecture: Architecture) -> int:
    """Keys and values of one position in every layer; of latent attention, the latent."""
    return kv_bytes(architecture, 1)


def kv_bytes(
    architecture: Architecture, length: int, batch: int = 1, number_bytes: int = KV_NUMBER_BYTES
) -> int:
    """Keys and values of ``batch`` sequences of ``length`` tokens.

    A layer with a window or chunks keeps no more positions than one of them holds.
    """
    kept = sum(
        count * layer.attention.cached * min(length, layer.window or length, layer.chunk or length)
        for layer, count in architecture.layers
    )
    return batch * kept * number_bytes
