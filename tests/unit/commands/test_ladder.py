"""What `bedstone ladder` refuses before it builds anything, and what it says it would take."""

import json

import pytest

import bedstone
from bedstone.errors import BedstoneError, ConfigError
from bedstone.laws.shapes import counted, nearest

SIZES = ("--sizes", ".1M,.2M,.4M,.8M")
TARGET = ("--target", "1.6M")
VOCABULARY = 2_048
"""Of the recipe."""


def even(parameters):
    """Those of the model that a ladder takes for so many."""
    return counted(nearest(parameters, VOCABULARY, 128, even=True)).total


@pytest.fixture
def crawl(tmp_path):
    path = tmp_path / "crawl.jsonl"
    path.write_text(json.dumps({"text": "A text."}))
    return path


@pytest.fixture
def ladder(cli, crawl, store):
    def go(*words):
        return cli("ladder", "ablation", "--input", f"crawl={crawl}", "--store", store, *words)

    return go


def test_a_dry_run_says_what_it_would_take_and_builds_nothing(ladder, store):
    words = (*SIZES, *TARGET, "--seeds", "3", "--tokens-per-parameter", "2.5", "--dry-run")
    status, out, _ = ladder(*words, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["models"] == 3 * 4 + 1
    *small, target = (even(each) for each in (100_000, 200_000, 400_000, 800_000, 1_600_000))
    squares = 3 * sum(each**2 for each in small) + target**2
    assert found["flop"] == pytest.approx(6 * 2.5 * squares)
    assert found["seconds"] is None
    assert {"documents", "tokenizer", "plan"} <= set(found["nodes_to_build"])
    assert "base" not in found["nodes_to_build"]
    assert not store.exists()
    told = ladder(*words)[1]
    assert (
        f"13 models, {6 * 2.5 * squares:.2g} FLOP of training, an unknown time of one worker\n"
        in told
    )
    assert "note: without the time of training" in told


def test_a_grid_has_each_size_at_each_budget(ladder):
    words = (*SIZES, *TARGET, "--seeds", "1", "--grid", "1e12,4e12", "--dry-run", "--json")
    found = json.loads(ladder(*words)[1])
    assert found["models"] == 2 * 4 + 1
    assert found["flop"] == pytest.approx(4 * 5e12 + 6 * 20 * even(1_600_000) ** 2)


def test_several_ratios_are_tried_with_each_size(ladder):
    words = ("--sizes", "1M,2M", "--target", "4M", "--tokens-per-parameter", "10,20")
    found = json.loads(ladder(*words, "--seeds", "1", "--dry-run", "--json")[1])
    assert found["models"] == 2 * 2 + 1
    one, two, four = (even(each) ** 2 for each in (1_000_000, 2_000_000, 4_000_000))
    assert found["flop"] == pytest.approx(6 * (30 * one + 30 * two + 10 * four))


def test_shapes_may_be_any(ladder):
    words = (*SIZES, "--target", "1.6M", "--seeds", "1", "--dry-run", "--json")
    flop = json.loads(ladder(*words, "--set", "plan.shapes=any")[1])["flop"]
    sizes = [
        counted(nearest(each, VOCABULARY, 128)).total
        for each in (100_000, 200_000, 400_000, 800_000, 1_600_000)
    ]
    assert flop == pytest.approx(6 * 20 * sum(each**2 for each in sizes))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*SIZES, "--target", ".8M"), "--target .8M: it must be larger than each of --sizes"),
        ((*SIZES, "--target", "1.6M,3.2M"), "one model is predicted, not 2"),
        ((*SIZES, *TARGET, "--set", "plan.minutes=3"), "--set plan.minutes=3: a ladder decides it"),
        ((*SIZES, "--target", "large"), "--target 'large': these must be numbers above 0"),
        (("--sizes", ".1M", *TARGET), "--sizes .1M: a law wants 3 sizes or more"),
        (("--sizes", ".1M,.2M", *TARGET), "--sizes .1M,.2M: a law wants 3 sizes or more"),
        (("--sizes", ".1M,.1M,.2M,.4M", *TARGET), "a number is given twice"),
        (("--sizes", ".1M,,.4M", *TARGET), "--sizes '.1M,,.4M': these must be numbers above 0"),
        (
            ("--sizes", "1k,2k,.4M", *TARGET),
            "sizes: 1,000 and 2,000 come to the same model, of 78,944 parameters",
        ),
        (("--sizes", ".1,.2M,.4M", *TARGET), "these must be numbers above 0"),
        (("--sizes", "-1M,.2M,.4M", *TARGET), "these must be numbers above 0"),
        (("--sizes", "nan,.2M,.4M", *TARGET), "these must be numbers above 0"),
        ((*SIZES, "--target", "1e300"), "these must be numbers above 0"),
        ((*SIZES, *TARGET, "--tokens-per-parameter", "0"), "these must be numbers above 0"),
        ((*SIZES, *TARGET, "--grid", "1e12"), "--grid 1e12: one budget does not tell"),
        ((*SIZES, *TARGET, "--tokens-per-parameter", "9,9"), "a number is given twice"),
        ((*SIZES, *TARGET, "--grid", "much"), "--grid 'much': these must be numbers above 0"),
        (
            (*SIZES, *TARGET, "--grid", "1e12,2e12", "--tokens-per-parameter", "3,20"),
            "--tokens-per-parameter: with --grid it is the target's alone",
        ),
        ((*SIZES, *TARGET, "--dry-run", "--chart", "x.svg"), "a dry run has nothing to draw"),
        ((*SIZES, *TARGET, "--set", "base.plan=off"), "base has no input plan of scaling.plan"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(ladder, store, words, told):
    status, out, err = ladder(*words)
    assert (status, out) == (2, "")
    first, *more = err.splitlines()
    assert first.startswith("error: ")
    assert told in first
    assert all(line.startswith(("hint: ", "  ")) for line in more), err
    assert not store.exists()


def test_a_number_is_asked_for(ladder):
    assert ladder(*SIZES, *TARGET, "--seeds", "two")[0] == 2
    assert ladder(*SIZES)[0] == 2


def test_the_function_is_the_command(crawl, store):
    words = {"sizes": "1M,2M,3M", "target": "4M", "store": store, "dry_run": True}
    assert bedstone.ladder("ablation", {"crawl": crawl}, **words, seeds=1)["models"] == 4
    with pytest.raises(ConfigError, match="target 2M: it must be larger than each of sizes"):
        bedstone.ladder("ablation", {"crawl": crawl}, **(words | {"target": "2M"}))
    with pytest.raises(BedstoneError, match="crawl=PATH is missing"):
        bedstone.ladder("ablation", **words)
