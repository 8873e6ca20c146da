import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from bedstone.engine import Local
from bedstone.errors import DataError
from bedstone.lots import lot
from bedstone.stage import build
from bedstone.tokenizer.mix import STAGE, MixConfig


def mixed(made, **config):
    return build(STAGE, MixConfig(**config), {"tokens": made.tokens}, made.store, Local())


def rows(artifact):
    return pq.read_table(artifact.file("documents.parquet")).to_pylist()


def languages(artifact):
    return json.loads(artifact.file("mix.json").read_text())["languages"]


def test_held_out_documents_are_drawn_by_hash_in_languages_with_enough(made):
    artifact = mixed(made, held_out_share=0.3)
    found = rows(artifact)
    assert len(found) == 53
    for row in found:
        drawn = lot(row["id"], "held out") < 0.3 and row["language"] in ("eng_Latn", "hin_Deva")
        assert row["split"] == ("held_out" if drawn else "train")
    held = {row["language"] for row in found if row["split"] == "held_out"}
    assert held == {"eng_Latn", "hin_Deva"}
    assert artifact.manifest.metrics["held_out_languages"] == 2


def test_twenty_documents_are_enough_and_nineteen_are_not(made):
    assert languages(mixed(made, held_out_share=0.5))["hin_Deva"]["held_out_documents"]
    more = mixed(made, held_out_share=0.5, min_documents=21)
    assert not languages(more)["hin_Deva"]["held_out_documents"]


def test_every_document_is_found_again_in_the_arrays(made):
    shards = made.tokens.shards
    tokens = {row["id"]: row["tokens"] for shard in shards for row in documents(shard)}
    for row in rows(mixed(made)):
        offsets = np.load(shards[row["shard"]].file(f"{row['language']}.offsets.npy"))
        assert offsets[row["index"] + 1] - offsets[row["index"]] == tokens[row["id"]]


def documents(shard):
    return pq.read_table(shard.file("documents.parquet")).to_pylist()


def test_counts_are_those_of_the_documents(made):
    artifact = mixed(made, held_out_share=0.3)
    sizes = {row["id"]: row for shard in made.tokens.shards for row in documents(shard)}
    for name, values in languages(artifact).items():
        for split in ("train", "held_out"):
            ids = [
                row["id"]
                for row in rows(artifact)
                if (row["language"], row["split"]) == (name, split)
            ]
            assert values[f"{split}_documents"] == len(ids)
            assert values[f"{split}_tokens"] == sum(sizes[each]["tokens"] for each in ids)
            assert values[f"{split}_bytes"] == sum(sizes[each]["bytes"] for each in ids)
    whole = json.loads(artifact.file("mix.json").read_text())
    assert whole["train_tokens"] == artifact.manifest.metrics["train_tokens"]
    assert whole["train_tokens"] == sum(v["train_tokens"] for v in whole["languages"].values())


def test_weights_follow_the_temperature_up_to_the_limit(made):
    found = languages(mixed(made, temperature=5.0, max_repetition=2.0))
    assert sum(values["weight"] for values in found.values()) == pytest.approx(1)
    assert found["und"]["repetition"] == pytest.approx(2)  # an empty document: its end alone
    plain = languages(mixed(made, temperature=1.0))
    assert [values["repetition"] for values in plain.values()] == pytest.approx([1] * 4)
    largest = max(plain, key=lambda name: plain[name]["weight"])
    assert found[largest]["weight"] < plain[largest]["weight"]


def test_languages_are_left_out(made):
    artifact = mixed(made, without=["eng_Latn", "und"])
    assert list(languages(artifact)) == ["hin_Deva", "nob_Latn"]
    assert {row["language"] for row in rows(artifact)} == {"hin_Deva", "nob_Latn"}


def test_nothing_left_to_train_on(made):
    names = ["eng_Latn", "hin_Deva", "nob_Latn", "und"]
    with pytest.raises(DataError, match="no document to train on"):
        mixed(made, without=names)


@pytest.mark.parametrize("name", ["eng", "english", "eng_latn", ""])
def test_a_language_left_out_is_named_with_its_script(name):
    with pytest.raises(ValidationError):
        MixConfig(without=(name,))
