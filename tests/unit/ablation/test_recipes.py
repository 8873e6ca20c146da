"""Which nodes an arm has of its own, and which comparisons cannot be."""

from pathlib import Path

import pytest

from bedstone.ablation.decisions import arms
from bedstone.ablation.recipes import Proxy, load
from bedstone.errors import ConfigError

RECIPE = Path(__file__).parents[3] / "recipes" / "ablation.toml"
PROXY = Proxy(29_000, 40_000)
SECOND = """
[again]
stage = "pretrain.train"
inputs = { tokens = "tokens", mix = "mix", tokenizer = "tokenizer", plan = "plan" }
"""
ENCODED = """
[more]
stage = "tokenizer.encode"
inputs = { documents = "shuffled", language = "language", tokenizer = "tokenizer" }
"""


def compared(*varied, path=RECIPE, sets=(), proxy=PROXY, hold=None):
    return load(path, sets, arms(varied), proxy, hold)


def own(*arguments, **options):
    comparison = compared(*arguments, **options)
    return [node.name for node in comparison.before_training(1).nodes]


@pytest.mark.parametrize(
    ("varied", "hold", "expected"),
    [
        # The tokeniser and the plan stay the baseline's, unless they are what is varied.
        ("kept=off", None, ["tokens", "mix"]),
        ("kept.scope=language", None, ["kept", "tokens", "mix"]),
        ("tokens.documents=shuffled", None, ["shuffled", "tokens", "mix"]),
        ("tokenizer.vocab_size=512", None, ["tokenizer", "tokens", "mix"]),
        ("plan.seq_len=64", None, ["plan"]),
        ("mix.weights.temperature=1", None, ["mix"]),
        ("mix.weights.temperature=1", [], ["mix", "plan"]),
        ("kept=off", [], ["tokenizer", "tokens", "mix", "plan"]),
        ("kept=off", ["tokens", "mix", "tokenizer", "plan"], []),
        # What only the trainer is told changes nothing before.
        ("base.init_seed=5", None, []),
        # A value that is the recipe's own makes no arm.
        ("tokenizer.vocab_size=2048", None, []),
    ],
)
def test_an_arm_has_the_nodes_that_its_change_reaches(varied, hold, expected):
    assert own(varied, hold=hold) == expected


def test_a_node_that_is_held_is_its_arms_own_where_it_is_varied():
    comparison = compared("tokenizer.vocab_size=512", "kept=off")
    assert comparison.held(1) == {"plan"}
    assert comparison.held(2) == {"plan", "tokenizer"}


def test_texts_are_those_that_were_held_out():
    roles = {"documents": "documents", "language": "language", "held_out": "held_out"}
    assert compared("kept=off").texts() == roles


def test_baseline_and_arms_are_planned_for_one_size():
    comparison = compared("plan.seq_len=64")
    for recipe, seq_len in zip((comparison.baseline, *comparison.recipes), (128, 64), strict=True):
        (plan,) = (node.config for node in recipe.nodes if node.name == "plan")
        assert (plan.parameters, plan.train_tokens) == (29_000, 40_000)
        assert (plan.seq_len, plan.threads, plan.number_format) == (seq_len, 1, "fp32")
    (plan,) = (it for it in compared("kept=off", proxy=None).baseline.nodes if it.name == "plan")
    assert (plan.config.parameters, plan.config.minutes) == (None, 4)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("recipe", None),
        ("parameters=0.25M,tokens=2M", Proxy(250_000, 2_000_000)),
        (" tokens=1.5B , parameters=29k", Proxy(29_000, 1_500_000_000)),
        ("parameters=29000,tokens=1e6", Proxy(29_000, 1_000_000)),
    ],
)
def test_sizes_are_read(text, proxy):
    assert Proxy.read(text) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "", "recipes", "parameters=1M", "parameters=1M,tokens=0", "parameters=-1,tokens=1",
        "parameters=x,tokens=1", "parameters=nan,tokens=1", "parameters=inf,tokens=1",
        "parameters=1,tokens=1,minutes=3", "parameters=M,tokens=1", "parameters=1e30,tokens=1",
        "parameters=1 M b,tokens=1",
    ],
)  # fmt: skip
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError, match="is no size of a model") as error:
        Proxy.read(text)
    assert "--proxy parameters=0.25M,tokens=2M" in error.value.hint


@pytest.mark.parametrize(
    ("more", "sets", "stage"),
    [(SECOND, [], "pretrain.train"), (ENCODED, ["mix.tokens=more"], "tokenizer.encode")],
)
def test_what_a_comparison_needs_once_is_there_once(tmp_path, more, sets, stage):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.read_text() + more)
    with pytest.raises(ConfigError, match=f"the recipe has 2 nodes of {stage} where"):
        compared("kept=off", path=path, sets=sets)


@pytest.mark.parametrize(
    ("sets", "varied", "hold", "told"),
    [
        ((), "shuffled.share=0.5", None, "--vary shuffled.share=0.5: base is not made from"),
        ((), "signatures=off", None, "--vary signatures=off: held_out.inputs.signatures: input"),
        ((), "held_out=off", None, "mix.inputs.held_out: input 'held_out' is missing"),
        ((), "base=off", None, "--vary base=off: no model is left to compare"),
        ((), "filterd=off", None, "did you mean 'filtered'"),
        ((), "kept.scop=all", None, "did you mean 'scope'"),
        ((), "kept=off", ["tokeniser"], "--hold tokeniser: no such node; did you mean 'tokenizer'"),
        (["base.plan=off"], "kept=off", None, "base has no input plan of scaling.plan"),
        (
            ["tokens.kept=off", "tokenizer.kept=off"],
            "filtered=off",
            None,
            "base is not made from filtered",
        ),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_is_built(sets, varied, hold, told):
    with pytest.raises(ConfigError) as error:
        compared(varied, sets=sets, hold=hold)
    assert told in str(error.value)


def test_a_recipe_that_trains_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"0 nodes of pretrain\.train") as error:
        compared("kept=off", path=RECIPE.with_name("web.toml"))
    assert "bedstone init ablation" in error.value.hint
