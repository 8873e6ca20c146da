"""Fixtures of the corpus's tests, from the modules beside."""

from tests.support.packages import machine
from tests.support.stages import member, record_fixture, rows, run, table_shard

__all__ = ["machine", "member", "record_fixture", "rows", "run", "table_shard"]
