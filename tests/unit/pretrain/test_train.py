import json
import math

import pyarrow.parquet as pq
import pytest
import torch

from bedstone.errors import ConfigError
from bedstone.model import hugging_face
from bedstone.pretrain.loader import Loader
from bedstone.pretrain.train import STAGE, TrainConfig, run
from bedstone.store.work import SCRATCH
from bedstone.training import loop

pytestmark = pytest.mark.torch

PLAN = {
    "n_layers": 1,
    "d_model": 16,
    "n_heads": 2,
    "n_kv_heads": 1,
    "d_ff": 24,
    "seq_len": 8,
    "batch_tokens": 70,
    "train_tokens": 3200,
    "learning_rate": 0.02,
    "number_format": "fp32",
    "threads": 1,
}
CONFIG = TrainConfig(**PLAN)
TEXT = list(range(3, 9)) * 4


@pytest.fixture
def inputs(stored, tokenizer):
    tokens, mix = stored(
        [{"x": [("a", TEXT, 24), ("b", [200] * 24, 24)]}], {"x": 1.0}, held_out={"b"}
    )
    return {"tokens": tokens, "mix": mix, "tokenizer": tokenizer}


@pytest.fixture
def plan(tmp_path, tokenizer):
    (tmp_path / "plan.json").write_text(json.dumps({**PLAN, "reason": "it was asked for"}))
    return type(tokenizer)(tmp_path)


def test_it_learns_what_it_is_given_and_nothing_else(job, inputs):
    made = job(**inputs)
    metrics = run(CONFIG, made).metrics
    model = hugging_face.load(made.folder)
    batch = torch.tensor([[*TEXT[:9]]])
    assert metrics["loss_nats"] < 1 < math.log(259)
    assert model.nats(batch[:, :-1], batch[:, 1:]).mean() < 1
    assert model(batch)[0, :, 203].max() < model(batch)[0, :, 3:9].max()
    assert metrics["train_steps"] == 50
    assert metrics["train_tokens"] == 50 * 8 * 8
    assert metrics["parameters_total"] == sum(map(torch.numel, model.parameters()))
    names = {path.name for path in made.folder.iterdir()} - {SCRATCH}
    assert names == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "loss.parquet",
    }


EXPERTS = {"n_experts": 4, "n_active_experts": 2}


@pytest.mark.parametrize("number_format", ["fp32", "bf16"])
def test_experts_learn_and_their_use_is_told(job, inputs, number_format):
    made = job(**inputs)
    config = TrainConfig(**PLAN | {"experts": EXPERTS, "number_format": number_format})
    metrics = run(config, made).metrics
    assert metrics["loss_nats"] < 1
    model = hugging_face.load(made.folder)
    assert metrics["parameters_total"] == sum(map(torch.numel, model.parameters()))
    assert metrics["parameters_total"] - metrics["parameters_active"] == 2 * 3 * 16 * 24
    rows = pq.read_table(made.folder / "experts.parquet").to_pylist()
    assert metrics["expert_dropped_tokens"] == 0
    assert sum(row["tokens"] for row in rows) == 2 * metrics["train_tokens"]
    assert sorted({row["from_step"] for row in rows})[:3] == [0, 3, 5]
    last = [row["share"] for row in rows if row["from_step"] == 48]
    assert sum(last) == pytest.approx(1)
    assert metrics["expert_busiest_ratio"] == pytest.approx(4 * max(last))
    assert 0 < metrics["expert_entropy_share"] <= 1


def test_weights_of_routing_even_it_out_and_the_loss_told_is_that_of_the_text(job, inputs):
    def trained(name, weight):
        made = job(name, **inputs)
        routing = {"balance_weight": weight, "z_weight": 0.0}
        config = TrainConfig(**PLAN | {"experts": EXPERTS, "routing": routing})
        metrics = run(config, made).metrics
        return metrics, pq.read_table(made.folder / "loss.parquet")["loss_nats"].to_pylist()

    without, first = trained("without", 0.0)
    much, second = trained("much", 10.0)
    assert second[0] == first[0]
    assert second[1] != first[1]
    assert much["expert_busiest_ratio"] < without["expert_busiest_ratio"]


def test_qwens_shape_is_trained_with_and_without_experts(job, inputs):
    for name, experts in (("dense", None), ("experts", EXPERTS | {"d_expert": 8})):
        made = job(name, **inputs)
        run(TrainConfig(**PLAN | {"qk_norm": True, "experts": experts, "train_tokens": 64}), made)
        assert hugging_face.load(made.folder).config.qk_norm
        assert (made.folder / "experts.parquet").exists() == (experts is not None)


def test_bf16_without_kernels_is_said(job, inputs, no_bf16_kernels, caplog):
    run(CONFIG.model_copy(update={"train_tokens": 64, "number_format": "bf16"}), job(**inputs))
    (warning,) = [each.message for each in caplog.records if each.name == "bedstone"]
    assert "no kernels for bf16" in warning


def test_the_same_twice_but_for_another_seed_of_either_kind(job, inputs):
    def weights(name, **changes):
        made = job(name, **inputs)
        run(CONFIG.model_copy(update={"train_tokens": 200, **changes}), made)
        return (made.folder / "model.safetensors").read_bytes()

    assert weights("one") == weights("two")
    others = {"init_seed": 1}, {"order_seed": 1}, {"parametrisation": "standard"}
    assert len({weights("one"), *(weights(str(other), **other) for other in others)}) == 4


@pytest.mark.parametrize("experts", [None, EXPERTS])
def test_killed_and_run_again_it_writes_the_same_bytes(job, inputs, monkeypatch, experts):
    def dying(loader, step, batch=Loader.batch):
        if step == 30:
            raise KeyboardInterrupt
        return batch(loader, step)

    whole, killed = job("whole", **inputs), job("killed", **inputs)
    config = TrainConfig(**PLAN | {"experts": experts})
    run(config, whole)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(Loader, "batch", dying)
        with pytest.raises(KeyboardInterrupt):
            run(config, killed)
    run(config, killed)
    names = {path.name for path in whole.folder.iterdir() if path.is_file()}
    assert ("experts.parquet" in names) == (experts is not None)
    for name in names:
        assert (whole.folder / name).read_bytes() == (killed.folder / name).read_bytes()


def test_a_batch_smaller_than_a_sequence(job, inputs):
    with pytest.raises(ConfigError, match="less than seq_len"):
        run(CONFIG.model_copy(update={"batch_tokens": 7}), job(**inputs))


def test_a_part_smaller_than_a_sequence(job, inputs):
    config = TrainConfig(**PLAN, memory={"micro_batch_tokens": 7})
    with pytest.raises(ConfigError, match=r"micro_batch_tokens 7 is less than seq_len"):
        run(config, job(**inputs))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"routing": {"z_weight": 0.5}}, "routing: there are no experts"),
        (
            {"experts": {"n_experts": 2, "n_active_experts": 1}, "kept_tokens": [8]},
            "a run with experts has no branches",
        ),
    ],
)
def test_settings_without_effect(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**PLAN, **settings)


def test_sizes_that_do_not_go_together(job, inputs):
    with pytest.raises(ConfigError, match="d_model 16 is no even number for each of n_heads"):
        run(CONFIG.model_copy(update={"n_heads": 3}), job(**inputs))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"n_layers": 1000, "d_model": 2**16, "d_ff": 2**18}, "the model takes 1,030,795 GB"),
        ({"batch_tokens": 10**9, "n_layers": 500, "d_model": 512}, "a batch takes"),
        ({"train_tokens": 10**14}, "the order of the sequences takes"),
    ],
)
def test_what_no_machine_can_hold(job, inputs, changes, part):
    with pytest.raises(ConfigError, match=f"{part}.* at least to train with"):
        run(TrainConfig(**(PLAN | changes)), job(**inputs))


def test_the_plan_fills_what_is_absent(plan):
    given = {"d_ff": 32, "init_seed": 5}
    assert STAGE.resolve(TrainConfig(**given), {"plan": plan}) == TrainConfig(**(PLAN | given))
    assert STAGE.resolve(CONFIG, {}) == CONFIG
    dense = STAGE.resolve(CONFIG, {}).model_dump(exclude_defaults=True)
    assert dense.keys() == PLAN.keys()  # those of a request; experts are in none but their own


def test_what_is_in_neither_is_named(plan):
    with pytest.raises(ConfigError, match=r"n_layers, .*threads: given neither"):
        STAGE.resolve(TrainConfig(), {})
    plan.file("plan.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"d_ff: given neither"):
        STAGE.resolve(CONFIG.model_copy(update={"d_ff": None}), {"plan": plan})
    assert STAGE.decided_by == ("plan",)
