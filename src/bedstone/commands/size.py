"""`bedstone size`: what a model of this config has, needs and computes, counted exactly."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, cast

import typer
from typing_extensions import TypedDict

from bedstone.commands.declare import STORE, Command, Found, MadeOf, Numbers, PathLike, Store
from bedstone.commands.desk import given
from bedstone.counting import Recompute
from bedstone.progress import Progress

NAME_WIDTH = 24
CELL = 19
TENSOR_WIDTH = NAME_WIDTH + CELL
TENSORS_SHOWN = 5
CONVENTIONS = {
    "palm": "PaLM: 6N + 12LHQT, N all active parameters",
    "palm_without_attention": "PaLM without attention: 6N",
    "korthikanti": "Korthikanti: 6M + 12LHQT, M in matrices",
    "causal": "exact: a position sees no later one",
}


class Tensor(TypedDict):
    """A tensor of a checkpoint."""

    name: str
    dtype: str
    shape: list[int]
    values: int
    zeros: int


class Checkpoint(TypedDict):
    """What a checkpoint holds, and what its zeros would save."""

    tensors: int
    bytes: int
    parameters: int
    parameters_too_many: int
    """Over those of the config."""
    buffers: int
    """Values that no gradient trains."""
    tied_head_values: int
    """Stored a second time, and not counted."""
    zeros: int
    """Of the parameters."""
    zeros_share: float
    storage: Annotated[Found, MadeOf("counting.sparsity", "Storage")]
    flop_saved_per_token: float
    """Forward, by a kernel that leaves zeros out."""
    flop_saved_share: dict[str, float]
    """The same of all, by length of the sequence."""
    by_tensor: list[Tensor]


class Utilisation(TypedDict):
    """How much of the devices a training uses, by convention of counting."""

    tokens_per_second: float
    device: Annotated[Found, MadeOf("counting.devices", "Device")]
    devices: int
    seq_len: int
    """Tokens of a sequence."""
    recompute: Recompute
    """Which activations are computed again backward."""
    palm_parameters: int
    """All active ones."""
    korthikanti_parameters: int
    """Those in matrix products."""
    flop_per_token: dict[str, float]
    """That training needs."""
    mfu: dict[str, float]
    """Share of the devices' dense rate that those take."""
    hardware_flop_per_token: dict[str, float]
    """That the devices do, what is computed again included."""
    hfu: dict[str, float]
    """Share of the rate that those take."""
    activation_bytes_per_layer: dict[Recompute, int] | None
    """Kept of one sequence; null where the formula does not hold for the model."""


class Size(TypedDict):
    """A model's parameters, memory and FLOP."""

    family: str
    """The ``model_type`` of its config."""
    longest_tokens: int | None
    """Of a sequence; null where the config does not say."""
    parameters_total: int
    """A tied table counts once."""
    parameters_active: int
    """Without the experts that a token does not pass."""
    parameters_active_share: float
    parameters_embedding: int
    """Input and output tables, position tables."""
    parameters_non_embedding: int
    parameters_buffers: int
    """Stored numbers that no gradient trains, beside the total."""
    components: dict[str, int]
    """Parameters by part of the model; they add up to the total."""
    weight_bytes: dict[str, int]
    """Of all parameters, by number format."""
    batch: int
    """Sequences of which keys and values are counted."""
    kv_bytes_per_token: int
    """Keys and values of a position in 16 bit, full attention."""
    kv_bytes: dict[str, int]
    """Of the batch by length of its sequences, windows respected."""
    flop_per_token_forward: dict[str, float]
    """By length of the sequence; a position sees no later one."""
    flop_per_token_train: dict[str, float]
    """By length of the sequence."""
    exact_over_6nd: dict[str, float]
    """The same over 6 FLOP for each active parameter, by length."""
    checkpoint: NotRequired[Checkpoint]
    """Where one is given."""
    utilisation: NotRequired[Utilisation]
    """Where a speed is given."""
    warnings: list[str]


def size(
    config: Annotated[
        PathLike,
        typer.Argument(
            metavar="CONFIG", help="config.json, a folder with one, or the artifact of a model"
        ),
    ],
    *,
    checkpoint: Annotated[
        PathLike | None,
        typer.Option(help="count zeros: a .safetensors file, an index of several, or a folder"),
    ] = None,
    lengths: Annotated[
        Numbers, typer.Option("--length", help="tokens of a sequence; twice shows both")
    ] = (),
    batch: Annotated[int, typer.Option(help="sequences whose keys and values are kept")] = 1,
    mfu: Annotated[
        float | None, typer.Option(help="tokens a second of training, by all devices together")
    ] = None,
    device: Annotated[str | None, typer.Option(help="H100-SXM, A100-80GB, TPU-v4 ...")] = None,
    devices: Annotated[int | None, typer.Option(help="how many of them", show_default="1")] = None,
    seq_len: Annotated[
        int | None, typer.Option(help="tokens of a sequence in training; else the longest")
    ] = None,
    recompute: Annotated[
        Recompute | None, typer.Option(help="activations computed twice", show_default="none")
    ] = None,
    store: Store = STORE,
    progress: Progress | None = None,
) -> Size:
    """Count a model's parameters, memory and FLOP exactly; zeros and utilisation if asked.

    Raises:
        ConfigError: the config cannot be counted, or an option cannot be used.
        ArtifactError, DataError: the checkpoint cannot be read.
    """
    from bedstone.counting import size_of

    found = size_of.size(
        given(config, store)[0],
        checkpoint=given(checkpoint, store)[0] if checkpoint else None,
        lengths=lengths,
        batch=batch,
        speed=size_of.speed(mfu, device, devices, seq_len, recompute),
        progress=progress,
    )
    return cast(Size, found)


def _lines(found: Size) -> Iterator[str]:
    yield from _parameters(found)
    yield ""
    yield _row("weights", "GB")
    for name, size in found["weight_bytes"].items():
        yield _row(name, _gigabytes(size))
    yield ""
    yield from _by_length(found)
    if "checkpoint" in found:
        yield ""
        yield from _checkpoint(found["checkpoint"])
    if "utilisation" in found:
        yield ""
        yield from _utilisation(found["utilisation"])
    if found["warnings"]:
        yield ""
    for warning in found["warnings"]:
        yield f"warning: {warning}"


def _parameters(found: Size) -> Iterator[str]:
    total = found["parameters_total"]
    yield _row(found["family"], "parameters", "share")
    for name, number in found["components"].items():
        yield _row(name, f"{number:,}", _percent(number / total))
    yield _row("total", f"{total:,}", _percent(1))
    for kind, number in (
        ("active", found["parameters_active"]),
        ("embedding", found["parameters_embedding"]),
        ("non_embedding", found["parameters_non_embedding"]),
    ):
        yield _row(kind, f"{number:,}", _percent(number / total))
    if buffers := found["parameters_buffers"]:
        yield _row("buffers, beside total", f"{buffers:,}")


def _by_length(found: Size) -> Iterator[str]:
    batch = found["batch"]
    yield f"keys and values: {found['kv_bytes_per_token']:,} bytes a token; batch of {batch:,}"
    yield _row("sequence tokens", "KV cache GB", "forward FLOP/token", "train FLOP/token", "of 6N")
    for length, size in found["kv_bytes"].items():
        yield _row(
            f"{int(length):,}",
            _gigabytes(size),
            f"{found['flop_per_token_forward'][length]:.4e}",
            f"{found['flop_per_token_train'][length]:.4e}",
            f"{found['exact_over_6nd'][length]:.3f}",
        )


def _checkpoint(found: Checkpoint) -> Iterator[str]:
    def row(name: str, *cells: str) -> str:
        return _row(name, *cells, width=TENSOR_WIDTH)

    yield row("checkpoint", "values", "zeros", "share")
    share = _percent(found["zeros_share"])
    yield row("parameters", f"{found['parameters']:,}", f"{found['zeros']:,}", share)
    for each in sorted(found["by_tensor"], key=lambda each: -_share(each))[:TENSORS_SHOWN]:
        if each["zeros"]:
            share = _percent(_share(each))
            yield row(each["name"], f"{each['values']:,}", f"{each['zeros']:,}", share)
    yield ""
    stored = found["storage"]
    yield row("storage", "GB", "break-even zeros")
    yield row("dense", _gigabytes(stored["dense_bytes"]))
    for name in ("bitmask", "compressed"):
        share = _percent(stored[f"{name}_break_even_share"])
        yield row(name, _gigabytes(stored[f"{name}_bytes"]), share)
    yield ""
    yield row("what a kernel without zeros saves", "forward FLOP/token", "of forward")
    for length, of_forward in found["flop_saved_share"].items():
        saved = f"{found['flop_saved_per_token']:.4e}"
        yield row(f"sequences of {int(length):,} tokens", saved, _percent(of_forward))


def _share(tensor: Tensor) -> float:
    return tensor["zeros"] / max(1, tensor["values"])


def _utilisation(found: Utilisation) -> Iterator[str]:
    used = found["device"]
    yield (
        f"{found['tokens_per_second']:,.0f} tokens a second on {found['devices']:,} x "
        f"{used['name']}, at {found['seq_len']:,} tokens"
    )
    yield f"{'MFU by convention':48}{'FLOP/token':>14}{'MFU':>10}"
    for name, says in CONVENTIONS.items():
        flop, share = found["flop_per_token"][name], found["mfu"][name]
        yield f"{says:48}{flop:>14.4e}{_percent(share):>10}"
    flop, share = found["hardware_flop_per_token"]["korthikanti"], found["hfu"]["korthikanti"]
    says = f"HFU by Korthikanti, recompute {found['recompute']}"
    yield f"{says:48}{flop:>14.4e}{_percent(share):>10}"
    if kept := found["activation_bytes_per_layer"]:
        yield f"{'activations of a layer, one sequence, by recompute':48}{'GB':>12}"
        for recompute, size in kept.items():
            yield f"{recompute:48}{_gigabytes(size):>14}"
    yield f"{used['flop_per_second'] / 1e12:,.0f} TFLOP/s dense bf16: {used['source']}"


def _row(name: str, *cells: str, width: int = NAME_WIDTH) -> str:
    """A name that is too long loses its beginning: the end tells tensors apart."""
    shown = name if len(name) <= width else f"…{name[1 - width :]}"
    return f"{shown:{width}}" + "".join(f"{cell:>{CELL}}" for cell in cells)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.4f}" if size < 1e18 else f"{size / 1e9:.4e}"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


COMMANDS = (Command(size, _lines),)
