import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install bedstone[train]")

from bedstone.errors import DataError
from bedstone.generation.generate import Completion
from bedstone.lots import is_held_out
from bedstone.posttrain.judged import Judged
from bedstone.posttrain.prefer import (
    Answers,
    PreferConfig,
    _changes,
    read_preferences,
    run,
)
from bedstone.text.encoder import Encoder
from bedstone.training import loop
from bedstone.training.batching import Batches

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


def test_documents_that_pairs_trains_on_are_held_out_as_any(made, preferences):
    path = preferences.file("preferences.parquet")
    trained_on = [name for name in map(str, range(100)) if not is_held_out(name, 0.25)][:40]
    pq.write_table(pq.read_table(path).set_column(0, "id", [trained_on]), path)
    train, held_out = read_preferences(made(), 0.25)
    assert len(held_out) == sum(is_held_out(name, 0.25, "preferences") for name in trained_on)
    assert len(train) > 2 * len(held_out) > 8


def test_changes_and_kl_are_over_documents(made, pairs):
    path = pairs.file("pairs.parquet")
    table = pq.read_table(path)
    ids = [str(number // 2) for number in range(table.num_rows)]
    pq.write_table(table.set_column(0, "id", [ids]), path)
    metrics = run(CONFIG.model_copy(update={"epochs": 1}), made()).metrics
    assert metrics["property_after_share_n"] == 10
    for name in ("property_change_share", "kl_nats", "held_out_loss_change_nats"):
        assert metrics[f"{name}_n"] == 5


def test_prompts_of_one_document_are_one_unit():
    def judged(*holds):
        one = Completion((1,), (), (), "stop", closed=True, boundary_draws=0)
        of = tuple(Judged(one, "", held) for held in holds)
        return Answers(of, (True,) * len(holds))

    before, after = judged(False, False, False, True), judged(True, True, True, True)
    metrics = _changes(before, after, ["a", "a", "a", "b"], seed=0)
    assert metrics["property_change_share"] == 0.75
    assert metrics["property_change_share_n"] == 2
    assert metrics["property_after_share_n"] == 4
    # b alone changes by nothing, a alone by all.
    assert (metrics["property_change_share_low"], metrics["property_change_share_high"]) == (0, 1)


def test_too_few_preferences_are_an_error(made):
    with pytest.raises(DataError, match=r"40 are to train on, 0 held out"):
        read_preferences(made(), 1e-9)
