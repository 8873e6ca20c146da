"""Recipes of the package by name, and one to start from."""

import json
import tomllib
from pathlib import Path

import pytest
from tests.support.stages import record

import bedstone
from bedstone.commands import desk
from bedstone.errors import ConfigError
from bedstone.store import recipe

PAGE = record("http://a.example/", b"<p>A page of some words, and of some more.</p>" * 20)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_recipe_of_the_package_runs_by_its_name(here):
    (here / "page.warc").write_bytes(PAGE)
    words = {"crawl": here / "page.warc"}
    found = bedstone.run("swahili", words, until="documents", dry_run=True)
    assert found["nodes"] == {"documents": "would build"}


def test_an_installed_package_has_its_recipes_inside_it():
    root = Path(__file__).parents[3]
    build = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"recipes": "bedstone/recipes"}
    inside, beside = desk.RECIPES
    assert (inside, beside) == (Path(bedstone.__file__).parent / "recipes", root / "recipes")


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
    told = (
        "written: demo.toml; for editors, recipe.schema.json\n"
        "it takes crawl: WARC, JSONL, Parquet or text files\n"
        "it takes ladder: a scaling.ladder of bedstone ladder; none is needed, "
        "--set prediction.ladder=ladder reads it\n"
    )
    command = "bedstone run demo.toml --input crawl=PATH"
    assert cli("init") == (0, f"{told}next: {command}\n", "")
    assert recipe.load(here / "demo.toml").inputs == ("crawl",)
    (here / "page.warc").write_bytes(PAGE)
    words = command.replace("PATH", "page.warc").split()[1:]
    assert cli(*words, "--dry-run", "--until", "documents")[0] == 0
    assert bedstone.init("tasks")["command"] == "bedstone run tasks.toml"
    assert recipe.load(here / "tasks.toml", until="mix").inputs == ()


def test_an_editor_finds_the_schema_beside_a_recipe(here):
    made = bedstone.init("web")
    first, _, _ = (here / made["recipe"]).read_text().partition("\n")
    assert first == f"#:schema ./{made['schema']}"
    assert json.loads((here / made["schema"]).read_text()) == bedstone.schema()
    for path in desk.own_recipes().values():
        assert path.read_text().startswith(f"{first}\n")


def test_init_overwrites_nothing(here):
    (here / "demo.toml").write_text("mine")
    (here / "recipe.schema.json").write_text("mine")
    with pytest.raises(ConfigError, match=r"^demo.toml is there already$"):
        bedstone.init()
    assert (here / "demo.toml").read_text() == "mine"
    with pytest.raises(ConfigError, match="did you mean 'multilingual'"):
        bedstone.init("multilingal")
    bedstone.init("tasks")
    assert (here / "recipe.schema.json").read_text() == "mine"
