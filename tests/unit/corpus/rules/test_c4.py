import numpy as np
import pytest

from bedstone.corpus.rules.c4 import LINE_RULES, VARIANTS, c4_statistics, rewrite
from bedstone.corpus.rules.sets import RULES
from bedstone.text.codes import strings_of, texts_of
from bedstone.text.words import words_of

FINE = "A line of five words."
LONG = "a " + "b" * 1001 + " c d e."


def left(text, variant="datatrove", without=()):
    return strings_of(rewrite(texts_of([text]), variant, without).texts)[0].as_py()


def measured(text, variant="datatrove"):
    texts = texts_of([text])
    found = c4_statistics(texts, words_of(texts))
    return [
        found[f"c4_{variant}_{name}"][0] for name in ("sentences", "lorem_lines", "curly_lines")
    ]


@pytest.mark.parametrize(
    ("line", "keepers"),
    [
        (FINE, "tdf"),
        ("Do five words ask this?", "tdf"),
        ("Five words and a cry!", "tdf"),
        ('Five words end in "quotes"', "tdf"),
        ("Five words in single 'quotes'", "df"),
        ("Five words without a mark", "f"),
        ("Five words and a colon:", "f"),
        ("Five words trail off here...", "f"),
        ("Five words trail off here..", "tdf"),
        ("Five words trail off here…", "f"),
        ("पाँच शब्द इस पंक्ति में।", "f"),
        ("Four words stand here.", "df"),
        ("Three words here.", "df"),
        ("Two words.", ""),
        ("", ""),
        (LONG, ""),
        (LONG.replace("bb", "b", 1), "tdf"),
        ("Please turn on JavaScript here.", ""),
        ("This site uses cooKIEs for you.", ""),
        ("By our Terms of Use you agree.", ""),
        ("By our terms  of use you agree.", "tdf"),
        ("We bake cookies for all guests.", "tdf"),
        ("A { alone drops no line.", "tdf"),
        ("The words lorem ipsum drop none.", "tdf"),
    ],
)
def test_each_line_rule(line, keepers):
    for variant in VARIANTS:
        assert left(f"  {line}\t", variant) == (line if variant[0] in keepers else "")


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("It is [1] known[23] and sure[].", "It is  known and sure."),
        ("It is[edit] so [citation needed] here.", "It is so  here."),
        ("It is १२ in Hindi [१२] too.", "It is १२ in Hindi  too."),
        ("It is [Edit] so [1a] here [²].", "It is [Edit] so [1a] here [²]."),
        ("[1] It begins with one.", "It begins with one."),
        ("It is [[1]] within another [.", "It is [] within another [."),
        ("It is [[1]] within another.", "It is [] within another."),
        ("It ends in one [12].", "It ends in one ."),
        ("It ends behind the mark.[12]", "It ends behind the mark."),
        # The line is stripped before the citation is taken out, not after.
        ("It ends behind the mark. [12]", ""),
        ("Too long it is " + "[1]" * 334 + ".", ""),
        ("Use of java[1]script is dropped.", ""),
    ],
)
def test_citations(line, clean):
    assert left(line) == clean


def test_where_words_are_counted():
    assert left("Two words [1].", "datatrove") == "Two words ."
    assert left("Four words and one [1]", "fineweb") == "Four words and one"
    assert left("Five words and [citation needed] two.", "tfds") == ""
    assert left("Three words and [1] [2].", "tfds") == ""


def test_lines_and_their_numbers():
    text = f"\n{FINE}\r\nx\rThree more words.\u2028{FINE}\x85\n\n  {FINE}\x1c{FINE}\n"
    made = rewrite(texts_of([text, "", FINE]), "datatrove")
    first = [FINE, "Three more words.", FINE, FINE, FINE]
    assert strings_of(made.texts).to_pylist() == ["\n".join(first), "", FINE]
    assert made.lines.tolist() == [1, 2, 2, 4, 4, 0]
    assert made.firsts.tolist() == [0, 5, 5, 6]


def test_blank_lines_are_left_within_a_text_only():
    text = f"[1] [2] [3]\n{FINE}\n[1] [2] [3]\n{FINE}\n[1] [2] [3]"
    made = rewrite(texts_of([text]), "fineweb")
    assert strings_of(made.texts)[0].as_py() == f"{FINE}\n  \n{FINE}"
    assert made.lines.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("citations", "It is [1] so."),
        ("long_word", LONG),
        ("end_mark", "Five words without a mark"),
        ("few_words", "Two words."),
        ("javascript", "We need javascript here."),
        ("policy", "We use cookies here."),
    ],
)
def test_rules_left_out(rule, line):
    assert left(line) != line
    assert left(line, without=(rule,)) == line
    others = tuple(each for each in LINE_RULES if each != rule)
    assert left(line, without=others) != line


def test_the_first_rule_that_drops_a_line_has_dropped_it():
    lines = [LONG[:-1], "No mark", "Two.", "Javascript and use cookies here.", "We use cookies."]
    made = rewrite(texts_of(["\n\n".join([*lines, "It is [12] so."])]), "datatrove")
    sizes = [4, *map(len, lines)]
    for rule, size in zip(LINE_RULES, sizes, strict=True):
        assert made.counts[f"dropped.{rule}_lines"] == 1
        assert made.counts[f"dropped.{rule}_bytes"] == size


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        ("It has lorem ipsum in it.", (1, 0)),
        ("It has Lorem IPSUM in it", (0, 0)),
        ("Lorem ipsum.", (0, 0)),
        ("It has { and } in it.", (0, 1)),
        ("It has { and } in it", (0, 0)),
        ("It has { and lorem ipsum.", (1, 1)),
        # Lorem ipsum comes before JavaScript, that before brackets, and they before cookies.
        ("The javascript of lorem ipsum.", (1, 0)),
        ("The javascript { of it.", (0, 0)),
        ("We use cookies { for it.", (0, 1)),
        ("It has lorem [1]ipsum in it.", (1, 0)),
        ("It has lorem[1] [2]ipsum in it.", (1, 0)),
    ],
)
def test_what_drops_a_page(line, marks):
    assert tuple(measured(f"{FINE}\n{line}\n{FINE}")[1:]) == marks


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("One two three. Four five! Six?", 3),
        ("One two three... four (five). Six.", 2),
        ("One two three.\nFour five six.\nSeven", 2),
        ("One two three. 'Four'", 2),
        ("One two three.) Four.", 2),
        ("One two three.  ) Four.", 2),
        ("One two three.[1] Four five. [2] Six.", 3),
    ],
)
def test_sentences(text, count):
    assert measured(text)[0] == count


def test_sentences_of_lines_that_are_dropped_do_not_count():
    assert measured(f"{FINE}\nNo. End. Mark. No\nWe. Use cookies.\nFour words are few. Yes.") == [
        3,
        0,
        0,
    ]
    assert measured("No. End. Mark. No", "fineweb")[0] == 4
    assert measured("Four words are few.", "tfds")[0] == 0


def test_sentences_may_be_given():
    texts = texts_of([FINE, "x", f"{{ {FINE} [1]."])
    found = c4_statistics(texts, words_of(texts), np.array([7, 8, 9]))
    for variant in VARIANTS:
        assert found[f"c4_{variant}_sentences"].tolist() == [7, 8, 9]
        assert found[f"c4_{variant}_curly_lines"].tolist() == [0, 0, 1]


def test_every_rule_has_its_statistic():
    texts = texts_of([""])
    found = set(c4_statistics(texts, words_of(texts)))
    for variant in VARIANTS:
        assert {rule.name for rule in RULES[f"c4:{variant}"]} <= found


@pytest.mark.parametrize(
    "text", ["\n" * 10**6, "x" * 10**6, "[1" * 10**6, "[" * 10**6, "k " * 10**6]
)
def test_long_texts(text):
    texts = texts_of([text])
    assert c4_statistics(texts, words_of(texts))["c4_fineweb_lorem_lines"].tolist() == [0]
    assert len(rewrite(texts, "fineweb", ("long_word", "few_words")).texts) == 1
