"""Which number formats torch computes fast on this processor.

What counts is what its kernels use, not what the processor has: oneDNN's are held back by
``ONEDNN_MAX_CPU_ISA``.
"""

import logging
from functools import cache

import torch

from bedstone.model.transformer import DTYPES, Transformer

log = logging.getLogger("bedstone")


def has_bf16_kernels() -> bool:
    """Whether oneDNN multiplies matrices in bf16 here.

    Without its kernels bf16 is computed all the same; to train takes ten times as long as in fp32.
    """
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(has_onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def converted(model: Transformer, number_format: str) -> Transformer:
    """``model`` itself, from now on in ``number_format``; where that is slow, a line says so."""
    if number_format == "bf16" and not has_bf16_kernels():
        _warn_of_bf16()
    return model.to(DTYPES[number_format])


@cache  # once is enough
def _warn_of_bf16() -> None:
    log.warning(
        "torch has no kernels for bf16 on this processor: it may take ten times as long as fp32; "
        "to be faster, set number_format to fp32"
    )
