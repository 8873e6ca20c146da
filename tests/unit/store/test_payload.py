import pytest

from bedstone.errors import ArtifactError, DataError
from bedstone.progress import Progress
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local
from bedstone.store.payload import only_file, read_json, write_json
from bedstone.store.stage import Job


@pytest.fixture
def job(tmp_path):
    return Job({}, tmp_path, Local(), Progress())


def test_json_is_written_as_it_is_read(job, store):
    values = {"words": ["ñ", "और"], "share": 0.5, "none": None}
    record = write_json(job, "a.json", values)
    assert (job.folder / "a.json").read_text("utf-8").startswith('{\n "words": [\n  "ñ",\n')
    assert record == job.record("a.json")
    assert read_json(adopt([job.folder], store), "a.json") == values


def test_half_a_character_stops_no_writer_and_what_is_no_number_does(job):
    write_json(job, "a.json", "\ud800")
    assert (job.folder / "a.json").read_text("utf-8") == '"?"\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(job, "b.json", float("nan"))
    assert not job.has("b.json")


def test_json_that_is_absent_or_altered_is_told(tmp_path, store):
    (tmp_path / "a.json").write_text("{")
    made = adopt([tmp_path / "a.json"], store)
    with pytest.raises(ArtifactError, match=r"a\.json is no JSON: .*line 1"):
        read_json(made, "a.json")
    with pytest.raises(ArtifactError, match=r"has no b\.json"):
        read_json(made, "b.json")


def test_one_file_is_expected_where_one_is(tmp_path, store):
    for name in "ab":
        (tmp_path / name).write_text(name)
    assert only_file(adopt([tmp_path / "a"], store), "runs").name == "a"
    with pytest.raises(DataError, match="2 files where one of runs was expected"):
        only_file(adopt([tmp_path / "a", tmp_path / "b"], store), "runs")
