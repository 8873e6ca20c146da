"""`bedstone size`: what a model of this config has, needs and computes, counted exactly."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from bedstone.commands.declare import STORE, Command, Found, Numbers, PathLike, Store
from bedstone.commands.desk import given
from bedstone.counting.utilisation import Recompute
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
) -> Found:
    """Count a model's parameters, memory and FLOP exactly; zeros and utilisation if asked.

    Returns:
        ``family``, ``parameters_total``, ``_active``, ``_embedding``, ``_non_embedding``,
        ``_buffers``, ``components``, ``weight_bytes`` by number format; by length ``kv_bytes``,
        ``flop_per_token_forward``, ``flop_per_token_train``, ``exact_over_6nd``; ``warnings``;
        ``checkpoint`` and ``utilisation`` where they are asked.

    Raises:
        ConfigError: the config cannot be counted, or an option cannot be used.
        ArtifactError, DataError: the checkpoint cannot be read.
    """
    from bedstone.counting import size_of

    return size_of.size(
        given(config, store)[0],
        checkpoint=given(checkpoint, store)[0] if checkpoint else None,
        lengths=lengths,
        batch=batch,
        speed=size_of.speed(mfu, device, devices, seq_len, recompute),
        progress=progress,
    )


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
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


def _parameters(found: Mapping[str, Any]) -> Iterator[str]:
    total = found["parameters_total"]
    yield _row(found["family"], "parameters", "share")
    for name, number in found["components"].items():
        yield _row(name, f"{number:,}", _percent(number / total))
    yield _row("total", f"{total:,}", _percent(1))
    for kind in ("active", "embedding", "non_embedding"):
        number = found[f"parameters_{kind}"]
        yield _row(kind, f"{number:,}", _percent(number / total))
    if buffers := found["parameters_buffers"]:
        yield _row("buffers, beside total", f"{buffers:,}")


def _by_length(found: Mapping[str, Any]) -> Iterator[str]:
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


def _checkpoint(found: Mapping[str, Any]) -> Iterator[str]:
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
    for length, share in found["flop_saved_share"].items():
        saved = f"{found['flop_saved_per_token']:.4e}"
        yield row(f"sequences of {int(length):,} tokens", saved, _percent(share))


def _share(tensor: Mapping[str, Any]) -> float:
    share: float = tensor["zeros"] / max(1, tensor["values"])
    return share


def _utilisation(found: Mapping[str, Any]) -> Iterator[str]:
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
