from xml.etree.ElementTree import ParseError

import pytest

from bedstone.corpus.sources.mallard import html

NAMESPACES = (
    'xmlns="http://projectmallard.org/1.0/" xmlns:if="http://projectmallard.org/if/1.0/"'
    ' xmlns:mal="http://projectmallard.org/1.0/"'
)


def body(content: str, language: str = "te") -> str:
    """The HTML body of a page, on one line."""
    page = html(f"<page {NAMESPACES}>{content}</page>".encode(), language)
    return page.split("<main>")[1].split("</main>")[0].replace("\n", "")


def test_titles_are_headings_as_deep_as_their_sections():
    found = body(
        "<title>One</title><section><title>Two</title><p>x</p>"
        "<section><title>Three</title></section></section><section><title>Two b</title></section>"
    )
    assert found == "<h1>One</h1><h2>Two</h2><p>x</p><h3>Three</h3><h2>Two b</h2>"


def test_a_heading_is_never_deeper_than_html_has_them():
    assert body("<section>" * 8 + "<title>x</title>" + "</section>" * 8) == "<h6>x</h6>"


def test_the_document_has_language_charset_and_title():
    page = html(f"<page {NAMESPACES}><title>a &lt; b</title></page>".encode(), "sr-Latn")
    assert '<html lang="sr-Latn">' in page
    assert '<meta charset="utf-8"><title>a &lt; b</title>' in page


def test_text_keeps_the_words_of_inline_elements_and_is_escaped():
    found = body('<p>Open  <app>Files</app>\n &amp; <link href="x">go</link> &lt;on&gt;.</p>')
    assert found == "<p>Open Files &amp; go &lt;on&gt;.</p>"


def test_sequences_of_keys_and_menus_are_joined():
    assert body("<p>Press <keyseq><key>Ctrl</key><key>F</key></keyseq>.</p>") == (
        "<p>Press Ctrl+F.</p>"
    )
    assert body("<p><guiseq><gui>A</gui> <gui>B</gui></guiseq></p>") == "<p>A ▸ B</p>"


def test_lists_and_tables_keep_their_structure_with_the_title_before_them():
    found = body(
        "<steps><title>T</title><item><p>a</p><list><item><p>b</p></item></list></item></steps>"
    )
    assert found == "<p>T</p><ol><li><p>a</p><ul><li><p>b</p></li></ul></li></ol>"
    assert body("<table><tr><td><p>c</p></td></tr></table>") == (
        "<table><tr><td><p>c</p></td></tr></table>"
    )


def test_titles_of_notes_and_terms_are_no_headings():
    assert body("<note><title>N</title><p>n</p></note>") == "<div><p>N</p><p>n</p></div>"
    assert body("<terms><item><title>T</title><p>t</p></item></terms>") == (
        "<ul><li><p>T</p><p>t</p></li></ul>"
    )


def test_listings_keep_their_lines():
    page = html(f"<page {NAMESPACES}><code>\na\n  b &lt;\n</code></page>".encode(), "en")
    assert "<pre>a\n  b &lt;</pre>" in page


def test_pictures_credits_and_links_are_left_out_but_not_a_picture_inside_a_sentence():
    found = body(
        "<info><desc>d</desc><mal:credit><mal:name>n</mal:name></mal:credit></info>"
        '<media src="x"><p>picture</p></media><links type="topic"><title>l</title></links>'
        '<p>Press the <media src="k"> <key>Search</key> key</media>.</p>'
    )
    assert found == "<p>Press the Search key.</p>"


def test_of_variants_the_first_is_taken():
    found = body("<if:choose><if:when><p>a</p></if:when><if:when><p>b</p></if:when></if:choose>")
    assert found == "<p>a</p>"


def test_what_is_no_xml_is_refused():
    with pytest.raises(ParseError):
        html(b"<page>", "en")
