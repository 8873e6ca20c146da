"""What `bedstone ladder` refuses before it builds anything, and what it says it would take."""

import json

import pytest

import bedstone
from bedstone.errors import BedstoneError, ConfigError

SIZES = ("--sizes", ".1M,.2M,.4M,.8M")
TARGET = ("--target", "1.6M")


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
    squares = 3 * (0.1**2 + 0.2**2 + 0.4**2 + 0.8**2) + 1.6**2
    assert found["flop"] == pytest.approx(6 * 2.5e12 * squares)
    assert found["seconds"] is None
    assert {"documents", "tokenizer", "plan"} <= set(found["nodes_to_build"])
    assert "base" not in found["nodes_to_build"]
    assert not store.exists()
    told = ladder(*words)[1]
    assert "13 models, 7.7e+13 FLOP of training, an unknown time of one worker\n" in told
    assert "note: without the time of training" in told


def test_a_grid_has_each_size_at_each_budget(ladder):
    words = (*SIZES, *TARGET, "--seeds", "1", "--grid", "1e12,4e12", "--dry-run", "--json")
    found = json.loads(ladder(*words)[1])
    assert found["models"] == 2 * 4 + 1
    assert found["flop"] == pytest.approx(4 * 5e12 + 6 * 20 * 1.6e6**2)


def test_several_ratios_are_tried_with_each_size(ladder):
    words = ("--sizes", "1M,2M", "--target", "4M", "--tokens-per-parameter", "10,20")
    found = json.loads(ladder(*words, "--seeds", "1", "--dry-run", "--json")[1])
    assert found["models"] == 2 * 2 + 1
    assert found["flop"] == pytest.approx(6e12 * (30 * 1 + 30 * 4 + 10 * 16))


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
