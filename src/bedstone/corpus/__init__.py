"""From crawl records to a curated, measured training set."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedstone.corpus.rules import judge, measure

__all__ = ["judge", "measure"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: ``bedstone --help`` must load neither numpy nor pyarrow.
    if name in __all__:
        return getattr(import_module("bedstone.corpus.rules"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
