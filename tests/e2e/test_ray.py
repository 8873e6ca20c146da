"""A Ray cluster gives what processes of one machine do, whatever dies."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL

import pytest

from bedstone.store.artifact import Artifact, is_complete

HERE = Path(__file__).parent
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}
RECIPE = """
[inputs]
crawl = "WARC files"
[documents]
stage = "corpus.extract"
inputs = { crawl = "crawl" }
[language]
stage = "corpus.language"
inputs = { documents = "documents" }
[signatures]
stage = "corpus.minhash"
inputs = { documents = "documents" }
[kept]
stage = "corpus.dedup"
inputs = { signatures = "signatures" }
[statistics]
stage = "corpus.statistics"
inputs = { documents = "documents", language = "language", before = "kept" }
"""
pytestmark = pytest.mark.slow
MAIN = (sys.executable, "-m", "bedstone.commands.main")


@pytest.fixture
def files(tmp_path, crawl, second_warc):
    """A folder of four WARCs."""
    folder = tmp_path / "crawl"
    folder.mkdir()
    for number, path in enumerate([crawl, second_warc]):
        (folder / path.name).symlink_to(path)
        (folder / f"texts{number}.jsonl").write_text(json.dumps({"text": f"Of {path.name}."}))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return folder


def test_nodes_may_die(files, tmp_path):
    script = HERE / "ray_nodes.py"
    words = [tmp_path / "recipe.toml", files, tmp_path / "store", "statistics", 2, 42]
    command = [sys.executable, script, *words]
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert len(found["moments"]) == 2
    assert found["not_killed"] == 0
    assert found["deaths"] >= 2
    assert (found["same"], found["names"], found["rubbish"]) == (True, True, [])
    assert set(found["peers"]) <= LOOPBACK


@pytest.fixture
def begun(files, tmp_path):
    """A run with a cluster of its own."""
    words = ["run", tmp_path / "recipe.toml", "--input", f"crawl={files}", "--until", "signatures"]
    words += ["--store", tmp_path / "store", "--engine", "ray", "--workers", "2", "--json"]
    return [*MAIN, *map(str, words)]


def test_a_cluster_of_its_own_ends_with_the_run(begun, tmp_path):
    local = [word if word != "ray" else "local" for word in begun]
    nodes = []
    for command in (local, begun):
        command[command.index("--store") + 1] = str(tmp_path / command[-4])
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        nodes.append(json.loads(answer.stdout)["nodes"])  # nothing of Ray's is on stdout
        assert "Ray" not in answer.stderr
    contents = [{name: Artifact(Path(it)).content for name, it in made.items()} for made in nodes]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_a_run_that_is_stopped_leaves_no_worker(begun, tmp_path, store, number):
    process = subprocess.Popen(begun, stdout=DEVNULL, stderr=DEVNULL, cwd=tmp_path)
    while process.poll() is None and not any(map(is_complete, store.glob("corpus.extract-*"))):
        time.sleep(0.01)
    assert len(of_folder(tmp_path)) > 3
    process.send_signal(number)
    ended = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
    assert process.wait(60) == ended[number]
    limit = time.monotonic() + 60
    while (living := of_folder(tmp_path)) and time.monotonic() < limit:
        time.sleep(0.01)
    assert living == []


def of_folder(folder: Path) -> list[int]:
    """The processes that were begun in ``folder`` and live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if path.readlink() == folder:
                found.append(int(path.parent.name))
    return found
