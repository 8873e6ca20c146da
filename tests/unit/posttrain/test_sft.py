import pyarrow.parquet as pq
import pytest
import torch

from bedstone.errors import BedstoneError
from bedstone.model.hugging_face import load
from bedstone.posttrain.chat import Dialogue, render_prompt
from bedstone.posttrain.scoring import completion_logprobs
from bedstone.posttrain.sft import SftConfig, loss_of_batches, run, step_count
from bedstone.store.work import SCRATCH
from bedstone.text.encoder import Encoder
from bedstone.training import loop
from bedstone.training.batching import Batches

pytestmark = pytest.mark.torch

CONFIG = SftConfig(
    train_tokens=12000, batch_tokens=256, learning_rate=0.02, number_format="fp32", threads=1
)


def test_the_loss_is_the_mean_over_the_completions_tokens_with_its_gradients(model):
    dialogues = [Dialogue((1, 9, 2), (7, 8, 0)), Dialogue((1, 2), (5, 0))]
    batches = Batches((6, 4), batch_tokens=64, seed=0)
    loaded = load(model.path).double()
    ((loss, tokens),) = loss_of_batches(loaded, dialogues, batches)(0)
    found = torch.autograd.grad(loss, list(loaded.parameters()))
    logprobs_R, _ = completion_logprobs(loaded, dialogues)
    expected = torch.autograd.grad(-logprobs_R.mean(), list(loaded.parameters()))
    assert tokens == 10
    assert loss.item() == pytest.approx(-logprobs_R.mean().item(), abs=1e-9)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() < 1e-9


def test_it_learns_completions_and_not_prompts(job, model, pairs):
    made = job("sft", model=model, pairs=pairs)
    metrics = run(CONFIG, made).metrics
    trained, encoder = load(made.folder), Encoder.load(made.folder)
    with torch.no_grad():
        prompt = torch.tensor([render_prompt(encoder, "7")])
        after_user, after_assistant = trained(prompt)[0, [0, -1]].softmax(1)
    assert after_assistant[encoder.encode("A")[0]] > 0.9
    assert after_user[encoder.encode("7")[0]] < 0.1
    assert metrics["train_pairs"] == 40
    assert metrics["too_long_pairs"] == 0
    assert metrics["train_tokens"] >= 6000
    curve = pq.read_table(made.folder / "loss.parquet")
    assert curve["train_tokens"][-1].as_py() == metrics["train_tokens"]
    names = {path.name for path in made.folder.iterdir()} - {SCRATCH, "loss.parquet"}
    assert names == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


@pytest.mark.parametrize("number_format", ["fp32", "bf16"])
def test_a_killed_run_goes_on_to_the_same_bits(job, model, pairs, monkeypatch, number_format):
    config = CONFIG.model_copy(update={"train_tokens": 1500, "number_format": number_format})
    whole = job("whole", model=model, pairs=pairs)
    run(config, whole)
    killed = job("killed", model=model, pairs=pairs)
    steps = Batches.batch

    def dies(self, step):
        if step == 4:
            raise KeyboardInterrupt
        return steps(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "batch", dies)
        patched.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            run(config, killed)
    asked = []
    monkeypatch.setattr(
        Batches, "batch", lambda self, step: asked.append(step) or steps(self, step)
    )
    run(config, killed)
    assert asked[0] == 4
    for name in ("model.safetensors", "loss.parquet"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_pair_that_is_too_long_is_left_out_and_counted(job, model, pairs):
    config = CONFIG.model_copy(update={"train_tokens": 100, "max_tokens": 13})
    metrics = run(config, job("sft", model=model, pairs=pairs)).metrics
    assert (metrics["train_pairs"], metrics["too_long_pairs"]) == (38, 2)
    assert not [name for name in metrics if "held_out" in name]


def test_it_needs_no_pair_to_measure_on(job, model, pairs):
    path = pairs.file("pairs.parquet")
    pq.write_table(pq.read_table(path).slice(0, 40), path)
    config = CONFIG.model_copy(update={"train_tokens": 100})
    assert run(config, job("sft", model=model, pairs=pairs)).metrics["train_pairs"] == 40


def test_nothing_short_enough_is_an_error(job, model, pairs):
    config = CONFIG.model_copy(update={"max_tokens": 3})
    with pytest.raises(BedstoneError, match="max_tokens 3: none of 40 pairs"):
        run(config, job("sft", model=model, pairs=pairs))


def test_a_loss_that_is_no_number_stops_the_run(job, model, pairs):
    config = CONFIG.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(BedstoneError, match="stopped before the step"):
        run(config, job("sft", model=model, pairs=pairs))


def test_the_steps_see_the_tokens_asked_for():
    batches = Batches((10,) * 20, batch_tokens=64, seed=0)
    assert batches.per_epoch == 5
    assert [step_count(batches, tokens) for tokens in (1, 40, 41, 200, 1000)] == [1, 1, 2, 5, 25]
