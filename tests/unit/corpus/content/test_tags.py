import numpy as np
import pytest

from bedstone.corpus.content.signs import ARIA_HIDDEN, NOT_SHOWN, SIGNS
from bedstone.corpus.content.tags import NAMES, tags_of


def tags(html):
    return tags_of(np.frombuffer(html.encode(), np.uint8))


def named(signs):
    return [sign for bit, sign in enumerate(SIGNS) if int(signs) >> bit & 1]


def test_tags_stand_where_they_are():
    html = '<p title="a&lt;b">x<!-- <p> --></p><br>'
    found = tags(html)
    parts = [html[s:e] for s, e in zip(found.starts, found.ends, strict=True)]
    assert parts == ['<p title="a&lt;b">', "<!-- <p> -->", "</p>", "<br>"]
    assert [NAMES[name] for name in found.names] == ["p", "", "p", "br"]
    assert found.is_end.tolist() == [False, False, True, False]


def test_script_holds_no_tags():
    found = tags("<script>if (a<b) '<p>'</p></script><p></p>")
    assert [NAMES[name] for name in found.names] == ["script", "script", "p", "p"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('class="post-comments"', ["comments", "content"]),
        ('class="CommentList wide"', ["comments", "list"]),
        ('id="relatedPosts"', ["related"]),
        ('role="contentinfo"', ["footer"]),
        ('title="comments"', []),
        ('class="about formatted"', []),
    ],
)
def test_signs_are_words_of_names(attributes, expected):
    found = named(tags(f"<div {attributes}>").signs[0])
    assert set(expected) <= set(found)
    assert expected or not found


@pytest.mark.parametrize(
    ("attributes", "bit"),
    [
        ('style="color:red;display: none"', NOT_SHOWN),
        ('style="display:none"', NOT_SHOWN),
        ('style="DISPLAY: NONE"', NOT_SHOWN),
        ('style="display:\n\tnone"', NOT_SHOWN),
        ('hidden=""', NOT_SHOWN),
        ('aria-hidden="true"', ARIA_HIDDEN),
        ('aria-hidden="false"', 0),
        ('style="pointer-events:none"', 0),
        ('style="display:block"', 0),
    ],
)
def test_what_a_page_hides(attributes, bit):
    assert tags(f"<div {attributes}>").signs[0] & (NOT_SHOWN | ARIA_HIDDEN) == bit


def test_equal_classes_have_equal_hashes():
    found = tags('<p class="a"><p class="b"><p class="a"><p>')
    assert found.classes[0] == found.classes[2] != found.classes[1]
    assert found.classes[3] == 0


@pytest.mark.parametrize("html", ["", "<", "</", "<!", "<!--", "<a b", '<a b="', "<script>", "a<b"])
def test_pieces_of_markup_end_somewhere(html):
    found = tags(html)
    assert (found.ends <= len(html)).all()
