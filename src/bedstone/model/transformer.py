"""A transformer of the Llama type.

RMSNorm before each sublayer, rotary positions, grouped queries, SwiGLU, no bias, and by default
the embedding is the output projection too. Models may have what Mistral, Mixtral, Qwen2 and Qwen3
add: a window, experts, biases of queries, keys and values, norms of queries and keys.
The projections that read the same input are one matrix here (``qkv``, ``gate_up``); in the files,
see ``hugging_face``, they are separate.

Shape letters: B rows of the batch, T positions, S positions of keys, V vocabulary, D model,
H heads of queries, N heads of keys (and of values), G heads of queries that share a head of keys
(H = N G), K head, F feed-forward, R rows of positions (B T), L layers.

Source: Touvron et al. 2023 (Llama 2), arXiv:2307.09288; RMSNorm: Zhang and Sennrich 2019,
arXiv:1910.07467; rotary positions: Su et al. 2021, arXiv:2104.09864; SwiGLU: Shazeer 2020,
arXiv:2002.05202; grouped queries: Ainslie et al. 2023, arXiv:2305.13245; window: Jiang et al. 2023
(Mistral), arXiv:2310.06825; biases: Yang et al. 2024 (Qwen2), arXiv:2407.10671; norms of queries
and keys: Yang et al. 2025 (Qwen3), arXiv:2505.09388.
"""

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bedstone.counting.shape import ExpertsConfig, ModelConfig
from bedstone.model.cache import Branches, KVCache, View, branched_view, whole_view
from bedstone.model.experts import Experts
from bedstone.model.functions import (
    attention,
    chunk_rows,
    cross_entropy,
    heads_of,
    lookup,
    probabilities,
    rms_norm,
    side_by_side,
    swiglu,
)
from bedstone.model.parametrisation import Parametrisation, scale

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


class Transformer(nn.Module):
    """Token ids to the next token's logits."""

    def __init__(
        self, config: ModelConfig, seed: int = 0, parametrisation: Parametrisation = "standard"
    ) -> None:
        """New weights, normal: each matrix drawn by ``seed`` and its name, whatever the others are.

        How large they are: see ``parametrisation``.
        """
        super().__init__()
        c = self.config = config
        self.embedding = _matrix(c.vocab_size, c.d_model)
        self.blocks = nn.ModuleList(Block(c, experts) for experts in c.layer_experts)
        self.norm = nn.Parameter(torch.ones(c.d_model))
        if not c.tied:
            self.head = _matrix(c.vocab_size, c.d_model)
        if not self.embedding.is_meta:  # whose kernels take a second or two to import
            self._draw(seed, parametrisation)

    def forward(
        self,
        tokens_BT: Tensor,
        cache: KVCache | None = None,
        documents_BT: Tensor | None = None,
    ) -> Tensor:
        """The logits BTV after each token.

        With a ``cache``, which takes no gradients, ``tokens_BT`` follow what it holds, and are
        added to it. Without, every row starts at position 0, and padding belongs on the right.
        With ``documents_BT``, the number of each token's document, those of a row side by side,
        no document knows of another: each starts at position 0.
        """
        return self.hidden(tokens_BT, cache, documents_BT) @ self.output.T

    def hidden(
        self,
        tokens_BT: Tensor,
        cache: KVCache | None = None,
        documents_BT: Tensor | None = None,
        branches: Branches | None = None,
    ) -> Tensor:
        """What the output projection reads, BTD; see ``forward``.

        With ``branches``, ``tokens_BT`` are texts whose shared beginnings stand once.
        """
        h_BTD = lookup(tokens_BT, self.embedding)
        tokens, windows, views = tokens_BT.shape[1], self.config.windows, {}
        for each in set(windows):
            if cache is not None:
                views[each] = cache.view(tokens, each)
            elif branches is not None:
                views[each] = branched_view(self.config, h_BTD, each, branches)
            else:
                views[each] = whole_view(self.config, h_BTD, each, documents_BT)
        for index, block in enumerate(self.blocks):
            past = None if cache is None else cache.held[index]
            h_BTD = block(h_BTD, views[windows[index]], past)
        if cache is not None:
            cache.filled += tokens
        return rms_norm(h_BTD, self.norm, self.config.norm_eps)

    def compile_blocks(self) -> None:
        """Let torch compile the layers, which are alike: once, before the first batch."""
        for block in self.blocks:
            block.compile()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.embedding.device

    def loss(
        self,
        tokens_BT: Tensor,
        targets_BT: Tensor,
        weights_BT: Tensor,
        documents_BT: Tensor | None = None,
    ) -> Tensor:
        """The sum of each target's cross-entropy in nats times its weight; fp32.

        Never holds the logits of more than a few hundred positions. No gradient goes to the
        weights, and where a weight is 0 the target may be any token.
        """
        if not torch.is_grad_enabled():
            return (self.nats(tokens_BT, targets_BT, documents_BT) * weights_BT).sum()
        rows = (self.hidden(tokens_BT, None, documents_BT).flatten(0, 1), self.output)
        return cross_entropy(*rows, targets_BT.flatten(), weights_BT.flatten())

    @torch.no_grad()
    def nats(
        self, tokens_BT: Tensor, targets_BT: Tensor, documents_BT: Tensor | None = None
    ) -> Tensor:
        """The cross-entropy of each target, BT, fp32, without gradients."""
        hidden_RD = self.hidden(tokens_BT, None, documents_BT).flatten(0, 1)
        size = chunk_rows(self.output)
        chunks = zip(
            torch.split(hidden_RD, size),
            torch.split(targets_BT.flatten(), size),
            strict=True,
        )
        nats = [
            F.cross_entropy((rows_RD @ self.output.T).float(), targets_R, reduction="none")
            for rows_RD, targets_R in chunks
        ]
        return torch.cat(nats).view_as(targets_BT)

    @property
    def output(self) -> Tensor:
        """The output projection, VD."""
        return self.embedding if self.config.tied else self.head

    @torch.no_grad()
    def _draw(self, seed: int, parametrisation: Parametrisation) -> None:
        for name, weight in self.named_parameters():
            first = scale(self.config, name, parametrisation).first
            if weight.dim() == 1:
                weight.mul_(first)
            else:
                digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
                generator = torch.Generator().manual_seed(int.from_bytes(digest[:8]))
                nn.init.normal_(weight, std=first, generator=generator)


class Block(nn.Module):
    """Attention, then the feed-forward network, each added to what it reads."""

    def __init__(self, config: ModelConfig, experts: ExpertsConfig | None) -> None:
        super().__init__()
        c = self.config = config
        self.attention_norm = nn.Parameter(torch.ones(c.d_model))
        self.qkv = _matrix((c.n_heads + 2 * c.n_kv_heads) * c.d_head, c.d_model)
        self.qkv_bias = nn.Parameter(torch.zeros(len(self.qkv))) if c.qkv_bias else None
        if c.qk_norm:
            self.q_norm = nn.Parameter(torch.ones(c.d_head))
            self.k_norm = nn.Parameter(torch.ones(c.d_head))
        self.attention_out = _matrix(c.d_model, c.n_heads * c.d_head)
        self.ff_norm = nn.Parameter(torch.ones(c.d_model))
        self.experts = Experts(experts, c.d_model, c.d_ff) if experts else None
        if not experts:
            self.gate_up = _matrix(2 * c.d_ff, c.d_model)
            self.ff_out = _matrix(c.d_model, c.d_ff)

    def forward(self, h_BTD: Tensor, view: "View", past: Tensor | None) -> Tensor:
        """``h_BTD`` with what this layer has to add; ``past`` is its part of a cache."""
        c = self.config
        normed = rms_norm(h_BTD, self.attention_norm, c.norm_eps)
        qkv = linear(normed, self.qkv, self.qkv_bias)
        if c.qk_norm:
            qkv = self._normed_heads(qkv)
        attended = attention(qkv, view, c) if past is None else _attend_to_cache(qkv, view, c, past)
        h_BTD = h_BTD + linear(attended, self.attention_out)
        normed = rms_norm(h_BTD, self.ff_norm, c.norm_eps)
        if self.experts is None:
            return h_BTD + linear(swiglu(linear(normed, self.gate_up)), self.ff_out)
        made: Tensor = self.experts(normed)
        return h_BTD + made

    def _normed_heads(self, qkv_BTE: Tensor) -> Tensor:
        c = self.config
        heads = qkv_BTE.view(*qkv_BTE.shape[:2], -1, c.d_head)
        q, k, v = torch.split(heads, [c.n_heads, c.n_kv_heads, c.n_kv_heads], dim=2)
        q = rms_norm(q, self.q_norm, c.norm_eps)
        k = rms_norm(k, self.k_norm, c.norm_eps)
        return torch.cat([q, k, v], dim=2).flatten(2)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` times the transpose of ``weight``, which may be laid out in oneDNN's blocks."""
    if weight.is_mkldnn:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return F.linear(x, weight, bias)


def _attend_to_cache(qkv_BTE: Tensor, view: View, config: ModelConfig, past: Tensor) -> Tensor:
    q, *new = heads_of(qkv_BTE, view, config)
    held = past.unbind()
    for kept, fresh in zip(held, new, strict=True):
        kept[:, view.new] = fresh
    keys, values = (kept[:, view.seen] for kept in held)
    assert view.mask is not None
    out = torch.bmm(probabilities(q, keys, view.mask), values)
    return side_by_side(out, len(qkv_BTE), config)


def _matrix(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(rows, columns))
