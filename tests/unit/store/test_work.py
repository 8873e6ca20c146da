import errno
import os
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.errors import BedstoneError
from bedstone.store import work


def write_half(path):
    with work.written(path) as unfinished:
        unfinished.write_text("half")
        raise RuntimeError


def test_a_part_gets_its_name_only_when_it_is_whole(tmp_path):
    with pytest.raises(RuntimeError):
        write_half(tmp_path / "x")
    assert [entry.suffix for entry in tmp_path.iterdir()] == [work.UNFINISHED]
    work.drop_unfinished(tmp_path)
    with work.written(tmp_path / "deep" / "x") as path:
        path.write_text("whole")
    assert (tmp_path / "deep" / "x").read_text() == "whole"
    assert not list(tmp_path.rglob("*.part"))


def test_one_holder_at_a_time(tmp_path):
    lock = tmp_path / "x.lock"
    with work.held(lock), pytest.raises(BlockingIOError), work.held(lock, wait=False):
        pass
    assert not lock.exists()


NUMBERS = np.random.default_rng(0).random(10_000)


def save_numbers(path):
    with path.open("wb") as file:
        np.save(file, NUMBERS)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(NUMBERS.tobytes()),
        lambda path: pq.write_table(pa.table({"a": NUMBERS}), path),
        save_numbers,
        lambda path: shutil.copyfile(np.__file__, path) and path.write_bytes(NUMBERS.tobytes()),
    ],
)
def test_what_finds_no_room_is_named(tmp_path, little_room, write):
    with pytest.raises(BedstoneError) as caught, little_room(), work.written(tmp_path / "x") as it:
        write(it)
    told = str(caught.value)
    assert re.match(rf"{tmp_path}/x\.[0-9a-f]{{8}}\.part cannot be written: ", told)
    assert re.search(r"it has [\d,]+ bytes so far, and [\d,]+ bytes are free there$", told)
    assert "File too large" in told or "10000 requested" in told
    assert not (tmp_path / "x").exists()


def test_a_full_disk_is_told_also_when_it_is_found_at_the_end(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with (
        pytest.raises(BedstoneError, match="No space left on device; it has 4 bytes so far"),
        work.written(tmp_path / "x") as path,
    ):
        path.write_text("half")


def test_an_error_that_names_its_file_is_left_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), work.written(tmp_path / "x") as path:
        path.with_name("absent").read_text()
