"""Texts to token ids and back: what every tokeniser does, and how Bedstone's own do it.

Their ``tokenizer.json`` is read by the library that trained it and, several times as fast, by
tiktoken from the same merges; the ids are equal. Both cut a text by one pattern first and merge
bytes within the pieces only.

Control tokens stand for no text: a text that spells one is encoded as the characters it is made
of, so no document and no prompt can end itself or speak as somebody else.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import tiktoken

from bedstone.errors import ArtifactError, DataError
from bedstone.store.artifact import Shard

FILE, CONFIG_FILE = "tokenizer.json", "tokenizer_config.json"
FILES = (FILE, CONFIG_FILE)
"""Of a tokeniser's folder, and of a model's."""
END, USER, ASSISTANT = "<|endoftext|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS = (END, USER, ASSISTANT)
"""Their ids are the first, in this order."""


class Tokeniser(Protocol):
    """A tokeniser of any kind."""

    @property
    def vocab_size(self) -> int:
        """Tokens; of a rank file, without control tokens, which it does not list."""
        ...

    @property
    def unknown(self) -> int | None:
        """The id that stands for whatever it cannot spell, if it has one."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, as far as they give it back."""
        ...


class Encoder:
    """A byte-level BPE tokeniser."""

    unknown: int | None = None

    def __init__(self, pattern: str, tokens: dict[bytes, int], special: dict[str, int]) -> None:
        self._encoding = tiktoken.Encoding(
            "bedstone", pat_str=pattern, mergeable_ranks=tokens, special_tokens=special
        )
        self.special = special
        """Control token -> id."""
        self.vocab_size = len(tokens) + len(special)

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """The tokeniser of Bedstone's whose ``tokenizer.json`` lies in ``folder``.

        Raises:
            ArtifactError: there is none, or another's.
            DataError: the file is no tokeniser.
        """
        path = folder / FILE
        try:
            return cls.of(read_values(path))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"{path} is a tokeniser of another kind",
                hint="give one that tokenizer.train made",
            ) from error

    @classmethod
    def stored(cls, tokenizer: Shard) -> "Encoder":
        """As ``load``, of an artifact."""
        return cls.load(tokenizer.file(FILE).parent)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Encoder":
        """The tokeniser that ``values``, a ``tokenizer.json`` of Bedstone's, describe."""
        cut, _ = values["pre_tokenizer"]["pretokenizers"]
        special = {token["content"]: token["id"] for token in values["added_tokens"]}
        tokens = _tokens(values["model"]["vocab"], special)
        return cls(str(cut["pattern"]["Regex"]), tokens, special)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, none of them a control token's; a lone surrogate becomes U+FFFD."""
        return self._encoding.encode_ordinary(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``; bytes that are no UTF-8 become U+FFFD, control tokens are spelt."""
        return self._encoding.decode(ids)


def read_values(path: Path) -> dict[str, Any]:
    """What a ``tokenizer.json`` says, whatever it is called.

    Raises:
        ArtifactError: there is none.
        DataError: the file is no tokeniser.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        values["model"].keys()
    except FileNotFoundError as error:
        raise ArtifactError(f"{path.parent} holds no tokeniser: it has no {path.name}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path} is no tokeniser: it has no model",
            hint=f"give the {FILE} of a Hugging Face model",
        ) from error
    return values


def byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in a ``tokenizer.json`` -> the byte.

    Printable bytes of Latin-1 stand for themselves, the others, in order, for U+0100 upwards.
    Source: Radford et al. 2019, ``bytes_to_unicode`` in their ``encoder.py``.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    stand_ins = {chr(0x100 + number): byte for number, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | stand_ins


def _tokens(vocabulary: dict[str, int], special: dict[str, int]) -> dict[bytes, int]:
    alphabet = byte_alphabet()

    def spelt() -> Iterator[tuple[bytes, int]]:
        for token, number in vocabulary.items():
            if token not in special:
                yield bytes(alphabet[character] for character in token), number

    return dict(spelt())
