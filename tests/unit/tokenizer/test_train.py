import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from bedstone.adoption import adopt
from bedstone.engine import Local
from bedstone.errors import DataError
from bedstone.stage import build
from bedstone.tokenizer.encoding import ASSISTANT, END, SPECIAL_TOKENS, USER, Encoder
from bedstone.tokenizer.train import STAGE, TrainConfig


def vocabulary(artifact):
    return json.loads(artifact.file("tokenizer.json").read_text())["model"]["vocab"]


def test_control_tokens_come_first_and_bytes_next(made):
    encoder = Encoder.load(made.tokenizer.path)
    assert encoder.special == {name: number for number, name in enumerate(SPECIAL_TOKENS)}
    assert encoder.vocab_size == 320 == made.tokenizer.manifest.metrics["vocabulary_tokens"]
    singles = sorted(
        number for token, number in vocabulary(made.tokenizer).items() if len(token) == 1
    )
    assert singles == list(range(3, 259))


def test_it_learns_from_kept_text_only(made):
    tokens = vocabulary(made.tokenizer)
    assert not any("zz" in token for token in tokens)
    assert any(token.startswith("Ġp") and len(token) > 2 for token in tokens)
    assert made.tokenizer.manifest.metrics["train_documents"] == 52


def test_little_text_gives_fewer_tokens(made):
    artifact = build(STAGE, TrainConfig(vocab_size=60_000), made.inputs, made.store, Local())
    size = artifact.manifest.metrics["vocabulary_tokens"]
    assert 320 < size < 2000
    assert Encoder.load(artifact.path).vocab_size == size


def test_the_largest_language_gives_way(made):
    artifact = build(STAGE, TrainConfig(max_bytes=1500), made.inputs, made.store, Local())
    metrics = artifact.manifest.metrics
    # Norwegian gives all it has; English and Hindi share the rest evenly.
    assert metrics["train_languages"] == 3
    assert 0.45 < metrics["largest_language_share"] < 0.5
    assert 900 < metrics["train_bytes"] < 2100


def test_without_a_kept_document_there_is_nothing_to_learn(made, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    for shard in made.kept.files:
        table = pq.read_table(shard)
        none = pa.array([False] * table.num_rows)
        pq.write_table(pa.table({"id": table["id"], "keep": none}), folder / shard.name)
    inputs = {**made.inputs, "kept": adopt([folder], made.store)}
    with pytest.raises(DataError, match="no text was kept"):
        build(STAGE, TrainConfig(), inputs, tmp_path / "store", Local())


THREADS = """
from bedstone.tokenizer.train import TrainConfig, trainer, untrained
tokenizer = untrained()
words = (f"w{n % 97} {n * n % 1013} {chr(0x900 + n % 100)}" for n in range(3000))
tokenizer.train_from_iterator(words, trainer(TrainConfig(vocab_size=600)))
print(tokenizer.to_str())
"""


def test_the_number_of_threads_changes_nothing():
    command = [sys.executable, "-c", THREADS]
    one, two = (
        subprocess.run(
            command, env={**os.environ, "RAYON_NUM_THREADS": n}, capture_output=True, check=True
        ).stdout
        for n in "12"
    )
    assert len(one) > 1000
    assert one == two


def test_transformers_loads_it_with_the_same_ids_and_our_chat_format(made):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(made.tokenizer.path)
    ours = Encoder.load(made.tokenizer.path)
    text = "The scholar of the northern village: गाँव के 42 विद्यालय!\n\n  Two  gaps"
    assert theirs(text)["input_ids"] == ours.encode(text)
    assert theirs.decode(ours.encode(text)) == text
    assert theirs.eos_token_id == ours.special[END]
    dialogue = [
        {"role": "user", "content": "Who? "},
        {"role": "assistant", "content": "The scholar."},
    ]
    expected = [
        ours.special[USER],
        *ours.encode("Who? "),
        ours.special[ASSISTANT],
        *ours.encode("The scholar."),
        ours.special[END],
    ]
    assert theirs.apply_chat_template(dialogue)["input_ids"] == expected
    asked = theirs.apply_chat_template(dialogue[:1], add_generation_prompt=True)["input_ids"]
    assert asked == expected[: len(asked)]
    assert asked[-1] == ours.special[ASSISTANT]


def test_a_role_that_the_format_lacks_is_an_error(made):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(made.tokenizer.path)
    with pytest.raises(Exception, match="user and assistant"):
        theirs.apply_chat_template([{"role": "system", "content": "x"}])


def test_the_library_that_trained_it_agrees_on_every_document(made):
    theirs = Tokenizer.from_file(str(made.tokenizer.file("tokenizer.json")))
    ours = Encoder.load(made.tokenizer.path)
    texts = [
        text for shard in made.documents.files for text in pq.read_table(shard)["text"].to_pylist()
    ]
    assert [ours.encode(text) for text in texts] == [theirs.encode(text).ids for text in texts]
