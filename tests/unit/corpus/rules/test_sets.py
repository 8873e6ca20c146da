import pyarrow as pa
import pytest

from bedstone.corpus import judge, measure
from bedstone.corpus.rules.sets import RULES, Rule, chosen

PROSE = "The patient scholars discussed that curious manuscript with the visitors. " * 6
CHINESE = "我们在这里学习中文和历史，也读书。" * 12


def failed(text, rules="gopher-quality:datatrove", language="eng_Latn"):
    statistics = measure([text], languages=[language])
    return judge(statistics, rules)["failed"].to_pylist()[0]


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
def test_gopher_quality(text, expected):
    assert failed(text) == expected


@pytest.mark.parametrize(
    ("variant", "text", "expected"),
    [
        ("paper", PROSE, []),
        ("paper", PROSE + " 12" * 30, ["alphabetic_spaced_word_share"]),
        (
            "paper",
            PROSE.replace("that", "that,").replace("with", "with,"),
            ["spaced_stop_word_count"],
        ),
        ("dolma", PROSE, []),
        # Half of the words, and one more, are shorter than the limit.
        ("dolma", PROSE + "of xy " * 31, ["median_spaced_word_length"]),
        ("paper", PROSE + "of xy " * 31, []),
        (
            "dolma",
            PROSE.replace(" that", " #that##").replace("with", "#with"),
            ["symbol_spaced_word_share"],
        ),
        ("dolma", PROSE.replace(" ", "... ", 30), []),
        ("dolma", "* " + PROSE.replace(". ", ".\n* ")[:-3], ["dolma_bullet_line_share"]),
        ("paper", "* " + PROSE.replace(". ", ".\n* ")[:-3], []),
        ("dolma", (PROSE.replace(". ", " .…\n"))[:-1], ["dolma_ellipsis_line_share"]),
        ("dolma", PROSE.replace(". ", " ...\n"), []),
        ("paper", PROSE.replace(" the ", " a ").replace("that", "a"), ["spaced_stop_word_count"]),
        ("dolma", PROSE.replace(" the ", " a ").replace("that", "a"), []),
    ],
)
def test_gopher_quality_of_the_other_variants(variant, text, expected):
    assert failed(text, f"gopher-quality:{variant}") == expected


LONG = " ".join(f"word{number} and{number} so{number}" for number in range(60))


@pytest.mark.parametrize(
    ("variant", "text", "expected"),
    [
        ("datatrove", LONG, []),
        ("datatrove", "", ["line_count"]),
        ("paper", "", []),
        ("dolma", "", []),
        # A line twice among five: one copy of it is another one's, or both are.
        ("datatrove", f"{LONG}\n1\n2\n3\n3", []),
        ("paper", f"{LONG}\n1\n2\n3\n3", ["paper_duplicate_line_share"]),
        ("dolma", f"{LONG}\n1\n2\n3\n3", ["dolma_duplicate_line_share"]),
        # Empty lines are each other's copies for one variant only.
        ("datatrove", f"{LONG}\n\n1\n\n2", []),
        ("paper", f"{LONG}\n\n1\n\n2", []),
        ("dolma", f"{LONG}\n\n1\n\n2", ["dolma_duplicate_line_share"]),
        ("datatrove", f"{LONG}\n1\n\n2\n\n2\n\n2", ["duplicate_paragraph_share"]),
        # Nothing recurs in a short text, yet some n-gram is its most frequent one.
        (
            "datatrove",
            "four words stand here",
            [f"top_{n}_gram_character_ratio" for n in (2, 3, 4)],
        ),
        ("paper", "four words stand here", []),
        (
            "dolma",
            "four words stand here",
            [f"dolma_top_{n}_gram_character_ratio" for n in (2, 3, 4)],
        ),
        ("datatrove", f"{LONG} " + "ha " * 100, ["top_2_gram_character_ratio"]),
    ],
)
def test_gopher_repetition(variant, text, expected):
    found = failed(text, f"gopher-repetition:{variant}")
    assert [name for name in found if name in expected] == expected
    assert bool(found) == bool(expected)


def test_duplicate_n_grams_and_what_a_copy_is():
    half = " ".join(LONG.split()[:24])
    text = f"{LONG} {half}"
    rows = {name: values[0] for name, values in measure([text]).to_pydict().items()}
    copied, words = len(half.replace(" ", "")), len(text.replace(" ", ""))
    # Of the 24 words that come again, 5 at a time.
    assert rows["duplicate_5_gram_character_share"] == len("".join(half.split()[:20])) / len(text)
    assert rows["paper_duplicate_5_gram_character_share"] == 2 * copied / words
    grams = ["".join(text.split()[at : at + 5]) for at in range(len(text.split()) - 4)]
    twice = sum(len(gram) for gram in grams if grams.count(gram) > 1)
    assert rows["dolma_duplicate_5_gram_character_share"] == twice / len("".join(grams))


LINES = "\n".join(f"Line {number} of those that end as sentences do." for number in range(20))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINES, []),
        (
            " \n\t\n",
            ["nonblank_line_count", "terminal_line_share"],
        ),
        (LINES.replace(".", ""), ["terminal_line_share"]),
        (LINES.replace("of those that ", ""), ["short_line_share"]),
        (f"{LINES}\n{LINES[:80]}", ["repeated_line_character_share"]),
        (LINES.replace("\n", "\n" * 4), ["newlines_per_word"]),
    ],
)
def test_fineweb(text, expected):
    assert failed(text, "fineweb") == expected


def test_c4_is_measured_in_each_variant():
    text = "This is a line of a few words.\n" * 3 + "and here { a bracket"
    assert failed(text, "c4:tfds") == []
    assert failed(text, "c4:datatrove") == ["c4_datatrove_sentences"]
    assert failed(text, "c4:fineweb") == ["c4_fineweb_sentences", "c4_fineweb_curly_lines"]


def test_a_word_between_spaces_is_another():
    statistics = measure(["well-known words, isn't it?"]).to_pylist()[0]
    assert statistics["spaced_word_count"] == 4
    assert statistics["word_count"] > 4
    assert statistics["alphabetic_word_share"] < statistics["alphabetic_spaced_word_share"] == 1


def test_the_rule_on_stop_words_applies_where_there_is_a_list():
    norwegian = "Katten satt her og sov lenge i sola i dag " * 8
    assert failed(norwegian, language="eng_Latn") == ["stop_word_count"]
    assert failed(norwegian, language="nob_Latn") == []


def test_scripts_without_spaces_are_not_judged_by_spaces():
    assert failed(CHINESE, language="zho_Hans") == []
    assert failed(CHINESE, "gopher-quality:paper", language="zho_Hans") == []
    assert failed(CHINESE, "gopher-quality:dolma", language="zho_Hans") == []
    assert failed(CHINESE, "gopher-repetition:dolma", language="zho_Hans") == []
    assert failed(CHINESE[:30], language="zho_Hans") == ["word_count"]


STATISTICS = pa.table({"a": [0.0, 1.0, 2.0, None], "b": [5.0, 5.0, 7.0, 7.0]})
A, B = Rule("a", low=1, high=1.5), Rule("b", high=6)


def test_limits_are_part_of_the_range_and_what_has_no_value_passes():
    table = judge(STATISTICS, [A, B])
    assert table["keep"].to_pylist() == [False, True, False, False]
    assert table["failed"].to_pylist() == [["a"], [], ["a", "b"], ["b"]]
    assert judge(STATISTICS, [B, A])["failed"].to_pylist()[2] == ["b", "a"]


def test_a_language_may_have_limits_of_its_own():
    languages = ["tel_Telu", "eng_Latn", "tel_Telu", "mul"]
    ranges = {"tel_Telu": {"a": (-1.0, 9.0)}, "kan_Knda": {"b": (9.0, 9.0)}}
    table = judge(STATISTICS, [A, B], languages, ranges)
    assert table["failed"].to_pylist() == [[], [], ["b"], ["b"]]
    with pytest.raises(ValueError, match="no languages"):
        judge(STATISTICS, [A], ranges=ranges)


def test_sets_joined_by_a_comma_and_named_without_a_variant():
    both = chosen("gopher-quality:paper, gopher-quality:dolma")
    names = [rule.name for rule in both]
    assert (
        len(names)
        == len(set(names))
        < sum(len(RULES[f"gopher-quality:{variant}"]) for variant in ("paper", "dolma"))
    )
    assert chosen("fineweb,c4") == RULES["fineweb:datatrove"] + RULES["c4:datatrove"]
    assert judge(measure([PROSE.strip()]), "gopher-quality,fineweb")["keep"].to_pylist() == [True]


def test_no_such_rules():
    with pytest.raises(ValueError, match="did you mean 'gopher-quality:paper'"):
        judge(STATISTICS, "fineweb,gopher-quality:papers")


def test_a_rule_has_the_same_limits_in_every_set():
    rules = [rule for rules in RULES.values() for rule in rules]
    assert len(set(rules)) == len({rule.name for rule in rules})


def test_every_rule_has_a_statistic():
    columns = set(measure([]).column_names)
    assert {rule.name for rules in RULES.values() for rule in rules} < columns
