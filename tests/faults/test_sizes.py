"""A million documents: a cluster finds the near-duplicates that one machine finds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.duplicates import write_signatures

from bedstone.store.artifact import Artifact

pytestmark = pytest.mark.faults
DOCUMENTS = 1_000_000
LIMIT_SECONDS = 1_200


def test_near_duplicates_on_ray(tmp_path, figure):
    write_signatures(tmp_path / "signatures", DOCUMENTS)
    command = [sys.executable, "-m", "bedstone.commands.main", "build", "corpus.dedup", "--json"]
    command += ["--input", f"signatures={tmp_path / 'signatures'}", "--workers", "2"]
    made = {}
    for engine in ("local", "ray"):
        words = [*command, "--engine", engine, "--store", str(tmp_path / engine)]
        answer = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
        )
        assert answer.returncode == 0, answer.stderr[-4_000:]
        made[engine] = Artifact(Path(json.loads(answer.stdout)["artifact"]))
        made[engine].verify()
    assert made["local"].manifest.metrics["input_documents"] == DOCUMENTS
    assert made["local"].manifest.metrics == made["ray"].manifest.metrics
    assert made["local"].content == made["ray"].content
    seconds = {name: round(each.manifest.seconds) for name, each in made.items()}
    figure("duplicates", documents=DOCUMENTS, same=True, seconds=seconds)
