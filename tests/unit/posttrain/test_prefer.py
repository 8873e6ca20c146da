import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.errors import DataError  # noqa: E402 (needs torch)
from bedstone.posttrain.batching import Batches  # noqa: E402 (needs torch)
from bedstone.posttrain.prefer import PreferConfig, read_preferences, run  # noqa: E402
from bedstone.pretrain import loop  # noqa: E402 (needs torch)
from bedstone.tokenizer.encoding import Encoder  # noqa: E402 (needs torch)

CONFIG = PreferConfig(
    epochs=3,
    batch_tokens=256,
    learning_rate=0.02,
    number_format="fp32",
    threads=1,
    max_tokens=12,
)
GOOD, BAD = "good.", "bad"


@pytest.fixture
def preferences(tmp_path, tokenizer):
    """Of forty prompts: good. and the end is chosen, bad without end is rejected."""
    encoder = Encoder.load(tokenizer.path)
    end, user, assistant = (encoder.special[each] for each in encoder.special)
    rows = [
        {
            "id": str(number),
            "prompt_ids": [user, *encoder.encode(str(number)), assistant],
            "chosen_ids": [*encoder.encode(GOOD), end],
            "rejected_ids": encoder.encode(BAD),
        }
        for number in range(40)
    ]
    folder = tmp_path / "preferences"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "preferences.parquet")
    return type(tokenizer)(folder)


@pytest.fixture
def made(job, model, preferences, pairs):
    return lambda name="prefer": job(name, model=model, preferences=preferences, pairs=pairs)


def test_it_learns_what_is_chosen_and_says_the_price(made, monkeypatch):
    monkeypatch.setattr("bedstone.posttrain.checker.MIN_CHARACTERS", 4)
    job = made()
    metrics = run(CONFIG.model_copy(update={"epochs": 20}), job).metrics
    curve = pq.read_table(job.folder / "loss.parquet").to_pydict()
    assert curve["loss_nats"][0] == pytest.approx(0.6931, abs=1e-3)  # it begins as the reference
    assert curve["loss_nats"][-1] < 0.2
    assert metrics["reward_accuracy_share"] == 1
    assert metrics["property_before_share"] == 0
    assert metrics["property_after_share"] > 0.2
    assert metrics["property_change_share"] == metrics["property_after_share"]
    assert metrics["property_change_share_low"] > 0
    assert metrics["kl_nats_low"] > 0
    assert metrics["held_out_loss_change_nats"] == pytest.approx(
        metrics["held_out_loss_after_nats"] - metrics["held_out_loss_before_nats"]
    )
    assert metrics["answer_after_mean_tokens"] < metrics["answer_before_mean_tokens"]


def test_the_rows_are_what_the_metrics_are_made_of(made):
    job = made()
    metrics = run(CONFIG, job).metrics
    rows = pq.read_table(job.folder / "held_out.parquet").to_pylist()
    assert sorted(int(row["id"]) for row in rows) == list(range(40, 50))
    for when in ("before", "after"):
        rate = sum(row[f"{when}_holds"] for row in rows) / 10
        tokens = sum(row[f"{when}_tokens"] for row in rows) / 10
        assert metrics[f"property_{when}_share"] == pytest.approx(rate)
        assert metrics[f"answer_{when}_mean_tokens"] == pytest.approx(tokens)
    assert metrics["kl_nats"] == pytest.approx(sum(row["kl_nats"] for row in rows) / 10)


def test_a_model_that_learns_next_to_nothing_has_next_to_no_kl(made):
    metrics = run(CONFIG.model_copy(update={"learning_rate": 1e-12, "epochs": 1}), made()).metrics
    assert metrics["kl_nats"] == pytest.approx(0, abs=1e-4)
    assert metrics["property_change_share"] == 0
    assert metrics["held_out_loss_change_nats"] == pytest.approx(0, abs=1e-5)


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
    for name in ("model.safetensors", "loss.parquet", "held_out.parquet"):
        assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_preferences_are_held_out_by_document(made):
    train, held_out = read_preferences(made(), 0.25)
    assert len(train) + len(held_out) == 40
    assert 2 < len(held_out) < 20
    assert len(train[0]) == 2 * max(len(train[0].chosen), len(train[0].rejected))


def test_too_few_preferences_are_an_error(made):
    with pytest.raises(DataError, match=r"40 are to train on, 0 held out"):
        read_preferences(made(), 1e-9)
