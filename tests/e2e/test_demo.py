import json
from importlib.metadata import PackageNotFoundError

import pytest

from bedstone.commands import demo
from bedstone.commands.desk import own_recipe
from bedstone.store import recipe
from bedstone.store.artifact import Artifact, File


@pytest.mark.slow
def test_the_demo_goes_the_whole_way_and_the_second_time_builds_nothing(
    cli, crawl, store, small, monkeypatch
):
    monkeypatch.setattr(demo, "decisions", lambda minutes, crawl: small)
    words = ("demo", "--crawl", crawl, "--store", store, "--json")
    status, out, err = cli(*words)
    assert status == 0, err
    made = json.loads(out)
    assert made["report"] == str(store / "report.html")
    assert "</html>" in (store / "report.html").read_text("utf-8")
    assert len(made["completions"]) == 3
    assert all(each["prompt"] for each in made["completions"])
    again = cli(*words)
    assert json.loads(again[1]) == made
    assert "built in" not in again[2]
    text = cli("demo", "--crawl", crawl, "--store", store)[1]
    assert text.startswith("report: ")
    assert text.count("prompt: ") == 3


@pytest.mark.slow
def test_the_demo_takes_own_text(cli, own_texts, store, small, monkeypatch):
    # The sentences of the crawl are long.
    long = ["plan.seq_len=256", "pairs.prompt_max_characters=120", "answers.max_tokens=96"]
    sets = [*small, *long]
    monkeypatch.setattr(demo, "decisions", lambda minutes, crawl: sets)
    status, _, err = cli("demo", "--crawl", own_texts, "--store", store)
    assert (status, "hint: --text-column content\n" in err) == (4, True)
    words = ("demo", "--crawl", own_texts, "--text-column", "content", "--store", store, "--json")
    status, out, err = cli(*words)
    assert status == 0, err
    assert len(json.loads(out)["completions"]) == 3


@pytest.mark.parametrize(("minutes", "share", "planned"), [(3, 0.6, 0.7), (20, 1.0, 9.2)])
def test_the_minutes_decide_how_much_is_read_and_trained(minutes, share, planned, monkeypatch):
    monkeypatch.setattr(demo, "CRAWL_BYTES_PER_MINUTE", 1e6)
    monkeypatch.setattr(demo, "TRAINING_SHARE", 0.5)
    monkeypatch.setattr(demo, "FIXED_MINUTES", 0.8)
    sets = demo.decisions(minutes, crawl_of(5_000_000))
    assert sets == [f"documents.share={share:.3f}", f"plan.minutes={planned:.2f}"]


def test_too_few_minutes_are_refused(cli, crawl, store):
    status, _, err = cli("demo", "--minutes", 2, "--crawl", crawl, "--store", store)
    assert (status, err) == (2, "error: 2 minutes: the demo takes 3 at least\n")


@pytest.fixture
def core(monkeypatch):
    """An installation without the extra ``train``."""

    def version(name):
        if name == "torch":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr("bedstone.store.request.version", version)


def test_what_the_demo_lacks_is_told_before_anything_is_fetched(cli, core, store, monkeypatch):
    monkeypatch.setattr(demo, "making", None)
    status, _, err = cli("demo", "--store", store)
    assert (status, store.exists()) == (1, False)
    assert "needs torch, which is not installed\nhint: pip install 'bedstone[train]'\n" in err


def test_what_a_recipe_lacks_is_told_before_its_first_node(cli, core, crawl, store):
    words = ("run", own_recipe("demo"), "--input", f"crawl={crawl}", "--store", store)
    status, _, err = cli(*words, "--until", "plan")
    assert (status, store.exists()) == (1, False)
    assert err.startswith("error: scaling.plan needs torch, which is not installed\n")


def test_a_recipe_needs_what_its_nodes_need_with_their_configs(core):
    recipe.load(own_recipe("demo"), until="mix")
    told = ["plan.speed=1e11", "plan.threads=1", "plan.number_format='fp32'"]
    recipe.load(own_recipe("demo"), told, until="plan")


def crawl_of(size):
    """A crawl artifact as far as the demo looks at it."""
    made = Artifact.__new__(Artifact)
    file = File(path="crawl.warc.gz", bytes=size, sha256="0" * 64)
    picture = File(path="logo.png", bytes=10 * size, sha256="0" * 64)  # which is not read
    made.manifest = type("Manifest", (), {"files": (file, picture)})()
    return made
