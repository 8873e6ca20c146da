"""Fixtures of the corpus's tests, from the modules beside."""

from tests.support.common_crawl import at, common_crawl, unhurried
from tests.support.packages import machine
from tests.support.stages import member, record_fixture, rows, run, table_shard

__all__ = [
    "at",
    "common_crawl",
    "machine",
    "member",
    "record_fixture",
    "rows",
    "run",
    "table_shard",
    "unhurried",
]
