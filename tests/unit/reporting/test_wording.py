import pytest

from bedstone.reporting.wording import (
    SHOWN_LANGUAGES,
    SPACE,
    count,
    duration,
    interval,
    language_labels,
    most_spoken,
    percent,
    points,
    short,
    verdict,
)


@pytest.mark.parametrize(
    ("words", "value", "text"),
    [
        (count, 15_012, "15,012"),
        (short, 0, "0"),
        (short, 2.94, "2.94"),
        (short, 4_096, "4,096"),
        (short, 12_345, "12.3 k"),
        (short, 860_000, "860 k"),
        (short, 999_936, "1 M"),
        (short, 17.2e6, "17.2 M"),
        (percent, 0, "0 %"),
        (percent, 0.0031, "0.31 %"),
        (percent, 0.0996, "10 %"),
        (percent, 0.614, "61 %"),
        (percent, 1, "100 %"),
        (points, 0.304, "+30"),
        (points, -0.05, "-5"),
        (duration, 0.52, "0.5 s"),
        (duration, 59, "59 s"),
        (duration, 200, "3 min 20 s"),
        (duration, 7_260, "2 h 1 min"),
    ],
)
def test_numbers_have_the_digits_that_matter(words, value, text):
    assert words(value).replace(SPACE, " ") == text


def test_an_interval_has_both_bounds():
    assert interval(0.483, 0.571) == f"48–57{SPACE}%"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.2, "helped"),
        (-0.2, -0.01, "made it worse"),
        (-0.1, 0.1, "cannot be told to have helped"),
        (0.0, 0.1, "cannot be told to have helped"),
    ],
)
def test_a_verdict_is_as_sure_as_its_interval(low, high, said):
    assert verdict(low, high) == said


def test_a_script_is_named_where_the_language_alone_would_stand_twice():
    assert language_labels(["tel_Telu", "srp_Latn", "srp_Cyrl"]) == {
        "tel_Telu": "Telugu",
        "srp_Latn": "Serbian (Latn)",
        "srp_Cyrl": "Serbian (Cyrl)",
    }
    assert language_labels(["eng_Latn/yes", "eng_Latn/no", "tel_Telu/no"]) == {
        "eng_Latn/yes": "English, yes",
        "eng_Latn/no": "English, no",
        "tel_Telu/no": "Telugu, no",
    }


def test_the_languages_of_most_people_are_shown():
    keys = [f"q{number:02}_Latn" for number in range(SHOWN_LANGUAGES)]
    shown = most_spoken([*keys, "eng_Latn"])
    assert "eng_Latn" in shown
    assert len(shown) == SHOWN_LANGUAGES
