"""A tokeniser of Bedstone's in the words of a GGUF file.

llama.cpp cuts a text by one of the patterns that it knows before it merges bytes; none is ours. It
is told the one that cuts least, ``superbpe``, which parts numbers from all else. What stays
together there and is two pieces here, no token of ours joins, with two exceptions:

* Of a gap of two spaces and more one goes with the word there. And a number is parted from the
  space before it. So tokens of gaps, and of a space with a number, are told as user-defined: such
  are found in a text before it is cut. Longer gaps may still be divided otherwise.
* Bytes of two characters can be a token, where they are parts of letters; there it is found in a
  letter and the sign after it too, and a space with the first byte of a number's is not.

Source: llama-vocab.cpp in github.com/ggml-org/llama.cpp.
"""

import unicodedata
from typing import Any

from bedstone.text.encoder import byte_alphabet
from bedstone.text.model_encoder import CONTROL, NORMAL, USER_DEFINED

CUT = "superbpe"


def fields_of(values: dict[str, Any], end: int, chat_template: str | None) -> dict[str, Any]:
    """The keys and values that describe a tokeniser.

    Args:
        values: a ``tokenizer.json`` of Bedstone's.
        end: the token after a text. A text follows the end of another, a conversation does not.
        chat_template: of a model that answers; None of one that goes on with a text.
    """
    vocabulary = values["model"]["vocab"]
    controls = {token["content"] for token in values["added_tokens"]}
    sought = {name: text for name in vocabulary if _is_sought(text := _text(name))}
    names = sorted(vocabulary, key=vocabulary.__getitem__)
    merges = [pair for pair in values["model"]["merges"] if "".join(pair) not in sought]
    fields = {
        "model": "gpt2",
        "pre": CUT,
        "tokens": [sought.get(name, name) for name in names],
        "token_type": [
            CONTROL if name in controls else USER_DEFINED if name in sought else NORMAL
            for name in names
        ],
        "merges": [" ".join(pair) for pair in merges],
        "bos_token_id": end,
        "eos_token_id": end,
        "padding_token_id": end,
        "add_bos_token": chat_template is None,
        "add_eos_token": False,
    }
    told = {f"tokenizer.ggml.{key}": value for key, value in fields.items()}
    return told if chat_template is None else told | {"tokenizer.chat_template": chat_template}


def _text(name: str) -> str:
    """What a token stands for; nothing, if that is no whole characters."""
    alphabet = byte_alphabet()
    try:
        return bytes(alphabet[character] for character in name).decode()
    except (KeyError, UnicodeDecodeError):
        return ""


def _is_sought(text: str) -> bool:
    is_gap = text.isspace() and not {"\r", "\n"} & set(text)
    is_number = text[:1] == " " and [unicodedata.category(it)[0] for it in text[1:]] == ["N"]
    return is_number or (is_gap and len(text) > 1)
