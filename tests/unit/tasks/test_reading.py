"""Answers planted in texts of many languages, and what is read of them."""

import csv
import re
import sys
import tomllib
import unicodedata
from collections import Counter
from importlib.resources import files

import pytest
from babel import Locale, UnknownLocaleError

from bedstone.languages import known
from bedstone.tasks.items import Item
from bedstone.tasks.problems import stated_number
from bedstone.tasks.reading import (
    as_number,
    chrf,
    letter_in,
    line_in,
    number_in,
    plain,
    reading_of,
    signs_of,
)

ZEROS = [chr(code) for code in range(sys.maxunicode) if unicodedata.decimal(chr(code), None) == 0]
OPTIONS = ("Kigali", "Lomé", "Cotonou", "Bamako")


@pytest.mark.parametrize("zero", ZEROS, ids=lambda zero: f"{ord(zero):x}")
def test_all_digits_of_unicode_are_read(zero):
    written = "".join(chr(ord(zero) + int(digit)) for digit in "9042")
    assert number_in(f"x: {written}.", "tel") == "9042"
    assert as_number(written, "tel") == "9042"


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("tel", "సమాధానం ౪౨", "42"),
        ("ben", "৭ বাদ দিলে উত্তর হল ৪২।", "42"),
        ("hin", "कुल 1,00,000 रुपये", "100000"),
        ("hin", "१२,३४,५६७.५", "1234567.5"),
        ("deu", "Das macht 1.000,5 Euro.", "1000.5"),
        ("deu", "1,234.5", "1234.5"),
        ("deu", "3.5", "3.5"),
        ("deu", "1.234", "1234"),
        ("eng", "1.234", "1.234"),
        ("eng", "1.234,5", "1234.5"),
        ("fra", "soit 1\u202f000,5 mètres", "1000.5"),
        ("fra", "12 345 678", "12345678"),
        ("fra", "en 2019 300 personnes", "300"),
        ("eng", "12 345", "345"),
        ("ara", "الجواب ١٬٠٠٠٫٥", "1000.5"),
        ("deu", "١٬٠٠٠٫٥", "1000.5"),
        ("gsw", "1’000’000", "1000000"),
        ("zho", "答案是１８。", "18"),
        ("tha", "คำตอบคือ ๑๘ บาท", "18"),
        ("eng", "The answer is $2,125.00.", "2125"),
        ("eng", "Answer: 3 + 4 = 7\nThat took 9 steps", "7"),
        ("eng", "3 dogs, so 5", "5"),
        ("eng", "1,2,3", "3"),
        ("eng", "10²", "10"),
        ("eng", "pages 5–7", "7"),
        ("tel", "పేజీ-5", "5"),
        *(("eng", f"it is {minus}5", "-5") for minus in "-−‐‑–－﹣"),
        ("eng", "..", None),
        ("eng", "", None),
    ],
)
def test_numbers_as_languages_write_them(language, text, number):
    assert number_in(text, language) == number


def test_what_a_plain_pattern_does_not_find_is_found():
    harness = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
    assert harness.search("సమాధానం ౪౨") is None
    assert harness.search("..")
    assert number_in("సమాధానం ౪౨", "tel") == "42"


def test_english_numbers_are_those_of_the_puzzles():
    for text in ("so 1,050.50", "answer 12", "−3", "(2)-4", "12 apples, 3 pears", "#### 7"):
        assert number_in(text, "eng") == stated_number(text)


def test_a_number_of_a_million_digits():
    assert number_in("9" * 10**6, "eng") == "9" * 10**6
    assert len(number_in("1," * 10**5 + "000", "hin")) < 10**6


def test_signs_are_those_of_cldr():
    own = {}
    for code, language in known().items():
        for name in language.cldr:
            try:
                symbols = Locale.parse(name.replace("-", "_")).number_symbols
            except (UnknownLocaleError, ValueError):
                continue
            found = symbols.get("latn", symbols)
            signs = (found[name] for name in ("group", "decimal"))
            own[code] = tuple(unicodedata.normalize("NFKC", sign) for sign in signs)
            break
    assert len(own) > 190
    assert {code: tuple(signs_of(code)) for code in own} == own
    table = files("bedstone.tasks").joinpath("number_signs.tsv").read_text("utf-8")
    assert {row[0] for row in csv.reader(table.splitlines()[1:], delimiter="\t")} <= set(own)


def test_phrases_are_of_known_languages_and_in_small_letters():
    listed = tomllib.loads(files("bedstone.tasks").joinpath("phrases.toml").read_text("utf-8"))
    assert set(listed) == {"answer", "unknown"}
    for table in listed.values():
        assert set(table) <= set(known())
        assert list(table) == sorted(table)
        for phrases in table.values():
            assert all(phrase and phrase == phrase.lower() for phrase in phrases)


def test_each_language_abstains_in_its_own_words_and_in_english():
    listed = tomllib.loads(files("bedstone.tasks").joinpath("phrases.toml").read_text("utf-8"))
    for language, phrases in listed["unknown"].items():
        for phrase in phrases:
            assert line_in(phrase.capitalize() + ".", language) == "", phrase
            assert number_in(f"3: {phrase}", language) == "", phrase
        assert line_in("I don’t know.", language) == ""
    assert line_in("తెలియదు", "swa") == "తెలియదు"


def item(**fields):
    base = {"suite": "s", "id": "1", "language": "tel_Telu", "metric": "exact_match"}
    return Item(**base | fields)


def test_abstaining_is_right_only_where_nothing_else_is():
    for given in ((), ("42",), ("హైదరాబాద్",)):
        found = reading_of(item(answers=given), "నాకు తెలియదు.")
        assert (found.right, found.answer, found.is_read) == (float(not given), None, True)
    assert reading_of(item(metric="chrf"), "తెలియదు").right == 1.0
    found = reading_of(item(), "42")
    assert (found.right, found.answer) == (0.0, "42")
    late = reading_of(item(answers=("5",)), "I don't know the rest, but 5")
    assert (late.right, late.answer) == (1.0, "5")


def test_an_answer_that_is_not_there_is_unread():
    assert not reading_of(item(answers=("42",)), "హైదరాబాద్").is_read
    assert not reading_of(item(answers=("హైదరాబాద్",)), " \n.").is_read
    assert not reading_of(item(metric="chrf", answers=("హైదరాబాద్",)), "\n").is_read


@pytest.mark.parametrize(
    "text",
    [
        "«ЛОМЕ́»!",
        "the answer is: Ломе́.",
        "ломе́\nВопрос: Париж",
        "  *Ломе́*  ",
    ],
)
def test_texts_match_whatever_their_capitals_and_marks_around(text):
    found = reading_of(item(language="rus_Cyrl", answers=("Бамако", "Ломе́")), text)
    assert found.right == 1.0
    assert reading_of(item(language="rus_Cyrl", answers=("Ломе",)), text).right == 0.0


def test_vowel_marks_matter_and_width_does_not():
    assert plain("।ＡＢ\u3000c॥") == "ab c"
    assert plain("कि") != plain("की")
    assert plain("10²") != plain("10")


def slow_chrf(text, reference):
    """Shares of n-grams of 1 to 6 characters, averaged, and then F with recall twice as dear."""
    shares = []
    for size in range(1, 7):
        ours, theirs = (
            Counter(it[first : first + size] for first in range(len(it) - size + 1))
            for it in (text.replace(" ", ""), reference.replace(" ", ""))
        )
        if ours and theirs:
            same = (ours & theirs).total()
            shares.append((same / ours.total(), same / theirs.total()))
    precision, recall = (sum(each) / len(shares) for each in zip(*shares, strict=True))
    return 5 * precision * recall / (4 * precision + recall)


def test_chrf_is_the_published_one_and_of_the_best_reference():
    for text, reference in (
        ("the cat sat", "the cat sat on"),
        ("పిల్లి కూర్చుంది", "పిల్లి అక్కడ కూర్చుంది"),
        ("a cat", "the cat"),
    ):
        assert chrf(text, [reference]) == pytest.approx(slow_chrf(text, reference))
        assert chrf(text, ["xyz", reference]) == chrf(text, [reference])
    assert chrf("the cat", ["the cat"]) == 1.0
    assert chrf("", ["the cat"]) == 0.0
    found = reading_of(item(metric="chrf", answers=("the cat sat on",)), "The cat\n")
    assert (found.answer, found.is_read) == ("The cat", True)
    assert found.right == chrf("The cat", ["the cat sat on"])


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("B", 1),
        (" b.", 1),
        ("Ｂ", 1),
        ("(C) Cotonou", 2),
        ("D\nA. no", 3),
        ("**A**", 0),
        ("The answer is D because A is no capital", 3),
        ("答案是B", 1),
        ("lomé!", 1),
        ("It must be C, surely", 2),
        ("A bird", None),
        ("A or B", None),
        ("Bamako is a town in Mali", None),
        ("E", None),
        ("", None),
    ],
)
def test_letters(text, chosen):
    assert letter_in(text, OPTIONS, "zho") == chosen
    found = reading_of(item(language="zho_Hans", choices=OPTIONS, gold=1, metric="acc"), text)
    assert (found.chosen, found.is_read, found.right) == (chosen, chosen is not None, chosen == 1)


def test_i_is_a_pronoun_among_ten_options():
    ten = tuple(f"option {number}" for number in range(10))
    assert letter_in("I think it is C", ten, "eng") == 2
    assert letter_in("I", ten, "eng") == 8
