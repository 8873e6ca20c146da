"""Rewards of stored answers by an aligned model."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.errors import ArtifactError
from bedstone.model import hugging_face
from bedstone.model.transformer import Transformer
from bedstone.progress import Progress
from bedstone.sampling.rewards import FILE
from bedstone.store.adoption import adopt
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.tasks.stored import rows_of

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=259, n_layers=1, d_model=16, n_heads=2, n_kv_heads=1, d_ff=16, seq_len=64
)
ASKED = {
    "task": "reversing:letters=2-3",
    "problems": 3,
    "samples": 4,
    "max_tokens": 6,
    "threads": 1,
}


@pytest.fixture
def making(tmp_path):
    return Making(tmp_path / "store", Local(), Progress())


@pytest.fixture
def model(job, tokenizer, making):
    """Make a model with the weights of a seed: ``model(seed)``."""

    def made(seed):
        folder = job(f"model{seed}")
        hugging_face.save(Transformer(SHAPE, seed), folder.part, end_token=0)
        for path in tokenizer.files:
            shutil.copy(path, folder.folder)
        return folder.folder

    return made


def rewards(making, writer, judge):
    stored = making.build("sampling.answers", ASKED, model=adopt([writer], making.store))
    made = making.build("sampling.rewards", {}, answers=stored, model=adopt([judge], making.store))
    return rows_of(stored).to_pylist(), pq.read_table(made.file(FILE)).to_pylist()


def test_the_reward_is_how_much_likelier_alignment_made_an_answer(making, model):
    answers, found = rewards(making, model(0), model(1))
    assert len(found) == len(answers) == 12
    judge = hugging_face.load(model(1))
    for answer, row in zip(answers, found, strict=True):
        assert (row["problem"], row["sample"]) == (answer["problem"], answer["sample"])
        prompt = [1, *(3 + byte for byte in answer["prompt"].encode()), 2]
        ids = torch.tensor([[*prompt, *answer["token_ids"]]])
        logprobs = judge(ids).log_softmax(-1)[0, len(prompt) - 1 : -1]
        own = logprobs.gather(1, ids[0, len(prompt) :, None]).sum().item()
        assert row["reward"] == pytest.approx(own - answer["logprob"], abs=1e-3)


def test_a_model_finds_no_answer_of_its_own_better_than_it_did(making, model):
    _, found = rewards(making, model(0), model(0))
    assert [row["reward"] for row in found] == pytest.approx([0.0] * 12, abs=1e-3)


def test_a_model_with_another_tokeniser_is_refused(making, model):
    judge = model(1)
    path = judge / "tokenizer.json"
    values = json.loads(path.read_text())
    vocabulary = values["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    for one, other in zip("cdefghijkl", "mnopqrstuv", strict=True):
        vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.write_text(json.dumps(values))
    with pytest.raises(ArtifactError, match="another tokeniser"):
        rewards(making, model(0), judge)
