"""A table as a stage's input."""

from tests.unit.corpus.running import table_shard

__all__ = ["table_shard"]
