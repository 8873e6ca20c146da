"""A model trained by several processes, in parts, as a branch; and what happens when one dies."""

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

from bedstone.errors import ArtifactError, ConfigError
from bedstone.store.artifact import Artifact
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stages import find

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


WSD = {"schedule": "wsd", "warmup_steps": 2, "decay_share": 0.25}


@pytest.fixture
def branched(prepared, tmp_path):
    """Train on what is prepared, by the stage itself."""
    store = tmp_path / "store"
    shutil.copytree(prepared, store)
    roles = {"tokens": "tokenizer.encode", "mix": "tokenizer.mix", "tokenizer": "tokenizer.train"}
    inputs = {role: Artifact(next(store.glob(f"{stage}-*"))) for role, stage in roles.items()}
    sizes = {"n_layers": 1, "d_model": 32, "n_heads": 2, "n_kv_heads": 1, "d_ff": 64}
    course = {"seq_len": 64, "batch_tokens": 256, "learning_rate": 0.01}
    how = {"number_format": "fp32", "threads": 1, "optimizer": WSD}

    def train(train_tokens, trunk=None, **changes):
        config = sizes | course | how | {"train_tokens": train_tokens} | changes
        more = {} if trunk is None else {"trunk": trunk}
        stage = find("pretrain.train")
        made = stage.config.model_validate(config)
        return build(stage, made, inputs | more, store, Local())

    return train


def test_a_branch_ends_as_a_run_of_its_length(branched):
    trunk = branched(256 * 40, kept_tokens=(256 * 10, 256 * 20))
    for steps in (16, 27):  # from the tenth step, and from the twentieth
        branch, whole = branched(256 * steps, trunk), branched(256 * steps)
        assert branch.file("model.safetensors").read_bytes() == (
            whole.file("model.safetensors").read_bytes()
        )
        assert losses(branch) == losses(whole)


@pytest.mark.parametrize(
    ("steps", "changes", "told"),
    [
        (10, {}, "has no checkpoint before"),
        (16, {"learning_rate": 0.02}, "another learning_rate"),
        (16, {"order_seed": 1}, "another order_seed"),
        (16, {"optimizer": WSD | {"weight_decay": 0.0}}, "another optimizer.weight_decay"),
        (16, {"optimizer": WSD | {"warmup_steps": 3}}, "trained at other rates"),
    ],
)
def test_a_trunk_that_is_no_beginning(branched, steps, changes, told):
    trunk = branched(256 * 40, kept_tokens=(256 * 10,))
    with pytest.raises(ArtifactError, match=told):
        branched(256 * steps, trunk, **changes)


def test_a_trunk_is_a_run(branched, prepared):
    with pytest.raises(ArtifactError, match=r"is no run of pretrain\.train"):
        branched(256 * 16, Artifact(next(prepared.glob("tokenizer.train-*"))))


def test_a_branch_may_be_a_trunk(branched):
    trunk = branched(256 * 40, kept_tokens=(256 * 10,))
    branch = branched(256 * 30, trunk, kept_tokens=(256 * 20,))
    assert losses(branched(256 * 27, branch)) == losses(branched(256 * 27))


def test_no_branch_begins_where_the_rate_falls(branched):
    with pytest.raises(ConfigError, match=r"kept_tokens 7,936: from 7,680 tokens on"):
        branched(256 * 40, kept_tokens=(256 * 31,))


def follower_of(parent):
    """The process of rank 1 that ``parent`` has started, when it is there."""
    while True:
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                is_child = int((path / "stat").read_text().rpartition(")")[2].split()[1]) == parent
                if is_child and b"\0RANK=1\0" in b"\0" + (path / "environ").read_bytes():
                    return int(path.name)
        time.sleep(0.05)


def test_other_processes_go_on_from_a_checkpoint(trained, prepared, crawl, small, tmp_path):
    """A trunk that two processes shared out, and a branch of one process alone."""
    wsd = ["--set", 'base.optimizer.schedule="wsd"', "--set", "base.optimizer.warmup_steps=2"]
    kept = ["--set", "base.kept_tokens=[12800]", "--set", "base.memory.sharded=true"]
    trunk, _ = trained("two", "--processes", 2, *wsd, *kept)
    store = tmp_path / "two"
    whole = ["--until", "base", "--set", "base.train_tokens=17000"]
    nodes, _ = bedstone_run(store, crawl, small, *wsd, *whole)
    whole = Artifact(Path(nodes["base"]))
    inputs = {
        role: Artifact(Path(path)) for role, path in whole.manifest.paths.items() if role != "plan"
    }
    stage = find("pretrain.train")
    branch = build(
        stage,
        stage.config.model_validate(whole.manifest.config),
        inputs | {"trunk": trunk},
        store,
        Local(),
    )
    assert losses(branch)[:10] == losses(trunk)[:10]
    assert losses(branch) == pytest.approx(losses(whole), rel=1e-4)


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
    assert "process 2 of 2 died: all go on from the last checkpoint" in err
    assert "Traceback" not in err
    assert losses(Artifact(Path(json.loads(out)["nodes"]["base"]))) == losses(whole)


def test_what_all_processes_tell_is_not_tried_again(prepared, crawl, small, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(prepared, store)
    more = ("--until", "base", "--processes", 2, "--set", "base.learning_rate=1e30")
    words = [sys.executable, "-m", "bedstone.commands.main", *words_of(store, crawl, small, *more)]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the loss is" in done.stderr
    assert "died" not in done.stderr


def test_what_the_first_process_tells_is_told_once_and_not_tried_again(prepared, crawl, small):
    more = ("--until", "base", "--processes", 2, "--set", "base.batch_tokens=5")
    words = [sys.executable, "-m", "bedstone.commands.main"]
    words += words_of(prepared, crawl, small, *more)
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("batch_tokens 5 is less than seq_len") == 1
    assert "2 processes were to train, and failed as it says above" in done.stderr
