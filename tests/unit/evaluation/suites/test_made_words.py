import re
from collections import Counter, defaultdict
from importlib.resources import files
from statistics import mean

import pytest

from bedstone.corpus.sources.alignment import key_of
from bedstone.evaluation.suites.made_choices import Draw, are_distinct
from bedstone.evaluation.suites.made_words import (
    COUNTRIES,
    ROWS,
    SHOWN,
    facts,
    rows,
    words,
)
from bedstone.text.composition import composed

ALL = Draw(200, 0)
LANGUAGE = re.compile("[a-z]{2,3}(_[A-Z][a-z]{3})?")
"""A locale of no country."""
FALLBACKS = ("root", "en")
"""Whose words stand where CLDR knows none of the language."""


def table_of_babel() -> str:
    """What ``made_words.tsv`` holds: the words that languages have of their own."""
    from babel import Locale, localedata

    def known(name):
        locale = Locale.parse(name)
        named = [locale.days["stand-alone"]["wide"], locale.months["stand-alone"]["wide"]]
        named.append({code: locale.territories.get(code, "") for code in COUNTRIES})
        return [[composed(text) for _, text in sorted(each.items())] for each in named]

    names = filter(LANGUAGE.fullmatch, localedata.locale_identifiers())
    found = {}
    for name in sorted(names, key=lambda it: (it.count("_"), it)):
        foreign = zip(*(known(other) for other in FALLBACKS if other != name), strict=True)
        cells = []
        for texts, theirs in zip(known(name), foreign, strict=True):
            is_own = all(texts) and texts not in theirs and not set(texts) & set(theirs[0])
            cells += texts if is_own else [""] * len(texts)
        key = key_of(name, " ".join(cells))
        if any(cells) and key and not key.endswith("_Zyyy"):
            separator = Locale.parse(name).list_patterns["standard"]["middle"].format("", "")
            found.setdefault(key, [key, separator, *cells])
    header = ["language", "separator", *ROWS["days"], *ROWS["months"], *COUNTRIES]
    return "".join("\t".join(row) + "\n" for row in [header, *map(found.get, sorted(found))])


def test_the_words_are_cldr_s():
    table = files("bedstone.evaluation.suites").joinpath("made_words.tsv").read_text("utf-8")
    assert table == table_of_babel()
    assert len(table.encode()) < 250_000


@pytest.mark.parametrize("columns", [*ROWS.values(), COUNTRIES])
def test_a_language_has_all_of_a_kind_or_none_and_no_two_alike(columns):
    for language, theirs in words().items():
        known = [theirs[column] for column in columns if column in theirs]
        assert len(known) in (0, len(columns)), language
        assert are_distinct(known), language


def items_by_language(items):
    found = defaultdict(list)
    for item in items:
        found[item.language].append(item)
    return found


def test_a_row_goes_on_in_a_hundred_languages():
    found = items_by_language(rows("rows", ALL))
    assert len(found) > 300
    (item,) = [it for it in found["eng_Latn"] if it.parallel_id == "rows/days/wed/2"]
    assert (item.prompt, item.delimiter) == ("Monday, Tuesday,", " ")
    assert item.choices[item.gold] == "Wednesday"
    (item,) = [it for it in found["eng_Latn"] if it.parallel_id == "rows/months/1/3"]
    assert (item.prompt, item.choices[item.gold]) == ("October, November, December,", "January")


@pytest.mark.parametrize(
    ("language", "prompt", "delimiter", "right"),
    [
        ("jpn_Jpan", "月曜日、火曜日、", "", "水曜日"),
        ("tha_Thai", "วันจันทร์ วันอังคาร", " ", "วันพุธ"),
        ("ara_Arab", "الاثنين والثلاثاء و", "", "الأربعاء"),
        ("amh_Ethi", "ሰኞ፣ ማክሰኞ፣", " ", "ረቡዕ"),
    ],
)
def test_a_row_is_set_as_the_language_sets_a_list(language, prompt, delimiter, right):
    items = rows("rows", Draw(200, 0, (language,)))
    (item,) = [it for it in items if it.parallel_id == "rows/days/wed/2"]
    assert (item.prompt, item.delimiter, item.choices[item.gold]) == (prompt, delimiter, right)


def test_each_member_of_a_row_comes_next_as_often():
    english = rows("rows", Draw(200, 0, ("eng_Latn",)))
    golds = Counter(item.parallel_id.rpartition("/")[0] for item in english)
    assert len(golds) == sum(map(len, ROWS.values()))
    assert set(golds.values()) == {len(SHOWN)}


@pytest.mark.parametrize("language", ["eng_Latn", "rus_Cyrl", "tel_Telu"])
def test_the_longest_is_not_the_next(language):
    right, sizes, places = [], [], Counter()
    for seed in range(60):
        for item in rows("rows", Draw(200, seed, (language,))):
            lengths = [len(choice) for choice in item.choices]
            longest = [length == max(lengths) for length in lengths]
            right.append(longest[item.gold] / sum(longest))
            sizes.append(lengths[item.gold] / mean(lengths))
            places[item.gold] += 1
    assert mean(right) == pytest.approx(0.25, abs=0.02)
    assert mean(sizes) == pytest.approx(1, abs=0.02)
    assert all(places[place] / len(right) == pytest.approx(0.25, abs=0.04) for place in range(4))


@pytest.mark.parametrize("make", [rows, facts])
def test_each_language_is_asked_the_same(make):
    found = items_by_language(make("x", Draw(24, 5)))
    about = {
        language: {(it.id.split("/", 2)[2], it.parallel_id, it.passage_id, it.gold) for it in items}
        for language, items in found.items()
    }
    assert len(about["tel_Telu"]) == 24
    assert all(those <= about["eng_Latn"] for those in about.values())
    assert sum(those == about["eng_Latn"] for those in about.values()) > 200


@pytest.mark.parametrize("make", [rows, facts])
def test_the_seed_decides_what_is_asked(make):
    english = {
        seed: [item.prompt for item in make("x", Draw(24, seed, ("eng_Latn",)))] for seed in (5, 6)
    }
    assert english[5] == [item.prompt for item in make("x", Draw(24, 5, ("eng_Latn",)))]
    assert set(english[5]) != set(english[6])


def test_ids_are_nobody_else_s_and_choices_differ():
    items = [*rows("rows", ALL), *facts("facts", ALL)]
    assert len({item.id for item in items}) == len(items)
    assert all(len(set(item.choices)) == len(item.choices) for item in items)


def test_a_name_can_be_read_off_the_list_or_nobody_knows_it():
    items = items_by_language(facts("facts", ALL))["mar_Deva"]
    assert len(items) == 200
    known = set(words()["mar_Deva"].values())
    for item in items:
        listed = dict(line.split(": ") for line in item.context.splitlines())
        assert set(listed) < known
        assert len(set(listed.values())) == len(listed) == 6
        told = listed.get(item.question.removesuffix(":"))
        assert item.answers == ((told,) if told else ())
        assert item.domain == ("with fact" if told else "without fact")
        assert item.prompt == f"{item.context}\n{item.question}"


def test_a_list_is_asked_with_the_fact_and_without_in_two_orders():
    items = items_by_language(facts("facts", ALL))["tel_Telu"]
    by_passage = defaultdict(list)
    for item in items:
        by_passage[item.passage_id].append(item)
    assert len(by_passage) == 50
    for those in by_passage.values():
        assert len({item.question for item in those}) == 1
        with_fact, without = [
            [item for item in those if item.domain == domain]
            for domain in ("with fact", "without fact")
        ]
        for wordings in (with_fact, without):
            (one, other) = wordings
            assert one.parallel_id == other.parallel_id
            assert one.context.splitlines() == other.context.splitlines()[::-1]
        shared = set(with_fact[0].context.splitlines()) & set(without[0].context.splitlines())
        assert len(shared) == 5


def test_the_names_are_the_same_in_all_languages():
    found = items_by_language(facts("facts", ALL))
    answers = {it.parallel_id: it.answers for it in found["eng_Latn"]}
    assert all(it.answers == answers[it.parallel_id] for it in found["jpn_Jpan"])
    assert len(set(answers.values())) > 45
