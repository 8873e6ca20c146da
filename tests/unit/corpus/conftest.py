"""Fixtures of the corpus's tests, from the modules beside."""

from .packages_fixture import machine
from .running import member, record_fixture, rows, run, table_shard

__all__ = ["machine", "member", "record_fixture", "rows", "run", "table_shard"]
