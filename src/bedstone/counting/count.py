"""Parameters and FLOP of a decoder, counted exactly.

A multiplication with an addition is two FLOP. Only matrix products are counted: norms, softmax,
rotation and the embedding's look-up are left out, as everybody leaves them out.
"""

from collections import Counter
from dataclasses import dataclass

from bedstone.counting.architecture import Architecture, Experts, FeedForward, Layer

EMBEDDING = ("token_embedding", "position_embedding", "output_head")
"""Components that are tables: what is left is ``non_embedding``."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many, in all and by kind."""

    total: int
    """A table that is tied counted once."""
    active: int
    """Without the routed experts that a token does not pass."""
    embedding: int
    """Tables of tokens, positions and output."""
    non_embedding: int
    buffers: int
    """Stored numbers that are not trained, outside of ``total``."""
    components: dict[str, int]
    """Those that there are; they add up to ``total``. Biases are with what they are added to."""


def parameters(architecture: Architecture) -> Parameters:
    """All counts of a decoder."""
    components = Counter(_outer_components(architecture))
    idle = buffers = 0
    for layer, count in architecture.layers:
        for name, number in _layer_components(layer, architecture.norm_vectors).items():
            components[name] += count * number
        if isinstance(experts := layer.feed_forward, Experts):
            idle += count * (experts.n_experts - experts.n_active) * _size(experts.expert)
            buffers += count * experts.buffers
    total = components.total()
    embedding = sum(components[name] for name in EMBEDDING)
    return Parameters(
        total=total,
        active=total - idle,
        embedding=embedding,
        non_embedding=total - embedding,
        buffers=buffers,
        components={name: number for name, number in components.items() if number},
    )


def matmul_parameters(architecture: Architecture) -> int:
    """The N of "6 N a token": each matrix that multiplies a token, experts by those active.

    The output head is among them also where it is tied; tables that are looked up are not.
    """
    head = architecture.vocab_size * architecture.d_embedding
    return layer_matrices(architecture, active=True) + head + _embedding_projections(architecture)


def layer_matrices(architecture: Architecture, *, active: bool) -> int:
    """Numbers in the layers' matrices: of all experts, or of those that a token passes."""
    return sum(
        count
        * (layer.attention.matrices + _feed_forward_matrices(layer.feed_forward, active=active))
        for layer, count in architecture.layers
    )


def forward_flop_per_token(architecture: Architecture, length: int) -> float:
    """The mean over the positions of a sequence: two a parameter of a matrix, and attention.

    Attention is causal: a position looks at itself and at those before it that window and chunk
    allow, half of the sequence on average where they allow all. Conventions that count the whole
    sequence for each position say twice as much.

    Args:
        architecture: latent attention counts in its textbook form.
        length: tokens of the sequence, at least one.

    Raises:
        ValueError: the sequence is empty.
    """
    if length < 1:
        raise ValueError(f"a sequence of {length} tokens has no mean")
    attention = sum(
        count * layer.attention.flop_per_key * keys_seen(layer, length)
        for layer, count in architecture.layers
    )
    return (2 * matmul_parameters(architecture) * length + attention) / length


def train_flop_per_token(architecture: Architecture, length: int) -> float:
    """Forward, and twice that backward."""
    return 3 * forward_flop_per_token(architecture, length)


def keys_seen(layer: Layer, length: int) -> int:
    """Keys that the positions of a sequence look at, all together."""
    if layer.chunk:
        chunks, rest = divmod(length, layer.chunk)
        return chunks * _triangle(layer.chunk) + _triangle(rest)
    window = min(length, layer.window or length)
    return _triangle(window) + (length - window) * window


def _triangle(length: int) -> int:
    """1 + 2 + ... + length."""
    return length * (length + 1) // 2


def _outer_components(architecture: Architecture) -> dict[str, int]:
    """Of all that stands before and after the layers."""
    table = architecture.vocab_size * architecture.d_embedding
    bias = architecture.head_bias * architecture.vocab_size
    width = architecture.d_model
    return {
        "token_embedding": table,
        "position_embedding": architecture.n_positions * width,
        "embedding_projections": _embedding_projections(architecture),
        "norms": architecture.n_outer_norms * architecture.norm_vectors * width,
        "output_head": bias + (0 if architecture.is_tied else table),
    }


def _layer_components(layer: Layer, norm_vectors: int) -> dict[str, int]:
    attention, feed_forward = layer.attention, layer.feed_forward
    components = {
        "attention": attention.matrices + attention.vectors,
        "attention_norms": attention.norms,
        "norms": layer.n_norms * norm_vectors * attention.d_model,
    }
    if isinstance(feed_forward, FeedForward):
        return {**components, "feed_forward": _size(feed_forward)}
    bias = feed_forward.router_bias * feed_forward.n_experts
    return {
        **components,
        "experts": feed_forward.n_experts * _size(feed_forward.expert),
        "shared_experts": _size(feed_forward.shared) if feed_forward.shared else 0,
        "router": feed_forward.router + bias,
    }


def _size(feed_forward: FeedForward) -> int:
    return feed_forward.matrices + feed_forward.vectors


def _feed_forward_matrices(block: FeedForward | Experts, *, active: bool) -> int:
    if isinstance(block, FeedForward):
        return block.matrices
    routed = (block.n_active if active else block.n_experts) * block.expert.matrices
    return routed + block.router + (block.shared.matrices if block.shared else 0)


def _embedding_projections(architecture: Architecture) -> int:
    """Of the table's width to d_model, and back before the head."""
    if architecture.d_embedding == architecture.d_model:
        return 0
    return 2 * architecture.d_embedding * architecture.d_model
