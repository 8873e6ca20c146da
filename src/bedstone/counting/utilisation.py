"""Utilisation: the FLOP that training needs, over those that the devices could have done.

MFU counts the FLOP that the model needs, HFU those that the devices did, with what was computed
twice to save memory. Letters: N parameters, A the widths of all heads' keys and values, added over
layers, T sequence length, M the parameters in matrix products, V those of them in the output
projection.

The conventions count differently, so a figure without its convention says little:

* ``palm``: 6 N + 6 A T a token, N all (active) parameters, the embedding's table too. With keys as
  wide as values it is 6 N + 12 L H Q T. Source: Chowdhery et al. 2022, arXiv:2204.02311,
  appendix B.
* ``palm_without_attention``: 6 N. Source: as above.
* ``korthikanti``: 6 M + 6 A T. For a GPT of width h it is 72 B L s h^2 (1 + s/6h + V/12hL) an
  iteration. Source: Korthikanti et al. 2022, arXiv:2205.05198, appendix A.
* ``causal``: what ``count.train_flop_per_token`` counts. A position sees those before it and no
  more, windows included: about half of the others' attention.

All but the last let each position see all of the sequence.
"""

from typing import get_args

from bedstone.counting import Recompute
from bedstone.counting.architecture import Architecture, Attention, FeedForward

RECOMPUTES: tuple[Recompute, ...] = get_args(Recompute)
TRAIN_FLOP = 6
"""For each product of a parameter and a token: two forward, four backward."""


def model_flop_per_token(parameters: int, attention_width: int, seq_len: int) -> int:
    """6 N + 6 A T: what training needs for a token.

    Args:
        parameters: N of ``palm``, or M of ``korthikanti``.
        attention_width: A; 0 leaves attention out.
        seq_len: T.
    """
    return TRAIN_FLOP * (parameters + attention_width * seq_len)


def hardware_flop_per_token(
    matmul_parameters: int,
    head_parameters: int,
    attention_width: int,
    seq_len: int,
    recompute: Recompute,
) -> int:
    """What the devices compute for a token, by Korthikanti et al.

    ``selective`` counts all FLOP of attention twice, as their s/3h in the place of s/6h does. One
    more forward pass of it would be a third of that, so this is an upper bound.
    ``full`` adds a forward pass of the layers, and none of the output projection.

    Args:
        matmul_parameters: M, the output projection included.
        head_parameters: V.
        attention_width: A.
        seq_len: T.
        recompute: what is.
    """
    needed = model_flop_per_token(matmul_parameters, attention_width, seq_len)
    if recompute == "none":
        return needed
    if recompute == "selective":
        return needed + TRAIN_FLOP * attention_width * seq_len
    layers = matmul_parameters - head_parameters + attention_width * seq_len
    return needed + TRAIN_FLOP // 3 * layers


def utilisation(
    tokens_per_second: float, flop_per_token: float, flop_per_second: float, devices: int
) -> float:
    """The share of what all ``devices`` could do; ``flop_per_second`` is of one."""
    return tokens_per_second * flop_per_token / (devices * flop_per_second)


def activation_bytes_per_layer(
    batch: int, seq_len: int, d_model: int, n_heads: int, recompute: Recompute
) -> int:
    """Activations of a GPT's layer that are kept for the backward pass, in 16 bits.

    s b h (34 + 5 a s / h), 34 s b h without those of attention, 2 s b h with none but the layer's
    input; on one device. It holds with dropout, d_ff = 4 d_model, and a head of keys for each of
    queries. Not for gated feed-forwards, grouped queries or attention that stores no scores.

    Source: Korthikanti et al. 2022, arXiv:2205.05198, equations 1 and 6, table 2.
    """
    layer_input = batch * seq_len * d_model
    if recompute == "full":
        return 2 * layer_input
    scores = 0 if recompute == "selective" else 5 * n_heads * seq_len * seq_len * batch
    return 34 * layer_input + scores


def activation_bytes(architecture: Architecture, seq_len: int) -> dict[str, int] | None:
    """Kept of a layer for one sequence, by recompute; None: the formula does not hold for it."""
    (layer, _), *others = architecture.layers
    attention, feed_forward = layer.attention, layer.feed_forward
    if others or not isinstance(attention, Attention) or not isinstance(feed_forward, FeedForward):
        return None
    d_model, heads = attention.d_model, (attention.n_heads, attention.n_kv_heads)
    is_plain = (layer.n_norms, layer.window, layer.chunk, attention.norms) == (2, None, None, 0)
    is_wide = (feed_forward.d_ff, feed_forward.is_gated) == (4 * d_model, False)
    if not is_plain or not is_wide or {each * attention.d_head for each in heads} != {d_model}:
        return None
    return {
        recompute: activation_bytes_per_layer(1, seq_len, d_model, attention.n_heads, recompute)
        for recompute in RECOMPUTES
    }
