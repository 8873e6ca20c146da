"""Zeros of a checkpoint: how many there are, and what storing or computing without them saves.

Reads the safetensors format: eight bytes of header length (little-endian), a JSON header that
gives each tensor's ``dtype``, ``shape`` and ``data_offsets``, then the tensors' bytes without gaps.
Tensors are streamed in chunks: a file of any size needs the memory of one chunk.
Unstructured sparsity: a zero may stand anywhere, and -0.0 is one.

Source of the format: github.com/huggingface/safetensors, README, "Format".
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedstone.errors import ArtifactError, DataError
from bedstone.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_BYTES = 3 << 20
"""Read at once, by measurement; whole values of every dtype, those of 6 bits too."""
MAX_HEADER_BYTES = 100_000_000
"""What the format allows."""
INDEX = ".safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
SIGNED = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8} | {
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
}
"""dtype -> bits of a value whose highest bit is a sign that leaves a zero one."""
UNSIGNED = {"I64": 64, "U64": 64, "I32": 32, "U32": 32, "I16": 16, "U16": 16, "I8": 8, "U8": 8} | {
    "BOOL": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
}
"""dtype -> bits of a value that is zero if all of them are."""
COMPLEX = {"C64": 64}
SCALES = {"F8_E8M0": 8}
"""Powers of two: none of them is zero."""
BITS = SIGNED | UNSIGNED | COMPLEX | SCALES
MAX_SHORT_COLUMNS = 1 << 16
"""A matrix of more columns needs indices of 32 bits."""
MAX_SHORT_POINTER = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a checkpoint, and how many of its values are zero."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    zeros: int

    @property
    def values(self) -> int:
        """How many it has; 1 of a scalar."""
        return math.prod(self.shape)

    @property
    def columns(self) -> int:
        """The last dimension; a vector is one row, a stack of matrices one matrix."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        """All dimensions but the last."""
        return math.prod(self.shape[:-1])

    def bytes_of(self, values: int) -> int:
        """So many values in the tensor's dtype, in whole bytes."""
        return _in_bytes(values * BITS[self.dtype])


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes of the tensors in each way of storing them, and from where on it is the smaller.

    Break-even is the share of zeros at which a way needs as many bytes as dense storage, were the
    zeros spread evenly. With w bits a value:

    * bitmask: n + (1 - z) n w = n w, so z = 1 / w.
    * compressed: (1 - z) n (w + i) + p = n w, so z = (i + p / n) / (w + i), with i bits an index
      and p bits of pointers. At 1 or above it is never the smaller.
    """

    dense_bytes: int
    bitmask_bytes: int
    """One bit a value, and the values that are not zero."""
    compressed_bytes: int
    """Compressed sparse rows: values, the column of each, and where each row begins."""
    bitmask_break_even_share: float
    compressed_break_even_share: float


def count(path: Path, progress: Progress | None = None) -> list[Tensor]:
    """The tensors of a checkpoint with their zeros, in the order in which they are stored.

    Args:
        path: a ``.safetensors`` file, the ``.safetensors.index.json`` of several, or a folder.
        progress: where it is shown.

    Raises:
        ArtifactError: there is no such checkpoint, or it is pickled.
        DataError: a file is damaged, a tensor is missing or stored twice.
    """
    wanted, shards = _shards(path)
    headers = {shard: _header(shard) for shard in shards}
    _complain_of_names(path, wanted, headers)
    total = sum(end - begin for header in headers.values() for _, begin, end in header)
    with (progress or Progress()).named("zeros").task("bytes", total) as task:
        tensors = []
        for shard, header in headers.items():
            with shard.open("rb") as file:
                for tensor, begin, end in header:
                    file.seek(begin)
                    zeros = _zeros(file, end - begin, tensor.dtype, shard)
                    tensors.append(Tensor(tensor.name, tensor.dtype, tensor.shape, zeros))
                    task.advance(end - begin)
    return tensors


def storage(tensors: Sequence[Tensor]) -> Storage:
    """Bytes of the tensors without a file's header; without a value, break-even is at 0."""
    dense = sum(tensor.bytes_of(tensor.values) for tensor in tensors)
    masks = sum(_in_bytes(tensor.values) for tensor in tensors)
    kept = sum(tensor.bytes_of(tensor.values - tensor.zeros) for tensor in tensors)
    pointers = sum((tensor.rows + 1) * _pointer_bytes(tensor) for tensor in tensors)
    indices = sum((tensor.values - tensor.zeros) * _index_bytes(tensor) for tensor in tensors)
    without_zeros = dense + sum(tensor.values * _index_bytes(tensor) for tensor in tensors)
    return Storage(
        dense,
        masks + kept,
        kept + indices + pointers,
        masks / dense if dense else 0.0,
        1 - (dense - pointers) / without_zeros if without_zeros else 0.0,
    )


def _index_bytes(tensor: Tensor) -> int:
    return 2 if tensor.columns <= MAX_SHORT_COLUMNS else 4


def _pointer_bytes(tensor: Tensor) -> int:
    return 4 if tensor.values - tensor.zeros <= MAX_SHORT_POINTER else 8


def _in_bytes(bits: int) -> int:
    return -(-bits // 8)


def _shards(path: Path) -> tuple[list[str] | None, list[Path]]:
    """The names that an index promises, None without one; and the files."""
    if path.is_dir():
        indices = sorted(path.glob(f"*{INDEX}"))
        if len(indices) == 1:
            return _shards(indices[0])
        if len(indices) > 1:
            names = ", ".join(index.name for index in indices)
            raise ArtifactError(f"{path} holds several checkpoints", hint=f"give one of {names}")
        shards = sorted(path.glob("*.safetensors"))
        if shards:
            return None, shards
        _refuse_pickles(path, [each.name for each in path.iterdir()])
        raise ArtifactError(f"{path} holds no .safetensors file")
    if not path.exists():
        raise ArtifactError(f"there is no checkpoint {path}")
    if path.name.endswith(INDEX):
        named = _read_index(path)
        shards = [path.parent / name for name in sorted(set(named.values()))]
        for shard in shards:
            if not shard.is_file():
                raise DataError(f"{path}: its file {shard.name} is missing")
        return list(named), shards
    _refuse_pickles(path, [path.name])
    return None, [path]


def _refuse_pickles(path: Path, names: Iterable[str]) -> None:
    if any(name.endswith(PICKLES) for name in names):
        raise ArtifactError(
            f"{path} is pickled: reading it would run what it holds",
            hint="save it anew as safetensors, with safetensors.torch.save_file",
        )


def _read_index(path: Path) -> dict[str, str]:
    named = _json(path, path.read_bytes()).get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
        raise DataError(f"{path}: it has no weight_map of tensors to files")
    if strange := [name for name in named.values() if name != Path(name).name]:
        raise DataError(
            f"{path}: weight_map: {strange[0]!r} is a path, where the name of a file is expected",
            hint="all files of a checkpoint lie beside their index",
        )
    return named


def _complain_of_names(
    path: Path, wanted: Sequence[str] | None, headers: dict[Path, list[tuple[Tensor, int, int]]]
) -> None:
    found: dict[str, Path] = {}
    for shard, header in headers.items():
        for tensor, _, _ in header:
            if tensor.name in found:
                raise DataError(
                    f"{path}: {tensor.name} is in {found[tensor.name].name} and in {shard.name}",
                    hint="give one file, or the index of those that belong together",
                )
            found[tensor.name] = shard
    if missing := [name for name in wanted or () if name not in found]:
        raise DataError(f"{path}: {len(missing)} of its tensors are in no file: {missing[0]} first")


def _header(path: Path) -> list[tuple[Tensor, int, int]]:
    """Each tensor, not yet counted, and where its bytes begin and end in the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise DataError(
                f"{path}: a header of {length:,} bytes in a file of {size:,}: it is truncated, "
                "or no safetensors file"
            )
        entries = _json(path, file.read(length))
    entries.pop("__metadata__", None)
    found = [_entry(path, name, entry, 8 + length) for name, entry in entries.items()]
    found.sort(key=lambda each: each[1:])
    last = 8 + length
    for tensor, begin, end in found:
        if begin != last:
            raise DataError(f"{path}: {tensor.name} overlaps what is before it, or leaves a gap")
        last = end
    if last != size:
        raise DataError(f"{path}: it has {size:,} bytes, and its header describes {last:,}")
    return found


def _entry(path: Path, name: str, entry: Any, data: int) -> tuple[Tensor, int, int]:
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
        raise DataError(f"{path}: {name} has no shape, or no data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise DataError(f"{path}: {name} has the unknown dtype {dtype!r}")
    begin, end = offsets
    if 8 * (end - begin) != math.prod(shape) * BITS[dtype]:
        raise DataError(f"{path}: {name} has {end - begin:,} bytes for {dtype} of shape {shape}")
    return Tensor(name, dtype, tuple(shape), 0), data + begin, data + end


def _are_counts(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(
        type(number) is int and number >= 0 for number in numbers
    )


def _json(path: Path, text: bytes) -> dict[str, Any]:
    def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(made := dict(pairs)) != len(pairs):
            raise ValueError("a name stands twice")
        return made

    try:
        found = json.loads(text, object_pairs_hook=without_twins)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: what should be JSON is none: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: its JSON is no object")
    return found


def _zeros(file: BufferedReader, size: int, dtype: str, path: Path) -> int:
    """Zeros in the next ``size`` bytes of the file."""
    return sum(_zeros_of(chunk, dtype) for chunk in _chunks(file, size, path))


def _chunks(file: BufferedReader, size: int, path: Path) -> "Iterator[NDArray[np.uint8]]":
    """The next ``size`` bytes in parts; each part lasts until the next is asked for."""
    import numpy as np

    buffer = np.empty(min(size, CHUNK_BYTES), np.uint8)
    while size:
        part = buffer[: min(size, len(buffer))]
        if file.readinto(part.data) != len(part):
            raise DataError(f"{path}: it became shorter while it was read")
        yield part
        size -= len(part)


def _zeros_of(chunk: "NDArray[np.uint8]", dtype: str) -> int:
    import numpy as np

    bits = BITS[dtype]
    if dtype in SCALES:
        return 0
    if bits < 8:  # packed from the lowest bit on, the sign last
        values = np.unpackbits(chunk, bitorder="little").reshape(-1, bits)
        return int(np.count_nonzero(~values[:, :-1].any(axis=1)))
    words = chunk.view(f"<u{bits // 8}")
    if dtype in SIGNED:
        words = words << words.dtype.type(1)
    elif dtype in COMPLEX:
        words &= words.dtype.type(0x7FFFFFFF_7FFFFFFF)
    return words.size - int(np.count_nonzero(words))
