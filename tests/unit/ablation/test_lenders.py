"""Which comparisons of a store lend to another: their manifests are real, their stages are not."""

import json
import shutil
from dataclasses import replace

import pytest

from bedstone.ablation.lenders import chosen
from bedstone.config import Config
from bedstone.evaluation.ablation import FILE, STAGE, AblationConfig
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.lineage import trace
from bedstone.store.stage import Result, Stage


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
    values = {"value": "x=1", "family": "whole", "unit": "whole", "by_seed": list(range(seeds))}
    with job.part(FILE) as path:
        path.write_text(json.dumps({"runs": runs, "seeds": seeds, "effects": [values]}))
    return Result({})


TELLING = replace(STAGE, run=tell, libraries=())


@pytest.fixture
def compared(store):
    """Make the inputs of a comparison, and the comparison, by whom it is lent to."""

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
        values = {"arms": ("x=1",), "parameters": 1000, "train_tokens": (10, 10), **config}
        asked = AblationConfig(**values)
        lent = chosen(asked, inputs, store)
        return build(stage, asked, {**inputs, **lent}, store, Local())

    return go


def lent_to(made):
    """The comparisons that lend to it."""
    return {it.request for role, it in made.manifest.parents.items() if role.startswith("lender.")}


def test_an_earlier_comparison_lends_and_is_in_the_trace(compared):
    first, second = compared(), compared(first_seed=10)
    assert lent_to(first) == set()
    assert lent_to(second) == {first.manifest.request}
    role = f"lender.{first.manifest.request[:12]}"
    assert trace(second)["parents"][role]["artifact"] == first.path.name


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
def test_other_models_on_other_texts_lend_nothing(compared, other):
    compared(**other)
    assert lent_to(compared(first_seed=10)) == set()


def test_neither_it_nor_what_shares_its_runs_lends(compared):
    compared()
    assert lent_to(compared(seeds=3)) == set()  # one more seed of both arms
    assert lent_to(compared(number=2)) == set()  # another arm of the same baseline


def test_asked_again_it_has_the_lenders_that_it_had(compared):
    first = compared()
    second = compared(first_seed=10)
    assert compared().path == first.path
    compared(first_seed=20)
    assert compared(first_seed=10).path == second.path


def test_without_its_lender_it_is_asked_anew(compared):
    first = compared()
    second = compared(first_seed=10)
    shutil.rmtree(first.path)
    again = compared(first_seed=10)
    assert lent_to(again) == set()
    assert again.path != second.path


def test_what_lost_its_models_lends_nothing(compared, store):
    compared()
    for folder in store.glob("pretrain.train-*"):
        shutil.rmtree(folder)
    assert lent_to(compared(first_seed=10)) == set()


def test_another_programs_folder_is_no_comparison(compared, store):
    folder = store / "evaluation.ablation-aaaa"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"name": "an app"}')
    assert lent_to(compared()) == set()
