"""What two artifacts were made of differently, on three stages of one file each."""

import pytest

from bedstone.config import Config
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.lineage import ancestors, diff, trace
from bedstone.store.stage import Job, Result, Stage


class Size(Config):
    size: int = 1


def write(config: Size, job: Job) -> Result:
    with job.part("x") as path:
        path.write_text(f"{config.size} {[parent.content for parent in job.inputs.values()]}")
    return Result({"size_tokens": config.size})


def of(name, *inputs):
    return Stage(f"test.{name}", version=1, config=Size, inputs=inputs, run=write)


@pytest.fixture
def chain(store):
    """Make text -> tokens -> model, the model also from the text."""

    def make(text=1, tokens=1, model=1) -> Artifact:
        a = build(of("text"), Size(size=text), {}, store, Local())
        b = build(of("tokens", "text"), Size(size=tokens), {"text": a}, store, Local())
        parents = {"tokens": b, "text": a}
        return build(of("model", "tokens", "text"), Size(size=model), parents, store, Local())

    return make


def test_a_difference_is_found_at_the_ancestor_that_made_it(chain):
    assert diff(chain(), chain(text=2)) == {
        "test.text.config.size": (1, 2),
        "test.text.metrics.size_tokens": (1, 2),
    }
    assert diff(chain(tokens=3), chain()) == {
        "test.tokens.config.size": (3, 1),
        "test.tokens.metrics.size_tokens": (3, 1),
    }
    assert diff(chain(), chain()) == {}


def test_a_stage_that_occurs_twice_is_told_apart_by_its_role(store):
    def make(inner, outer):
        first = build(of("text"), Size(size=inner), {}, store, Local())
        return build(of("text", "before"), Size(size=outer), {"before": first}, store, Local())

    assert diff(make(1, 2), make(3, 2)) == {
        "test.text@before.config.size": (1, 3),
        "test.text@before.metrics.size_tokens": (1, 3),
    }


def test_every_ancestor_is_listed_once_and_repeats_in_the_tree_are_marked(chain):
    model = chain()
    assert list(ancestors(model)) == ["", "tokens", "text"]
    tree = trace(model)
    assert tree["parents"]["tokens"]["parents"]["text"]["config"] == {"size": 1}
    assert tree["parents"]["text"]["above"]
    assert "config" not in tree["parents"]["text"]


def test_what_the_store_no_longer_has_is_said(chain):
    model = chain()
    text = ancestors(model)["text"]
    (text.path / "manifest.json").unlink()
    assert "not in this store" in trace(model)["parents"]["text"]["artifact"]
    assert list(ancestors(model)) == ["", "tokens"]


def test_a_parent_that_was_built_again_and_came_out_differently_is_not_taken_for_it(chain):
    model = chain()
    tokens = ancestors(model)["tokens"]
    forged = tokens.manifest.model_copy(update={"content": "0" * 64}).sealed()
    (tokens.path / "manifest.json").write_text(forged.model_dump_json())
    assert list(ancestors(model)) == ["", "text"]
    assert "not in this store" in trace(model)["parents"]["tokens"]["artifact"]
