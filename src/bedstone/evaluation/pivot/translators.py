"""Who translates: lines of one language into lines of another.

A text is translated line by line, so that no answer can be taken for another's. A failure is told
as one: a line never stands for its translation.
"""

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bedstone.errors import ConfigError, printable, reason
from bedstone.languages import by_code, join

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
    """It failed."""
    seconds: float = 0.0
    """Its share of those that it was waited for."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """None of a program that has none."""


class Translator(Protocol):
    """What translates from one language into one other."""

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """Of each line, in their order; each has a letter, and no control."""
        ...


def lines_of(text: str) -> list[str]:
    """What of a text is translated: its lines that have a letter."""
    return [line for line in _clean(text) if LETTER.search(line)]


def rebuilt(text: str, translated: Mapping[str, str]) -> str:
    """The text with its lines translated; one without a letter stays as it is."""
    return "\n".join(translated[it] if LETTER.search(it) else it for it in _clean(text))


def _clean(text: str) -> list[str]:
    return [CONTROL.sub(" ", line).strip() for line in text.splitlines()]


def checked(line: str, text: str) -> tuple[str, str]:
    """What a translator gives for a line, and why it is no translation; one of both is empty."""
    lines = _clean(text.strip())
    if not LETTER.search(text):
        return "", "empty"
    if len(lines) > 1:
        return "", "several lines"
    if len(text) > LONGEST_RATIO * len(line) + LONGEST_MORE:
        return "", "far longer"
    return lines[0], ""


@dataclass(frozen=True, slots=True)
class Apertium:
    """Debian's program; it writes words that it does not know as they are."""

    mode: str
    """As ``spa-eng``."""

    @classmethod
    def between(cls, source: str, target: str) -> "Apertium":
        """From one language into another, both as ``spa_Latn``.

        Raises:
            ConfigError: it is not installed, or has no such mode.
        """
        try:
            modes = _answer(["apertium", "-l"], "").split()
        except (OSError, subprocess.SubprocessError) as error:
            raise ConfigError(
                f"apertium does not run: {reason(error)}",
                hint="apt-get install apertium, and a pair such as apertium-eng-spa",
            ) from None
        fitting = [it for it in modes if [*map(_key, it.split("-"))] == [source, target]]
        if not fitting:
            raise ConfigError(
                f"apertium has no mode from {source} to {target}",
                hint=f"apt-get install one of apertium-*; here are {printable(', '.join(modes))}",
            )
        return cls(min(fitting, key=len))  # a variant's name stands behind the mode's

    @property
    def version(self) -> str:
        """Of the program, with a hash of all files that the mode names.

        Raises:
            ConfigError: they are not where the program has them.
        """
        program = Path(shutil.which("apertium") or "apertium").resolve()
        data = Path(os.environ.get("APERTIUM_DATADIR", program.parents[1] / "share/apertium"))
        try:
            mode = (data / "modes" / f"{self.mode}.mode").read_text("utf-8")
            named = [Path(name) for name in shlex.split(mode) if name.startswith("/")]
            files = [hashlib.sha256(it.read_bytes()).hexdigest() for it in named if it.is_file()]
            said = _answer(["apertium", "-V"], "").strip()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise ConfigError(
                f"apertium's mode {self.mode} has no version: {reason(error)}",
                hint="install apertium and its pair again, or tell where in APERTIUM_DATADIR",
            ) from None
        found = hashlib.sha256("\n".join([mode, *files]).encode()).hexdigest()
        return f"{printable(said)}, {self.mode} {found[:16]}"

    def translate(self, lines: Sequence[str]) -> list[Translated]:
        """All at once; where that fails by halves, until it is known which line is to blame."""
        begun, parts = time.monotonic(), list[str]()
        try:
            # What stands between empty lines is translated by itself.
            parts = _answer(["apertium", "-u", self.mode], "\n\n".join(lines)).split("\n\n")
            why = "" if len(parts) == len(lines) else "other lines"
        except subprocess.TimeoutExpired:
            why = f"not done in {SECONDS} s"
        except subprocess.CalledProcessError as error:
            why = f"status {error.returncode}"
        share = (time.monotonic() - begun) / len(lines)
        if not why:
            given = zip(lines, parts, strict=True)
            return [Translated(*checked(*each), seconds=share) for each in given]
        if len(lines) == 1:
            return [Translated("", why, share)]
        half = len(lines) // 2
        return self.translate(lines[:half]) + self.translate(lines[half:])


def _key(code: str) -> str:
    # Of Apertium's en, or eng_US, in the usual script.
    language = by_code(code.partition("_")[0])
    return join(language.code, language.scripts[0]) if language else code


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
