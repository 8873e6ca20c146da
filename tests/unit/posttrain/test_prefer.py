import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bedstone.errors import DataError
from bedstone.model.hugging_face import load
from bedstone.posttrain.chat import render_prompt
from bedstone.posttrain.prefer import PreferConfig, run
from bedstone.posttrain.preferences import read_preferences
from bedstone.posttrain.scoring import preference_sums
from bedstone.text.encoder import Encoder
from bedstone.training import loop
from bedstone.training.batching import Batches

pytestmark = pytest.mark.torch

CONFIG = PreferConfig(
    epochs=3, batch_tokens=256, learning_rate=0.02, number_format="fp32", threads=1
)
GOOD, BAD = "good.", "bad"


@pytest.fixture
def preferences(tmp_path, tokenizer):
    """Of 36 prompts: good. and the end is chosen, bad without end is rejected; four held out."""
    encoder = Encoder.load(tokenizer.path)
    rows = [
        {
            "id": str(number),
            "prompt": str(number),
            "chosen_ids": [*encoder.encode(GOOD), 0],
            "rejected_ids": encoder.encode(BAD),
            "split": "train" if number < 36 else "held_out",
        }
        for number in range(40)
    ]
    folder = tmp_path / "preferences"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "preferences.parquet")
    return type(tokenizer)(folder)


@pytest.fixture
def made(job, model, preferences):
    return lambda name="prefer": job(name, model=model, preferences=preferences)


def test_it_learns_what_is_chosen(made, model, preferences):
    job = made()
    metrics = run(CONFIG.model_copy(update={"epochs": 20}), job).metrics
    curve = pq.read_table(job.folder / "loss.parquet").to_pydict()
    assert curve["loss_nats"][0] == pytest.approx(0.6931, abs=1e-3)  # it begins as the reference
    assert curve["loss_nats"][-1] < 0.2
    assert metrics["train_pairs"] == 36
    held_out = read_preferences(preferences, Encoder.load(model.path), "held_out")
    before_B2, after_B2 = (preference_sums(load(at), held_out) for at in (model.path, job.folder))
    chosen_B, rejected_B = (after_B2 - before_B2).T
    assert (chosen_B > rejected_B + 10).all()


def test_a_killed_run_goes_on_to_the_same_bits(made, monkeypatch):
    whole, killed = made("whole"), made("killed")
    run(CONFIG, whole)
    steps = Batches.batch

    def dies(self, step):
        if step == 5:
            raise KeyboardInterrupt
        return steps(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "batch", dies)
        patched.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            run(CONFIG, killed)
    run(CONFIG, killed)
    for name in ("model.safetensors", "loss.parquet"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_preference_is_two_dialogues_of_its_prompt(preferences, tokenizer):
    encoder = Encoder.load(tokenizer.path)
    held_out = read_preferences(preferences, encoder, "held_out")
    assert len(held_out) == 4
    assert held_out[0].chosen.ids == (*render_prompt(encoder, "36"), *encoder.encode(GOOD), 0)
    assert held_out[0].rejected.ids == (*render_prompt(encoder, "36"), *encoder.encode(BAD))
    assert len(held_out[0]) == 2 * len(held_out[0].chosen)


def test_no_preference_is_an_error(preferences, tokenizer):
    path = preferences.file("preferences.parquet")
    pq.write_table(pq.read_table(path).slice(0, 36), path)
    with pytest.raises(DataError, match="of 36 preferences none is of the split held_out"):
        read_preferences(preferences, Encoder.load(tokenizer.path), "held_out")
