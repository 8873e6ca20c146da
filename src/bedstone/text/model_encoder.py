"""Texts to token ids and back, by the tokeniser of any model.

A ``tokenizer.json`` of byte-level BPE, or of sentencepiece's kinds (BPE or Unigram, with "▁" for
a space and bytes for what has no token), and the same two kinds in a GGUF file.

No text gives a control token, as in ``encoding``. Decoding joins the tokens' bytes first, so
nothing is lost between two tokens, and takes nothing away: where a tokeniser puts a space before
a text, the space comes back.

Source: convert_hf_to_gguf.py and llama-vocab.cpp in github.com/ggml-org/llama.cpp, for GGUF.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from bedstone.errors import ArtifactError
from bedstone.text.encoder import CONFIG_FILE, FILE, byte_alphabet, read_values
from bedstone.text.patterns import CUTS

SPACE = "\u2581"
"""Stands for a space in sentencepiece's tokens."""
BYTE = re.compile("<0x([0-9A-F]{2})>")
"""A token of sentencepiece's that stands for one byte."""
BREAK = "\ufdd0"
"""Breaks the spelling of a control token; Unicode keeps it for uses within a program."""

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5
"""Types of GGUF's tokens."""


class Texts:
    """A tokeniser, and what each of its tokens stands for."""

    def __init__(
        self, values: dict[str, Any], begins: int | None, vocab_size: int | None = None
    ) -> None:
        """The tokeniser that ``values``, a ``tokenizer.json``, describe.

        Args:
            values: changed: control tokens are looked for in a text as it stands, so that no
                normaliser can make one.
            begins: the token that it puts before a text, if any.
            vocab_size: of the model, which may have tokens that the tokeniser has not; None: it
                has the same.

        Raises:
            ArtifactError: a kind that is not known, or more tokens than the model's.
        """
        values |= {"truncation": None, "padding": None}
        for token in values["added_tokens"]:
            token["normalized"] &= not token["special"]
        self._values = values
        self._tokenizer = _tokenizer(values)
        self._tokenizer.encode_special_tokens = True  # as the characters that spell them
        self.begins = begins
        self.special = {
            token["content"]: token["id"] for token in values["added_tokens"] if token["special"]
        }
        """Control token -> id."""
        self.token_bytes = _token_bytes(values, self._tokenizer, vocab_size)
        """What each token stands for; nothing, if it is a control token."""
        self.vocab_size = len(self.token_bytes)
        self.unknown = unknown_of(values["model"], self._tokenizer)
        """The id that stands for whatever it cannot spell, if it has one."""
        self._controls = frozenset(self.special.values()) - {self.unknown}

    @classmethod
    def load(cls, folder: Path, vocab_size: int | None = None) -> "Texts":
        """The tokeniser of a folder in Hugging Face's layout.

        Args:
            folder: holds ``tokenizer.json``, and mostly ``tokenizer_config.json``.
            vocab_size: of the model, as above.

        Raises:
            ArtifactError: there is none, it is damaged, or of a kind that is not known.
            DataError: the file is no tokeniser.
        """
        path, config_path = folder / FILE, folder / CONFIG_FILE
        values = read_values(path)
        try:
            config = json.loads(config_path.read_text("utf-8")) if config_path.exists() else {}
            return cls(values, _begins(values, config), vocab_size)
        except ArtifactError as error:
            raise ArtifactError(f"{path}: {error}", hint=error.hint) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path} is no tokeniser, or a damaged one: {error!r}") from error

    @classmethod
    def of_gguf(cls, fields: Mapping[str, Any]) -> "Texts":
        """The tokeniser of a GGUF file, whose keys and values these are.

        Raises:
            ArtifactError: a key is missing, or a kind is not known.
        """
        told = {
            key.removeprefix("tokenizer.ggml."): value
            for key, value in fields.items()
            if key.startswith("tokenizer.ggml.")
        }
        try:
            kind = told["model"]
            if kind not in _OF_GGUF:
                raise _refusal("tokenizer.ggml.model", kind, _OF_GGUF)
            tokenizer, is_begun = _OF_GGUF[kind](told)
            tokenizer.add_special_tokens(_added(told, (UNKNOWN, CONTROL, UNUSED)))
            tokenizer.add_tokens(_added(told, (USER_DEFINED,)))
        except ArtifactError:
            raise
        except KeyError as error:
            raise ArtifactError(f"tokenizer.ggml.{error.args[0]} is missing") from error
        except Exception as error:  # the library raises no narrower one
            raise ArtifactError(f"the tokeniser cannot be read: {error}") from error
        begins = told.get("bos_token_id") if told.get("add_bos_token", is_begun) else None
        return cls(json.loads(tokenizer.to_str()), begins, len(told["tokens"]))

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``, none of them a control token's; a lone surrogate becomes U+FFFD."""
        ids = self._tokenizer.encode(_whole(text), add_special_tokens=False).ids
        if self._controls.isdisjoint(ids):
            return list(ids)
        # Unigram's vocabulary holds the control tokens, and a text may run through one.
        return [part for number in ids for part in self._spelt(number)]

    def guarded(self, text: str) -> str:
        """A text for a chat template: no control token is spelt in it, also to be read by it.

        A mark breaks each spelling; ``encode_rendered`` takes it out.
        """
        text = _whole(text).replace(BREAK, "\ufffd")
        return self._spellings.sub(rf"\g<0>{BREAK}", text)

    def encode_rendered(self, text: str) -> list[int]:
        """The ids of a rendered chat, with control tokens where the template wrote them.

        Args:
            text: what came from outside went into it through ``guarded``.
        """
        ids = self._reader.encode(_whole(text), add_special_tokens=False).ids
        mark = self._reader.token_to_id(BREAK)
        return [number for number in ids if number != mark]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``; bytes that are no UTF-8 become U+FFFD, control tokens nothing."""
        return b"".join(self.token_bytes[number] for number in ids).decode("utf-8", "replace")

    def _spelt(self, number: int) -> list[int]:
        if number not in self._controls:
            return [number]
        model = self._tokenizer.model
        spelling = str(self._tokenizer.id_to_token(number))
        return [token.id for character in spelling for token in model.tokenize(character)]

    @cached_property
    def _reader(self) -> Tokenizer:
        reader = _tokenizer(self._values)
        reader.add_special_tokens([AddedToken(BREAK, normalized=False)])
        return reader

    @cached_property
    def _spellings(self) -> re.Pattern[str]:
        """The first character of each spelling, also where two overlap."""
        return re.compile(
            "|".join(f"{re.escape(name[0])}(?={re.escape(name[1:])})" for name in self.special)
            or "(?!)",
            re.DOTALL,
        )


def unknown_of(model: Mapping[str, Any], tokenizer: Tokenizer) -> int | None:
    """The id that stands for whatever a tokeniser cannot spell, if it has one."""
    if (number := model.get("unk_id")) is not None:
        return int(number)
    name = model.get("unk_token")
    return tokenizer.token_to_id(name) if name else None


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tokenizer(values: dict[str, Any]) -> Tokenizer:
    try:
        return Tokenizer.from_str(json.dumps(values))
    except Exception as error:  # the library raises no narrower one
        raise ArtifactError(f"the tokeniser cannot be read: {error}") from error


def _begins(values: dict[str, Any], config: dict[str, Any]) -> int | None:
    """By the configuration, if that tells; else by what the tokeniser itself adds."""
    tokenizer = _tokenizer(values)
    if (asked := config.get("add_bos_token")) is None:
        plain = tokenizer.encode("a", add_special_tokens=False).ids
        begun = tokenizer.encode("a", add_special_tokens=True).ids
        return begun[0] if begun[: len(plain)] != plain else None
    name = config.get("bos_token")
    name = name["content"] if isinstance(name, dict) else name
    return tokenizer.token_to_id(name) if asked and name else None


def _token_bytes(
    values: dict[str, Any], tokenizer: Tokenizer, vocab_size: int | None
) -> tuple[bytes, ...]:
    # Added tokens stand for themselves: they are found before a text is cut or rewritten.
    found = {
        token["id"]: b"" if token["special"] else token["content"].encode()
        for token in values["added_tokens"]
    }
    spell = _speller(values)
    for token, number in tokenizer.get_vocab(with_added_tokens=False).items():
        if number not in found:
            found[number] = spell(token)
    size = max(found) + 1
    if size > (vocab_size or size):
        raise ArtifactError(f"the tokeniser has {size} tokens, the model {vocab_size}")
    return tuple(found.get(number, b"") for number in range(vocab_size or size))


def _speller(values: dict[str, Any]) -> Callable[[str], bytes]:
    """What a token of the model stands for.

    Raises:
        ArtifactError: the tokeniser decodes in a way that is not known.
    """
    decoder = values["decoder"] or {"type": "none"}
    steps = {step["type"]: step for step in decoder.get("decoders", [decoder])}
    if "ByteLevel" in steps:
        alphabet = byte_alphabet()
        return lambda token: bytes(alphabet[character] for character in token)
    replaced = steps.get("Replace", {"pattern": {"String": SPACE}, "content": " "})
    is_space = replaced["pattern"] == {"String": SPACE} and replaced["content"] == " "
    if not is_space or not steps.keys() <= {
        "Replace",
        "ByteFallback",
        "Fuse",
        "Strip",
        "Metaspace",
    }:
        raise _refusal("its decoder", decoder, ["ByteLevel", "Metaspace", "ByteFallback"])

    def spelt(token: str) -> bytes:
        byte = BYTE.fullmatch(token) if "ByteFallback" in steps else None
        return bytes.fromhex(byte[1]) if byte else token.replace(SPACE, " ").encode()

    return spelt


def _added(told: Mapping[str, Any], types: tuple[int, ...]) -> list[AddedToken]:
    typed = zip(told["tokens"], told["token_type"], strict=True)
    return [AddedToken(token, normalized=False) for token, kind in typed if kind in types]


def _byte_level(told: Mapping[str, Any]) -> tuple[Tokenizer, bool]:
    """The tokeniser, and whether it puts a token before a text unless told."""
    name = told["pre"]
    if name not in CUTS:
        raise _refusal("tokenizer.ggml.pre", name, CUTS)
    is_llama = name == "llama-bpe"
    vocabulary = {token: number for number, token in enumerate(told["tokens"])}
    merges = [tuple(merge.split(" ", 1)) for merge in told["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=is_llama))
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in CUTS[name]]
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cuts, bytewise])
    tokenizer.decoder = decoders.ByteLevel()
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    return tokenizer, is_llama


def _sentencepiece(told: Mapping[str, Any]) -> tuple[Tokenizer, bool]:
    """The tokeniser, and whether it puts a token before a text unless told."""
    tokens = told["tokens"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    model = models.BPE(
        vocabulary,
        list(_merges(told)),
        unk_token=tokens[told.get("unknown_token_id", 0)],
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    before = [normalizers.Prepend(SPACE)] if told.get("add_space_prefix", True) else []
    tokenizer.normalizer = normalizers.Sequence([*before, normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer, True


def _merges(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every two tokens that together are one, from the highest score of that one down."""
    each = zip(told["tokens"], told["scores"], told["token_type"], strict=True)
    scores = {token: score for token, score, kind in each if kind == NORMAL}
    for token in sorted(scores, key=lambda token: -scores[token]):
        for cut in range(1, len(token)):
            if token[:cut] in scores and token[cut:] in scores:
                yield token[:cut], token[cut:]


_OF_GGUF: dict[str, Callable[[Mapping[str, Any]], tuple[Tokenizer, bool]]] = {
    "gpt2": _byte_level,
    "llama": _sentencepiece,
}


def _refusal(what: str, found: object, known: Iterable[str]) -> ArtifactError:
    return ArtifactError(
        f"the tokeniser is of a kind that is not known: {what} is {found}",
        hint=f"known are {', '.join(known)}",
    )
