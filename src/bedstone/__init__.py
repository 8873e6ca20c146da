"""From a raw crawl to an aligned, sampled language model, every decision measured.

Each command of ``bedstone`` is a function of this package, with the same name and options, that
returns what the command prints with ``--json``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedstone.commands.desk import (
        adopt,
        audit,
        build,
        clean,
        demo,
        diff,
        fit,
        plan,
        report,
        run,
        sample,
        show,
        size,
        stages,
        strategies,
        tokens,
        trace,
        verify,
    )

__version__ = "0.1.0"
__all__ = [
    "adopt",
    "audit",
    "build",
    "clean",
    "demo",
    "diff",
    "fit",
    "plan",
    "report",
    "run",
    "sample",
    "show",
    "size",
    "stages",
    "strategies",
    "tokens",
    "trace",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bedstone' has no attribute {name!r}")
    return getattr(import_module("bedstone.commands.desk"), name)
