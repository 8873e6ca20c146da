from functools import partial

import pytest

from bedstone.progress import Progress
from bedstone.store.engine import Local
from bedstone.store.parts import made_parts
from bedstone.store.stage import Job


def job(folder, workers=1):
    return Job({}, folder, Local(workers), Progress())


def write(ends, fails, item, path):
    path.write_text(f"{item}{ends}")
    if item == fails:
        raise KeyboardInterrupt


def test_each_item_has_its_file_in_the_items_order(tmp_path):
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        paths = made_parts(job(folder, workers), "parts", partial(write, "!", None), "cab")
        assert [path.read_text() for path in paths] == ["c!", "a!", "b!"]
        assert {path.parent for path in paths} == {job(folder).scratch / "parts"}
    assert made_parts(job(tmp_path), "none", partial(write, "!", None), "") == []


def test_what_was_finished_before_a_kill_is_not_made_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        made_parts(job(tmp_path), "parts", partial(write, "first", 2), range(4))
    paths = made_parts(job(tmp_path), "parts", partial(write, "then", None), range(4))
    assert [path.read_text() for path in paths] == ["0first", "1first", "2then", "3then"]
