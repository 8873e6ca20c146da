"""Any tokeniser: Bedstone's, Hugging Face's ``tokenizer.json``, a rank file, that of a GGUF file.

A rank file (``.tiktoken``) has a token a line, its bytes in base64 and its rank, and does not say
how a text is cut before bytes are merged. Three files are known by how many ranks they have; any
other is taken to cut as cl100k does, which is an assumption: its counts may be off.

Control tokens are added to no text. Only Hugging Face's tokenisers of text that spells one take it
for one.
"""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from tokenizers import Tokenizer

from bedstone.errors import ArtifactError, DataError
from bedstone.store.artifact import Shard
from bedstone.text.encoder import FILE, Encoder, Tokeniser, byte_alphabet, read_values
from bedstone.text.model_encoder import Texts, unknown_of
from bedstone.text.patterns import BY_RANKS, PATTERN, PATTERNS

RANKS, GGUF = ".tiktoken", ".gguf"
ENDINGS = (RANKS, GGUF, ".json")
"""Of a file's name, if it can be a tokeniser."""
OWN = "own"
"""The pattern of a tokeniser that says itself how it cuts."""
ASSUMED = "cl100k"


class HuggingFace:
    """A ``tokenizer.json`` of any kind, read by the library that is meant to."""

    def __init__(self, path: Path, model: dict[str, Any]) -> None:
        """The tokeniser of a file.

        Raises:
            DataError: the library cannot read it.
        """
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises no narrower one
            raise DataError(f"{path} cannot be read by tokenizers: {error}") from error
        self._path = path
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.vocab_size: int = self._tokenizer.get_vocab_size()
        self.unknown = unknown_of(model, self._tokenizer)

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            DataError: it holds what the tokeniser neither has nor calls unknown.
        """
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        except Exception as error:  # the library raises no narrower one
            raise DataError(
                f"{self._path} cannot spell a text, and has no token for what is unknown: {error}"
            ) from error
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, as far as they give it back."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        return text


def load(tokenizer: Shard) -> Tokeniser:
    """The tokeniser that an artifact holds, beside whatever else.

    Raises:
        ArtifactError: it holds none, or several, or what ``read`` raises.
        DataError: as ``read``.
    """
    return read(file_of(tokenizer))


def read(path: Path) -> Tokeniser:
    """The tokeniser of a file.

    Raises:
        ArtifactError: a GGUF file is damaged, or its tokeniser is not known.
        DataError: it is not what its name says.
    """
    if path.suffix == RANKS:
        ranks = _ranks(path)
        return Encoder(PATTERNS[BY_RANKS.get(len(ranks), ASSUMED)], ranks, {})
    if path.suffix == GGUF:
        return _of_gguf(path)
    values = read_values(path)
    return Encoder.of(values) if _is_own(values) else HuggingFace(path, values["model"])


def file_of(tokenizer: Shard) -> Path:
    """Where an artifact has its tokeniser: ``tokenizer.json``, or the only file that can be one.

    Raises:
        ArtifactError: it holds none, or several.
    """
    named = [name for name in tokenizer.names if PurePath(name).name == FILE]
    found = named or [name for name in tokenizer.names if PurePath(name).suffix in ENDINGS]
    if len(found) != 1:
        raise ArtifactError(
            f"{tokenizer.location} holds {len(found)} tokenisers where one was expected",
            hint=f"give a {FILE}, a {RANKS} or {GGUF} file, or a folder with one of them",
        )
    return tokenizer.file(found[0])


def pattern_name(path: Path, vocab_size: int) -> str:
    """How the tokeniser in the file ``path`` cuts texts, and whether that is assumed."""
    if path.suffix != RANKS:
        return OWN
    return BY_RANKS.get(vocab_size, f"{ASSUMED} (assumed)")


def _of_gguf(path: Path) -> Texts:
    from bedstone.text import gguf_file  # its library is not in every installation

    contents = gguf_file.read(path)
    try:
        return Texts.of_gguf(contents.fields)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}", hint=error.hint) from error


def _ranks(path: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                token, rank = line.split()
                ranks[base64.b64decode(token, validate=True)] = int(rank)
            except (ValueError, binascii.Error) as error:
                raise DataError(
                    f"{path}:{number} is no token in base64 with its rank",
                    hint=f"a {RANKS} file has one a line, such as 'IHRoZQ== 262'",
                ) from error
    if missing := 256 - sum(bytes([byte]) in ranks for byte in range(256)):
        raise DataError(f"{path} lacks {missing} single bytes: it cannot spell every text")
    return ranks


def _is_own(values: dict[str, Any]) -> bool:
    try:
        pattern = values["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        return bool(
            pattern == PATTERN and byte_alphabet().keys() <= values["model"]["vocab"].keys()
        )
    except (KeyError, TypeError, IndexError):
        return False
