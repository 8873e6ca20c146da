import numpy as np
import pytest
from resiliparse.parse.html import HTMLTree, NodeType

from bedstone.corpus.content.tags import IS_HIDDEN, NAMES, kinds_of_names
from bedstone.corpus.web import html

HIDDEN = {NAMES[number] for number in np.flatnonzero(kinds_of_names() & IS_HIDDEN)}
PAGE = """<title>T</title><main><h1>Gardens of  the
north</h1><p>They bloom <b>late</b>, they
 bloom<br>long.</p><ul><li>one<li><p>two</p><ol><li>in<li>side</ol></ul><table><tr><th>a<td>b
<tr><td>c</table><pre>
  if x:   \n\ty</pre><script>no()</script><p>東<ruby>京<rt>きょう</rt></ruby>
 a&amp;b&nbsp;c&lt;</main>"""


def text(page, **main):
    return html.text_of(page, **{"main_content": False, **main}).text


def test_a_page_as_text():
    assert text(PAGE) == (
        "Gardens of the north\n\nThey bloom late, they bloom\nlong.\n\n• one\n\n• two\n\n  1. in\n"
        "  2. side\n\na\tb\nc\n\n  if x:\n\ty\n\n東京 a&b c<"
    )


def test_headings_are_lines_of_the_text():
    page = "<pre>a\nb</pre>" + "".join(
        f"<h{n % 6 + 1}><b>Part {n}</b></h{n % 6 + 1}>x" for n in range(9)
    )
    found = html.text_of(page, main_content=False)
    lines = found.text.split("\n")
    assert [lines[number] for number in found.headings] == [f"Part {n}" for n in range(9)]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("", ""),
        ("no <b>markup", "no markup"),
        ("a<!-- c -->b<script>x</script>c", "abc"),
        ("a<br><br>b", "a\n\nb"),
        ("a<div>b<span>c</span> d</div>e", "a\nbc d\ne"),
        ("so\u00adft \u200cjoin\u200der", "soft \u200cjoin\u200der"),
        ("<select><option>a</select><button>b</button><textarea>c</textarea>d", "d"),
        ("<h1></h1><h2> </h2>&#xD800;\0", "\ufffd"),
        ("<ol><li>" + "<li>".join("abcdefghijk") + "</ol>", None),
        ("</p></div>x</b>", "x"),
        ("<table><tr><td><p>1</p><td><p>2</p><tr><td>3<td>4</table>", "1\t2\n3\t4"),
        ("<table><tr><td><p>1</p><p>2</p><td>3</table>", "1\n\n2\n\n3"),
        ("<xmp>a & b and c</xmp>", "a & b and c"),
        ("<pre>a\x1b[31m\tb</pre>", "a[31m\tb"),
        ("a\x01b &#1;c\x0bd", "ab c d"),
        ("a<noscript><div><b></noscript>b<NoScript >c</NOSCRIPT\n>d<noscripts>e", "abde"),
        ("<head><noscript><img></noscript><title>t</title></head><p>a", "a"),
    ],
)
def test_small_pages(page, expected):
    found = text(page)
    if expected is None:
        assert found.endswith("\n10. j\n11. k")
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><td>a<td><td>c<tr><td><td><td>3<tr><td>x<td>y<td>", "a\t\tc\n\t\t3\nx\ty"),
        ("<tr><th><img><th>b<th> &nbsp;<tr><td>a<td>b", "\tb\na\tb"),
        ("<tr><td><td>A column for the looks alone.", "A column for the looks alone."),
        ("<tr><td><td><p>a<p>b<td>c", "a\n\nb\n\nc"),
        ("<tr><td>a<td><table><tr><td><td>b<td>c</table><td>d", "a\n\n\tb\tc\n\nd"),
    ],
)
def test_cells_without_text_keep_their_columns(rows, expected):
    assert text(f"<table>{rows}</table><p>x") == f"{expected}\n\nx"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<ol start=5><li>a<li>b</ol>", "5. a\n6. b"),
        ("<ol start=-1><li>a<li>b<li>c</ol>", "-1. a\n0. b\n1. c"),
        ("<ol start=' +3rd'><li>a<ol start=x><li>i</ol><li>b</ol>", "3. a\n\n  1. i\n\n4. b"),
        ("<ol><li>a<li value=7>b<li>c</ol><ul><li value=3>d", "1. a\n7. b\n8. c\n\n• d"),
        ("<ol reversed><li>a<ol><li>i</ol><li><li>b</ol>", "3. a\n\n  1. i\n\n1. b"),
        ("<ol REVERSED><li>a<li value=9>b<li>c</ol>", "3. a\n9. b\n8. c"),
        ("<ol reversed start=1><li>a<li>b</ol>", "1. a\n0. b"),
        ("<ol start=99999999999><li>a</ol>", "999999999. a"),
    ],
)
def test_items_are_numbered_as_in_a_browser(page, expected):
    assert text(page) == expected


def shown(node):
    """The text of a tree, by walking it: what the kernels do from the page's characters."""
    if node.type == NodeType.TEXT:
        return node.text
    if node.type == NodeType.ELEMENT and node.tag in HIDDEN:
        return ""
    return "".join(map(shown, node.child_nodes))


@pytest.mark.parametrize("seed", range(30))
def test_the_text_is_that_of_the_tree(seed):
    random = np.random.default_rng(seed)
    names = [
        "p",
        "div",
        "a",
        "b",
        "li",
        "ul",
        "table",
        "tr",
        "td",
        "br",
        "script",
        "h2",
        "pre",
        "x",
    ]
    parts = []
    for _ in range(60):
        name = random.choice(names)
        words = ["one", " two ", "<!-- c -->", "&amp;", "é", "—", "\n"]
        parts += [f"<{name} class='a b' id=c>", random.choice(words)]
        parts += [f"</{random.choice(names)}>"] if random.random() < 0.5 else []
    page = "".join(parts)
    tree = HTMLTree.parse(page)
    plain = text(page).replace("• ", "")
    assert "".join(plain.split()) == "".join(shown(tree.document).split())


def test_a_page_of_deeply_nested_elements():
    assert text("<div>" * 300_000 + "x") == "x"
    assert text("<ul><li>" * 2_000 + "x").endswith("• x")
