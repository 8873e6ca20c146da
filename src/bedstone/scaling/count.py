"""Parameters and FLOP of a transformer of the Llama type, counted exactly from its shape.

Letters of the formulas: V vocabulary, D model, F feed-forward, L layers, H heads, N heads of keys
and values, K = D/H, T sequence length.
A multiplication with an addition is two FLOP. Only matrix products are counted: norms, softmax,
rotation and the embedding's look-up are left out, as everybody leaves them out.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that decide all counts. K is D/H."""

    vocab_size: int
    n_layers: int
    d_model: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    seq_len: int
    tied: bool = True
    """Whether the output projection is the embedding's table."""


def parameters_embedding(shape: Shape) -> int:
    """V D, and as many again for an output projection that is not tied."""
    return (1 if shape.tied else 2) * shape.vocab_size * shape.d_model


def parameters_non_embedding(shape: Shape) -> int:
    """L (2 D D + 2 D N K + 3 D F + 2 D) + D: projections, two norms a layer, the last norm."""
    norms = (2 * shape.n_layers + 1) * shape.d_model
    return shape.n_layers * _layer_weights(shape) + norms


def parameters_total(shape: Shape) -> int:
    """All of them, a shared table counted once."""
    return parameters_embedding(shape) + parameters_non_embedding(shape)


def forward_flop_per_token(shape: Shape) -> float:
    """2 (layers' projections + V D) + 4 L D (T + 1)/2, the mean over a sequence's positions.

    The output projection is computed for each token, also if it is tied. A position looks at
    itself and those before it, at (T + 1)/2 on average: the causal half. Conventions that count
    all T say twice as much for attention.
    """
    projections = shape.n_layers * _layer_weights(shape) + shape.vocab_size * shape.d_model
    attention = 4 * shape.n_layers * shape.d_model * (shape.seq_len + 1) / 2
    return 2 * projections + attention


def train_flop_per_token(shape: Shape) -> float:
    """Forward, and twice that backward."""
    return 3 * forward_flop_per_token(shape)


def _layer_weights(shape: Shape) -> int:
    keys = shape.n_kv_heads * shape.d_model // shape.n_heads
    attention = 2 * shape.d_model * shape.d_model + 2 * shape.d_model * keys
    return attention + 3 * shape.d_model * shape.d_ff
