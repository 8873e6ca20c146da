"""Detours through planted translators: what they are worth is known.

The planted model takes the choice that shares most words with the question. It knows all words of
English, and of other languages those that a lot gives it; so what a language lacks, and what a
translator loses, are planted apart from one another.
"""

import itertools
import random
from dataclasses import replace

import pyarrow as pa
import pytest

from bedstone.config import Config
from bedstone.errors import ConfigError
from bedstone.evaluation import translations
from bedstone.evaluation.pivot import wanted
from bedstone.evaluation.pivot.detour import pivoted
from bedstone.evaluation.pivot.forecast import foreseen
from bedstone.evaluation.pivot.translators import Apertium, Translated
from bedstone.evaluation.pivot.wanted import Translating, Wanted
from bedstone.lots import lot
from bedstone.progress import Progress
from bedstone.sampling.choosing.comparison import Prices
from bedstone.sampling.choosing.pace import Pace
from bedstone.sampling.source import Source
from bedstone.store import tables
from bedstone.store.adoption import adopt
from bedstone.store.build import build
from bedstone.store.engine import Local
from bedstone.store.making import Making
from bedstone.store.stage import Result, Stage
from bedstone.tasks.items import Item, items_of, write_items
from bedstone.tasks.stored import ANSWERS, SCORES, WAITS

ENGLISH, SPANISH, GALICIAN = "eng_Latn", "spa_Latn", "glg_Latn"
WORDS = [
    "".join(each) for each in itertools.product("bdgklmnprst", "aeiou", "bdgklmnprst", "aeiou")
]
ITEMS = 120
SHARES = (0, 0.2, 0.4, 0.9)
"""Of words that get lost."""


class Planted:
    """Back from the made language, as ``change`` has it; ``fails`` on lines that hold a word."""

    def __init__(self, change=lambda words, line: words, fails=None):
        self.change, self.fails = change, fails

    def translate(self, lines):
        return [self.one(line) for line in lines]

    def one(self, line):
        if self.fails is not None and self.fails in line:
            return Translated("", "planted", 0.1)
        words = self.change([english(word) for word in line.split()], line)
        return Translated(" ".join(words) or "o", "", 0.1, len(line.split()), len(words))


def dropping(share):
    """Some words of each line get lost."""

    def change(words, line):
        return [word for word in words if lot(f"{word} in {line}", "drop") >= share]

    return change


def spanish(word):
    return word + "x"


def english(word):
    return word.removesuffix("x")


def suite(copied=False, languages=(SPANISH,), clusters=1):
    """Questions of six words; the right one of four choices holds three of them, others one."""
    dice = random.Random(7)
    for number in range(ITEMS):
        words = dice.sample(WORDS, 20)
        asked, others = words[:6], iter(words[6:])
        choices = [[asked[3 + place], next(others), next(others)] for place in range(3)]
        gold = dice.randrange(4)
        choices.insert(gold, dice.sample(asked[:3], 3))
        for language in (ENGLISH, *languages):
            as_is = copied or language == ENGLISH
            said = [
                " ".join(it if as_is else spanish(it) for it in each) for each in (asked, *choices)
            ]
            yield Item(
                "planted",
                f"planted/{language}/{number}",
                language,
                "acc",
                question=said[0],
                choices=tuple(said[1:]),
                gold=gold,
                parallel_id=str(number),
                passage_id=str(number // clusters),
            )


def scored(known):
    """Scores by shared words; of another language's words a share is ``known``."""

    def knows(word):
        return not word.endswith("x") or lot(word, "known") < known

    def rows(items):
        for item in items:
            words = {word for word in item.question.split() if knows(word)}
            for choice, text in enumerate(item.choices):
                shared = len(words & set(text.split()))
                row = {"item": item.id, "choice": choice, "logprob": 1.0 * shared}
                yield row | {
                    "alone_logprob": 0.0,
                    "tokens": 4,
                    "prompt_tokens": 6,
                    "is_split": False,
                }

    return lambda items: pa.Table.from_pylist(list(rows(items)), SCORES)


@pytest.fixture
def begun(job, store, monkeypatch):
    """Who translates, the items, and what asks the model, by a planted translator and table."""
    numbers = itertools.count()

    def begin(items, translator, table, by="apertium", by_self=None, pivot="eng", **options):
        planted = {"apertium": translator, "model": by_self or translator}
        for module in (translations, wanted):
            monkeypatch.setattr(module, "translator_of", lambda config, inputs: planted[config.by])
        monkeypatch.setattr(Apertium, "between", lambda *both: Apertium("-".join(both)))
        monkeypatch.setattr(Apertium, "version", "planted")
        own = job(f"suite{next(numbers)}")
        write_items(own, list(items))
        model = job(f"model{next(numbers)}")
        (model.folder / "model").write_text(str(next(numbers)))

        def ask(artifact):
            answered = table(list(items_of(artifact)))

            def run(config, job):
                beside = [it for it in answered.column_names if it == "seconds"]
                if beside:
                    tables.write(job, "about/parts/000000.parquet", answered.select(beside))
                tables.write(job, "parts/000000.parquet", answered.drop_columns(beside))
                return Result({})

            stage = Stage(f"test.answered{next(numbers)}", 1, Config, (), run)
            return [build(stage, Config(), {}, making.store, Local())]

        making = Making(store / str(next(numbers)), Local(), Progress())
        source = Source({"model": adopt([model.folder], making.store)})
        who = Translating(source, Wanted(pivot, by, **options), making)
        return who, adopt([own.folder], making.store), ask

    return begin


@pytest.fixture
def detour(begun):
    """What a detour is worth: ``detour(items, translator, model's table)``."""
    return lambda *given, **options: pivoted(*begun(*given, **options))


def only(found):
    ((row,),) = (suite["languages"] for suite in found["suites"])
    return row


def test_where_languages_are_copies_nothing_is_lost_or_gained(detour):
    row = only(detour(suite(copied=True), Planted(), scored(0.0)))
    assert row["items"] == ITEMS
    assert row["arms"]["direct"]["score"] == 1
    for name in ("language_gap", "translation_loss", "detour_gain", "self_gain"):
        assert (row[name]["value"], row[name]["gains"], row[name]["losses"]) == (0, 0, 0)
    assert row["recommendation"] == "cannot tell"
    assert row["arms"]["in_out"] is None
    assert row["return_loss"] is None


def test_what_a_translator_drops_is_its_loss_and_never_the_language_s(detour):
    found = [only(detour(suite(), Planted(dropping(q)), scored(0.4))) for q in SHARES]
    losses = [row["translation_loss"]["value"] for row in found]
    assert losses[0] == 0
    assert all(after > before + 0.05 for before, after in itertools.pairwise(losses))
    gaps = {(row["language_gap"]["value"], row["language_gap"]["low"]) for row in found}
    assert len(gaps) == 1
    assert min(gaps)[1] > 0
    for row in found:
        gain = row["language_gap"]["value"] - row["translation_loss"]["value"]
        assert row["detour_gain"]["value"] == pytest.approx(gain)
    assert [row["recommendation"] for row in found] == ["detour", "detour", "cannot tell", "direct"]


def test_the_share_that_survives_is_told(detour):
    def numbers(words, line):
        return [word for word in words if not word.isdecimal() or lot(line, "n") >= 0.25]

    items = [
        Item("s", f"s/{n}", SPANISH, "acc", question=f"bax {n}", choices=("a", "b"), gold=0)
        for n in range(400)
    ]
    share = detour(items, Planted(numbers), scored(0.5))["survival"][SPANISH]["numbers"]
    assert share["low"] < 0.75 < share["high"]
    assert share["n"] == 400
    assert share["by_people"] is None


def test_an_item_that_fails_is_left_out_of_every_arm(detour):
    items = list(suite())
    failing = next(item for item in items if item.language == SPANISH)
    word = failing.question.split()[0]
    row = only(detour(items, Planted(fails=word), scored(0.5), by_self=Planted()))
    lost = sum(word in f"{it.question} {it.choices}" for it in items if it.language == SPANISH)
    assert row["items"] == ITEMS - lost < ITEMS
    assert row["left_out"] == {"direct": 0, "in": lost, "self": 0, "gold_in": 0}
    without = [it for it in items if word not in f"{it.question} {it.choices}"]
    same = only(detour(without, Planted(), scored(0.5)))
    assert [row["arms"][it]["score"] for it in row["arms"] if row["arms"][it]] == [
        same["arms"][it]["score"] for it in same["arms"] if same["arms"][it]
    ]


def test_passages_are_the_units_of_an_interval(detour):
    one, many = (only(detour(suite(clusters=n), Planted(), scored(0.5))) for n in (1, 12))
    assert one["detour_gain"]["value"] == many["detour_gain"]["value"]
    few = only(detour(suite(clusters=40), Planted(), scored(0.5)))
    assert few["detour_gain"]["low"] is None
    assert few["recommendation"] == "cannot tell"


def test_p_values_are_adjusted_over_the_languages(detour):
    found = detour(suite(languages=(SPANISH, GALICIAN)), Planted(dropping(0.5)), scored(0.5))
    rows = found["suites"][0]["languages"]
    assert [row["language"] for row in rows] == [GALICIAN, SPANISH]
    both = sorted(row["detour_gain"]["p"] for row in rows)
    assert min(row["detour_gain"]["p_adjusted"] for row in rows) == pytest.approx(
        min(1, 2 * both[0])
    )


def test_without_what_people_wrote_there_is_no_gap(detour):
    items = [item for item in suite() if item.language == SPANISH]
    found = detour(items, Planted(), scored(0.5))
    row = only(found)
    assert row["arms"]["gold_in"] is None
    assert row["language_gap"] is None
    assert row["translation_loss"] is None
    assert row["detour_gain"]["low"] > 0
    assert found["survival"][SPANISH]["chrf"] is None


def test_calls_tokens_and_waiting_are_those_of_all_steps(detour):
    row = only(detour(suite(), Planted(), scored(0.5)))
    # An endpoint is given the prompt, each choice with it, and alone; a line is a call too.
    assert row["calls"] == {"direct": 9, "in": 14, "in_out": None, "self": 14, "gold_in": 9}
    assert row["tokens"]["direct"] == 6 + 4 * (6 + 4) + 4 * (1 + 4) + 9
    assert row["tokens"]["in"] == row["tokens"]["direct"] + 2 * (6 + 4 * 3)
    assert row["arms"]["in"]["waiting_seconds"] is None
    right = row["arms"]["direct"]["score"] / row["tokens"]["direct"] * 1e6
    assert row["arms"]["direct"]["right_per_million_tokens"] == pytest.approx(right)


def answered(right_in):
    """Answers that are right in these languages: the third word of the question."""

    def rows(items):
        for item in items:
            word = item.question.split()[2] if item.language in right_in else "nothing"
            row = {"problem": item.id, "sample": 0, "prompt": item.question, "text": word}
            yield row | {"prompt_tokens": 6, "completion_tokens": 1, "seconds": 2.0}

    timed = pa.unify_schemas([ANSWERS, WAITS])
    return lambda items: pa.Table.from_pylist(list(rows(items)), timed)


def asked():
    for item in suite():
        words = item.question.split()
        yield Item(
            "asked",
            item.id,
            item.language,
            "exact_match",
            question=item.question,
            answers=(words[2],),
            parallel_id=item.parallel_id,
        )


class There(Planted):
    """There without fault; back, some answers get lost."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def translate(self, lines):
        if all(line.endswith("x") or " " in line for line in lines):
            return super().translate(lines)
        return [
            Translated("otra" if lot(line, "back") < self.share else spanish(line), "", 0.5)
            for line in lines
        ]


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_what_is_lost_on_the_way_back_is_told_apart(detour, share):
    row = only(detour(asked(), There(share), answered([ENGLISH])))
    assert row["language_gap"]["value"] == row["detour_gain"]["value"] == 1
    loss = row["return_loss"]
    assert loss["low"] <= share <= loss["high"]
    assert row["round_gain"]["value"] == pytest.approx(1 - loss["value"])
    assert row["calls"] == {"direct": 1, "in": 3, "in_out": 4, "self": 3, "gold_in": 1}
    assert row["arms"]["in_out"]["waiting_seconds"] == pytest.approx(2.7)
    assert row["recommendation"] == "detour"


def test_without_a_way_back_the_other_ways_are_told(detour):
    class OneWay(There):
        def translate(self, lines):
            if not all(line.endswith("x") or " " in line for line in lines):
                raise ConfigError("no mode from eng_Latn to spa_Latn")
            return super().translate(lines)

    found = detour(asked(), OneWay(0.0), answered([ENGLISH]))
    row = only(found)
    assert row["arms"]["in_out"] is None
    assert row["detour_gain"]["value"] == 1
    assert row["recommendation"] == "cannot tell"  # what is gained cannot be read
    assert found["not_translated"] == {
        f"{ENGLISH} to {SPANISH}": "no mode from eng_Latn to spa_Latn"
    }


def test_where_most_answers_do_not_come_back_no_detour_is_recommended(detour):
    class Failing(There):
        def translate(self, lines):
            return [
                each if " " in line or line.endswith("x") else Translated("", "planted", 0.5)
                for line, each in zip(lines, super().translate(lines), strict=True)
            ]

    row = only(detour(asked(), Failing(0.0), answered([ENGLISH])))
    assert row["left_out"]["in_out"] == row["items"] == ITEMS
    assert row["detour_gain"]["low"] > 0.9
    assert (row["round_gain"], row["recommendation"]) == (None, "cannot tell")


def test_a_language_without_a_translator_is_named_and_the_others_told(detour):
    class NoGalician(Planted):
        def translate(self, lines):
            if any(line.startswith("galician") for line in lines):
                raise ConfigError("no mode from glg_Latn to eng_Latn")
            return super().translate(lines)

    items = list(suite())
    other = Item("planted", "g", GALICIAN, "acc", question="galician", choices=("a", "b"), gold=0)
    found = detour([*items, other], NoGalician(), scored(0.5))
    assert found["not_translated"] == {GALICIAN: "no mode from glg_Latn to eng_Latn"}
    assert [row["language"] for row in found["suites"][0]["languages"]] == [SPANISH]
    with pytest.raises(ConfigError, match="no mode"):
        detour([other], NoGalician(), scored(0.5))


@pytest.mark.parametrize("name", ["nobody", "http://127.0.0.1:9/v1"])
def test_a_translator_that_is_none_is_refused(detour, name):
    with pytest.raises(ConfigError, match=f"no translator|{name}: no name"):
        detour(suite(), Planted(), scored(0.5), by=name)


MILLION = Prices(0.0, 1e6 / 256)
NOTHING_LEFT = {"scores_to_make": 0, "answers_to_draw": 0}


def test_what_it_will_ask_is_known_before_and_what_is_stored_is_not_asked_again(begun):
    items, cost = list(suite()), dict(NOTHING_LEFT)
    lines = {text for it in items if it.language == SPANISH for text in (it.question, *it.choices)}
    count, pace = len(lines), Pace(1.0, 0.0, 0.5)
    by, asked, ask = begun(items, Planted(), scored(0.5), prices=MILLION)
    found = foreseen(by, asked, lambda _: cost, pace)
    assert found.pop("prompt_tokens_at_most") > count * len("Translate this from Spanish")
    assert found == {
        "items": 2 * ITEMS,
        "calls": {"translator": count, "self": count},
        "completion_tokens_at_most": 256 * count,
        "seconds_about": 1 + 0.5 * 256 * count,
        "usd_at_most": 0,
    }
    pivoted(by, asked, ask)
    after = foreseen(by, asked, lambda _: cost, pace)
    assert after.pop("calls") == {"translator": 0, "self": 0}
    assert set(after.values()) == {0}
    cost["scores_to_make"] = 4
    assert foreseen(by, asked, lambda _: cost, pace)["items"] == 2 * ITEMS


def test_what_endpoints_take_to_translate_is_told(begun, job, store, monkeypatch):
    probe = job("probe")
    (probe.folder / "findings").write_text("")
    endpoint = Source({"probe": adopt([probe.folder], store)})
    monkeypatch.setattr(Source, "of_url", lambda *_, **__: endpoint)
    found = []
    for name, is_local in (("http://127.0.0.1:9/v1#m", True), ("self", False), ("self", True)):
        by, asked, _ = begun(suite(), Planted(), scored(0.5), by=name, prices=MILLION)
        by = by if is_local else replace(by, source=endpoint)
        pace = Pace(0.0, 0.0, 1.0) if is_local else None
        found.append(foreseen(by, asked, lambda _: NOTHING_LEFT, pace))
    url, remote, local = found
    count = url["calls"]["self"]
    assert url["calls"] == {"translator": count, "self": count}
    assert remote["calls"] == local["calls"] == {"translator": 0, "self": count}
    assert [each["usd_at_most"] for each in found] == [count, count, 0]
    assert [each["seconds_about"] for each in found] == [256 * count, None, 256 * count]
    assert url["completion_tokens_at_most"] == 2 * 256 * count


def test_a_translator_of_none_of_the_languages_is_refused_before_anything_is_asked(begun):
    by, asked, _ = begun(suite(languages=(SPANISH, GALICIAN)), Planted(), scored(0.5))

    def only_for(*languages):
        def made(config, inputs):
            if config.source not in languages:
                raise ConfigError(f"no mode from {config.source}")

        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wanted, "translator_of", only_for(GALICIAN))
        by.refuse_unusable([asked])
        patch.setattr(wanted, "translator_of", only_for())
        with pytest.raises(ConfigError, match="no mode from"):
            by.refuse_unusable([asked])


@pytest.mark.parametrize("code", ["en", "eng_Latn", "elvish"])
def test_a_pivot_has_any_code_that_means_a_language(detour, code):
    items = list(suite(languages=()))[:9]
    items += [replace(item, id=f"es {item.id}", language=SPANISH) for item in items]
    if code == "elvish":
        with pytest.raises(ConfigError, match="no language 'elvish'"):
            detour(items, Planted(), scored(0.5), pivot=code)
    else:
        assert detour(items, Planted(), scored(0.5), pivot=code)["pivot"] == ENGLISH


def test_a_way_on_which_many_items_fail_takes_none_from_the_others(detour):
    class OneInThree(Planted):
        def one(self, line):
            fails = lot(line, "fails") < 0.1  # of five lines of an item
            return Translated("", "planted", 0.1) if fails else super().one(line)

    row = only(detour(suite(), Planted(), scored(0.5), by_self=OneInThree()))
    assert row["items"] == ITEMS
    assert row["arms"]["self"] is None
    assert ITEMS / 5 < row["left_out"]["self"] < ITEMS / 1.5
