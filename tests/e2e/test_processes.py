"""Several processes train one model: what they come to, and what happens when one dies."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from bedstone.store.artifact import Artifact

torch = pytest.importorskip("torch")
RECIPE = Path(__file__).parents[2] / "recipes" / "demo.toml"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, crawl, small):
    """A store with all that comes before training."""
    store = tmp_path_factory.mktemp("processes") / "store"
    bedstone_run(store, crawl, small, "--until", "plan")
    return store


def words_of(store, crawl, small, *words):
    sets = [word for change in small for word in ("--set", change)]
    base = ["--set", "base.train_tokens=24000", "--set", "base.batch_tokens=1280"]
    return ["run", RECIPE, "--input", f"crawl={crawl}", *sets, *base, "--store", store, *words]


def bedstone_run(store, crawl, small, *words):
    command = [sys.executable, "-m", "bedstone.commands.main", "--json"]
    command = [*command[:3], *words_of(store, crawl, small, *words), "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["nodes"], done.stderr


@pytest.fixture
def trained(prepared, crawl, small, tmp_path):
    """Train in a copy of the store; the artifact, and what was said."""

    def train(name, *words):
        store = tmp_path / name
        if not store.exists():
            shutil.copytree(prepared, store)
        nodes, said = bedstone_run(store, crawl, small, "--until", "base", *words)
        return Artifact(Path(nodes["base"])), said

    return train


def losses(artifact):
    return pq.read_table(artifact.file("loss.parquet"))["loss_nats"].to_pylist()


def weights(artifact):
    return load_file(artifact.file("model.safetensors"))


@pytest.mark.parametrize("memory", ["sharded=false", "sharded=true", "micro_batch_tokens=256"])
def test_two_processes_equal_one(trained, memory):
    one, _ = trained("one")
    two, _ = trained("two", "--processes", 2, "--set", f"base.memory.{memory}")
    assert one.manifest.request == two.manifest.request
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    torch.testing.assert_close(weights(two), weights(one), rtol=0, atol=2e-3)
    assert two.manifest.metrics["train_tokens"] == one.manifest.metrics["train_tokens"]


def test_parts_of_a_batch_equal_the_whole(trained):
    whole, _ = trained("whole")
    # Ten sequences in parts of three: the last part is smaller.
    parts, _ = trained("parts", "--set", "base.memory.micro_batch_tokens=400")
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-4)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=0, atol=2e-3)


def follower_of(parent):
    """The process of rank 1 that ``parent`` has started, when it is there."""
    while True:
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                is_child = int((path / "stat").read_text().rpartition(")")[2].split()[1]) == parent
                if is_child and b"\0RANK=1\0" in b"\0" + (path / "environ").read_bytes():
                    return int(path.name)
        time.sleep(0.05)


def test_a_process_that_dies_costs_nothing_but_time(trained, prepared, crawl, small, tmp_path):
    whole, _ = trained("whole", "--processes", 2, "--set", "base.train_tokens=120000")
    store = tmp_path / "killed"
    shutil.copytree(prepared, store)
    more = ("--until", "base", "--processes", 2, "--set", "base.train_tokens=120000", "--json")
    words = [sys.executable, "-m", "bedstone.commands.main", *words_of(store, crawl, small, *more)]
    running = subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    follower = follower_of(running.pid)
    while not list(store.glob("pretrain.train-*")) and running.poll() is None:
        time.sleep(0.05)
    os.kill(follower, signal.SIGKILL)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert "process 1 of 2 died: all go on from the last checkpoint" in err
    assert losses(Artifact(Path(json.loads(out)["nodes"]["base"]))) == losses(whole)


def test_what_the_first_process_tells_is_told_once_and_not_tried_again(prepared, crawl, small):
    more = ("--until", "base", "--processes", 2, "--set", "base.batch_tokens=5")
    words = [sys.executable, "-m", "bedstone.commands.main"]
    words += words_of(prepared, crawl, small, *more)
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("batch_tokens 5 is less than seq_len") == 1
    assert "the first of 2 processes failed" in done.stderr
