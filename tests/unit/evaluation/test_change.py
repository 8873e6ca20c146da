"""What is measured of two models whose answers are known in distribution."""

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.models import bytes_of, changed, write_unigram

from bedstone.counting.shape import ModelConfig
from bedstone.errors import ArtifactError, DataError
from bedstone.evaluation.change import Answer, ChangeConfig, changes, foresee, loss_changes, run
from bedstone.generation.foresight import Known
from bedstone.text.encoder import Encoder

pytestmark = pytest.mark.torch

BEFORE = {"x": 0.5, ".": 0.3, "": 0.2}
AFTER = {"x": 0.8, ".": 0.1, "": 0.1}
CONFIG = ChangeConfig(max_tokens=24, threads=1)


@pytest.fixture
def models(tmp_path, tokenizer):
    """Two of them: before, after."""
    shares = {"before": BEFORE, "after": AFTER}
    return {
        role: type(tokenizer)(write_unigram(tmp_path / role, tokenizer, of))
        for role, of in shares.items()
    }


@pytest.fixture
def pairs(tmp_path, tokenizer):
    """Two prompts to train on; 240 held out, two of each document."""
    rows = [
        {
            "id": str(number // 2),
            "language": "eng_Latn",
            "prompt": f"{number}",
            "completion": "x." if number < 2 else "xx." if number < 100 else "x. ",
            "split": "train" if number < 2 else "held_out",
        }
        for number in range(242)
    ]
    (tmp_path / "pairs").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "pairs" / "pairs.parquet")
    shard = type(tokenizer)(tmp_path / "pairs")
    return type(tokenizer)(tmp_path / "pairs", (shard,))


@pytest.fixture
def measured(job, models, pairs):
    """The job and its metrics."""

    def made(config=CONFIG, **inputs):
        it = job("change", **{**models, "pairs": pairs, **inputs})
        return it, run(config, it).metrics

    return made


def test_what_is_drawn_and_read_is_known_before(pairs, tokenizer):
    shape = ModelConfig(
        vocab_size=259, n_layers=1, d_model=8, n_heads=2, n_kv_heads=1, d_ff=8, seq_len=64
    )

    def will(growth):
        known = Known({"pairs": pairs}, {"pairs": growth}, {}, shape, Encoder.stored(tokenizer))
        return foresee(CONFIG, known)

    (draws,), grown = will(1).draws, will(2)
    assert draws.batches * draws.prompts == 2 * 240  # of both models
    assert (draws.prompt_tokens, draws.tokens) == (5, 4)
    rows = pq.read_table(pairs.shards[0].file("pairs.parquet")).to_pylist()[2:]
    real = sum(len(row["prompt"]) + len(row["completion"]) + 3 for row in rows)
    assert will(1).read_tokens == 2 * (240 * (5 + 4) + real)
    assert grown.draws[0].drawn_tokens == 2 * 400 * 4  # the config's limit
    assert grown.read_tokens == 2 * (400 * (5 + 4) + 2 * real)


def test_the_rows_are_what_the_metrics_are_made_of(measured, monkeypatch):
    monkeypatch.setattr("bedstone.posttrain.checker.MIN_CHARACTERS", 4)
    job, metrics = measured()
    rows = pq.read_table(job.folder / "held_out.parquet").to_pylist()
    assert sorted(int(row["prompt"]) for row in rows) == list(range(2, 242))
    for when in ("before", "after"):
        rate = sum(row[f"{when}_holds"] for row in rows) / 240
        tokens = sum(row[f"{when}_tokens"] for row in rows) / 240
        assert 0 < rate < 1
        assert metrics[f"property_{when}_share"] == pytest.approx(rate)
        assert metrics[f"answer_{when}_mean_tokens"] == pytest.approx(tokens)
        for row in rows:
            ended = row[f"{when}_tokens"] == len(row[when]) + 1
            right = ended and row[when].endswith(".") and "x" in row[when] and len(row[when]) > 3
            assert row[f"{when}_holds"] == right
    difference = metrics["property_after_share"] - metrics["property_before_share"]
    assert metrics["property_change_share"] == pytest.approx(difference)
    assert metrics["kl_nats"] == pytest.approx(sum(row["kl_nats"] for row in rows) / 240)
    assert metrics["property_after_share_n"] == 240
    assert metrics["property_change_share_n"] == metrics["kl_nats_n"] == 120


def test_the_kl_is_that_of_the_distributions(measured):
    _, metrics = measured()
    of_token = sum(share * math.log(share / BEFORE[each]) for each, share in AFTER.items())
    tokens = sum(0.9**position for position in range(24))  # each is written unless one has ended
    assert metrics["kl_nats_low"] < of_token * tokens < metrics["kl_nats_high"]
    assert metrics["answer_after_mean_tokens"] == pytest.approx(tokens, rel=0.15)


def test_the_held_out_loss_is_that_of_the_distributions(measured):
    _, metrics = measured()
    for when, of in (("before", BEFORE), ("after", AFTER)):
        longer, other = 2 * math.log(of["x"]) + math.log(of["."]), math.log(of["x"] * of["."]) - 30
        nats = -(98 * longer + 142 * other) - 240 * math.log(of[""])
        wanted = nats / (240 * 4)
        assert metrics[f"held_out_loss_{when}_nats"] == pytest.approx(wanted, rel=1e-3)
    assert metrics["held_out_pairs"] == 240


def test_a_model_has_not_changed_from_itself(measured, models):
    _, metrics = measured(before=models["after"])
    for name in ("property_change_share", "kl_nats", "held_out_loss_change_nats"):
        assert metrics[name] == metrics[f"{name}_low"] == metrics[f"{name}_high"] == 0
    assert "reward_accuracy_share" not in metrics


@pytest.fixture
def preferences(tmp_path, tokenizer):
    """Those held out say that the more of x the better; in one of four they say the reverse."""
    rows = [
        {
            "prompt": "1",
            "chosen_ids": bytes_of("xx" if number % 4 else "."),
            "rejected_ids": bytes_of("." if number % 4 else "xx"),
            "split": "held_out" if number < 40 else "train",
        }
        for number in range(60)
    ]
    (tmp_path / "preferences").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "preferences" / "preferences.parquet")
    return type(tokenizer)(tmp_path / "preferences")


def test_preferences_are_agreed_with_where_what_is_chosen_gained_more(
    measured, preferences, models
):
    _, metrics = measured(preferences=preferences)
    assert metrics["reward_accuracy_share"] == 0.75
    assert metrics["reward_accuracy_share_n"] == 40
    _, tied = measured(preferences=preferences, before=models["after"])
    assert tied["reward_accuracy_share"] == 0.5


def test_prompts_that_do_not_fit_are_not_asked(measured, models):
    for model in models.values():
        changed(model.path / "config.json", max_position_embeddings=24 + 2 + 2)
    job, metrics = measured()
    rows = pq.read_table(job.folder / "held_out.parquet").to_pylist()
    assert sorted(int(row["prompt"]) for row in rows) == list(range(2, 100))
    assert metrics["held_out_pairs"] == 240
    with pytest.raises(DataError, match="no prompt to test on that fits") as caught:
        measured(CONFIG.model_copy(update={"max_tokens": 26}))
    assert "lower max_tokens" in caught.value.hint


def test_models_of_different_tokenisers_are_refused(measured, models):
    path = models["after"].path / "tokenizer.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(ArtifactError, match=r"before and .*after have different tokenisers"):
        measured()


def test_too_long_pairs_are_an_error(measured):
    with pytest.raises(DataError, match="none of 240 held-out pairs has 3 tokens at most"):
        measured(CONFIG.model_copy(update={"loss_max_tokens": 3}))


def test_prompts_of_one_document_are_one_unit():
    def answers(*holds):
        return [Answer("", (1,), held, in_script=True) for held in holds]

    before, after = answers(False, False, False, True), answers(True, True, True, True)
    metrics = changes(before, after, [0.0] * 4, ["a", "a", "a", "b"], seed=0)
    assert metrics["property_change_share"] == 0.75
    assert metrics["property_change_share_n"] == 2
    assert metrics["property_after_share_n"] == 4
    # b alone changes by nothing, a alone by all.
    assert (metrics["property_change_share_low"], metrics["property_change_share_high"]) == (0, 1)


def test_the_held_out_loss_is_a_mean_over_tokens():
    before, sizes, documents = (2.0, 9.0), (1, 3), ("a", "b")
    metrics = loss_changes(before, (4.0, 7.0), sizes, documents, seed=0)
    assert metrics["held_out_loss_before_nats"] == 11 / 4
    assert metrics["held_out_loss_change_nats"] == pytest.approx(0)
    dearer = loss_changes(before, (3.0, 12.0), sizes, documents, seed=0)
    assert dearer["held_out_loss_change_nats"] == pytest.approx(1)


def test_completions_of_one_document_are_one_unit():
    sizes, documents = (1, 1, 2), ("a", "b", "a")
    metrics = loss_changes((1.0, 1, 1), (2.0, 1, 3), sizes, documents, seed=0)
    change = [metrics[f"held_out_loss_change_nats{end}"] for end in ("", "_low", "_high", "_n")]
    assert change == [3 / 4, 0, 1, 2]  # of b alone, of a alone
