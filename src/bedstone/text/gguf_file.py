"""What a GGUF file says of its model, and where its tensors are in it.

Source: the specification of GGUF in github.com/ggml-org.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from bedstone.errors import ArtifactError

ENDS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))
MAX_PARTS = 2**22
"""Numbers and texts before the weights; vocabularies of 256,000 tokens need some 2 million."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a GGUF file says, and where its tensors are in it."""

    path: Path
    fields: Mapping[str, Any]
    """Numbers, texts and lists, by the names of the keys."""
    tensors: Mapping[str, gguf.ReaderTensor]

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end a text or a turn."""
        return frozenset(self.fields[key] for key in ENDS if key in self.fields)

    @property
    def chat_template(self) -> str | None:
        """The template of a conversation; None if the file holds none."""
        return self.fields.get("tokenizer.chat_template")


class _Reader(gguf.GGUFReader):
    """Differs from the library's: a length that is damaged ends in an error, not in endless work.

    The library reads what lies behind the end of the file as nothing, again and again.
    """

    parts_read = 0

    def _get(self, offset: int, dtype: Any, count: Any = 1, override_order: Any = None) -> Any:
        self.parts_read += 1
        if offset + np.dtype(dtype).itemsize * int(count) > len(self.data):
            raise ValueError("it ends early")
        if self.parts_read > MAX_PARTS:
            raise ValueError("it says more than a model has to say")
        return super()._get(offset, dtype, count, override_order)

    @property
    def data(self) -> Any:
        """The bytes of the file: a plain array, whose slices cost less than a memmap's."""
        return self._data

    @data.setter
    def data(self, mapped: Any) -> None:
        self._data = np.asarray(mapped)


def read(path: Path) -> Contents:
    """All of a file but its weights, which stay on disk.

    Raises:
        ArtifactError: no such file, no GGUF, a damaged one, or a part of one.
    """
    try:
        with np.errstate(over="raise"):
            reader = _Reader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except (OSError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        raise ArtifactError(
            f"{path} is no GGUF file, or a damaged one: {error}", hint="fetch the file anew"
        ) from error
    if reader.byte_order != "I":
        raise ArtifactError(f"{path} is written for machines of the other byte order")
    if fields.get("split.count", 1) != 1:
        raise ArtifactError(
            f"{path} is one of {fields['split.count']} parts of a model",
            hint="join them: llama-gguf-split --merge",
        )
    return Contents(path, fields, {tensor.name: tensor for tensor in reader.tensors})
