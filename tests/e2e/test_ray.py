"""A Ray cluster gives what processes of one machine do, whatever dies."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest
from tests.support.crawls import write_crawl

from bedstone.store.artifact import Artifact, is_complete

SCRIPT = Path(__file__).parent / "ray_nodes.py"
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}
RECIPE = """
[inputs]
crawl = "WARC files"
[documents]
stage = "corpus.extract"
inputs = { crawl = "crawl" }
[signatures]
stage = "corpus.minhash"
inputs = { documents = "documents" }
[kept]
stage = "corpus.dedup"
inputs = { signatures = "signatures" }
"""
TWICE = """
from bedstone.errors import BedstoneError
from bedstone.store.cluster import Ray
first = Ray("local", 2)
assert list(Ray("local", 2).map(abs, [-1, 2])) == [1, 2]
try:
    Ray("local", 3)
except BedstoneError as error:
    assert "another Ray cluster already" in str(error)
    assert list(first.map(abs, [-3, 4])) == [3, 4]
    print("refused")
"""
AGENTS = ("ray::DashboardA", "ray::RuntimeEnv")
"""Ray's, which do nothing, and look for a minute for a cluster that was killed."""
LIMIT_SECONDS = 300
pytestmark = pytest.mark.slow
MAIN = (sys.executable, "-m", "bedstone.commands.main")


def ran(*command, **where):
    """What it said; where it takes too long, it and all of its session are ended."""
    words = list(map(str, command))
    with subprocess.Popen(
        words, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True, **where
    ) as process:
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate(timeout=LIMIT_SECONDS)
            pytest.fail(f"{words} took more than {LIMIT_SECONDS} s: {out[-2000:]}{err[-4000:]}")
    assert process.returncode == 0, err[-4000:]
    return out, err


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of four WARCs."""
    folder = tmp_path_factory.mktemp("crawl")
    for number in range(4):
        write_crawl(folder / f"{number}.warc.gz", number, 30)
    return folder


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.parametrize(
    "seed", [20, *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(6))]
)
def test_a_node_dies_in_the_map_and_one_in_the_shuffle(seed, files, recipe, tmp_path, figure):
    started = time.monotonic()
    out, _ = ran(sys.executable, SCRIPT, recipe, files, tmp_path / "store", "kept", seed)
    found = json.loads(out)
    first, second = found["killed"]
    assert first in ("map, corpus.extract", "map, corpus.minhash")
    assert second in ("shuffle, keys", "shuffle, near")
    assert found["deaths"] >= 2
    assert (found["same"], found["names"], found["rubbish"]) == (True, True, [])
    assert set(found["peers"]) <= LOOPBACK
    seconds = round(time.monotonic() - started)
    figure("nodes", seed=seed, killed=found["killed"], same=found["same"], seconds=seconds)


@pytest.fixture
def begun(files, recipe, tmp_path):
    """A run with a cluster of its own."""
    words = ["run", recipe, "--input", f"crawl={files}", "--until", "signatures"]
    words += ["--store", tmp_path / "store", "--engine", "ray", "--workers", "2", "--json"]
    return [*MAIN, *map(str, words)]


def test_a_cluster_of_its_own_ends_with_the_run(begun, tmp_path):
    local = [word if word != "ray" else "local" for word in begun]
    nodes = []
    for command in (local, begun):
        command[command.index("--store") + 1] = str(tmp_path / command[-4])
        out, err = ran(*command, cwd=tmp_path)
        nodes.append(json.loads(out)["nodes"])  # nothing of Ray's is on stdout
        assert "Ray" not in err
    contents = [{name: Artifact(Path(it)).content for name, it in made.items()} for made in nodes]
    assert contents[0] == contents[1]
    assert left_in(tmp_path) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_a_run_that_is_stopped_leaves_no_worker(begun, tmp_path, store, number):
    limit = time.monotonic() + LIMIT_SECONDS
    with subprocess.Popen(begun, stdout=DEVNULL, stderr=DEVNULL, cwd=tmp_path) as process:
        try:
            while not any(map(is_complete, store.glob("corpus.extract-*"))):
                assert process.poll() is None
                assert time.monotonic() < limit, [path.name for path in store.glob("*")]
                time.sleep(0.01)
            assert len(of_folder(tmp_path)) > 3
            process.send_signal(number)
            ended = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
            assert process.wait(60) == ended[number]
        finally:
            process.kill()
    assert left_in(tmp_path) == {}


def test_a_cluster_is_used_again_and_no_second_one_is_begun():
    assert ran(sys.executable, "-c", TWICE)[0] == "refused\n"


def left_in(folder: Path) -> dict[int, str]:
    """What still lives of the processes that were begun in ``folder``, after 30 s."""
    limit = time.monotonic() + 30
    while (living := of_folder(folder)) and time.monotonic() < limit:
        time.sleep(0.01)
    return living


def of_folder(folder: Path) -> dict[int, str]:
    """The processes that were begun in ``folder`` and live, and their names."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if path.readlink() == folder:
                found[int(path.parent.name)] = (path.parent / "comm").read_text().strip()
    return {pid: name for pid, name in found.items() if name not in AGENTS}
