import json
import subprocess
import sys

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from bedstone.counting.shape import SIZES, ModelConfig
from bedstone.laws import shapes
from bedstone.scaling.plan import FIRST_GUESS, STAGE, PlanConfig, Speed, known_speed, plan
from bedstone.scaling.speed import Way
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local

MIX = {
    "train_tokens": 27_000_000,
    "languages": {"eng_Latn": {"repetition": 0.5}, "fao_Latn": {"repetition": 4.0}},
}
GIVEN = {"speed": 6e10, "threads": 2, "number_format": "fp32"}


ON_TWO = Way("cpu", "fp32", 2)


def planned(minutes=4.0, speed=6e10, mix=MIX, **config):
    given = PlanConfig(minutes=minutes, **config)
    return plan(given, 4096, mix, Speed(speed, ON_TWO))


def never(*arguments):
    pytest.fail("measured")


def test_four_minutes_of_a_small_machine():
    values = planned(speed=1.4e11)
    assert 400_000 < values["parameters_total"] < 1_000_000
    assert values["tokens_per_parameter"] == pytest.approx(20, rel=0.01)
    assert 180 < values["expected_seconds"] <= 241
    assert values["limit"] == "time"


def test_too_little_time_for_the_tokens_wanted_is_used_all_the_same():
    values = planned(minutes=1.0)
    assert values["tokens_per_parameter"] < 10
    assert values["expected_seconds"] == pytest.approx(60, rel=0.01)
    assert values["limit"] == "time"


def test_the_numbers_agree_with_each_other():
    values = planned()
    shape = ModelConfig(**{name: values[name] for name in SIZES})
    assert values["parameters_total"] == shapes.counted(shape).total
    assert values["train_tokens"] == values["n_steps"] * values["batch_tokens"]
    assert values["flop"] == shapes.train_flop(shape, values["train_tokens"])
    assert values["expected_seconds"] == values["flop"] / 6e10
    assert values["passes"] == values["train_tokens"] / 27_000_000
    assert values["sft_tokens"] == round(0.12 * values["train_tokens"])
    assert values["most_repeated_language"] == "fao_Latn"
    assert values["most_repeated_passes"] == 4 * values["passes"]


def test_more_minutes_make_more_of_everything():
    three, ten = planned(3.0), planned(10.0)
    assert three["parameters_total"] < ten["parameters_total"]
    assert three["train_tokens"] < ten["train_tokens"]


def test_text_as_the_limit_is_said():
    values = planned(60.0, mix={**MIX, "train_tokens": 3_000_000})
    assert values["limit"] == "text"
    assert values["passes"] <= 4.01
    assert values["expected_seconds"] < 0.5 * 3600
    assert "text is the limit: more than 4 passes" in values["sentences"][-1]
    assert "time is the limit" in planned()["sentences"][-1]


def test_a_text_smaller_than_a_step_is_one_step():
    values = planned(mix={**MIX, "train_tokens": 50})
    assert (values["n_steps"], values["limit"]) == (1, "text")


def test_a_known_machine_is_not_measured():
    assert known_speed(PlanConfig(**GIVEN), 4096, 10**7, never) == Speed(6e10, ON_TWO)


SIZE = {"parameters": 250_000, "train_tokens": 2_000_000}


def test_a_given_size_is_taken_whatever_the_machine():
    config = PlanConfig(**SIZE, threads=2, number_format="fp32")
    speed = known_speed(config, 1024, 10**9, never)
    assert speed == Speed(None, ON_TWO)
    values = plan(config, 1024, MIX, speed)
    assert values["parameters_total"] == 238_144  # of those there are, the nearest
    assert values["limit"] == "given"
    assert values["train_tokens"] == values["n_steps"] * values["batch_tokens"]
    assert abs(values["train_tokens"] - 2_000_000) <= values["batch_tokens"] / 2
    assert values["learning_rate"] == shapes.LEARNING_RATE
    absent = ("flop_per_second", "expected_seconds", "speed_source")
    assert [values[name] for name in absent] == [None, None, None]
    assert values["sentences"][2] == "how long that takes was not measured; threads: 2, fp32"
    assert "nearest to 250,000 parameters, trained on 2,000,000 tokens" in values["sentences"][-1]


def test_a_given_size_is_measured_once_where_something_is_left_open(monkeypatch):
    with_kernels_for(monkeypatch, "fp32", "bf16")
    asked = []

    def measure(shape, batch_tokens, way, seconds):
        asked.append((shapes.counted(shape).total, batch_tokens, way.number_format))
        return {"fp32": 1e11, "bf16": 2e11}[way.number_format]

    config = PlanConfig(**SIZE, threads=1)
    speed = known_speed(config, 1024, 10**9, measure)
    values = plan(config, 1024, MIX, speed)
    batch = values["batch_tokens"]
    assert asked == [(238_144, batch, "fp32"), (238_144, batch, "bf16")]
    assert (speed.flop_per_second, values["number_format"]) == (2e11, "bf16")
    assert values["expected_seconds"] == values["flop"] / 2e11
    assert "minutes at 200 GFLOP/s (measured)" in values["sentences"][2]
    told = PlanConfig(**SIZE, **GIVEN)
    assert plan(told, 1024, MIX, known_speed(told, 1024, 1, never))["speed_source"] == "given"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_tokens": 250_000}, "train_tokens: they are of a given size; give parameters too"),
        ({"shapes": "even"}, "shapes: they are of a given size; give parameters too"),
        ({**SIZE, "minutes": 5}, "minutes: parameters are given, so it has no effect"),
        ({**SIZE, "tokens_per_parameter": 5}, "tokens_per_parameter: train_tokens are given"),
        ({"parameters": 250_000, "max_passes": 5}, "max_passes: parameters are given"),
        ({**SIZE, "max_passes": 5}, "max_passes: parameters are given"),
    ],
)
def test_settings_of_a_size_without_effect_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        PlanConfig(**settings)
    assert PlanConfig(**SIZE, minutes=4).train_tokens == 2_000_000


def test_a_size_alone_is_a_dial():
    ratio = {"parameters": 250_000, "tokens_per_parameter": 5}
    for settings, tokens in ({"parameters": 250_000}, 20 * 238_144), (ratio, 5 * 238_144):
        config = PlanConfig(**settings, threads=1, number_format="fp32")
        values = plan(config, 1024, MIX, known_speed(config, 1024, 10**9, never))
        assert values["parameters_total"] == 238_144
        assert abs(values["train_tokens"] - tokens) <= values["batch_tokens"] / 2
        assert values["batch_tokens"] == shapes.batch_tokens(values["flop"], 256)
        assert values["learning_rate"] == shapes.LEARNING_RATE
    assert "trained on 5 tokens a parameter in whole steps" in values["sentences"][-1]


def test_a_given_size_needs_nothing_that_trains():
    assert STAGE.needs(PlanConfig(**SIZE, threads=2, number_format="fp32")) == ()
    assert STAGE.needs(PlanConfig(**SIZE)) == ("torch",)


def with_kernels_for(monkeypatch, *number_formats):
    processor = pytest.importorskip("bedstone.model.processor")
    has_bf16 = "bf16" in number_formats
    monkeypatch.setattr(processor, "has_bf16_kernels", lambda device: has_bf16)


def test_a_speed_is_measured_again_at_the_shape_that_it_leads_to(monkeypatch):
    with_kernels_for(monkeypatch, "fp32", "bf16")
    asked = []

    def measure(shape, batch_tokens, way, seconds):
        asked.append((shapes.counted(shape).total, way.number_format))
        return {"fp32": 1e11, "bf16": 2e11}[way.number_format] * len(asked)

    config = PlanConfig(threads=1)
    speed = known_speed(config, 4096, 10**9, measure)
    first, second = (
        shapes.choose(list(shapes.shapes(4096, 256)), shapes.Budget(240 * s, 4e9, 20))
        for s in (FIRST_GUESS["cpu"], 4e11)
    )
    guessed, better = shapes.counted(first.shape).total, shapes.counted(second.shape).total
    assert guessed < better
    assert asked == [(guessed, "fp32"), (guessed, "bf16"), (better, "bf16")]
    assert (speed.flop_per_second, speed.way) == (6e11, Way("cpu", "bf16", 1))
    assert [each["flop_per_second"] for each in speed.measured] == [1e11, 4e11, 6e11]


def test_a_given_number_format_is_the_only_one_measured():
    formats = []
    config = PlanConfig(threads=1, number_format="bf16")
    known_speed(config, 4096, 10**9, lambda *a: formats.append(a[2].number_format) or 1e11)
    assert formats == ["bf16", "bf16"]


def test_the_faster_of_one_thread_and_all_is_chosen(monkeypatch):
    monkeypatch.setattr("bedstone.scaling.speed.physical_cores", lambda: 8)
    config = PlanConfig(number_format="fp32")
    busy = known_speed(config, 4096, 10**9, lambda *a: {1: 2e10, 8: 1e10}[a[2].threads])
    quiet = known_speed(config, 4096, 10**9, lambda *a: {1: 2e10, 8: 9e10}[a[2].threads])
    assert (busy.way.threads, quiet.way.threads) == (1, 8)


def test_a_number_format_without_kernels_is_not_tried(monkeypatch):
    with_kernels_for(monkeypatch, "fp32")
    formats = []
    found = known_speed(
        PlanConfig(threads=1), 4096, 10**9, lambda *a: formats.append(a[2].number_format) or 1e11
    )
    assert (formats, found.way.number_format) == (["fp32", "fp32"], "fp32")


def test_a_given_speed_stands_while_the_number_format_is_found(monkeypatch):
    with_kernels_for(monkeypatch, "fp32", "bf16")
    config = PlanConfig(threads=1, speed=3e10)
    found = known_speed(
        config, 4096, 10**9, lambda *a: {"fp32": 2e11, "bf16": 1e11}[a[2].number_format]
    )
    assert (found.flop_per_second, found.way.number_format) == (3e10, "fp32")


@pytest.fixture
def inputs(tmp_path, store):
    mix, tokenizer = tmp_path / "mix", tmp_path / "tokenizer"
    mix.mkdir()
    tokenizer.mkdir()
    (mix / "mix.json").write_text(json.dumps(MIX))
    made = Tokenizer(
        models.BPE({c: n for n, c in enumerate(pre_tokenizers.ByteLevel.alphabet())}, [])
    )
    split = pre_tokenizers.Split(Regex("."), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    made.save(str(tokenizer / "tokenizer.json"))
    return {"mix": adopt([mix], store), "tokenizer": adopt([tokenizer], store)}


def test_of_a_given_size_the_time_is_no_number(inputs, store):
    config = PlanConfig(**SIZE, threads=2, number_format="fp32")
    metrics = build(STAGE, config, inputs, store, Local()).manifest.metrics
    assert metrics["parameters_total"] > 0
    assert not {"expected_seconds", "flop_per_second"} & set(metrics)


def test_the_stage_writes_the_plan_and_its_numbers(inputs, store):
    artifact = build(STAGE, PlanConfig(**GIVEN), inputs, store, Local())
    values = json.loads(artifact.file("plan.json").read_text())
    assert values["vocab_size"] == 256
    assert values["speed_source"] == "given"
    metrics = artifact.manifest.metrics
    assert metrics["train_tokens"] == values["train_tokens"]
    assert metrics["learning_rate"] == values["learning_rate"]
    assert "limit" not in metrics


def test_planning_needs_no_torch():
    code = (
        "import sys; from bedstone.scaling.plan import *; "
        f"config = PlanConfig(**{GIVEN}, device='cpu'); "
        "speed = known_speed(config, 4096, 10**7, None); "
        f"plan(config, 4096, {MIX}, speed); print('torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"
