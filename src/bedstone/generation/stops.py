"""Stop strings: texts that end a completion, wherever in its tokens they begin and end.

Tokens are decoded to characters first, so a stop string may begin and end within a token, and
its characters within others. A completion ends with the character that completes a stop string;
its text is what stands before that string, the longest if two are complete there.
"""

from codecs import getincrementaldecoder
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from bedstone.generation.generate import Guide


def cut(text: str, stops: Sequence[str]) -> str:
    """What stands before the stop string that ends first; all of ``text`` if it holds none.

    Raises:
        ValueError: a stop string is empty.
    """
    start = _start(text, stops)
    return text if start is None else text[:start]


class Stream:
    """Decodes a completion as it is written.

    All that it gives, joined, is the cut text of all tokens. Characters come whole, and none that
    may be the beginning of a stop string; bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, token_bytes: Sequence[bytes], stops: Sequence[str]) -> None:
        """Before the first token.

        Raises:
            ValueError: a stop string is empty.
        """
        self._token_bytes = token_bytes
        self._stops = stops
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._held = ""
        """Decoded, and perhaps the beginning of a stop string."""
        self.is_stopped = _start("", stops) is not None
        """Whether a stop string is complete; nothing comes after it."""

    def push(self, token_id: int) -> str:
        """The characters that are certain now."""
        return self._settled(self._decoder.decode(self._token_bytes[token_id]))

    def finish(self) -> str:
        """What was held back: no stop string came of it."""
        certain = self._settled(self._decoder.decode(b"", final=True))
        return certain if self.is_stopped else certain + self._held

    def _settled(self, text: str) -> str:
        if self.is_stopped:
            return ""
        held = self._held + text
        start = _start(held, self._stops)
        self.is_stopped = start is not None
        end = len(held) - _begun(held, self._stops) if start is None else start
        self._held = held[end:]
        return held[:end]


class StopStrings:
    """The guide of a row that ends with any of some strings, or as another guide says."""

    def __init__(
        self, token_bytes: Sequence[bytes], stops: Sequence[str], other: "Guide | None" = None
    ) -> None:
        """Before the first token.

        Raises:
            ValueError: a stop string is empty.
        """
        self._stream = Stream(token_bytes, stops)
        self._other = other

    def allowed(self) -> "Tensor | None":
        """(V,) bool as the other guide says; None where every token is."""
        return None if self._other is None else self._other.allowed()

    def advance(self, token_id: int) -> bool:
        """Take the drawn token; whether a stop string is complete or the other guide is done."""
        self._stream.push(token_id)
        is_done = self._other is not None and self._other.advance(token_id)
        return is_done or self._stream.is_stopped


def _start(text: str, stops: Sequence[str]) -> int | None:
    """Where the stop string begins that ends first."""
    if "" in stops:
        raise ValueError("a stop string is empty")
    found = [(place + len(stop), place) for stop in stops if (place := text.find(stop)) >= 0]
    return min(found)[1] if found else None


def _begun(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end of ``text`` may be the beginning of a stop string."""
    longest = max(map(len, stops), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(stop.startswith(text[-length:]) for stop in stops):
            return length
    return 0
