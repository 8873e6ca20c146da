import pytest

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
