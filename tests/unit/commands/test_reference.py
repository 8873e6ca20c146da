"""The reference is made of what commands declare; their answers are what they declare."""

from pathlib import Path

import pytest
from pydantic import ValidationError

import bedstone
from bedstone.commands.reference import answers_schema, pages

ROOT = Path(__file__).parents[3]
CONFIG = (
    '{"model_type": "llama", "vocab_size": 64, "hidden_size": 8, "intermediate_size": 16,'
    ' "num_hidden_layers": 2, "num_attention_heads": 2}'
)


def test_the_reference_is_up_to_date():
    made = pages()
    lying = {f"docs/reference/{path.name}" for path in (ROOT / "docs/reference").iterdir()}
    assert lying == {name for name in made if name.startswith("docs/")}
    stale = [name for name, text in made.items() if (ROOT / name).read_text("utf-8") != text]
    assert stale == [], "write them anew: make docs"


def test_each_command_says_what_its_answer_holds():
    schema = answers_schema()
    assert set(schema["properties"]) == set(bedstone.__all__)
    by_name = [name for name, it in schema["properties"].items() if "additionalProperties" in it]
    assert by_name == ["schema", "diff"]
    keys = schema["$defs"]["Size"]["properties"]
    assert keys["kv_bytes_per_token"]["description"].startswith("Keys and values of a position")
    assert "checkpoint" not in schema["$defs"]["Size"]["required"]


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.pop("family"),
        lambda found: found.update(familly="llama"),
        lambda found: found.update(parameters_total="many"),
        lambda found: found["kv_bytes"].update(x=1.5),
    ],
)
def test_an_answer_that_is_not_as_declared_fails_a_test(tmp_path, monkeypatch, change):
    path = tmp_path / "config.json"
    path.write_text(CONFIG)
    found = bedstone.size(path)
    change(found)
    monkeypatch.setattr("bedstone.counting.size_of.size", lambda *_, **__: found)
    with pytest.raises(ValidationError):
        bedstone.size(path)
