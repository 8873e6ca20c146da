"""A table as a stage's input."""

from tests.support.stages import table_shard

__all__ = ["table_shard"]
