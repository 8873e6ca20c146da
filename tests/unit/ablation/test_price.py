"""What a comparison takes, by what a store has of the like."""

import json
import shutil
from pathlib import Path

import pytest

from bedstone.ablation.decisions import arms
from bedstone.ablation.price import Price, price, seconds_of
from bedstone.ablation.recipes import Proxy, load
from bedstone.errors import ConfigError
from bedstone.store import recipe as recipes
from bedstone.store.engine import Local

RECIPE = Path(__file__).parents[3] / "recipes" / "ablation.toml"
PROXY = Proxy(1_000, 5_000)
FLOP = 6 * 1_000 * 5_000


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), (" 2 h", 7200)]
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "-3m", "nanh", "infm", "3d", "3 minutes"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match=r"^--until-cost .* is no time") as error:
        seconds_of(text)
    assert error.value.hint == "write 90s, 30m or 2h"


def test_a_seed_is_a_model_of_each_arm_and_one_and_a_half_of_the_baseline():
    found = Price({}, (), corpus_seconds=7.0, run_flop=100.0, run_seconds=10.0, languages={})
    assert found.seconds(arms=2, seeds=3) == 7 + 3 * 3.5 * 10
    assert found.flop(arms=2, seeds=3) == 3 * 3.5 * 100
    unknown = Price({}, (), corpus_seconds=7.0, run_flop=None, run_seconds=None, languages={})
    assert unknown.seconds(1, 1) is unknown.flop(1, 1) is None


@pytest.fixture
def crawl(tmp_path):
    path = tmp_path / "crawl.jsonl"
    rows = [{"text": f"The {n} of the river and the sea. " * 9, "url": None} for n in range(9)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def priced(crawl, store):
    def go(*varied, proxy=PROXY):
        comparison = load(RECIPE, (), arms(varied), proxy, None)
        return price(comparison, {"crawl": [crawl]}, proxy, store)

    return go


def test_an_empty_store_knows_no_time(priced, store):
    found = priced("kept=off", "mix.weights.temperature=1")
    nodes = [node.name for node in recipes.load(RECIPE, until="plan").nodes]
    assert sorted(found.to_build["baseline"]) == sorted(nodes)
    assert found.to_build["kept=off"] == ("tokens", "mix")
    assert found.to_build["mix.weights.temperature=1"] == ("mix",)
    assert set(found.unknown) == set(nodes)
    assert (found.corpus_seconds, found.run_seconds) == (0, None)
    assert found.run_flop == FLOP
    assert not store.exists()


def test_without_a_proxy_and_a_plan_nobody_knows_the_flop(priced):
    assert priced("kept=off", proxy=None).run_flop is None


def test_what_is_built_takes_no_time_and_tells_of_what_an_arm_builds(priced, crawl, store):
    made = recipes.run(recipes.load(RECIPE, until="kept"), {"crawl": [crawl]}, store, Local())
    found = priced("kept.min_similarity=0.9")
    assert "filtered" not in found.to_build["baseline"]
    assert "kept" not in found.unknown
    assert found.to_build["kept.min_similarity=0.9"] == ("kept", "tokens", "mix")
    assert found.corpus_seconds == made["kept"].manifest.seconds


def trained(store, name, seconds, flop=None):
    """A manifest as training or, without FLOP, measuring leaves it."""
    stage = "pretrain.train" if flop else "evaluation.bits"
    (other,) = store.glob("corpus.held_out-*")
    folder = store / f"{stage}-{name}"
    shutil.copytree(other, folder)
    values = json.loads((folder / "manifest.json").read_text())
    values |= {"stage": stage, "seconds": seconds, "metrics": {"train_flop": flop} if flop else {}}
    (folder / "manifest.json").write_text(json.dumps(values))


def test_a_model_takes_as_long_as_the_nearest_in_flop_did(priced, crawl, store):
    recipes.run(recipes.load(RECIPE, until="held_out"), {"crawl": [crawl]}, store, Local())
    trained(store, "aaaa", seconds=100.0, flop=1e12)
    trained(store, "bbbb", seconds=3.0, flop=FLOP / 2)
    assert priced("kept=off").run_seconds == pytest.approx(6 * 1.1)
    trained(store, "cccc", seconds=1.0)
    trained(store, "dddd", seconds=2.0)
    assert priced("kept=off").run_seconds == pytest.approx(6 + 1.5)
    (store / "pretrain.train-eeee").mkdir()
    (store / "pretrain.train-eeee" / "manifest.json").write_text('{"name": "an app"}')
    assert priced("kept=off").run_seconds == pytest.approx(6 + 1.5)
