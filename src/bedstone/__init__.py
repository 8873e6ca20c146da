"""From a raw crawl to an aligned, sampled language model, every decision measured.

Each command of ``bedstone`` is a function of this package, with the same name and options, that
returns what the command prints with ``--json``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedstone.commands.ablate import ablate
    from bedstone.commands.artifacts import clean, diff, repair, report, show, trace, verify
    from bedstone.commands.audit import audit
    from bedstone.commands.demo import demo
    from bedstone.commands.domain import domain
    from bedstone.commands.evaluate import evaluate
    from bedstone.commands.export import export
    from bedstone.commands.fit import fit
    from bedstone.commands.ladder import ladder
    from bedstone.commands.places import pull, push
    from bedstone.commands.plan import plan
    from bedstone.commands.recipes import adopt, build, init, run
    from bedstone.commands.sample import sample
    from bedstone.commands.seen import seen
    from bedstone.commands.size import size
    from bedstone.commands.stages import schema, stages
    from bedstone.commands.strategies import strategies
    from bedstone.commands.tokens import tokens

__version__ = "0.1.0"
__all__ = [
    "ablate",
    "adopt",
    "audit",
    "build",
    "clean",
    "demo",
    "diff",
    "domain",
    "evaluate",
    "export",
    "fit",
    "init",
    "ladder",
    "plan",
    "pull",
    "push",
    "repair",
    "report",
    "run",
    "sample",
    "schema",
    "seen",
    "show",
    "size",
    "stages",
    "strategies",
    "tokens",
    "trace",
    "verify",
]


def __getattr__(name: str) -> Any:
    # Imported when asked for: ``import bedstone`` takes no time.
    if name not in __all__:
        raise AttributeError(f"module 'bedstone' has no attribute {name!r}")
    commands = import_module("bedstone.commands.main").COMMANDS
    globals().update({command.name: command.function() for command in commands})
    return globals()[name]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
