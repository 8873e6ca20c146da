"""Where a model computes, and which number formats torch computes fast there.

What counts is what torch's kernels use, not what the processor has: oneDNN's are held back by
``ONEDNN_MAX_CPU_ISA``.
"""

import logging
from functools import cache

import torch

from bedstone.errors import ConfigError
from bedstone.model import Device
from bedstone.model.transformer import DTYPES, Transformer

log = logging.getLogger("bedstone")
CPU = torch.device("cpu")


def device_of(asked: Device) -> torch.device:
    """The device that is ``asked`` for.

    Raises:
        ConfigError: a GPU, and torch finds none.
    """
    if asked == "cpu":
        return CPU
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if asked == "cuda":
        raise ConfigError(
            "device cuda: torch finds no GPU on this machine",
            hint="set device to cpu, or install the torch that your GPU's driver goes with",
        )
    return CPU


def wait(device: torch.device) -> None:
    """Until ``device`` has done what it was told: a GPU is told ahead, and times mean nothing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def has_bf16_kernels(device: torch.device = CPU) -> bool:
    """Whether matrices are multiplied in bf16 by kernels of their own there, on a CPU by oneDNN's.

    Without them bf16 is computed all the same; on a CPU to train takes ten times as long as in
    fp32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(has_onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def converted(model: Transformer, number_format: str, device: torch.device = CPU) -> Transformer:
    """``model`` itself, from now on there and in ``number_format``; a line says if that is slow."""
    return in_format(model, number_format, device).to(device)


def in_format(model: Transformer, number_format: str, device: torch.device = CPU) -> Transformer:
    """``model`` itself, wherever it is, in ``number_format``; a line says if ``device`` is slow."""
    if number_format == "bf16" and not has_bf16_kernels(device):
        _warn_of_bf16()
    return model.to(DTYPES[number_format])


@cache  # once is enough
def _warn_of_bf16() -> None:
    log.warning(
        "torch has no kernels for bf16 on this processor: it may take ten times as long as fp32; "
        "to be faster, set number_format to fp32"
    )
