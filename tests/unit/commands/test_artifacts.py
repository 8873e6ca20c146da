"""What manifests and folders are called tells the terminal and the page nothing."""

import json
import os
import unicodedata

import pytest

import bedstone
from bedstone.errors import ArtifactError, BedstoneError, printable
from bedstone.store.artifact import Artifact

HOSTILE = "\x1b]0;t\x07\u202e</script><b>\r\n\x9b31m"


@pytest.fixture
def hostile(tmp_path, store):
    """An artifact of a file in a folder with such a name, whose manifest was altered besides."""
    folder = tmp_path / "\x1b]0;t\x07\nhint: none"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    made = bedstone.adopt(folder / "a.txt", store=store)["artifact"]
    manifest = Artifact(store / made.rpartition("/")[2]).path / "manifest.json"
    values = json.loads(manifest.read_text())
    assert values["sources"][0]["location"].startswith(str(folder))
    values["sources"][0]["name"] = HOSTILE
    values["config"][HOSTILE] = values["machine"]["processor"] = HOSTILE
    values["metrics"][HOSTILE] = 1.5
    values["libraries"] = {HOSTILE: HOSTILE}
    manifest.write_text(json.dumps(values))
    return made


def is_plain(text):
    return printable(text.replace("\n", "")) == text.replace("\n", "")


def test_manifests_of_others_tell_the_terminal_nothing(hostile, tmp_path, store, cli):
    (tmp_path / "b.txt").write_text("b")
    other = bedstone.adopt(tmp_path / "b.txt", store=store)["artifact"]
    for words in (["show", hostile], ["trace", hostile], ["diff", hostile, other]):
        status, out, _ = cli(*words, "--store", store)
        assert status == 0
        assert is_plain(out)
        assert r"\x1b]0;t\x07" in out
        status, out, _ = cli(*words, "--store", store, "--json")
        assert is_plain(out)
        called = getattr(bedstone, words[0])(*words[1:], store=store)
        assert json.loads(out) == called
    status, out, err = cli("verify", hostile, "--store", store)
    assert (status, out, is_plain(err)) == (3, "", True)


def test_manifests_of_others_change_no_page(hostile, tmp_path, store):
    page = tmp_path / "page.html"
    bedstone.report(hostile, out=page, store=store)
    text = page.read_text("utf-8")
    assert {unicodedata.category(character) for character in set(text) - {"\n"}} & {"Cc"} == set()
    assert "<b>" not in text
    assert "\\x1b]0;t\\x07\u202e&lt;/script&gt;&lt;b&gt;\\r\n\\x9b31m" in text


def test_a_page_that_finds_no_room_is_named(tmp_path, store, little_room):
    (tmp_path / "a.txt").write_text("a")
    made = bedstone.adopt(tmp_path / "a.txt", store=store)["artifact"]
    page = tmp_path / "page.html"
    with pytest.raises(BedstoneError, match=f"{page} cannot be written: File"), little_room():
        bedstone.report(made, out=page, store=store)


@pytest.mark.parametrize("name", ["\x1b[31m.jsonl", "a\n.jsonl", "\u202e.jsonl"])
def test_files_of_such_names_are_refused(tmp_path, store, cli, name):
    (tmp_path / name).write_text("{}")
    status, out, err = cli("audit", tmp_path / name, "--store", store)
    assert (status, out) == (3, "")
    assert f"{name!r} in {tmp_path}: this name cannot be recorded: rename it" in err
    assert is_plain(err)


def test_a_folder_whose_name_is_no_utf8_is_refused(tmp_path, store):
    path = tmp_path / os.fsdecode(b"\xff") / "a.jsonl"
    path.parent.mkdir()
    path.write_text('{"text": "a"}')
    with pytest.raises(ArtifactError, match="a name in it is no UTF-8"):
        bedstone.audit(path, store=store)
