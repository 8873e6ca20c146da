import numpy as np
import pytest

from bedstone.corpus.content import judge
from bedstone.corpus.content.judge import FIRST_LOOK, NOT_LEFT_OUT, REASONS, SECOND_LOOK, reasons_of
from bedstone.corpus.content.names import rows_of
from bedstone.corpus.content.traits import NAMES_OF_TRAITS, traits_of
from bedstone.corpus.web import html

PROSE = (
    "The river carries more water in spring than in autumn, and the people who live beside it plan "
    "their fields by it. In a dry year, they say, even the oldest well is not deep enough."
)
ARTICLE = (
    f"<article><h1>The river</h1><p>{PROSE}</p><p>{PROSE[::-1]}.</p><p>{PROSE[40:]}</p></article>"
)


def reasons(page):
    """Of each block the beginning of its text, and as what it is left out, if it is."""
    found = html.page(page)
    text, blocks = found.text.tobytes(), found.blocks
    told = [REASONS[number] if number != NOT_LEFT_OUT else None for number in reasons_of(found)]
    starts = [text[s:e].decode()[:12] for s, e in zip(blocks.starts, blocks.ends, strict=True)]
    return dict(zip(starts, told, strict=True))


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ("<div class='share-bar'><a href=x>Tell others</a></div>", "share"),
        ("<nav><ul><li><a href=x>Tell others</a></ul></nav>", "navigation"),
        ("<div id=cookie-bar><p>Tell others</p></div>", "cookie"),
        ("<ul class=tags><li><a href=x>Tell others</a></ul>", "tags"),
        ("<div><a href=x>Tell others</a></div>", "links"),
        ("<footer><p>Tell others</p></footer>", "footer"),
    ],
)
def test_what_is_around_an_article_is_left_out_for_a_reason(around, expected):
    told = reasons(f"<body>{ARTICLE}{around}")
    assert told["Tell others"] == expected
    assert told["The river ca"] is None


def test_comments_are_left_out_of_an_article_but_not_of_a_discussion():
    comments = "".join(f"<li class=comment><p>{PROSE[n:]}</p>" for n in range(4, 8))
    whole = f"<div id=comments><ol>{comments}</ol></div>"
    told = reasons(f"<body>{ARTICLE}{whole}")
    assert told[PROSE[5:17]] == "comments"
    assert reasons(f"<body>{whole}")[PROSE[5:17]] is None


def test_a_discussion_is_kept_whatever_stands_beside_it():
    posts = "".join(f"<div class=comment><p>{PROSE[n:]}</p></div>" for n in range(4, 8))
    aside = "".join(f"<p>{PROSE[n::-1]}.</p>" for n in range(150, 180, 3))
    for beside in ("aside", "footer"):
        told = reasons(f"<body><h1>Wells</h1>{posts}<{beside}>{aside}</{beside}>")
        assert told[PROSE[4:16]] is None
    told = reasons(f"<body>{ARTICLE}<p>{aside}</p>{posts}")
    assert told[PROSE[4:16]] == "comments"


@pytest.mark.parametrize(
    "sentence",
    [
        "ទន្លេនេះនាំទឹកច្រើននៅរដូវផ្ការីក ហើយអ្នកដែលរស់នៅក្បែរវារៀបចំស្រែរបស់ពួកគេតាមវា។ ",
        "แม่น้ำสายนี้ไหลผ่านหลายเมืองและชาวบ้านที่อาศัยอยู่ริมฝั่งก็วางแผนไร่นาตามน้ำในแต่ละปี ",
        "دریا بہار میں زیادہ پانی لاتا ہے اور کنارے پر رہنے والے لوگ اسی کے مطابق کھیتی کرتے ہیں۔ ",
    ],
)
def test_prose_has_other_marks_elsewhere(sentence):
    article = f"<article><h1>A</h1><p>{sentence * 3}</p><p>{sentence}</p></article>"
    page = f"<body>{article}<div id=comments><p>{sentence}</p></div>"
    assert html.text_of(page, main_content=True).text.count(sentence.strip()) == 4


def test_a_guest_book_is_its_entries():
    entries = "".join(f"<li class=comment>Entry {n}</li>" for n in range(9))
    told = reasons(f"<body><h1>Guests</h1><ul id=comments>{entries}</ul>")
    assert told["Entry 3"] is None


def test_a_page_without_prose_is_its_longest_run_of_lines():
    lines = "".join(f"<div>The river {name} the sea</div>" for name in "abcdefghijk")
    song = f"<h1>Song</h1><div class=date-outer>{lines}</div>"
    years = "".join(f"<li><a href=x>{year}</a>" for year in range(1990, 2030))
    beside = f"<aside><p>{PROSE}</p></aside><ul class=archive>{years}</ul>"
    text = html.text_of(f"<body>{song}{beside}", main_content=True).text
    assert [line[10] for line in text.split("\n") if "the sea" in line] == [*"abcdefghijk"]
    text = html.text_of(f"<body>{ARTICLE}{song}{beside}", main_content=True).text
    assert "the sea" not in text


def test_what_was_said_already_is_repeated():
    caption = "<p>A boat on the river</p>"
    told = html.text_of(f"<body>{ARTICLE}<div>{caption}</div>{caption}{caption}", main_content=True)
    assert "repeated" in told.left_out


def test_what_is_left_out_and_what_is_kept_are_the_page():
    page = f"<nav><a href=x>Tell others</a></nav>{ARTICLE}<footer>1997</footer>"
    whole = html.text_of(page, main_content=False)
    found = html.text_of(page, main_content=True)
    lost = sum(each.bytes for each in found.left_out.values())
    blocks = html.page(page).blocks
    kept = sum(len(line.encode()) for line in found.text.split("\n") if line)
    assert lost + kept == int((blocks.ends - blocks.starts).sum())
    assert whole.left_out == {}
    assert found.left_out["navigation"].example == "Tell others"


def odds(names, name):
    """A forest's sums by walking its trees row by row, as the table reads."""
    rows = rows_of(name)

    def of(traits):
        total = 0.0
        for root, row in enumerate(rows):
            if row["depth"]:
                node = root
                while rows[node]["trait"]:
                    value = np.float32(traits[names.index(rows[node]["trait"])])
                    is_above = value > np.float32(rows[node]["limit"])
                    node = int(rows[node]["below"]) + is_above
                total += float(rows[node]["value"])
        return total

    return of


def test_the_forests_are_read_as_their_tables_say():
    page = html.page(f"<nav><a href=x>Tell</a></nav>{ARTICLE}<p>Short</p>")
    traits = traits_of(page)
    first = 1 / (1 + np.exp([-odds(FIRST_LOOK, "first.tsv")(row) for row in traits]))
    wide = judge.surroundings(page, traits, first)
    second = np.array([odds(SECOND_LOOK, "second.tsv")(row) for row in wide])
    limit = np.log(judge.MIN_CHANCE / (1 - judge.MIN_CHANCE))
    assert ((reasons_of(page) == NOT_LEFT_OUT) == (second >= limit)).all()


def test_tables_name_traits_that_there_are():
    for name, names in (("first.tsv", FIRST_LOOK), ("second.tsv", SECOND_LOOK)):
        assert {row["trait"] for row in rows_of(name)} - {""} <= set(names)
    assert len(set(SECOND_LOOK)) == len(SECOND_LOOK) > len(NAMES_OF_TRAITS)


def test_a_page_of_a_line_is_that_line():
    told = reasons("<body><nav><a href=x>Tell others</a></nav><p>été</p>")
    assert told == {"Tell others": "navigation", "été": None}


@pytest.mark.parametrize("page", ["", "<p>", "x", "<div>" * 5000 + "x", "<p>a" * 5000])
def test_any_page_is_judged(page):
    assert len(reasons_of(html.page(page))) == len(html.page(page).blocks.starts)
