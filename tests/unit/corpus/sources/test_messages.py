import json

import pytest

from bedstone.corpus.sources.messages import PAGE_LINES, Line, html, lines, paged, plain

LONG = "This message is long enough to be kept."


def found(**messages: str) -> list[Line]:
    return lines(json.dumps(messages).encode())


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nothing to   undo", "nothing to undo"),
        ("{{PLURAL:$1|one page|many pages}} left", "many pages left"),
        ("{{GENDER:$2|his|her|their}} page", "his page"),
        ("{{gender:$2|only}} page", "only page"),
        ("{{GRAMMAR:genitive|{{SITENAME}}}} and {{sitename}}", "MediaWiki and MediaWiki"),
        ("See [[Special:Version|the version]] and [[Help]].", "See the version and Help."),
        ("Read [https://example.org/x the manual].", "Read the manual."),
        ("'''Warning:''' <strong class=\"x\">stop</strong>&nbsp;here", "Warning: stop here"),
        ("== Title ==", "Title"),
        ("* an item", "an item"),
        ("the &lt;ref&gt; tag", "the <ref> tag"),
    ],
)
def test_markup_with_a_text_of_its_own_is_undone(line, text):
    assert plain(line) == text


@pytest.mark.parametrize(
    "line",
    ["by $1", "{{int:Pipe-separator}}", "{{PLURAL:$1|one|$1 pages}}", "see https://a.org", "{| x"],
)
def test_a_line_that_only_a_running_wiki_completes_is_left_out(line):
    assert plain(line) == ""


def test_lines_are_kept_in_order_without_metadata_labels_and_unreadable_ones():
    message = f"{LONG}\nedit\nwritten by $1 on the day before\nAnd a second line that is long."
    kept = lines(json.dumps({"@metadata": {"authors": ["x"]}, "a": message}).encode())
    assert kept == [Line(LONG), Line("And a second line that is long.")]


def test_eight_characters_of_three_bytes_are_long_enough():
    assert found(a="投稿を検索する。") == [Line("投稿を検索する。")]
    assert found(a="eight ch") == []


def test_a_label_whose_key_begins_the_next_key_is_its_heading():
    assert found(bad="Not so", badtext=LONG) == [Line("Not so", heading=True), Line(LONG)]


@pytest.mark.parametrize("below", ["short", "written by $1 on the day before", ""])
def test_there_is_no_heading_over_nothing(below):
    assert found(bad="Not so", badtext=below, other=LONG) == [Line(LONG)]


def test_a_heading_directly_over_a_heading_is_dropped():
    kept = found(a="This is a heading of its own.", ab="This is a heading below it.", abc=LONG)
    assert kept == [Line("This is a heading below it.", heading=True), Line(LONG)]


def test_a_message_of_several_lines_is_no_heading():
    assert not any(line.heading for line in found(a=f"{LONG}\n{LONG}", ab=LONG))


def test_a_file_without_messages_has_no_lines():
    assert lines(b'{"@metadata": {}}') == []


def test_pages_are_of_equal_length_and_hold_everything_in_order():
    many = [Line(str(number)) for number in range(PAGE_LINES * 2 + 1)]
    pages = paged(many)
    assert [line for page in pages for line in page] == many
    assert [len(page) for page in pages] == [40, 40, 41]
    assert paged([]) == []


def test_the_page_is_escaped_and_says_its_language():
    page = html([Line("a < b", heading=True), Line("c & d")], "te", "x <y>")
    assert '<html lang="te">' in page
    assert "<title>x &lt;y&gt;</title>" in page
    assert "<h2>a &lt; b</h2>\n<p>c &amp; d</p>" in page
