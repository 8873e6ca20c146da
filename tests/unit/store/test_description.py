"""What a stage says of itself, and whether editors can check a recipe."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import bedstone
from bedstone.store.description import TERMS, describe, recipe_schema
from bedstone.store.stages import STAGES, docstring, sentences

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.toml"))
ANOTHERS = ("evaluation.", "posttrain.")
DOCUMENTS = {"stage": "corpus.extract", "inputs": {"crawl": "crawl"}}
NODES = {
    "no stage": {"inputs": {"crawl": "crawl"}},
    "an unknown stage": {**DOCUMENTS, "stage": "corpus.extrct"},
    "a misspelt key": {**DOCUMENTS, "confg": {}},
    "a misspelt key of the config": {**DOCUMENTS, "config": {"shard": 0.5}},
    "a number out of range": {**DOCUMENTS, "config": {"share": 2}},
    "text for a number": {**DOCUMENTS, "config": {"share": "half"}},
    "an unknown role": {**DOCUMENTS, "inputs": {"crawl": "crawl", "documents": "crawl"}},
    "a role that is no name": {**DOCUMENTS, "inputs": {"crawl": 1}},
    "a missing role": {"stage": "corpus.extract", "inputs": {}},
    "no roles where one is needed": {"stage": "corpus.extract"},
    "a missing key": {"stage": "sampling.probe"},
    "a misspelt key of a table in it": {
        "stage": "tokenizer.train",
        "inputs": {"documents": "a", "language": "b", "held_out": "c"},
        "config": {"parity": {"window": {"mergs": 3}}},
    },
}


@pytest.fixture(scope="module")
def schema():
    made = recipe_schema()
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_valid_by_the_schema(schema, path):
    schema.validate(tomllib.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("what", NODES)
def test_what_is_wrong_with_a_node_is_seen_by_the_schema(schema, what):
    assert schema.is_valid({"inputs": {"crawl": "WARC files"}, "documents": DOCUMENTS})
    assert not schema.is_valid({"inputs": {"crawl": "WARC files"}, "documents": NODES[what]})


def test_an_editor_is_told_what_a_stage_and_a_key_are_for(schema):
    stages = schema.schema["$defs"]["node"]["properties"]["stage"]["oneOf"]
    assert {each["const"]: each["description"] for each in stages} == sentences()
    keys = schema.schema["$defs"]["WindowConfig"]["properties"]
    assert keys["merges"]["description"] == "That are looked back on."


def test_a_stage_is_described_with_the_keys_of_its_tables():
    told = describe("tokenizer.train")
    assert told["sentence"] == "Train a byte-level BPE on the kept documents that are not held out"
    assert told["writes"].startswith("``tokenizer.json``")
    assert told["about"].startswith("Equal bytes on every machine")
    assert told["inputs"] == {
        "required": ["documents", "language", "held_out"],
        "optional": ["kept", "parallel"],
        "many": [],
        "sharded": [],
        "decided_by": [],
    }
    assert told["config"]["parity"]["type"] == "table"
    assert told["config"]["parity.window.alpha"] == {
        "type": "number",
        "default": 2.0,
        "meaning": "A language that was chosen more often than so many times its even share of "
        "them is passed over.",
        "limits": "1 or more",
    }


def test_keys_below_names_of_the_users_and_in_lists_are_described():
    assert "ranges_by_language.NAME.NAME.low" in describe("corpus.filter")["config"]
    mix = describe("tokenizer.mix")["config"]
    assert mix["schedule"]["type"] == "array of table"
    assert mix["schedule[].weights.unimax"]["limits"] == "one of bytes, tokens"


def test_a_key_that_must_be_given_has_no_default():
    config = describe("sampling.probe")["config"]
    assert "default" not in config["url"]
    assert config["chat"]["default"] is True


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_says_in_a_line_what_it_does_and_then_what_it_writes(name):
    assert docstring(name).startswith(f"Stage {name}: ")
    assert len(sentences()[name]) < 80
    assert describe(name)["writes"]


@pytest.mark.parametrize("name", [name for name in STAGES if not name.startswith(ANOTHERS)])
def test_each_key_of_a_config_has_a_meaning(name):
    """Below its field, or as its table's class has it, or the same in all stages: in TERMS."""
    config = describe(name)["config"]
    assert [key for key, row in config.items() if not row["meaning"]] == []


def test_the_terms_are_keys_of_configs():
    keys = {key.rpartition(".")[2] for name in STAGES for key in describe(name)["config"]}
    assert set(TERMS) <= keys


def test_the_list_of_stages_is_the_callers_own_and_imports_none():
    code = (
        "import sys, bedstone\nbedstone.stages().clear()\nprint(len(bedstone.stages()))\n"
        "print(sorted(set(bedstone.stages()) & {n.removeprefix('bedstone.') for n in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout == f"{len(STAGES)}\n[]\n", answer.stderr
    assert list(bedstone.stages()) == list(STAGES)
