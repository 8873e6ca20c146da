"""Recipes of the package by name, and one to start from."""

import pytest

import bedstone
from bedstone.commands import desk
from bedstone.errors import ConfigError
from bedstone.store import recipe


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_recipe_of_the_package_runs_by_its_name(here):
    (here / "page.warc").write_bytes(b"")
    words = {"crawl": here / "page.warc"}
    found = bedstone.run("swahili", words, until="documents", dry_run=True)
    assert found == {"nodes": {"documents": "would build"}}


def test_a_name_that_no_recipe_has_gets_the_nearest(cli):
    status, out, err = cli("run", "swahilli")
    assert (status, out) == (2, "")
    assert err == "error: no recipe 'swahilli'; did you mean 'swahili'?\n"


def test_a_file_is_meant_before_a_name_is_and_a_path_never_is_a_name(here):
    (here / "swahili").write_text("# mine")
    with pytest.raises(ConfigError, match=r"^swahili: there is no node"):
        bedstone.run("swahili")
    (here / "web").mkdir()
    assert desk.recipe_of("web").name == "web.toml"
    for path in ("web.toml", "web/web", "demo.recipe"):
        with pytest.raises(ConfigError, match="cannot read"):
            bedstone.run(path)


def test_init_writes_a_recipe_that_runs_and_says_how(here, cli):
    told = "written: demo.toml\nit takes crawl: WARC files\n"
    command = "bedstone run demo.toml --input crawl=PATH"
    assert cli("init") == (0, f"{told}next: {command}\n", "")
    assert recipe.load(here / "demo.toml").inputs == ("crawl",)
    (here / "PATH").write_bytes(b"")
    assert cli(*command.split()[1:], "--dry-run", "--until", "documents")[0] == 0
    assert bedstone.init("tasks")["command"] == "bedstone run tasks.toml"
    assert recipe.load(here / "tasks.toml", until="mix").inputs == ()


def test_init_overwrites_nothing(here):
    (here / "demo.toml").write_text("mine")
    with pytest.raises(ConfigError, match=r"^demo.toml is there already$"):
        bedstone.init()
    assert (here / "demo.toml").read_text() == "mine"
    with pytest.raises(ConfigError, match="did you mean 'multilingual'"):
        bedstone.init("multilingal")
