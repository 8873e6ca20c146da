"""Which comparisons of a store lend to another, and by which of their arms."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from bedstone.ablation.lenders import MOST_LENDERS, borrowed, lenders
from bedstone.config import Config
from bedstone.evaluation.ablation import FILE, STAGE, AblationConfig
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.stage import Result, Stage

WHOLE, GERMAN, GROUP = ("whole", "whole"), ("language", "deu_Latn"), ("group", "kept by both")
X, Y = [0.1, 0.2, 0.4], [0.3, 0.3, 0.2]
TWO_ARMS = {"baseline": "abc", "x": "def", "y": "ghi"}


def found(runs, seeds=3, **by_seed):
    """What a comparison found, of arms with these runs; the baseline's are the first."""
    told = {arm: list(made) for arm, made in runs.items()}
    rows = [
        {"value": arm, "family": family, "unit": unit, "by_seed": values}
        for arm, values in by_seed.items()
        for family, unit in (WHOLE, GROUP)
    ]
    return {"runs": told, "seeds": seeds, "effects": rows}


def differences(earlier, runs=()):
    """By lender, those of the whole."""
    return {name: [*map(list, own[WHOLE])] for name, own in lenders(earlier, runs).items()}


def test_arms_are_paired_with_the_baseline():
    told = differences({"old": found(TWO_ARMS, x=X, y=Y)})
    assert told == {"old": [pytest.approx(X), pytest.approx(Y)]}


def test_runs_of_the_borrower_are_never_lent():
    earlier = {"old": found(TWO_ARMS, x=X, y=Y)}
    # It has a run of the baseline: the two arms are paired with one another.
    assert differences(earlier, {"b"}) == {"old": [pytest.approx(np.subtract(Y, X))]}
    assert differences(earlier, {"e"}) == {"old": [pytest.approx(Y)]}
    assert differences(earlier, {"b", "e"}) == {}


def test_a_run_is_lent_once_by_the_comparison_of_most_seeds():
    fewer = found({"baseline": "ab", "x": "de"}, seeds=2, x=X[:2])
    other = found({"baseline": "abc", "z": "jkl", "w": "mno"}, z=Y, w=X)
    told = differences({"0": fewer, "1": found(TWO_ARMS, x=X, y=Y), "2": other})
    assert told == {
        "1": [pytest.approx(X), pytest.approx(Y)],
        "2": [pytest.approx(np.subtract(X, Y))],
    }


def test_an_arm_whose_runs_are_anothers_lends_nothing():
    same = {"baseline": "abc", "x": "abc", "y": "ghi"}
    assert differences({"old": found(same, x=[0.0] * 3, y=Y)}) == {"old": [pytest.approx(Y)]}


def test_neither_one_seed_nor_a_group_lends():
    assert not lenders({"old": found({"baseline": "a", "x": "d"}, seeds=1, x=[0.1])}, ())
    assert set(lenders({"old": found(TWO_ARMS, x=X)}, ())["old"]) == {WHOLE}


def test_so_many_lend_at_most():
    earlier = {f"{n:02}": found({"baseline": [n], "x": [-n]}, x=X) for n in range(1, 20)}
    assert list(lenders(earlier, ())) == sorted(earlier)[:MOST_LENDERS]


class Chosen(Config):
    number: int = 0
    init_seed: int = 0
    order_seed: int = 0
    learning_rate: float = 0.1


def write(config, job):
    with job.part("it") as path:
        path.write_text(f"{config} {[each.content for each in job.inputs.values()]}")
    return Result({})


def tell(config, job):
    """What a comparison of these arms and runs finds, as far as lending asks."""
    runs = {label: [] for label in ("baseline", *config.arms)}
    for name, bits in job.many("bits").items():
        list(runs.values())[int(name[0])].append(bits.content)
    seeds = len(runs["baseline"])
    rows = [
        {"value": "x=1", "family": family, "unit": unit, "by_seed": list(range(seeds))}
        for family, unit in (WHOLE, GERMAN)
    ]
    with job.part(FILE) as path:
        path.write_text(json.dumps({"runs": runs, "seeds": seeds, "effects": rows}))
    return Result({})


TELLING = replace(STAGE, run=tell, libraries=())


@pytest.fixture
def compared(store):
    """Make a comparison and all that it is made from, with what is lent to it."""

    def make(name, config=None, **inputs):
        stage = Stage(name, 1, Chosen, tuple(inputs), write)
        return build(stage, Chosen(**config or {}), inputs, store, Local())

    def go(first_seed=0, seeds=2, *, rate=0.1, texts=0, number=1, stage=TELLING, **config):
        inputs = {"texts": make("evaluation.texts", {"number": texts})}
        for arm, seed in ((arm, seed) for arm in range(2) for seed in range(seeds)):
            mix = make("tokenizer.mix", {"number": arm and number})
            luck = {"init_seed": first_seed + seed, "order_seed": first_seed + seed}
            model = make("pretrain.train", {"learning_rate": rate, **luck}, mix=mix)
            scored = make("evaluation.bits", model=model, texts=inputs["texts"])
            inputs[f"bits.{arm}-{seed}"] = scored
        values = {"arms": ["x=1"], "parameters": 1000, "train_tokens": [10, 10], **config}
        loan = borrowed(AblationConfig(**values), inputs, store)
        return build(stage, AblationConfig(**values, **loan), inputs, store, Local())

    return go


def lent_to(made):
    """The comparisons that lend to it."""
    return made.manifest.config["lenders"]


def test_an_earlier_comparison_lends_what_it_saw_of_each_unit(compared):
    first, second = compared(), compared(first_seed=10)
    assert lent_to(first) == []
    assert lent_to(second) == [first.path.name]
    lent = second.manifest.config["lent"]
    assert {(family, unit) for family, own in lent.items() for unit in own} == {WHOLE, GERMAN}
    # Of two seeds, 0 and 1: a variance of .5, which is more often too small than too large.
    assert lent["whole"]["whole"] == {"deviation": pytest.approx((0.5 * 729 / 343) ** 0.5), "df": 1}


@pytest.mark.parametrize(
    "other",
    [
        {"rate": 0.2},
        {"texts": 1},
        {"parameters": 2000},
        {"seeds": 1},
        {"stage": replace(TELLING, version=STAGE.version - 1)},
    ],
)
def test_other_models_and_other_texts_lend_nothing(compared, other):
    compared(**other)
    assert lent_to(compared(first_seed=10)) == []


def test_neither_it_nor_what_shares_its_runs_lends(compared):
    compared()
    assert lent_to(compared(seeds=3)) == []  # one more seed of both arms
    assert lent_to(compared(number=2)) == []  # another arm of the same baseline


def test_asked_again_it_keeps_what_it_was_lent(compared):
    first = compared()
    second = compared(first_seed=10)
    assert compared().path == first.path
    compared(first_seed=20)
    shutil.rmtree(first.path)
    assert compared(first_seed=10).path == second.path


def test_what_lost_its_models_lends_nothing(compared, store):
    compared()
    for folder in store.glob("pretrain.train-*"):
        shutil.rmtree(folder)
    assert lent_to(compared(first_seed=10)) == []


def test_another_programs_folder_is_no_comparison(compared, store):
    folder = store / "evaluation.ablation-aaaa"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"name": "an app"}')
    assert lent_to(compared()) == []
