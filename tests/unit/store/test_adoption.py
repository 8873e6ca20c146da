import errno
import os
from pathlib import Path

import pytest

from bedstone.errors import ArtifactError
from bedstone.store.adoption import adopt, adopted


@pytest.fixture
def crawl(tmp_path):
    folder = tmp_path / "crawl"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "deep" / "b").write_text("2")
    return folder


def test_nothing_is_copied_and_the_source_is_recorded(crawl, store):
    assert adopted([crawl], store) is None
    artifact = adopt([crawl], store)
    assert artifact.file("deep/b").resolve() == crawl / "deep" / "b"
    assert [source.location for source in artifact.manifest.sources] == [
        str(crawl / "a"),
        str(crawl / "deep" / "b"),
    ]
    assert adopted([crawl], store).path == artifact.path


def test_what_was_moved_is_the_same_artifact_and_readable(crawl, store, tmp_path):
    first = adopt([crawl], store)
    crawl.rename(tmp_path / "elsewhere")
    again = adopt([tmp_path / "elsewhere"], store)
    assert again.path == first.path
    assert again.file("a").read_text() == "1"
    again.verify()


def test_what_was_altered_is_another_artifact_and_the_old_one_is_known_as_altered(crawl, store):
    first = adopt([crawl], store)
    (crawl / "a").write_text("3")
    assert adopt([crawl], store).path != first.path
    with pytest.raises(ArtifactError, match="altered: a"):
        first.verify()


def test_several_paths_are_taken_together(crawl, store, tmp_path):
    (tmp_path / "c").write_text("4")
    artifact = adopt([crawl, tmp_path / "c"], store)
    assert [path.name for path in artifact.files] == ["a", "c", "b"]
    assert adopt([tmp_path / "c", crawl], store).path == artifact.path


def test_an_artifact_is_taken_as_it_is_and_alone(crawl, store):
    artifact = adopt([crawl], store)
    assert adopt([artifact.path], store).path == artifact.path
    with pytest.raises(ArtifactError, match="give it alone"):
        adopt([artifact.path, crawl], store)


def test_two_files_cannot_have_one_name(crawl, store, tmp_path):
    (tmp_path / "a").write_text("5")
    with pytest.raises(ArtifactError, match="would both be a"):
        adopt([crawl, tmp_path / "a"], store)


def test_nothing_to_adopt(store, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="no file"):
        adopt([tmp_path / "empty"], store)
    with pytest.raises(ArtifactError, match="does not exist"):
        adopt([tmp_path / "nowhere"], store)


def test_what_lay_elsewhere_and_is_another_file_now_is_not_read(crawl, store, tmp_path):
    adopt([crawl], store)
    (tmp_path / "copy" / "deep").mkdir(parents=True)
    (tmp_path / "copy" / "a").write_text("1")
    (tmp_path / "copy" / "deep" / "b").write_text("2")
    (crawl / "a").write_text("another")
    again = adopt([tmp_path / "copy"], store)
    assert again.file("a").read_text() == "1"
    again.verify()


def test_what_a_killed_adoption_left_is_removed(crawl, store, tmp_path):
    artifact = adopt([crawl], store)
    (artifact.path / "a.1.part").symlink_to(crawl / "a")
    with pytest.raises(ArtifactError, match=r"altered: a\.1\.part"):
        artifact.verify()
    crawl.rename(tmp_path / "elsewhere")
    adopt([tmp_path / "elsewhere"], store).verify()


def test_a_name_that_artifacts_use_is_refused(crawl, store, tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ArtifactError, match="rename it"):
        adopt([crawl, tmp_path / "manifest.json"], store)


def test_hidden_files_are_left_out(crawl, store):
    before = adopt([crawl], store)
    (crawl / ".cache").mkdir()
    (crawl / ".cache" / "x").write_text("x")
    (crawl / ".DS_Store").write_text("x")
    assert adopt([crawl], store).path == before.path
    assert [path.name for path in adopt([crawl / ".DS_Store"], store).files] == [".DS_Store"]


def test_a_folder_that_cannot_be_read_is_an_error(crawl, store, monkeypatch):
    hidden = crawl / ".cache"
    hidden.mkdir()
    scandir = os.scandir

    def refuse(path):
        if Path(path) in (crawl / "deep", hidden):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(ArtifactError, match=r"deep: the folder cannot be read: Permission denied"):
        adopt([crawl], store)


def test_an_adopted_artifact_whose_files_changed_is_not_taken(crawl, store):
    artifact = adopt([crawl], store)
    (crawl / "a").write_text("another")
    with pytest.raises(ArtifactError, match="altered: a"):
        adopt([artifact.path], store)
    (crawl / "a").unlink()
    with pytest.raises(ArtifactError, match="altered: a"):
        adopt([artifact.path], store)


@pytest.mark.parametrize("name", ["line\nbreak", "\udcff.gz"])
def test_a_name_that_cannot_be_recorded_is_refused(crawl, store, name):
    (crawl / name).write_text("x")
    with pytest.raises(ArtifactError, match="rename it"):
        adopt([crawl], store)


def test_a_device_is_refused(store):
    with pytest.raises(ArtifactError, match="neither a file nor a folder"):
        adopt([Path("/dev/null")], store)


def test_any_other_name_is_kept(crawl, store):
    (crawl / "scratch.part").mkdir()
    (crawl / "scratch.part" / "c.part").write_text("kept")
    assert adopt([crawl], store).file("scratch.part/c.part").read_text() == "kept"


def test_a_folder_called_about_is_adopted_as_any_other(tmp_path, store):
    (tmp_path / "site" / "about").mkdir(parents=True)
    (tmp_path / "site" / "about" / "us.txt").write_text("We are many.")
    made = adopt([tmp_path / "site"], store)
    assert [path.name for shard in made.shards for path in shard.files] == ["us.txt"]
