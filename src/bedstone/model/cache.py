"""The keys and values behind a batch of texts, and what each position may look at."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from bedstone.counting.shape import ModelConfig, RopeScaling

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


class KVCache:
    """The keys and values of the positions that a batch of texts has behind it.

    Texts of different length are padded on the left, so that all rows grow at the same slot.
    A padded slot is never looked at, and a row's positions count from its first real token.
    """

    def __init__(
        self,
        config: ModelConfig,
        padding_B: Tensor,
        slots: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Room for ``slots`` positions, padding included.

        Args:
            config: the model's.
            padding_B: how many tokens stand before each row's first real one, int64; on the
                model's device.
            slots: as many as will be decoded in all.
            dtype: the model's number format.
        """
        c = self._config = config
        self.filled = 0
        self.padding_B = padding_B
        self.padded = bool(padding_B.any())
        shape = (c.n_layers, 2, len(padding_B) * c.n_kv_heads, slots, c.d_head)
        self.held = torch.empty(shape, dtype=dtype, device=padding_B.device)
        """Keys and values of each layer, [L, 2, B N, S, K]."""
        starts_B = padding_B if self.padded else padding_B[:1]
        places_S = torch.arange(slots, device=padding_B.device)
        self._cos, self._sin = _rotations(c, places_S - starts_B[:, None], dtype)
        hidden_BS = places_S < starts_B[:, None]
        mask = _additive(~hidden_BS[:, None], dtype)
        self._mask = mask.repeat_interleave(c.n_kv_heads, 0) if self.padded else mask

    def repeated(self, times: int, slots: int) -> "KVCache":
        """A cache with each row so many times, side by side, and room for ``slots`` positions."""
        c, rows = self._config, len(self.padding_B)
        more = KVCache(c, self.padding_B.repeat_interleave(times), slots, self.held.dtype)
        more.filled = self.filled
        held = self.held.view(c.n_layers, 2, rows, 1, c.n_kv_heads, -1, c.d_head)
        room = more.held.view(c.n_layers, 2, rows, times, c.n_kv_heads, slots, c.d_head)
        room[..., : self.filled, :] = held[..., : self.filled, :]
        return more

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but these, which are in rising order; no other memory is taken."""
        heads = torch.arange(self.held.shape[2], device=rows.device)
        heads = heads.view(len(self.padding_B), -1)[rows].flatten()
        for held in self.held.flatten(0, 1):
            held[: len(heads), : self.filled] = held[heads, : self.filled]
        self.held = self.held[:, :, : len(heads)]
        self.padding_B = self.padding_B[rows]
        if self.padded:
            self._cos, self._sin, self._mask = self._cos[rows], self._sin[rows], self._mask[heads]

    def view(self, tokens: int, window_tokens: int | None) -> "View":
        """Where the next ``tokens`` of each row stand, and what they may look at."""
        c, start, end = self._config, self.filled, self.filled + tokens
        cos, sin = self._cos[:, :, start:end], self._sin[:, :, start:end]
        first = max(end - window_tokens, 0) if window_tokens and tokens == 1 else 0
        mask = self._mask[:, :, first:end]
        if tokens > 1:
            slots = torch.arange(end, device=mask.device)
            seen = _seen(slots[start:], slots, window_tokens)
            mask = torch.minimum(mask, _additive(seen, mask.dtype))
            mask = mask.repeat_interleave(c.n_heads // c.n_kv_heads, 1)
        return View(cos, sin, mask, slice(start, end), slice(first, end))


class View(NamedTuple):
    """Where the tokens of a call stand, and which keys each of them may look at."""

    cos: Tensor
    sin: Tensor
    """Of each position's angles, [1 or B, 1, T, K]; the sine is negative in the first half."""
    mask: Tensor | None
    """To add to the scores, [1 or B N, 1 or T G, S]: 0, or as good as minus infinity."""
    new: slice
    """The slots of the tokens."""
    seen: slice
    """The slots of the keys, S."""
    blocks: "BlockMask | None" = None
    """On a GPU, in the place of ``mask`` where texts are read whole."""


def whole_view(
    config: ModelConfig,
    embedded_BTD: Tensor,
    window_tokens: int | None = None,
    documents_BT: Tensor | None = None,
) -> View:
    """That of whole texts, which begin at slot 0; see ``Transformer.forward`` of documents."""
    tokens, dtype = embedded_BTD.shape[1], embedded_BTD.dtype
    slots, whole = torch.arange(tokens, device=embedded_BTD.device), slice(0, tokens)
    starts_BT = _starts(slots, documents_BT)
    rotations = _rotations(config, slots - starts_BT, dtype)
    if slots.device.type != "cpu":
        blocks = seen_blocks(slots, window_tokens, documents_BT)
        return View(*rotations, None, whole, whole, blocks)
    mask = _additive(_seen(slots, slots, window_tokens), dtype)[None]
    if documents_BT is not None:
        before = slots < starts_BT[:, :, None]
        mask = torch.where(before, torch.finfo(dtype).min, mask)
        mask = mask.repeat_interleave(config.n_kv_heads, 0)
    groups = config.n_heads // config.n_kv_heads
    mask = mask[:, :, None].expand(-1, -1, groups, -1).flatten(1, 2)
    return View(*rotations, mask, whole, whole)


class Branches(NamedTuple):
    """Texts that share beginnings: each row of a batch is a tree of them, its root on the left."""

    positions_BT: Tensor
    """Of each token in its texts."""
    seen_BTS: Tensor
    """Which tokens stand before it in all its texts, and itself; bool."""


def branched_view(
    config: ModelConfig, embedded_BTD: Tensor, window_tokens: int | None, branches: Branches
) -> View:
    """Where the tokens of such texts stand: each looks at what comes before it in its own."""
    positions_BT, seen_BTS = branches
    whole, batch = slice(0, seen_BTS.shape[1]), len(seen_BTS)
    if window_tokens is not None:
        ago_BTS = positions_BT[:, :, None] - positions_BT[:, None]
        seen_BTS = seen_BTS & (ago_BTS < window_tokens)
    rotations = _rotations(config, positions_BT, embedded_BTD.dtype)
    if embedded_BTD.device.type != "cpu":
        return View(*rotations, None, whole, whole, branched_blocks(seen_BTS))
    mask = _additive(seen_BTS, embedded_BTD.dtype)
    mask = mask.repeat_interleave(config.n_heads // config.n_kv_heads, 1)
    # Of one row the same mask is read for each head.
    mask = mask.repeat_interleave(config.n_kv_heads, 0) if batch > 1 else mask
    return View(*rotations, mask, whole, whole)


def branched_blocks(seen_BTS: Tensor) -> "BlockMask":
    """Which blocks of keys each block of queries looks at."""
    from torch.nn.attention.flex_attention import create_block_mask

    def seen(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return seen_BTS[row, query, key]

    rows, size, _ = seen_BTS.shape
    return create_block_mask(seen, rows, None, size, size, device=seen_BTS.device)


def _starts(slots_T: Tensor, documents_BT: Tensor | None) -> Tensor:
    """The slot where each one's document begins, [1 or B, T]."""
    if documents_BT is None:
        return torch.zeros_like(slots_T)[None]
    begins_BT = documents_BT.diff(dim=1, prepend=documents_BT[:, :1]) != 0
    return (begins_BT * slots_T).cummax(1).values


def seen_blocks(
    slots_T: Tensor, window_tokens: int | None, documents_BT: Tensor | None
) -> "BlockMask | None":
    """Which blocks of keys each block of queries looks at; None: all that come before it."""
    if window_tokens is None and documents_BT is None:
        return None
    from torch.nn.attention.flex_attention import create_block_mask

    def seen(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        found = key <= query
        if window_tokens is not None:
            found = found & (key > query - window_tokens)
        if documents_BT is not None:
            found = found & (documents_BT[row, query] == documents_BT[row, key])
        return found

    rows = None if documents_BT is None else len(documents_BT)
    size = len(slots_T)
    return create_block_mask(seen, rows, None, size, size, device=slots_T.device)


def _rotations(config: ModelConfig, positions_BT: Tensor, dtype: Any) -> tuple[Tensor, Tensor]:
    rates = rotary_rates(config).to(positions_BT.device)
    angles = positions_BT.clamp(min=0)[:, None, :, None] * rates
    cos = torch.cat([angles.cos(), angles.cos()], -1).to(dtype)
    return cos, torch.cat([-angles.sin(), angles.sin()], -1).to(dtype)


def _seen(slots_T: Tensor, keys_S: Tensor, window_tokens: int | None) -> Tensor:
    seen_TS = keys_S <= slots_T[:, None]
    if window_tokens is not None:
        seen_TS &= keys_S > slots_T[:, None] - window_tokens
    return seen_TS


def _additive(seen: Tensor, dtype: torch.dtype) -> Tensor:
    zeros = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
    return zeros.masked_fill(~seen, torch.finfo(dtype).min)


def rotary_rates(config: ModelConfig) -> Tensor:
    """Radians a position of each pair of a head's dimensions, [K / 2]."""
    half = config.d_head // 2
    rates = config.rope_theta ** -(torch.arange(half) / half)
    return slowed(rates, config.rope_scaling) if config.rope_scaling else rates


def slowed(rates: Tensor, scaling: RopeScaling) -> Tensor:
    """The rates, in radians a position, as they are after scaling."""
    slow = rates / scaling.factor
    if scaling.kind == "linear":
        return slow
    turns = scaling.original_positions * rates / (2 * math.pi)
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    kept_share = ((turns - low) / (high - low)).clamp(0, 1)
    return kept_share * rates + (1 - kept_share) * slow
