"""Little memory: a crawl that is as large as the room goes through; what is held does not grow."""

import json
import signal
import subprocess
import sys
import time

import pytest
from tests.support.crawls import write_plain
from tests.support.kills import ROOT
from tests.support.room import can_be_limited, room

pytestmark = pytest.mark.faults
CRAWL_BYTES = ROOM_BYTES = 2 << 30
WORKERS = 2


needs_root = pytest.mark.skipif(
    not can_be_limited(), reason="control groups of memory can be made by root"
)


@needs_root
def test_a_room_is_as_large_as_it_says():
    with room(100 << 20) as limited:
        fits = limited.run([sys.executable, "-c", "bytearray(50 << 20)"])
        assert (fits.returncode, limited.killed) == (0, 0)
        is_more = limited.run([sys.executable, "-c", "bytearray(200 << 20)"])
        assert (is_more.returncode, limited.killed) == (-signal.SIGKILL, 1)


@needs_root
def test_a_crawl_of_2_gb_in_2_gb(tmp_path, figure):
    crawl = tmp_path / "crawl.warc"
    write_plain(crawl, 0, CRAWL_BYTES)
    command = [sys.executable, "-m", "bedstone.commands.main", "run", "web", "--until", "kept"]
    command += ["--store", tmp_path / "store", "--workers", WORKERS, "--json"]
    started = time.monotonic()
    with room(ROOM_BYTES) as limited:
        answer = limited.run([*command, f"--input=crawl={crawl}"])
        killed, version = limited.killed, limited.version
    assert answer.returncode == 0, answer.stderr[-4_000:]
    assert killed == 0
    kept = json.loads(answer.stdout)["nodes"]["kept"]
    metrics = json.loads((tmp_path / "store" / kept / "manifest.json").read_text())["metrics"]
    figure(
        "room",
        crawl_bytes=crawl.stat().st_size,
        room_bytes=ROOM_BYTES,
        control_groups=version,
        workers=WORKERS,
        documents=int(metrics["input_documents"]),
        kept_documents=int(metrics["kept_documents"]),
        processes_killed=killed,
        seconds=round(time.monotonic() - started),
    )


def test_sixteen_files_take_no_more_than_one(tmp_path, figure):
    script = ROOT / "benchmarks" / "memory.py"
    command = [sys.executable, script, tmp_path, "--pages", "400", "--times", "1,16"]
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-4_000:]
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["flat"], answer.stdout
    assert told["under"], answer.stdout
    figure("memory", **told)
