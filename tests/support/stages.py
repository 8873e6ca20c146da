"""WARC records, and stages run on folders, without a store: fixtures of the tests beside."""

import gzip
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.progress import Progress
from bedstone.store.artifact import ABOUT
from bedstone.store.engine import Local
from bedstone.store.stage import Job
from bedstone.store.work import SCRATCH


def record(url: str, body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A response record."""
    http = f"HTTP/1.1 {status}\r\nContent-Type: text/html{headers}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        "WARC-Date: 2024-01-01T00:00:00Z\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


@pytest.fixture(name="record")
def record_fixture():
    return record


@pytest.fixture
def member():
    """A gzip member of a record, the same bytes each time."""

    def pack(*arguments, **options) -> bytes:
        return gzip.compress(record(*arguments, **options), mtime=0)

    return pack


def shard(folder: Path, content: str = "c0ffee" * 11, span: range | None = None) -> SimpleNamespace:
    """A folder as a stage sees an input that has one shard: itself, or a piece of its file."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    apart = {folder / ABOUT, folder / SCRATCH}
    files = tuple(path for path in paths if not apart & set(path.parents))
    made = SimpleNamespace(
        content=content,
        source=content,
        span=span,
        location=folder,
        files=files,
        file=lambda name: folder / name,
    )
    made.shards = (made,)
    return made


@pytest.fixture
def table_shard(tmp_path):
    """An input of one table."""

    def write(name: str, columns: dict | pa.Table) -> SimpleNamespace:
        folder = tmp_path / name
        folder.mkdir()
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        pq.write_table(table, folder / f"{name}.parquet")
        return shard(folder)

    return write


@pytest.fixture
def run(tmp_path):
    """Run a stage on inputs; its result, and its folder as an input."""

    def go(stage, config=None, **inputs):
        folder = Path(tempfile.mkdtemp(prefix=stage.name, dir=tmp_path))
        job = Job(inputs, folder, Local(), Progress())
        result = stage.run(stage.config(**(config or {})), job)
        return result, shard(folder)

    return go


@pytest.fixture
def rows():
    """A table of a stage's output."""
    return lambda made, name: pq.read_table(made.file(name)).to_pylist()
