"""What arms are told to have done, on bits that the tests write."""

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.stages import shard

from bedstone.errors import DataError
from bedstone.evaluation.ablation import AblationConfig, run
from bedstone.uncertainty.comparison import BORROWED_DF, Noise, Paired, borrowed, effects

ENGLISH, SPANISH, XHOSA = "eng_Latn", "spa_Latn", "xho_Latn"
LANGUAGES = [ENGLISH] * 20 + [SPANISH] * 16 + [XHOSA] * 7
NAMES = [f"d{number:02}" for number in range(len(LANGUAGES))]
SIZES = np.array([100.0 + 37 * (number % 11) for number in range(len(NAMES))])
SEEDS = 3


@pytest.fixture
def bits():
    """Bits of so many arms, A x K x H: two a byte, the luck of the seed and of the document."""

    def drawn(arms=2, seeds=SEEDS, effect=0.05, noise=0.02):
        dice = np.random.default_rng(0)
        shared = 2 + 0.1 * dice.normal(size=(1, seeds, 1)) + dice.normal(size=(1, 1, len(NAMES)))
        own = noise * dice.normal(size=(arms, seeds, 1))
        own = own + noise * dice.normal(size=(arms, seeds, len(NAMES)))
        effects = effect * np.arange(arms)[:, None, None]
        return (shared + own + effects) * SIZES

    return drawn


@pytest.fixture
def compared(tmp_path, job):
    """Run the stage; what it found, and its folder."""

    def table(name, **columns):
        folder = tmp_path / name
        folder.mkdir()
        pq.write_table(pa.table(columns), folder / "documents.parquet")
        return shard(folder)

    def scores(name, bits_H, sites):
        order = np.random.default_rng(len(name)).permutation(len(NAMES))
        columns = {"id": NAMES, "language": LANGUAGES, "bytes": SIZES.astype(int), "bits": bits_H}
        taken = {key: [values[at] for at in order] for key, values in columns.items()}
        return table(name, site=pa.array([sites[at] for at in order], pa.string()), **taken)

    def mix(name, weights):
        (tmp_path / name).mkdir()
        languages = {
            language: {"weight": weight, "train_tokens": 200, "train_documents": 9}
            for language, weight in weights.items()
        }
        values = {"languages": languages, "train_bytes": 4000}
        (tmp_path / name / "mix.json").write_text(json.dumps(values))
        return shard(tmp_path / name)

    def go(bits_AKH, *, half=None, sites=NAMES, train=None, near=(), dropped=None, mixes=None,
           columns=None, leave_out=(), others=None, **config):  # fmt: skip
        arms = max(bits_AKH) if isinstance(bits_AKH, dict) else len(bits_AKH) - 1
        by_arm = bits_AKH if isinstance(bits_AKH, dict) else dict(enumerate(bits_AKH))
        texts = [f"Text\n of {name}." for name in NAMES]
        urls = [f"https://{name}.example" for name in NAMES]
        inputs = {"texts": table("it", id=NAMES, text=texts, url=urls)}
        if columns:
            inputs["documents"] = table("whole", id=NAMES, **columns)
        for arm, bits_KH in by_arm.items():
            for seed, bits_H in enumerate(bits_KH):
                inputs[f"bits.{arm}-{seed}"] = scores(f"bits{arm}-{seed}", bits_H, sites)
        for seed, bits_H in enumerate(half if half is not None else ()):
            inputs[f"half.{seed}"] = scores(f"half{seed}", bits_H, sites)
        for arm in range(arms + 1):
            trained = (train or {}).get(arm, ())
            split = ["train" if name in trained else "held_out" for name in NAMES]
            split += ["near"] * len(near)
            inputs[f"held_out.{arm}"] = table(f"held{arm}", id=[*NAMES, *near], split=split)
            shares = (mixes or {}).get(arm, {ENGLISH: 0.5, SPANISH: 0.3, XHOSA: 0.2})
            inputs[f"mix.{arm}"] = mix(f"mix{arm}", shares)
        for arm, names in (dropped or {}).items():
            keep = [name not in names for name in NAMES]
            inputs[f"kept.{arm}"] = table(f"kept{arm}", id=NAMES, keep=keep)
        inputs = {role: it for role, it in inputs.items() if role not in leave_out}
        made = job("ablation", **(inputs | (others or {})))
        values = {"arms": [f"arm{number}" for number in range(1, arms + 1)], "parameters": 1000}
        values["train_tokens"] = [1000] * (arms + 1)
        run(AblationConfig(**values | config), made)
        text = (made.folder / "ablation.json").read_text()
        return json.loads(text, parse_constant=pytest.fail), made.folder

    return go


def row(found, unit="whole", value="arm1"):
    (only,) = [it for it in found["effects"] if (it["unit"], it["value"]) == (unit, value)]
    return only


def units(found, family):
    return {it["unit"] for it in found["effects"] if it["family"] == family}


def paired(bits, rows):
    return Paired((bits[1] - bits[0])[:, rows], SIZES[rows])


def test_effects_are_the_formulas(compared, bits):
    drawn = bits()
    found, _ = compared(drawn)
    (whole,) = effects({"it": paired(drawn, np.arange(len(NAMES)))}).values()
    told = row(found)
    assert told["difference"] == pytest.approx((drawn[1] - drawn[0]).sum() / 3 / SIZES.sum())
    for name in ("difference", "low", "high", "p_adjusted", "seed_deviation", "document_error"):
        assert told[name] == pytest.approx(getattr(whole, name)), name
    assert told["by_seed"] == pytest.approx(whole.by_seed)
    baseline = drawn[0].sum() / 3 / SIZES.sum()
    assert told["bits_per_byte"] == pytest.approx(baseline + whole.difference)
    assert (told["counted"], told["documents"], told["seeds"]) == ("sites", 43, 3)
    # Languages are one family, whose seeds lend one another what they know.
    family = {ENGLISH: paired(drawn, np.arange(20)), SPANISH: paired(drawn, np.arange(20, 36))}
    for name, effect in effects(family, noise=borrowed(family)).items():
        assert row(found, name)["high"] == pytest.approx(effect.high)
        assert row(found, name)["p_adjusted"] == pytest.approx(effect.p_adjusted)
        assert row(found, name)["borrowed_df"] == BORROWED_DF
    assert whole.borrowed_df == told["borrowed_df"] == 0


@pytest.mark.parametrize(("count", "counted"), [(7, "documents"), (8, "sites")])
def test_sites_are_counted_where_there_are_enough_of_them(compared, bits, count, counted):
    drawn = bits()
    sites = np.arange(len(NAMES)) % count
    found, _ = compared(drawn, sites=[f"s{number}" for number in sites])
    difference, sizes = drawn[1] - drawn[0], SIZES
    if counted == "sites":
        summed = [difference[:, sites == number].sum(axis=1) for number in range(count)]
        difference = np.stack(summed, axis=1)
        sizes = np.array([SIZES[sites == number].sum() for number in range(count)])
    expected = effects({"it": Paired(difference, sizes)})["it"]
    assert row(found)["counted"] == counted
    assert row(found)["high"] == pytest.approx(expected.high)
    assert found["yardstick"]["sites"] == count


def test_a_document_without_a_site_is_its_own(compared, bits):
    found, _ = compared(bits(), sites=[None] * len(NAMES))
    assert found["yardstick"]["sites"] == 0
    assert (row(found)["counted"], units(found, "domain")) == ("documents", set())


def test_documents_are_told_apart_by_who_keeps_them(compared, bits):
    # Without ``kept`` all are kept; the arm drops the first 12.
    found, _ = compared(bits(), dropped={1: NAMES[:12]})
    told = {it["unit"]: it["documents"] for it in found["effects"] if it["family"] == "group"}
    assert told == {"kept by both": 31, "kept by the baseline alone": 12}


def test_where_all_keep_the_same_there_are_no_groups(compared, bits):
    assert units(compared(bits())[0], "group") == set()


def test_documents_are_told_apart_by_any_column(compared, bits):
    years = pa.array([None] * 9 + [2001] * 9 + [2002] * 25, pa.int32())
    found, _ = compared(bits(), columns={"year": years}, by=["year"])
    told = {it["unit"]: it["documents"] for it in found["effects"] if it["family"] == "year"}
    assert told == {"2001": 9, "2002": 25}
    assert set(found["untold"]) == {"year"}


def test_a_column_asks_for_the_documents(compared, bits):
    with pytest.raises(DataError, match="by 'year': that is a column of documents"):
        compared(bits(), by=["year"])


def test_few_documents_are_untold(compared, bits):
    found, _ = compared(bits(), sites=[f"s{number % 9}" for number in range(len(NAMES))])
    assert units(found, "language") == {ENGLISH, SPANISH}
    assert found["untold"] == {"language": [XHOSA], "domain": [f"s{number}" for number in range(9)]}


def test_what_an_arm_trains_on_is_measured_in_none(compared, bits):
    drawn = bits()
    drawn[1][:, 3] += 1e6  # what has been read, or its absence, would decide all
    found, folder = compared(drawn, train={1: [NAMES[3]]}, near=["x", "y"])
    kept = np.arange(len(NAMES)) != 3
    difference = (drawn[1] - drawn[0])[:, kept].sum() / SEEDS / SIZES[kept].sum()
    assert row(found)["difference"] == pytest.approx(difference)
    assert row(found)["documents"] == found["yardstick"]["documents"] == 42
    assert found["yardstick"]["bytes"] == SIZES[kept].sum()
    assert found["yardstick"]["left_out_by_an_arm"] == 1
    assert found["yardstick"]["left_out_near_duplicates"] == 2
    assert NAMES[3] not in pq.read_table(folder / "documents.parquet")["id"].to_pylist()
    assert NAMES[3] not in (folder / "examples.json").read_text()


def test_an_arm_without_bits_is_the_same_by_construction(compared, bits):
    drawn = bits(arms=3)
    found, folder = compared({0: drawn[0], 2: drawn[2]})
    told = row(found)
    assert (told["verdict"], told["by_construction"], told["difference"]) == ("same", True, 0)
    assert told["bits_per_byte"] == pytest.approx(drawn[0].sum() / 3 / SIZES.sum())
    assert [it["unit"] for it in found["effects"] if it["value"] == "arm1"] == ["whole"]
    assert not row(found, value="arm2")["by_construction"]
    assert set(json.loads((folder / "examples.json").read_text())) == {"arm2"}
    assert "difference_1" not in pq.read_table(folder / "documents.parquet").column_names


def test_the_margin_is_what_more_tokens_are_worth(compared, bits):
    drawn = bits(effect=0.004, noise=0.0002)
    found, _ = compared(drawn, half=drawn[0] + 0.2 * SIZES)
    slope = 0.2 / math.log(2)
    assert found["slope_bits_per_byte"] == pytest.approx(slope)
    assert found["margin_bits_per_byte"] == pytest.approx(slope * math.log(1.05))
    told = row(found)
    assert (told["verdict"], told["within_margin"]) == ("worse", True)
    assert told["worth_tokens"] == pytest.approx(math.exp(-told["difference"] / slope) - 1)
    assert told["worth_tokens_low"] < told["worth_tokens"] < told["worth_tokens_high"] < 0


@pytest.mark.parametrize(("margin", "is_within"), [(0.001, False), (0.02, True)])
def test_the_margin_may_be_given(compared, bits, margin, is_within):
    found, _ = compared(bits(effect=0.004, noise=0.0002), margin_bits_per_byte=margin)
    assert (found["margin_bits_per_byte"], row(found)["within_margin"]) == (margin, is_within)
    assert row(found)["verdict"] == "worse"
    assert row(found)["worth_tokens"] is found["slope_bits_per_byte"] is None


def test_what_is_within_the_margin_and_of_no_sure_side_is_the_same(compared, bits):
    found, _ = compared(bits(), margin_bits_per_byte=0.5)
    assert row(found)["verdict"] == "same"


def test_where_more_tokens_make_it_worse_nothing_is_told_in_tokens(compared, bits):
    drawn = bits()
    found, _ = compared(drawn, half=drawn[0] - SIZES)
    assert found["slope_bits_per_byte"] is found["margin_bits_per_byte"] is None
    assert row(found)["worth_tokens"] is None


def test_one_seed_has_no_interval(compared, bits):
    drawn = bits(seeds=1)
    found, _ = compared(drawn, half=drawn[0] + SIZES)
    told = row(found)
    assert (told["low"], told["seed_deviation"], told["p_adjusted"]) == (None, None, None)
    assert (told["verdict"], told["limited_by"]) == ("cannot tell", "seeds")
    names = ("unpaired_deviation", "paired_deviation", "variance_removed")
    assert {found["noise"][name] for name in names} == {None}


def test_seeds_are_in_the_order_of_their_numbers(compared, bits):
    drawn = bits(seeds=11)
    found, _ = compared(drawn)
    by_seed = (drawn[1] - drawn[0]).sum(axis=1) / SIZES.sum()
    assert row(found)["by_seed"] == pytest.approx(by_seed)


def test_noise_is_that_of_single_models_and_of_pairs(compared, bits):
    drawn = bits(arms=3)
    found, _ = compared(drawn)
    by_run = drawn.sum(axis=2) / SIZES.sum()
    single = math.sqrt(by_run.var(axis=1, ddof=1).mean())
    pairs = math.sqrt((by_run[1:] - by_run[0]).var(axis=1, ddof=1).mean())
    noise = found["noise"]
    assert noise["unpaired_deviation"] == pytest.approx(math.sqrt(2) * single)
    assert noise["paired_deviation"] == pytest.approx(pairs)
    assert noise["variance_removed"] == pytest.approx(1 - pairs**2 / (2 * single**2))
    assert 0 < noise["variance_removed"] < 1


def test_earlier_comparisons_lend_their_noise_to_the_units_they_measured(compared, bits):
    drawn, lender = bits(), "evaluation.ablation-0a1b"
    lent = {"deviation": 0.02, "df": 2.0}
    table = {"whole": {"whole": lent}, "language": {ENGLISH: lent}}
    found, _ = compared(drawn, lenders=[lender], lent=table)
    known = {"it": Noise(0.02, 2.0, "known")}
    expected = effects({"it": paired(drawn, np.arange(len(NAMES)))}, known=known)["it"]
    told, english = row(found), row(found, ENGLISH)
    assert told["lent_df"] == told["borrowed_df"] == pytest.approx(expected.lent_df)
    assert told["lent_df"] > 0
    assert told["high"] == pytest.approx(expected.high)
    assert told["borrowed_from"] == "earlier comparisons"
    assert english["borrowed_from"] == "the median of the 2 units compared and earlier comparisons"
    assert english["borrowed_df"] == pytest.approx(BORROWED_DF + english["lent_df"])
    assert row(found, SPANISH)["lent_df"] == 0
    assert found["noise"]["lenders"] == [lender]
    assert found["noise"]["lent_df"] == max(told["lent_df"], english["lent_df"])


def test_a_comparison_says_of_what_runs_it_is(compared, bits):
    drawn = bits(arms=3)
    runs = compared({0: drawn[0], 2: drawn[2]})[0]["runs"]
    assert {arm: len(made) for arm, made in runs.items()} == {"baseline": SEEDS, "arm2": SEEDS}


def test_what_gained_and_lost_most_is_shown(compared, bits):
    drawn = bits(noise=0)
    drawn[1] += (np.arange(len(NAMES)) - 14.5) * SIZES
    _, folder = compared(drawn)
    ends = json.loads((folder / "examples.json").read_text())["arm1"]
    assert [it["id"] for it in ends["gained"]] == NAMES[:10]
    assert [it["id"] for it in ends["lost"]] == NAMES[:-11:-1]
    assert ends["gained"][0] == {
        "id": "d00",
        "language": ENGLISH,
        "bytes": 100,
        "difference": pytest.approx(0.05 - 14.5),
        "url": "https://d00.example",
        "text": "Text of d00.",
    }


def test_what_changed_upstream_is_told(compared, bits):
    mixes = {0: {ENGLISH: 0.5, SPANISH: 0.5}, 1: {ENGLISH: 0.2, XHOSA: 0.8}}
    found, _ = compared(bits(), mixes=mixes)
    shares = ("train_share_before", "train_share")
    assert [row(found, ENGLISH)[name] for name in shares] == [0.5, 0.2]
    assert [row(found, SPANISH)[name] for name in shares] == [0.5, 0]
    assert [row(found)[name] for name in shares] == [None, None]
    arm = found["arms"][1]
    assert (arm["max_repetition"], arm["most_repeated_language"]) == (1000 * 0.8 / 200, XHOSA)
    assert (arm["value"], arm["documents"], arm["train_bytes"]) == ("arm1", 18, 4000)


@pytest.mark.parametrize(
    ("leave_out", "told"),
    [
        (["bits.1-1"], r"arm 1: seeds \['0', '2'\], the baseline's \['0', '1', '2'\]"),
        (["half.0"], r"arm 0: seeds \['1', '2'\]"),
        ([f"bits.0-{seed}" for seed in range(SEEDS)], "no bits of the baseline"),
    ],
)
def test_a_missing_seed_is_told(compared, bits, leave_out, told):
    drawn = bits()
    with pytest.raises(DataError, match=told):
        compared(drawn, half=drawn[0], leave_out=leave_out)


def test_bits_of_other_documents_are_told(compared, bits, tmp_path):
    few = {"id": NAMES[:9], "language": LANGUAGES[:9], "bytes": [1] * 9, "bits": [1.0] * 9}
    (tmp_path / "few").mkdir()
    pq.write_table(pa.table(few | {"site": NAMES[:9]}), tmp_path / "few" / "documents.parquet")
    with pytest.raises(DataError, match="arm 1, seed 2: bits of other documents"):
        compared(bits(), others={"bits.1-2": shard(tmp_path / "few")})


def test_where_nothing_is_held_out_by_all_nothing_is_told(compared, bits):
    with pytest.raises(DataError, match="no document is left to tell"):
        compared(bits(), train={1: NAMES})
