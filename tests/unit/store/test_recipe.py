"""Recipes whose decisions are switched off, wired otherwise, or held."""

import re
import tomllib
from pathlib import Path

import pytest

from bedstone.config import Config
from bedstone.errors import ConfigError
from bedstone.store.engine import Local
from bedstone.store.recipe import Node, Recipe, built, load, preview, run
from bedstone.store.stage import Job, Result, Stage
from bedstone.store.stages import STAGES, find

RECIPE = """
[inputs]
crawl = "texts"
[raw]
stage = "corpus.extract"
inputs = { crawl = "crawl" }
[documents]
stage = "corpus.rewrite"
inputs = { documents = "raw" }
[language]
stage = "corpus.language"
inputs = { documents = "documents" }
[statistics]
stage = "corpus.statistics"
inputs = { documents = "documents", language = "language" }
[filtered]
stage = "corpus.filter"
inputs = { statistics = "statistics", language = "language" }
[signatures]
stage = "corpus.minhash"
inputs = { documents = "documents" }
[kept]
stage = "corpus.dedup"
inputs = { signatures = "signatures", before = "filtered" }
[audit]
stage = "corpus.audit"
inputs = { documents = "documents", language = "language", kept = "kept" }
[base]
stage = "pretrain.train"
inputs = { tokens = "crawl", mix = "crawl", tokenizer = "crawl" }
[sft]
stage = "posttrain.sft"
inputs = { model = "base", pairs = "crawl" }
[aligned]
stage = "posttrain.prefer"
inputs = { model = "sft", preferences = "crawl" }
[change]
stage = "evaluation.change"
inputs = { before = "base", after = "aligned", pairs = "crawl" }
"""


@pytest.fixture
def wired(tmp_path):
    """The inputs of each node, by its name, after some sets."""
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)

    def inputs(*sets, until=None):
        return {node.name: node.inputs for node in load(path, sets, until).nodes}

    return inputs


@pytest.mark.parametrize(
    ("off", "reader", "read"),
    [
        (["kept"], "audit", {"kept": "filtered"}),
        (["kept", "filtered"], "audit", {}),
        (["filtered", "kept"], "audit", {}),
        (["documents"], "audit", {"documents": "raw", "kept": "kept"}),
        (["language"], "statistics", {"documents": "documents"}),
        (["sft"], "aligned", {"model": "base"}),
        (["aligned", "sft"], "change", {"after": "base"}),
    ],
)
def test_a_node_that_is_off_is_passed_by(wired, off, reader, read):
    sets = [f"{name}=off" for name in off]
    if "language" in off:
        sets.append("audit=off")  # it needs one
    found = wired(*sets)
    assert not set(off) & set(found)
    whole = {role: source for role, source in wired()[reader].items() if source not in off}
    assert found[reader] == whole | read


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["raw=off"], "--set raw=off: documents.inputs.documents: input 'documents' is missing"),
        (
            ["language=off"],
            "--set language=off: audit.inputs.language: input 'language' is missing",
        ),
        (["kept=of"], "write --set NODE.KEY=VALUE"),
        (["kpt=off"], "no node 'kpt'; did you mean 'kept'?"),
        (["kept=off", "kept.scope=source"], "kept is off set kept=on too, or leave kept=off out"),
        (["kept=on"], "--set kept=on: it is not off in"),
        (["kept.before=filterd"], "kept.inputs.before: no node or input 'filterd'; did you mean"),
        (["kept.befor=off"], "kept.config.befor: unknown key; did you mean 'before'?"),
        (["kept.signatures=off"], "kept.inputs.signatures: input 'signatures' is missing"),
    ],
)
def test_what_cannot_be_off_or_wired_is_told(wired, sets, message):
    with pytest.raises(ConfigError) as caught:
        wired(*sets)
    assert message in f"{caught.value} {caught.value.hint}"


def test_the_last_node_may_not_be_off(wired):
    with pytest.raises(ConfigError, match="--until kept: it is off"):
        wired("kept=off", until="kept")
    assert "kept" not in wired("kept=off", until="audit")


def test_an_input_is_wired_otherwise_given_or_left_out(wired):
    assert wired("documents.documents=crawl")["documents"] == {"documents": "crawl"}
    assert wired("kept.language=language")["kept"]["language"] == "language"
    assert "before" not in wired("kept.before=off")["kept"]
    assert wired("kept.before=off", "kept=off")["audit"] == {
        "documents": "documents",
        "language": "language",
    }


ASLEEP = """
[second]
off = true
stage = "corpus.language"
inputs = { documents = "documents" }
[again]
off = true
stage = "corpus.filter"
inputs = { statistics = "statistics", before = "filtered", "columns.sure" = "second" }
config.rules = []
config.limits.sure.score.low = 0.9
"""


@pytest.mark.parametrize(
    ("sets", "on", "read"),
    [
        ([], set(), "filtered"),
        (["second=on"], {"second"}, "filtered"),
        (["again=on"], {"second", "again"}, "again"),
        (["again.limits.sure.score.low=0.8", "again=on"], {"second", "again"}, "again"),
    ],
)
def test_a_node_that_its_table_switches_off_is_switched_on_with_what_it_reads(
    tmp_path, sets, on, read
):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace('before = "filtered"', 'before = "again"') + ASLEEP)
    found = {node.name: node for node in load(path, sets).nodes}
    assert {"second", "again"} & set(found) == on
    assert found["kept"].inputs["before"] == read


def test_of_what_is_off_nothing_is_said_by_name(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE + ASLEEP.replace("off = true", ""))

    def limits(*sets):
        return {node.name: node.config for node in load(path, sets).nodes}["again"].limits

    assert set(limits()) == {"sure"}
    assert limits("second=off") == limits("again.columns.sure=off") == {}


def test_a_config_that_is_no_table_is_told_also_where_a_column_is_off(tmp_path):
    path = tmp_path / "recipe.toml"
    made = "config.rules = []\nconfig.limits.sure.score.low = 0.9"
    path.write_text(RECIPE + ASLEEP.replace(made, "config = 5"))
    with pytest.raises(ConfigError, match=r"again\.config"):
        load(path, ["again=on", "again.columns.sure=off"])


def test_what_is_off_has_no_config_to_change(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE + ASLEEP)
    with pytest.raises(ConfigError, match=r"again\.rules: again is off"):
        load(path, ["again.rules=[]"])


def test_each_node_that_the_recipe_web_leaves_out_can_be_switched_on():
    path = Path(__file__).parents[3] / "recipes" / "web.toml"
    off = [name for name, table in tomllib.loads(path.read_text("utf-8")).items() if "off" in table]
    assert len(off) > 10
    for sets in (*([f"{name}=on"] for name in off), [f"{name}=on" for name in off]):
        on = {change.removesuffix("=on") for change in sets}
        assert on <= {node.name for node in load(path, sets).nodes}
    limits = {node.name: node.config for node in load(path).nodes}["gopher_and_c4"].limits
    assert limits == {}


def test_no_node_may_be_called_off(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace("[kept]", "[off]").replace('kept = "kept"', 'kept = "off"'))
    with pytest.raises(ConfigError, match="off: this name says that an input is left out"):
        load(path)


@pytest.mark.parametrize("name", STAGES)
def test_no_key_of_a_config_is_called_as_a_role(name):
    stage = find(name)
    roles = {*stage.inputs, *stage.optional, *stage.many, *stage.decided_by}
    assert not roles & set(stage.config.model_fields)


class Text(Config):
    text: str = "x"


def write(config: Text, job: Job) -> Result:
    read = [shard.file("text.txt").read_text() for shard in job.inputs.values()]
    with job.part("text.txt") as path:
        path.write_text(config.text + "".join(read))
    return Result({})


def node(name, **inputs):
    stage = Stage(f"test.{name}", version=1, config=Text, inputs=tuple(inputs), run=write)
    return Node(name, stage, inputs, Text(text=name))


CHAIN = Recipe(
    (),
    (
        node("a"),
        node("b", a="a"),
        node("c", b="b"),
        node("d", a="a"),
        node("e", c="c", d="d"),
        node("alone"),
    ),
)


def test_what_is_held_is_not_built_nor_what_only_it_needs(tmp_path):
    other = run(CHAIN, {}, tmp_path / "other", Local())
    store = tmp_path / "store"
    held = {"c": other["c"]}
    assert preview(CHAIN, built(CHAIN, {}, store, held)) == {
        "a": "would build",
        "c": "built",
        "d": "depends on a",
        "e": "depends on d",
        "alone": "would build",
    }
    made = run(CHAIN, {}, store, Local(), held=held)
    assert list(made) == ["a", "c", "d", "e", "alone"]
    assert made["c"] is other["c"]
    assert made["e"].content == other["e"].content
    names = {re.match(r"test\.(\w+)-", path.name)[1] for path in store.glob("test.*")}
    assert names == {"a", "d", "e", "alone"}
    assert set(built(CHAIN, {}, store, held)) == set(made)


def test_an_input_that_no_node_reads_is_given_where_a_change_reads_it(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace("[raw]", 'others = "texts"\n[raw]', 1))
    assert load(path, until="raw").inputs == load(path).inputs == ("crawl",)
    assert load(path, ["raw.crawl=others"], until="raw").inputs == ("others",)
    with pytest.raises(ConfigError, match="--input others: nothing takes it"):
        built(load(path, until="raw"), {"crawl": [path], "others": [path]}, tmp_path / "store")
