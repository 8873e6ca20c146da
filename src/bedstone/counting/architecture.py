"""What a decoder is made of, as far as its sizes decide parameters, memory and FLOP.

``families`` reads it from a config; ``count`` and ``memory`` only add up what is said here.
A matrix is multiplied with every token that comes to it. A vector is not: a bias, a scale, a sink.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """Heads of queries that share heads of keys and values."""

    d_model: int
    n_heads: int
    n_kv_heads: int
    d_head: int
    qkv_bias: bool = False
    output_bias: bool = False
    norms: int = 0
    """Parameters of the norms of queries and keys."""
    has_sinks: bool = False
    """Whether each head has a learnt score that takes weight from all keys."""

    @property
    def matrices(self) -> int:
        """Of queries, keys, values and output."""
        return 2 * self.d_model * (self.n_heads + self.n_kv_heads) * self.d_head

    @property
    def vectors(self) -> int:
        """Biases and sinks."""
        projected = (self.n_heads + 2 * self.n_kv_heads) * self.d_head
        biases = self.qkv_bias * projected + self.output_bias * self.d_model
        return biases + self.has_sinks * self.n_heads

    @property
    def flop_per_key(self) -> int:
        """Of all heads, for one position that looks at one key: its score, and its value added."""
        return 2 * self.n_heads * (self.d_head + self.d_head)

    @property
    def cached(self) -> int:
        """Numbers kept of a position: its keys and its values."""
        return 2 * self.n_kv_heads * self.d_head


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Keys and values of all heads are computed from one short vector, the latent.

    In the textbook form: keys and values are computed of every position. At inference their
    matrices can be absorbed into those of queries and output, which is another cost.

    Source: DeepSeek-V2 (2024, arXiv:2405.04434), section 2.1.
    """

    d_model: int
    n_heads: int
    q_rank: int | None
    """Of the queries' latent; None: they are computed directly."""
    kv_rank: int
    d_plain: int
    """Part of a head's query and key that knows no position."""
    d_rotary: int
    """Part that does; all heads share the key's."""
    d_value: int
    bias: bool = False
    """Of the projections from and to d_model."""

    @property
    def matrices(self) -> int:
        """Down to the latents, up to queries, keys and values, and the output's."""
        queries = self.n_heads * (self.d_plain + self.d_rotary)
        if self.q_rank is None:
            of_queries = self.d_model * queries
        else:
            of_queries = self.q_rank * (self.d_model + queries)
        down = self.d_model * self.cached
        up = self.kv_rank * self.n_heads * (self.d_plain + self.d_value)
        return of_queries + down + up + self.n_heads * self.d_value * self.d_model

    @property
    def vectors(self) -> int:
        """Biases."""
        return self.bias * ((self.q_rank or 0) + self.cached + self.d_model)

    @property
    def norms(self) -> int:
        """Parameters of the latents' norms."""
        return (self.q_rank or 0) + self.kv_rank

    @property
    def flop_per_key(self) -> int:
        """As of ``Attention``."""
        return 2 * self.n_heads * (self.d_plain + self.d_rotary + self.d_value)

    @property
    def cached(self) -> int:
        """Numbers kept of a position: the latent, and the key's part that knows the position."""
        return self.kv_rank + self.d_rotary


@dataclass(frozen=True, slots=True)
class FeedForward:
    """Up to d_ff, an activation, and down again."""

    d_model: int
    d_ff: int
    is_gated: bool = True
    """Whether a second matrix upwards gates the first."""
    bias: bool = False

    @property
    def matrices(self) -> int:
        """Up, down, and the gate."""
        return (2 + self.is_gated) * self.d_model * self.d_ff

    @property
    def vectors(self) -> int:
        """Biases."""
        return self.bias * ((1 + self.is_gated) * self.d_ff + self.d_model)


@dataclass(frozen=True, slots=True)
class Experts:
    """Several feed-forwards, of which a router chooses some for each token."""

    expert: FeedForward
    n_experts: int
    n_active: int
    shared: FeedForward | None = None
    """What every token passes besides."""
    router_bias: bool = False
    buffers: int = 0
    """Stored numbers that no gradient trains: corrections that even out the experts' load."""

    @property
    def router(self) -> int:
        """The router's matrix."""
        return self.expert.d_model * self.n_experts


@dataclass(frozen=True, slots=True)
class Layer:
    """Attention, then a feed-forward."""

    attention: Attention | LatentAttention
    feed_forward: FeedForward | Experts
    n_norms: int = 2
    """Besides those inside of the attention."""
    window: int | None = None
    """The last keys that a position sees, its own among them; None: all."""
    chunk: int | None = None
    """A position sees the keys of its own chunk of so many positions; None: of all."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A whole decoder."""

    vocab_size: int
    d_model: int
    layers: tuple[tuple[Layer, int], ...]
    """Each kind of layer, and how many there are."""
    is_tied: bool
    """Whether the output head is the token embedding's table."""
    d_embedding: int
    """The table's width; where it is not d_model, a matrix lies between, on both sides."""
    n_positions: int = 0
    """Rows of a learnt table of positions."""
    head_bias: bool = False
    n_outer_norms: int = 1
    """Before and after the layers."""
    norm_vectors: int = 1
    """Of each norm: a scale makes one, a bias another."""
    family: str = ""
    """Its name, ``model_type`` in a config."""
    max_length: int | None = None
    """Tokens of the longest sequence; None: nothing limits it, or nobody says."""
    warnings: tuple[str, ...] = ()
    """What is not counted, in words."""
