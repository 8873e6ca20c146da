import json
import re
from html import unescape
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bedstone.corpus.sources.messages import PAGE_LINES, Line, html, lines, paged, plain

MARKUP = st.text(st.sampled_from("ab $1{}[]|<>/'=*#:;&_\ne"), max_size=40)
MESSAGES = st.dictionaries(st.text("ab-", min_size=1, max_size=4), st.text() | MARKUP, max_size=8)


@given(st.text() | MARKUP)
def test_what_is_plain_has_no_parameter_and_one_space_at_most(line):
    text = plain(line)
    assert text == " ".join(text.split())
    assert not re.search(r"\$\d", text) or "&" in line  # an entity may stand for the dollar


@given(MESSAGES)
def test_every_heading_stands_over_a_text(messages):
    found = lines(json.dumps(messages).encode())
    assert not any(line.heading for line in found[-1:])
    assert not any(a.heading and b.heading for a, b in pairwise(found))


@given(st.integers(0, 5 * PAGE_LINES))
def test_paging_loses_nothing_and_no_page_is_too_long(count):
    many = [Line(str(number)) for number in range(count)]
    pages = paged(many)
    assert [line for page in pages for line in page] == many
    assert all(0 < len(page) <= PAGE_LINES for page in pages)


@given(st.lists(st.builds(Line, st.text(st.characters(codec="utf-8")), st.booleans())))
def test_a_page_holds_its_lines_and_no_other_markup(found):
    body = html(found, "te", "t").split("<main>\n")[1].split("\n</main>")[0]
    texts = re.findall(r"<(?:p|h2)>([^<>]*)</(?:p|h2)>", body)
    assert [unescape(text) for text in texts] == [line.text for line in found]
