"""Builds that are killed at chosen points: tests/e2e/kill_points.py, run and judged."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "e2e" / "kill_points.py"


def killed_points(
    recipe: str, folder: Path, inputs: Mapping[str, Sequence[Path]], sets: Sequence[str], **how: Any
) -> list[dict[str, Any]]:
    """What was killed and what came out, each as it must be."""
    command = [sys.executable, SCRIPT, ROOT / "recipes" / f"{recipe}.toml", folder]
    command += [f"--input={name}={path}" for name, paths in inputs.items() for path in paths]
    command += [f"--set={it}" for it in sets]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in how.items()]
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-4_000:]
    killed = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(killed) > how["points"]
    for what in ("killed", "went_on", "same", "kept"):
        assert [point for point in killed if not point[what]] == [], what
    assert [point for point in killed if point["strays"]] == []
    return killed
