"""English in letters of more bytes: what UTF-8 does to a model, with no other language in it.

Each letter of the Latin alphabet has one of another script, small and capital ones apart. Such a
text is as hard as the English one for whoever reads letters. A model that reads bytes, or learns
its tokens of them, has more to learn all the same.
"""

from string import ascii_letters

FIRST = {"eng_Cyrl": (0x430, 0x410), "eng_Ethi": (0x1200, 0x1220)}
"""The letters that stand for ``a`` and ``A``, of two bytes and of three; the others follow them."""
TABLES = {
    key: {ord(letter): firsts[at // 26] + at % 26 for at, letter in enumerate(ascii_letters)}
    for key, firsts in FIRST.items()
}
"""By the key of such a text, what stands for each letter."""


def letter_bytes(text: str) -> float:
    """Bytes of UTF-8 that a letter takes on average; 1 without letters."""
    letters = "".join(filter(str.isalpha, text))
    return len(letters.encode()) / len(letters) if letters else 1.0
