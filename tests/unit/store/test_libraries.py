"""Bytes that a library made are made anew by another version of it: the stage names it."""

import ast
from pathlib import Path

import pytest

from bedstone.store.stages import STAGES, find

SOURCE = Path(__file__).parents[3] / "src" / "bedstone"
WRITES = {
    "tables.write",
    "tables.writing",
    "columns.write",
    "columns.writing",
    "curve.write",
    "pq.write_table",
    "write_items",
    "write_parts",
    "write_version",
}
ENCODES = {
    *("encoder.encode", "render", "render_prompt", "rendered"),
    *("read_parallel", "read_preferences"),
}


def calls(name):
    """What a stage's module calls, as it is spelt there."""
    path = SOURCE / f"{name.replace('.', '/')}.py"
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


@pytest.mark.parametrize("name", STAGES)
def test_what_writes_parquet_names_pyarrow(name):
    # Its version is in the footer of each file.
    assert ("pyarrow" in find(name).libraries) == bool(calls(name) & WRITES)


@pytest.mark.parametrize("name", [name for name in STAGES if not name.startswith("corpus.")])
def test_what_encodes_text_names_tiktoken(name):
    assert ("tiktoken" in find(name).libraries) == bool(calls(name) & ENCODES)
