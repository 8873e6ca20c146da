"""Who translates: lines of one language into lines of another.

A text is translated line by line, so that no answer can be taken for another's. What comes back
is never the line as it was because nothing better came: a failure is told as one.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bedstone.errors import ConfigError, printable, reason
from bedstone.languages import by_code, known, split

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LETTER = re.compile(r"[^\W\d_]")
SECONDS = 60
"""Of a start of Apertium, which translates a thousand lines in less than one."""
LONGEST_RATIO, LONGEST_MORE = 8, 100
"""A translation has at most so many times as many characters as its line, and so many more."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What became of a line."""

    text: str
    """Empty if it failed."""
    why: str = ""
    """It failed; empty if it did not."""
    seconds: float = 0.0
    """Its share of the time that it was waited for."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """None of a program that has none."""


class Translator(Protocol):
    """What translates from one language into one other."""

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """Of each line, in their order; each has a letter, and no control."""
        ...


def lines_of(text: str) -> list[str]:
    """What of a text is translated: its lines that have a letter, without what stands around."""
    return [line for each in text.splitlines() if LETTER.search(line := _clean(each))]


def rebuilt(text: str, translated: dict[str, str]) -> str:
    """The text with its lines translated; one without a letter stays as it is."""
    cleaned = [_clean(line) for line in text.splitlines()]
    return "\n".join(translated[line] if LETTER.search(line) else line for line in cleaned)


def _clean(line: str) -> str:
    return CONTROL.sub(" ", line).strip()


def checked(line: str, text: str) -> tuple[str, str]:
    """What a translator answered as a line, and why it is none; one of the two is empty."""
    text = text.strip()
    if not LETTER.search(text):
        return "", "empty"
    if len(text.splitlines()) > 1:
        return "", "several lines"
    if len(text) > LONGEST_RATIO * len(line) + LONGEST_MORE:
        return "", "far longer"
    return _clean(text), ""


@dataclass(frozen=True, slots=True)
class Apertium:
    """Debian's program, by its mode of two languages.

    It writes words that it does not know as they are.
    """

    mode: str
    """As ``spa-eng``."""
    program: str = "apertium"

    @classmethod
    def between(cls, source: str, target: str, program: str = "apertium") -> "Apertium":
        """From one language into another, both as ``spa_Latn``.

        Raises:
            ConfigError: it is not installed, or has no such mode.
        """
        try:
            modes = _answer([program, "-l"], "").split()
        except (OSError, subprocess.SubprocessError) as error:
            raise ConfigError(
                f"{program} does not run: {reason(error)}",
                hint="apt-get install apertium, and a pair such as apertium-eng-spa",
            ) from None
        pairs = {mode: mode.partition("-")[::2] for mode in modes}
        fitting = [mode for mode, pair in pairs.items() if _is(pair[0], source)]
        fitting = [mode for mode in fitting if _is(pairs[mode][1], target)]
        if not fitting:
            raise ConfigError(
                f"{program} has no mode from {source} to {target}",
                hint=f"apt-get install one of apertium-*; here are {printable(', '.join(modes))}",
            )
        return cls(min(fitting, key=len), program)  # a variant has its name behind the mode's

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """All at once; where that fails, by halves, until it is known which line is to blame."""
        begun = time.monotonic()
        try:
            # What stands between empty lines is translated by itself.
            answer = _answer([self.program, "-u", self.mode], "\n\n".join(lines))
            parts = answer.split("\n\n")
            why = "" if len(parts) == len(lines) else f"{len(parts)} of {len(lines)} lines"
        except subprocess.TimeoutExpired:
            why = f"not done in {SECONDS} s"
        except subprocess.CalledProcessError as error:
            why = f"status {error.returncode}"
        if not why:
            share = (time.monotonic() - begun) / len(lines)
            both = [checked(line, part) for line, part in zip(lines, parts, strict=True)]
            return [Translated(*each, seconds=share) for each in both]
        if len(lines) == 1:
            return [Translated("", why, seconds=time.monotonic() - begun)]
        half = len(lines) // 2
        return self.translate(lines[:half]) + self.translate(lines[half:])


def _is(code: str, key: str) -> bool:
    # Whether Apertium's code, en or eng_US, is the language of a key, in its usual script.
    language, script = split(key)
    found = by_code(code.partition("_")[0])
    usual = known()[language].scripts[0] if language in known() else script
    return found is not None and found.code == language and script == usual


def _answer(command: Sequence[str], text: str) -> str:
    # Apertium starts a program for each of its steps: all of them end with it.
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ) as process:
        try:
            answer, _ = process.communicate(text.encode(), SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return answer.decode("utf-8", "replace")
