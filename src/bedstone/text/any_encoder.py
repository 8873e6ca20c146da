"""Any tokeniser as an encoder: Bedstone's, Hugging Face's ``tokenizer.json``, a rank file.

A rank file (``.tiktoken``) has a token a line, its bytes in base64 and its rank, and does not say
how a text is cut before bytes are merged. Three files are known by how many ranks they have; any
other is taken to cut as cl100k does, which is an assumption: its counts may be off.

Control tokens are added to no text. Only Hugging Face's tokenisers of text that spells one take it
for one.

Source: the patterns are those that GPT-2 (Radford et al. 2019, ``encoder.py``) and tiktoken 0.14
(``openai_public.py``, cl100k and o200k) publish, without its possessive quantifiers, which change
the time and not the pieces.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiktoken
from tokenizers import Tokenizer

from bedstone.errors import ArtifactError, DataError
from bedstone.store.artifact import Shard
from bedstone.text.encoder import FILE, PATTERN, Encoder, byte_alphabet

RANKS = ".tiktoken"
ENDINGS = (RANKS, ".json")
"""Of a file's name, if it can be a tokeniser."""
OWN = "own"
"""The pattern of a tokeniser that says itself how it cuts."""
ASSUMED = "cl100k"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "r50k": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": "|".join(
        [
            _CONTRACTION,
            r"[^\r\n\p{L}\p{N}]?\p{L}+",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
    "o200k": "|".join(
        [
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
            + f"{_CONTRACTION}?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
            + f"{_CONTRACTION}?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
}
BY_RANKS = {50_256: "r50k", 50_280: "r50k", 100_256: "cl100k", 199_998: "o200k"}
"""Ranks in the file -> its pattern; 50,280 are p50k's, which cuts alike."""


@dataclass(frozen=True, slots=True)
class AnyEncoder:
    """A tokeniser of any kind."""

    vocab_size: int
    """Tokens; of a rank file, without control tokens, which it does not list."""
    encode: Callable[[str], Sequence[int]]
    """The ids of a text."""
    decode: Callable[[Sequence[int]], str]
    """The text of ids, as far as they give it back."""
    unknown: int | None = None
    """The id that stands for whatever the tokeniser cannot spell, if it has one."""


def load(tokenizer: Shard) -> AnyEncoder:
    """The tokeniser that an artifact holds, beside whatever else.

    Raises:
        ArtifactError: it holds none, or several.
        DataError: a file is not what its name says.
    """
    return read(file_of(tokenizer))


def read(path: Path) -> AnyEncoder:
    """The tokeniser in a file.

    Raises:
        DataError: the file is not what its name says.
    """
    return _of_ranks(path) if path.suffix == RANKS else _of_json(path)


def file_of(tokenizer: Shard) -> Path:
    """Where an artifact has its tokeniser: ``tokenizer.json``, or the only file that can be one.

    Raises:
        ArtifactError: it holds none, or several.
    """
    named = [path for path in tokenizer.files if path.name == FILE]
    found = named or [path for path in tokenizer.files if path.suffix in ENDINGS]
    if len(found) != 1:
        raise ArtifactError(
            f"{tokenizer.location} holds {len(found)} tokenisers where one was expected",
            hint=f"give a {FILE}, a {RANKS} file, or a folder with one of them",
        )
    return found[0]


def pattern_name(path: Path, vocab_size: int) -> str:
    """How the tokeniser in the file ``path`` cuts texts, and whether that is assumed."""
    if path.suffix != RANKS:
        return OWN
    return BY_RANKS.get(vocab_size, f"{ASSUMED} (assumed)")


def _of_ranks(path: Path) -> AnyEncoder:
    ranks = _ranks(path)
    encoding = tiktoken.Encoding(
        path.stem,
        pat_str=PATTERNS[BY_RANKS.get(len(ranks), ASSUMED)],
        mergeable_ranks=ranks,
        special_tokens={},
    )
    return AnyEncoder(len(ranks), encoding.encode_ordinary, encoding.decode)


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


def _of_json(path: Path) -> AnyEncoder:
    try:
        values = json.loads(path.read_text("utf-8"))
        model = values["model"]
    except (UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no tokeniser: it has no model",
            hint=f"give the {FILE} of a Hugging Face model",
        ) from error
    if path.name == FILE and _is_bedstone(values):
        own = Encoder.load(path.parent)
        return AnyEncoder(own.vocab_size, own.encode, own.decode)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise DataError(f"{path} cannot be read by tokenizers: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(text: str) -> Sequence[int]:
        try:
            return list(tokenizer.encode(text, add_special_tokens=False).ids)
        except Exception as error:
            raise DataError(
                f"{path} cannot spell a text, and has no token for what is unknown: {error}"
            ) from error

    return AnyEncoder(
        tokenizer.get_vocab_size(),
        encode,
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        _unknown(model, tokenizer),
    )


def _is_bedstone(values: dict[str, Any]) -> bool:
    try:
        pattern = values["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        return bool(
            pattern == PATTERN and byte_alphabet().keys() <= values["model"]["vocab"].keys()
        )
    except (KeyError, TypeError, IndexError):
        return False


def _unknown(model: dict[str, Any], tokenizer: Tokenizer) -> int | None:
    if (number := model.get("unk_id")) is not None:
        return int(number)
    token = model.get("unk_token")
    return tokenizer.token_to_id(token) if token else None
