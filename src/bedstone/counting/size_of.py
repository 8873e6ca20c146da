"""`bedstone size`: what a model of this config has, needs and computes, and how well it runs.

6 N is what a token of training costs by the rule of thumb, N the active parameters, tables
included; ``exact_over_6nd`` says how far from it the exact count is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bedstone.counting import Recompute, count, families, memory, sparsity
from bedstone.counting.architecture import Architecture, Experts
from bedstone.counting.devices import Device
from bedstone.counting.devices import device as device_named
from bedstone.counting.sparsity import Tensor
from bedstone.counting.utilisation import (
    RECOMPUTES,
    TRAIN_FLOP,
    activation_bytes,
    hardware_flop_per_token,
    model_flop_per_token,
    utilisation,
)
from bedstone.errors import ConfigError, DataError, nearest
from bedstone.progress import Progress

LENGTHS = (1024, 4096, 16_384, 65_536, 131_072)
"""Shown as far as the model's longest sequence reaches, and that itself."""
MAX_TOKENS_PER_SECOND = 1e12
"""More is a mistake."""
BUFFER = re.compile(
    r"(^|\.)((attn|attention)\.(masked_)?bias|\w*inv_freq|position_ids|e_score_correction_bias)$"
)
"""Names of stored tensors that no gradient trains."""
HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")
TOKEN_TABLE = re.compile(r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings)\.weight$")
POSITION_TABLE = re.compile(r"(^|\.)(embed_positions|wpe)\.weight$")
EXPERT = re.compile(r"(^|\.)experts\.")
NO_MATRIX = re.compile(r"(bias|scales?|scale_inv)$")
"""Names of tensors of two dimensions that multiply no token: biases of experts, scales."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A measured speed of training, and on what."""

    tokens_per_second: float
    device: Device
    devices: int
    seq_len: int | None
    """None: the longest that the config allows."""
    recompute: Recompute


def speed(
    tokens_per_second: float | None,
    device: str | None,
    devices: int | None,
    seq_len: int | None,
    recompute: str | None,
) -> Speed | None:
    """What the options say; None if no utilisation is asked.

    Raises:
        ConfigError: an option has no effect, misses another, or cannot be used.
    """
    if tokens_per_second is None:
        if any(option is not None for option in (device, devices, seq_len, recompute)):
            raise ConfigError(
                "--device, --devices, --seq-len and --recompute have no effect without --mfu",
                hint="give the tokens a second: --mfu 12000 --device H100-SXM",
            )
        return None
    if device is None:
        raise ConfigError("--mfu needs the device", hint="--device H100-SXM, say")
    if not 0 < tokens_per_second <= MAX_TOKENS_PER_SECOND:
        raise ConfigError(
            f"--mfu {tokens_per_second}: it must be above 0 and at most {MAX_TOKENS_PER_SECOND:g}",
            hint="give the tokens a second of training, by all devices together",
        )
    number = 1 if devices is None else devices
    _refuse_impossible("devices", [number])
    _refuse_impossible("seq-len", [] if seq_len is None else [seq_len])
    for known in RECOMPUTES:
        if known == (recompute or "none"):
            return Speed(tokens_per_second, device_named(device), number, seq_len, known)
    raise ConfigError(f"no recompute {recompute!r}; {nearest(str(recompute), RECOMPUTES)}")


def size(
    config: Path,
    *,
    checkpoint: Path | None = None,
    lengths: Sequence[int] = (),
    batch: int = 1,
    speed: Speed | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What ``bedstone.size`` returns.

    Raises:
        ConfigError: the config or an option cannot be used.
        ArtifactError, DataError: the checkpoint cannot be read.
    """
    _refuse_impossible("batch", [batch])
    _refuse_impossible("length", lengths)
    architecture = families.read(config)
    longest = architecture.max_length
    shown = sorted(set(lengths)) or _usual_lengths(longest)
    trained = speed.seq_len if speed else None
    warnings = [*architecture.warnings, *_too_long(max(shown[-1], trained or 0), longest)]
    found: dict[str, Any] = {"family": architecture.family, "longest_tokens": longest}
    found |= _counts(architecture) | _costs(architecture, shown, batch)
    if checkpoint is not None:
        tensors = sparsity.count(checkpoint, progress)
        _refuse_empty(tensors, checkpoint)
        found["checkpoint"] = _checkpoint(tensors, architecture, shown)
        warnings += _mismatches(tensors, found["checkpoint"])
    if speed is not None:
        found["utilisation"] = _utilisation(architecture, speed)
        warnings += _doubts(found["utilisation"])
    return {**found, "warnings": warnings}


def _refuse_impossible(option: str, values: Iterable[int]) -> None:
    for value in values:
        if not 1 <= value <= families.MAX_SIZE:
            raise ConfigError(
                f"--{option} {value}: it must be 1 at least, and at most {families.MAX_SIZE:,}",
                hint=f"give --{option} a size that a model can have",
            )


def _refuse_empty(tensors: Sequence[Tensor], checkpoint: Path) -> None:
    if not any(tensor.values and not BUFFER.search(tensor.name) for tensor in tensors):
        raise DataError(
            f"{checkpoint}: no tensor in it holds parameters",
            hint="give the model's weights, all of their files",
        )


def _usual_lengths(longest: int | None) -> list[int]:
    if longest is None:
        return list(LENGTHS)
    return [*(length for length in LENGTHS if length < longest), longest]


def _too_long(length: int, longest: int | None) -> list[str]:
    if longest is None or length <= longest:
        return []
    return [f"the config allows sequences of {longest:,} tokens, fewer than {length:,}"]


def _counts(architecture: Architecture) -> dict[str, Any]:
    parameters = count.parameters(architecture)
    return {
        "parameters_total": parameters.total,
        "parameters_active": parameters.active,
        "parameters_active_share": parameters.active / parameters.total,
        "parameters_embedding": parameters.embedding,
        "parameters_non_embedding": parameters.non_embedding,
        "parameters_buffers": parameters.buffers,
        "components": parameters.components,
        "weight_bytes": memory.weight_bytes(architecture),
    }


def _costs(architecture: Architecture, lengths: Sequence[int], batch: int) -> dict[str, Any]:
    """Of sequences of each length, by the length as text, as JSON wants its keys."""
    train = {length: count.train_flop_per_token(architecture, length) for length in lengths}
    rule = TRAIN_FLOP * count.parameters(architecture).active
    return {
        "batch": batch,
        "kv_bytes_per_token": memory.kv_bytes_per_token(architecture),
        "kv_bytes": {str(it): memory.kv_bytes(architecture, it, batch) for it in lengths},
        "flop_per_token_forward": {
            str(it): count.forward_flop_per_token(architecture, it) for it in lengths
        },
        "flop_per_token_train": {str(it): flop for it, flop in train.items()},
        "exact_over_6nd": {str(it): flop / rule for it, flop in train.items()},
    }


def _checkpoint(
    tensors: Sequence[Tensor], architecture: Architecture, lengths: Sequence[int]
) -> dict[str, Any]:
    trained = [tensor for tensor in tensors if not BUFFER.search(tensor.name)]
    copies = [each for each in trained if architecture.is_tied and HEAD.search(each.name)]
    counted = [tensor for tensor in trained if tensor not in copies]
    parameters = sum(tensor.values for tensor in counted)
    zeros = sum(tensor.zeros for tensor in counted)
    saved = 2 * _zeros_multiplied(trained, architecture, head_is_stored=bool(copies))
    return {
        "tensors": len(tensors),
        "bytes": sum(tensor.bytes_of(tensor.values) for tensor in tensors),
        "parameters": parameters,
        "parameters_too_many": parameters - count.parameters(architecture).total,
        "buffers": sum(tensor.values for tensor in tensors) - sum(each.values for each in trained),
        "tied_head_values": sum(tensor.values for tensor in copies),
        "zeros": zeros,
        "zeros_share": zeros / parameters if parameters else 0.0,
        "storage": asdict(sparsity.storage(tensors)),
        "flop_saved_per_token": saved,
        "flop_saved_share": {
            str(it): saved / count.forward_flop_per_token(architecture, it) for it in lengths
        },
        "by_tensor": [
            asdict(each) | {"shape": list(each.shape), "values": each.values} for each in tensors
        ],
    }


def _zeros_multiplied(
    tensors: Sequence[Tensor], architecture: Architecture, *, head_is_stored: bool
) -> float:
    """Zeros that multiply a token: of matrices, of experts those that a token passes on average."""
    table_multiplies = architecture.is_tied and not head_is_stored
    active_share = next(
        (
            layer.feed_forward.n_active / layer.feed_forward.n_experts
            for layer, _ in architecture.layers
            if isinstance(layer.feed_forward, Experts)
        ),
        1.0,
    )
    zeros = 0.0
    for tensor in tensors:
        is_looked_up = POSITION_TABLE.search(tensor.name) or (
            TOKEN_TABLE.search(tensor.name) and not table_multiplies
        )
        is_of_experts = bool(EXPERT.search(tensor.name))
        is_matrix = len(tensor.shape) == 2 or (is_of_experts and len(tensor.shape) == 3)
        if is_matrix and not is_looked_up and not NO_MATRIX.search(tensor.name):
            zeros += tensor.zeros * (active_share if is_of_experts else 1)
    return zeros


def _mismatches(tensors: Sequence[Tensor], found: Mapping[str, Any]) -> list[str]:
    """What the checkpoint and the config do not agree on."""
    warnings = []
    if difference := found["parameters_too_many"]:
        more = "more" if difference > 0 else "fewer"
        warnings.append(
            f"the checkpoint has {abs(difference):,} parameters {more} than the config's "
            f"{found['parameters'] - difference:,}"
        )
    if whole := [tensor for tensor in tensors if tensor.dtype[0] in "IU"]:
        warnings.append(
            f"whole numbers in {len(whole)} tensors: if weights are packed into them, neither "
            "their number nor their zeros are those of the weights"
        )
    return warnings


def _utilisation(architecture: Architecture, speed: Speed) -> dict[str, Any]:
    seq_len = speed.seq_len or architecture.max_length
    if seq_len is None:
        raise ConfigError(
            "the config does not say how long a sequence is", hint="give it: --seq-len 2048, say"
        )
    active, matrices = count.parameters(architecture).active, count.matmul_parameters(architecture)
    width = sum(layer.attention.flop_per_key // 2 * n for layer, n in architecture.layers)
    head = architecture.vocab_size * architecture.d_embedding
    needed = {
        "palm": model_flop_per_token(active, width, seq_len),
        "palm_without_attention": model_flop_per_token(active, 0, seq_len),
        "korthikanti": model_flop_per_token(matrices, width, seq_len),
        "causal": count.train_flop_per_token(architecture, seq_len),
    }
    done = hardware_flop_per_token(matrices, head, width, seq_len, speed.recompute)

    def share(flop_per_token: float) -> float:
        peak = speed.device.flop_per_second
        return utilisation(speed.tokens_per_second, flop_per_token, peak, speed.devices)

    return {
        "tokens_per_second": speed.tokens_per_second,
        "device": asdict(speed.device),
        "devices": speed.devices,
        "seq_len": seq_len,
        "recompute": speed.recompute,
        "palm_parameters": active,
        "korthikanti_parameters": matrices,
        "flop_per_token": needed,
        "mfu": {convention: share(flop) for convention, flop in needed.items()},
        "hardware_flop_per_token": {"korthikanti": done},
        "hfu": {"korthikanti": share(done)},
        "activation_bytes_per_layer": activation_bytes(architecture, seq_len),
    }


def _doubts(found: Mapping[str, Any]) -> list[str]:
    used = found["device"]
    warnings = []
    if used["sure"] == "remembered":
        warnings.append(f"{used['name']}: not all its figures were checked: {used['source']}")
    if max(found["mfu"].values()) > 1:
        warnings.append("more than the devices can do: check tokens a second, and how many devices")
    return warnings
