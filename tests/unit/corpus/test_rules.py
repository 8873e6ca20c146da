import pytest

from bedstone.corpus import judge, measure
from bedstone.corpus.rules import RULES, Rule

PROSE = "The patient scholars discussed that curious manuscript with the visitors. " * 6
CHINESE = "我们在这里学习中文和历史，也读书。" * 12


def failed(text, rules="gopher-quality:datatrove", language="eng_Latn"):
    return judge(measure([text]), rules, [language])["failed"].to_pylist()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PROSE, []),
        ("rather short to be of value", ["word_count"]),
        (PROSE.replace(" ", "... ", 30), ["ellipsis_per_word", "alphabetic_word_share"]),
        (PROSE.replace(" ", " #", 8), ["hash_per_word"]),
        (PROSE.replace(". ", " ...\n"), ["ellipsis_line_share"]),
        (PROSE.replace(". ", ".\n- "), []),
        ("- " + PROSE.replace(". ", ".\n- ")[:-2], ["bullet_line_share"]),
        (PROSE + " 123" * 30, ["alphabetic_word_share"]),
        (PROSE.replace(" the ", " a ").replace("that", "a") * 2, ["stop_word_count"]),
        ("the patient and of " + "x" * 800 + " y" * 60, ["mean_word_length"]),
    ],
)
def test_each_rule_fails_where_it_should(text, expected):
    assert failed(text) == expected


def test_the_variants_differ_in_what_a_word_is():
    statistics = measure(["well-known words, isn't it?"]).to_pylist()[0]
    assert statistics["word_count"] == 6
    assert statistics["spaced_word_count"] == 4
    assert statistics["alphabetic_word_share"] == pytest.approx(6 / 9)
    assert statistics["alphabetic_spaced_word_share"] == 1


def test_the_paper_takes_what_stands_between_spaces():
    assert failed(PROSE, "gopher-quality:paper") == []
    assert failed(PROSE + " 12" * 30, "gopher-quality:paper") == ["alphabetic_spaced_word_share"]


def test_a_rule_with_a_list_of_words_applies_to_its_language_only():
    norwegian = "Katten satt her og sov lenge i sola i dag " * 8
    assert failed(norwegian, language="eng_Latn") == ["stop_word_count"]
    assert failed(norwegian, language="nob_Latn") == []
    assert judge(measure([norwegian]))["failed"].to_pylist() == [["stop_word_count"]]


def test_stop_words_are_counted_once_and_in_lower_case():
    counts = measure(["the the the", "the and", "The And", "them andes"])["stop_word_count"]
    assert counts.to_pylist() == [1, 2, 0, 0]


def test_scripts_without_spaces_are_not_judged_by_spaces():
    assert failed(CHINESE, language="zho_Hans") == []
    assert failed(CHINESE, "gopher-quality:paper", language="zho_Hans") == []
    assert failed(CHINESE[:30], language="zho_Hans") == ["word_count"]
    statistics = measure([CHINESE]).to_pylist()[0]
    assert statistics["mean_word_length"] is statistics["mean_spaced_word_length"] is None


def test_limits_are_part_of_the_range():
    statistics = measure(["a " * count for count in range(6)])
    kept = judge(statistics, [Rule("word_count", low=2, high=3)])["keep"].to_pylist()
    assert kept == [False, False, True, True, False, False]


def test_failed_rules_stand_in_the_rules_order():
    table = judge(measure(["", PROSE, "#"]))
    assert table["keep"].to_pylist() == [False, True, False]
    names = [rule.name for rule in RULES["gopher-quality:datatrove"]]
    for failures in table["failed"].to_pylist():
        assert failures == [name for name in names if name in failures]


def test_empty_text_has_values():
    assert set(measure([""]).to_pylist()[0].values()) == {0}


def test_no_such_rules():
    with pytest.raises(ValueError, match="did you mean 'gopher-quality:paper'"):
        judge(measure([""]), "gopher-quality:papers")


def test_every_rule_has_a_statistic():
    columns = set(measure([]).column_names)
    assert {rule.name for rules in RULES.values() for rule in rules} < columns
