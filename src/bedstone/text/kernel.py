"""What is compiled: loops over characters and words, for the processor at hand.

A kernel takes arrays and gives arrays. It is compiled when it is first called, which takes some
seconds, and kept on disk for that type of processor: beside this package, or else in the user's
cache, or where NUMBA_CACHE_DIR says. What is kept has functions and constants of other modules in
it, so it is kept by a digest of them all, and made anew when one changes. No stage is among them.
"""

import gc
import hashlib
import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import config, njit
from numba.core import event
from numba.core.targetconfig import TargetConfig

from bedstone.errors import BedstoneError

log = logging.getLogger("bedstone")

SECONDS = "about 20 s for those of a corpus"
"""Of a core with AVX2, in docs/lab/LOG.md; each kernel is compiled when it is first called."""

ZERO = cast(int, np.int64(0))
"""With its type: numba would compile what takes a bare number for that number first."""

Taken = ParamSpec("Taken")
Given = TypeVar("Given")


def kernel(function: Callable[Taken, Given]) -> Callable[Taken, Given]:
    """``function`` compiled; other threads run while it does.

    Raises:
        BedstoneError: there is no folder to keep it in.
    """
    try:
        compiled = njit(cache=True, nogil=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]
        return cast(Callable[Taken, Given], compiled(function))
    except RuntimeError as error:
        raise BedstoneError(
            f"what is compiled cannot be kept: {error}",
            hint="set NUMBA_CACHE_DIR to a folder that can be written",
        ) from error


def inner(function: Callable[Taken, Given]) -> Callable[Taken, Given]:
    """``function`` compiled into the kernels that call it; it may make no array.

    Not to be called from Python.
    """
    # Without what Python would need for that, and without counting references to arrays: both
    # would take time to compile, and the second to run.
    alone = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
    return cast(Callable[Taken, Given], njit(nogil=True, **alone)(function))  # type: ignore[call-overload]


def _folder(modules: Path, given: str) -> Path:
    """Where kernels of these modules are kept."""
    sources = [path.read_bytes() for path in sorted(modules.glob("*.py"))]
    without_stages = b"".join(each for each in sources if b"\nSTAGE = Stage(" not in each)
    name = f"kernels-{hashlib.sha256(without_stages).hexdigest()[:16]}"
    if given:
        return Path(given) / name
    if os.access(modules, os.W_OK):
        return modules / "__pycache__" / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bedstone" / name


class _Compiling(event.Listener):
    """Says that time goes into compiling, before it does.

    While it does no garbage is collected: to look for it took a tenth of the time.
    """

    def __init__(self) -> None:
        self.announced, self.depth, self.collected = False, 0, True

    def on_start(self, event: Any) -> None:
        if not self.announced:
            self.announced = True
            log.warning("compiling kernels for this type of processor, once: %s", SECONDS)
        if not self.depth:
            self.collected = gc.isenabled()
            gc.disable()
        self.depth += 1

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if not self.depth and self.collected:
            gc.enable()


def _compare_quickly(options: type[TargetConfig]) -> None:
    """Spare numba the look at each option wherever it looks a function up.

    That was a sixth of the time to compile. Options of which the same were set alike are equal;
    of others numba says. Nothing is changed of a later numba that keeps them otherwise.
    """
    if "_values" not in getattr(options, "__slots__", ()):
        return
    compare = options.__eq__

    def equal(one: Any, other: Any) -> Any:
        alike = type(other) is type(one) and other._values == one._values
        return alike or compare(one, other)  # type: ignore[no-untyped-call]

    @cache
    def hash_of(kind: type[TargetConfig]) -> int:
        return hash(tuple(sorted(kind.options)))

    setattr(options, "__eq__", equal)  # noqa: B010 - to a type checker no method is assigned
    setattr(options, "__hash__", lambda one: hash_of(one.__class__))  # noqa: B010


_compare_quickly(TargetConfig)
event.register("numba:compile", _Compiling())  # type: ignore[no-untyped-call]
kept = _folder(Path(__file__).parent, config.CACHE_DIR)  # type: ignore[attr-defined]
config.CACHE_DIR = str(kept)  # type: ignore[attr-defined]
