import pytest
from resiliparse.extract.html2text import extract_plain_text

from bedstone.corpus.web import html

PAGE = """<body><nav><a href=/>Gardens</a></nav><main><h1>Gardens of  the
north</h1><p>They bloom late, but they bloom long.</p><ul><li>one thing</li></ul>
<h2><a href=x>Water</a> and light</h2><p>Both are rare. Water</p></main></body>"""


def test_headings_are_lines_of_the_text():
    found = html.text_of(PAGE, main_content=True)
    lines = found.text.split("\n")
    assert [lines[number] for number in found.headings] == [
        "Gardens of the north",
        "Water and light",
    ]
    assert "Gardens" not in lines


def test_headings_of_a_page_of_many():
    page = "".join(
        f"<h{n % 6 + 1}><b>Part {n}</b></h{n % 6 + 1}><p>Its text.</p>" for n in range(90)
    )
    found = html.text_of(page, main_content=False)
    lines = found.text.split("\n")
    assert [lines[number] for number in found.headings] == [f"Part {n}" for n in range(90)]


def test_main_content_is_a_choice():
    assert html.text_of(PAGE, main_content=False).text.startswith("Gardens\n")


@pytest.mark.parametrize(
    "page",
    ["", "<h1></h1><h2> </h2>", "<p>no heading", "<<<>&#xD800;\x00", html.MARK + "<h1>\x01</h1>"],
)
def test_pages_without_headings(page):
    found = html.text_of(page, main_content=True)
    assert found.headings == []
    assert html.MARK not in found.text


def test_marks_leave_no_trace():
    assert html.text_of("<h1>a</h1><p>b c d e f</p>", main_content=True).text == "a\n\nb c d e f"


@pytest.mark.parametrize(
    "html_text",
    [
        "<!-- <h1>no</h1> --><p>one two three four</p>",
        "<p title='<h1>no</h1>'>one two three four</p>",
        "<script>'<h1>no</h1>'</script><p>one two three four</p>",
        "<h1><a id=x></a> </h1><p>one two three four</p>",
        "<header>no</header><h1x>one two three four</h1x>",
    ],
)
def test_what_only_looks_like_a_heading_changes_nothing(html_text):
    found = html.text_of(html_text, main_content=False)
    assert found.headings == []
    assert found.text == extract_plain_text(html_text, main_content=False).strip()
