"""From crawl records to a curated, measured training set."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedstone.corpus.rules.measures import measure
    from bedstone.corpus.rules.sets import judge

__all__ = ["judge", "measure"]

MODULES = {"judge": "sets", "measure": "measures"}


def __getattr__(name: str) -> Any:
    # Imported when asked for: ``bedstone --help`` must load neither numpy nor pyarrow.
    if name in MODULES:
        return getattr(import_module(f"bedstone.corpus.rules.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
