import math

import pyarrow.parquet as pq
import pytest
import torch

from bedstone.counting.shape import ModelConfig
from bedstone.errors import BedstoneError
from bedstone.model.transformer import DTYPES, Transformer
from bedstone.training import loop, optim
from bedstone.training.optim import OptimizerConfig, Schedule
from bedstone.training.threads import matmul_peak, using_threads

pytestmark = pytest.mark.torch

SHAPE = ModelConfig(
    vocab_size=11, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=6
)
STEPS = 6


class Killed(BaseException):
    pass


def train(
    job, number_format="fp32", before=lambda step: None, factor=lambda step: 1.0, counts=None
):
    """A small model trained on tokens drawn by step; the model, and the curve."""
    model = Transformer(SHAPE).to(DTYPES[number_format])

    def loss_of(step):
        before(step)
        if counts is not None:
            counts.add_(1)
        dice = torch.Generator().manual_seed(step)
        tokens = torch.randint(SHAPE.vocab_size, (2, 7), generator=dice)
        weights = torch.full((2, 6), factor(step) / 12)
        yield model.loss(tokens[:, :-1], tokens[:, 1:], weights), 12

    schedule = Schedule(0.02, STEPS, OptimizerConfig(warmup_share=0.2))
    return model, loop.train(model, loss_of, schedule, job, counts=counts)


def same(left, right):
    return all(
        torch.equal(one, other)
        for one, other in zip(left.parameters(), right.parameters(), strict=True)
    )


@pytest.mark.parametrize("number_format", ["fp32", "bf16"])
def test_a_killed_run_ends_in_the_same_bits(job, monkeypatch, number_format):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    steps = []

    def die(step):
        if step == 4 and not steps:
            raise Killed

    whole, curve = train(job("whole"), number_format)
    with pytest.raises(Killed):
        train(job("killed"), number_format, before=die)
    resumed, again = train(job("killed"), number_format, before=steps.append)
    assert steps == [4, 5]
    assert same(whole, resumed)
    assert curve.rows == again.rows


def test_killed_before_a_checkpoint_it_begins_again(job):
    def die(step):
        if step == 2:
            raise Killed

    with pytest.raises(Killed):
        train(job(), before=die)
    steps = []
    train(job(), before=steps.append)
    assert steps == list(range(STEPS))


def test_a_checkpoint_that_finds_no_room_is_named(job, little_room):
    told = r"checkpoints/6 cannot be written: .*bytes are free there"
    with pytest.raises(BedstoneError, match=told), little_room():
        train(job("full"))


def test_a_loss_that_is_no_number_stops_before_the_step(job):
    def factor(step):
        return math.nan if step == 3 else 1.0

    with pytest.raises(BedstoneError, match="step 3: the loss is nan") as stop:
        train(job("stopped"), factor=factor)
    assert "checkpoints" in stop.value.hint
    steps = []
    resumed, _ = train(job("stopped"), before=steps.append)
    assert steps == [3, 4, 5]
    assert same(resumed, train(job("whole"))[0])


@pytest.mark.parametrize("stop", ["killed", "no number"])
def test_what_is_counted_is_counted_once(job, monkeypatch, stop):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def die(step):
        if step == 3 and stop == "killed":
            raise Killed

    def factor(step):
        return math.nan if step == 3 else 1.0

    with pytest.raises((Killed, BedstoneError)):
        train(job(), before=die, factor=factor, counts=torch.zeros(1))
    counts = torch.zeros(1)
    train(job(), counts=counts)
    assert counts.item() == STEPS


def test_a_step_with_a_spike_is_skipped_and_counted(job, monkeypatch):
    monkeypatch.setattr(optim, "SPIKE_STEPS", 6)

    def steps_of(curve):
        return [row for row, skipped in enumerate(curve.rows["skipped"]) if skipped]

    model, curve = train(job("spike"), factor=lambda step: 1e3 if step == 4 else 1.0)
    assert steps_of(curve) == [4]
    assert curve.metrics()["skipped_steps"] == 1
    usual, whole = train(job("usual"))
    assert steps_of(whole) == []
    assert not same(model, usual)


def test_a_trained_model_has_its_fp32_weights(job):
    model, _ = train(job(), "bf16")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert not torch.equal(model.embedding, model.embedding.bfloat16().float())


def test_the_curve_is_written(job):
    _, curve = train(job())
    curve.write(job())
    table = pq.read_table(job().folder / "loss.parquet")
    names = ["step", "train_tokens", "loss_nats", "learning_rate", "gradient_norm", "skipped"]
    assert table.column_names == names
    assert table["step"].to_pylist() == list(range(STEPS))
    assert table["train_tokens"].to_pylist() == [12 * (step + 1) for step in range(STEPS)]


def test_the_loss_of_a_run_is_that_of_its_last_steps():
    curve = loop.Curve.empty()
    for step in range(40):
        curve.add(tokens=5, loss=float(step), learning_rate=0.1, gradient_norm=1.0, skipped=False)
    curve.seconds = 4.0
    assert curve.metrics() == {
        "loss_nats": 38.5,
        "train_steps": 40,
        "skipped_steps": 0,
        "train_tokens": 200,
        "tokens_per_second": 50.0,
    }


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with using_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_peak_is_a_speed():
    assert matmul_peak("fp32") > 0
