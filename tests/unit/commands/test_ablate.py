"""What `bedstone ablate` refuses before it builds anything, and what it says it would take."""

import json

import pytest

import bedstone
from bedstone.errors import BedstoneError, ConfigError

VARIED = "kept=off"


@pytest.fixture
def crawl(tmp_path):
    path = tmp_path / "crawl.jsonl"
    path.write_text(json.dumps({"text": "A text."}))
    return path


@pytest.fixture
def ablate(cli, crawl, store):
    def go(*words):
        place = ("--input", f"crawl={crawl}", "--store", store)
        return cli("ablate", "ablation", *place, *words)

    return go


def test_a_dry_run_says_what_it_would_take_and_builds_nothing(ablate, store):
    words = ("--vary", VARIED, "--vary", "mix.weights.temperature=1", "--dry-run")
    status, out, _ = ablate(*words, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["decision"] == "kept, mix.weights.temperature"
    assert found["runs"] == 3 * 4
    assert found["nodes_to_build"][VARIED] == ["tokens", "mix"]
    assert found["flop"] == pytest.approx(3 * 3.5 * 6 * 250e3 * 2e6)
    assert found["seconds"] is None
    assert not store.exists()
    told = ablate(*words)[1]
    assert "kept=off: tokens, mix\n" in told
    assert "at most 12 models, 3.2e+13 FLOP of training, an unknown time of one worker\n" in told
    assert "note: without the time of training" in told


def test_looks_may_take_the_last_one(ablate):
    words = ("--vary", VARIED, "--dry-run", "--seeds", "3..8")
    assert "at most 24 models" in ablate(*words)[1]


def test_sizes_are_added(ablate):
    sizes = [word for n in (1, 2) for word in ("--proxy", f"parameters=1M,tokens={n}M")]
    found = json.loads(ablate("--vary", VARIED, "--dry-run", "--json", *sizes)[1])
    assert found["runs"] == 2 * 9
    assert found["flop"] == pytest.approx(3 * 2.5 * 6 * 1e6 * 3e6)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "nothing is varied"),
        (("--vary", "kept"), "--vary 'kept' names no value"),
        (("--vary", f"{VARIED},off"), "--vary kept=off is given twice"),
        (("--vary", VARIED, "--vary", VARIED), "--vary kept=off is given twice"),
        (("--vary", "keptt=off"), "did you mean 'kept'?"),
        (("--vary", VARIED, "--margin", "5%"), "--margin '5%' is no margin"),
        (("--vary", VARIED, "--margin", "five"), "--margin 'five' is no margin"),
        (("--vary", VARIED, "--margin", "100%tokens"), "is no margin"),
        (("--vary", VARIED, "--margin", "0"), "is no margin"),
        (("--vary", VARIED, "--margin", "nan"), "is no margin"),
        (("--vary", VARIED, "--margin", "inf"), "is no margin"),
        (("--vary", VARIED, "--margin", "nan%tokens"), "is no margin"),
        (("--vary", VARIED, "--until-cost", "30"), "--until-cost '30' is no time"),
        (("--vary", VARIED, "--seeds", "3..7"), "--seeds '3..7' is no number of seeds"),
        (("--vary", VARIED, "--proxy", "0.25M"), "--proxy '0.25M' is no size of a model"),
        (("--vary", VARIED, "--hold", "tokeniser"), "did you mean 'tokenizer'?"),
        (("--vary", "shuffled.share=0.5"), "base is not made from shuffled"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(ablate, store, words, told):
    status, out, err = ablate(*words)
    assert (status, out) == (2, "")
    first, *more = err.splitlines()
    assert told in err
    assert "Traceback" not in err
    assert all(line.startswith(("hint: ", "  ")) for line in more), err
    assert first.startswith("error: ")
    assert not store.exists()


def test_the_function_is_the_command(crawl, store):
    words = {"vary": VARIED, "store": store, "dry_run": True}
    found = bedstone.ablate("ablation", {"crawl": crawl}, **words, seeds="1")
    assert found["runs"] == 3
    with pytest.raises(ConfigError, match="nothing is varied"):
        bedstone.ablate("ablation", {"crawl": crawl}, store=store)
    with pytest.raises(BedstoneError, match="crawl=PATH is missing"):
        bedstone.ablate("ablation", **words)
