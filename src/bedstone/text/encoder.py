"""Texts to token ids and back, by the tokeniser that a folder holds.

A ``tokenizer.json`` is read by the library that trained it and, several times as fast, by
tiktoken from the same merges; the ids are equal. Both cut a text by one pattern first and merge
bytes within the pieces only.

Control tokens stand for no text: a text that spells one is encoded as the characters it is made
of, so no document and no prompt can end itself or speak as somebody else.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tiktoken

from bedstone.errors import ArtifactError

FILE, CONFIG_FILE = "tokenizer.json", "tokenizer_config.json"
FILES = (FILE, CONFIG_FILE)
"""Of a tokeniser's folder, and of a model's."""
END, USER, ASSISTANT = "<|endoftext|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS = (END, USER, ASSISTANT)
"""Their ids are the first, in this order."""

PATTERN = "|".join(
    [
        r" ?[\p{L}\p{M}\x{200C}\x{200D}]+",  # a word with the space before it
        r" ?\p{N}",
        r" ?[^\s\p{L}\p{M}\p{N}\x{200C}\x{200D}]+",  # punctuation, symbols
        r"[\r\n]+",
        r"[^\S\r\n]+",  # a gap
    ]
)
"""Cuts any text into pieces that together are the text.

Source: the pattern of GPT-2 (Radford et al. 2019). Differs: marks and joiners belong to their
word, without which Indic and Arabic words fall apart; a digit is a piece of its own, because
groups of three would ask for a thousand tokens; no rule for English contractions; of a longer
gap no space goes with the word, because that takes looking ahead, which costs half the speed and
overflows the stack in a page of a million spaces.
"""


class Encoder:
    """A byte-level BPE tokeniser."""

    def __init__(self, pattern: str, tokens: dict[bytes, int], special: dict[str, int]) -> None:
        self._encoding = tiktoken.Encoding(
            "bedstone", pat_str=pattern, mergeable_ranks=tokens, special_tokens=special
        )
        self.special = special
        """Control token -> id."""
        self.vocab_size = len(tokens) + len(special)

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """The tokeniser whose ``tokenizer.json`` lies in ``folder``.

        Raises:
            ArtifactError: there is none.
        """
        try:
            values = json.loads((folder / FILE).read_text("utf-8"))
        except FileNotFoundError as error:
            raise ArtifactError(f"{folder} holds no tokeniser: it has no {FILE}") from error
        special = {token["content"]: token["id"] for token in values["added_tokens"]}
        return cls(_pattern(values), _tokens(values["model"]["vocab"], special), special)

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, none of them a control token's; a lone surrogate becomes U+FFFD."""
        return self._encoding.encode_ordinary(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``; bytes that are no UTF-8 become U+FFFD, control tokens are spelt."""
        return self._encoding.decode(ids)

    def byte_count(self, ids: Sequence[int]) -> int:
        """The bytes that ``ids`` stand for, also where they begin or end within a character."""
        return len(self._encoding.decode_bytes(ids))


def byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in a ``tokenizer.json`` -> the byte.

    Printable bytes of Latin-1 stand for themselves, the others, in order, for U+0100 upwards.
    Source: Radford et al. 2019, ``bytes_to_unicode`` in their ``encoder.py``.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    stand_ins = {chr(0x100 + number): byte for number, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | stand_ins


def _pattern(values: dict[str, Any]) -> str:
    cut, _ = values["pre_tokenizer"]["pretokenizers"]
    return str(cut["pattern"]["Regex"])


def _tokens(vocabulary: dict[str, int], special: dict[str, int]) -> dict[bytes, int]:
    alphabet = byte_alphabet()

    def spelt() -> Iterator[tuple[bytes, int]]:
        for token, number in vocabulary.items():
            if token not in special:
                yield bytes(alphabet[character] for character in token), number

    return dict(spelt())
