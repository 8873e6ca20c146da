import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RECIPE = HERE.parents[1] / "recipes" / "demo.toml"
POINTS = 50


@pytest.mark.slow
def test_what_is_killed_at_any_point_goes_on_and_ends_with_the_same_content(crawl, tmp_path, small):
    script = HERE / "kill_points.py"
    command = [sys.executable, script, RECIPE, crawl, tmp_path, POINTS, 0, *small]
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    killed = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(killed) > POINTS
    for what in ("killed", "went_on", "same", "kept"):
        assert [point for point in killed if not point[what]] == [], what
    assert [point for point in killed if point["rubbish"]] == []
    assert max(point["resumed_step"] for point in killed if point["node"] == "base") > 1
    assert len(Counter(point["node"] for point in killed)) > 10
