"""What the command line tells of a stage, and of recipes to editors."""

import json

import bedstone


def test_a_stage_is_described(cli):
    status, told, _ = cli("stages", "tokenizer.train")
    assert status == 0
    lines = told.splitlines()
    assert lines[0].startswith("tokenizer.train, version 3: Train a byte-level BPE on the kept doc")
    assert "inputs     documents, language, held_out" in lines
    assert "optional   kept, parallel" in lines
    assert "  parity.window.alpha = 2.0  (number, 1 or more)" in lines
    assert "  parity.window  (table)" in lines
    assert "    Occurrences below which no pair is merged." in lines
    assert max(map(len, lines)) <= 100
    assert "``" not in told
    assert (
        "  url = (must be given)  (string, 1 or more characters)"
        in cli("stages", "sampling.probe")[1]
    )
    status, _, err = cli("stages", "tokenizer.trian")
    assert (status, err) == (
        2,
        "error: no stage 'tokenizer.trian'; did you mean 'tokenizer.train'?\n",
    )


def test_the_schema_of_recipes_is_printed(cli):
    status, told, _ = cli("schema")
    assert (status, json.loads(told)) == (0, bedstone.schema())
