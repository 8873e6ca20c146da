"""Stages run on folders, without a store."""

from tests.support.stages import run, table_shard

__all__ = ["run", "table_shard"]
