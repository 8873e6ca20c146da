"""What languages are called, on bits that the tests write: planted truths, and no others."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import shard

from bedstone.errors import DataError
from bedstone.evaluation.structure import (
    AMOUNTS,
    ARMS,
    FILE,
    StructureConfig,
    compared,
    concluded,
    run,
)
from bedstone.store.payload import read_json

ENGLISH, GERMAN, TAMIL, FRENCH = "eng_Latn", "deu_Latn", "tam_Taml", "fra_Latn"
CONTROL = "eng_Ethi"
PAGES, SEEDS = 40, 3
NAMES = [f"gnome/page{number:02}#{part}" for number in range(PAGES) for part in range(3)]
FILE_OF_BITS = "documents.parquet"
LIMITED = {(tokeniser, amount) for tokeniser, amount in ARMS if amount != "content"}


@pytest.fixture
def measured(tmp_path, job):
    """What the stage tells of languages with so many bits more, by arm; ``all`` of every arm."""

    def go(effects, *, seeds=SEEDS, noise=0.01, seed=0, names=NAMES, drop=(), **config):
        dice = np.random.default_rng(seed)
        sizes = dice.integers(40, 400, len(names))
        inputs = {}
        for language, by_arm in effects.items():
            for tokeniser, amount in ARMS:
                if language == CONTROL and amount != "content":
                    continue
                effect = by_arm.get((tokeniser, amount), by_arm.get("all", 0.0))
                for number in range(seeds):
                    role = f"{language}-{tokeniser}-{amount}-{number}"
                    luck = noise * dice.normal() + noise * dice.normal(size=len(names))
                    bits = 2 * sizes * (1 + effect + luck)
                    if role not in drop:
                        inputs[f"bits.{role}"] = written(role, names, sizes, bits)
        made = job(f"job{len(list(tmp_path.iterdir()))}", **inputs)
        result = run(StructureConfig(**config), made)
        return read_json(shard(made.folder), FILE), result.metrics

    def written(role, names, sizes, bits):
        folder = tmp_path / f"{role}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        columns = {"id": list(names), "bytes": sizes, "bits": bits}
        order = np.random.default_rng(len(role)).permutation(len(names))
        table = pa.table({name: [values[at] for at in order] for name, values in columns.items()})
        pq.write_table(table, folder / FILE_OF_BITS)
        return shard(folder)

    return go


def verdicts(told):
    return {row["language"]: row["verdict"] for row in told["languages"]}


def test_a_language_is_harder_where_it_is_so_at_equal_content_in_tokens_and_in_bytes(measured):
    told, metrics = measured({ENGLISH: {}, GERMAN: {"all": 0.1}, FRENCH: {"all": -0.1}})
    assert verdicts(told) == {GERMAN: "harder", FRENCH: "easier"}
    found = {(it["language"], it["tokeniser"], it["amount"]): it for it in told["arms"]}
    assert len(found) == len(told["arms"]) == 2 * len(ARMS)
    row = found[GERMAN, "bytes", "content"]
    assert row["low"] < 0.1 < row["high"]
    assert (told["pages"], told["seeds"]) == (PAGES, SEEDS)
    assert metrics["harder_languages"] == metrics["easier_languages"] == 1
    assert metrics["bytes_content_bits_per_byte"] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("tokeniser", AMOUNTS)
def test_what_stands_with_one_tokeniser_alone_is_not_claimed(measured, tokeniser):
    effects = {(tokeniser, amount): 0.1 for amount in AMOUNTS[tokeniser]}
    told, _ = measured({ENGLISH: {}, GERMAN: effects, FRENCH: {}})
    assert verdicts(told)[GERMAN] == "cannot tell"


def test_opposite_signs_are_not_claimed(measured):
    told, _ = measured({ENGLISH: {}, GERMAN: {("bpe", "content"): 0.1, ("bytes", "content"): -0.1}})
    assert verdicts(told)[GERMAN] == "cannot tell"


def test_what_equal_content_takes_away_is_explained_by_amount(measured):
    told, _ = measured({ENGLISH: {}, GERMAN: dict.fromkeys(LIMITED, 0.1), FRENCH: {}})
    assert verdicts(told) == {GERMAN: "explained by amount", FRENCH: "cannot tell"}


def test_an_amount_that_equal_content_does_not_leave_out_explains_nothing(measured):
    told, _ = measured(
        {ENGLISH: {}, GERMAN: dict.fromkeys(LIMITED, 0.02), FRENCH: {}}, noise=0.03, seed=3
    )
    rows = [it for it in told["arms"] if it["language"] == GERMAN and it["amount"] == "content"]
    amounts = [it for it in told["arms"] if it["language"] == GERMAN and it["amount"] == "bytes"]
    assert all(it["low"] <= amounts[0]["difference"] <= it["high"] for it in rows)
    assert verdicts(told)[GERMAN] == "cannot tell"


def test_what_letters_of_as_many_bytes_do_too_is_no_language(measured):
    effects = {ENGLISH: {}, GERMAN: {}, TAMIL: {"all": 0.2}, CONTROL: {"all": 0.2}}
    told, _ = measured(effects, controls={TAMIL: CONTROL})
    assert verdicts(told) == {GERMAN: "cannot tell", TAMIL: "cannot tell"}
    assert verdicts(measured(effects)[0])[TAMIL] == "harder"
    beside = [(it["language"], it["amount"]) for it in told["arms"] if it["control"] == CONTROL]
    assert beside == [(TAMIL, "content")] * 2
    told, _ = measured({**effects, TAMIL: {"all": 0.4}}, controls={TAMIL: CONTROL})
    assert verdicts(told)[TAMIL] == "harder"


def test_of_languages_that_differ_in_nothing_few_are_called_anything():
    dice = np.random.default_rng(0)
    names = [GERMAN, FRENCH, TAMIL, "rus_Cyrl", "hun_Latn"]
    called = 0
    for _ in range(100):
        page_H = dice.uniform(100, 900, PAGES)
        arms = []
        for tokeniser, amount in ARMS:
            bits = {
                name: page_H * (1 + dice.normal(0, 0.02, (SEEDS, 1)) + dice.normal(0, 0.05, PAGES))
                for name in (ENGLISH, *names)
            }
            rows = compared(bits, dict.fromkeys(names, ENGLISH), 0.05)
            about = {"tokeniser": tokeniser, "amount": amount}
            arms += [{"language": name, **about, **row} for name, row in rows.items()]
        own = [[row for row in arms if row["language"] == name] for name in names]
        called += any(concluded(each) in ("harder", "easier") for each in own)
    assert called <= 2  # both tokenisers must err, and to one side


def test_letters_and_amount_together_are_no_language(measured):
    limited = dict.fromkeys(LIMITED, 0.5)
    effects = {ENGLISH: {}, TAMIL: {"all": 0.2, **limited}, CONTROL: {"all": 0.2}}
    told, _ = measured(effects, controls={TAMIL: CONTROL})
    assert verdicts(told) == {TAMIL: "explained by amount"}


def test_any_compared_language_may_be_the_reference(measured):
    told, _ = measured({ENGLISH: {}, GERMAN: {"all": 0.1}, FRENCH: {}}, reference=GERMAN)
    assert verdicts(told) == {ENGLISH: "easier", FRENCH: "easier"}


def test_pages_are_what_the_interval_counts(measured):
    alone = [name.replace("#", "-") for name in NAMES]
    assert measured({ENGLISH: {}, GERMAN: {}}, names=alone)[0]["pages"] == len(NAMES)
    with pytest.raises(DataError, match="7 held-out pages tell no interval: 8 do"):
        measured({ENGLISH: {}, GERMAN: {}}, names=NAMES[:21])


@pytest.mark.parametrize(
    ("effects", "options", "said"),
    [
        ({ENGLISH: {}, GERMAN: {}}, {"seeds": 1}, "two seeds or more"),
        ({ENGLISH: {}, GERMAN: {}}, {"drop": [f"{GERMAN}-bpe-bytes-2"]}, "two seeds or more"),
        (
            {ENGLISH: {}, GERMAN: {}},
            {"drop": [f"{GERMAN}-bpe-bytes-{it}" for it in range(3)]},
            "no bits.deu_Latn-bpe-bytes-SEED",
        ),
        ({ENGLISH: {}, GERMAN: {}}, {"reference": TAMIL}, "no bits.tam_Taml-bpe-content-SEED"),
        ({ENGLISH: {}, TAMIL: {}}, {"controls": {TAMIL: CONTROL}}, "no bits.eng_Ethi-bpe-content"),
        ({ENGLISH: {}, GERMAN: {}}, {"noise": 0.0}, None),
    ],
)
def test_what_cannot_be_compared_is_refused(measured, effects, options, said):
    if said is None:  # two runs without luck are the same
        assert verdicts(measured(effects, **options)[0]) == {GERMAN: "cannot tell"}
        return
    with pytest.raises(DataError, match=said):
        measured(effects, **options)


def test_seeds_that_are_one_run_are_refused(measured):
    with pytest.raises(DataError, match="they are one run"):
        measured({ENGLISH: {}, GERMAN: {"all": 0.1}}, noise=0.0)


@pytest.mark.parametrize("name", ["x", "eng_Latn-bpe-0", "eng_Latn-bpe-all-0", "a-bpe-bytes-0-1"])
def test_bits_of_no_arm_are_refused(job, name):
    with pytest.raises(DataError, match=f"bits.{name}: write bits.LANGUAGE-TOKENISER-AMOUNT-SEED"):
        run(StructureConfig(), job(**{f"bits.{name}": None}))


def test_bits_of_other_content_are_refused(job, tmp_path):
    made = {}
    for seed, name in enumerate(("a", "b")):
        folder = tmp_path / name
        folder.mkdir()
        pq.write_table(pa.table({"id": [name], "bytes": [1], "bits": [1.0]}), folder / FILE_OF_BITS)
        made[f"bits.eng_Latn-bpe-content-{seed}"] = shard(folder)
    with pytest.raises(DataError, match="content-1: of other content than"):
        run(StructureConfig(), job(**made))


def test_a_conclusion_needs_both_tokenisers():
    row = {"amount": "content", "low": 0.1, "high": 0.2, "difference": 0.15}
    both = [{**row, "tokeniser": it, "verdict": "harder"} for it in AMOUNTS]
    assert concluded(both) == "harder"
    assert concluded([both[0], {**both[1], "verdict": "same"}]) == "cannot tell"
